//! Signals that end the work. Unfinished files are removed, and then the process ends by the signal itself. A shell
//! that runs the command in a loop sees that, so Ctrl-C also ends the loop.

use std::process::ExitCode;
#[cfg(unix)]
use std::task::Poll;

/// The signal that ended the work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interrupted(i32);

impl Interrupted {
    /// Ends the process by the signal itself.
    pub(crate) fn die(self) -> ExitCode {
        #[cfg(unix)]
        let _survived = signal_hook::low_level::emulate_default_handler(self.0);
        ExitCode::FAILURE
    }
}

/// Does the work unless a signal comes first. The work is then dropped, which removes its temporary file.
pub(crate) async fn unless_interrupted<T>(work: impl Future<Output = T>) -> Result<T, Interrupted> {
    tokio::select! {
        // Poll the signals first, so that they are handled before the work makes a file.
        biased;
        signal = signal() => Err(signal),
        done = work => Ok(done),
    }
}

/// Waits for Ctrl-C, the end of the terminal or of the connection to it, or a request to end.
#[cfg(unix)]
async fn signal() -> Interrupted {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup(), SignalKind::quit()];
    let ignored = ignored();
    let heeded = kinds.into_iter().filter(|kind| ignored & (1 << (kind.as_raw_value() - 1)) == 0);
    let mut signals: Vec<_> = heeded.filter_map(|kind| Some((kind, signal(kind).ok()?))).collect();
    std::future::poll_fn(|context| {
        let received =
            signals.iter_mut().find_map(|(kind, signal)| signal.poll_recv(context).is_ready().then_some(*kind));
        received.map_or(Poll::Pending, |kind| Poll::Ready(Interrupted(kind.as_raw_value())))
    })
    .await
}

/// Returns the set of signals that the process ignores from its start, as under `nohup`. Without /proc it is empty.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

#[cfg(not(unix))]
async fn signal() -> Interrupted {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
    Interrupted(0)
}
