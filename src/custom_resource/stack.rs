//! The repositories and functions that a request may name: those of the stack.

use super::properties::Properties;
use crate::authority::Repositories;
use crate::branches::Branches;
use crate::config::Config;

/// The stack of the function, according to its settings.
#[derive(Debug, Clone)]
pub struct Stack<'a> {
    /// `REPOSITORIES`: the repositories whose triggers may change. If unset, all of them.
    pub repositories: Option<&'a Repositories>,
    /// `BRANCHES`: the default for a resource without the property.
    pub branches: &'a Branches,
    /// `TRIGGER_FUNCTION_ARN`: the function that the triggers invoke.
    pub updates_arn: &'a str,
    /// The lifecycle function's own ARN.
    pub lifecycle_arn: &'a str,
}

impl<'a> Stack<'a> {
    /// Returns the stack of the lifecycle function, or `None` for a function that serves no requests.
    pub fn of(config: &'a Config, own_arn: &'a str) -> Option<Self> {
        Some(Self {
            repositories: config.repositories.as_ref(),
            branches: &config.branches,
            updates_arn: config.lifecycle.function_arn.as_deref()?,
            lifecycle_arn: own_arn,
        })
    }

    /// Returns the first property that names a repository or function outside the stack, with its value.
    pub(super) fn foreign<'p>(&self, properties: &'p Properties) -> Option<(&'static str, &'p str)> {
        let Properties { repository_name, function_arn, lifecycle_function_arn, .. } = properties;
        let known = |all: &Repositories| all.allow_name(repository_name);
        let lifecycle = [self.lifecycle_arn, ""];
        [
            ("RepositoryName", repository_name, self.repositories.is_none_or(known)),
            ("FunctionArn", function_arn, function_arn == self.updates_arn),
            ("LifecycleFunctionArn", lifecycle_function_arn, lifecycle.contains(&lifecycle_function_arn.as_str())),
        ]
        .into_iter()
        .find_map(|(property, value, own)| (!own).then_some((property, value.as_str())))
    }
}
