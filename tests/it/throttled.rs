//! The HTTP wrapper: throttles of every kind, concurrency, and the byte budget.

use codecommit::open::Options;
use std::time::Duration;

use super::world::{BUCKET, KEY, World};
use oracle::noise;
use oracle::zip as listing;
use oracle::{Random, Tree};

/// Makes several files, each with different content.
fn files(count: usize) -> Tree {
    let mut tree = Tree::default();
    for number in 0..count {
        tree.add(format!("f{number:03}"), "100644", format!("content {number}\n"));
    }
    tree
}

#[tokio::test]
async fn every_kind_of_throttle_is_survived_and_counted() {
    for (kind, is_throttle) in [
        ("throttle-json", true),
        ("throttle-xml", true),
        ("throttle-empty", true),
        ("error:TooManyRequestsException", true),
        ("status:503", false),
        ("status:500", false),
        ("reset", false),
    ] {
        let world = World::of(&files(10));
        for operation in ["GetCommit", "GetFolder", "GetBlob", "GetPipeline", "StartPipelineExecution"] {
            world.inject(&format!("{operation}:1x2:{kind}"));
        }
        let run = world.started(world.push()).await;
        let operations = ["GetCommit", "GetFolder", "GetBlob", "GetPipeline", "StartPipelineExecution"];
        let counts = world.counts(operations);
        assert_eq!(counts, [3, 3, 12, 3, 3], "{kind}");
        assert_eq!(operations.map(|operation| run.api_calls[operation]), counts.map(|count| count as u64), "{kind}");
        assert_eq!(run.throttled, if is_throttle { 10 } else { 0 }, "{kind}");
        assert_eq!(world.executions().len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn s3_says_too_fast_in_its_own_way() {
    let world = World::of(&files(1));
    world.inject("PutObject:1x2:error:SlowDown");
    world.inject("GetBucketVersioning:1x2:status:503");
    let run = world.started(world.push()).await;
    assert_eq!(world.counts(["PutObject", "GetBucketVersioning"]), [6, 3]);
    assert_eq!(run.throttled, 2);
    assert_eq!(world.emulator.store().versions(BUCKET, KEY).len(), 1);
}

#[tokio::test]
async fn a_service_with_a_low_rate_is_kept_to() {
    let world = World::of(&files(60));
    world.emulator.set_rate(Some(300.0));
    let run = world.started(world.push()).await;
    world.assert_is_archive_of(&run.version_id, world.tip());
    assert_eq!(run.api_calls.values().sum::<u64>(), world.emulator.requests().len() as u64);
}

/// The SDK's own pauses, as in production. The limit on requests falls until the service keeps up, so that most
/// requests are answered.
#[tokio::test]
async fn a_service_with_fifty_requests_a_second_wastes_few() {
    let mut world = World::of(&files(150));
    world.aws = world.patient();
    world.restarted(&[("SOURCE", "api"), ("CACHE", "off")]);
    world.emulator.set_rate(Some(50.0));
    let run = world.started(world.push()).await;
    world.assert_is_archive_of(&run.version_id, world.tip());
    let all: u64 = run.api_calls.values().sum();
    // A busy machine sends more slowly, and fewer are throttled.
    assert!(run.throttled * 3 < all * 2, "{} of {all} were throttled", run.throttled);
}

/// `CodePipeline` throttles starts after a few in a row.
#[tokio::test]
async fn a_start_is_tried_again_for_long() {
    let world = World::of(&files(1));
    world.inject("StartPipelineExecution:1x7:throttle-json");
    world.started(world.push()).await;
    assert_eq!((world.emulator.count("StartPipelineExecution"), world.executions().len()), (8, 1));
}

/// Mixed sizes, repeated contents, and late answers in any order cause no deadlock.
#[tokio::test]
async fn a_tiny_budget_does_not_deadlock() {
    let mut random = Random::of("budget", 0);
    let mut tree = Tree::default();
    for number in 0..400 {
        let length = *random.pick(&[0, 1, 100, 1023, 1024, 1025, 3000, 20_000]);
        let from = random.below(50);
        tree.add(format!("d{}/f{number:03}", number % 7), "100644", &noise(30_000)[from..from + length]);
    }
    tree.add("large", "100644", noise(300_000));
    let world = World::of(&tree);
    world.emulator.set_latency(Duration::from_millis(2));
    for (number, kind) in ["throttle-xml", "reset", "cut", "corrupt", "status:500"].iter().enumerate() {
        world.inject(&format!("GetBlob:{}x3:{kind}", 5 + 20 * number));
    }
    let expected = world.repository.zip(&[], &world.tip().to_string());
    for budget in [0, 1, 1 << 10, 64 << 10] {
        let zip = world.archive(world.tip(), &Options { budget, ..options() }).await;
        listing::assert_same(&zip, &expected);
    }
}

fn options() -> Options {
    let mut options = Options::default();
    options.source.mode = codecommit::source::Mode::Api;
    options
}

/// A blob of many entries is requested once while it can be kept.
#[tokio::test]
async fn a_repeated_content_is_fetched_once() {
    let mut tree = files(20);
    for number in 0..50 {
        tree.add(format!("copy{number}"), "100644", "the same\n");
    }
    let world = World::of(&tree);
    let _zip = world.archive(world.tip(), &options()).await;
    assert_eq!(world.emulator.count("GetBlob"), 21);
    world.emulator.clear_requests();
    let _zip = world.archive(world.tip(), &Options { budget: 0, ..options() }).await;
    assert_eq!(world.emulator.count("GetBlob"), 70, "nothing may be kept");
}
