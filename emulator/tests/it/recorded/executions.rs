//! Executions: what is visible when, stops, actions, and ends by command.

use std::time::Duration;

use emulator::codepipeline::{Finish, Status};
use serde_json::{Value, json};

use super::service::{Service, declaration, three_variables, variable};
use crate::support::{TIMEOUT, control};

#[tokio::test]
async fn revisions_appear_once_the_source_action_is_done() {
    let service = Service::with_variables(Value::Null);
    let version = service.put().await;
    service.emulator.codepipeline().set_source_duration(Duration::from_hours(1));
    let id = service.run(json!({})).await;
    let execution = service.execution(&id).await;
    assert_eq!((&execution["status"], &execution["artifactRevisions"]), (&json!("InProgress"), &json!([])));
    assert_eq!(service.newest().await["sourceRevisions"], json!([]));

    service.emulator.codepipeline().set_source_duration(Duration::ZERO);
    let execution = service.execution(&id).await;
    let summary = format!("Amazon S3 version id: {version}");
    let revision = json!({ "name": "SourceZip", "revisionId": version, "revisionSummary": summary });
    assert_eq!((&execution["status"], &execution["artifactRevisions"]), (&json!("Succeeded"), &json!([revision])));
    let listed = service.newest().await;
    let revision = json!({ "actionName": "Source", "revisionId": version, "revisionSummary": summary });
    assert_eq!(listed["sourceRevisions"], json!([revision]));
    for absent in ["executionType", "rollbackMetadata", "statusSummary", "stopTrigger", "variables"] {
        assert!(listed.get(absent).is_none() && execution.get(absent).is_none(), "{absent}");
    }
}

#[tokio::test]
async fn an_execution_is_not_visible_at_once() {
    let service = Service::with_variables(Value::Null);
    service.put().await;
    service.emulator.codepipeline().set_visibility_lag(Duration::from_hours(1));
    let id = service.run(json!({})).await;
    let input = json!({ "pipelineName": "p", "pipelineExecutionId": id });
    let message = format!("Pipeline Execution with id '{id}' does not exist in pipeline with name 'p'");
    let refused = service.refused("GetPipelineExecution", input.clone()).await;
    assert_eq!(refused, ("PipelineExecutionNotFoundException", message));
    assert_eq!(service.newest().await, Value::Null);
    service.emulator.codepipeline().set_visibility_lag(Duration::ZERO);
    service.ok("GetPipelineExecution", input).await;
    assert_eq!(service.newest().await["pipelineExecutionId"], id);
}

#[tokio::test]
async fn a_stop_waits_for_the_action_in_progress() {
    let service = Service::with_variables(Value::Null);
    service.put().await;
    service.emulator.codepipeline().hold_executions(true);
    let id = service.run(json!({})).await;
    let stop = json!({ "pipelineName": "p", "pipelineExecutionId": id, "abandon": false, "reason": "superseded" });
    let stopped = service.ok("StopPipelineExecution", stop.clone()).await;
    assert_eq!(stopped, json!({ "pipelineExecutionId": id }));
    assert_eq!(service.execution(&id).await["status"], "Stopping");
    assert_eq!(
        service.refused("StopPipelineExecution", stop.clone()).await,
        (
            "DuplicatedStopRequestException",
            format!(
                "The execution with ID {id} in p is already in a stopping state. If you already chose to stop and wait, you cannot make that request again. You can choose to stop and abandon now, but be aware that this option can lead to failed actions. If you already chose to stop and abandon, you cannot make that request again."
            )
        )
    );
    let finish = Finish { pipeline: "p".to_owned(), action: Some("Review".to_owned()), ..Finish::default() };
    assert_eq!(service.emulator.codepipeline().finish(&finish).map(|it| it.status), Ok(Status::Stopped));
    let execution = service.execution(&id).await;
    assert_eq!((&execution["status"], &execution["statusSummary"]), (&json!("Stopped"), &json!("superseded")));
    assert_eq!(service.newest().await["stopTrigger"], json!({ "reason": "superseded" }));
    assert_eq!(service.refused("StopPipelineExecution", stop).await, not_stoppable(&id));
    let actions = service.ok("ListActionExecutions", json!({ "pipelineName": "p" })).await;
    let names = actions["actionExecutionDetails"].as_array().expect("a list").iter();
    assert!(names.map(|it| it["actionName"].as_str()).eq([Some("Review"), Some("Source")]), "{actions}");
}

#[tokio::test]
async fn an_abandoned_execution_stops_at_once() {
    let service = Service::with_variables(Value::Null);
    service.put().await;
    service.emulator.codepipeline().hold_executions(true);
    let id = service.run(json!({})).await;
    let stop = json!({ "pipelineName": "p", "pipelineExecutionId": id, "abandon": true });
    service.ok("StopPipelineExecution", stop.clone()).await;
    let execution = service.execution(&id).await;
    assert_eq!((&execution["status"], execution.get("statusSummary")), (&json!("Stopped"), None));
    assert_eq!(service.newest().await.get("stopTrigger"), None);
    let actions = service.ok("ListActionExecutions", json!({ "pipelineName": "p" })).await;
    assert_eq!(actions["actionExecutionDetails"][0]["status"], "Abandoned");
    assert_eq!(service.refused("StopPipelineExecution", stop).await, not_stoppable(&id));
}

