//! Threads in lockstep: one runs at a time, and at each point a random one goes on.
//!
//! A thread polls its future itself. When the future waits, the thread can be chosen again only after a wake-up. If no
//! thread can be chosen and not all have ended, a wake-up was lost or two wait for each other.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use oracle::Random;

/// A thread's work.
pub(crate) type Work = Box<dyn FnOnce() + Send>;

/// More turns than any check needs.
const TURNS: usize = 100_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Task {
    Ready,
    Waits,
    Done,
}

struct Scheduler {
    state: Mutex<State>,
}

struct State {
    random: Random,
    tasks: Vec<Task>,
    threads: Vec<Option<Thread>>,
    /// True if a task was woken since it was last polled.
    woken: Vec<bool>,
    running: usize,
    turns: usize,
    cancelled: bool,
    failed: Option<String>,
}

struct Wakes(Arc<Scheduler>, usize);

/// The payload with which a thread ends after another has failed.
struct Ended;

thread_local! {
    static CURRENT: RefCell<Option<(Arc<Scheduler>, usize)>> = const { RefCell::new(None) };
}

/// Runs the threads to their end. Fails if one panics, or if none can go on.
pub(crate) fn run(test: &str, seed: u64, works: Vec<Work>) -> Result<(), String> {
    let count = works.len();
    let mut random = Random::of(test, seed);
    let running = random.below(count);
    let scheduler = Arc::new(Scheduler {
        state: Mutex::new(State {
            random,
            tasks: vec![Task::Ready; count],
            threads: vec![None; count],
            woken: vec![false; count],
            running,
            turns: 0,
            cancelled: false,
            failed: None,
        }),
    });
    thread::scope(|scope| {
        for (me, work) in works.into_iter().enumerate() {
            let scheduler = scheduler.clone();
            scope.spawn(move || scheduler.work(me, work));
        }
    });
    scheduler.state().failed.take().map_or(Ok(()), Err)
}

/// Gives another thread a turn, perhaps.
pub(crate) fn point() {
    if let Some((scheduler, me)) = current().filter(|_| !thread::panicking()) {
        scheduler.switch(me, Task::Ready);
    }
}

/// Returns whether this thread is not scheduled.
pub(crate) fn is_off() -> bool {
    thread::panicking() || current().is_none()
}

/// Does something during which no other thread has a turn.
pub(crate) fn quietly<T>(work: impl FnOnce() -> T) -> T {
    let current = CURRENT.take();
    let result = work();
    CURRENT.set(current);
    result
}

/// Returns a random number below the limit.
pub(crate) fn below(limit: usize) -> usize {
    current().map_or(0, |(scheduler, _)| scheduler.state().random.below(limit))
}

/// Cancels what every thread waits for.
pub(crate) fn cancel_all() {
    let (scheduler, _) = current().expect("it is scheduled");
    let mut state = scheduler.state();
    state.cancelled = true;
    for task in &mut state.tasks {
        *task = if *task == Task::Waits { Task::Ready } else { *task };
    }
}

/// Waits for a future. Drops it while it waits, at a random moment, if that `may_end` it or if everything is cancelled.
pub(crate) fn wait<T>(future: impl Future<Output = T>, may_end: bool) -> Option<T> {
    let (scheduler, me) = current().expect("it is scheduled");
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Wakes(scheduler.clone(), me)));
    loop {
        scheduler.state().woken[me] = false;
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(result);
        }
        let ends = |state: &mut State| state.cancelled || may_end && state.random.one_in(8);
        let is_woken = {
            let mut state = scheduler.state();
            if ends(&mut state) {
                return None;
            }
            state.woken[me]
        };
        scheduler.switch(me, if is_woken { Task::Ready } else { Task::Waits });
        // Also between the wake-up and the poll that would take what it brought.
        if ends(&mut scheduler.state()) {
            return None;
        }
    }
}

fn current() -> Option<(Arc<Scheduler>, usize)> {
    CURRENT.with_borrow(Clone::clone)
}

impl Scheduler {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(self: Arc<Self>, me: usize, work: Work) {
        self.state().threads[me] = Some(thread::current());
        let result = catch_unwind(AssertUnwindSafe(|| {
            self.turn(me);
            CURRENT.set(Some((self.clone(), me)));
            work();
        }));
        CURRENT.set(None);
        let mut state = self.state();
        state.tasks[me] = Task::Done;
        if let Err(payload) = result
            && !payload.is::<Ended>()
            && state.failed.is_none()
        {
            let text = payload.downcast_ref::<String>().cloned();
            let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            state.failed = Some(text.unwrap_or_default());
        }
        state.choose();
    }

    /// Lets a random thread go on, and returns when this one is chosen.
    fn switch(&self, me: usize, becomes: Task) {
        {
            let mut state = self.state();
            state.tasks[me] = becomes;
            state.choose();
        }
        self.turn(me);
    }

    fn turn(&self, me: usize) {
        loop {
            {
                let state = self.state();
                if state.failed.is_some() {
                    drop(state);
                    resume_unwind(Box::new(Ended));
                }
                if state.running == me && state.tasks[me] == Task::Ready {
                    return;
                }
            }
            thread::park();
        }
    }
}

impl State {
    fn choose(&mut self) {
        self.turns += 1;
        let ready: Vec<usize> = (0..self.tasks.len()).filter(|&task| self.tasks[task] == Task::Ready).collect();
        if !ready.is_empty() {
            self.running = *self.random.pick(&ready);
        } else if self.failed.is_none() && self.tasks.contains(&Task::Waits) {
            self.failed = Some(format!("no thread can go on: {:?}", self.tasks));
        }
        if self.failed.is_none() && self.turns > TURNS {
            self.failed = Some("it does not end".to_owned());
        }
        if self.failed.is_some() {
            self.threads.iter().flatten().for_each(Thread::unpark);
        } else if let Some(thread) = &self.threads[self.running] {
            thread.unpark();
        }
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        let mut state = self.0.state();
        state.woken[self.1] = true;
        if state.tasks[self.1] == Task::Waits {
            state.tasks[self.1] = Task::Ready;
        }
    }
}
