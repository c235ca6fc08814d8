//! The checks themselves.

use std::collections::BTreeSet;

use aws_sdk_codepipeline::types::{
    ActionCategory, ActionDeclaration, ExecutionMode, PipelineDeclaration, PipelineType, PipelineVariableDeclaration,
    StageDeclaration,
};
use aws_sdk_s3::types::BucketVersioningStatus;
use codecommit_multibranch::aws::{Aws, CallError, Fault};
use codecommit_multibranch::error::with_causes;
use codecommit_multibranch::triggers::{self, Event, Trigger};

use super::report::Report;

const VARIABLES: [&str; 5] = ["BRANCH_NAME", "COMMIT_ID", "REPOSITORY_NAME", "AUTHOR", "COMMIT_MESSAGE"];

/// The pipeline, its source, and the object that it reads.
pub(super) async fn pipeline(aws: &Aws, name: &str, action: Option<&str>, report: &mut Report) {
    let sent = aws.codepipeline.get_pipeline().name(name).send().await;
    let declaration = match sent.map_err(|error| CallError::new("GetPipeline", error)) {
        Ok(answer) => answer.pipeline,
        Err(call) => return report.fail("pipeline", told(&call)),
    };
    let Some(declaration) = declaration else {
        return report.fail("pipeline", "GetPipeline answered with no pipeline");
    };
    report.ok("pipeline", format!("{name} can be read"));
    mode(&declaration, report);
    variables(&declaration, report);
    let Some(source) = source(&declaration, action, report) else { return };
    let setting = |name: &str| source.configuration().and_then(|all| all.get(name)).map(String::as_str);
    // The default is to poll.
    if setting("PollForSourceChanges").is_some_and(|polls| polls.eq_ignore_ascii_case("false")) {
        report.ok("polling", "off");
    } else {
        report.fail(
            "polling",
            format!("every upload runs twice: set PollForSourceChanges of action {} to false", source.name()),
        );
    }
    let (Some(bucket), Some(key)) = (setting("S3Bucket"), setting("S3ObjectKey")) else {
        return report.fail("object", format!("action {} names no S3Bucket and S3ObjectKey", source.name()));
    };
    versioning(aws, bucket, report).await;
    object(aws, bucket, key, report).await;
}

fn mode(declaration: &PipelineDeclaration, report: &mut Report) {
    match declaration.execution_mode() {
        Some(ExecutionMode::Parallel) => report.ok("mode", "PARALLEL: each branch runs by itself"),
        Some(ExecutionMode::Queued) => report.ok("mode", "QUEUED: branches run one after the other"),
        _ => report.warn(
            "mode",
            "SUPERSEDED: a waiting run is overtaken by another branch's; set the execution mode PARALLEL (type V2)",
        ),
    }
}

fn variables(declaration: &PipelineDeclaration, report: &mut Report) {
    let declared: BTreeSet<&str> = declaration.variables().iter().map(PipelineVariableDeclaration::name).collect();
    let missing: Vec<&str> = VARIABLES.into_iter().filter(|name| !declared.contains(name)).collect();
    let is_v2 = declaration.pipeline_type() == Some(&PipelineType::V2);
    match (missing.as_slice(), is_v2) {
        ([], _) => report.ok("variables", VARIABLES.join(", ")),
        (_, true) => report
            .warn("variables", format!("builds do not learn {}: declare them in the pipeline", missing.join(", "))),
        (_, false) => report
            .warn("variables", "a pipeline of type V1 has none, so that builds do not learn their branch; make it V2"),
    }
}

/// The S3 source action that is meant.
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
            report.fail("source", "the pipeline has no S3 source action: its source must read the archive from S3");
        }
        (several, _) => {
            let names: Vec<&str> = several.iter().map(|action| action.name()).collect();
            report.fail(
                "source",
                format!(
                    "choose one of the S3 source actions {} with --source-action, and SOURCE_ACTION",
                    names.join(", ")
                ),
            );
        }
    }
    None
}

async fn versioning(aws: &Aws, bucket: &str, report: &mut Report) {
    let sent = aws.s3.get_bucket_versioning().bucket(bucket).send().await;
    match sent.map_err(|error| CallError::new("GetBucketVersioning", error)) {
        Ok(answer) if answer.status == Some(BucketVersioningStatus::Enabled) => {
            report.ok("versioning", format!("on for bucket {bucket}"));
        }
        Ok(_) => report
            .fail("versioning", format!("off, so that no run can be pinned: enable versioning of bucket {bucket}")),
        Err(call) => report.fail("versioning", told(&call)),
    }
}

