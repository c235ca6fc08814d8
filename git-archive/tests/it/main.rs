//! The engine against the real git.

mod attributes;
mod convert;
mod central_directory;
mod hash;
mod pathspec;
mod select;
mod substitute;
mod zip;
