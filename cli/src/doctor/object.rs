//! Checks of the object that the pipeline reads: its bucket's versioning, and read and write access.

use codecommit::aws::{Aws, CallError, Fault};

use super::described;
use super::report::Report;

/// The object that the pipeline's source reads.
pub(super) struct Object {
    pub(super) bucket: String,
    pub(super) key: String,
}

pub(super) async fn check(aws: &Aws, object: &Object, report: &mut Report) {
    versioning(aws, &object.bucket, report).await;
    current(aws, object, report).await;
    upload(aws, object, report).await;
}

async fn versioning(aws: &Aws, bucket: &str, report: &mut Report) {
    let sent = aws.s3.get_bucket_versioning().bucket(bucket).send().await;
    match sent.map_err(|error| CallError::new("GetBucketVersioning", error)) {
        Ok(answer) if answer.status.as_ref().is_some_and(|status| status.as_str() == "Enabled") => {
            report.ok("versioning", format!("on for bucket {bucket}"));
        }
        Ok(_) => report.fail(
            "versioning",
            format!("off, so that no run can be pinned to a version; enable versioning of bucket {bucket}"),
        ),
        Err(call) => report.fail("versioning", described(&call)),
    }
}

async fn current(aws: &Aws, Object { bucket, key }: &Object, report: &mut Report) {
    let sent = aws.s3.head_object().bucket(bucket).key(key).send().await;
    match sent.map_err(|error| CallError::new("HeadObject", error)) {
        Ok(answer) => {
            let size = answer.content_length().unwrap_or_default();
            report.ok("object", format!("s3://{bucket}/{key} has {size} bytes"));
        }
        Err(call) if call.fault == Fault::Missing => {
            report.ok("object", format!("s3://{bucket}/{key} does not exist before the first push"));
        }
        Err(call) => report.fail("object", format!("{} (s3:GetObject, s3:ListBucket)", described(&call))),
    }
}

/// Begins an upload and aborts it. That writes nothing and sends no event, but needs the permissions of an upload,
/// those for the KMS key too.
async fn upload(aws: &Aws, Object { bucket, key }: &Object, report: &mut Report) {
    let begun = aws.s3.create_multipart_upload().bucket(bucket).key(key).send().await;
    let id = match begun.map_err(|error| CallError::new("CreateMultipartUpload", error)) {
        Ok(answer) => answer.upload_id.unwrap_or_default(),
        Err(call) if call.fault == Fault::Denied => return refused(&call, report),
        Err(call) => return report.fail("upload", format!("{} (s3:PutObject)", described(&call))),
    };
    let ended = aws.s3.abort_multipart_upload().bucket(bucket).key(key).upload_id(id).send().await;
    match ended.map_err(|error| CallError::new("AbortMultipartUpload", error)) {
        Ok(_) => report.ok("upload", "can be begun and aborted"),
        Err(call) if call.fault == Fault::Denied => refused(&call, report),
        Err(call) => report.fail("upload", described(&call)),
    }
}

/// A push does not need this permission of a person: the stack lets only its function write.
fn refused(call: &CallError, report: &mut Report) {
    let who = "only `codecommit start` needs this of you; the stack's parameter WriterArns gives it";
    report.warn("upload", format!("{} (s3:PutObject); {who}", described(call)));
}