async fn object(aws: &Aws, bucket: &str, key: &str, report: &mut Report) {
    let sent = aws.s3.head_object().bucket(bucket).key(key).send().await;
    match sent.map_err(|error| CallError::new("HeadObject", error)) {
        Ok(answer) => {
            let size = answer.content_length().unwrap_or_default();
            report.ok("object", format!("s3://{bucket}/{key} has {size} bytes"));
        }
        Err(call) if call.fault == Fault::Missing => {
            report.ok("object", format!("s3://{bucket}/{key} is not there before the first push"));
        }
        Err(call) => report.fail("object", told(&call)),
    }
}

/// The repository, and what leads from it to a function.
pub(super) async fn repository(aws: &Aws, name: &str, report: &mut Report) {
    let sent = aws.codecommit.get_repository().repository_name(name).send().await;
    let metadata = match sent.map_err(|error| CallError::new("GetRepository", error)) {
        Ok(answer) => answer.repository_metadata,
        Err(call) => return report.fail("repository", told(&call)),
    };
    report.ok("repository", format!("{name} can be read"));
    match metadata.and_then(|metadata| metadata.default_branch) {
        Some(branch) => contents(aws, name, &branch, report).await,
        None => report.warn(
            "contents",
            "the repository has no default branch yet, so that GetBranch, GetCommit and GetFolder are not checked",
        ),
    }
    match triggers::list(&aws.codecommit, name).await {
        Ok(triggers) => routes(&triggers, report),
        Err(error) => report.fail("triggers", with_causes(&error)),
    }
}

async fn contents(aws: &Aws, name: &str, branch: &str, report: &mut Report) {
    match read(aws, name, branch).await {
        Ok(entries) => report.ok(
            "contents",
            format!("branch {branch} can be read, {entries} entries in its root; GitPull is not checked"),
        ),
        Err(call) => report.fail("contents", told(&call)),
    }
}

/// The calls that an archive begins with.
async fn read(aws: &Aws, name: &str, branch: &str) -> Result<usize, CallError> {
    let client = &aws.codecommit;
    let sent = client.get_branch().repository_name(name).branch_name(branch).send().await;
    let branch = sent.map_err(|error| CallError::new("GetBranch", error))?.branch;
    let id =
        branch.and_then(|branch| branch.commit_id).ok_or_else(|| CallError::malformed("GetBranch", "no commit"))?;
    let sent = client.get_commit().repository_name(name).commit_id(&id).send().await;
    sent.map_err(|error| CallError::new("GetCommit", error))?;
    let sent = client.get_folder().repository_name(name).commit_specifier(&id).folder_path("/").send().await;
    let folder = sent.map_err(|error| CallError::new("GetFolder", error))?;
    Ok(folder.files().len() + folder.sub_folders().len() + folder.symbolic_links().len() + folder.sub_modules().len())
}

/// Triggers that send pushes to a function.
fn routes(triggers: &[Trigger], report: &mut Report) {
    let is_route =
        |trigger: &&Trigger| trigger.destination_arn.contains(":lambda:") && trigger.fires_on(&Event::UpdateReference);
    let routes: Vec<&Trigger> = triggers.iter().filter(is_route).collect();
    let names: Vec<String> =
        routes.iter().map(|trigger| format!("{} to {}", trigger.name, trigger.destination_arn)).collect();
    let overlaps = |(at, one): (usize, &&Trigger)| {
        routes[at + 1..].iter().any(|other| {
            one.destination_arn == other.destination_arn
                && (one.branches.is_empty()
                    || other.branches.is_empty()
                    || one.branches.iter().any(|branch| other.is_for(branch)))
        })
    };
    if routes.is_empty() {
        report.warn(
            "triggers",
            "none sends pushes to a function: codecommit triggers connect, unless an EventBridge rule does",
        );
    } else if routes.iter().enumerate().any(overlaps) {
        report.fail(
            "triggers",
            format!("two send the same pushes to one function, which starts twice: {}", names.join(", ")),
        );
    } else {
        report.ok("triggers", names.join(", "));
    }
}

/// What failed, and what to mend where the code tells.
fn told(call: &CallError) -> String {
    let mend = match call.fault {
        Fault::Denied => format!(": allow {} to this role, and the use of the key", call.operation),
        Fault::Missing => ": is the name right, and the region?".to_owned(),
        _ => String::new(),
    };
    format!("{}{mend}", with_causes(call))
}
