//! A push becomes a run: the stored object, the started run, and the requests.

use codecommit_multibranch::plan::Reason;
use serde_json::json;

use super::small;
use crate::world::{BRANCH, BUCKET, KEY, PIPELINE, World, event, pushed, told};
use oracle::zip as listing;
use oracle::{CommitText, Repository, Tree};
use oracle::{every_kind, noise};

#[tokio::test]
async fn a_push_becomes_a_pinned_run() {
    let commit = CommitText { message: "Größe:  öffnen\n\nMehr dazu.\n".into(), ..CommitText::default() };
    let world = World::over(Repository::import(&every_kind().commit(BRANCH, &commit)));
    let run = world.started(world.push()).await;
    world.assert_is_archive_of(&run.version_id, world.tip());

    let executions = world.executions();
    assert_eq!(executions.len(), 1);
    let [revision] = &executions[0].revisions[..] else { panic!("one source: {executions:?}") };
    assert_eq!((revision.action.as_str(), &revision.id), ("Source", &run.version_id));
    assert_eq!((&executions[0].id, &run.found), (&run.pipeline_execution_id, &None));
    let tip = world.tip().to_string();
    let variables = [
        ("BRANCH_NAME", "feature/login"),
        ("COMMIT_ID", &tip),
        ("REPOSITORY_NAME", "demo"),
        ("AUTHOR", "A U Thor <author@example.com>"),
        ("COMMIT_MESSAGE", "Größe:  öffnen  Mehr dazu."),
    ];
    for (name, value) in variables {
        let found = executions[0].variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        assert_eq!(found, Some(value), "{name}");
    }
    let object = world.emulator.store().object(BUCKET, KEY, Some(&run.version_id)).unwrap();
    let metadata = object.metadata();
    assert_eq!(metadata["commit"], tip);
    assert_eq!((metadata["branch"].as_str(), metadata["repository"].as_str()), ("feature/login", "demo"));
    assert_eq!(metadata["codepipeline-artifact-revision-summary"], "Gr??e:  ?ffnen");
    assert_eq!(Some(&metadata["delivery-token"]), executions[0].token.as_ref());
    assert_eq!(revision.summary.as_deref(), Some("Gr??e:  ?ffnen"));
}

#[tokio::test]
async fn each_request_is_sent_once() {
    let world = World::of(&every_kind());
    let run = world.started(world.push()).await;
    let mut asked: Vec<_> = world.emulator.requests().into_iter().map(|request| request.operation).collect();
    asked.sort();
    // There are five folders and thirteen archived contents, with the attributes. One content occurs twice.
    let mut expected = vec!["GetPipeline", "GetBucketVersioning", "GetBranch", "GetCommit"];
    // One request for the zip and three for the record: the claim, the version and the execution.
    expected.extend(["PutObject"; 4]);
    expected.extend(["StartPipelineExecution"].into_iter().chain(["GetFolder"; 5]).chain(["GetBlob"; 13]));
    expected.sort_unstable();
    assert_eq!(asked, expected);
    assert_eq!(run.api_calls.values().sum::<u64>(), expected.len() as u64);
    assert_eq!(told(&run)["entries"], 19);
    assert_eq!(run.bytes, world.zip(&run.version_id).len() as u64);
    // With the cache, there is one more request. It reads the end of the archive at the key, and the answer also has
    // its version.
    let mut cached = World::of(&every_kind());
    cached.restarted(&[("SOURCE", "api")]);
    cached.started(cached.push()).await;
    let [puts, gets, all] =
        [cached.emulator.count("PutObject"), cached.emulator.count("GetObject"), cached.emulator.requests().len()];
    assert_eq!((puts, gets, all), (4, 1, expected.len() + 1));
    // The pipeline is cached for a while. The object of the other push does not matter.
    world.emulator.clear_requests();
    world.started(pushed("push-2", &[(BRANCH, world.tip())])).await;
    assert_eq!(world.counts(["GetPipeline", "GetBucketVersioning", "HeadObject", "ListObjectVersions"]), [0, 0, 0, 0]);
}

