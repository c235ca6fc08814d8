//! The emulator from outside, with the AWS SDK, Git and plain HTTP as its clients.

mod codecommit;
mod codepipeline;
mod faults;
mod git;
mod guard;
mod lambda;
mod program;
mod recorded;
mod s3;
mod support;
mod triggers;
