//! `codecommit triggers`.

use serde_json::json;

use crate::world::{FUNCTION, World};

#[test]
fn a_function_is_connected_once_and_leaves_nothing() {
    let world = World::new();
    assert_eq!(world.text(&["triggers", "list", "project"]), "");
    let connect = [
        "triggers",
        "connect",
        "project",
        "--function",
        FUNCTION,
        "--branches",
        "**,!main",
        "--custom-data",
        r#"{"pipeline_name":"dev"}"#,
    ];
    let dry = world.text(&[&connect[..], &["--dry-run"]].concat());
    assert!(
        dry.starts_with("would change:\n+ codecommit-multibranch-1: ") && dry.contains("not checked: EventBridge"),
        "{dry}"
    );
    assert_eq!(world.text(&["triggers", "list", "project"]), "");
    let done = world.text(&connect);
    assert!(done.starts_with("changed:\n+ codecommit-multibranch-1: events all; on all branches"), "{done}");
    let listed = world.json(&["triggers", "list", "project", "--json"]);
    assert_eq!(listed[0]["destination_arn"], FUNCTION);
    let data: serde_json::Value = serde_json::from_str(listed[0]["custom_data"].as_str().unwrap()).unwrap();
    assert_eq!(data, json!({ "pipeline_name": "dev", "branches": "**,!main" }));
    assert!(world.text(&connect).starts_with("nothing to change\n"));
    assert!(world.text(&["triggers", "sync", "project", "--function", FUNCTION]).starts_with("nothing to change\n"));
    let gone = world.json(&["--json", "triggers", "disconnect", "project", "--function", FUNCTION]);
    assert_eq!((&gone["after"], &gone["written"]), (&json!([]), &json!(true)));
    assert_eq!(world.json(&["triggers", "list", "project", "--json"]), json!([]));
}

#[test]
fn a_second_route_is_refused_and_a_kept_one_warned_of() {
    let world = World::new();
    world.out(&["triggers", "connect", "project", "--function", FUNCTION, "--prefix", "theirs"]);
    let told = world.failure(&["triggers", "connect", "project", "--function", FUNCTION]);
    assert!(told.contains("theirs-1") && told.ends_with("(SecondRoute)"), "{told}");
    let synced = world.run(&["triggers", "sync", "project", "--function", FUNCTION, "--dry-run"]);
    assert!(synced.status.success() && synced.err.contains("second route"), "{}", synced.err);
    world.out(&["triggers", "disconnect", "project", "--function", FUNCTION]);
    assert!(world.text(&["triggers", "list", "project"]).starts_with("theirs-1: "), "that of others stays");
}

#[test]
fn with_a_lifecycle_function_each_branch_has_its_trigger() {
    let world = World::new();
    let lifecycle = format!("{FUNCTION}-lifecycle");
    world.out(&["triggers", "connect", "project", "--function", FUNCTION, "--lifecycle-function", &lifecycle]);
    let listed = world.json(&["triggers", "list", "project", "--json"]);
    assert_eq!(listed[0]["destination_arn"], lifecycle);
    assert_eq!((&listed[1]["branches"], &listed[1]["events"]), (&json!(["feature/x"]), &json!(["updateReference"])));
    let told = world.failure(&["triggers", "list", "other"]);
    assert!(told.ends_with("(ReadTriggersFailed)"), "{told}");
    let words = ["triggers", "connect", "project", "--function", FUNCTION, "--branches", "**", "--custom-data", "text"];
    assert!(world.failure(&words).ends_with("(CustomDataInvalid)"));
}
