//! The declaration of a pipeline: its validation, and the parts that the emulator uses.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::input::{ANY, ARTIFACT, Field, LINE, NAME, VARIABLE, invalid, unexpected_type};
use super::references;
use crate::error::ServiceError;

/// A valid declaration.
#[derive(Clone)]
pub(super) struct Declaration {
    pub(super) name: String,
    pub(super) execution_mode: String,
    pub(super) pipeline_type: String,
    pub(super) sources: Vec<SourceAction>,
    pub(super) variables: Vec<Variable>,
    /// Every action with its stage, in the order in which they run; the source actions come first.
    pub(super) actions: Vec<(String, String)>,
    /// The declaration as given, with defaults filled in.
    pub(super) document: Map<String, Value>,
}

/// A source action.
#[derive(Clone)]
pub(super) struct SourceAction {
    pub(super) action: String,
    pub(super) provider: String,
    pub(super) configuration: Map<String, Value>,
    pub(super) artifact: String,
}

/// A variable at the pipeline level.
#[derive(Clone)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) default: Option<String>,
}

impl SourceAction {
    /// Returns a value of the action's configuration.
    pub(super) fn setting(&self, name: &str) -> Option<&str> {
        self.configuration.get(name)?.as_str()
    }

    /// Returns true for an S3 source that polls. As recorded, the default, `true` and `True` poll, and `false`,
    /// `False`, `yes` and `1` do not.
    pub(super) fn polls(&self) -> bool {
        let value = self.configuration.get("PollForSourceChanges").and_then(Value::as_str);
        self.provider == "S3" && matches!(value, None | Some("true" | "True"))
    }
}

impl Declaration {
    /// Returns an action as `GetPipeline` shows it.
    pub(super) fn action(&self, stage: &str, action: &str) -> Option<&Value> {
        let is_named = |value: &&Value, name: &str| value["name"].as_str() == Some(name);
        let stages = self.document.get("stages")?.as_array()?;
        let actions = stages.iter().find(|it| is_named(it, stage))?["actions"].as_array()?;
        actions.iter().find(|it| is_named(it, action))
    }

    /// Checks first the members, in the order of CodePipeline's model, then the structure. An update without a type
    /// keeps the `current_type`.
    pub(super) fn read(pipeline: &Field<'_>, current_type: Option<&str>) -> Result<Self, ServiceError> {
        let name = pipeline.text("name", 1..=100, &NAME)?;
        let role = pipeline.text("roleArn", 1..=1024, &ANY)?;
        // Not recorded: the defaults for a new pipeline without type or mode.
        let given_type = pipeline.optional_choice("pipelineType", &["V1", "V2"])?;
        let pipeline_type = given_type.or(current_type).unwrap_or("V1");
        let modes = ["QUEUED", "SUPERSEDED", "PARALLEL"];
        let execution_mode = pipeline.optional_choice("executionMode", &modes)?.unwrap_or("SUPERSEDED");
        let variables = variables(pipeline)?;
        pipeline.require("stages");
        let stages = pipeline.list("stages", 0..=usize::MAX)?;
        let checked = check_stages(&stages);
        pipeline.check()?;
        if !(role.starts_with("arn:aws") && role.contains(":iam::") && role.contains(":role/")) {
            return Err(invalid(format!("'{role}' at 'pipeline.roleArn' is not the ARN of a role")));
        }
        let sources = checked?;

        if pipeline.member("artifactStore").is_given() == pipeline.member("artifactStores").is_given() {
            return Err(structure("Exactly one of artifactStore and artifactStores must be specified"));
        }
        if pipeline_type == "V1" {
            if execution_mode != "SUPERSEDED" {
                return Err(structure(format!("Execution mode {execution_mode} needs a pipeline of type V2")));
            }
            if !variables.is_empty() || pipeline.member("triggers").is_given() {
                return Err(structure("Pipeline variable can only be used with V2 pipelines"));
            }
        }
        check_unique(&variables)?;
        let declared: Vec<&str> = variables.iter().map(|variable| variable.name.as_str()).collect();
        references::check(&stages, &declared)?;
        Ok(Self {
            name: name.to_owned(),
            execution_mode: execution_mode.to_owned(),
            pipeline_type: pipeline_type.to_owned(),
            actions: actions_in_order(&stages)?,
            sources,
            variables,
            document: with_defaults(pipeline.value(), pipeline_type, execution_mode),
        })
    }
}

