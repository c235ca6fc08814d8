//! Invoke, and the Runtime API.

use std::path::PathBuf;
use std::time::Duration;

use emulator::{Emulator, Options};
use serde_json::{Value, json};

use crate::support::{TIMEOUT, control, eventually, http};

const INVOKE: &str = "/2015-03-31/functions/updates/invocations";
const NEXT: &str = "/2018-06-01/runtime/invocation/next";

/// Returns the example that answers with its event; `cargo test` builds it.
fn echo() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let echo = test.ancestors().nth(2).expect("target/debug/deps").join("examples/echo");
    assert!(echo.exists(), "{} is not built: cargo build -p emulator --examples", echo.display());
    echo
}

fn with_echo(options: Options) -> Emulator {
    Emulator::start(Options { function: Some(echo()), ..options }).expect("a free port")
}

async fn invoke(emulator: &Emulator, event: Value) -> Result<Value, Value> {
    let answer = tokio::time::timeout(TIMEOUT, emulator.invoke(event)).await.expect("an answer in time");
    answer.map_err(|error| error.payload)
}

#[tokio::test]
async fn a_function_is_invoked_in_the_environment_of_lambda() {
    let environment = vec![("AWS_LAMBDA_LOG_FORMAT".to_owned(), "JSON".to_owned())];
    let pipeline = (Some("bucket".to_owned()), Some("dev".to_owned()));
    let options = Options { environment, bucket: pipeline.0, pipeline: pipeline.1, ..Options::default() };
    let emulator = with_echo(options);
    let answer = invoke(&emulator, json!({ "Records": [] })).await.unwrap();
    assert_eq!(answer["event"], json!({ "Records": [] }));
    let variables = &answer["variables"];
    for (name, value) in emulator.client_environment() {
        assert_eq!(variables[name], value);
    }
    assert_eq!(variables["AWS_LAMBDA_FUNCTION_NAME"], "updates");
    assert_eq!(variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "512");
    assert_eq!(variables["AWS_LAMBDA_LOG_FORMAT"], "JSON");
    assert_eq!(variables["PIPELINE_NAME"], "dev");
}

#[test]
fn invoke_answers_as_lambda_does() {
    let emulator = with_echo(Options::default());
    let invoke = |name: &str, kind: &str, body: &str| {
        let path = INVOKE.replace("updates", name);
        http(&emulator, "POST", &path, &format!("X-Amz-Invocation-Type: {kind}\r\n"), body)
    };
    let good = invoke("updates", "RequestResponse", r#"{"a":1}"#);
    assert_eq!((good.status(), &good.json()["event"]), (200, &json!({ "a": 1 })));
    assert_eq!(good.header("x-amz-function-error"), None);
    assert_eq!(good.header("x-amz-executed-version"), Some("$LATEST"));
    let failed = invoke(
        "arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Aupdates",
        "RequestResponse",
        r#"{"fail":"why"}"#,
    );
    assert_eq!((failed.status(), failed.header("x-amz-function-error")), (200, Some("Unhandled")));
    assert_eq!(failed.json(), json!({ "errorType": "Failed", "errorMessage": "why" }));
    assert_eq!(invoke("updates", "Event", "{}").status(), 202);
    assert_eq!(invoke("updates", "DryRun", "{}").status(), 204);
    assert_eq!(invoke("other", "RequestResponse", "{}").status(), 404);
    assert_eq!(
        invoke("updates", "RequestResponse", "{").header("x-amzn-errortype"),
        Some("InvalidRequestContentException")
    );
    assert_eq!(emulator.count("Invoke"), 6);
}

#[tokio::test]
async fn a_child_that_dies_fails_its_event_and_is_started_again() {
    let emulator = with_echo(Options::default());
    let died = invoke(&emulator, json!({ "exit": 3 })).await.unwrap_err();
    assert_eq!(died["errorType"], "Runtime.ExitError");
    assert!(died["errorMessage"].as_str().unwrap().contains("exit status: 3"), "{died}");
    assert_eq!(invoke(&emulator, json!("again")).await.unwrap()["event"], "again");
}

#[tokio::test]
async fn a_child_that_cannot_start_fails_each_event_with_its_report() {
    let environment = vec![("ECHO_INIT_ERROR".to_owned(), "no settings".to_owned())];
    let emulator = with_echo(Options { environment, ..Options::default() });
    for _ in 0..2 {
        let failed = invoke(&emulator, json!({})).await.unwrap_err();
        assert_eq!(failed, json!({ "errorType": "Init", "errorMessage": "no settings" }));
    }
    let function = Some(PathBuf::from("/nonexistent/function"));
    let emulator = Emulator::start(Options { function, ..Options::default() }).unwrap();
    let failed = invoke(&emulator, json!({})).await.unwrap_err();
    assert!(failed["errorMessage"].as_str().unwrap().contains("cannot be started"), "{failed}");
}

#[tokio::test]
async fn a_child_that_takes_too_long_is_ended() {
    let emulator = with_echo(Options { timeout: Duration::from_secs(1), ..Options::default() });
    let failed = invoke(&emulator, json!({ "sleep": true })).await.unwrap_err();
    assert_eq!(failed, json!({ "errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 1.00 seconds" }));
    let restarted = async {
        loop {
            // The restart itself counts against the timeout of an invocation.
            if let Ok(answer) = invoke(&emulator, json!("again")).await {
                return answer;
            }
        }
    };
    assert_eq!(tokio::time::timeout(TIMEOUT, restarted).await.expect("a restart in time")["event"], "again");
}

#[test]
fn an_event_is_tried_three_times_and_then_kept() {
    let emulator = Emulator::start(Options::default()).unwrap();
    assert_eq!(http(&emulator, "POST", INVOKE, "X-Amz-Invocation-Type: Event\r\n", r#"{"n":1}"#).status(), 202);
    for _ in 0..3 {
        let next = http(&emulator, "GET", NEXT, "", "");
        assert_eq!(next.json(), json!({ "n": 1 }));
        let id = next.header("lambda-runtime-aws-request-id").unwrap();
        let path = format!("/2018-06-01/runtime/invocation/{id}/error");
        assert_eq!(http(&emulator, "POST", &path, "", r#"{"errorType":"E"}"#).status(), 202);
    }
    eventually("the event is kept", || emulator.dead_letters() == [json!({ "n": 1 })]);
    let kept = control(&emulator, "GET", "dead-letters", "");
    assert_eq!(kept.json(), json!([{ "n": 1 }]));
}

#[test]
fn the_runtime_is_told_what_lambda_tells() {
    let emulator = Emulator::start(Options { timeout: TIMEOUT, ..Options::default() }).unwrap();
    http(&emulator, "POST", INVOKE, "X-Amz-Invocation-Type: Event\r\n", "{}");
    let next = http(&emulator, "GET", NEXT, "", "");
    let header = |name: &str| next.header(&format!("lambda-runtime-{name}")).unwrap();
    assert_eq!(header("invoked-function-arn"), "arn:aws:lambda:eu-central-1:123456789012:function:updates");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let left = header("deadline-ms").parse::<u128>().unwrap() - now;
    assert!(left <= TIMEOUT.as_millis(), "{left}");
    assert!(header("trace-id").starts_with("Root=1-"));
    let path = format!("/2018-06-01/runtime/invocation/{}/response", header("aws-request-id"));
    assert_eq!(http(&emulator, "POST", &path, "", "{}").status(), 202);
    let again = http(&emulator, "POST", &path, "", "{}");
    assert_eq!((again.status(), &again.json()["errorType"]), (400, &json!("InvalidRequestID")));
}
