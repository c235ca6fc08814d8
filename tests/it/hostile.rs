//! Hostile pushes to the built function, and the memory that it needs. Each push fails or is archived within the
//! function's memory and time. After it, an innocent push in the same process needs about as much memory as the one
//! before.
//!
//! Each test runs with the smallest memory, and with larger ones if `LARGE` is set. `UPDATES` is the path of another
//! build of the function.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use emulator::{Emulator, FunctionError, Options};
use serde_json::Value;

use super::memory::watch;
use super::world::{BRANCH, BUCKET, KEY, NAME, PIPELINE, pushed};
use git_archive::object::ObjectId;
use oracle::{CommitText, Repository, Tree, noise};

/// The function's timeout. Without optimization, a refusal may take longer. The function then stops three seconds
/// before the timeout.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The timeout where the push must end for another reason than the time, on a busy machine too.
const LONG_TIMEOUT: Duration = Duration::from_mins(5);
const MEMORIES: [u64; 3] = [256, 512, 1769];
const INNOCENT: &str = "refs/heads/innocent";
/// The memory that an innocent push may need in addition after a hostile one: allocators keep some of the memory that
/// is freed.
const KEPT: u64 = 48 << 20;

/// A repository with an innocent branch, and a hostile one at [`BRANCH`].
fn repository(hostile: &Tree) -> Repository {
    let mut innocent = Tree::default();
    innocent.add("file", "100644", noise(100_000));
    let text = CommitText::default();
    Repository::import(&[innocent.commit(INNOCENT, &text), hostile.commit(BRANCH, &text)].concat())
}

struct Lambda {
    emulator: Emulator,
    repository: Repository,
    timeout: Duration,
}

/// The outcome of an invocation.
struct Invoked {
    outcome: Result<Value, FunctionError>,
    /// The largest anonymous memory in bytes.
    memory: u64,
    took: Duration,
}

