//! Pipelines: creation, polling, declarations.

use serde_json::{Value, json};

use super::service::{Service, declaration, three_variables};

type Change<'a> = &'a dyn Fn(&mut Value);

#[tokio::test]
async fn a_creation_starts_the_pipeline() {
    let service = Service::start();
    service.ok("CreatePipeline", json!({ "pipeline": declaration("p", three_variables()) })).await;
    let failed = service.newest().await;
    let cause = json!({ "triggerType": "CreatePipeline", "triggerDetail": "arn:aws:iam::123456789012:user/emulator" });
    assert_eq!((&failed["status"], &failed["trigger"]), (&json!("Failed"), &cause));
    let summary = "Values for required variables haven't been provided: Alpha";
    assert_eq!(failed["statusSummary"], summary);
}

#[tokio::test]
async fn polling_depends_on_the_setting_as_written() {
    let service = Service::start();
    let create = async |setting: Option<&str>| {
        let mut pipeline = declaration("p", Value::Null);
        let configuration = &mut pipeline["stages"][0]["actions"][0]["configuration"];
        configuration["PollForSourceChanges"] = setting.into();
        if setting.is_none() {
            configuration.as_object_mut().expect("an object").remove("PollForSourceChanges");
        }
        service.ok("CreatePipeline", json!({ "pipeline": pipeline })).await;
        let shown = service.ok("GetPipeline", json!({ "name": "p" })).await["pipeline"].take();
        let shown = &shown["stages"][0]["actions"][0]["configuration"];
        assert_eq!(shown.get("PollForSourceChanges").and_then(Value::as_str), setting);
        let cause = service.newest().await["trigger"].take();
        service.ok("DeletePipeline", json!({ "name": "p" })).await;
        cause
    };
    assert_eq!(create(Some("true")).await, Value::Null, "without an object, polling starts nothing");
    service.put().await;
    let polled = json!({ "triggerType": "PollForSourceChanges", "triggerDetail": "Source" });
    for setting in [None, Some("true"), Some("True")] {
        assert_eq!(create(setting).await, polled, "{setting:?}");
    }
    for setting in ["false", "False", "yes", "1"] {
        assert_eq!(create(Some(setting)).await["triggerType"], "CreatePipeline", "{setting}");
    }
    let mut pipeline = declaration("p", Value::Null);
    pipeline["stages"][0]["actions"][0]["configuration"]["PollForSourceChanges"] = "".into();
    assert_eq!(service.refused("CreatePipeline", json!({ "pipeline": pipeline })).await.0, "ValidationException");
}

#[tokio::test]
async fn declarations_are_shown_with_defaults() {
    let service = Service::with_variables(json!([]));
    let mut pipeline = declaration("p", json!([{ "name": "A_B-C@1", "defaultValue": "x" }]));
    pipeline.as_object_mut().expect("an object").remove("pipelineType");
    let updated = service.ok("UpdatePipeline", json!({ "pipeline": pipeline })).await["pipeline"].take();
    assert_eq!((&updated["pipelineType"], &updated["version"]), (&json!("V2"), &json!(2)));
    let review = &updated["stages"][1]["actions"][0];
    assert_eq!(
        *review,
        json!({
            "actionTypeId": {
                "__type": "ActionTypeId", "category": "Approval", "owner": "AWS", "provider": "Manual", "version": "1",
            },
            "configuration": { "CustomData": "owned" },
            "inputArtifacts": [],
            "name": "Review",
            "outputArtifacts": [],
            "runOrder": 1,
        })
    );
    let first = service.ok("GetPipeline", json!({ "name": "p", "version": 1 })).await;
    assert_eq!(first["pipeline"]["variables"], json!([]));
    let again = service.ok("UpdatePipeline", json!({ "pipeline": updated })).await;
    assert_eq!(again["pipeline"]["version"], 3, "what GetPipeline shows can be sent back");
}

