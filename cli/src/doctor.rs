//! `codecommit doctor`: all that a push needs to run through a pipeline, and what to mend.

mod object;
mod pipeline;
mod report;
mod repository;
mod routes;

use codecommit::aws::{CallError, Fault};
use codecommit::causes::with_causes;

use crate::arguments::{Client, Doctor};
use crate::client;
use crate::output::{Failure, Printer};
use report::Report;

pub(crate) async fn run(arguments: Doctor, client: &Client, printer: &Printer) -> Result<(), Failure> {
    let aws = client::connect(client).await?;
    let mut report = Report::default();
    let Doctor { pipeline, repository, source_action, git_url } = arguments;
    let object = pipeline::check(&aws, &pipeline, source_action.as_deref(), &mut report).await;
    if let Some(object) = &object {
        object::check(&aws, object, &mut report).await;
    }
    let triggers = if let Some(repository) = &repository {
        let git_url = client::git_url(&aws, client, git_url);
        repository::check(&aws, repository, git_url, &mut report).await
    } else {
        report.warn("repository", "not checked: name it with --repository");
        None
    };
    let ways = routes::Ways { pipeline: &pipeline, object: object.as_ref(), repository: repository.as_deref() };
    routes::check(&aws, &ways, triggers, &mut report).await;
    report.show(printer)
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
