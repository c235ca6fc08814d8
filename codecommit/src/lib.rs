//! `git archive` of a `CodeCommit` repository, for programs: a repository, a tree-ish and options in, a zip out.
//!
//! ```no_run
//! use codecommit::aws::Aws;
//! use codecommit::{ArchiveError, Repository};
//!
//! # async fn example() -> Result<(), ArchiveError> {
//! let aws = Aws::from_env().await;
//! let project = Repository::new(&aws, "project");
//! let (zip, summary) = project.archive("staging").to_vec().await?;
//! assert_eq!(zip.len() as u64, summary.bytes);
//!
//! let archive = project.archive("v1.0").prefix("project-1.0/").paths(["src", ":!src/tests"]).level(9);
//! let summary = archive.to_file("project-1.0.zip").await?;
//! println!("{} entries of commit {}", summary.entries, summary.commit);
//! # Ok(())
//! # }
//! ```
//!
//! The zip is the one that `git archive --format=zip` makes of the same commit, except for the deflate, which is
//! faster. With classic zlib as the [`deflate`](Archive::deflate), the zip is git's, byte for byte.
//! `docs/differences.md` lists every other difference.
//!
//! The role needs `codecommit:GetCommit`, `GetFolder` and `GetBlob`; `GetBranch` for branches, `GetRepository` for
//! `HEAD`, and `GitPull` for the Git source.

// The entry point for programs.
mod archive;
// The steps: open a commit, then write its archive.
pub mod open;
pub mod write;
// The modules that the steps use.
pub mod source;
pub mod memory;
pub mod aws;
pub mod retry;
pub mod causes;
pub mod blocking;
mod lock;
mod warnings;

pub use archive::{Archive, ArchiveError, Listed, Progress, Repository, Summary, TreeishError};