#[tokio::test]
async fn the_answer_tells_what_was_done() {
    let world = World::of(&small());
    let answer = world.handle(world.push()).await.unwrap();
    let answer = serde_json::to_value(answer).unwrap();
    let run = &answer["started"][0];
    assert_eq!(answer["skipped"], json!([]));
    for (field, expected) in [
        ("repository", json!("demo")),
        ("reference", json!(BRANCH)),
        ("commit", json!(world.tip().to_string())),
        ("pipeline", json!(PIPELINE)),
        ("bucket", json!(BUCKET)),
        ("key", json!(KEY)),
        ("entries", json!(1)),
        ("content_bytes", json!(8)),
        ("throttled", json!(0)),
    ] {
        assert_eq!(run[field], expected, "{field} of {run}");
    }
    for step in ["open", "list", "archive", "upload", "start", "total"] {
        assert!(run["milliseconds"][step].is_u64(), "{step} of {run}");
    }
    assert_eq!(run["api_calls"]["PutObject"], 4);
}

#[tokio::test]
async fn what_is_nothing_to_do_asks_nobody() {
    let world = World::of(&small());
    for (file, reasons) in [
        ("branch-deleted.json", &[Reason::Deleted][..]),
        ("tag-created.json", &[Reason::NotABranch]),
        ("tag-deleted.json", &[Reason::NotABranch]),
        ("trunk-updated.json", &[Reason::NotSelected]),
        ("eventbridge-deleted.json", &[Reason::Deleted]),
        ("test-event.json", &[Reason::TestEvent]),
        ("test-event-empty-repository.json", &[Reason::TestEvent]),
        ("no-records.json", &[]),
        ("no-references.json", &[]),
    ] {
        let answer = world.handle(event(file)).await.unwrap();
        let found: Vec<_> = answer.skipped.iter().map(|skipped| skipped.reason).collect();
        assert_eq!((found.as_slice(), answer.started.len()), (reasons, 0), "{file}");
    }
    let mut zero = world.push();
    zero["Records"][0]["codecommit"]["references"][0]["commit"] = "0".repeat(40).into();
    assert_eq!(world.handle(zero).await.unwrap().skipped[0].reason, Reason::ZeroCommit);
    assert_eq!(world.emulator.requests().len(), 0);
    world.assert_untouched();
}

#[tokio::test]
async fn a_commit_that_is_gone_is_left_alone() {
    let world = World::of(&small());
    let answer = world.handle(event("branch-updated.json")).await.unwrap();
    assert_eq!(answer.skipped[0].reason, Reason::Gone);
    assert_eq!(answer.skipped[0].commit.as_deref(), Some("c0ffee2222222222222222222222222222222222"));
    world.assert_untouched();
}

#[tokio::test]
async fn an_empty_tree_is_an_empty_zip() {
    let world = World::of(&Tree::default());
    let run = world.started(world.push()).await;
    world.assert_is_archive_of(&run.version_id, world.tip());
    assert_eq!(told(&run)["entries"], 0);
    assert_eq!(world.counts(["GetFolder", "GetBlob"]), [0, 0]);
}

#[tokio::test]
async fn custom_data_names_the_pipeline() {
    let mut world = World::of(&small());
    world.restarted(&[("SOURCE", "api"), ("CACHE", "off"), ("PIPELINES", "other"), ("REPOSITORIES", "demo")]);
    let mut event = world.push();
    event["Records"][0]["customData"] = r#"{"pipeline_name":"other","source_action":"Second"}"#.into();
    let failed = world.failed(event.clone()).await;
    assert_eq!((failed.error.code(), failed.error.is_permanent()), ("PipelineMissing", true));
    world.change_pipeline(|_| ()).await;
    let mut other = world.emulator.codepipeline().call("GetPipeline", json!({ "name": PIPELINE })).await.unwrap();
    let mut declaration = other["pipeline"].take();
    declaration["name"] = "other".into();
    declaration["stages"][0]["actions"][0]["name"] = "Second".into();
    declaration["stages"][0]["actions"][0]["configuration"]["S3ObjectKey"] = "elsewhere.zip".into();
    world.emulator.codepipeline().create_idle(&json!({ "pipeline": declaration })).unwrap();
    let run = world.started(event).await;
    assert_eq!((run.pipeline.as_str(), run.key.as_str()), ("other", "elsewhere.zip"));
    assert_eq!(world.emulator.codepipeline().executions("other").len(), 1);
    world.assert_untouched();
}

