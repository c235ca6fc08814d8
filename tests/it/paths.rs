//! `PATHS`: a branch runs only if it has changed a matching path since it left the trunk. Git gives the expected
//! answer.

use codecommit_multibranch::Answer;
use codecommit_multibranch::plan::Reason;
use git_archive::object::ObjectId;
use oracle::Repository;
use serde_json::json;

use crate::branch::held;
use crate::world::{BRANCH, PIPELINE, World, event, pushed};

/// Adds a commit that writes or deletes one path.
fn change(repository: &Repository, reference: &str, from: &str, path: &str, deletes: bool) -> ObjectId {
    let line = if deletes { format!("D {path}\n") } else { format!("M 100644 inline {path}\ndata 1\nx\n") };
    let stream =
        format!("commit {reference}\ncommitter C <c@example.com> 1700000400 +0000\ndata 1\nm\nfrom {from}^0\n{line}\n");
    repository.run(&["fast-import", "--quiet", "--force"], stream.as_bytes());
    repository.id(reference)
}

/// Returns the paths that Git says the branch changed.
fn changed(repository: &Repository) -> String {
    let base = String::from_utf8(repository.run(&["merge-base", "main", BRANCH], b"")).expect("an id");
    let changed = repository.run(&["diff", "--name-only", "--no-renames", base.trim(), BRANCH], b"");
    String::from_utf8(changed).expect("paths")
}

fn monorepo(settings: &[(&str, &str)]) -> World {
    let world = held(settings);
    world.repository.run(&["symbolic-ref", "HEAD", "refs/heads/main"], b"");
    change(&world.repository, "refs/heads/main", "refs/heads/main", "api/old.rs", false);
    world
}

#[tokio::test]
async fn the_changes_since_the_merge_base_decide() {
    let world = monorepo(&[("PATHS", "api/**,!api/**/*.md")]);
    for (number, (path, deletes, runs)) in [
        ("web/index.html", false, false),
        ("api/readme.md", false, false),
        ("api/deep/server.rs", false, true),
        ("api/old.rs", true, true),
        ("apis/x.rs", false, false),
    ]
    .into_iter()
    .enumerate()
    {
        let commit = change(&world.repository, BRANCH, "refs/heads/main", path, deletes);
        // A later commit of the trunk changes a matching path, which does not count.
        change(&world.repository, "refs/heads/main", "refs/heads/main", &format!("api/trunk-{number}.rs"), false);
        assert_eq!(changed(&world.repository).trim(), path);
        let event = pushed(&format!("push {number}"), &[(BRANCH, commit)]);
        for _ in 0..2 {
            let answer = world.handle(event.clone()).await.unwrap();
            let reasons: Vec<Reason> = answer.skipped.iter().map(|skipped| skipped.reason).collect();
            let expected = if runs { vec![] } else { vec![Reason::PathsNotChanged] };
            assert_eq!((answer.started.len(), reasons), (usize::from(runs), expected), "{path}");
        }
    }
    assert_eq!(world.executions().len(), 2);
}

#[tokio::test]
async fn what_aws_cannot_tell_runs_with_a_warning() {
    let world = monorepo(&[("PATHS", "api/**")]);
    // The branch has no common ancestor with the trunk.
    let run = world.started(pushed("alone", &[(BRANCH, world.tip())])).await;
    assert!(run.warnings[0].contains("GetMergeOptions failed with "), "{run:?}");
    let commit = change(&world.repository, BRANCH, "refs/heads/main", "web/x", false);
    world.inject("GetDifferences:every:denied");
    let run = world.started(pushed("denied", &[(BRANCH, commit)])).await;
    assert_eq!(run.warnings.len(), 1);
}

#[tokio::test]
async fn custom_data_has_paths_of_its_own_and_no_paths_ask_nobody() {
    let world = monorepo(&[]);
    let commit = change(&world.repository, BRANCH, "refs/heads/main", "web/x", false);
    world.started(pushed("one", &[(BRANCH, commit)])).await;
    assert_eq!(world.counts(["GetRepository", "GetMergeOptions", "GetDifferences"]), [0, 0, 0]);
    let mut event = pushed("two", &[(BRANCH, commit)]);
    event["Records"][0]["customData"] = json!({ "paths": "api/**" }).to_string().into();
    let answer = world.handle(event.clone()).await.unwrap();
    assert_eq!(answer.skipped[0].reason, Reason::PathsNotChanged);
    assert_eq!(world.counts(["GetRepository", "GetMergeOptions", "GetDifferences"]), [1, 1, 1]);
    event["Records"][0]["customData"] = json!({ "paths": "!web/**" }).to_string().into();
    let error = world.failed(event).await;
    assert_eq!(error.error.code(), "CustomDataInvalid");
}

/// Two rules on one repository send the same event, each with settings of its own.
#[tokio::test]
async fn a_push_starts_each_pipeline_of_a_monorepo_once() {
    let world = monorepo(&[("PIPELINES", "demo-*"), ("REPOSITORIES", "demo")]);
    let service = world.emulator.codepipeline();
    let declared = service.call("GetPipeline", json!({ "name": PIPELINE })).await.expect("it is there");
    let mut web = declared["pipeline"].clone();
    web["name"] = "demo-web".into();
    service.call("CreatePipeline", json!({ "pipeline": web })).await.expect("it may be so");
    let runs = |name: &str| world.emulator.codepipeline().executions(name).len();
    let before = runs("demo-web");
    let rules = [("demo-dev", "api/**"), ("demo-web", "web/**,shared/**")];
    for (path, wanted) in [("web/x", &["demo-web"][..]), ("api/x", &["demo-dev"]), ("shared/x", &["demo-web"])] {
        let commit = change(&world.repository, BRANCH, "refs/heads/main", path, false);
        let mut inner = event("eventbridge-updated.json");
        inner["id"] = path.into();
        inner["detail"]["commitId"] = commit.to_string().into();
        inner["detail"]["referenceFullName"] = BRANCH.into();
        let mut started = Vec::new();
        for (pipeline, paths) in rules {
            let event = json!({ "settings": { "pipeline_name": pipeline, "paths": paths }, "event": inner });
            let answers: [Answer; 2] = [world.handle(event.clone()).await.unwrap(), world.handle(event).await.unwrap()];
            let [first, second] = answers.map(|answer| answer.started);
            assert_eq!(first.len(), second.len(), "every delivery has the same answer");
            started.extend(first.into_iter().map(|run| run.pipeline));
        }
        assert_eq!(started, wanted, "{path}");
    }
    // A change in both starts both, although the event, the commit and the key are the same.
    let commit = change(&world.repository, BRANCH, BRANCH, "api/y", false);
    for (pipeline, paths) in rules {
        let mut event = pushed("both", &[(BRANCH, commit)]);
        event["Records"][0]["customData"] = json!({ "pipeline_name": pipeline, "paths": paths }).to_string().into();
        assert_eq!(world.started(event).await.pipeline, pipeline);
    }
    assert_eq!((runs("demo-dev"), runs("demo-web") - before), (2, 3));
}
