//! `stack/large.buildspec.yml`: its own commands, as `CodeBuild` runs them, deliver a push.

use std::process::{Command, Stdio};

use crate::world::World;

/// Returns the commands of the phase `build`.
fn commands() -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../stack/large.buildspec.yml");
    let text = std::fs::read_to_string(path).expect("the build specification is there");
    let (_, build) = text.split_once("\n  build:\n").expect("a phase");
    let lines = build.lines().filter_map(|line| line.trim().strip_prefix("- "));
    lines.map(str::to_owned).collect()
}

/// Runs the commands in bash, where `codecommit` is the built program.
fn build(world: &World, branch: &str) -> bool {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_codecommit"));
    let path = format!("{}:/usr/bin:/bin", program.parent().expect("a folder").display());
    commands().iter().all(|line| {
        let mut command = Command::new("bash");
        command.args(["-ec", line]).current_dir(world.folder.path()).env_clear().stdin(Stdio::null());
        command.envs(world.emulator.client_environment()).env("HOME", world.folder.path()).env("PATH", &path);
        command.envs([("REPOSITORY_NAME", "project"), ("BRANCH_NAME", branch), ("PIPELINE_NAME", "dev")]);
        command.status().expect("bash runs").success()
    })
}

#[test]
fn the_builds_own_commands_start_each_commit_of_a_branch_once() {
    let world = World::new();
    assert_eq!(commands().len(), 1);
    let runs = || world.emulator.codepipeline().executions("dev");
    for _ in 0..2 {
        assert!(build(&world, "feature/x"));
        assert_eq!(runs().len(), 1, "the same commit");
    }
    world.commit("feature/x", "Next");
    assert!(build(&world, "feature/x"));
    assert_eq!(runs().len(), 2, "the next one");
    assert!(build(&world, "main"));
    assert_eq!(runs().len(), 3, "another branch at a commit that has run");
    assert_eq!(world.emulator.count("GetBlob"), 0, "over Git");
    let versions: std::collections::BTreeSet<_> =
        runs().iter().flat_map(|run| run.revisions.iter().map(|revision| revision.id.clone())).collect();
    assert_eq!(versions.len(), 3, "each is pinned to its own zip");
    assert!(!build(&world, "none"), "a branch that is gone fails the build");
}
