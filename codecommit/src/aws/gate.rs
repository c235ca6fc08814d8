//! The limit on requests in flight to one service. It grows while the service answers, and is halved when the service
//! throttles.

use std::sync::{Arc, MutexGuard};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::lock::Lock;

/// The limit of one service. Requests enter in the order in which they came.
#[derive(Debug)]
pub struct Gate {
    slots: Arc<Semaphore>,
    state: Lock<GateState>,
    most: usize,
}

#[derive(Debug)]
struct GateState {
    limit: usize,
    /// True until the first throttle: each answer adds a slot, which doubles the limit with each round of requests.
    is_starting: bool,
    /// The number of slots to remove when they are returned.
    owed: usize,
    /// The number of answers without a throttle since the limit last changed.
    calm: usize,
    /// The number of halvings. A burst of throttled answers halves the limit once: only a request sent after that can
    /// halve it again.
    halvings: u64,
}

/// The permission to send one request.
#[derive(Debug)]
pub struct Slot {
    gate: Arc<Gate>,
    permit: Option<OwnedSemaphorePermit>,
    halvings: u64,
}

impl Gate {
    /// Creates a gate that lets `most` requests through at once, until the service throttles.
    pub fn new(most: usize) -> Arc<Self> {
        Self::growing(most, most)
    }

    /// Creates a gate that lets `first` requests through at once, and more while the service answers them, up to
    /// `most`.
    pub fn growing(first: usize, most: usize) -> Arc<Self> {
        let first = first.clamp(1, most.max(1));
        let state = GateState { limit: first, is_starting: first < most, owed: 0, calm: 0, halvings: 0 };
        Arc::new(Self { slots: Arc::new(Semaphore::new(first)), state: Lock::new(state), most })
    }

    /// Waits for a free slot.
    pub async fn enter(self: &Arc<Self>) -> Slot {
        loop {
            // The semaphore is never closed, so a permit always comes.
            let permit = self.slots.clone().acquire_owned().await.ok();
            let mut state = self.state();
            if state.owed == 0 {
                return Slot { gate: self.clone(), permit, halvings: state.halvings };
            }
            // It was on its way back or to this request when the limit was halved.
            state.owed -= 1;
            permit.into_iter().for_each(OwnedSemaphorePermit::forget);
        }
    }

    /// Returns the present limit.
    pub fn limit(&self) -> usize {
        self.state().limit
    }

    fn state(&self) -> MutexGuard<'_, GateState> {
        self.state.lock()
    }

    fn halve(&self, halvings: u64) {
        let mut state = self.state();
        if state.halvings != halvings {
            return;
        }
        let limit = (state.limit / 2).max(1);
        state.owed += state.limit - limit;
        state.owed -= self.slots.forget_permits(state.owed);
        (state.limit, state.calm, state.is_starting) = (limit, 0, false);
        state.halvings += 1;
    }

    fn grow(&self) {
        let mut state = self.state();
        state.calm += 1;
        let answers = if state.is_starting { 1 } else { state.limit };
        if state.calm < answers || state.limit >= self.most {
            return;
        }
        (state.limit, state.calm) = (state.limit + 1, 0);
        if state.owed > 0 {
            state.owed -= 1;
        } else {
            self.slots.add_permits(1);
        }
    }
}

impl Slot {
    /// Records the answer to the request, and returns the slot.
    pub fn answered(self, throttled: bool) {
        if throttled {
            self.gate.halve(self.halvings);
        } else {
            self.gate.grow();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else {
            return;
        };
        let mut state = self.gate.state();
        if state.owed > 0 {
            state.owed -= 1;
            permit.forget();
        }
    }
}