/// A V1 pipeline has no variables. A pipeline gets the variables that it declares.
#[tokio::test]
async fn only_declared_variables_are_given() {
    for declared in [&[][..], &["COMMIT_ID"]] {
        let world = World::of(&small());
        let declare = |name: &&str| json!({ "name": name, "defaultValue": "-" });
        let variables: Vec<_> = declared.iter().map(declare).collect();
        world.change_pipeline(|pipeline| pipeline["variables"] = variables.into()).await;
        world.started(world.push()).await;
        let given: Vec<_> = world.executions()[0].variables.clone();
        let expected: Vec<_> = declared.iter().map(|name| ((*name).to_owned(), world.tip().to_string())).collect();
        assert_eq!(given, expected);
    }
}

/// An empty message, and one that is too long for `CodePipeline`.
#[tokio::test]
async fn variables_and_metadata_keep_their_limits() {
    for (message, expected) in [("", "-".to_owned()), (" \n\n", "-".to_owned()), (&"ä".repeat(1500), "ä".repeat(1000))]
    {
        let commit = CommitText { message: message.into(), ..CommitText::default() };
        let world = World::over(Repository::import(&small().commit(BRANCH, &commit)));
        let run = world.started(world.push()).await;
        let variables = &world.executions()[0].variables;
        let found = variables.iter().find(|(name, _)| name == "COMMIT_MESSAGE").map(|(_, value)| value);
        assert_eq!(found, Some(&expected));
        let object = world.emulator.store().object(BUCKET, KEY, Some(&run.version_id)).unwrap();
        let size: usize = object.metadata().iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!(size <= 2048, "{size} bytes of metadata");
    }
}

#[tokio::test]
async fn a_message_may_ask_for_no_run() {
    for (message, skips) in [("Notes [skip ci]\n", true), ("Notes\n\n[CI Skip]\n", true), ("skip ci\n", false)] {
        let commit = CommitText { message: message.into(), ..CommitText::default() };
        let world = World::over(Repository::import(&small().commit(BRANCH, &commit)));
        let answer = world.handle(world.push()).await.unwrap();
        let reasons: Vec<_> = answer.skipped.iter().map(|skipped| skipped.reason).collect();
        let expected: &[Reason] = if skips { &[Reason::SkipCi] } else { &[] };
        assert_eq!((reasons.as_slice(), answer.started.is_empty()), (expected, skips), "{message}");
    }
}

/// The file follows the tree's own entries, and replaces none of them.
#[tokio::test]
async fn commit_info_is_a_file_in_the_archive() {
    let mut world = World::of(&small());
    world.restarted(&[("COMMIT_INFO", "build/info.json"), ("SOURCE", "api"), ("CACHE", "off")]);
    let run = world.started(world.push()).await;
    let (rows, _) = listing::read(&world.zip(&run.version_id));
    let paths: Vec<_> = rows.iter().map(|row| row.path.to_string()).collect();
    assert_eq!(paths, ["file", "build/info.json"]);
    let info: serde_json::Value = serde_json::from_slice(&rows[1].content).unwrap();
    assert_eq!((&info["commit"], &info["branch"]), (&json!(run.commit), &json!("feature/login")));
    for taken in ["file", "file/info.json", "file/deep/info.json"] {
        world.restarted(&[("COMMIT_INFO", taken), ("SOURCE", "api"), ("CACHE", "off")]);
        let failed = world.failed(pushed(taken, &[(BRANCH, world.tip())])).await;
        assert_eq!((failed.error.code(), failed.error.is_permanent()), ("PathTaken", true), "{taken}");
    }
    // A name that only begins alike is another one.
    world.restarted(&[("COMMIT_INFO", "file.json"), ("SOURCE", "api"), ("CACHE", "off")]);
    world.started(pushed("alike", &[(BRANCH, world.tip())])).await;
}

#[tokio::test]
async fn a_commit_over_the_size_limit_is_refused() {
    let mut tree = small();
    tree.add("large", "100644", noise(2 << 20));
    let repository = Repository::import(&tree.commit(BRANCH, &CommitText::default()));
    let mut world = World::with(repository, &[("SIZE_LIMIT_MIB", "1"), ("SOURCE", "api"), ("CACHE", "off")]);
    let failed = world.failed(world.push()).await;
    assert_eq!((failed.error.code(), failed.error.is_permanent()), ("SizeLimit", true));
    world.assert_untouched();
    world.restarted(&[("SIZE_LIMIT_MIB", "3"), ("SOURCE", "api"), ("CACHE", "off")]);
    world.started(world.push()).await;
}
