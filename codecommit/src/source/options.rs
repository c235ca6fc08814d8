//! Options that say how commits are read.

use std::path::PathBuf;
use std::str::FromStr;

/// The number of requests above which one fetch over Git is cheaper than the API. Measured at 15 ms a request, which
/// is `CodeCommit` at its fastest: 200 small files take 0.29 s over the API and 0.21 s over Git. 800 files take 0.53
/// s and 0.38 s, with two thirds of the processor time. The API is faster (by a third) only if the server searches a
/// long history for deltas (git/git: 5,000 files, 2 s). But it needs 5,000 requests, and `CodeCommit` throttles by
/// request.
const GIT_FROM_REQUESTS: usize = 250;

/// The largest number of entries in a tree. The largest public repositories have about 400,000.
const ENTRY_LIMIT: u64 = 2_000_000;

/// The transport that commits are read over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// The API first, and Git if it is required or cheaper.
    #[default]
    Auto,
    /// Only the API.
    Api,
    /// Only Git.
    Git,
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(value: &str) -> Result<Self, String> {
        match value {
            "auto" => Ok(Self::Auto),
            "api" => Ok(Self::Api),
            "git" => Ok(Self::Git),
            _ => Err(format!("is {value:?}, which is none of auto, api and git")),
        }
    }
}

/// The options for reading commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceOptions {
    /// The transport.
    pub mode: Mode,
    /// The Git URL before the repository's name. If unset, the region's own endpoint.
    pub git_url: Option<String>,
    /// In [`Mode::Auto`], the largest number of requests that the API may still need. Above it, the commit is fetched
    /// over Git.
    pub git_from_requests: usize,
    /// The largest number of entries in a commit's tree.
    pub entry_limit: u64,
    /// The largest number of bytes of memory for a pack's index, and as many again for a listing and for an object that
    /// is read as a whole.
    pub memory: u64,
    /// The bytes of `folder` that a pack may take.
    pub storage: u64,
    /// The folder for packs that are too large for memory.
    pub folder: PathBuf,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            mode: Mode::Auto,
            git_url: None,
            git_from_requests: GIT_FROM_REQUESTS,
            entry_limit: ENTRY_LIMIT,
            memory: 256 << 20,
            storage: u64::MAX,
            folder: std::env::temp_dir(),
        }
    }
}
