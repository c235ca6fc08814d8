//! Random small repositories, archived by the library over the API and by the real `git archive`. With classic zlib
//! on both sides, the zips are equal byte for byte.
//!
//! `TRIALS` is the number of trials and `SEED` the number of the first one. `SEED=<its number> TRIALS=1` repeats a
//! failing trial.
//!
//! # Known differences
//! `docs/differences.md` lists all of them. These are not generated: names that are not UTF-8 over the API, refused
//! encodings, trees that git does not write, and paths of virtual files that are shorter than the prefix. Abbreviations
//! have seven digits on both sides. Four differences may occur, and a function allows for each: an extra file whose
//! path is in the tree ([`is_known`]), a placeholder that needs more than the commit ([`is_told`]), a name that git
//! refuses in a folder that no pathspec reaches ([`is_unreached`]), and a date before 1970 ([`is_before_1970`]).

mod case;
mod content;
mod shrink;

use std::path::Path;

use bstr::ByteSlice as _;
use codecommit::ArchiveError;
use codecommit::causes::with_causes;
use codecommit::open::OpenError;
use futures_util::{StreamExt as _, stream};
use tempfile::TempDir;

use crate::endpoint::Endpoint;
use case::{Case, ON_DISK};
use oracle::{Random, Repository, script, trials};

/// The number of trials that share a repository, which saves processes.
const BATCH: u64 = 50;
const AT_ONCE: usize = 4;

struct World {
    endpoint: Endpoint,
    /// The folder of the files that cases add.
    folder: TempDir,
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_are_those_of_git() {
    let first = std::env::var("SEED").ok().map_or(0, |seed| seed.parse().expect("SEED is a number"));
    let end = first + trials(150);
    let world = World { endpoint: Endpoint::start(), folder: files_on_disk() };
    let mut start = first;
    while start < end {
        let numbers = start..end.min(start + BATCH);
        let cases: Vec<Case> = numbers.clone().map(|number| Case::random(&mut Random::of("random", number))).collect();
        if let Some((at, failure)) = world.batch(&format!("batch-{start}"), &cases).await.into_iter().next() {
            let trial = start + u64::try_from(at).expect("few");
            panic!("trial {trial}: {}", world.shrunk(cases[at].clone(), failure).await);
        }
        start = numbers.end;
    }
}

impl World {
    /// Makes one repository of all cases. Returns the failing cases and their failures.
    async fn batch(&self, name: &str, cases: &[Case]) -> Vec<(usize, String)> {
        let commits = cases.iter().enumerate();
        let commits = commits.map(|(at, case)| case.tree.commit(&format!("refs/heads/t{at}"), &case.commit));
        let repository = Repository::import(&commits.collect::<Vec<_>>().concat());
        repository.run(&["config", "core.abbrev", "7"], b"");
        self.endpoint.serve(name, repository.path());
        let checks = cases.iter().enumerate().map(|(at, case)| {
            let repository = &repository;
            async move { (at, self.failure(name, repository, &format!("t{at}"), case).await) }
        });
        let checked = stream::iter(checks).buffered(AT_ONCE).collect::<Vec<_>>().await;
        checked.into_iter().filter_map(|(at, failure)| Some((at, failure?))).collect()
    }

    async fn failure(&self, name: &str, repository: &Repository, branch: &str, case: &Case) -> Option<String> {
        let words = case.git(branch, self.folder.path());
        let theirs = tokio::task::block_in_place(|| repository.output(&words, b""));
        let archive = codecommit::Repository::new(&self.endpoint.aws, name).archive(case.treeish(branch));
        let ours = case.library(archive, self.folder.path(), self.endpoint.emulator.git_url()).to_vec().await;
        match (theirs.status.success(), ours) {
            // Only generated pathspecs may match nothing.
            (false, Err(ArchiveError::Open { source, .. }))
                if matches!(*source, OpenError::Select(_) | OpenError::Pathspec(_)) =>
            {
                None
            }
            (false, Err(error)) => Some(format!(
                "both refuse: git says {}, the library {}",
                String::from_utf8_lossy(&theirs.stderr),
                with_causes(&error)
            )),
            (false, Ok(_)) if is_unreached(case, &theirs.stderr) || is_before_1970(&theirs.stderr) => None,
            (false, Ok(_)) => Some(format!("git refuses: {}", String::from_utf8_lossy(&theirs.stderr))),
            (true, Err(error)) if is_known(&error) => None,
            (true, Err(error)) => Some(format!("only the library refuses: {}", with_causes(&error))),
            (true, Ok((_, summary))) if is_told(&summary.warnings) => None,
            (true, Ok((zip, _))) => difference(&theirs.stdout, &zip),
        }
    }

    /// Describes a failing case: the failure, and a script that makes git's archive of the smallest such case.
    async fn shrunk(&self, case: Case, failure: String) -> String {
        let counter = std::sync::atomic::AtomicUsize::new(0);
        let fails = async |case: &Case| {
            let number = counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let failures = self.batch(&format!("shrink-{number}"), std::slice::from_ref(case)).await;
            failures.into_iter().next().map(|(_, failure)| failure)
        };
        let (case, failure) = shrink::shrink(case, failure, fails).await;
        let words: Vec<String> =
            case.git("t0", Path::new("..")).iter().map(|word| shell_quoted(&word.to_string_lossy())).collect();
        let files = ON_DISK.map(|(name, content)| format!("printf '{}' > ../{name}\n", content.escape_default()));
        let then = format!("git config core.abbrev 7\n{}TZ=UTC git {} > git.zip\n", files.concat(), words.join(" "));
        format!("{failure}\n{}", script(&case.tree.commit("refs/heads/t0", &case.commit), &then))
    }
}

/// Returns whether the library refuses this on purpose, although git does not.
fn is_known(error: &ArchiveError) -> bool {
    matches!(error, ArchiveError::Open { source, .. } if matches!(**source, OpenError::PathTaken(_)))
}

/// Returns whether a warning explains the difference. Random text may have a placeholder that needs more than the
/// commit: it stays, with a warning.
fn is_told(warnings: &[String]) -> bool {
    warnings.iter().any(|warning| warning.contains("NotDerivable"))
}

/// Returns whether git failed at a date that is before 1970 in its time zone. The library does not fail there.
fn is_before_1970(complaint: &[u8]) -> bool {
    complaint.lines().any(|line| line.starts_with(b"fatal: Timestamp before Unix epoch"))
}

/// Returns whether git failed at a name that no pathspec reaches. Git checks all names of the tree.
fn is_unreached(case: &Case, complaint: &[u8]) -> bool {
    !case.paths.is_empty() && complaint.lines().any(|line| line.starts_with(b"error: invalid path"))
}

fn difference(theirs: &[u8], ours: &[u8]) -> Option<String> {
    if theirs == ours {
        return None;
    }
    let at = theirs.iter().zip(ours).position(|(a, b)| a != b).unwrap_or(theirs.len().min(ours.len()));
    let near = |zip: &[u8]| zip[at.saturating_sub(24)..zip.len().min(at + 40)].escape_ascii().to_string();
    Some(format!(
        "the archives differ: git makes {} bytes, the library {}, and from byte {at} on they are\n git: {}\nours: {}",
        theirs.len(),
        ours.len(),
        near(theirs),
        near(ours)
    ))
}

fn files_on_disk() -> TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    for (at, (name, content)) in ON_DISK.iter().enumerate() {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("a file");
        let mode = if at == 1 { 0o755 } else { 0o644 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    }
    folder
}

fn shell_quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
