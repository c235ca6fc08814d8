//! All tests of the Lambda, as one test program.

mod binary;
mod config;
mod delivery;
mod events;
mod graph;
mod hostile;
mod incremental;
mod large;
mod lifecycle;
mod outcome;
mod outside;
mod plan;
mod policy;
mod sources;
mod stack;
mod throttled;
mod tidy;
mod triggers;
mod world;
