//! Compares the budget with a model of it.

use std::sync::Arc;

use codecommit::memory::{Budget, Permit, Turn};
use futures_util::FutureExt as _;
use proptest::prelude::*;

use crate::endpoint::in_time;

#[derive(Debug, Clone)]
enum Step {
    Admit { ahead: usize, bytes: u64 },
    Advance,
    Drop(usize),
    Shrink(usize, u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6_usize, 0..600_u64).prop_map(|(ahead, bytes)| Step::Admit { ahead, bytes }),
        2 => Just(Step::Advance),
        2 => (0..9_usize).prop_map(Step::Drop),
        1 => (0..9_usize, 0..300_u64).prop_map(|(index, bytes)| Step::Shrink(index, bytes)),
    ]
}

/// Checks that a permit that fits is granted, that the archive's own entry is always admitted, that nothing else is,
/// and that all dropped bytes are returned.
fn check(size: u64, steps: Vec<Step>) {
    let budget = Budget::new(size);
    let mut held: Vec<(Permit, u64)> = Vec::new();
    let mut at = 0;
    for step in steps {
        let used: u64 = held.iter().map(|(_, bytes)| bytes).sum();
        match step {
            Step::Admit { ahead, bytes } => {
                let permit = budget.admit(at + ahead, bytes).now_or_never();
                assert_eq!(
                    permit.is_some(),
                    ahead == 0 || used + bytes <= size,
                    "{ahead} {bytes} of {size}, {used} used"
                );
                held.extend(permit.map(|permit| (permit, bytes)));
            }
            Step::Advance => {
                at += 1;
                budget.advance(at);
            }
            Step::Drop(index) if index < held.len() => drop(held.swap_remove(index)),
            Step::Shrink(index, bytes) if index < held.len() => {
                let (permit, holds) = &mut held[index];
                permit.shrink(bytes);
                *holds = (*holds).min(bytes);
            }
            Step::Drop(_) | Step::Shrink(..) => {}
        }
    }
    drop(held);
    assert!(budget.admit(at + 1, size).now_or_never().is_some(), "all came back");
    assert!(budget.admit(at + 1, size + 1).now_or_never().is_none(), "and no more");
}

proptest! {
    #[test]
    fn the_budget_is_what_its_model_is(size in 0..1000_u64, steps in prop::collection::vec(step(), 0..60)) {
        check(size, steps);
    }
}

/// While the archive progresses, every entry is admitted, for all sizes and orders.
#[tokio::test]
async fn what_the_archive_waits_for_always_gets_in() {
    let budget = Budget::new(10);
    let (sender, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    for index in (0..200_usize).rev() {
        let (turn, sender) = (Turn::new(&budget, index), sender.clone());
        tokio::spawn(async move {
            turn.admit(1 + index as u64 % 37).await;
            let _open = sender.send((index, turn.take()));
        });
    }
    in_time(write_in_order(&budget, &mut arrived)).await;
}

/// Takes the entries in order and returns their bytes.
async fn write_in_order(
    budget: &Arc<Budget>,
    arrived: &mut tokio::sync::mpsc::UnboundedReceiver<(usize, Option<Permit>)>,
) {
    let mut waiting = std::collections::HashMap::new();
    for at in 0..200 {
        budget.advance(at);
        while !waiting.contains_key(&at) {
            let (index, permit) = arrived.recv().await.expect("somebody is left");
            waiting.insert(index, permit);
        }
        drop(waiting.remove(&at));
    }
}

#[test]
fn a_second_try_gives_back_what_the_first_held() {
    let budget = Budget::new(100);
    let turn = Turn::new(&budget, 5);
    for _ in 0..3 {
        assert!(turn.admit(80).now_or_never().is_some());
    }
    drop(turn.take());
    assert!(turn.take().is_none());
    assert!(budget.admit(9, 100).now_or_never().is_some());
}
