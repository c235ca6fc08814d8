//! Many events through one process of the built function, in bursts on one branch and on many, while the versions at
//! the key pile up: memory, descriptors and requests for each push stay as they were.
//!
//! `EVENTS=10000 cargo test --release --workspace --test it soak -- --nocapture` is the long run, with its figures.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use emulator::{Emulator, Options};
use futures_util::future::join_all;
use git_archive::object::ObjectId;
use oracle::{CommitText, Repository, Tree, noise};

use super::memory::anonymous;
use super::world::{BRANCH, BUCKET, KEY, NAME, PIPELINE, pushed};

/// The run is compared in this many parts. The first warms up.
const PARTS: usize = 6;
const BRANCHES: usize = 20;
const BURST: usize = 10;
/// The number of bytes that memory may grow from the second part to the last: allocators keep some freed memory.
const KEPT: u64 = 12 << 20;

/// What the function has after a part, and what each of its pushes took.
#[derive(Debug)]
struct Figures {
    memory: u64,
    descriptors: usize,
    requests: usize,
    took: Duration,
    /// The processor's time in the function, which does not depend on the load of the machine.
    worked: Duration,
    versions: usize,
}

fn repository() -> Repository {
    let mut commits = Vec::new();
    for branch in 0..BRANCHES {
        let mut tree = Tree::default();
        tree.add("same", "100644", noise(20_000));
        tree.add("own", "100644", format!("{branch}\n"));
        commits.extend(tree.commit(&name(branch), &CommitText::default()));
    }
    Repository::import(&commits)
}

fn name(branch: usize) -> String {
    if branch == 0 { BRANCH.to_owned() } else { format!("refs/heads/team/{branch}") }
}

/// Pushes in bursts, every second one on a single branch.
async fn part(emulator: &Emulator, commits: &[ObjectId], pushes: std::ops::Range<usize>) -> Figures {
    emulator.clear_requests();
    let before = emulator.function_process().map_or(Duration::ZERO, worked);
    let (begin, count) = (Instant::now(), pushes.len());
    let numbers: Vec<_> = pushes.collect();
    for (burst, numbers) in numbers.chunks(BURST).enumerate() {
        let invoked = numbers.iter().map(|number| {
            let branch = if burst % 2 == 0 { 0 } else { number % BRANCHES };
            emulator.invoke(pushed(&format!("push-{number}"), &[(&name(branch), commits[branch])]))
        });
        let limit = Duration::from_mins(2);
        let answers = tokio::time::timeout(limit, join_all(invoked)).await.expect("a burst ends in time");
        for answer in answers {
            let answer = answer.expect("the push is delivered");
            assert_eq!(answer["started"].as_array().map(Vec::len), Some(1), "{answer}");
        }
    }
    let process = emulator.function_process().expect("it runs");
    let each = u32::try_from(count).expect("not that many");
    Figures {
        memory: anonymous(process),
        descriptors: std::fs::read_dir(format!("/proc/{process}/fd")).expect("it runs").count(),
        requests: emulator.requests().len().div_ceil(count),
        took: begin.elapsed() / each,
        worked: worked(process).saturating_sub(before) / each,
        versions: emulator.store().versions(BUCKET, KEY).len(),
    }
}

/// Returns the processor's time that a process has used.
fn worked(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    // In hundredths of a second, in its own code and in the kernel.
    let ticks: u64 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(10 * ticks)
}

#[expect(clippy::print_stderr, reason = "the figures are worth a look")]
#[tokio::test(flavor = "multi_thread")]
async fn a_process_stays_as_it_was_while_versions_pile_up() {
    let events: usize = std::env::var("EVENTS").map_or(120, |events| events.parse().expect("EVENTS is a number"));
    let repository = repository();
    let commits: Vec<_> = (0..BRANCHES).map(|branch| repository.id(&name(branch))).collect();
    let options = Options {
        repository: vec![(NAME.to_owned(), repository.path().to_owned())],
        function: Some(PathBuf::from(std::env::var("UPDATES").unwrap_or(env!("CARGO_BIN_EXE_updates").to_owned()))),
        // As in template.yaml.
        environment: vec![("MALLOC_MMAP_THRESHOLD_".to_owned(), "1048576".to_owned())],
        quiet: true,
        bucket: Some(BUCKET.to_owned()),
        pipeline: Some(PIPELINE.to_owned()),
        ..Options::default()
    };
    let emulator = Emulator::start(options).expect("loopback has a free port");
    let mut parts = Vec::new();
    let mut process = None;
    for number in 0..PARTS {
        let figures = part(&emulator, &commits, number * events / PARTS..(number + 1) * events / PARTS).await;
        eprintln!(
            "{} pushes: {} MiB, {} descriptors; {} requests, {:?} and {:?} of the processor a push",
            figures.versions,
            figures.memory >> 20,
            figures.descriptors,
            figures.requests,
            figures.took,
            figures.worked
        );
        let runs = emulator.function_process();
        assert!(process.is_none() || process == runs, "it is one process");
        process = runs;
        parts.push(figures);
    }
    assert_eq!(emulator.codepipeline().executions(PIPELINE).len(), events, "one run for each push");
    let (first, last) = (&parts[1], &parts[PARTS - 1]);
    assert_eq!(last.versions, events, "one version for each push");
    assert!(last.memory < first.memory + KEPT, "{parts:?}");
    assert!(last.descriptors <= first.descriptors + 2, "{parts:?}");
    assert!(last.requests <= first.requests + 1, "{parts:?}");
}
