//! The threads of one emulator.

use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

/// A runtime that can be dropped anywhere: tokio's own must not be dropped inside another runtime.
pub(crate) struct Threads(Option<Runtime>);

impl Threads {
    /// How long a drop waits for tasks and child processes to end.
    pub(crate) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

    pub(crate) fn new() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).thread_name("emulator").enable_all().build()?;
        Ok(Self(Some(runtime)))
    }

    pub(crate) fn handle(&self) -> Handle {
        self.0.as_ref().expect("only a drop takes the runtime").handle().clone()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            let end = move || runtime.shutdown_timeout(Self::SHUTDOWN_TIMEOUT);
            let _ended = std::thread::spawn(end).join();
        }
    }
}
