//! A repository's triggers, as `PutRepositoryTriggers` sets them.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The triggers of one repository, and the ID of the configuration that they make up.
pub(crate) struct Triggers {
    pub(crate) configuration_id: String,
    pub(crate) list: Vec<Trigger>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Trigger {
    pub(crate) name: String,
    pub(crate) destination_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_data: Option<String>,
    pub(crate) branches: Vec<String>,
    pub(crate) events: Vec<String>,
}

impl Triggers {
    /// Returns a configuration with a new ID.
    pub(crate) fn new(list: Vec<Trigger>) -> Self {
        Self { configuration_id: Uuid::new_v4().to_string(), list }
    }
}

impl Trigger {
    /// Returns true if the trigger fires for this event on this reference; no branches mean all branches and tags.
    pub(crate) fn fires_on(&self, reference: &str, event: &str) -> bool {
        let branch = reference.strip_prefix("refs/heads/");
        let selected = self.branches.is_empty() || branch.is_some_and(|name| self.branches.iter().any(|b| b == name));
        selected && self.events.iter().any(|wanted| wanted == "all" || wanted == event)
    }
}
