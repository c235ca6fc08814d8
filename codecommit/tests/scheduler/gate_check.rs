//! The limit on requests: requests that are answered, throttled and cancelled in any order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use oracle::Random;

use super::every_schedule;
use super::gate::{Gate, Slot};
use super::lockstep::{self, Work, below, point, quietly, wait};

/// Sends requests, one after the other. None enters while as many as the limit are under way.
fn requests(gate: &Arc<Gate>, under_way: &AtomicUsize, count: usize) {
    for _ in 0..count {
        let Some(slot) = wait(gate.enter(), true) else { continue };
        let now = under_way.fetch_add(1, Ordering::SeqCst) + 1;
        let limit = quietly(|| gate.limit());
        assert!(now <= limit, "{now} are under way, and the limit is {limit}");
        for _ in 0..below(3) {
            point();
        }
        under_way.fetch_sub(1, Ordering::SeqCst);
        match below(3) {
            0 => slot.answered(true),
            1 => slot.answered(false),
            _ => drop(slot),
        }
    }
}

fn check(seed: u64) -> Result<(), String> {
    let mut random = Random::of("the requests", seed);
    let most = 1 + random.below(6);
    let gate = Gate::growing(1 + random.below(most), most);
    let under_way = Arc::new(AtomicUsize::new(0));
    let works = (0..2 + random.below(5)).map(|_| {
        let (gate, under_way, count) = (gate.clone(), under_way.clone(), 1 + random.below(4));
        Box::new(move || requests(&gate, &under_way, count)) as Work
    });
    lockstep::run("the gate", seed, works.collect())?;
    let limit = gate.limit();
    let slots: Vec<Slot> = (0..most + 2).map_while(|_| gate.enter().now_or_never()).collect();
    if slots.len() == limit { Ok(()) } else { Err(format!("{} get in, and the limit is {limit}", slots.len())) }
}

#[test]
fn no_more_requests_are_under_way_than_the_limit_and_no_slot_is_lost() {
    every_schedule(3000, check);
}
