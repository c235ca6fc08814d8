//! All tests of the library and of the built binary, in one binary.

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
