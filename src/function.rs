//! The Lambda function. `handle` turns an event into an answer and shows all the steps.

use std::sync::OnceLock;
use std::time::Instant;

use serde::Serialize;
use serde_json::Value;

use crate::config::{Config, ConfigError, Reporting};
use crate::custom_resource::{self, Context, CustomResourceError, Response, Stack};
use crate::deliver::{self, Found, Outcome, Run};
use crate::error::{Error, Failed, StepError};
use crate::event::{Change, Message};
use crate::hand_over::{self, HandedOver};
use crate::invocation::Invocation;
use crate::metrics::Line;
use crate::paths::{self, Verdict};
use crate::pipeline::Targets;
use crate::plan::{Job, Plan, Reason, Skipped};
use crate::readers::Readers;
use crate::report::{self, ReportOutcome, Reported};
use crate::{event, lifecycle, plan, supersede};
use codecommit::aws::{self, Aws};

/// The Lambda function: its settings, its clients and the cached pipelines.
#[derive(Debug)]
pub struct Function {
    config: Result<Config, Misconfigured>,
    aws: Aws,
    targets: Targets,
    readers: Readers,
    arn: OnceLock<String>,
}

/// Invalid settings. Every event fails, but requests of the stack's custom resource are answered.
#[derive(Debug)]
struct Misconfigured {
    error: ConfigError,
    is_lifecycle: bool,
}

/// The answer of an invocation. It says for each reference which run was started, or why none was.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The runs of the dev pipeline.
    pub started: Vec<Run>,
    /// The references that were skipped.
    pub skipped: Vec<Skipped>,
    /// The branches that another function delivers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub handed_over: Vec<HandedOver>,
    /// The answer to the stack's custom resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_resource: Option<Response>,
    /// Repositories whose triggers the scheduled check had to repair.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub broken_routes: Vec<String>,
    /// Pull requests that show the result of a run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reported: Vec<Reported>,
    /// The reason why no result was reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_reported: Option<&'static str>,
    /// Messages that the queue must deliver again. Only for events from a queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_item_failures: Option<Vec<BatchItemFailure>>,
}

/// One message that failed, in the form that SQS expects (`ReportBatchItemFailures`).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// The message's id.
    pub item_identifier: String,
}

/// The largest total size of the warnings in one answer: Lambda limits an answer, and a queue limits a message.
const WARNINGS_BYTES: usize = 64 << 10;

impl Function {
    /// Makes a function with these settings and clients.
    pub fn new(config: Config, aws: Aws) -> Self {
        Self::of(Ok(config), aws)
    }

    /// Makes a function with invalid settings. Every event fails with them. The lifecycle function also reports them
    /// to `CloudFormation`.
    pub fn misconfigured(error: ConfigError, is_lifecycle: bool, aws: Aws) -> Self {
        Self::of(Err(Misconfigured { error, is_lifecycle }), aws)
    }

    fn of(config: Result<Config, Misconfigured>, aws: Aws) -> Self {
        Self { config, aws, targets: Targets::default(), readers: Readers::default(), arn: OnceLock::new() }
    }

    /// Sets the function's own ARN, which no environment variable has.
    pub fn invoked_as(&self, arn: &str) {
        // The name may have a version or an alias after it.
        let name = arn.splitn(8, ':').take(7).collect::<Vec<_>>().join(":");
        self.arn.get_or_init(|| name);
    }

    /// Handles an event: plan, archive, upload and start for each of its references. Every reference is attempted,
    /// and then one error names all that failed.
    pub async fn handle(&self, event: Value, invocation: impl Into<Invocation>) -> Result<Answer, Error> {
        let invocation = invocation.into();
        if custom_resource::is_request(&event) {
            return self.custom_resource(&event, invocation.deadline).await;
        }
        let config = self.config.as_ref().map_err(|invalid| Error::Config(invalid.error.clone()))?;
        if report::is_notice(&event) {
            return self.report(config, &event, invocation.deadline).await;
        }
        let arrival = event::parse(event).map_err(Error::Event)?;
        let mut answer = Answer { batch_item_failures: arrival.from_queue.then(Vec::new), ..Answer::default() };
        if let Some(schedule) = arrival.schedule.filter(|_| config.lifecycle.writes_triggers()) {
            let checked = lifecycle::check(config, &self.aws, self.arn(), &schedule).await.map_err(Error::Event)?;
            all_done(checked.failed, &[], 1)?;
            answer.broken_routes = checked.broken;
        }
        for message in arrival.messages {
            let id = message.id.clone().unwrap_or_default();
            match (self.deliver_all(config, message, &mut answer, &invocation).await, &mut answer.batch_item_failures) {
                (Ok(()), _) => {}
                (Err(error), None) => return Err(error),
                (Err(error), Some(failures)) => {
                    tracing::error!(message_id = id, code = error.code(), error = error.shown(), "failed");
                    failures.push(BatchItemFailure { item_identifier: id });
                }
            }
        }
        Ok(answer)
    }

    async fn deliver_all(
        &self,
        config: &Config,
        message: Message,
        answer: &mut Answer,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let changes = message.changes.map_err(Error::Event)?;
        let (Plan { mut jobs, skipped }, unplanned) = plan::plan(changes.clone(), config);
        let count = jobs.len() + skipped.len() + unplanned.len();
        for skipped in skipped {
            let event_id = change_of(&changes, &skipped.repository, &skipped.reference).map(|change| &*change.event_id);
            answer.skip(skipped, event_id);
        }
        let unplanned = unplanned.into_iter();
        let mut failed: Vec<_> =
            unplanned.map(|(change, error)| Failed::new(&change.repository, &change.reference, error)).collect();
        if config.lifecycle.branch_triggers {
            failed.extend(lifecycle::follow(config, &self.aws, self.arn(), &changes, &mut jobs).await);
        }
        if let Some(function) = config.lifecycle.other_function(self.arn()) {
            let (handed_over, refused) = hand_over::hand_over(&self.aws, function, &jobs, &changes).await;
            answer.hand_over(handed_over);
            failed.extend(refused);
            jobs.clear();
        }
        for job in jobs {
            if let Err(error) = self.deliver(config, &job, answer, invocation).await {
                failed.push(Failed::new(&job.repository, &job.reference, error));
            }
        }
        all_done(failed, &changes, count)
    }

