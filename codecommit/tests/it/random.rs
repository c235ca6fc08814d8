//! Random small repositories, archived by the library over the API and by the real `git archive`: byte for byte the
//! same, when both deflate with classic zlib.
//!
//! `TRIALS` says how many, `SEED` the number of the first: a failing trial comes again with `SEED=<its number>
//! TRIALS=1`.
//!
//! # Known differences
//! Each is in `docs/differences.md` with its reason. Not generated: what depends on more than the commit (`%d`, `%G?`,
//! `%ar`, `%(describe)`, mailmaps), names that are not UTF-8 over the API, encodings that are refused, trees that git
//! does not write, paths of virtual files that are shorter than the prefix. Generated, and allowed for in [`is_known`],
//! [`is_told`], [`is_unreached`] and [`is_before_1970`]: an extra file whose path the tree has; a name that git
//! refuses, where no pathspec reaches it. Abbreviations are seven digits long on both sides.

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

/// Trials that share a repository, which saves processes.
const BATCH: u64 = 50;
const AT_ONCE: usize = 4;

struct World {
    endpoint: Endpoint,
    /// The files that cases add.
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
    /// Makes one repository of all cases, and answers which of them fail, and how.
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
            // Only pathspecs are made that may mean nothing.
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

    /// What to say of a failing case: how it fails, and a script that makes git's archive of the smallest such case.
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

/// What the library refuses on purpose, and git does not.
fn is_known(error: &ArchiveError) -> bool {
    matches!(error, ArchiveError::Open { source, .. } if matches!(**source, OpenError::PathTaken(_)))
}

/// Random text may hold a placeholder that depends on more than the commit: it stays, and a warning says so.
fn is_told(warnings: &[String]) -> bool {
    warnings.iter().any(|warning| warning.contains("NotDerivable"))
}

/// A placeholder for a date that its zone takes to before 1970 ends git, not the library.
fn is_before_1970(complaint: &[u8]) -> bool {
    complaint.lines().any(|line| line.starts_with(b"fatal: Timestamp before Unix epoch"))
}

/// Git looks at all names of the tree, the library at those that the pathspecs may reach.
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
