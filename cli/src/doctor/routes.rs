//! The ways from a push to a run: there must be one, and no second.

use std::collections::BTreeMap;

use codecommit::aws::Aws;
use codecommit_multibranch::triggers::{Event, Trigger};

use super::object::Object;
use super::report::Report;
use crate::rules::{self, Rule, unqualified};

/// Between what the ways lead.
pub(super) struct Ways<'a> {
    pub(super) pipeline: &'a str,
    pub(super) object: Option<&'a Object>,
    pub(super) repository: Option<&'a str>,
}

pub(super) async fn check(aws: &Aws, ways: &Ways<'_>, triggers: Option<Vec<Trigger>>, report: &mut Report) {
    let rules = match rules::read(aws).await {
        Ok(rules) => {
            past_the_function(&rules, ways, report);
            rules
        }
        Err(call) => {
            report.warn("rules", rules::unread(&call));
            Vec::new()
        }
    };
    if let (Some(triggers), Some(repository)) = (triggers, ways.repository) {
        to_functions(&triggers, &rules, repository, report);
    }
}

/// Rules that start the pipeline themselves, beside the function.
fn past_the_function(rules: &[Rule], ways: &Ways<'_>, report: &mut Report) {
    let is_past = |rule: &&Rule| {
        let on_object = ways.object.is_some_and(|object| rule.is_on_object(&object.bucket, &object.key));
        let on_repository = ways.repository.is_some_and(|repository| rule.is_on_repository(repository));
        rule.starts(ways.pipeline) && (on_object || on_repository)
    };
    let names: Vec<&str> = rules.iter().filter(is_past).map(|rule| rule.name.as_str()).collect();
    match names.first() {
        None => report.ok("rules", "none on the default bus starts the pipeline past the function"),
        Some(first) => report.fail(
            "rules",
            format!(
                "start the pipeline too, so that a push runs twice: {}. aws events disable-rule --name {first}",
                names.join(", ")
            ),
        ),
    }
}

/// Triggers and rules that send pushes to a function.
fn to_functions(triggers: &[Trigger], rules: &[Rule], repository: &str, report: &mut Report) {
    let routes: Vec<&Trigger> = triggers.iter().filter(|trigger| is_route(trigger)).collect();
    let mut ways: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for trigger in &routes {
        ways.entry(unqualified(&trigger.destination_arn)).or_default().push(format!("trigger {}", trigger.name));
    }
    let mut twice = overlap(&routes);
    for rule in rules.iter().filter(|rule| rule.is_on_repository(repository)) {
        for function in rule.functions() {
            let names = ways.entry(function).or_default();
            twice |= !names.is_empty();
            names.push(format!("rule {}", rule.name));
        }
    }
    let told: Vec<String> =
        ways.iter().map(|(function, names)| format!("{} to {function}", names.join(", "))).collect();
    if told.is_empty() {
        let mend = "no trigger or rule that is seen sends pushes to a function: codecommit triggers connect";
        report.warn("triggers", mend);
    } else if twice {
        let mend = "the same push comes twice to one function, and starts twice; keep one way";
        report.fail("triggers", format!("{mend}: {}", told.join("; ")));
    } else {
        report.ok("triggers", told.join("; "));
    }
}

fn is_route(trigger: &Trigger) -> bool {
    trigger.destination_arn.contains(":lambda:") && trigger.fires_on(&Event::UpdateReference)
}

/// Returns whether two of them send the same push to one function.
fn overlap(routes: &[&Trigger]) -> bool {
    let meets = |one: &Trigger, other: &Trigger| {
        unqualified(&one.destination_arn) == unqualified(&other.destination_arn)
            && (one.branches.is_empty()
                || other.branches.is_empty()
                || one.branches.iter().any(|branch| other.is_for(branch)))
    };
    routes.iter().enumerate().any(|(at, one)| routes[at + 1..].iter().any(|other| meets(one, other)))
}
