//! Archives at the key that are not this branch's previous one, and the settings of the cache.

use bstr::ByteSlice as _;
use codecommit::open::Options;
use serde_json::Value;

use super::{strip, world};
use crate::world::{BRANCH, NAME, World};
use oracle::base;
use oracle::zip as listing;
use oracle::{CommitText, Repository, Tree};

const OTHER: &str = "refs/heads/feature/other";

/// Nothing is cached: each folder and each content is requested once.
const COLD: [usize; 2] = [6, 14];

#[tokio::test]
async fn another_branchs_archive_serves() {
    let world = world(&base(), &[]);
    world.deliver(BRANCH, world.tip()).await;
    assert_eq!(world.counts(["GetFolder", "GetBlob"]), COLD);
    let mut tree = base();
    tree.add("b/near", "100644", "of the other branch\n");
    let other = world.commit(OTHER, &tree);
    let (_, zip) = world.deliver(OTHER, other).await;
    assert_eq!(world.counts(["GetFolder", "GetBlob"]), [2, 1]);
    assert_eq!(zip, world.cold(other).await);
    let (_, zip) = world.deliver(BRANCH, world.tip()).await;
    assert_eq!(world.counts(["GetFolder", "GetBlob"]), [2, 1]);
    assert_eq!(zip, world.cold(world.tip()).await);
}

#[tokio::test]
async fn another_repositorys_archive_serves_as_far_as_its_hashes_hold() {
    let mut theirs = Tree::default();
    theirs.add("vendored/a/x", "100644", "in a\n");
    theirs.add("a/y", "100644", "other than ours\n");
    theirs.add("only/one", "100644", "one\n");
    let elsewhere = world(&theirs, &[]);
    let (_, archive) = elsewhere.deliver(BRANCH, elsewhere.tip()).await;
    let world = world(&base(), &[]);
    world.place(archive).await;
    let (_, zip) = world.deliver(BRANCH, world.tip()).await;
    // Two contents and the folder `only` are the same.
    assert_eq!(world.counts(["GetFolder", "GetBlob"]), [COLD[0] - 1, COLD[1] - 2]);
    assert_eq!(zip, world.cold(world.tip()).await);
}

/// Returns the zip with one byte of each tag set to a value.
fn tagged_as(zip: &[u8], place: usize, value: u8) -> Vec<u8> {
    let rows = strip::rows(zip).into_iter().map(|row| {
        let mut row = row.to_vec();
        if let Some(at) = strip::tag(&row) {
            row[at + place] = value;
        }
        row
    });
    strip::with_rows(zip, rows)
}

/// Nothing is reused from another version. From another level, folders are reused, but not compressed data.
#[tokio::test]
async fn an_older_versions_archive_is_not_taken() {
    let (version, level) = (4, 5);
    for (place, value, counts) in
        [(version, 0, COLD), (version, 2, COLD), (level, 9, [0, COLD[1]]), (level, 0, [0, COLD[1]])]
    {
        let world = world(&base(), &[]);
        let archive = world.cold(world.tip()).await;
        world.place(tagged_as(&archive, place, value)).await;
        let (_, zip) = world.deliver(BRANCH, world.tip()).await;
        assert_eq!(world.counts(["GetFolder", "GetBlob"]), counts, "{place} {value}");
        assert_eq!(zip, archive);
    }
}

#[tokio::test]
async fn without_the_cache_the_zip_is_exactly_gits_and_nothing_is_read() {
    let mut world = world(&base(), &[]);
    world.deliver(BRANCH, world.tip()).await;
    world.restarted(&[("CACHE", "off")]);
    let (run, zip) = world.deliver(BRANCH, world.tip()).await;
    assert_eq!(world.counts(["GetFolder", "GetBlob", "GetObject"]), [COLD[0], COLD[1], 0]);
    listing::assert_same(&zip, &world.repository.zip(&[], &world.tip().to_string()));
    assert_eq!(zip, world.archive(world.tip(), &Options::default()).await);
    assert_eq!(run.reused, Some(0));
    // The cache is on again. An archive without tags gives nothing.
    world.restarted(&[]);
    let (_, zip) = world.deliver(BRANCH, world.tip()).await;
    assert_eq!(world.counts(["GetFolder", "GetBlob"]), COLD);
    assert_eq!(strip::without_tags(&zip), world.archive(world.tip(), &Options::default()).await);
}

