//! The emulator from outside: by the AWS SDK, by Git, and by the bytes on the wire.

mod codecommit;
mod codepipeline;
mod faults;
mod git;
mod lambda;
mod program;
mod s3;
mod support;
mod triggers;
