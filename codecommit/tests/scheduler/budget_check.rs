//! The byte budget: entries that wait for bytes in any order, and an archive that takes them in theirs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use oracle::Random;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::every_schedule;
use super::lockstep::{self, Work, below, point, wait};
use super::memory::{Budget, Permit, Turn};
use super::planted::Deaf;

/// The budgets under test: the real one, and one with a planted bug.
pub(crate) trait Account: Send + Sync + Sized + 'static {
    type Permit: Held;
    fn of(bytes: u64) -> Arc<Self>;
    fn admit(self: Arc<Self>, index: usize, bytes: u64) -> impl Future<Output = Self::Permit> + Send;
    fn advance(&self, index: usize);
}

pub(crate) trait Held: Send + 'static {
    fn shrink(&mut self, bytes: u64);
}

impl Account for Budget {
    type Permit = Permit;

    fn of(bytes: u64) -> Arc<Self> {
        Self::new(bytes)
    }

    /// By way of a turn, as an answer is admitted.
    async fn admit(self: Arc<Self>, index: usize, bytes: u64) -> Permit {
        let turn = Turn::new(&self, index);
        turn.admit(bytes).await;
        turn.take().expect("it was admitted")
    }

    fn advance(&self, index: usize) {
        Self::advance(self, index);
    }
}

impl Held for Permit {
    fn shrink(&mut self, bytes: u64) {
        Self::shrink(self, bytes);
    }
}

/// The bytes that each entry holds, and the entry that the archive is at.
#[derive(Default)]
struct Ledger {
    held: HashMap<usize, u64>,
    at: usize,
    /// The archive has ended early. What still arrives is returned at once.
    has_ended: bool,
}

struct Check<A: Account> {
    account: Arc<A>,
    size: u64,
    ledger: Mutex<Ledger>,
}

type Entry<A> = (usize, <A as Account>::Permit);

impl<A: Account> Check<A> {
    fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Only the entry that the archive is at may overdraw the budget.
    fn hold(&self, index: usize, bytes: u64) {
        let mut ledger = self.ledger();
        if ledger.has_ended {
            return;
        }
        ledger.held.insert(index, bytes);
        let total: u64 = ledger.held.iter().filter(|(index, _)| **index != ledger.at).map(|(_, bytes)| bytes).sum();
        assert!(total <= self.size, "{:?} of {}, and the archive is at {}", ledger.held, self.size, ledger.at);
    }

    fn release(&self, index: usize) {
        self.ledger().held.remove(&index);
    }

    /// Reads an entry: sometimes twice, as after a lost answer.
    fn entry(&self, index: usize, sizes: &[u64], ready: &UnboundedSender<Entry<A>>) {
        for (attempt, &bytes) in sizes.iter().enumerate() {
            let Some(mut permit) = wait(self.account.clone().admit(index, bytes), false) else { return };
            self.hold(index, bytes);
            point();
            if attempt + 1 == sizes.len() {
                permit.shrink(bytes / 2);
                self.hold(index, bytes / 2);
                let _archive_may_be_gone = ready.send((index, permit));
                return;
            }
            self.release(index);
        }
    }

    /// Takes the entries in order, and perhaps ends before the last one.
    fn archive(&self, entries: usize, end: usize, mut ready: UnboundedReceiver<Entry<A>>) {
        let mut arrived = HashMap::new();
        for at in 0..entries {
            if at == end {
                self.ledger().has_ended = true;
                lockstep::cancel_all();
                return;
            }
            self.ledger().at = at;
            self.account.advance(at);
            while !arrived.contains_key(&at) {
                let (index, permit) = wait(ready.recv(), false).flatten().expect("every entry arrives");
                arrived.insert(index, permit);
            }
            self.release(at);
            drop(arrived.remove(&at));
        }
    }
}

fn check<A: Account>(seed: u64) -> Result<(), String> {
    let mut random = Random::of("the budget's entries", seed);
    let (entries, size) = (2 + random.below(4), 1 + random.below(20) as u64);
    let end = if random.one_in(3) { random.below(entries) } else { entries };
    let account = A::of(size);
    let check = Arc::new(Check { account: account.clone(), size, ledger: Mutex::default() });
    let (sender, receiver) = unbounded_channel();
    let mut works: Vec<Work> = Vec::new();
    for index in 0..entries {
        let sizes: Vec<u64> = (0..=usize::from(random.one_in(3))).map(|_| random.below(16) as u64).collect();
        let (check, sender) = (check.clone(), sender.clone());
        works.push(Box::new(move || check.entry(index, &sizes, &sender)));
    }
    drop(sender);
    works.push(Box::new(move || check.archive(entries, end, receiver)));
    lockstep::run("the budget", seed, works)?;
    let all = |bytes| account.clone().admit(entries + 1, bytes).now_or_never().is_some();
    if all(size) && !all(size + 1) { Ok(()) } else { Err("not all bytes came back".to_owned()) }
}

#[test]
fn the_budget_never_stops_and_is_never_overdrawn() {
    every_schedule(3000, check::<Budget>);
}

/// The check is worth something: it finds a lost wake-up.
#[test]
fn a_planted_lost_wake_up_is_found() {
    let found: Vec<_> = (0..3000).filter_map(|seed| check::<Deaf>(seed).err()).collect();
    assert!(found.len() > 2, "found under {} schedules", found.len());
    assert!(found.iter().all(|reason| reason.starts_with("no thread can go on")), "{found:?}");
}

/// A failed assertion of one thread ends all.
#[test]
fn a_panic_is_found() {
    let works: Vec<Work> = vec![
        Box::new(|| assert_eq!(wait(std::future::pending::<()>(), false), None)),
        Box::new(|| assert!(below(2) > 2, "planted")),
    ];
    assert_eq!(lockstep::run("a panic", 1, works), Err("planted".to_owned()));
}