impl Lambda {
    fn start(repository: Repository, mebibytes: u64, source: &str, timeout: Duration) -> Self {
        let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let environment = vec![
            variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &mebibytes.to_string()),
            variable("SOURCE", source),
            variable("CACHE", "off"),
            // As in template.yaml.
            variable("MALLOC_MMAP_THRESHOLD_", "1048576"),
        ];
        let options = Options {
            repository: vec![(NAME.to_owned(), repository.path().to_owned())],
            function: Some(PathBuf::from(std::env::var("UPDATES").unwrap_or(env!("CARGO_BIN_EXE_updates").to_owned()))),
            environment,
            bucket: Some(BUCKET.to_owned()),
            pipeline: Some(PIPELINE.to_owned()),
            timeout,
            ..Options::default()
        };
        Self { emulator: Emulator::start(options).expect("loopback has a free port"), repository, timeout }
    }

    fn push(&self, reference: &str, id: &str) -> Invoked {
        let event = pushed(id, &[(reference, self.repository.id(reference))]);
        self.wait_for_the_function();
        let (most, done, begin) = (AtomicU64::new(0), AtomicBool::new(false), Instant::now());
        let handle = tokio::runtime::Handle::current();
        let outcome = tokio::task::block_in_place(|| {
            std::thread::scope(|scope| {
                scope.spawn(|| watch(&self.emulator, &most, &done));
                let limit = 2 * self.timeout;
                let outcome = handle.block_on(async { tokio::time::timeout(limit, self.emulator.invoke(event)).await });
                done.store(true, Ordering::Relaxed);
                outcome
            })
        });
        let outcome = outcome.expect("the invocation ends");
        Invoked { outcome, memory: most.into_inner(), took: begin.elapsed() }
    }

    /// Waits until the function has done all of the last push, so that what is measured next is of the next push alone.
    #[track_caller]
    fn wait_for_the_function(&self) {
        let begin = Instant::now();
        while !self.emulator.function_is_waiting() {
            assert!(begin.elapsed() < self.timeout, "the function does not ask for another event");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[track_caller]
    fn innocent(&self, id: &str) -> Invoked {
        let invoked = self.push(INNOCENT, id);
        let answer = invoked.outcome.as_ref().expect("it is innocent");
        let version = answer["started"][0]["version_id"].as_str().expect("a run");
        assert!(self.emulator.store().object(BUCKET, KEY, Some(version)).is_some());
        invoked
    }
}

/// Pushes a hostile commit between two innocent ones, with each size of memory. It may end with one of the errors in
/// `codes`, or with a run if `may_start` is set. Without `DeadlineNear`, it must end whatever time it has.
#[expect(clippy::print_stderr, reason = "the figures are worth a look")]
fn check(name: &str, source: &str, repository: impl Fn() -> Repository, codes: &[&str], may_start: bool) {
    let all = std::env::var_os("LARGE").is_some();
    let timeout = if codes.contains(&"DeadlineNear") { TIMEOUT } else { LONG_TIMEOUT };
    for mebibytes in MEMORIES.into_iter().take(if all { MEMORIES.len() } else { 1 }) {
        let lambda = Lambda::start(repository(), mebibytes, source, timeout);
        let before = lambda.innocent("before");
        let hostile = lambda.push(BRANCH, "hostile");
        let shown = match &hostile.outcome {
            Ok(answer) => {
                assert!(may_start, "{name}, {mebibytes} MB: {answer}");
                "started".to_owned()
            }
            Err(error) => error.payload["errorType"].as_str().expect("a code").to_owned(),
        };
        let after = lambda.innocent("after");
        eprintln!(
            "{name}, {mebibytes} MB: {shown} in {:?} with {} MiB; innocent {} MiB before, {} MiB after",
            hostile.took,
            hostile.memory >> 20,
            before.memory >> 20,
            after.memory >> 20,
        );
        if hostile.outcome.is_err() {
            assert!(codes.contains(&&*shown), "{name}, {mebibytes} MB: {:?}", hostile.outcome);
            assert_eq!(lambda.emulator.codepipeline().executions(PIPELINE).len(), 2, "{name}: the innocent ones");
        }
        assert!(hostile.took < timeout, "{name}, {mebibytes} MB took {:?}", hostile.took);
        assert!(hostile.memory < mebibytes << 20, "{name}, {mebibytes} MB took {} MiB", hostile.memory >> 20);
        assert!(after.memory < before.memory + KEPT, "{name}, {mebibytes} MB: {} MiB stay", after.memory >> 20);
    }
}

/// Makes seven levels of trees, each of which lists the same tree ten times: ten million files in a few objects.
fn tree_bomb() -> Repository {
    let repository = repository(&Tree::default());
    let mut below = String::from_utf8(repository.run(&["hash-object", "-w", "--stdin"], b"x")).expect("an id");
    let mut kind = "100644 blob";
    for _ in 0..7 {
        let rows: Vec<String> = (0..10).map(|name| format!("{kind} {}\t{name}\n", below.trim())).collect();
        below = String::from_utf8(repository.run(&["mktree"], rows.concat().as_bytes())).expect("an id");
        kind = "40000 tree";
    }
    let person = "A <a@b> 1700000000 +0000";
    let text = format!("tree {}\nauthor {person}\ncommitter {person}\n\nbomb\n", below.trim());
    let commit = repository.run(&["hash-object", "-t", "commit", "-w", "--stdin"], text.as_bytes());
    let commit = String::from_utf8(commit).expect("an id");
    repository.run(&["update-ref", BRANCH, commit.trim()], b"");
    repository
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_bomb_is_refused_over_git() {
    check("tree bomb over Git", "git", tree_bomb, &["TreeTooLarge", "PackRefused"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_bomb_is_refused_over_the_api() {
    check("tree bomb over the API", "api", tree_bomb, &["TreeTooLarge"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn formats_that_expand_are_refused() {
    let expanding = || {
        let mut tree = Tree::default();
        tree.add("bomb", "100644", format!("$Format:{}$\n", "%<(16384)%h".repeat(40_000)));
        tree.add(".gitattributes", "100644", "bomb export-subst\n");
        repository(&tree)
    };
    check("formats", "git", expanding, &["ConversionRefused", "DeadlineNear"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn encodings_that_expand_stay_within_the_memory() {
    let expanding = || {
        let mut tree = Tree::default();
        tree.add("bomb", "100644", "x".repeat(100 << 20));
        tree.add(".gitattributes", "100644", "bomb working-tree-encoding=UTF-32\n");
        repository(&tree)
    };
    check("encoding", "git", expanding, &["ConversionRefused", "PackRefused", "DeadlineNear"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_stay_within_the_memory() {
    let many = || {
        let mut tree = Tree::default();
        for number in 0..40 {
            let rule = format!("pattern-{number}-* a b c d\n");
            tree.add(format!("d{number}/.gitattributes"), "100644", rule.repeat((3 << 20) / rule.len()));
        }
        repository(&tree)
    };
    check("attributes", "git", many, &["AttributesTooLarge", "TreeRefused", "PackTooCostly", "DeadlineNear"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn wildcards_that_never_end_are_refused() {
    let endless = || {
        let mut tree = Tree::default();
        for number in 0..200 {
            tree.add(format!("{}{number}", "a/".repeat(60)), "100644", "x");
        }
        tree.add(".gitattributes", "100644", format!("{}x export-ignore\n", "**/".repeat(44)));
        repository(&tree)
    };
    check("wildcards", "git", endless, &["TreeRefused", "ConversionRefused", "DeadlineNear"], false);
}

/// Many branches of one event have very long names that cause trouble on Windows, each with a warning of some
/// kilobytes. Lambda limits an answer to 6 MB, and a queue limits a message to 256 KB.
#[tokio::test(flavor = "multi_thread")]
async fn the_answer_stays_small_whatever_a_push_warns_of() {
    const BRANCHES: usize = 20;
    let mut tree = Tree::default();
    for number in 0..200 {
        tree.add(format!("{}{number}/con", "long name ".repeat(300)), "100644", "x");
    }
    let lambda = Lambda::start(repository(&tree), MEMORIES[0], "git", LONG_TIMEOUT);
    let tip = lambda.repository.id(BRANCH);
    let references: Vec<String> = (0..BRANCHES).map(|number| format!("refs/heads/many-{number}")).collect();
    for reference in &references {
        lambda.repository.run(&["update-ref", reference, &tip.to_string()], b"");
    }
    let changes: Vec<(&str, ObjectId)> = references.iter().map(|reference| (&**reference, tip)).collect();
    let answer = tokio::time::timeout(2 * LONG_TIMEOUT, lambda.emulator.invoke(pushed("many", &changes)));
    let answer = answer.await.expect("the invocation ends").expect("the names are allowed");
    let started = answer["started"].as_array().expect("runs");
    assert_eq!(started.len(), BRANCHES);
    let warned: usize = started.iter().map(|run| run["warnings"].as_array().map_or(0, Vec::len)).sum();
    assert!(warned > 0, "{answer}");
    let bytes = answer.to_string().len();
    assert!(bytes < 160 << 10, "{bytes} bytes");
}

/// Twelve files of 24 MiB differ only in their last line, so that all but one are deltas of a few bytes.
#[tokio::test(flavor = "multi_thread")]
async fn deltas_of_a_large_base_stay_within_the_memory() {
    let deltas = || {
        let base = noise(1 << 20).repeat(24);
        let mut tree = Tree::default();
        for number in 0..12 {
            tree.add(format!("f{number:02}"), "100644", [&base[..], format!("{number}\n").as_bytes()].concat());
        }
        repository(&tree)
    };
    check("deltas", "git", deltas, &["PackTooCostly", "PackRefused", "DeadlineNear"], true);
}
