//! The commit of changes on a branch's tip, and the branch's move to it.

use std::io;

use crate::codecommit::revision::{Commit, EMPTY_TREE};
use crate::codecommit::writes::change::FileChange;
use crate::error::ServiceError;
use crate::events::{self, Events};
use crate::git;
use crate::repository::Repository;

/// The tip of a branch, and what its next commit says.
pub(super) struct Tip {
    pub(super) branch: String,
    /// `None` in an empty repository.
    pub(super) parent: Option<Commit>,
    pub(super) author: Author,
    pub(super) message: Option<String>,
}

pub(super) struct Author {
    name: String,
    email: String,
}

impl Author {
    /// Creates an author; without a name it is the user that every request counts as.
    pub(super) fn new(name: Option<&str>, email: Option<&str>) -> Self {
        Self { name: name.unwrap_or("emulator").to_owned(), email: email.unwrap_or_default().to_owned() }
    }
}

impl Tip {
    pub(super) fn tree(&self) -> &str {
        self.parent.as_ref().map_or(EMPTY_TREE, |parent| &parent.tree)
    }

    /// Makes the commit, moves the branch to it and fires the triggers.
    pub(super) async fn commit(
        &self,
        repository: &Repository,
        events: &Events,
        changes: &[FileChange],
    ) -> Result<Commit, ServiceError> {
        let tree = self.changed_tree(repository, changes).await?;
        if tree == self.tree() {
            let message = "The commit cannot be created because no changes will be made to the repository.";
            return Err(ServiceError::new("NoChangeException", message));
        }
        let mut command = git::git(&repository.git_dir);
        command.args(["commit-tree", &tree]);
        command.args(self.parent.iter().flat_map(|parent| ["-p", &parent.id]));
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), &self.author.name);
            command.env(format!("GIT_{role}_EMAIL"), &self.author.email);
        }
        let message = self.message.clone().unwrap_or_else(|| default_message(changes));
        let id = git::line(command, message.as_bytes()).await?;
        let before = repository.references().await?;
        self.push(repository, &id).await?;
        repository.adopt_default().await?;
        events.fire(repository, &events::changes(&before, &repository.references().await?));
        Ok(Commit { id, tree })
    }

    /// Writes the tree through an index of its own.
    async fn changed_tree(&self, repository: &Repository, changes: &[FileChange]) -> Result<String, ServiceError> {
        let folder = tempfile::tempdir()?;
        let git = |arguments: &[&str]| {
            let mut command = git::git(&repository.git_dir);
            command.args(arguments).env("GIT_INDEX_FILE", folder.path().join("index"));
            command
        };
        let mut lines = String::new();
        for change in changes {
            lines += &change.index_line(repository, self.tree()).await?;
        }
        git::piped(git(&["read-tree", self.tree()]), b"").await?;
        git::piped(git(&["update-index", "-z", "--index-info"]), lines.as_bytes()).await?;
        Ok(git::line(git(&["write-tree"]), b"").await?)
    }

    /// Pushes the commit within the repository. Unlike a mere update of the reference, this updates the worktree of a
    /// branch that is checked out, or refuses if the worktree has changes.
    async fn push(&self, repository: &Repository, id: &str) -> io::Result<()> {
        let receive = "--receive-pack=git -c receive.denyCurrentBranch=updateInstead receive-pack";
        let mut command = git::git(&repository.git_dir);
        let target = format!("{id}:refs/heads/{}", self.branch);
        command.args(["push", "--quiet", receive]).arg(&repository.git_dir).arg(target);
        git::piped(command, b"").await.map(drop)
    }
}

fn default_message(changes: &[FileChange]) -> String {
    let paths: Vec<&str> = changes.iter().map(|change| change.path.as_str()).collect();
    format!("Changed {}\n", paths.join(", "))
}
