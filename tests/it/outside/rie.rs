//! AWS's own Runtime Interface Emulator, which ships inside SAM's command line.

use std::process::Command;

use serde_json::{Value, json};

use super::{Running, emulated, free_address, post, program, until_it_listens};
use crate::world::{BRANCH, PIPELINE, in_time, pushed};

#[tokio::test]
async fn the_built_function_runs_behind_the_runtime_interface_emulator() {
    let Some(rie) = program("AWS_LAMBDA_RIE") else { return };
    let (emulator, repository) = emulated();
    let (invoke, runtime) = (free_address(), free_address());
    let mut command = Command::new(rie);
    command.args(["--runtime-interface-emulator-address", &invoke.to_string()]);
    command.args(["--runtime-api-address", &runtime.to_string(), env!("CARGO_BIN_EXE_updates")]);
    command.envs(emulator.client_environment()).env("PIPELINE_NAME", PIPELINE).env("LAMBDA_TASK_ROOT", "/tmp");
    let _running = Running::start(&mut command);
    until_it_listens(invoke).await;
    let ask = |event: Value| {
        let asked = move || post(invoke, "/2015-03-31/functions/function/invocations", &event.to_string());
        async { serde_json::from_str::<Value>(&in_time(tokio::task::spawn_blocking(asked)).await.expect("an answer")) }
    };
    let event = pushed("push-1", &[(BRANCH, repository.id(BRANCH))]);
    let answer = ask(event).await.expect("JSON");
    let executions = emulator.codepipeline().executions(PIPELINE);
    assert_eq!(executions.len(), 1, "{answer}");
    assert_eq!(answer["started"][0]["pipeline_execution_id"], executions[0].id, "{answer}");
    let error = ask(json!({ "Records": 5 })).await.expect("JSON");
    assert_eq!(error["errorType"], "EventMalformed", "{error}");
}
