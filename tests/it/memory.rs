//! The memory of the function's process.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use emulator::Emulator;

/// Records the largest anonymous memory of the function's process in bytes, until `done` is set.
pub(crate) fn watch(emulator: &Emulator, most: &AtomicU64, done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        let status = emulator.function_process().map(|id| format!("/proc/{id}/status"));
        let status = status.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        let kib =
            status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB")?.parse().ok());
        most.fetch_max(kib.unwrap_or(0_u64) << 10, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(5));
    }
}
