//! CodeCommit's JSON API: the operations that read repositories, and those on triggers and pull requests.
//!
//! Inputs, outputs and exceptions follow the service's model. The service does not document its page sizes and how it
//! shows text that is not UTF-8; the emulator chooses a page size and U+FFFD. Triggers are in memory.

mod commits;
mod differences;
mod files;
mod input;
mod merge_options;
mod pull_requests;
mod repositories;
mod revision;
mod triggers;

use std::sync::Arc;

use serde_json::Value;

use crate::error::ServiceError;
use crate::events::Events;
use crate::repository::{self, Repositories, Repository};
use differences::DifferenceCache;
use input::Input;

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
        let input = &Input::new(input)?;
        if operation == "ListRepositories" {
            return repositories::list(&self.repositories, input, self.page_size);
        }
        if pull_requests::OPERATIONS.contains(&operation) {
            let Self { repositories, events, page_size, .. } = self;
            return pull_requests::Context { repositories, events, page_size: *page_size }.call(operation, input).await;
        }
        let repository = &*repository(&self.repositories, input)?;
        match operation {
            "GetRepository" => repositories::get(repository).await,
            "ListBranches" => repositories::list_branches(repository, input, self.page_size).await,
            "GetBranch" => repositories::get_branch(repository, input).await,
            "GetCommit" => commits::get(repository, input).await,
            "BatchGetCommits" => commits::batch_get(repository, input).await,
            "GetFolder" => files::get_folder(repository, input).await,
            "GetFile" => files::get_file(repository, input).await,
            "GetBlob" => files::get_blob(repository, input).await,
            "GetMergeOptions" => merge_options::get(repository, input).await,
            "GetDifferences" => differences::get(&self.differences, repository, input, self.page_size).await,
            "GetRepositoryTriggers" => Ok(triggers::get(repository)),
            "PutRepositoryTriggers" => triggers::put(repository, input),
            "TestRepositoryTriggers" => triggers::test(repository, input, &self.events).await,
            other => Err(ServiceError::not_modelled(format!("CodeCommit's {other}"))),
        }
    }
}

fn repository(repositories: &Repositories, input: &Input) -> Result<Arc<Repository>, ServiceError> {
    let name = input.text("repositoryName")?.ok_or_else(|| {
        ServiceError::new("RepositoryNameRequiredException", "A repository name is required, but was not specified.")
    })?;
    if !repository::is_name(name) {
        let message = format!("The repository name {name} is not valid.");
        return Err(ServiceError::new("InvalidRepositoryNameException", message));
    }
    repositories
        .get(name)
        .ok_or_else(|| ServiceError::new("RepositoryDoesNotExistException", format!("{name} does not exist")))
}
