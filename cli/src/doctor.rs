//! `codecommit doctor`: everything that a push needs to run through a pipeline, and what to fix.

mod function;
mod object;
mod pipeline;
mod report;
mod repository;
mod routes;
mod simulation;

use codecommit::aws::{CallError, Fault};
use codecommit::causes::with_causes;

use crate::arguments::{Client, Doctor};
use crate::client;
use crate::output::{Failure, Printer};
use report::Report;

pub(crate) async fn run(arguments: Doctor, client: &Client, printer: &Printer) -> Result<(), Failure> {
    let aws = client::connect(client).await?;
    let mut report = Report::default();
    let Doctor { pipeline, repository, source_action, function, git_url } = arguments;
    if repository.is_none() && pipeline.is_for_each_repository() {
        return Err(Failure::of("{repository} in the pipeline's name needs --repository", "Usage"));
    }
    let pipeline = pipeline.of(repository.as_deref().unwrap_or_default());
    let object = pipeline::check(&aws, &pipeline, source_action.as_deref(), &mut report).await;
    if let Some(object) = &object {
        object::check(&aws, object, &mut report).await;
    }
    let triggers = if let Some(repository) = &repository {
        let git_url = client::git_url(&aws, git_url);
        repository::check(&aws, repository, git_url, &mut report).await
    } else {
        report.warn("repository", "not checked; name it with --repository");
        None
    };
    let route = routes::Route { pipeline: &pipeline, object: object.as_ref(), repository: repository.as_deref() };
    let found = routes::check(&aws, &route, triggers, &mut report).await;
    let needs = function::Needs { pipeline: &pipeline, object: object.as_ref(), repository: repository.as_deref() };
    let functions = function.map_or(found, |name| vec![name]);
    for name in &functions {
        function::check(&aws, name, &needs, &mut report).await;
    }
    if functions.is_empty() {
        report.warn("function", "not checked, since no route to one was found; name it with --function");
    }
    report.show(printer)
}

/// Returns the failure with its causes, and what to fix if the code says so.
fn described(call: &CallError) -> String {
    let fix = match call.fault {
        Fault::Denied => format!("; allow {} for this role, and the use of the KMS key", call.operation),
        Fault::Missing => "; check the name and the region".to_owned(),
        _ => String::new(),
    };
    format!("{}{fix}", with_causes(call))
}
