//! A repository's trigger as plain data, and which of them are ours.

use aws_sdk_codecommit::error::BuildError;
use aws_sdk_codecommit::types::RepositoryTrigger;
pub use aws_sdk_codecommit::types::RepositoryTriggerEventEnum as Event;

/// `CodeCommit`'s limit: triggers a repository, of all owners together.
pub const TRIGGERS_MAX: usize = 10;
/// `CodeCommit`'s limit: branches a trigger.
pub const BRANCHES_MAX: usize = 10;
/// A trigger's name may have 100 characters; ours append at most `-lifecycle` and a number.
const PREFIX_MAX: usize = 86;

/// One trigger, exactly as the repository holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// Its name, unique in the repository.
    pub name: String,
    /// The function or topic that it notifies.
    pub destination_arn: String,
    /// Text that the event carries along.
    pub custom_data: Option<String>,
    /// The branches it is for; none means all of them.
    pub branches: Vec<String>,
    /// What fires it.
    pub events: Vec<Event>,
}

/// What our triggers are like, and how they are known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerSettings {
    /// What our triggers' names begin with; a dash follows.
    pub prefix: String,
    /// The function that archives and starts.
    pub updates_arn: String,
    /// The function that keeps a trigger for each branch. Without it one trigger is on all branches.
    pub lifecycle_arn: Option<String>,
    /// The text our triggers carry. Without it each keeps what it has.
    pub custom_data: Option<String>,
}

/// What a trigger of ours is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Lifecycle,
    Updates,
}

impl TriggerSettings {
    /// Returns whether a trigger is ours: by its name, `<prefix>-<n>` or `<prefix>-lifecycle`, and by its destination.
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

    /// Returns whether the names made of the prefix are such as the service accepts.
    pub(super) fn prefix_is_valid(&self) -> bool {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        (1..=PREFIX_MAX).contains(&self.prefix.len()) && self.prefix.bytes().all(allowed)
    }
}

impl Trigger {
    /// Returns whether the trigger is for this branch.
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
