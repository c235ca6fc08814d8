//! The memory of the function's process.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use emulator::Emulator;

/// Records the largest anonymous memory of the function's process in bytes, until `done` is set.
pub(crate) fn watch(emulator: &Emulator, most: &AtomicU64, done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        let anonymous = emulator.function_process().map_or(0, anonymous);
        most.fetch_max(anonymous, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Returns the anonymous memory of a process in bytes, or 0 if it has ended.
pub(crate) fn anonymous(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let kib = status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB")?.parse().ok());
    kib.unwrap_or(0_u64) << 10
}
