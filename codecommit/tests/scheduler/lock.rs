//! The client's `lock`, with a point before each lock at which the scheduler may switch.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use super::lockstep;

#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) fn new(data: T) -> Self {
        Self(Mutex::new(data))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        loop {
            lockstep::point();
            match self.0.try_lock() {
                Ok(guard) => return guard,
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                // Nothing is scheduled here when a test has failed, and outside of the scheduler.
                Err(TryLockError::WouldBlock) if lockstep::is_off() => {
                    return self.0.lock().unwrap_or_else(PoisonError::into_inner);
                }
                Err(TryLockError::WouldBlock) => {}
            }
        }
    }
}