#[tokio::test]
async fn an_execution_that_failed_at_once_cannot_be_stopped() {
    let service = Service::with_variables(three_variables());
    let id = service.run(json!({})).await;
    let stop = json!({ "pipelineName": "p", "pipelineExecutionId": id, "abandon": true });
    assert_eq!(service.refused("StopPipelineExecution", stop).await, not_stoppable(&id));
}

fn not_stoppable(id: &str) -> (&'static str, String) {
    let message = format!(
        "The pipeline execution with ID '{id}' in 'p' can't be stopped now. Either it does not exist in the pipeline, or the pipeline execution has no action executions in progress."
    );
    ("PipelineExecutionNotStoppableException", message)
}

#[tokio::test]
async fn actions_are_listed_with_resolved_variables() {
    let service =
        Service::with_variables(json!([{ "name": "Zulu", "defaultValue": "z-default" }, { "name": "Alpha" }]));
    let mut changed = declaration("p", json!([{ "name": "Zulu", "defaultValue": "z-default" }, { "name": "Alpha" }]));
    changed["stages"][1]["actions"][0]["configuration"]["CustomData"] =
        "Zulu=#{variables.Zulu};Alpha=#{variables.Alpha}".into();
    service.ok("UpdatePipeline", json!({ "pipeline": changed })).await;
    let version = service.put().await;
    service.emulator.codepipeline().hold_executions(true);
    let reference = "#{codepipeline.PipelineExecutionId}";
    let id = service.run(json!({ "variables": [variable("Alpha", reference)] })).await;
    let filter = json!({ "pipelineName": "p", "filter": { "pipelineExecutionId": id } });
    let actions = service.ok("ListActionExecutions", filter).await["actionExecutionDetails"].take();
    let (review, source) = (&actions[0], &actions[1]);
    assert_eq!((&review["stageName"], &review["status"]), (&json!("Gate"), &json!("InProgress")));
    let resolved = format!("Zulu=z-default;Alpha={reference}");
    assert_eq!(review["input"]["resolvedConfiguration"], json!({ "CustomData": resolved }));
    assert_eq!((&source["actionName"], &source["status"]), (&json!("Source"), &json!("Succeeded")));
    let summary = format!("Amazon S3 version id: {version}");
    let result = json!({ "externalExecutionId": version, "externalExecutionSummary": summary });
    assert_eq!(source["output"]["executionResult"], result);
    assert_eq!(
        service.refused("ListActionExecutions", json!({ "pipelineName": "none" })).await,
        (
            "PipelineNotFoundException",
            "The account with AWS account ID '123456789012' does not include a pipeline named 'none'".to_owned()
        )
    );
    let filter = json!({ "pipelineName": "p", "filter": { "latestInPipelineExecution": {} } });
    let (_, message) = service.refused("ListActionExecutions", filter).await;
    assert_eq!(
        message,
        "2 validation errors detected: Value at 'filter.latestInPipelineExecution.pipelineExecutionId' failed to satisfy constraint: Member must not be null; Value at 'filter.latestInPipelineExecution.startTimeRange' failed to satisfy constraint: Member must not be null"
    );
}

#[test]
fn executions_end_by_command_over_the_control_address() {
    let service = Service::with_variables(Value::Null);
    let waiter = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let run =
        || waiter.block_on(async { tokio::time::timeout(TIMEOUT, service.run(json!({}))).await.expect("in time") });
    waiter.block_on(service.put());
    let send = |path: &str, body: Value| control(&service.emulator, "POST", path, &body.to_string());
    assert_eq!(send("codepipeline", json!({ "hold": true })).status(), 200);
    let (one, two, three) = (run(), run(), run());
    let end = |body: Value| send("executions", body);
    let failed = end(json!({ "pipeline": "p", "execution": one, "action": "Build", "stage": "Build", "error": "no" }));
    assert_eq!((failed.status(), failed.json()), (200, json!({ "execution": one, "status": "Failed" })));
    let reviewed = end(json!({ "pipeline": "p", "execution": two, "action": "Review" }));
    assert_eq!(reviewed.json(), json!({ "execution": two, "status": "InProgress" }));
    let succeeded = end(json!({ "pipeline": "p", "execution": two }));
    assert_eq!(succeeded.json()["status"], "Succeeded");
    let newest = end(json!({ "pipeline": "p", "error": "at the first action" }));
    assert_eq!(newest.json(), json!({ "execution": three, "status": "Failed" }));
    let executions = service.emulator.codepipeline().executions("p");
    let actions = |index: usize| executions[index].actions.iter().map(|it| it.action.as_str()).collect::<Vec<_>>();
    assert_eq!((actions(0), actions(2)), (vec!["Source", "Review", "Build"], vec!["Source", "Review"]));
    for wrong in [
        json!({ "pipeline": "p" }),
        json!({ "pipeline": "none" }),
        json!({ "pipeline": "p", "execution": one }),
        json!({ "pipeline": "p", "execution": "x" }),
    ] {
        assert_eq!(end(wrong.clone()).status(), 400, "{wrong}");
    }
    assert_eq!(send("codepipeline", json!({ "hold": false, "limit": 1 })).status(), 200);
    assert_eq!(send("start-rate", json!({ "burst": 0.0 })).status(), 200);
    let throttled = waiter.block_on(service.refused("StartPipelineExecution", json!({ "name": "p" })));
    assert_eq!(throttled.0, "ThrottlingException");
    assert_eq!(send("start-rate", Value::Null).status(), 200);
    assert_eq!(send("codepipeline", json!({ "source_milliseconds": 0 })).status(), 200);
    run();
    assert_eq!(send("codepipeline", json!({ "unknown": 1 })).status(), 400);
}
