//! Changes and settings become jobs. These cases need more than an event of `events/`.

use codecommit_multibranch::config::Config;
use codecommit_multibranch::event::{self, Change};
use codecommit_multibranch::plan::{Plan, PlanError, Reason, plan};
use serde_json::Value;

use super::world::event;

fn config(settings: &[(&str, &str)]) -> Config {
    let value = |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    Config::from_lookup(value).expect("the settings are right")
}

fn changes(event: Value) -> Vec<Change> {
    event::parse(event).expect("an event").messages.remove(0).changes.expect("changes")
}

/// Returns the plan for a push to `feature/login` with this custom data.
fn planned(custom_data: &str, settings: &[(&str, &str)]) -> (Plan, Vec<PlanError>) {
    let mut event = event("branch-updated.json");
    event["Records"][0]["customData"] = custom_data.into();
    let (plan, failed) = plan(changes(event), &config(settings));
    (plan, failed.into_iter().map(|(_, error)| error).collect())
}

const ENVIRONMENT: [(&str, &str); 3] =
    [("PIPELINE_NAME", "env"), ("PIPELINES", "own,team-*"), ("SOURCE_ACTION", "EnvSource")];

/// Custom data with a glob whose match would never end is an error.
#[test]
fn globs_in_custom_data_are_matched_in_bounded_time() {
    let mut event = event("branch-updated.json");
    event["Records"][0]["customData"] = format!(r#"{{"branches": "{}x"}}"#, "**/".repeat(44)).into();
    event["Records"][0]["codecommit"]["references"][0]["ref"] = format!("refs/heads/{}y", "a/".repeat(100)).into();
    let (_, failed) = plan(changes(event), &config(&ENVIRONMENT));
    let told = failed[0].1.to_string();
    assert!(matches!(failed[0].1, PlanError::CustomData { field: "branches", .. }), "{told}");
    assert!(told.contains("too many steps"), "{told}");
}

/// Custom data can only narrow the operator's settings.
#[test]
fn custom_data_never_widens() {
    let narrow = [("PIPELINE_NAME", "env"), ("PIPELINES", "team-*"), ("BRANCHES", "**,!feature/login")];
    let (plan, failed) = planned(r#"{"branches":"**"}"#, &narrow);
    assert_eq!((plan.jobs.len(), plan.skipped[0].reason, failed.len()), (0, Reason::NotSelected, 0));
    for (pipeline, settings, is_allowed) in [
        ("env", &ENVIRONMENT[..1], true),
        ("team-a", &ENVIRONMENT[..], true),
        ("other", &ENVIRONMENT[..], false),
        ("own", &ENVIRONMENT[..1], false),
    ] {
        let (plan, failed) = planned(&format!(r#"{{"pipeline_name":"{pipeline}"}}"#), settings);
        assert_eq!(plan.jobs.len(), usize::from(is_allowed), "{pipeline}");
        let is_refused =
            matches!(&failed[..], [PlanError::PipelineRefused { pipeline: named, .. }] if named == pipeline);
        assert_eq!(is_refused, !is_allowed, "{pipeline}: {failed:?}");
    }
}

#[test]
fn custom_data_may_say_some_of_it() {
    for (custom_data, pipeline, action) in [
        ("{}", "env", Some("EnvSource")),
        (r#"{"pipeline_name":"","branches":"","paths":""}"#, "env", Some("EnvSource")),
        (r#"{"pipeline_name":"own"}"#, "own", None),
        (r#"{"source_action":"Own"}"#, "env", Some("Own")),
        (r#"{"pipeline_name":"own","source_action":"Own"}"#, "own", Some("Own")),
        (r#"{"pipeline_name":null,"unknown":1}"#, "env", Some("EnvSource")),
        ("[]", "env", Some("EnvSource")),
        ("\"text\"", "env", Some("EnvSource")),
        ("{ broken", "env", Some("EnvSource")),
    ] {
        let (plan, failed) = planned(custom_data, &ENVIRONMENT);
        assert_eq!(failed, [], "{custom_data}");
        assert_eq!(plan.jobs[0].pipeline, pipeline, "{custom_data}");
        assert_eq!(plan.jobs[0].source_action.as_deref(), action, "{custom_data}");
    }
}

#[test]
fn custom_data_that_is_ours_but_wrong_is_a_failure() {
    for (custom_data, field) in [
        (r#"{"pipeline_name":"a b"}"#, "pipeline_name"),
        (r#"{"source_action":"a/b"}"#, "source_action"),
        (r#"{"branches":"!a"}"#, "branches"),
        (r#"{"pipeline_name":5}"#, "as JSON"),
    ] {
        let (plan, failed) = planned(custom_data, &ENVIRONMENT);
        assert!(plan.jobs.is_empty() && plan.skipped.is_empty(), "{custom_data}");
        assert!(matches!(&failed[..], [PlanError::CustomData { field: at, .. }] if *at == field), "{failed:?}");
    }
}

#[test]
fn custom_data_selects_branches() {
    for (branches, is_selected) in
        [("feature/**", true), ("feature/*", true), ("other", false), ("**,!feature/**", false)]
    {
        let (plan, _) = planned(&format!(r#"{{"branches":"{branches}"}}"#), &ENVIRONMENT);
        assert_eq!(plan.jobs.len(), usize::from(is_selected), "{branches}");
        assert_eq!(
            plan.skipped.iter().any(|skipped| skipped.reason == Reason::NotSelected),
            !is_selected,
            "{branches}"
        );
    }
}

#[test]
fn without_a_pipeline_only_what_would_start_one_fails() {
    let (_, failed) = planned("", &[]);
    assert!(matches!(&failed[..], [PlanError::NoPipeline { repository }] if repository == "demo"), "{failed:?}");
    let (plan, failed) = plan(changes(event("branch-deleted.json")), &config(&[]));
    assert_eq!((plan.skipped.len(), failed.len()), (1, 0));
}

#[test]
fn a_repository_that_is_not_allowed_is_refused() {
    let settings = |repositories| [("PIPELINE_NAME", "dev"), ("REPOSITORIES", repositories)];
    assert_eq!(planned("", &settings("demo")).0.jobs.len(), 1);
    let (plan, failed) = planned("", &settings("arn:aws:codecommit:eu-central-1:999999999999:demo,other"));
    assert!(plan.jobs.is_empty());
    assert!(matches!(&failed[..], [PlanError::Refused { arn }] if arn.ends_with(":123456789012:demo")), "{failed:?}");
}

/// The account of an event becomes part of a role's ARN.
#[test]
fn an_account_that_is_none_is_refused() {
    let role = ("SOURCE_ROLE_ARN", "arn:aws:iam::{account}:role/source");
    for (account, is_allowed) in [("123456789012", true), ("12345678901", false), ("12345678901/", false)] {
        let mut event = event("branch-updated.json");
        event["Records"][0]["eventSourceARN"] = format!("arn:aws:codecommit:eu-central-1:{account}:demo").into();
        let (plan, failed) = plan(changes(event), &config(&[("PIPELINE_NAME", "dev"), role]));
        assert_eq!((plan.jobs.len(), failed.is_empty()), (usize::from(is_allowed), is_allowed), "{account}");
    }
}

#[test]
fn a_push_that_names_no_commit_is_a_failure_and_the_zero_commit_is_not() {
    let with = |commit: Value| {
        let mut event = event("branch-updated.json");
        event["Records"][0]["codecommit"]["references"][0]["commit"] = commit;
        plan(changes(event), &config(&ENVIRONMENT))
    };
    let (_, failed) = with(Value::Null);
    assert!(matches!(failed[0].1, PlanError::NoCommit { .. }), "{failed:?}");
    let (zero, failed) = with("0".repeat(40).into());
    assert_eq!((zero.skipped[0].reason, failed.len()), (Reason::ZeroCommit, 0));
}

#[test]
fn each_reference_is_planned_once_and_a_failure_hides_no_other() {
    let mut event = event("many-parts.json");
    let record = event["Records"][0].clone();
    event["Records"].as_array_mut().unwrap().push(record);
    event["Records"][1]["customData"] = r#"{"pipeline_name":5}"#.into();
    let (plan, failed) = plan(changes(event), &config(&ENVIRONMENT));
    let names: Vec<_> = plan.jobs.iter().map(codecommit_multibranch::plan::Job::branch).collect();
    assert_eq!(names, ["feature/a", "feature/b"]);
    assert_eq!(failed.len(), 1);
}
