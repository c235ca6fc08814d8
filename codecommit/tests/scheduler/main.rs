//! The byte budget, the limit on requests, the shared contents and the window, under a scheduler of our own.
//!
//! Other schedulers were looked at first. Shuttle and loom replace the primitives of `std` and tokio by their own, so
//! that the deployed code would have to name others when it is tested, and tokio's own `Semaphore`, `Notify` and
//! `watch` would not be in the test at all. Madsim and turmoil control time and network, of which there is none here.
//! What has to be checked is small: our few locks around tokio's primitives, which tokio checks with loom itself. So
//! these sources are compiled again here as they are, with another `crate::lock`, at which the [scheduler](lockstep)
//! may switch to another thread. It also switches wherever a future waits. Each choice comes from a seed: a failure
//! prints its seed, and `SEED=7 cargo test --workspace --test scheduler`
//! repeats it.
//!
//! The window spawns tasks. It runs on tokio's scheduler of one thread, whose order is fixed, with made-up work that
//! takes a random number of turns. When nothing can run and the archive is not written, that is a deadlock.

mod lock;
mod lockstep;

#[allow(dead_code, unreachable_pub, reason = "these are sources of the client, which uses the rest")]
#[path = "../../src/aws/gate.rs"]
mod gate;
#[allow(dead_code, unreachable_pub, reason = "these are sources of the client, which uses the rest")]
#[path = "../../src/memory.rs"]
mod memory;
mod write;

mod budget_check;
mod gate_check;
mod planted;
mod window_check;

/// Runs a check under `schedules` seeds, or under those that the environment names.
fn every_schedule(schedules: u64, check: impl Fn(u64) -> Result<(), String>) {
    let seed = std::env::var("SEED").ok().map(|seed| seed.parse::<u64>().expect("SEED is a number"));
    let first = seed.unwrap_or(0);
    let trials = oracle::trials(if seed.is_some() { 1 } else { schedules });
    for seed in first..first + trials {
        if let Err(reason) = check(seed) {
            panic!("{reason}\nSEED={seed} repeats it");
        }
    }
}
