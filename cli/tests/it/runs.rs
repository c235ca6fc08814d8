//! `codecommit runs`, and `codecommit start --wait`.

use std::process::Stdio;

use emulator::codepipeline::Finish;

use crate::world::{World, wait};

const RUNS: [&str; 4] = ["runs", "project", "--pipeline", "dev"];

#[test]
fn runs_are_listed_the_newest_first() {
    let world = World::new();
    world.out(&["start", "project", "feature/x", "--pipeline", "dev"]);
    world.git(&["branch", "feature/y", "main"]);
    world.commit("feature/y", "Other");
    world.out(&["start", "project", "feature/y", "--pipeline", "dev"]);
    let table = world.text(&RUNS);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("BRANCH     COMMIT    STATUS     STARTED"), "{table}");
    let commit = &world.id("feature/y")[..8];
    assert!(lines[1].starts_with(&format!("feature/y  {commit}  Succeeded  20")), "{table}");
    assert!(lines[2].starts_with("feature/x  ") && lines[2].contains("  Second   https://"), "{table}");
    assert_eq!(lines.len(), 3);
    let one = world.json(&["runs", "project", "feature/x", "--pipeline", "dev", "--json"]);
    assert_eq!((one.as_array().unwrap().len(), one[0]["branch"].as_str()), (1, Some("feature/x")));
    assert_eq!(one[0]["commit"].as_str(), Some(world.id("main").as_str()));
    assert!(one[0]["url"].as_str().unwrap().contains("region=eu-central-1"), "{one}");
    assert_eq!(world.json(&["runs", "other", "--pipeline", "dev", "--json"]).as_array().unwrap().len(), 0);
    assert_eq!(world.text(&[&RUNS[..], &["--limit", "1"]].concat()).lines().count(), 2);
}

#[test]
fn watch_ends_as_the_run_does() {
    let world = World::new();
    let service = world.emulator.codepipeline();
    service.hold_executions(true);
    for (error, code) in [(None, 0), (Some("make test failed"), 1)] {
        let mut child = world.command(&["start", "project", "feature/x", "--pipeline", "dev", "--wait"]);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let finish = Finish { pipeline: "dev".into(), error: error.map(str::to_owned), ..Finish::default() };
        let begin = std::time::Instant::now();
        while service.finish(&finish).is_err() {
            assert!(begin.elapsed().as_secs() < 60, "a run is started in time");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert_eq!(wait(&mut child).code(), Some(code));
    }
    let failed = world.failure(&["runs", "project", "feature/x", "--pipeline", "dev", "--watch", "--quiet"]);
    assert!(failed.contains("ended: Failed") && failed.ends_with("(RunFailed)"), "{failed}");
    let late = ["runs", "project", "--pipeline", "dev", "--watch", "--quiet", "--commit", "ffffffff", "--timeout", "0"];
    assert!(world.failure(&late).ends_with("(Timeout)"));
    assert!(world.failure(&[&RUNS[..], &["--watch"]].concat()).ends_with("(Usage)"));
}
