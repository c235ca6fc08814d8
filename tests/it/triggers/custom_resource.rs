//! Requests in `CloudFormation`'s form, answered to a real socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use aws_sdk_codecommit::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_codecommit::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_codecommit::error::BoxError;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use codecommit_multibranch::custom_resource::{Context, CustomResourceError, Response, Stack, handle, is_request};
use codecommit_multibranch::triggers::{Event, list};
use emulator::{Fault, FaultKind};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::world::{REPOSITORY, World, config};
use super::{LIFECYCLE, UPDATES, foreign, trigger};

const DEADLINE: Duration = Duration::from_secs(30);

/// A server that receives answers, each with its head and its body.
pub(crate) struct Inbox {
    url: String,
    answers: Receiver<(String, Value)>,
}

impl Inbox {
    /// Answers with these statuses one after the other, and repeats the last one.
    pub(crate) fn new(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/answers/a%2Fb?Signature=a%2Bb%3D", listener.local_addr().expect("an address"));
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for (at, stream) in listener.incoming().enumerate() {
                let status = statuses[at.min(statuses.len() - 1)];
                if sender.send(received(stream.expect("a connection"), status)).is_err() {
                    return;
                }
            }
        });
        Inbox { url, answers }
    }

    pub(crate) fn next(&self) -> (String, Value) {
        self.answers.recv_timeout(DEADLINE).expect("an answer")
    }

    /// Returns whether nothing has arrived so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.answers.try_recv().is_err()
    }
}

fn received(stream: TcpStream, status: u16) -> (String, Value) {
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).expect("a line") > 0, "cut: {head}");
    }
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.expect("a length")];
    reader.read_exact(&mut body).expect("a body");
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    reader.get_mut().write_all(answer.as_bytes()).expect("answered");
    (head, serde_json::from_slice(&body).expect("JSON"))
}

pub(crate) fn properties(repository: &str) -> Value {
    json!({
        "ServiceToken": LIFECYCLE, "RepositoryName": repository, "FunctionArn": UPDATES, "LifecycleFunctionArn": LIFECYCLE,
        "Branches": "**,!skip/*", "CustomData": "", "TriggerNamePrefix": "dev",
    })
}

pub(crate) fn request(kind: &str, inbox: &Inbox, properties: &Value) -> Value {
    json!({
        "RequestType": kind, "ResponseURL": inbox.url, "StackId": "stack", "RequestId": "request",
        "ResourceType": "Custom::Triggers", "LogicalResourceId": "Triggers", "ResourceProperties": properties,
    })
}

async fn handled(world: &World, event: &Value) -> Result<Response, CustomResourceError> {
    handled_within(world, event, DEADLINE).await
}

async fn handled_within(world: &World, event: &Value, budget: Duration) -> Result<Response, CustomResourceError> {
    assert!(is_request(event));
    let http: SharedHttpClient = aws_smithy_http_client::Builder::new().build_http();
    let branches = "**,!skip/*".parse().expect("globs");
    let deadline = Instant::now() + budget;
    let panics = event["ResourceProperties"]["RepositoryName"] == "panic";
    let client = if panics { panicking(world) } else { world.client.clone() };
    let stack = Stack { repositories: None, branches: &branches, updates_arn: UPDATES, lifecycle_arn: LIFECYCLE };
    let tools = Context { client: &client, http: &http, stack: Ok(stack), loopback: true, deadline };
    let answered = handle(event, &tools);
    can_move_between_threads(&answered);
    answered.await
}

/// Returns a client that panics when it sends.
fn panicking(world: &World) -> aws_sdk_codecommit::Client {
    #[derive(Debug)]
    struct Panics;

    #[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
    impl Intercept for Panics {
        fn name(&self) -> &'static str {
            "Panics"
        }

        fn read_before_transmit(
            &self,
            _: &BeforeTransmitInterceptorContextRef<'_>,
            _: &RuntimeComponents,
            _: &mut ConfigBag,
        ) -> Result<(), BoxError> {
            panic!("as asked")
        }
    }

    aws_sdk_codecommit::Client::from_conf(config(&world.emulator).interceptor(Panics).build())
}

/// Checks what Lambda's runtime requires of a handler.
fn can_move_between_threads(_: &impl Send) {}

async fn names(world: &World, repository: &str) -> Vec<String> {
    list(&world.client, repository).await.expect("triggers").into_iter().map(|trigger| trigger.name).collect()
}