fn variables(pipeline: &Field<'_>) -> Result<Vec<Variable>, ServiceError> {
    let mut variables: Vec<Variable> = Vec::new();
    for variable in pipeline.list("variables", 0..=50)? {
        let name = variable.text("name", 1..=128, &VARIABLE)?;
        let default = variable.optional_text("defaultValue", 1..=1000, &LINE)?;
        variable.optional_text("description", 0..=200, &ANY)?;
        variables.push(Variable { name: name.to_owned(), default: default.map(str::to_owned) });
    }
    Ok(variables)
}

fn check_unique(variables: &[Variable]) -> Result<(), ServiceError> {
    let mut names = HashSet::new();
    match variables.iter().find(|variable| !names.insert(&variable.name)) {
        Some(variable) => Err(structure(repeated_variable(&variable.name))),
        None => Ok(()),
    }
}

/// Returns CodePipeline's message for a variable that is declared or given twice.
pub(super) fn repeated_variable(name: &str) -> String {
    format!("Variable names must be unique. The following variable name is already in use: {name}")
}

/// Returns every action with its stage: the stages in their order, and in each the actions by `runOrder`.
fn actions_in_order(stages: &[Field<'_>]) -> Result<Vec<(String, String)>, ServiceError> {
    let mut ordered = Vec::new();
    for stage in stages {
        let name = stage.text("name", 1..=100, &NAME)?;
        let mut actions = stage.list("actions", 0..=usize::MAX)?;
        actions.sort_by_key(|action| action.member("runOrder").value().as_u64().unwrap_or(1));
        for action in actions {
            ordered.push((name.to_owned(), action.text("name", 1..=100, &NAME)?.to_owned()));
        }
    }
    Ok(ordered)
}

/// Checks the stages and their actions, and returns the source actions.
fn check_stages(stages: &[Field<'_>]) -> Result<Vec<SourceAction>, ServiceError> {
    if stages.len() < 2 {
        return Err(structure("A pipeline must have at least two stages"));
    }
    let mut names = HashSet::new();
    let mut artifacts = HashSet::new();
    let mut sources = Vec::new();
    for (index, stage) in stages.iter().enumerate() {
        let name = stage.text("name", 1..=100, &NAME)?;
        if !names.insert(name) {
            return Err(structure(format!("Stage name '{name}' is not unique")));
        }
        stage.require("actions");
        let actions = stage.list("actions", 0..=usize::MAX)?;
        if actions.is_empty() {
            return Err(ServiceError::new(
                "InvalidStageDeclarationException",
                format!("Stage '{name}' must have at least one action"),
            ));
        }
        let mut action_names = HashSet::new();
        for action in &actions {
            let source = checked_action(action, index == 0, &mut artifacts)?;
            let action_name = action.text("name", 1..=100, &NAME)?;
            if !action_names.insert(action_name) {
                return Err(structure(format!("Action name '{action_name}' is not unique in stage '{name}'")));
            }
            sources.extend(source);
        }
    }
    Ok(sources)
}

/// Checks one action; `artifacts` are the outputs of the actions before it.
fn checked_action(
    action: &Field<'_>,
    first_stage: bool,
    artifacts: &mut HashSet<String>,
) -> Result<Option<SourceAction>, ServiceError> {
    let name = action.text("name", 1..=100, &NAME)?;
    let kind = action.structure("actionTypeId")?;
    let categories = ["Source", "Build", "Deploy", "Test", "Invoke", "Approval", "Compute"];
    let category = kind.choice("category", &categories)?;
    kind.choice("owner", &["AWS", "ThirdParty", "Custom"])?;
    let provider = kind.text("provider", 1..=35, &ARTIFACT)?;
    kind.text("version", 1..=9, &ARTIFACT)?;
    check_configuration(action)?;
    let inputs = artifact_names(action, "inputArtifacts")?;
    let outputs = artifact_names(action, "outputArtifacts")?;
    if first_stage != (category == "Source") {
        return Err(structure(if first_stage {
            format!("The first stage must contain only source actions, and '{name}' is not one")
        } else {
            format!("Source action '{name}' is not in the first stage")
        }));
    }
    if let Some(missing) = inputs.iter().find(|input| !artifacts.contains(*input)) {
        return Err(structure(format!(
            "Input artifact '{missing}' of action '{name}' is not the output of an earlier action"
        )));
    }
    for output in &outputs {
        if !artifacts.insert(output.clone()) {
            return Err(structure(format!("Output artifact name '{output}' is not unique")));
        }
    }
    if category == "Source" { source(action, name, provider, &inputs, outputs).map(Some) } else { Ok(None) }
}

fn source(
    action: &Field<'_>,
    name: &str,
    provider: &str,
    inputs: &[String],
    mut outputs: Vec<String>,
) -> Result<SourceAction, ServiceError> {
    let (true, 1, Some(artifact)) = (inputs.is_empty(), outputs.len(), outputs.pop()) else {
        return Err(declared_wrong(format!("Source action '{name}' must have one output artifact and no input")));
    };
    let configuration = action.member("configuration").value().as_object().cloned().unwrap_or_default();
    let needed: &[&str] = match provider {
        "S3" => &["S3Bucket", "S3ObjectKey"],
        "CodeCommit" => &["RepositoryName", "BranchName"],
        _ => &[],
    };
    if let Some(missing) = needed.iter().find(|setting| !configuration.get(**setting).is_some_and(Value::is_string)) {
        return Err(declared_wrong(format!(
            "Action configuration for action '{name}' is missing required configuration '{missing}'"
        )));
    }
    Ok(SourceAction { action: name.to_owned(), provider: provider.to_owned(), configuration, artifact })
}

/// Checks that a configuration maps text to text. As recorded, an empty value is refused.
fn check_configuration(action: &Field<'_>) -> Result<(), ServiceError> {
    let configuration = action.member("configuration");
    if !configuration.is_given() {
        return Ok(());
    }
    let entries = configuration.value().as_object().ok_or_else(unexpected_type)?;
    for (key, value) in entries {
        value.as_str().ok_or_else(unexpected_type)?;
        configuration.text(key, 1..=50_000, &ANY)?;
    }
    Ok(())
}

fn artifact_names(action: &Field<'_>, list: &str) -> Result<Vec<String>, ServiceError> {
    let artifacts = action.list(list, 0..=usize::MAX)?;
    artifacts.iter().map(|artifact| Ok(artifact.text("name", 1..=100, &ARTIFACT)?.to_owned())).collect()
}

/// Adds the members that `GetPipeline` shows even if they were omitted, as recorded: type and mode, and for each
/// action the run order and the artifacts. A configuration that was omitted stays absent.
fn with_defaults(pipeline: &Value, pipeline_type: &str, execution_mode: &str) -> Map<String, Value> {
    let mut document = pipeline.as_object().cloned().unwrap_or_default();
    document.insert("pipelineType".to_owned(), pipeline_type.into());
    document.insert("executionMode".to_owned(), execution_mode.into());
    let stages = document.get_mut("stages").and_then(Value::as_array_mut).into_iter().flatten();
    let actions = stages.filter_map(|stage| stage.get_mut("actions").and_then(Value::as_array_mut)).flatten();
    for action in actions.filter_map(Value::as_object_mut) {
        action.entry("runOrder").or_insert(json!(1));
        action.entry("inputArtifacts").or_insert(json!([]));
        action.entry("outputArtifacts").or_insert(json!([]));
        if let Some(kind) = action.get_mut("actionTypeId").and_then(Value::as_object_mut) {
            kind.insert("__type".to_owned(), "ActionTypeId".into());
        }
    }
    document
}

fn structure(message: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidStructureException", message)
}

fn declared_wrong(message: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidActionDeclarationException", message)
}
