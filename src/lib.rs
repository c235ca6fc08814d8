//! `CodePipeline` for every branch of a `CodeCommit` repository: a Lambda function that makes the zip of `git
//! archive` without Git.
//!
//! The story is **event → plan → archive → upload → start**, and the modules are listed in that order.
//! [`Function::handle`] shows all of it. Two crates make the archive: [`codecommit`] reads a repository, and
//! [`git_archive`] turns a tree into a zip.

mod function;
pub mod names;
pub mod branches;
pub mod path_globs;
pub mod authority;
pub mod config;
pub mod event;
pub mod plan;
mod invocation;
mod readers;
pub mod deliver;
pub mod record;
pub mod pipeline;
pub mod execution;
pub mod upload;
pub mod commit_info;
mod storage;
pub mod step;
mod text;
pub mod runs;
mod supersede;
pub mod report;
mod paths;
mod lifecycle;
mod hand_over;
pub mod triggers;
pub mod custom_resource;
pub mod metrics;
pub mod threads;
pub mod error;

pub use function::{Answer, BatchItemFailure, Function};
pub use hand_over::HandedOver;
pub use invocation::Invocation;
