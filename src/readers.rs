//! The clients that read the repositories of other accounts: with `{account}` in `SOURCE_ROLE_ARN`, one role for each.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::authority::ACCOUNT;
use crate::config::Config;
use crate::names::RepositoryArn;
use codecommit::aws::Aws;

/// The clients made so far, by account. Each keeps the credentials of its role.
#[derive(Debug, Default)]
pub(crate) struct Readers(Mutex<HashMap<String, Aws>>);

impl Readers {
    /// Returns the clients that read this repository.
    pub(crate) async fn of(&self, config: &Config, own: &Aws, repository: &RepositoryArn) -> Aws {
        let Some(role) = config.source_role.as_ref().filter(|_| config.reads_each_account()) else {
            return own.clone();
        };
        let account = repository.account().to_owned();
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&account).cloned();
        if let Some(reader) = known {
            return reader;
        }
        let reader = own.clone().with_source_role(&role.replace(ACCOUNT, &account)).await;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(account, reader.clone());
        reader
    }
}
