//! Checks of the pipeline: its mode, its variables, its S3 source, and access to its runs.

use std::collections::BTreeSet;

use aws_sdk_codepipeline::types::{
    ActionCategory, ActionDeclaration, ExecutionMode, PipelineDeclaration, PipelineType, PipelineVariableDeclaration,
    StageDeclaration,
};
use codecommit::aws::{Aws, CallError};
use codecommit_multibranch::pipeline::{VARIABLES, unset_variables};

use super::described;
use super::object::Object;
use super::report::Report;

/// Checks the pipeline, and returns the object that it reads.
pub(super) async fn check(aws: &Aws, name: &str, action: Option<&str>, report: &mut Report) -> Option<Object> {
    let sent = aws.codepipeline.get_pipeline().name(name).send().await;
    let declaration = match sent.map_err(|error| CallError::new("GetPipeline", error)) {
        Ok(answer) => answer.pipeline,
        Err(call) => {
            report.fail("pipeline", described(&call));
            return None;
        }
    };
    let Some(declaration) = declaration else {
        report.fail("pipeline", "GetPipeline answered with no pipeline");
        return None;
    };
    report.ok("pipeline", format!("{name} can be read"));
    runs(aws, name, report).await;
    mode(&declaration, report);
    variables(&declaration, report);
    object(source(&declaration, action, report)?, report)
}

/// Checks that runs can be listed. The permission to start one shows only in a start.
async fn runs(aws: &Aws, name: &str, report: &mut Report) {
    let sent = aws.codepipeline.list_pipeline_executions().pipeline_name(name).max_results(1).send().await;
    match sent.map_err(|error| CallError::new("ListPipelineExecutions", error)) {
        Ok(_) => report.ok("runs", "can be listed; StartPipelineExecution is not tested"),
        Err(call) => report.fail("runs", described(&call)),
    }
}

fn object(source: &ActionDeclaration, report: &mut Report) -> Option<Object> {
    let setting = |name: &str| source.configuration().and_then(|all| all.get(name)).map(String::as_str);
    // The default is to poll.
    if setting("PollForSourceChanges").is_some_and(|polls| polls.eq_ignore_ascii_case("false")) {
        report.ok("polling", "off");
    } else {
        report.fail(
            "polling",
            format!("every upload runs twice; set PollForSourceChanges of action {} to false", source.name()),
        );
    }
    if let (Some(bucket), Some(key)) = (setting("S3Bucket"), setting("S3ObjectKey")) {
        return Some(Object { bucket: bucket.to_owned(), key: key.to_owned() });
    }
    report.fail("object", format!("action {} has no S3Bucket or no S3ObjectKey", source.name()));
    None
}

fn mode(declaration: &PipelineDeclaration, report: &mut Report) {
    match declaration.execution_mode() {
        Some(ExecutionMode::Parallel) => report.ok("mode", "PARALLEL: branches run independently"),
        Some(ExecutionMode::Queued) => report.ok("mode", "QUEUED: branches run one after another"),
        _ => report.warn(
            "mode",
            "SUPERSEDED: the run of another branch replaces a waiting run; set the execution mode PARALLEL (type V2)",
        ),
    }
}

fn variables(declaration: &PipelineDeclaration, report: &mut Report) {
    let unset = unset_variables(declaration);
    if !unset.is_empty() {
        let fix = "have no default and get no value, so that every run fails at once; give each a default";
        return report.fail("variables", format!("{} {fix}", unset.join(", ")));
    }
    let declared: BTreeSet<&str> = declaration.variables().iter().map(PipelineVariableDeclaration::name).collect();
    let missing: Vec<&str> = VARIABLES.into_iter().filter(|name| !declared.contains(name)).collect();
    let is_v2 = declaration.pipeline_type() == Some(&PipelineType::V2);
    match (missing.as_slice(), is_v2) {
        ([], _) => report.ok("variables", VARIABLES.join(", ")),
        (_, true) => {
            report.warn("variables", format!("builds do not get {}; declare them in the pipeline", missing.join(", ")));
        }
        (_, false) => report.warn(
            "variables",
            "a pipeline of type V1 has none, so that builds do not get their branch; change its type to V2",
        ),
    }
}

/// Returns the wanted S3 source action, or the only one.
fn source<'a>(
    declaration: &'a PipelineDeclaration,
    wanted: Option<&str>,
    report: &mut Report,
) -> Option<&'a ActionDeclaration> {
    let is_s3 = |action: &&ActionDeclaration| {
        action.action_type_id().is_some_and(|id| *id.category() == ActionCategory::Source && id.provider() == "S3")
    };
    let actions = declaration.stages().iter().flat_map(StageDeclaration::actions);
    let sources: Vec<_> =
        actions.filter(is_s3).filter(|action| wanted.is_none_or(|name| action.name() == name)).collect();
    match (sources.as_slice(), wanted) {
        ([source], _) => {
            report.ok("source", format!("action {} reads S3", source.name()));
            return Some(source);
        }
        ([], Some(name)) => report.fail("source", format!("the pipeline has no S3 source action named {name}")),
        ([], None) => {
            report.fail("source", "the pipeline has no S3 source action; its source must read the archive from S3");
        }
        (several, _) => {
            let names: Vec<&str> = several.iter().map(|action| action.name()).collect();
            report.fail(
                "source",
                format!(
                    "there are several S3 source actions: {}; choose one with --source-action, and with \
                     SOURCE_ACTION for the function",
                    names.join(", ")
                ),
            );
        }
    }
    None
}
