//! The built `codecommit` against the emulator, over repositories that git made.

mod archive;
mod doctor;
mod failures;
mod large;
mod pipeline;
mod rules;
mod runs;
mod triggers;
mod usage;
mod version;
mod world;
