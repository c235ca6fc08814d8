//! A repository's trigger as plain data, and the test for our own triggers.

use aws_sdk_codecommit::error::BuildError;
use aws_sdk_codecommit::types::RepositoryTrigger;
pub use aws_sdk_codecommit::types::RepositoryTriggerEventEnum as Event;

/// `CodeCommit`'s limit: triggers per repository, of all owners together.
pub const TRIGGERS_MAX: usize = 10;
/// `CodeCommit`'s limit: branches per trigger.
pub const BRANCHES_MAX: usize = 10;
/// The longest prefix. A trigger's name may have 100 characters, and we append at most `-lifecycle` and a number.
const PREFIX_MAX: usize = 86;

/// One trigger, exactly as the repository holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// Its name, unique in the repository.
    pub name: String,
    /// The ARN of the function or topic that it notifies.
    pub destination_arn: String,
    /// The text that it adds to each event.
    pub custom_data: Option<String>,
    /// The branches that it covers. An empty list means all branches.
    pub branches: Vec<String>,
    /// The events that fire it.
    pub events: Vec<Event>,
}

/// The settings of our triggers, which also identify them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerSettings {
    /// The first part of our triggers' names, without the dash that follows it.
    pub prefix: String,
    /// The ARN of the function that archives commits and starts pipelines.
    pub updates_arn: String,
    /// The ARN of the function that keeps a trigger for each branch. Without it, one trigger covers all branches.
    pub lifecycle_arn: Option<String>,
    /// The custom data of our triggers. If unset, each trigger keeps its own.
    pub custom_data: Option<String>,
}

/// The purpose of one of our triggers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Lifecycle,
    Updates,
}

impl TriggerSettings {
    /// Returns whether a trigger is ours: its name is `<prefix>-<n>` or `<prefix>-lifecycle`, and it invokes one of
    /// our functions.
    pub fn owns(&self, trigger: &Trigger) -> bool {
        self.role(trigger).is_some()
    }

    pub(super) fn role(&self, trigger: &Trigger) -> Option<Role> {
        let destinations = [Some(&self.updates_arn), self.lifecycle_arn.as_ref()];
        if !destinations.contains(&Some(&trigger.destination_arn)) {
            return None;
        }
        let suffix = trigger.name.strip_prefix(&self.prefix)?.strip_prefix('-')?;
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        match suffix.strip_prefix("lifecycle") {
            Some(number) => is_number(number).then_some(Role::Lifecycle),
            None => (!suffix.is_empty() && is_number(suffix)).then_some(Role::Updates),
        }
    }

    /// Returns whether the service accepts names with this prefix.
    pub(super) fn prefix_is_valid(&self) -> bool {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        (1..=PREFIX_MAX).contains(&self.prefix.len()) && self.prefix.bytes().all(allowed)
    }
}

impl Trigger {
    /// Returns whether the trigger covers this branch.
    pub fn is_for(&self, branch: &str) -> bool {
        self.branches.is_empty() || self.branches.iter().any(|name| name == branch)
    }

    /// Returns whether this event fires the trigger.
    pub fn fires_on(&self, event: &Event) -> bool {
        self.events.contains(&Event::All) || self.events.contains(event)
    }
}

impl From<RepositoryTrigger> for Trigger {
    fn from(trigger: RepositoryTrigger) -> Self {
        Trigger {
            name: trigger.name,
            destination_arn: trigger.destination_arn,
            custom_data: trigger.custom_data,
            branches: trigger.branches.unwrap_or_default(),
            events: trigger.events,
        }
    }
}

impl TryFrom<Trigger> for RepositoryTrigger {
    type Error = BuildError;

    fn try_from(trigger: Trigger) -> Result<Self, BuildError> {
        RepositoryTrigger::builder()
            .name(trigger.name)
            .destination_arn(trigger.destination_arn)
            .set_custom_data(trigger.custom_data)
            .set_branches(Some(trigger.branches))
            .set_events(Some(trigger.events))
            .build()
    }
}
