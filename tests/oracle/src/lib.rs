//! The reference for the tests: the real `git`, repositories that it makes, and zips compared field by field.

mod deflate;
pub mod fuzz;
mod git;
mod samples;
pub mod strip;
pub mod zip;

pub use deflate::zlib;
pub use git::*;
pub use samples::{BRANCH, base, every_kind, noise};
