//! What `codecommit doctor` says about the function, by IAM's simulation.

use emulator::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::world::{Ended, FUNCTION, World};

const DOCTOR: [&str; 5] = ["doctor", "dev", "--repository", "project", "--json"];

/// Returns the lines of one check, with their verdicts.
fn lines(ended: &Ended, check: &str) -> Vec<(String, String)> {
    let all: Vec<Value> = serde_json::from_slice(&ended.out).unwrap_or_else(|error| panic!("{error}: {}", ended.err));
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    all.iter()
        .filter(|line| line["check"] == check)
        .map(|line| (text(&line["verdict"]), text(&line["detail"])))
        .collect()
}

fn connected(role_policy: Option<Value>) -> World {
    let world = World::with_role_policy(role_policy);
    world.out(&["triggers", "connect", "project", "--function", FUNCTION]);
    world
}

/// The actions of the table, each with the resources that a push needs.
fn needed() -> Vec<(String, Vec<&'static str>)> {
    let table: Value = serde_json::from_str(include_str!("../../../stack/permissions.json")).expect("JSON");
    let services = table["operations"]
        .as_object()
        .expect("operations")
        .values()
        .flat_map(|service| service.as_object().expect("operations").values());
    let mut actions: Vec<String> = services
        .flat_map(|actions| actions.as_array().expect("a list"))
        .map(|action| action.as_str().expect("text").to_owned())
        .collect();
    actions.push("codecommit:GitPull".to_owned());
    actions.sort();
    actions.dedup();
    let resources = |action: &str| match action {
        action if action.starts_with("codecommit:") => vec!["arn:aws:codecommit:eu-central-1:123456789012:project"],
        action if action.starts_with("codepipeline:") => vec!["arn:aws:codepipeline:eu-central-1:123456789012:dev"],
        "s3:ListBucket" | "s3:GetBucketVersioning" => vec!["arn:aws:s3:::artifacts"],
        _ => vec!["arn:aws:s3:::artifacts/source.zip", "arn:aws:s3:::artifacts/source.zip.deliveries/*"],
    };
    actions.into_iter().map(|action| (action.clone(), resources(&action))).collect()
}

fn policy(allowed: &[(String, Vec<&str>)]) -> Value {
    let statements: Vec<Value> = allowed
        .iter()
        .map(|(action, resources)| json!({ "Effect": "Allow", "Action": [action], "Resource": resources }))
        .collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// Exactly the permissions of the template are enough, and each that is missing is named.
#[test]
fn each_permission_that_the_function_lacks_is_named() {
    let needed = needed();
    assert!(needed.len() > 15, "{needed:?}");
    let ended = connected(Some(policy(&needed))).run(&DOCTOR);
    assert_eq!(lines(&ended, "permissions")[0].0, "ok", "{}", String::from_utf8_lossy(&ended.out));
    let (function, rest) = (&lines(&ended, "function")[0], ended.status.success());
    assert!(function.1.ends_with("runs as arn:aws:iam::123456789012:role/updates") && rest, "{function:?}");
    for missing in [
        "codecommit:GitPull",
        "codecommit:GetBlob",
        "s3:PutObject",
        "s3:ListBucket",
        "codepipeline:StartPipelineExecution",
    ] {
        let rest: Vec<_> = needed.iter().filter(|(action, _)| action != missing).cloned().collect();
        let ended = connected(Some(policy(&rest))).run(&DOCTOR);
        let told = &lines(&ended, "permissions")[0];
        assert_eq!((told.0.as_str(), ended.status.success()), ("FAIL", false), "{missing}: {told:?}");
        assert!(
            told.1.contains(&format!("may not {missing} on arn:aws:")) && told.1.contains("(implicitDeny)"),
            "{told:?}"
        );
    }
}

#[test]
fn a_denial_outweighs_a_permission() {
    let mut policy = policy(&needed());
    let denial = json!({ "Effect": "Deny", "Action": "s3:Put*", "Resource": "arn:aws:s3:::artifacts/*.deliveries/*" });
    policy["Statement"].as_array_mut().expect("statements").push(denial);
    let told = lines(&connected(Some(policy)).run(&DOCTOR), "permissions").remove(0);
    let expected = "may not s3:PutObject on arn:aws:s3:::artifacts/source.zip.deliveries/doctor (explicitDeny);";
    assert!(told.0 == "FAIL" && told.1.contains(expected), "{told:?}");
}

/// Whoever may not ask is told so, and nothing has failed.
#[test]
fn what_may_not_be_asked_is_a_warning() {
    for (operation, check, needed) in [
        ("SimulatePrincipalPolicy", "permissions", "SimulatePrincipalPolicy failed with AccessDenied"),
        ("GetFunctionConfiguration", "function", "GetFunctionConfiguration failed with AccessDenied"),
    ] {
        let world = connected(None);
        world.emulator.inject(Fault::every(operation, FaultKind::Denied));
        let ended = world.run(&DOCTOR);
        let told = &lines(&ended, check)[0];
        assert_eq!((told.0.as_str(), ended.status.code()), ("warn", Some(0)), "{told:?}");
        assert!(told.1.contains(needed), "{told:?}");
    }
    // A policy that the emulator does not model is not taken for a permission.
    let conditional = json!({ "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {} }] });
    let told = lines(&connected(Some(conditional)).run(&DOCTOR), "permissions").remove(0);
    assert!(told.0 == "warn" && told.1.contains("NotImplemented"), "{told:?}");
}

#[test]
fn the_function_is_found_or_named() {
    let world = World::new();
    let told = lines(&world.run(&DOCTOR), "function").remove(0);
    assert!(told.0 == "warn" && told.1.contains("--function"), "{told:?}");
    let named = world.run(&[&DOCTOR[..], &["--function", "updates"]].concat());
    assert_eq!((lines(&named, "function")[0].0.as_str(), lines(&named, "permissions")[0].0.as_str()), ("ok", "ok"));
    let gone = world.run(&[&DOCTOR[..], &["--function", "gone"]].concat());
    assert!(lines(&gone, "function")[0].0 == "FAIL" && !gone.status.success());
}

/// A person needs no right to write: the stack's bucket gives it to the function alone.
#[test]
fn a_person_who_may_not_write_is_warned() {
    for operation in ["CreateMultipartUpload", "AbortMultipartUpload"] {
        let world = connected(None);
        world.emulator.inject(Fault::every(operation, FaultKind::Denied));
        let ended = world.run(&DOCTOR);
        let told = &lines(&ended, "upload")[0];
        assert!(told.0 == "warn" && told.1.contains("WriterArns") && ended.status.success(), "{told:?}");
    }
}
