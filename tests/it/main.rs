//! All tests of the Lambda, as one test program.

mod binary;
mod branch;
mod config;
mod delivery;
mod events;
mod fuzz;
mod graph;
mod hostile;
mod incremental;
mod large;
mod lifecycle;
mod memory;
mod outcome;
mod outside;
mod paths;
mod plan;
mod policy;
mod report;
mod soak;
mod sources;
mod stack;
mod supersede;
mod throttled;
mod tidy;
mod triggers;
mod world;
