//! The command line against an EventBridge that has some rules and targets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};

use crate::world::{Ended, FUNCTION, World, ended};

/// The name, the pattern and the target.
type Rule = (&'static str, &'static str, &'static str);

const DEV: &str = "arn:aws:codepipeline:eu-central-1:111122223333:dev";
const ON_REPOSITORY: &str = r#"{"source":["aws.codecommit"],"detail-type":["CodeCommit Repository State Change"],
    "resources":["arn:aws:codecommit:eu-central-1:111122223333:project"],
    "detail":{"event":["referenceCreated","referenceUpdated"]}}"#;
const ON_OBJECT: &str = r#"{"source":["aws.s3"],"detail-type":["Object Created"],
    "detail":{"bucket":{"name":["artifacts"]},"object":{"key":["source.zip"]}}}"#;
/// A rule as the console makes it.
const ON_TRAIL: &str = r#"{"source":["aws.s3"],"detail-type":["AWS API Call via CloudTrail"],
    "detail":{"eventName":["PutObject"],
    "requestParameters":{"bucketName":["artifacts"],"key":["source.zip"]}}}"#;
const ON_PREFIX: &str =
    r#"{"source":["aws.s3"],"detail":{"bucket":{"name":["artifacts"]},"object":{"key":[{"prefix":"source"}]}}}"#;
const ON_OTHER_BUCKET: &str = r#"{"source":["aws.s3"],"detail":{"bucket":{"name":["others"]}}}"#;
const ON_OTHER_REPOSITORY: &str =
    r#"{"source":["aws.codecommit"],"resources":["arn:aws:codecommit:eu-central-1:111122223333:other"]}"#;
const ON_DELETION: &str = r#"{"source":["aws.codecommit"],"detail":{"event":["referenceDeleted"]}}"#;
const ON_INSTANCES: &str = r#"{"source":["aws.ec2"]}"#;

/// Serves rules until the test ends, one connection after the other. Returns the address.
fn serve(rules: &'static [Rule]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(&stream.expect("a connection"), rules);
        }
    });
    address
}

fn answer(mut stream: &TcpStream, rules: &[Rule]) {
    let (mut operation, mut length) = (String::new(), 0);
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a request");
        let line = line.trim().to_ascii_lowercase();
        if let Some(target) = line.strip_prefix("x-amz-target: awsevents.") {
            target.clone_into(&mut operation);
        } else if let Some(bytes) = line.strip_prefix("content-length: ") {
            length = bytes.parse().expect("a length");
        } else if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let input: Value = serde_json::from_slice(&body).expect("JSON");
    let output = match operation.as_str() {
        "listrules" => listed(rules, &input),
        "listtargetsbyrule" => {
            let (_, _, target) = rules.iter().find(|rule| input["Rule"] == rule.0).expect("a rule");
            json!({ "Targets": [{ "Id": "1", "Arn": target }] })
        }
        other => panic!("{other} is not asked for"),
    };
    let body = output.to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\nconnection: close\r\ncontent-length:";
    write!(stream, "{head} {}\r\n\r\n{body}", body.len()).expect("an answer");
}

/// Returns one rule for each page. Rules whose names begin with `off` are disabled.
fn listed(rules: &[Rule], input: &Value) -> Value {
    let at: usize = input["NextToken"].as_str().map_or(0, |token| token.parse().expect("our token"));
    let page: Vec<Value> = rules
        .iter()
        .skip(at)
        .take(1)
        .map(|(name, pattern, _)| {
            let state = if name.starts_with("off") { "DISABLED" } else { "ENABLED" };
            json!({ "Name": name, "EventPattern": pattern, "State": state })
        })
        .collect();
    let more = (at + 1 < rules.len()).then(|| (at + 1).to_string());
    json!({ "Rules": page, "NextToken": more })
}

fn run(world: &World, rules: &'static [Rule], words: &[&str]) -> Ended {
    let mut command = world.command(words);
    command.env("AWS_ENDPOINT_URL_EVENTBRIDGE", serve(rules));
    ended(command)
}

