//! `codecommit start`: does by hand what a push does, through the same library call.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use codecommit::aws::{Aws, CallError};
use codecommit::source::SourceOptions;
use codecommit_multibranch::Invocation;
use codecommit_multibranch::config::Config;
use codecommit_multibranch::deliver::{self, Found, Outcome, Run};
use codecommit_multibranch::names::{Reference, RepositoryArn};
use codecommit_multibranch::pipeline::Targets;
use codecommit_multibranch::plan::{Job, Token};
use git_archive::object::ObjectId;

use crate::arguments::{Client, Start};
use crate::client;
use crate::output::{self, Failure, Printer};
use crate::runs;

/// The longest wait for the end of a run.
const WAIT: Duration = Duration::from_hours(1);

pub(crate) async fn run(arguments: Start, client: &Client, printer: &Printer) -> Result<(), Failure> {
    let aws = client::connect(client).await?;
    let config = config(&aws, &arguments)?;
    let waits = arguments.wait;
    let invocation = Invocation::from(Instant::now() + Duration::from_mins(u64::from(arguments.timeout)));
    let job = job(&aws, arguments).await?;
    let delivered = deliver::deliver(&job, &config, &aws, &Targets::default(), &invocation).await;
    match delivered.map_err(|error| Failure::new(&error, error.code()))? {
        Outcome::Started(run) => {
            show(&run, printer)?;
            if !waits {
                return Ok(());
            }
            runs::watch(&aws, &run.pipeline, &run.pipeline_execution_id, printer, Instant::now() + WAIT).await
        }
        Outcome::Skipped(reason) => {
            let reason = serde_json::to_string(&reason).unwrap_or_default();
            let line =
                format!("failed to start {} on {}: skipped, {}", job.pipeline, job.branch(), reason.trim_matches('"'));
            Err(Failure::of(line, "Skipped"))
        }
    }
}

/// Returns the settings of a function with these arguments, and defaults for the rest.
fn config(aws: &Aws, arguments: &Start) -> Result<Config, Failure> {
    let config = Config::from_lookup(|_| None).map_err(|error| Failure::new(&error, "SettingsInvalid"))?;
    let git_url = client::git_url(aws, arguments.git_url.clone());
    let source = SourceOptions { mode: arguments.source, git_url, ..config.source };
    Ok(Config { source, ..config })
}

async fn job(aws: &Aws, arguments: Start) -> Result<Job, Failure> {
    let Start { repository: name, branch, pipeline, source_action, event_id, .. } = arguments;
    let pipeline = pipeline.of(&name);
    let failed = |call: &CallError| {
        Failure::of(format!("failed to find branch {branch} of {name}: {call}: {}", cause(call)), call.code.as_str())
    };
    let sent = aws.codecommit.get_repository().repository_name(&name).send().await;
    let answer = sent.map_err(|error| failed(&CallError::new("GetRepository", error)))?;
    let arn = answer.repository_metadata.and_then(|metadata| metadata.arn).unwrap_or_default();
    let repository = RepositoryArn::from_arn(&arn)
        .ok_or_else(|| failed(&CallError::malformed("GetRepository", format!("ARN {arn:?}"))))?;
    let sent = aws.codecommit.get_branch().repository_name(&name).branch_name(&branch).send().await;
    let answer = sent.map_err(|error| failed(&CallError::new("GetBranch", error)))?;
    let id = answer.branch.and_then(|branch| branch.commit_id).unwrap_or_default();
    let commit = ObjectId::from_hex(id.as_bytes())
        .map_err(|_| failed(&CallError::malformed("GetBranch", format!("commit {id:?}"))))?;
    let reference = Reference(format!("refs/heads/{branch}"));
    let event_id = event_id.unwrap_or_else(fresh);
    let token = Token::new(&event_id, &repository, &reference, commit, &pipeline);
    let (paths, custom_data) = (None, None);
    Ok(Job {
        event_id,
        repository,
        reference,
        commit,
        pipeline,
        source_action,
        token,
        paths,
        custom_data,
        by_hand: true,
    })
}

fn show(run: &Run, printer: &Printer) -> Result<(), Failure> {
    printer.warn(&run.warnings);
    if printer.json {
        let described = serde_json::to_value(run).map_err(|error| Failure::new(&error, "OutputFailed"))?;
        return output::print_json(&described);
    }
    let Run { pipeline, pipeline_execution_id, commit, bucket, key, version_id, bytes, .. } = run;
    let how = match run.found {
        Some(Found::Started) => "was started before",
        _ => "started",
    };
    let line = format!(
        "execution {pipeline_execution_id} of {pipeline} {how} on commit {commit}\ns3://{bucket}/{key} version \
         {version_id}, {bytes} bytes\n"
    );
    output::print_lines(&line)
}

fn cause(error: &dyn std::error::Error) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

/// Returns an ID that no event has had.
fn fresh() -> String {
    let chance = codecommit::retry::random();
    format!("by-hand-{:x}-{chance:x}", now().as_nanos())
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
