//! The revisions that the sources of an execution take.

use super::declaration::SourceAction;
use super::execution::Revision;
use super::input::{ANY, Field, NAME, invalid};
use crate::error::ServiceError;
use crate::s3::{Store, Version, Versioning};

/// The user metadata with the summary of a revision.
const SUMMARY: &str = "codepipeline-artifact-revision-summary";
const NO_SUCH_ACTION: &str = "The action name provided in the source revision is not valid. The action must be a \
    source action in your pipeline.";
const REVISION_TYPES: [&str; 4] = ["COMMIT_ID", "IMAGE_DIGEST", "S3_OBJECT_VERSION_ID", "S3_OBJECT_KEY"];

/// An entry of `sourceRevisions`.
pub(super) struct Override {
    action: String,
    kind: String,
    value: String,
}

/// Reads `sourceRevisions`.
pub(super) fn overrides(input: &Field<'_>) -> Result<Vec<Override>, ServiceError> {
    let entries = input.list("sourceRevisions", 0..=50)?;
    let read = |entry: &Field<'_>| {
        Ok(Override {
            action: entry.text("actionName", 1..=100, &NAME)?.to_owned(),
            kind: entry.choice("revisionType", &REVISION_TYPES)?.to_owned(),
            value: entry.text("revisionValue", 1..=1500, &ANY)?.to_owned(),
        })
    };
    entries.iter().map(read).collect()
}

/// Checks the overrides against the sources of the pipeline.
///
/// Not recorded: all but the check of the action's name.
pub(super) fn check(sources: &[SourceAction], overrides: &[Override]) -> Result<(), ServiceError> {
    for (index, given) in overrides.iter().enumerate() {
        let Override { action, kind, .. } = given;
        let source = sources.iter().find(|source| source.action == *action);
        let source = source.ok_or_else(|| invalid(NO_SUCH_ACTION))?;
        let provider = match kind.as_str() {
            "S3_OBJECT_VERSION_ID" | "S3_OBJECT_KEY" => "S3",
            "COMMIT_ID" => "CodeCommit",
            _ => "ECR",
        };
        if source.provider != provider {
            let message = format!("Revision type {kind} does not fit source action '{action}' of {}", source.provider);
            return Err(invalid(message));
        }
        if kind == "S3_OBJECT_KEY" && source.setting("AllowOverrideForS3ObjectKey") != Some("true") {
            return Err(invalid(format!("Source action '{action}' does not allow to override its S3 object key")));
        }
        if overrides[..index].iter().any(|other| other.action == *action && other.kind == *kind) {
            return Err(invalid(format!("Revision type {kind} is given twice for source action '{action}'")));
        }
    }
    Ok(())
}

/// Returns the revision of one source: the given one, or else the newest; `None` if the source has no revision.
///
/// Not recorded: the refusal of a version that does not exist.
pub(super) fn revision(
    s3: &Store,
    source: &SourceAction,
    overrides: &[Override],
) -> Result<Option<Revision>, ServiceError> {
    let given = |kind: &str| {
        let found = overrides.iter().find(|given| given.action == source.action && given.kind == kind);
        found.map(|given| given.value.as_str())
    };
    if source.provider != "S3" {
        let id = given("COMMIT_ID").or_else(|| given("IMAGE_DIGEST"));
        return Ok(id.map(|id| plain(source, id)));
    }
    let bucket = source.setting("S3Bucket").unwrap_or_default();
    let key = given("S3_OBJECT_KEY").or_else(|| source.setting("S3ObjectKey")).unwrap_or_default();
    let versions =
        if s3.versioning(bucket) == Some(Versioning::Enabled) { s3.versions(bucket, key) } else { Vec::new() };
    let Some(id) = given("S3_OBJECT_VERSION_ID") else {
        return Ok(versions.first().and_then(|newest| of_object(source, newest)));
    };
    let version = versions.iter().find(|version| version.id == id);
    match version.and_then(|version| of_object(source, version)) {
        Some(revision) => Ok(Some(revision)),
        None => Err(invalid(format!(
            "Version '{id}' of the object '{key}' in bucket '{bucket}' that source action '{}' reads does not exist",
            source.action
        ))),
    }
}

fn of_object(source: &SourceAction, version: &Version) -> Option<Revision> {
    let object = version.object.as_ref()?;
    let id = &version.id;
    let summary = object.metadata().remove(SUMMARY).filter(|summary| !summary.is_empty());
    Some(Revision {
        summary: Some(summary.unwrap_or_else(|| format!("Amazon S3 version id: {id}"))),
        ..plain(source, id)
    })
}

fn plain(source: &SourceAction, id: &str) -> Revision {
    Revision { action: source.action.clone(), artifact: source.artifact.clone(), id: id.to_owned(), summary: None }
}
