//! `codecommit triggers`.

use codecommit::aws::Aws;
use codecommit_multibranch::branches::Branches;
use codecommit_multibranch::triggers::{self, Applied, Difference, Goal, Trigger, TriggerSettings, TriggersError};
use serde_json::{Map, Value, json};

use crate::arguments::{Client, Triggers, Wanted};
use crate::client;
use crate::output::{self, Failure, Printer};
use crate::rules::{self, Rule, unqualified};

pub(crate) async fn run(command: Triggers, client: &Client, printer: &Printer) -> Result<(), Failure> {
    let aws = client::connect(client).await?;
    match command {
        Triggers::List { repository } => {
            let triggers = triggers::list(&aws.codecommit, &repository).await.map_err(|error| failure(&error))?;
            list(&triggers, printer)
        }
        Triggers::Connect(wanted) => {
            let beside = Beside::read(&aws, &wanted).await;
            beside.refuse(&wanted)?;
            change(&aws, wanted, beside, printer, |settings, selects| Goal::connected(settings, selects)).await
        }
        Triggers::Sync(wanted) => {
            let beside = Beside::read(&aws, &wanted).await;
            change(&aws, wanted, beside, printer, |settings, selects| Goal::reconciled(settings, selects)).await
        }
        Triggers::Disconnect(wanted) => {
            change(&aws, wanted, Beside::default(), printer, |settings, _| Goal::disconnected(settings)).await
        }
    }
}

/// What `EventBridge` has beside the triggers.
#[derive(Default)]
struct Beside {
    /// Rules that send the same pushes to the same function.
    second_routes: Vec<String>,
    /// Rules that start the pipeline past the function.
    past: Vec<String>,
    unchecked: Vec<String>,
}

impl Beside {
    async fn read(aws: &Aws, wanted: &Wanted) -> Self {
        let rules = match rules::read(aws).await {
            Ok(rules) => rules,
            Err(call) => return Self { unchecked: vec![rules::unread(&call)], ..Self::default() },
        };
        let function = unqualified(&wanted.function);
        let is_second =
            |rule: &&Rule| rule.is_on_repository(&wanted.repository) && rule.functions().any(|arn| arn == function);
        let named = |rule: &Rule| rule.name.clone();
        let second_routes = rules.iter().filter(is_second).map(named).collect();
        let Some(pipeline) = pipeline(wanted) else {
            let line = "not checked: rules on the pipeline's source. Look with: codecommit doctor PIPELINE";
            return Self { second_routes, unchecked: vec![line.to_owned()], ..Self::default() };
        };
        let past = rules.iter().filter(|rule| rule.starts(&pipeline)).map(named).collect();
        Self { second_routes, past, unchecked: Vec::new() }
    }

    fn refuse(&self, wanted: &Wanted) -> Result<(), Failure> {
        self.second_routes.first().map_or(Ok(()), |rule| {
            let (repository, function) = (&wanted.repository, &wanted.function);
            let line = format!("failed to connect {repository} to {function}: rule {rule} of EventBridge is a route to it already, and each push would start twice");
            Err(Failure::of(line, "SecondRoute"))
        })
    }

    fn warnings(&self) -> Vec<String> {
        let second = self
            .second_routes
            .iter()
            .map(|rule| format!("rule {rule} is a second route to the same function: its pushes start twice"));
        let past = self
            .past
            .iter()
            .map(|rule| format!("rule {rule} starts the pipeline past the function: each push runs twice"));
        second.chain(past).collect()
    }
}

/// The pipeline, where the triggers name it.
fn pipeline(wanted: &Wanted) -> Option<String> {
    let data: Value = serde_json::from_str(wanted.custom_data.as_deref()?).ok()?;
    data["pipeline_name"].as_str().map(str::to_owned)
}

async fn change(
    aws: &Aws,
    wanted: Wanted,
    beside: Beside,
    printer: &Printer,
    goal: impl for<'a> Fn(&'a TriggerSettings, triggers::Selects<'a>) -> Goal<'a>,
) -> Result<(), Failure> {
    let custom_data = custom_data(&wanted)?;
    let branches = wanted.branches.unwrap_or_default();
    let settings = TriggerSettings {
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
    show(&outcome, &beside, wanted.dry_run, printer)
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

fn show(outcome: &Applied, beside: &Beside, is_dry: bool, printer: &Printer) -> Result<(), Failure> {
    let difference = outcome.difference();
    let warnings: Vec<String> = outcome.warnings.iter().map(ToString::to_string).chain(beside.warnings()).collect();
    printer.warn(&warnings);
    if printer.json {
        return output::print_json(&json!({
            "before": described(&outcome.before),
            "after": described(&outcome.after),
            "changed": !difference.is_empty(),
            "written": !is_dry && outcome.writes > 0,
            "warnings": warnings,
            "not_checked": beside.unchecked,
        }));
    }
    let head = match (difference.is_empty(), is_dry) {
        (true, _) => "nothing to change\n",
        (false, true) => "would change:\n",
        (false, false) => "changed:\n",
    };
    output::print(format!("{head}{difference}").as_bytes())?;
    beside.unchecked.iter().try_for_each(|line| output::print(format!("{line}\n").as_bytes()))
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
