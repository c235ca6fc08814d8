//! The window with budget, gate and shared contents: the archive is written, or everything ends with it.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use futures_util::{FutureExt as _, StreamExt as _};
use git_archive::object::Kind;
use oracle::Random;
use tokio::runtime::{Builder, Runtime};

use super::every_schedule;
use super::write::prepare::{Preparation, entry};
use super::write::{EntryError, in_order};

/// A scheduler of one thread that tells when nothing can run.
struct OneThread {
    runtime: Runtime,
    is_idle: Arc<AtomicBool>,
    waiting: Arc<Mutex<Option<Waker>>>,
}

impl OneThread {
    fn new() -> Self {
        let (is_idle, waiting) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None::<Waker>)));
        let (idle, waker) = (is_idle.clone(), waiting.clone());
        let parks = move || {
            idle.store(true, Ordering::SeqCst);
            waker.lock().expect("nobody panicked").iter().for_each(Waker::wake_by_ref);
        };
        let runtime = Builder::new_current_thread().on_thread_park(parks).build().expect("it needs nothing");
        Self { runtime, is_idle, waiting }
    }

    /// Returns what the future returns, or `None` as soon as nothing can run or after a number of polls.
    fn run<T>(&self, future: impl Future<Output = T>, polls: usize) -> Option<T> {
        let (mut future, mut left) = (Box::pin(future), polls);
        self.is_idle.store(false, Ordering::SeqCst);
        self.runtime.block_on(poll_fn(|context| {
            *self.waiting.lock().expect("nobody panicked") = Some(context.waker().clone());
            if left == 0 || self.is_idle.swap(false, Ordering::SeqCst) {
                return Poll::Ready(None);
            }
            left -= 1;
            future.poll_unpin(context).map(Some)
        }))
    }
}

/// Takes the entries as the archive does. Returns how many came.
async fn archive(preparation: &Arc<Preparation>) -> Result<usize, EntryError> {
    let mut window = std::pin::pin!(in_order(preparation));
    for (index, entry) in preparation.entries.iter().enumerate() {
        preparation.budget.advance(index);
        let ready = window.next().await.expect("each entry comes")?;
        assert_eq!(ready.map(|ready| ready.index), entry.kind.has_content().then_some(index));
        for _ in 0..preparation.below(3) {
            tokio::task::yield_now().await;
        }
    }
    assert!(window.next().await.is_none());
    Ok(preparation.entries.len())
}

fn check(seed: u64) -> Result<(), String> {
    let mut random = Random::of("the window", seed);
    let count = if random.one_in(20) { 400 } else { 1 + random.below(40) };
    let kinds = [Kind::File, Kind::File, Kind::File, Kind::Link, Kind::Directory];
    let contents = 1 + random.below(200);
    let mut content = || u8::try_from(random.below(contents)).expect("a byte");
    let ids: Vec<u8> = (0..count).map(|_| content()).collect();
    let entries = ids.into_iter().enumerate().map(|(index, id)| entry(index, *random.pick(&kinds), id));
    let entries: Vec<_> = entries.collect();
    let fault = random.one_in(4).then(|| (random.below(count), random.one_in(2)));
    let size = 1 + random.below(60) as u64;
    let end = if random.one_in(3) { Some(random.below(4 * count)) } else { None };
    let preparation = Preparation::new(entries, size, fault, random);
    let idle = OneThread::new();
    match (idle.run(archive(&preparation), end.unwrap_or(usize::MAX)), end) {
        (Some(Ok(written)), _) if written == count => {}
        (Some(Err(EntryError::Failed)), _) if fault.is_some_and(|(_, panics)| !panics) => {}
        (Some(Err(EntryError::Panicked)), _) if fault.is_some_and(|(_, panics)| panics) => {}
        (None, Some(_)) => {}
        (outcome, _) => return Err(format!("{outcome:?} of {count} entries; without an outcome, nothing could run")),
    }
    // What was aborted ends, and has given everything back.
    idle.run(std::future::pending::<()>(), usize::MAX);
    let (budget, gate) = (&preparation.budget, &preparation.gate);
    let is_whole = budget.admit(count + 1, size).now_or_never().is_some();
    let slots: Vec<_> = (0..9).map_while(|_| gate.enter().now_or_never()).collect();
    let (users, limit) = (Arc::strong_count(&preparation), gate.limit());
    if (is_whole, slots.len(), users) == (true, limit, 1) {
        return Ok(());
    }
    Err(format!("the budget is whole: {is_whole}; {} of {limit} slots; {users} users", slots.len()))
}

#[test]
fn the_window_is_written_or_ends_and_gives_everything_back() {
    let silent = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        // The tasks of the window may panic, and the test runner shows the panics of all others.
        if info.payload().downcast_ref::<&str>() != Some(&"planted") {
            silent(info);
        }
    }));
    every_schedule(2000, check);
}
