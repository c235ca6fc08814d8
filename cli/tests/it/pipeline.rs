//! `codecommit start` and `codecommit doctor`.

use emulator::{Fault, FaultKind};

use crate::world::{FUNCTION, World};

#[test]
fn start_does_what_a_push_does() {
    let world = World::new();
    let run = world.json(&["start", "project", "feature/x", "--pipeline", "dev", "--event-id", "one", "--json"]);
    assert_eq!((run["commit"].as_str(), run["bucket"].as_str()), (Some(world.id("main").as_str()), Some("artifacts")));
    let executions = world.emulator.codepipeline().executions("dev");
    assert_eq!(executions.len(), 1);
    let again = world.json(&["start", "project", "feature/x", "--pipeline", "dev", "--event-id", "one", "--json"]);
    assert_eq!(again["pipeline_execution_id"], run["pipeline_execution_id"]);
    let fresh = world.text(&["start", "project", "feature/x", "--pipeline", "dev"]);
    assert!(fresh.starts_with("execution ") && fresh.contains("s3://artifacts/source.zip version "), "{fresh}");
    assert_eq!(world.emulator.codepipeline().executions("dev").len(), 2);
}

/// A push of this commit is skipped, but a start by hand is not.
#[test]
fn start_starts_a_commit_that_asks_for_no_run() {
    let world = World::new();
    world.commit("feature/x", "Typo [skip ci]");
    let run = world.json(&["start", "project", "feature/x", "--pipeline", "dev", "--json"]);
    assert_eq!(run["commit"].as_str(), Some(world.id("feature/x").as_str()));
    assert_eq!(world.emulator.codepipeline().executions("dev").len(), 1);
}

#[test]
fn start_says_what_is_missing() {
    let world = World::new();
    let told = world.failure(&["start", "project", "none", "--pipeline", "dev"]);
    assert!(told.contains("GetBranch failed with BranchDoesNotExistException"), "{told}");
    let told = world.failure(&["start", "project", "main", "--pipeline", "none"]);
    assert!(told.ends_with("(PipelineMissing)"), "{told}");
}

/// As in the function's `PIPELINE_NAME`. The repository is `project`, and there is no pipeline of that name.
#[test]
fn the_pipelines_name_may_contain_the_repositorys() {
    let world = World::new();
    for command in [&["start", "project", "main", "--pipeline"][..], &["runs", "project", "--pipeline"]] {
        let told = world.failure(&[command, &["{repository}-dev"]].concat());
        assert!(told.contains("project-dev") && !told.contains("{repository}"), "{told}");
    }
    let told = world.failure(&["doctor", "{repository}-dev"]);
    assert_eq!(told, "codecommit: {repository} in the pipeline's name needs --repository (Usage)");
}

#[test]
fn doctor_finds_a_healthy_pipeline_and_what_is_not() {
    let world = World::new();
    world.out(&["triggers", "connect", "project", "--function", FUNCTION]);
    let told = world.text(&["doctor", "dev", "--repository", "project"]);
    for line in [
        "ok    pipeline",
        "ok    runs",
        "ok    mode",
        "ok    variables",
        "ok    source",
        "ok    polling",
        "ok    versioning",
        "ok    object",
        "ok    upload",
        "ok    contents",
        "ok    git",
        "ok    triggers",
        "ok    function",
        "ok    permissions",
        "warn  rules         not checked",
    ] {
        assert!(told.contains(line), "{line} in\n{told}");
    }
    assert!(!told.contains("FAIL"), "{told}");
    let told = world.failure(&["doctor", "none"]);
    assert!(told.ends_with("(DoctorFailed)"), "{told}");
    world.emulator.inject(Fault::every("GetBucketVersioning", FaultKind::Denied));
    let ended = world.run(&["doctor", "dev", "--json"]);
    let lines: serde_json::Value = serde_json::from_slice(&ended.out).unwrap();
    let failed: Vec<_> = lines.as_array().unwrap().iter().filter(|line| line["verdict"] == "FAIL").collect();
    assert_eq!((failed.len(), failed[0]["check"].as_str(), ended.status.code()), (1, Some("versioning"), Some(1)));
    assert!(failed[0]["detail"].as_str().unwrap().contains("allow GetBucketVersioning"));
}

/// If one of the calls that a push needs is denied, one line names it.
#[test]
fn doctor_asks_for_every_permission_and_leaves_nothing() {
    let world = World::new();
    let denied = [
        ("GetPipeline", "pipeline"),
        ("ListPipelineExecutions", "runs"),
        ("GetBucketVersioning", "versioning"),
        ("HeadObject", "object"),
        ("GetRepository", "repository"),
        ("GetBranch", "contents"),
        ("GetCommit", "contents"),
        ("GetFolder", "contents"),
        ("GetBlob", "contents"),
        ("GitInfoRefs", "git"),
        ("GetRepositoryTriggers", "triggers"),
    ];
    for (operation, check) in denied {
        world.emulator.clear_faults();
        world.emulator.inject(Fault::every(operation, FaultKind::Denied));
        let ended = world.run(&["doctor", "dev", "--repository", "project", "--json"]);
        let lines: serde_json::Value = serde_json::from_slice(&ended.out).unwrap();
        let failed: Vec<_> = lines.as_array().unwrap().iter().filter(|line| line["verdict"] == "FAIL").collect();
        assert_eq!((failed.len(), failed[0]["check"].as_str()), (1, Some(check)), "{operation}: {lines}");
        let named = if operation == "GitInfoRefs" { "GitPull" } else { operation };
        let told = failed[0]["detail"].to_string() + if operation == "GetRepositoryTriggers" { operation } else { "" };
        assert!(told.contains(named), "{operation}: {told}");
    }
    world.emulator.clear_faults();
    world.out(&["doctor", "dev", "--repository", "project"]);
    assert!(world.emulator.codepipeline().executions("dev").is_empty(), "no run is started");
    assert!(world.emulator.store().versions("artifacts", "source.zip").is_empty(), "nothing is written");
}
