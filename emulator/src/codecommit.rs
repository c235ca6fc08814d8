//! CodeCommit's JSON API: the operations that read repositories, and those on repositories, branches, files, triggers
//! and pull requests.
//!
//! Inputs, outputs and exceptions follow the service's model. The service does not document its page sizes and how it
//! shows text that is not UTF-8; the emulator chooses a page size and U+FFFD. Triggers are in memory.

mod branches;
mod commits;
mod differences;
mod files;
mod input;
mod merges;
mod pull_requests;
mod repositories;
mod revision;
mod triggers;
mod writes;

use std::sync::Arc;

use serde_json::Value;

use crate::error::ServiceError;
use crate::events::Events;
use crate::repository::{self, Repositories, Repository};
use differences::DifferenceCache;
use input::Input;

/// The operations that the emulator models.
const OPERATIONS: [&str; 21] = [
    "BatchGetCommits",
    "CreateBranch",
    "CreateCommit",
    "CreateRepository",
    "DeleteBranch",
    "DeleteFile",
    "DeleteRepository",
    "GetBlob",
    "GetBranch",
    "GetCommit",
    "GetDifferences",
    "GetFile",
    "GetFolder",
    "GetMergeOptions",
    "GetRepository",
    "GetRepositoryTriggers",
    "ListBranches",
    "ListRepositories",
    "PutFile",
    "PutRepositoryTriggers",
    "TestRepositoryTriggers",
];

pub(crate) struct CodeCommit {
    repositories: Arc<Repositories>,
    events: Arc<Events>,
    page_size: usize,
    differences: DifferenceCache,
}

impl CodeCommit {
    pub(crate) fn new(repositories: Arc<Repositories>, events: Arc<Events>, page_size: usize) -> Self {
        Self { repositories, events, page_size, differences: DifferenceCache::default() }
    }

    pub(crate) async fn call(&self, operation: &str, input: Value) -> Result<Value, ServiceError> {
        if !OPERATIONS.contains(&operation) && !pull_requests::OPERATIONS.contains(&operation) {
            return Err(ServiceError::not_modeled(format!("CodeCommit's {operation}")));
        }
        let input = &Input::new(input)?;
        match operation {
            "ListRepositories" => return repositories::list(&self.repositories, input, self.page_size),
            "CreateRepository" => {
                return repositories::create(&self.repositories, input, repository_name(input)?).await;
            }
            "DeleteRepository" => return repositories::delete(&self.repositories, repository_name(input)?),
            _ => {}
        }
        if pull_requests::OPERATIONS.contains(&operation) {
            let Self { repositories, events, page_size, .. } = self;
            return pull_requests::Context { repositories, events, page_size: *page_size }.call(operation, input).await;
        }
        let repository = &*repository(&self.repositories, input)?;
        match operation {
            "GetRepository" => repositories::get(repository).await,
            "ListBranches" => repositories::list_branches(repository, input, self.page_size).await,
            "CreateBranch" => branches::create(repository, input, &self.events).await,
            "DeleteBranch" => branches::delete(repository, input, &self.events).await,
            "GetBranch" => repositories::get_branch(repository, input).await,
            "GetCommit" => commits::get(repository, input).await,
            "BatchGetCommits" => commits::batch_get(repository, input).await,
            "GetFolder" => files::get_folder(repository, input).await,
            "GetFile" => files::get_file(repository, input).await,
            "GetBlob" => files::get_blob(repository, input).await,
            "PutFile" => writes::put_file(repository, input, &self.events).await,
            "DeleteFile" => writes::delete_file(repository, input, &self.events).await,
            "CreateCommit" => writes::create_commit(repository, input, &self.events).await,
            "GetDifferences" => differences::get(&self.differences, repository, input, self.page_size).await,
            "GetMergeOptions" => merges::options(repository, input).await,
            "GetRepositoryTriggers" => Ok(triggers::get(repository)),
            "PutRepositoryTriggers" => triggers::put(repository, input),
            "TestRepositoryTriggers" => triggers::test(repository, input, &self.events).await,
            _ => Err(ServiceError::not_modeled(format!("CodeCommit's {operation}"))),
        }
    }
}

fn repository(repositories: &Repositories, input: &Input) -> Result<Arc<Repository>, ServiceError> {
    let name = repository_name(input)?;
    repositories
        .get(name)
        .ok_or_else(|| ServiceError::new("RepositoryDoesNotExistException", format!("{name} does not exist")))
}

fn repository_name(input: &Input) -> Result<&str, ServiceError> {
    let name = input.text("repositoryName")?.ok_or_else(|| {
        ServiceError::new("RepositoryNameRequiredException", "A repository name is required, but was not specified.")
    })?;
    if repository::is_name(name) {
        return Ok(name);
    }
    Err(ServiceError::new("InvalidRepositoryNameException", format!("The repository name {name} is not valid.")))
}
