//! The properties of the custom resource, as written in the template.

use serde::Deserialize;

use crate::triggers::TriggerSettings;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Properties {
    pub(super) repository_name: String,
    pub(super) function_arn: String,
    #[serde(default)]
    pub(super) lifecycle_function_arn: String,
    #[serde(default)]
    pub(super) branches: String,
    #[serde(default)]
    pub(super) custom_data: String,
    pub(super) trigger_name_prefix: String,
}

impl Properties {
    /// Returns the settings of the triggers for these properties.
    pub(super) fn settings(&self) -> TriggerSettings {
        let unless_empty = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        TriggerSettings {
            prefix: self.trigger_name_prefix.clone(),
            updates_arn: self.function_arn.clone(),
            lifecycle_arn: unless_empty(&self.lifecycle_function_arn),
            custom_data: unless_empty(&self.custom_data),
        }
    }
}
