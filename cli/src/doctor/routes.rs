//! Checks of the routes from a push to a run: there must be exactly one.

use std::collections::BTreeMap;

use codecommit::aws::Aws;
use codecommit_multibranch::triggers::{Event, Trigger};

use super::object::Object;
use super::report::Report;
use crate::rules::{self, Rule, unqualified};

/// The ends of the routes.
pub(super) struct Route<'a> {
    pub(super) pipeline: &'a str,
    pub(super) object: Option<&'a Object>,
    pub(super) repository: Option<&'a str>,
}

/// Checks the routes, and returns the functions that they lead to.
pub(super) async fn check(
    aws: &Aws,
    route: &Route<'_>,
    triggers: Option<Vec<Trigger>>,
    report: &mut Report,
) -> Vec<String> {
    let rules = match rules::read(aws).await {
        Ok(rules) => {
            check_direct_rules(&rules, route, report);
            rules
        }
        Err(call) => {
            report.warn("rules", rules::unread(&call));
            Vec::new()
        }
    };
    match (triggers, route.repository) {
        (Some(triggers), Some(repository)) => to_functions(&triggers, &rules, repository, report),
        _ => Vec::new(),
    }
}

/// Checks for rules that start the pipeline without the function.
fn check_direct_rules(rules: &[Rule], route: &Route<'_>, report: &mut Report) {
    let is_past = |rule: &&Rule| {
        let on_object = route.object.is_some_and(|object| rule.is_on_object(&object.bucket, &object.key));
        let on_repository = route.repository.is_some_and(|repository| rule.is_on_repository(repository));
        rule.starts(route.pipeline) && (on_object || on_repository)
    };
    let names: Vec<&str> = rules.iter().filter(is_past).map(|rule| rule.name.as_str()).collect();
    match names.first() {
        None => report.ok("rules", "none on the default bus starts the pipeline without the function"),
        Some(first) => report.fail(
            "rules",
            format!(
                "start the pipeline too, so that a push runs twice: {}; disable them with: aws events disable-rule \
                 --name {first}",
                names.join(", ")
            ),
        ),
    }
}

/// Checks the triggers and rules that send pushes to a function, and returns these functions.
fn to_functions(triggers: &[Trigger], rules: &[Rule], repository: &str, report: &mut Report) -> Vec<String> {
    let routes: Vec<&Trigger> = triggers.iter().filter(|trigger| is_route(trigger)).collect();
    let mut sources: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for trigger in &routes {
        sources.entry(unqualified(&trigger.destination_arn)).or_default().push(format!("trigger {}", trigger.name));
    }
    let mut twice = overlap(&routes);
    for rule in rules.iter().filter(|rule| rule.is_on_repository(repository)) {
        for function in rule.functions() {
            let names = sources.entry(function).or_default();
            twice |= !names.is_empty();
            names.push(format!("rule {}", rule.name));
        }
    }
    let functions = sources.keys().map(|&function| function.to_owned()).collect();
    let routes: Vec<String> =
        sources.iter().map(|(function, names)| format!("{} to {function}", names.join(", "))).collect();
    if routes.is_empty() {
        let fix =
            "no trigger or readable rule sends pushes to a function; connect one with: codecommit triggers connect";
        report.warn("triggers", fix);
    } else if twice {
        let fix = "the same push reaches a function twice and starts twice; remove one of";
        report.fail("triggers", format!("{fix}: {}", routes.join("; ")));
    } else {
        report.ok("triggers", routes.join("; "));
    }
    functions
}

fn is_route(trigger: &Trigger) -> bool {
    trigger.destination_arn.contains(":lambda:") && trigger.fires_on(&Event::UpdateReference)
}

/// Returns true if two of them send the same push to one function.
fn overlap(routes: &[&Trigger]) -> bool {
    let meets = |one: &Trigger, other: &Trigger| {
        unqualified(&one.destination_arn) == unqualified(&other.destination_arn)
            && (one.branches.is_empty()
                || other.branches.is_empty()
                || one.branches.iter().any(|branch| other.is_for(branch)))
    };
    routes.iter().enumerate().any(|(at, one)| routes[at + 1..].iter().any(|other| meets(one, other)))
}