#[tokio::test]
async fn variables_that_are_refused() {
    let service = Service::with_variables(three_variables());
    let constraint = |member: &str, constraint: &str| {
        let path = format!("pipeline.variables.1.member.{member}");
        format!("Value at '{path}' failed to satisfy constraint: {constraint}")
    };
    let one = |member: &str, text: &str| {
        ("ValidationException", format!("1 validation error detected: {}", constraint(member, text)))
    };
    let pattern = r"Member must satisfy regular expression pattern: [A-Za-z0-9@\-_]+";
    let least = "Member must have length greater than or equal to 1";
    for (value, expected) in [
        (json!([{ "name": "bad.name", "defaultValue": "x" }]), one("name", pattern)),
        (json!([{ "name": "A".repeat(129) }]), one("name", "Member must have length less than or equal to 128")),
        (
            json!([{ "name": "A", "defaultValue": "x".repeat(1001) }]),
            one("defaultValue", "Member must have length less than or equal to 1000"),
        ),
        (
            json!([{ "name": "A", "description": "x".repeat(201) }]),
            one("description", "Member must have length less than or equal to 200"),
        ),
        (
            json!([{ "name": "" }]),
            (
                "ValidationException",
                format!("2 validation errors detected: {}; {}", constraint("name", least), constraint("name", pattern)),
            ),
        ),
        (
            json!([{ "name": "Alpha", "defaultValue": "one" }, { "name": "Alpha", "defaultValue": "two" }]),
            (
                "InvalidStructureException",
                "Variable names must be unique. The following variable name is already in use: Alpha".to_owned(),
            ),
        ),
    ] {
        let input = json!({ "pipeline": declaration("p", value.clone()) });
        assert_eq!(service.refused("UpdatePipeline", input).await, expected, "{value}");
    }
}

#[tokio::test]
async fn references_to_variables_that_are_refused() {
    let service = Service::with_variables(three_variables());
    let refused = async |change: Change<'_>| {
        let mut pipeline = declaration("p", three_variables());
        change(&mut pipeline);
        service.refused("UpdatePipeline", json!({ "pipeline": pipeline })).await
    };
    let v1 = |pipeline: &mut Value| {
        pipeline["pipelineType"] = "V1".into();
        pipeline["executionMode"] = "SUPERSEDED".into();
    };
    let namespace = |pipeline: &mut Value| pipeline["stages"][0]["actions"][0]["namespace"] = "variables".into();
    let in_source = |pipeline: &mut Value| {
        pipeline["stages"][0]["actions"][0]["configuration"]["S3ObjectKey"] = "#{variables.Zulu}".into();
    };
    let unknown = |pipeline: &mut Value| {
        pipeline["stages"][1]["actions"][0]["configuration"]["CustomData"] = "#{variables.Unknown}".into();
    };
    let undeclared = |pipeline: &mut Value| {
        unknown(pipeline);
        pipeline.as_object_mut().expect("an object").remove("variables");
    };
    let cases: [(Change<'_>, &str, &str); 5] = [
        (&v1, "InvalidStructureException", "Pipeline variable can only be used with V2 pipelines"),
        (
            &namespace,
            "InvalidStructureException",
            "One or more of the chosen namespaces is reserved. Note that there is a namespace for variables at the pipeline level.\n",
        ),
        (
            &in_source,
            "InvalidStructureException",
            "Variables at the pipeline level cannot be used in source actions.\nStageName=[Source], ActionName=[Source], ActionConfigurationKey=[S3ObjectKey], VariableReferenceText=[variables.Zulu]",
        ),
        (&unknown, "InvalidStructureException", "The referenced variables haven't been declared.\n"),
        (
            &undeclared,
            "InvalidActionDeclarationException",
            "Valid format for a pipeline execution variable reference is a namespace and a key separated by a period (.). The following pipeline execution variables are referencing a namespace that does not exist.\nStageName=[Gate], ActionName=[Review], ActionConfigurationKey=[CustomData], VariableReferenceText=[variables.Unknown]",
        ),
    ];
    for (change, code, message) in cases {
        assert_eq!(refused(change).await, (code, message.to_owned()));
    }
    let mut declared = declaration("p", Value::Null);
    v1(&mut declared);
    namespace(&mut declared);
    service.ok("UpdatePipeline", json!({ "pipeline": declared })).await;
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let service = Service::with_variables(Value::Null);
    let message = "Account '123456789012' does not have a pipeline with name 'none'";
    assert_eq!(
        service.refused("GetPipeline", json!({ "name": "none" })).await,
        ("PipelineNotFoundException", message.to_owned())
    );
    let malformed = json!({ "pipelineName": "p", "pipelineExecutionId": "1" });
    let message = "1 validation error detected: Value at 'pipelineExecutionId' failed to satisfy constraint: Member must satisfy regular expression pattern: [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    assert_eq!(service.refused("GetPipelineExecution", malformed).await, ("ValidationException", message.to_owned()));
}
