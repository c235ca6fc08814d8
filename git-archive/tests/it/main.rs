//! The engine against the real git.

mod attributes;
mod convert;
mod central_directory;
mod fuzz;
mod hash;
mod hostile;
mod pathspec;
mod select;
mod substitute;
mod wildmatch;
mod zip;
