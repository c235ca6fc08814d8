//! The built `codecommit` against the emulator, over repositories that git made.

mod archive;
mod failures;
mod pipeline;
mod rules;
mod runs;
mod triggers;
mod usage;
mod version;
mod world;
