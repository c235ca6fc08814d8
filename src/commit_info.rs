//! `COMMIT_INFO`: a file in the archive that describes the commit, for builds that cannot read pipeline variables.

use bstr::{BString, ByteSlice};
use serde_json::{Value, json};

use crate::plan::Job;
use git_archive::ExtraFile;
use git_archive::object::{Commit, Signature};

/// Makes the JSON file at this path. Times are seconds since 1970 (UTC), time zones are minutes east of UTC.
pub fn file(path: &str, job: &Job, commit: &Commit) -> ExtraFile {
    let parents: Vec<String> = commit.parents.iter().map(ToString::to_string).collect();
    let info = json!({
        "repository": job.repository.name(),
        "branch": job.branch(),
        "commit": commit.id.to_string(),
        "tree": commit.tree.to_string(),
        "parents": parents,
        "author": person(&commit.author),
        "committer": person(&commit.committer),
        "message": commit.message.to_str_lossy(),
    });
    ExtraFile { path: BString::from(path), executable: false, content: format!("{info:#}\n").into() }
}

fn person(signature: &Signature) -> Value {
    json!({
        "name": signature.name.to_str_lossy(),
        "email": signature.email.to_str_lossy(),
        "seconds": signature.seconds,
        "offset_minutes": signature.offset_minutes,
    })
}
