//! The pull requests of all repositories, with their comments and approvals.
//!
//! # Differs from CodeCommit
//! - A pull request is never merged, and no approval rule is evaluated.
//! - Not documented: a pull request whose source or destination branch is deleted is closed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use crate::account::user_arn;

/// All pull requests; the ID of each is its position, counted from 1.
#[derive(Default)]
pub(crate) struct PullRequests(Mutex<Vec<PullRequest>>);

#[derive(Clone, Debug)]
pub(crate) struct PullRequest {
    pub(crate) id: usize,
    pub(crate) title: String,
    pub(crate) description: Option<String>,
    pub(crate) repository: String,
    /// The source branch as a full reference.
    pub(crate) source: String,
    /// The destination branch as a full reference.
    pub(crate) destination: String,
    pub(crate) source_commit: String,
    pub(crate) destination_commit: String,
    pub(crate) merge_base: Option<String>,
    pub(crate) open: bool,
    pub(crate) token: String,
    pub(crate) created: SystemTime,
    pub(crate) updated: SystemTime,
    pub(crate) comments: Vec<Comment>,
    /// The approval state of each revision that has one; every caller is the same user.
    pub(crate) approvals: Vec<(String, String)>,
    /// The number of times that the source branch has moved.
    pub(crate) moves: usize,
}

/// A comment on the comparison of two commits.
#[derive(Clone, Debug)]
pub(crate) struct Comment {
    pub(crate) id: String,
    pub(crate) content: String,
    /// The content before any edit.
    pub(crate) original: String,
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) token: String,
    pub(crate) created: SystemTime,
    pub(crate) updated: SystemTime,
}

impl PullRequests {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Vec<PullRequest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an open pull request and returns it.
    pub(crate) fn add(&self, new: impl FnOnce(usize) -> PullRequest) -> PullRequest {
        let mut all = self.lock();
        let added = new(all.len() + 1);
        all.push(added.clone());
        added
    }

    /// Applies the change of a branch to the open pull requests that name it. Returns the name of the event and the
    /// pull request for each that changed.
    pub(crate) fn follow(
        &self,
        repository: &str,
        reference: &str,
        commit: Option<&str>,
    ) -> Vec<(&'static str, PullRequest)> {
        let mut all = self.lock();
        let named = all.iter_mut().filter(|it| {
            it.open && it.repository == repository && (it.source == reference || it.destination == reference)
        });
        let mut changed = Vec::new();
        for request in named {
            match commit {
                None => {
                    request.close();
                    changed.push(("pullRequestStatusChanged", request.clone()));
                }
                Some(commit) if request.source == reference && request.move_source(commit) => {
                    changed.push(("pullRequestSourceBranchUpdated", request.clone()));
                }
                Some(_) => {}
            }
        }
        changed
    }
}

impl PullRequest {
    /// Returns an open pull request that was created now.
    pub(crate) fn new(id: usize, title: &str, repository: &str, token: &str) -> Self {
        let now = SystemTime::now();
        Self {
            id,
            title: title.to_owned(),
            description: None,
            repository: repository.to_owned(),
            source: String::new(),
            destination: String::new(),
            source_commit: String::new(),
            destination_commit: String::new(),
            merge_base: None,
            open: true,
            token: token.to_owned(),
            created: now,
            updated: now,
            comments: Vec::new(),
            approvals: Vec::new(),
            moves: 0,
        }
    }

    /// Returns the revision, which changes with every move of the source branch.
    pub(crate) fn revision(&self) -> String {
        hex::encode(Sha256::digest(format!("{} {} {}", self.id, self.moves, self.source_commit)))
    }

    /// Moves the source to a commit; returns false if it is there already.
    pub(crate) fn move_source(&mut self, commit: &str) -> bool {
        if self.source_commit == commit {
            return false;
        }
        commit.clone_into(&mut self.source_commit);
        self.moves += 1;
        self.updated = SystemTime::now();
        true
    }

    pub(crate) fn close(&mut self) {
        self.open = false;
        self.updated = SystemTime::now();
    }

    /// Returns the ARN of the author.
    pub(crate) fn author() -> String {
        user_arn()
    }
}

impl Comment {
    /// Returns true if the comment was posted with this content.
    pub(crate) fn posted(&self, content: &str) -> bool {
        self.original == content
    }
}