const DOCTOR: [&str; 4] = ["doctor", "dev", "--repository", "project"];

#[track_caller]
fn check(rules: &'static [Rule], lines: &[&str]) {
    let world = World::new();
    world.out(&["triggers", "connect", "project", "--function", FUNCTION]);
    let ended = run(&world, rules, &DOCTOR);
    let told = String::from_utf8(ended.out).expect("text");
    for line in lines {
        assert!(told.contains(line), "{line} in\n{told}");
    }
    let fails = lines.iter().any(|line| line.starts_with("FAIL"));
    assert_eq!(ended.status.success(), !fails, "{told}");
}

#[test]
fn rules_that_are_no_second_way_are_fine() {
    let others = [
        ("off-console", ON_TRAIL, DEV),
        ("trunk", ON_REPOSITORY, "arn:aws:codepipeline:eu-central-1:111122223333:ops"),
        ("bucket", ON_OTHER_BUCKET, DEV),
        ("repository", ON_OTHER_REPOSITORY, FUNCTION),
        ("deleted", ON_DELETION, FUNCTION),
        ("instances", ON_INSTANCES, FUNCTION),
    ];
    check(Box::leak(Box::new(others)), &["ok    rules", "ok    triggers"]);
    check(&[], &["ok    rules", "ok    triggers"]);
}

#[test]
fn a_rule_that_starts_the_pipeline_too_is_named() {
    check(&[("console", ON_TRAIL, DEV)], &["FAIL  rules", "aws events disable-rule --name console", "ok    triggers"]);
    check(&[("events", ON_OBJECT, DEV)], &["FAIL  rules", ": events; "]);
    check(&[("events", ON_PREFIX, DEV)], &["FAIL  rules"]);
    check(&[("pushes", ON_REPOSITORY, DEV)], &["FAIL  rules"]);
}

#[test]
fn a_rule_beside_a_trigger_is_a_second_route() {
    let alias = concat!("arn:aws:lambda:eu-central-1:123456789012:function:updates", ":live");
    for target in [FUNCTION, alias] {
        let rules = Box::leak(Box::new([("pushes", ON_REPOSITORY, target)]));
        check(rules, &["ok    rules", "FAIL  triggers", "trigger codecommit-multibranch-1, rule pushes to"]);
    }
}

#[test]
fn a_rule_alone_is_a_route() {
    let world = World::new();
    let told = String::from_utf8(run(&world, &[("pushes", ON_REPOSITORY, FUNCTION)], &DOCTOR).out).expect("text");
    assert!(told.contains("ok    triggers      rule pushes to"), "{told}");
    let told = String::from_utf8(run(&world, &[], &DOCTOR).out).expect("text");
    assert!(told.contains("warn  triggers      no trigger or readable rule sends"), "{told}");
}

#[test]
fn connect_refuses_a_rule_as_a_second_route_and_warns_of_one_on_the_source() {
    let world = World::new();
    let connect = ["triggers", "connect", "project", "--function", FUNCTION];
    let refused = run(&world, &[("pushes", ON_REPOSITORY, FUNCTION)], &connect);
    assert!(refused.err.contains("rule pushes") && refused.err.ends_with("(SecondRoute)\n"), "{}", refused.err);
    assert_eq!(world.text(&["triggers", "list", "project"]), "");
    let named = [&connect[..], &["--custom-data", r#"{"pipeline_name":"dev"}"#]].concat();
    let warned = run(&world, &[("console", ON_TRAIL, DEV)], &named);
    assert!(
        warned.err.contains("warning: the rule console starts the pipeline without the function"),
        "{}",
        warned.err
    );
    assert!(warned.status.success() && !String::from_utf8_lossy(&warned.out).contains("not checked"));
    let synced =
        run(&world, &[("pushes", ON_REPOSITORY, FUNCTION)], &["triggers", "sync", "project", "--function", FUNCTION]);
    assert!(
        synced.status.success() && synced.err.contains("the rule pushes invokes the same function"),
        "{}",
        synced.err
    );
}
