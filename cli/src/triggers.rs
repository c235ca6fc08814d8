//! `codecommit triggers`: lists, connects, syncs and disconnects triggers.

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
            let others = OtherRoutes::read(&aws, &wanted).await;
            others.refuse(&wanted)?;
            change(&aws, wanted, others, printer, |settings, selects| Goal::connected(settings, selects)).await
        }
        Triggers::Sync(wanted) => {
            let others = OtherRoutes::read(&aws, &wanted).await;
            change(&aws, wanted, others, printer, |settings, selects| Goal::reconciled(settings, selects)).await
        }
        Triggers::Disconnect(wanted) => {
            change(&aws, wanted, OtherRoutes::default(), printer, |settings, _| Goal::disconnected(settings)).await
        }
    }
}

/// Rules of `EventBridge` that double the triggers.
#[derive(Default)]
struct OtherRoutes {
    /// Rules that send the same pushes to the same function.
    second_routes: Vec<String>,
    /// Rules that start the pipeline without the function.
    direct: Vec<String>,
    unchecked: Vec<String>,
}

impl OtherRoutes {
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
            let line = "not checked: rules on the pipeline's source; check them with: codecommit doctor PIPELINE";
            return Self { second_routes, unchecked: vec![line.to_owned()], ..Self::default() };
        };
        let direct = rules.iter().filter(|rule| rule.starts(&pipeline)).map(named).collect();
        Self { second_routes, direct, unchecked: Vec::new() }
    }

    fn refuse(&self, wanted: &Wanted) -> Result<(), Failure> {
        self.second_routes.first().map_or(Ok(()), |rule| {
            let (repository, function) = (&wanted.repository, &wanted.function);
            let line = format!(
                "failed to connect {repository} to {function}: the EventBridge rule {rule} invokes it \
                 already, and each push would start twice"
            );
            Err(Failure::of(line, "SecondRoute"))
        })
    }

    fn warnings(&self) -> Vec<String> {
        let second = self
            .second_routes
            .iter()
            .map(|rule| format!("the rule {rule} invokes the same function: each push starts twice"));
        let direct = self
            .direct
            .iter()
            .map(|rule| format!("the rule {rule} starts the pipeline without the function: each push runs twice"));
        second.chain(direct).collect()
    }
}

/// Returns the pipeline that the custom data names.
fn pipeline(wanted: &Wanted) -> Option<String> {
    let data: Value = serde_json::from_str(wanted.custom_data.as_deref()?).ok()?;
    data["pipeline_name"].as_str().map(str::to_owned)
}

async fn change(
    aws: &Aws,
    wanted: Wanted,
    others: OtherRoutes,
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
    show(&outcome, &others, wanted.dry_run, printer)
}

/// Returns the custom data. With one trigger for all branches the function selects, so the globs are a part of it.
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

fn show(outcome: &Applied, others: &OtherRoutes, is_dry: bool, printer: &Printer) -> Result<(), Failure> {
    let difference = outcome.difference();
    let warnings: Vec<String> = outcome.warnings.iter().map(ToString::to_string).chain(others.warnings()).collect();
    printer.warn(&warnings);
    if printer.json {
        return output::print_json(&json!({
            "before": described(&outcome.before),
            "after": described(&outcome.after),
            "changed": !difference.is_empty(),
            "written": !is_dry && outcome.writes > 0,
            "warnings": warnings,
            "not_checked": others.unchecked,
        }));
    }
    let head = match (difference.is_empty(), is_dry) {
        (true, _) => "nothing to change\n",
        (false, true) => "would change:\n",
        (false, false) => "changed:\n",
    };
    output::print_lines(&format!("{head}{difference}"))?;
    others.unchecked.iter().try_for_each(|line| output::print_lines(line))
}

fn list(triggers: &[Trigger], printer: &Printer) -> Result<(), Failure> {
    if printer.json {
        return output::print_json(&described(triggers));
    }
    // The list is printed as additions to an empty list, without the plus signs.
    let added = format!("\n{}", Difference::between(&[], triggers)).replace("\n+ ", "\n");
    output::print_lines(added.trim_start())
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
