//! The pipeline that `--pipeline` makes: what the template deploys, as far as a function can tell.

use serde_json::{Value, json};

use crate::credentials::{ACCOUNT, REGION};

/// What the function hands to a run.
const VARIABLES: [&str; 5] = ["BRANCH_NAME", "COMMIT_ID", "REPOSITORY_NAME", "AUTHOR", "COMMIT_MESSAGE"];

/// The input of `CreatePipeline` for a V2 pipeline that reads one object, does not poll, and runs in parallel.
pub(crate) fn declaration(name: &str, bucket: &str, key: &str) -> Value {
    let variables = VARIABLES.map(|name| json!({ "name": name, "defaultValue": "-" }));
    let source = json!({
        "name": "Source",
        "actionTypeId": { "category": "Source", "owner": "AWS", "provider": "S3", "version": "1" },
        "configuration": {
            "S3Bucket": bucket,
            "S3ObjectKey": key,
            "PollForSourceChanges": "false",
            "AllowOverrideForS3ObjectKey": "true",
        },
        "outputArtifacts": [{ "name": "Source" }],
        "region": REGION,
    });
    let build = json!({
        "name": "Build",
        "actionTypeId": { "category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1" },
        "configuration": { "ProjectName": name },
        "inputArtifacts": [{ "name": "Source" }],
        "region": REGION,
    });
    json!({ "pipeline": {
        "name": name,
        "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/{name}"),
        "pipelineType": "V2",
        "executionMode": "PARALLEL",
        "artifactStore": { "type": "S3", "location": bucket },
        "variables": variables,
        "stages": [
            { "name": "Source", "actions": [source] },
            { "name": "Build", "actions": [build] },
        ],
    } })
}
