//! Each event of `events/`, the changes in it, and the plan for them.

use codecommit_multibranch::config::Config;
use codecommit_multibranch::event::{self, EventError, Schedule};
use codecommit_multibranch::plan::plan;
use serde_json::{Value, json};

use super::world::event;

/// Returns a line for each reference of an event, and for each message that cannot be read.
fn told(event: Value) -> Result<Vec<String>, EventError> {
    let name = |name: &str| match name {
        "PIPELINE_NAME" => Some("dev".to_owned()),
        "PIPELINES" => Some("demo-*".to_owned()),
        _ => None,
    };
    let config = Config::from_lookup(name).expect("the settings are right");
    let arrival = event::parse(event)?;
    let mut lines = Vec::new();
    for message in arrival.messages {
        let changes = match message.changes {
            Ok(changes) => changes,
            Err(error) => {
                lines.push(format!("{}: {error}", message.id.unwrap_or_default()));
                continue;
            }
        };
        let (plan, failed) = plan(changes, &config);
        lines.extend(plan.jobs.iter().map(|job| {
            let commit = &job.commit.to_string()[..7];
            let action = job.source_action.as_ref().map(|action| format!(" {action}")).unwrap_or_default();
            format!("deliver {} {commit} to {}{action}", job.reference.0, job.pipeline)
        }));
        lines.extend(plan.skipped.iter().map(|skipped| format!("skip {} {:?}", skipped.reference, skipped.reason)));
        lines.extend(failed.iter().map(|(change, error)| format!("fail {}: {error}", change.reference.0)));
    }
    Ok(lines)
}

#[track_caller]
fn check(file: &str, expected: &[&str]) {
    assert_eq!(told(event(file)).as_deref(), Ok(&expected.iter().map(ToString::to_string).collect::<Vec<_>>()[..]));
}

const LOGIN: &str = "deliver refs/heads/feature/login c0ffee2 to dev";

#[test]
fn a_branch_is_created_pushed_deleted() {
    check("branch-created.json", &["deliver refs/heads/feature/login c0ffee1 to dev"]);
    check("branch-updated.json", &[LOGIN]);
    check("branch-deleted.json", &["skip refs/heads/feature/login Deleted"]);
    check("branch-unicode.json", &["deliver refs/heads/feature/größe&\"100%\"/日本 c0ffee3 to dev"]);
    check("legacy-change-name.json", &[LOGIN]);
}

#[test]
fn what_is_no_branch_for_the_dev_pipeline_is_left_alone() {
    check("tag-created.json", &["skip refs/tags/v1.0.0 NotABranch"]);
    check("tag-deleted.json", &["skip refs/tags/v1.0.0 NotABranch"]);
    check("trunk-updated.json", &["skip refs/heads/main NotSelected"]);
    check("test-event.json", &["skip refs/heads/feature/login TestEvent"]);
    check("test-event-empty-repository.json", &["skip refs/heads/main TestEvent"]);
    check("no-records.json", &[]);
    check("no-references.json", &[]);
    check("eventbridge-merge-unreferenced.json", &[]);
    check("eventbridge-pull-request.json", &[]);
}

#[test]
fn custom_data_goes_before_the_environment() {
    check("custom-data.json", &["deliver refs/heads/feature/login c0ffee2 to demo-dev Source"]);
    check("custom-data-absent.json", &[LOGIN]);
    check("custom-data-empty.json", &[LOGIN]);
    check("custom-data-text.json", &[LOGIN]);
}

#[test]
fn one_event_has_many_references() {
    let all = [
        "deliver refs/heads/feature/a c0ffee1 to dev",
        "deliver refs/heads/feature/c/d c0ffee2 to dev",
        "deliver refs/heads/release/1.x c0ffee4 to dev",
        "skip refs/heads/main NotSelected",
        "skip refs/heads/feature/old Deleted",
        "skip refs/tags/v2.0.0 NotABranch",
    ];
    check("many-references.json", &all);
    let [a, b] = ["deliver refs/heads/feature/a c0ffee1 to dev", "deliver refs/heads/feature/b c0ffee2 to dev"];
    check("many-records.json", &[a, b]);
    check("many-parts.json", &[a, b, "deliver refs/heads/feature/c c0ffee3 to dev"]);
}