    /// Delivers one job if `PATHS` selects it, and stops outdated runs of its branch.
    async fn deliver(
        &self,
        config: &Config,
        job: &Job,
        answer: &mut Answer,
        invocation: &Invocation,
    ) -> Result<(), StepError> {
        let aws = &self.readers.of(config, &self.aws, &job.repository).await;
        let mut warnings = match changed_paths(config, aws, job).await {
            Verdict::NoMatch => {
                answer.skip(job.skipped(Reason::PathsNotChanged), Some(&job.event_id));
                return Ok(());
            }
            Verdict::Matches => Vec::new(),
            Verdict::Unknown(why) => vec![why],
        };
        let outcome = deliver::deliver(job, config, aws, &self.targets, invocation).await?;
        let started = match &outcome {
            Outcome::Started(run) => (run.found != Some(Found::Started)).then_some(&*run.pipeline_execution_id),
            Outcome::Skipped(_) => None,
        };
        // An earlier delivery of an overtaken event may have started a run that nothing has stopped.
        if config.supersede && matches!(outcome, Outcome::Started(_) | Outcome::Skipped(Reason::Overtaken)) {
            warnings.extend(supersede::stop_outdated(aws, job, started, invocation.deadline).await);
        }
        match outcome {
            Outcome::Started(mut run) => {
                run.warnings.append(&mut warnings);
                answer.start(*run);
            }
            Outcome::Skipped(reason) => {
                for warning in warnings {
                    tracing::warn!(branch = job.branch(), "{warning}");
                }
                answer.skip(job.skipped(reason), Some(&job.event_id));
            }
        }
        Ok(())
    }

    /// Reports the result of a run to the branch's pull requests, unless `REPORT` is off.
    async fn report(&self, config: &Config, event: &Value, deadline: Instant) -> Result<Answer, Error> {
        let outcome = if config.reporting == Reporting::Off {
            ReportOutcome::NotReported("REPORT is off")
        } else {
            Box::pin(report::report(config, &self.aws, event, deadline)).await.map_err(Error::Report)?
        };
        let answer = match outcome {
            ReportOutcome::Reported(reported) => Answer { reported, ..Answer::default() },
            ReportOutcome::NotReported(reason) => Answer { not_reported: Some(reason), ..Answer::default() },
        };
        for reported in &answer.reported {
            Line::reported(reported).print();
        }
        if let Some(reason) = answer.not_reported {
            Line::not_reported(reason).print();
        }
        Ok(answer)
    }

    /// Serves the stack's custom resource, because `CloudFormation` cannot add a trigger to an existing repository.
    async fn custom_resource(&self, request: &Value, deadline: Instant) -> Result<Answer, Error> {
        let refused = || Error::CustomResource(CustomResourceError::NotServed);
        let stack = match &self.config {
            Ok(config) => Ok(Stack::of(config, self.arn()).ok_or_else(refused)?),
            Err(invalid) if invalid.is_lifecycle => Err(&invalid.error),
            Err(invalid) => return Err(Error::Config(invalid.error.clone())),
        };
        let (client, http) = (&self.aws.codecommit, &aws::https());
        let loopback = self.aws.config.endpoint_url().is_some();
        let context = Context { client, http, stack, loopback, deadline: deadline.into() };
        let response = custom_resource::handle(request, &context).await.map_err(Error::CustomResource)?;
        Ok(Answer { custom_resource: Some(response), ..Answer::default() })
    }

    /// The function's own ARN, without a version or an alias.
    fn arn(&self) -> &str {
        self.arn.get().map_or("", String::as_str)
    }
}

/// Returns whether the job's branch changed a selected path. Makes no call if the job has no paths.
async fn changed_paths(config: &Config, aws: &Aws, job: &Job) -> Verdict {
    match &job.paths {
        Some(paths) => paths::examine(aws, job, paths, config.trunk.as_deref()).await,
        None => Verdict::Matches,
    }
}

fn all_done(failed: Vec<Failed>, changes: &[Change], of: usize) -> Result<(), Error> {
    for one in &failed {
        Line::failed(one, change_of(changes, &one.repository, &one.reference)).print();
    }
    if failed.is_empty() { Ok(()) } else { Err(Error::References { failed, of }) }
}

/// Returns the event's change of this reference.
fn change_of<'a>(changes: &'a [Change], repository: &str, reference: &str) -> Option<&'a Change> {
    changes.iter().find(|change| change.repository.name() == repository && change.reference.0 == reference)
}

impl Answer {
    fn start(&mut self, mut run: Run) {
        Line::started(&run).print();
        let warned = self.started.iter().flat_map(|run| &run.warnings).map(String::len).sum();
        run.cut_warnings(WARNINGS_BYTES.saturating_sub(warned));
        self.started.push(run);
    }

    fn hand_over(&mut self, handed_over: Vec<HandedOver>) {
        for one in &handed_over {
            Line::handed_over(one).print();
        }
        self.handed_over.extend(handed_over);
    }

    fn skip(&mut self, skipped: Skipped, event_id: Option<&str>) {
        Line::skipped(&skipped, event_id).print();
        self.skipped.push(skipped);
    }
}
