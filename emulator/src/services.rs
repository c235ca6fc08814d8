//! Everything behind the port: the services, the request log, the faults and the pace.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use crate::codecommit::CodeCommit;
use crate::codepipeline::CodePipeline;
use crate::console::Console;
use crate::dev_pipeline;
use crate::error::ServiceError;
use crate::event_bridge::EventBridge;
use crate::events::Events;
use crate::faults::Faults;
use crate::git_http::GitEndpoint;
use crate::lambda::Lambda;
use crate::log::Log;
use crate::options::Options;
use crate::pace::Pace;
use crate::repository::{self, Repositories};
use crate::s3::{self, Store, Versioning};

pub(crate) struct Services {
    pub(crate) repositories: Arc<Repositories>,
    pub(crate) events: Arc<Events>,
    pub(crate) rule: Arc<EventBridge>,
    pub(crate) codecommit: CodeCommit,
    pub(crate) codepipeline: CodePipeline,
    pub(crate) s3: s3::Endpoint,
    pub(crate) store: Arc<Store>,
    pub(crate) git: GitEndpoint,
    pub(crate) lambda: Arc<Lambda>,
    pub(crate) log: Log,
    pub(crate) console: Console,
    /// The token that requests to the control address need.
    pub(crate) control_token: String,
    /// The policy of the function's role.
    pub(crate) role_policy: Option<Value>,
    pub(crate) faults: Faults,
    pub(crate) pace: Pace,
}

impl Services {
    /// Makes all services, and the bucket and the pipeline that the options ask for.
    pub(crate) fn new(options: &Options) -> Result<Self, ServiceError> {
        check_repositories(options)?;
        let repositories = Arc::new(Repositories::new(options.repositories.clone(), options.repository.clone()));
        let lambda = Arc::new(Lambda::new(options.timeout, options.function_variables()));
        let rule = Arc::new(EventBridge::new(Arc::clone(&lambda), options.events));
        let events = Arc::new(Events::new(Arc::clone(&lambda), Arc::clone(&rule)));
        let store = Arc::new(Store::default());
        let codepipeline = CodePipeline::new(Arc::clone(&store));
        codepipeline.hold_executions(options.hold_executions);
        codepipeline.set_visibility_lag(options.visibility_lag);
        codepipeline.set_source_duration(options.source_duration);
        codepipeline.throttle_starts(options.start_rate);
        create_resources(options, &store, &codepipeline)?;
        Ok(Self {
            codecommit: CodeCommit::new(Arc::clone(&repositories), Arc::clone(&events), options.page_size.max(1)),
            git: GitEndpoint::new(Arc::clone(&repositories), Arc::clone(&events)),
            codepipeline,
            s3: s3::Endpoint::new(&store),
            store,
            repositories,
            events,
            rule,
            lambda,
            log: Log::default(),
            console: Console::new(options.request_log),
            control_token: Uuid::new_v4().simple().to_string(),
            role_policy: options.role_policy.clone(),
            faults: Faults::of(options.faults.clone()),
            pace: Pace::new(options.latency, options.rate),
        })
    }
}

fn check_repositories(options: &Options) -> Result<(), ServiceError> {
    for (name, path) in &options.repository {
        let shown = path.display();
        let problem = if !repository::is_name(name) {
            "CodeCommit does not allow this name"
        } else if !path.exists() {
            "no such path"
        } else if repository::git_dir(path).is_none() {
            "it is not a Git repository"
        } else {
            continue;
        };
        let message = format!("{shown} cannot be the repository {name}: {problem}");
        return Err(ServiceError::new("InvalidRepositoryNameException", message));
    }
    match options.repositories.as_ref().map(|folder| (folder, folder.read_dir())) {
        Some((folder, Err(error))) => {
            let message = format!("the folder of repositories {} cannot be read: {error}", folder.display());
            Err(ServiceError::new("InvalidRepositoryNameException", message))
        }
        _ => Ok(()),
    }
}

fn create_resources(options: &Options, store: &Store, codepipeline: &CodePipeline) -> Result<(), ServiceError> {
    let Some(bucket) = &options.bucket else {
        return Ok(());
    };
    if !s3s::path::check_bucket_name(bucket) {
        return Err(ServiceError::new(
            "InvalidBucketName",
            format!("{bucket} cannot be a bucket: S3 does not allow this name"),
        ));
    }
    store.create_bucket(bucket, Versioning::Enabled);
    if let Some(name) = &options.pipeline {
        codepipeline.create_idle(&dev_pipeline::declaration(name, bucket, &options.key))?;
    }
    Ok(())
}

/// Sends the state changes of executions to the function, as long as the emulator runs.
pub(crate) async fn send_state_changes(services: Arc<Services>) {
    loop {
        for change in services.codepipeline.take_state_changes() {
            let kind = "CodePipeline Pipeline Execution State Change";
            services.rule.send("aws.codepipeline", kind, change.time, &change.pipeline, &change.detail);
        }
        tokio::time::sleep(STATE_CHANGE_INTERVAL).await;
    }
}

/// The interval at which executions are looked at for changes.
const STATE_CHANGE_INTERVAL: Duration = Duration::from_millis(10);
