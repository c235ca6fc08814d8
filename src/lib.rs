//! `CodePipeline` for every branch of a `CodeCommit` repository: git archive without Git, in a Lambda.
//!
//! The story is **event → plan → archive → upload → start**, and the modules stand in its order. [`Function::handle`]
//! is the whole of it. The archive itself is made by the crates [`codecommit`] (a repository and how it is read) and
//! [`git_archive`] (a tree and its zip).

mod function;
pub mod names;
pub mod branches;
pub mod config;
pub mod event;
pub mod plan;
mod invocation;
pub mod deliver;
pub mod record;
pub mod pipeline;
pub mod execution;
pub mod upload;
pub mod commit_info;
mod storage;
pub mod step;
mod text;
mod lifecycle;
pub mod triggers;
pub mod custom_resource;
pub mod metrics;
pub mod error;

pub use function::{Answer, BatchItemFailure, Function};
pub use invocation::Invocation;
