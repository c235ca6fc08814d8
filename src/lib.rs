//! CodePipeline for every branch of a CodeCommit repository.
pub mod git;
