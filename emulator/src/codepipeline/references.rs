//! References to variables at the pipeline level in the configurations of actions: `#{variables.NAME}`.

use super::input::Field;
use crate::error::ServiceError;

const RESERVED: &str = "One or more of the chosen namespaces is reserved. Note that there is a namespace for variables at the \
                        pipeline level.\n";

/// Checks the references in every action. `declared` are the names of the declared variables.
pub(super) fn check(stages: &[Field<'_>], declared: &[&str]) -> Result<(), ServiceError> {
    let mut actions = Vec::new();
    for (index, stage) in stages.iter().enumerate() {
        actions.extend(stage.list("actions", 0..=usize::MAX)?.into_iter().map(|action| (index, stage, action)));
    }
    if actions.iter().any(|(_, _, action)| action.member("namespace").value().as_str() == Some("variables")) {
        // Without declared variables the namespace belongs to the action.
        return if declared.is_empty() { Ok(()) } else { Err(structure(RESERVED)) };
    }
    for (index, stage, action) in actions {
        let place = Place {
            stage: stage.member("name").value().as_str().unwrap_or_default(),
            action: action.member("name").value().as_str().unwrap_or_default(),
            in_source: index == 0,
        };
        let configuration = action.member("configuration");
        for (key, value) in configuration.value().as_object().into_iter().flatten() {
            place.check(key, value.as_str().unwrap_or_default(), declared)?;
        }
    }
    Ok(())
}

/// Replaces each reference by the value of its variable, once: a value that looks like a reference stays as it is.
pub(super) fn substitute(text: &str, variables: &[(String, String)]) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("#{variables.") {
        let reference = &rest[start + "#{variables.".len()..];
        let Some(end) = reference.find('}') else { break };
        result.push_str(&rest[..start]);
        match variables.iter().find(|(name, _)| *name == reference[..end]) {
            Some((_, value)) => result.push_str(value),
            None => result.push_str(&rest[start..=start + "#{variables.".len() + end]),
        }
        rest = &reference[end + 1..];
    }
    result + rest
}

/// An action whose configuration is checked.
struct Place<'a> {
    stage: &'a str,
    action: &'a str,
    in_source: bool,
}

impl Place<'_> {
    fn check(&self, key: &str, value: &str, declared: &[&str]) -> Result<(), ServiceError> {
        for reference in value.split("#{").skip(1).filter_map(|rest| rest.split('}').next()) {
            let Some(name) = reference.strip_prefix("variables.") else { continue };
            let place = || {
                format!(
                    "\nStageName=[{}], ActionName=[{}], ActionConfigurationKey=[{key}], \
                     VariableReferenceText=[{reference}]",
                    self.stage, self.action
                )
            };
            if declared.is_empty() {
                let message = "Valid format for a pipeline execution variable reference is a namespace and a key separated by \
                               a period (.). The following pipeline execution variables are referencing a namespace that does \
                               not exist.";
                return Err(ServiceError::new("InvalidActionDeclarationException", format!("{message}{}", place())));
            }
            if self.in_source {
                let message = "Variables at the pipeline level cannot be used in source actions.";
                return Err(structure(format!("{message}{}", place())));
            }
            if !declared.contains(&name) {
                return Err(structure("The referenced variables haven't been declared.\n"));
            }
        }
        Ok(())
    }
}

fn structure(message: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidStructureException", message)
}