#[test]
fn eventbridge_tells_the_same() {
    check("eventbridge-created.json", &["deliver refs/heads/feature/login c0ffee1 to dev"]);
    check("eventbridge-updated.json", &[LOGIN]);
    check("eventbridge-merged.json", &["deliver refs/heads/feature/login c0ffee4 to dev"]);
    check("eventbridge-deleted.json", &["skip refs/heads/feature/login Deleted"]);
    check("eventbridge-tag-created.json", &["skip refs/tags/v1.0.0 NotABranch"]);
}

#[test]
fn either_may_come_in_sns_and_sqs() {
    check("sns-wrapped.json", &[LOGIN]);
    check("sns-eventbridge.json", &[LOGIN]);
    check("sqs-wrapped.json", &[LOGIN, "skip refs/heads/feature/login Deleted"]);
    check("sqs-eventbridge.json", &[LOGIN]);
    check("sqs-sns.json", &[LOGIN]);
    let malformed = "00000000-0000-4000-8000-000000000066: the event is malformed at body: is not JSON: expected ident \
                     at line 1 column 2";
    check("sqs-one-malformed.json", &[LOGIN, malformed]);
}

/// The schedule and the stack's requests belong to the lifecycle. They change no reference.
#[test]
fn what_is_for_the_lifecycle_is_no_push() {
    check("schedule.json", &[]);
    assert_eq!(event::parse(event("schedule.json")).unwrap().schedule, Some(Schedule::Own));
    let of_project = event::parse(event("schedule-project.json")).unwrap();
    assert!(
        matches!(of_project.schedule, Some(Schedule::Project(properties)) if properties["RepositoryName"] == "demo")
    );
    for file in ["custom-resource-create.json", "custom-resource-update.json", "custom-resource-delete.json"] {
        assert_eq!(told(event(file)).unwrap_err().at, "the event", "{file}");
    }
}

#[test]
fn every_event_of_the_folder_is_read_here() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/events");
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(include_str!("events.rs").contains(&format!("\"{name}\"")), "{name} is read by no test");
    }
}

/// The same event over another route, and an event that is delivered twice, have the same token and start once.
#[test]
fn the_token_is_a_function_of_the_event() {
    let name = |name: &str| match name {
        "PIPELINE_NAME" => Some("dev".to_owned()),
        "PIPELINES" => Some("demo-*".to_owned()),
        _ => None,
    };
    let config = Config::from_lookup(name).unwrap();
    let token = |event: Value| {
        let mut messages = event::parse(event).unwrap().messages;
        let (plan, _) = plan(messages.remove(0).changes.unwrap(), &config);
        plan.jobs[0].token.clone()
    };
    let pushed = token(event("branch-updated.json"));
    assert_eq!(pushed, token(event("branch-updated.json")));
    assert_eq!(pushed, token(event("sns-wrapped.json")));
    assert_eq!(pushed, token(event("sqs-sns.json")));
    assert!(pushed.0.len() <= 128 && pushed.0.bytes().all(|b| b.is_ascii_alphanumeric()), "{pushed:?}");
    let other = ["/Records/0/eventId", "/Records/0/codecommit/references/0/ref", "/Records/0/eventSourceARN"];
    for (field, value) in other.into_iter().zip(["2", "refs/heads/b", "arn:aws:codecommit:eu-central-1:1:demo"]) {
        let mut changed = event("branch-updated.json");
        *changed.pointer_mut(field).unwrap() = value.into();
        assert_ne!(pushed, token(changed), "{field}");
    }
}

/// Checks that the error names a field that is missing (null) or wrong.
#[track_caller]
fn check_malformed(file: &str, field: &str, value: Value, named: &str) {
    let mut event = event(file);
    *event.pointer_mut(field).expect("the field is there") = value;
    assert_eq!(told(event).expect_err("it is malformed").at, named);
}