/// The policy of a new role takes a moment until it works everywhere.
#[tokio::test]
async fn what_is_not_allowed_yet_is_tried_again() {
    let (world, inbox) = (World::new(&[]).await, Inbox::new(&[200]));
    world.emulator.inject(Fault::next("GetRepositoryTriggers", 1, FaultKind::Denied));
    handled(&world, &request("Create", &inbox, &properties(REPOSITORY))).await.unwrap();
    assert_eq!(inbox.next().1["Status"], "SUCCESS");
    assert_eq!(names(&world, REPOSITORY).await.len(), 2);
    // A permission that never comes is reported in time.
    world.emulator.inject(Fault::every("GetRepositoryTriggers", FaultKind::Denied));
    handled(&world, &request("Update", &inbox, &properties(REPOSITORY))).await.unwrap();
    let (_, answer) = inbox.next();
    assert!(answer["Status"] == "FAILED" && answer["Reason"].to_string().contains("AccessDenied"), "{answer}");
}

#[tokio::test]
async fn create_connects_and_delete_removes_only_ours() {
    let (world, inbox) = (World::new(&[foreign(0)]).await, Inbox::new(&[200]));
    handled(&world, &request("Create", &inbox, &properties(REPOSITORY))).await.unwrap();
    let (head, answer) = inbox.next();
    assert!(head.starts_with("PUT /answers/a%2Fb?Signature=a%2Bb%3D HTTP/1.1\r\n"), "{head}");
    assert!(!head.to_ascii_lowercase().contains("content-type"), "{head}");
    let expected = json!({
        "Status": "SUCCESS", "Reason": "", "PhysicalResourceId": "triggers:Triggers:project", "StackId": "stack",
        "RequestId": "request", "LogicalResourceId": "Triggers", "Data": { "Triggers": "3", "Warnings": "" },
    });
    assert_eq!(answer, expected);
    assert_eq!(names(&world, REPOSITORY).await, ["team-0", "dev-lifecycle", "dev-1"]);
    handled(&world, &request("Delete", &inbox, &properties(REPOSITORY))).await.unwrap();
    assert_eq!(inbox.next().1["Status"], "SUCCESS");
    assert_eq!(world.triggers().await, [foreign(0)]);
}

#[tokio::test]
async fn an_update_replaces_what_the_former_properties_made() {
    let (world, inbox) = (World::new(&[]).await, Inbox::new(&[200]));
    let old = properties(REPOSITORY);
    handled(&world, &request("Create", &inbox, &old)).await.unwrap();
    let id = inbox.next().1["PhysicalResourceId"].clone();
    let mut new = old.clone();
    new["LifecycleFunctionArn"] = "".into();
    new["TriggerNamePrefix"] = "ops".into();
    let mut update = request("Update", &inbox, &new);
    update["PhysicalResourceId"] = id.clone();
    update["OldResourceProperties"] = old;
    handled(&world, &update).await.unwrap();
    assert_eq!(inbox.next().1["PhysicalResourceId"], id, "not replaced");
    assert_eq!(names(&world, REPOSITORY).await, ["ops-1"]);
}

#[tokio::test]
async fn another_repository_is_another_resource_and_a_rollback_leaves_nothing() {
    let (world, inbox) = (World::new(&[]).await, Inbox::new(&[200]));
    let (old, new) = (properties(REPOSITORY), properties("second"));
    handled(&world, &request("Create", &inbox, &old)).await.unwrap();
    let id = inbox.next().1["PhysicalResourceId"].clone();
    let update = |new: &Value, old: &Value, id: &Value| {
        let mut update = request("Update", &inbox, new);
        update["PhysicalResourceId"] = id.clone();
        update["OldResourceProperties"] = old.clone();
        update
    };
    handled(&world, &update(&new, &old, &id)).await.unwrap();
    assert_eq!(inbox.next().1["PhysicalResourceId"], "triggers:Triggers:second");
    assert_eq!(names(&world, REPOSITORY).await.len(), 2, "until the former one is deleted");
    handled(&world, &update(&old, &new, &id)).await.unwrap();
    assert_eq!(inbox.next().1["PhysicalResourceId"], id);
    assert_eq!((names(&world, REPOSITORY).await.len(), names(&world, "second").await.len()), (2, 0));
}

#[tokio::test]
async fn what_is_gone_is_deleted() {
    let (world, inbox) = (World::new(&[]).await, Inbox::new(&[200]));
    for properties in [properties("nowhere"), json!({}), Value::Null] {
        let mut event = request("Delete", &inbox, &properties);
        event["PhysicalResourceId"] = "had".into();
        handled(&world, &event).await.unwrap();
        let (_, answer) = inbox.next();
        assert_eq!((&answer["Status"], &answer["PhysicalResourceId"]), (&json!("SUCCESS"), &json!("had")));
    }
}

