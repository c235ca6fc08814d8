//! The pipeline that `--pipeline` creates; to the function it looks like the one that the template deploys.

use serde_json::{Value, json};

use crate::account::{ACCOUNT, REGION};

/// The variables that the function sets for each execution.
const VARIABLES: [&str; 5] = ["BRANCH_NAME", "COMMIT_ID", "REPOSITORY_NAME", "AUTHOR", "COMMIT_MESSAGE"];

/// Returns the input of `CreatePipeline` for a PARALLEL V2 pipeline that reads one S3 object and does not poll.
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
