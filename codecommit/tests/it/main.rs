//! The client against the emulator and hostile servers, compared with the real git.

mod aws;
mod bounds;
mod codecommit;
mod endpoint;
mod fuzz;
mod git_source;
mod random;
mod zip;
