//! `codecommit doctor`: all that a push needs to run through a pipeline, and what to mend.

mod checks;
mod report;

use crate::arguments::{Client, Doctor};
use crate::client;
use crate::output::{Failure, Printer};
use report::Report;

pub(crate) async fn run(arguments: Doctor, client: &Client, printer: &Printer) -> Result<(), Failure> {
    let aws = client::connect(client).await?;
    let mut report = Report::default();
    checks::pipeline(&aws, &arguments.pipeline, arguments.source_action.as_deref(), &mut report).await;
    match &arguments.repository {
        Some(repository) => checks::repository(&aws, repository, &mut report).await,
        None => report.warn("repository", "not checked: name it with --repository"),
    }
    report.warn(
        "rules",
        "not checked: EventBridge rules. One on the pipeline's S3 source runs it twice, as the console makes it; one on the repository is a \
         second route: aws events list-rules",
    );
    report.show(printer)
}
