//! `codecommit triggers`.

use codecommit_multibranch::aws::Aws;
use codecommit_multibranch::config::Branches;
use codecommit_multibranch::triggers::{self, Difference, Goal, Outcome, Settings, Trigger, TriggersError};
use serde_json::{Map, Value, json};

use crate::arguments::{Client, Triggers, Wanted};
use crate::client;
use crate::output::{self, Failure, Printer};

const UNCHECKED: &str =
    "not checked: EventBridge rules on the repository or on the pipeline's source, which would be a second route";

pub(crate) async fn run(command: Triggers, client: &Client, printer: &Printer) -> Result<(), Failure> {
    let aws = client::connect(client).await?;
    match command {
        Triggers::List { repository } => {
            let triggers = triggers::list(&aws.codecommit, &repository).await.map_err(|error| failure(&error))?;
            list(&triggers, printer)
        }
        Triggers::Connect(wanted) => {
            change(&aws, wanted, printer, |settings, selects| Goal::connected(settings, selects)).await
        }
        Triggers::Sync(wanted) => {
            change(&aws, wanted, printer, |settings, selects| Goal::reconciled(settings, selects)).await
        }
        Triggers::Disconnect(wanted) => change(&aws, wanted, printer, |settings, _| Goal::disconnected(settings)).await,
    }
}

async fn change(
    aws: &Aws,
    wanted: Wanted,
    printer: &Printer,
    goal: impl for<'a> Fn(&'a Settings, triggers::Selects<'a>) -> Goal<'a>,
) -> Result<(), Failure> {
    let custom_data = custom_data(&wanted)?;
    let branches = wanted.branches.unwrap_or_default();
    let settings = Settings {
        prefix: wanted.prefix,
        updates_arn: wanted.function,
        lifecycle_arn: wanted.lifecycle_function,
        custom_data,
    };
    let selects = move |branch: &str| branches.select(branch);
    let goal = goal(&settings, &selects);
    let (client, repository) = (&aws.codecommit, &wanted.repository);
    let outcome = if wanted.dry_run {
        triggers::preview(client, repository, &goal).await
    } else {
        triggers::apply(client, repository, &goal).await
    };
    let outcome = outcome.map_err(|error| failure(&error))?;
    printer.warn(&outcome.warnings);
    show(&outcome, wanted.dry_run, printer)
}

/// With one trigger on all branches it is the function that selects: the globs go along in the custom data.
fn custom_data(wanted: &Wanted) -> Result<Option<String>, Failure> {
    let Some(branches) = wanted.branches.as_ref().filter(|_| wanted.lifecycle_function.is_none()) else {
        return Ok(wanted.custom_data.clone());
    };
    with_branches(wanted.custom_data.as_deref(), branches).map(Some)
}

fn with_branches(custom_data: Option<&str>, branches: &Branches) -> Result<String, Failure> {
    let object: Result<Map<String, Value>, _> = serde_json::from_str(custom_data.unwrap_or("{}"));
    let mut object = object.map_err(|error| {
        let line = format!("failed to add --branches to --custom-data, which is not a JSON object: {error}");
        Failure::of(line, "CustomDataInvalid")
    })?;
    object.insert("branches".to_owned(), branches.to_string().into());
    Ok(Value::from(object).to_string())
}

fn show(outcome: &Outcome, is_dry: bool, printer: &Printer) -> Result<(), Failure> {
    let difference = outcome.difference();
    if printer.json {
        let warnings: Vec<String> = outcome.warnings.iter().map(ToString::to_string).collect();
        return output::print_json(&json!({
            "before": described(&outcome.before),
            "after": described(&outcome.after),
            "changed": !difference.is_empty(),
            "written": !is_dry && outcome.writes > 0,
            "warnings": warnings,
            "not_checked": [UNCHECKED],
        }));
    }
    let head = match (difference.is_empty(), is_dry) {
        (true, _) => "nothing to change\n",
        (false, true) => "would change:\n",
        (false, false) => "changed:\n",
    };
    output::print(format!("{head}{difference}{UNCHECKED}\n").as_bytes())
}

fn list(triggers: &[Trigger], printer: &Printer) -> Result<(), Failure> {
    if printer.json {
        return output::print_json(&described(triggers));
    }
    // As what is added to nothing, without its sign.
    let added = format!("\n{}", Difference::between(&[], triggers)).replace("\n+ ", "\n");
    output::print(added.trim_start().as_bytes())
}

fn described(triggers: &[Trigger]) -> Value {
    let described = triggers.iter().map(|trigger| {
        let events: Vec<&str> = trigger.events.iter().map(triggers::Event::as_str).collect();
        json!({
            "name": trigger.name,
            "destination_arn": trigger.destination_arn,
            "custom_data": trigger.custom_data,
            "branches": trigger.branches,
            "events": events,
        })
    });
    described.collect()
}

fn failure(error: &TriggersError) -> Failure {
    Failure::new(error, error.code())
}
