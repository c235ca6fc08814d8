//! How many requests may be under way to one service: halved when it throttles, grown again while it does not.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The limit of one service. First come, first served.
#[derive(Debug)]
pub struct Gate {
    slots: Arc<Semaphore>,
    state: Mutex<GateState>,
    most: usize,
}

#[derive(Debug)]
struct GateState {
    limit: usize,
    /// Slots to take away as they come back.
    owed: usize,
    /// Answers that were not throttled since the limit last changed.
    calm: usize,
    /// The number of halvings. A burst of throttled answers halves once: only a request sent after the last halving halves again.
    halvings: u64,
}

/// A permit to send one request.
#[derive(Debug)]
pub struct Slot {
    gate: Arc<Gate>,
    permit: Option<OwnedSemaphorePermit>,
    halvings: u64,
}

impl Gate {
    /// A gate that lets `most` requests through at once, until the service throttles.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            slots: Arc::new(Semaphore::new(most)),
            state: Mutex::new(GateState { limit: most, owed: 0, calm: 0, halvings: 0 }),
            most,
        })
    }

    /// Waits for a free slot.
    pub async fn enter(self: &Arc<Self>) -> Slot {
        // The semaphore is never closed, so there always is a permit.
        let permit = self.slots.clone().acquire_owned().await.ok();
        Slot { gate: self.clone(), permit, halvings: self.state().halvings }
    }

    /// Returns the present limit.
    pub fn limit(&self) -> usize {
        self.state().limit
    }

    fn state(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn halve(&self, halvings: u64) {
        let mut state = self.state();
        if state.halvings != halvings {
            return;
        }
        let limit = (state.limit / 2).max(1);
        state.owed += state.limit - limit;
        state.owed -= self.slots.forget_permits(state.owed);
        (state.limit, state.calm) = (limit, 0);
        state.halvings += 1;
    }

    fn grow(&self) {
        let mut state = self.state();
        state.calm += 1;
        if state.calm < state.limit || state.limit >= self.most {
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