/// This file is made for each archive, and is not an entry of the tree.
#[tokio::test]
async fn a_file_about_the_commit_is_never_taken_over() {
    let world = world(&base(), &[("COMMIT_INFO", "a/COMMIT_INFO.json")]);
    world.deliver(BRANCH, world.tip()).await;
    let mut tree = base();
    tree.add("a/x", "100644", "changed\n");
    let commit = world.commit(BRANCH, &tree);
    let (_, zip) = world.deliver(BRANCH, commit).await;
    assert_eq!(world.counts(["GetFolder", "GetBlob"]), [2, 1]);
    let (mut ours, comment) = listing::read(&strip::without_tags(&zip));
    let info = ours.pop().unwrap();
    assert_eq!(info.path, "a/COMMIT_INFO.json");
    let info: Value = serde_json::from_slice(&info.content).unwrap();
    let expected = [("repository", NAME), ("branch", "feature/login"), ("message", "Subject\n")];
    for (field, value) in expected {
        assert_eq!(info[field], value);
    }
    assert_eq!((&info["commit"], comment), (&commit.to_string().into(), commit.to_string().into()));
    let (gits, _) = listing::read(&world.repository.zip(&[], &commit.to_string()));
    assert_eq!(ours, gits);
}

#[tokio::test]
async fn over_git_too_contents_are_taken_over() {
    let world = world(&base(), &[("SOURCE", "git"), ("REUSE_DEFLATE", "off")]);
    world.deliver(BRANCH, world.tip()).await;
    let mut tree = base();
    tree.add("a/x", "100644", "changed\n");
    let commit = world.commit(BRANCH, &tree);
    let (run, zip) = world.deliver(BRANCH, commit).await;
    assert_eq!((run.reused, world.asked()), (Some(13), 3));
    assert_eq!(zip, world.cold(commit).await);
}

/// S3 returns the directory and then fails. The cache is given up after one failure, not after one for each entry.
#[tokio::test]
async fn an_archive_that_cannot_be_read_is_left_alone() {
    for (fault, counts) in [
        ("GetObject:every:denied", COLD),
        ("GetObject:2x99:denied", [0, COLD[1]]),
        ("GetObject:2x99:error:NoSuchVersion", [0, COLD[1]]),
        ("GetObject:every:corrupt", COLD),
    ] {
        let world = world(&base(), &[]);
        world.deliver(BRANCH, world.tip()).await;
        world.inject(fault);
        let (_, zip) = world.deliver(BRANCH, world.tip()).await;
        if fault != "GetObject:every:corrupt" {
            assert_eq!(world.counts(["GetFolder", "GetBlob"]), counts, "{fault}");
        }
        assert!(world.emulator.count("GetObject") <= 2, "{fault}: {}", world.emulator.count("GetObject"));
        assert_eq!(zip, world.cold(world.tip()).await, "{fault}");
    }
}

#[tokio::test]
async fn two_branches_at_once_take_from_the_same_archive() {
    let world = world(&base(), &[]);
    world.deliver(BRANCH, world.tip()).await;
    let mut tree = base();
    tree.add("a/x", "100644", "of the one\n");
    let one = world.commit(BRANCH, &tree);
    tree.add("a/x", "100644", "of the other\n");
    let other = world.commit(OTHER, &tree);
    let deliver = |reference: &'static str, commit| {
        let event = crate::world::pushed(reference, &[(reference, commit)]);
        world.started(event)
    };
    let (first, second) = tokio::join!(deliver(BRANCH, one), deliver(OTHER, other));
    assert_eq!(world.zip(&first.version_id), world.cold(one).await);
    assert_eq!(world.zip(&second.version_id), world.cold(other).await);
}

/// Names that are not UTF-8 come over Git. Unchanged contents are still reused.
#[tokio::test]
async fn names_that_only_git_has_are_known_too() {
    let mut tree = base();
    tree.add(&b"caf\xe9/x"[..], "100644", "latin\n");
    tree.add(&b"caf\xe9/y"[..], "100644", "latin too\n");
    let world = World::with(Repository::import(&tree.commit(BRANCH, &CommitText::default())), &[]);
    world.deliver(BRANCH, world.tip()).await;
    tree.add("a/x", "100644", "changed\n");
    let (commit, zip) = world.next(&tree).await;
    assert!(zip.contains_str(b"caf\xe9/y"));
    world.assert_is_gits(&zip, commit);
    // The root cannot be listed over the API.
    assert_eq!(world.counts(["GetFolder", "GetBlob", "GitUploadPack"]), [2, 0, 1]);
}
