//! The outcome line: flat, of limited size, and with a metric only if it is useful.

use codecommit_multibranch::error::Failed;
use codecommit_multibranch::metrics::Line;
use codecommit_multibranch::names::{Reference, RepositoryArn};
use codecommit_multibranch::plan::{PlanError, Reason, Skipped};
use oracle::Tree;
use serde_json::Value;

use super::world::{BRANCH, NAME, PIPELINE, World};

fn read(line: &Line) -> Value {
    let text = line.to_string();
    assert!(!text.contains('\n'), "one line: {text}");
    let line: Value = serde_json::from_str(&text).expect("JSON");
    let nested =
        line.as_object().expect("an object").iter().filter(|(name, value)| *name != "_aws" && !is_plain(value));
    assert_eq!(nested.count(), 0, "flat: {text}");
    line
}

fn is_plain(value: &Value) -> bool {
    value.is_string() || value.is_number()
}

/// Returns the metric that a line declares. Every metric has the same single dimension.
fn metric(line: &Value) -> Option<&str> {
    let declared = &line.get("_aws")?["CloudWatchMetrics"];
    assert_eq!(declared[0]["Dimensions"], serde_json::json!([["Repository"]]), "{line}");
    assert_eq!((declared.as_array()?.len(), declared[0]["Metrics"].as_array()?.len()), (1, 1), "{line}");
    declared[0]["Metrics"][0]["Name"].as_str()
}

fn failed(error: PlanError) -> Failed {
    let repository = RepositoryArn { arn: format!("arn:aws:codecommit:eu-central-1:123456789012:{NAME}") };
    Failed::new(&repository, &Reference(BRANCH.to_owned()), error)
}

#[tokio::test]
async fn a_start_tells_what_it_took() {
    let mut tree = Tree::default();
    tree.add("file", "100644", "content\n");
    let world = World::of(&tree);
    let run = world.started(world.push()).await;
    let line = read(&Line::started(&run));
    assert_eq!((metric(&line), &line["Starts"]), (Some("Starts"), &1.into()));
    for (field, value) in [
        ("Outcome", "started"),
        ("EventId", "push-1"),
        ("Repository", NAME),
        ("Reference", BRANCH),
        ("Commit", &*world.tip().to_string()),
        ("Pipeline", PIPELINE),
        ("ExecutionId", &run.pipeline_execution_id),
        ("VersionId", &run.version_id),
        ("Version", env!("CARGO_PKG_VERSION")),
    ] {
        assert_eq!(line[field], value, "{field}");
    }
    assert_eq!((&line["ArchiveBytes"], &line["Throttles"]), (&run.bytes.into(), &0.into()));
    let steps = ["Open", "List", "Archive", "Upload", "Start", "Total"].map(|step| format!("{step}Milliseconds"));
    assert!(steps.iter().all(|step| line[step].is_u64()), "{line}");
    // A run that an earlier delivery started is reported, but does not count as a new run.
    let again = read(&Line::started(&world.started(world.push()).await));
    assert_eq!((&again["Found"], &again["Starts"]), (&"started".into(), &0.into()));
}

#[test]
fn skips_and_failures_tell_why() {
    let skipped = Skipped {
        repository: NAME.to_owned(),
        reference: BRANCH.to_owned(),
        commit: None,
        reason: Reason::NotSelected,
    };
    let line = read(&Line::skipped(&skipped, Some("push-1")));
    assert_eq!(
        (metric(&line), &line["Reason"], &line["EventId"]),
        (Some("Skips"), &"not-selected".into(), &"push-1".into())
    );
    assert_eq!(line.get("Commit"), None, "what is not known is left out");
    let line = read(&Line::failed(&failed(PlanError::NoPipeline { repository: "x".repeat(9_000) }), None));
    assert_eq!((metric(&line), &line["Outcome"]), (Some("Failures"), &"failed".into()));
    assert!(line["Message"].as_str().unwrap().contains("no pipeline") && line.to_string().len() < 4_000, "{line}");
}

/// The sender of an event chooses the name of its repository, and each name would be a metric that costs money.
#[test]
fn a_refused_repository_makes_no_metric() {
    let line = read(&Line::failed(&failed(PlanError::Refused { arn: "arn:aws:codecommit:::other".to_owned() }), None));
    assert_eq!((metric(&line), &line["Repository"], &line["Outcome"]), (None, &NAME.into(), &"failed".into()));
}