/// A test event may name any commit.
#[test]
fn a_test_may_name_any_commit() {
    let mut test = event("test-event.json");
    test["Records"][0]["codecommit"]["references"][0]["commit"] = "c4894654".into();
    assert_eq!(told(test), Ok(vec!["skip refs/heads/feature/login TestEvent".to_owned()]));
}

#[test]
fn a_malformed_event_names_the_field() {
    let file = "branch-updated.json";
    check_malformed(file, "/Records/0/eventId", Value::Null, "Records[0].eventId");
    check_malformed(file, "/Records/0/eventId", "".into(), "Records[0].eventId");
    check_malformed(file, "/Records/0/eventId", 5.into(), "Records[0].eventId");
    check_malformed(file, "/Records/0/eventSourceARN", Value::Null, "Records[0].eventSourceARN");
    for arn in ["demo", "arn:aws:s3:::demo", "arn:aws:codecommit:eu-central-1::demo", "arn:aws:codecommit:a:1:b:c"] {
        check_malformed(file, "/Records/0/eventSourceARN", arn.into(), "Records[0].eventSourceARN");
    }
    check_malformed(file, "/Records/0/eventTime", "yesterday".into(), "Records[0].eventTime");
    check_malformed(file, "/Records/0/codecommit", "x".into(), "Records[0].codecommit");
    check_malformed(file, "/Records/0/codecommit/references", 7.into(), "Records[0].codecommit.references");
    let reference = "/Records/0/codecommit/references/0";
    for (field, value) in [("ref", Value::Null), ("ref", "".into()), ("commit", "c0ffee".into()), ("ref", json!([]))] {
        let named = format!("Records[0].codecommit.references[0].{field}");
        check_malformed(file, &format!("{reference}/{field}"), value, &named);
    }
    check_malformed("many-records.json", "/Records/1/eventId", Value::Null, "Records[1].eventId");
    let second = "/Records/0/codecommit/references/1/commit";
    check_malformed("many-references.json", second, "x".into(), "Records[0].codecommit.references[1].commit");
}

#[test]
fn a_malformed_wrapping_names_the_field() {
    let file = "eventbridge-updated.json";
    check_malformed(file, "/id", Value::Null, "id");
    check_malformed(file, "/time", Value::Null, "time");
    check_malformed(file, "/resources", json!([]), "resources[0]");
    check_malformed(file, "/resources/0", "x".into(), "resources[0]");
    check_malformed(file, "/detail/event", "renamed".into(), "detail.event");
    check_malformed(file, "/detail/commitId", "x".into(), "detail.commitId");
    check_malformed(file, "/detail/referenceFullName", Value::Null, "detail.referenceFullName");
    check_malformed("sns-wrapped.json", "/Records/0/Sns/Message", "{".into(), "Sns.Message");
    check_malformed("sns-wrapped.json", "/Records/0/Sns/Message", "{}".into(), "the event");
    check_malformed("sns-wrapped.json", "/Records/0/Sns", Value::Null, "Records[0].Sns");
}

#[test]
fn what_is_no_event_at_all_is_malformed() {
    for rubbish in [json!(null), json!([]), json!("x"), json!({}), json!({ "Records": 1 }), json!({ "Records": [{}] })]
    {
        assert_eq!(told(rubbish.clone()).unwrap_err().at, "the event", "{rubbish}");
    }
    // Endless nesting is not followed.
    let mut nested = event("branch-updated.json").to_string();
    for _ in 0..5 {
        nested = json!({ "Type": "Notification", "Message": nested }).to_string();
    }
    let error = told(serde_json::from_str(&nested).unwrap()).unwrap_err();
    assert!(error.reason.contains("wrapped"), "{error}");
}

/// Events of runs and pull requests lead to a report. The event of a push does not.
#[test]
fn what_a_report_is_made_from_is_told_from_a_push() {
    for name in ["eventbridge-execution-failed.json", "eventbridge-pull-request.json"] {
        assert!(codecommit_multibranch::report::is_notice(&event(name)), "{name}");
    }
    assert!(!codecommit_multibranch::report::is_notice(&event("eventbridge-updated.json")));
}