#[tokio::test]
async fn every_failure_is_answered_with_its_reason() {
    let route = trigger("by-hand", UPDATES, &[], &[Event::All]);
    let (world, inbox) = (World::new(&[route]).await, Inbox::new(&[200]));
    let with = |key: &str, value: &str| {
        let mut changed = properties(REPOSITORY);
        changed[key] = value.into();
        changed
    };
    for (kind, properties, reason) in [
        ("Create", properties(REPOSITORY), "trigger by-hand of project is already a route to the same function"),
        ("Create", json!({ "RepositoryName": "x" }), "missing field `FunctionArn`"),
        (
            "Create",
            properties("nowhere"),
            "failed to read the triggers of nowhere: GetRepositoryTriggers failed with RepositoryDoesNotExist",
        ),
        ("Create", with("TriggerNamePrefix", "a b"), "prefix \"a b\""),
        ("Create", with("Branches", "!a"), "property Branches is wrong: is \"!a\", which includes no branch"),
        ("Update", properties("panic"), "panicked"),
        ("Replace", properties(REPOSITORY), "unknown request type \"Replace\""),
    ] {
        let answer = handled(&world, &request(kind, &inbox, &properties)).await.unwrap();
        let (_, sent) = inbox.next();
        assert_eq!((&sent["Status"], sent["Reason"].as_str()), (&json!("FAILED"), Some(answer.reason.as_str())));
        assert!(answer.reason.contains(reason), "{}", answer.reason);
    }
    assert_eq!(names(&world, REPOSITORY).await, ["by-hand"]);
}

#[tokio::test]
async fn a_request_names_only_the_stacks_own_functions() {
    let (world, inbox) = (World::new(&[]).await, Inbox::new(&[200]));
    for key in ["FunctionArn", "LifecycleFunctionArn"] {
        let mut foreign = properties(REPOSITORY);
        foreign[key] = format!("{UPDATES}-of-others").into();
        handled(&world, &request("Create", &inbox, &foreign)).await.unwrap();
        let (_, answer) = inbox.next();
        assert!(answer["Status"] == "FAILED" && answer["Reason"].to_string().contains(key), "{answer}");
        // Nothing was made, so the rollback has nothing to do and succeeds.
        let mut delete = request("Delete", &inbox, &foreign);
        delete["PhysicalResourceId"] = answer["PhysicalResourceId"].clone();
        handled(&world, &delete).await.unwrap();
        assert_eq!(inbox.next().1["Status"], "SUCCESS");
        delete["PhysicalResourceId"] = "triggers:Triggers:project".into();
        handled(&world, &delete).await.unwrap();
        assert_eq!(inbox.next().1["Status"], "FAILED");
    }
    assert_eq!(names(&world, REPOSITORY).await, <[&str; 0]>::default());
}

#[tokio::test]
async fn an_answer_goes_to_s3_only_and_nothing_is_done_for_others() {
    let (world, inbox) = (World::new(&[]).await, Inbox::new(&[200]));
    for url in [
        "http://bucket.s3.amazonaws.com/a",
        "https://example.com/a",
        "https://bucket.s3.amazonaws.com.example.com/a",
        "https://bucket.s3.amazonaws.com@example.com/a",
        "https://bucket.s3.amazonaws.com:8443/a",
        "https://abc.execute-api.us-east-1.amazonaws.com/a",
        "https://s3.abc.execute-api.us-east-1.amazonaws.com/a",
        "http://127.0.0.1.example.com:80/a",
        "http://169.254.169.254/a",
        "nowhere",
    ] {
        let mut event = request("Create", &inbox, &properties(REPOSITORY));
        event["ResponseURL"] = url.into();
        let error = handled(&world, &event).await.unwrap_err();
        assert_eq!(error.code(), "CustomResourceRefused", "{url}: {error}");
    }
    assert_eq!(names(&world, REPOSITORY).await, <[&str; 0]>::default());
}

#[tokio::test]
async fn a_call_that_hangs_is_answered_before_the_deadline() {
    let (world, inbox) = (World::new(&[]).await, Inbox::new(&[200]));
    world.emulator.inject(Fault::every("GetRepositoryTriggers", FaultKind::Hang));
    let event = request("Create", &inbox, &properties(REPOSITORY));
    handled_within(&world, &event, Duration::from_secs(4)).await.unwrap();
    assert_eq!(inbox.next().1["Reason"], "not done before the deadline");
}

#[tokio::test]
async fn an_answer_is_sent_again_after_a_passing_failure() {
    let (world, inbox) = (World::new(&[]).await, Inbox::new(&[503, 200]));
    handled(&world, &request("Create", &inbox, &properties(REPOSITORY))).await.unwrap();
    assert_eq!(inbox.next().1, inbox.next().1);
}

#[tokio::test]
async fn an_answer_that_is_refused_is_an_error_without_the_url() {
    let (world, inbox) = (World::new(&[]).await, Inbox::new(&[403]));
    let error = handled(&world, &request("Create", &inbox, &properties(REPOSITORY))).await.unwrap_err();
    assert_eq!(error.code(), "CustomResourceUnanswered");
    let text = format!("{error:?} {error}");
    assert!(text.contains("403") && !text.contains("Signature"), "{text}");
}
