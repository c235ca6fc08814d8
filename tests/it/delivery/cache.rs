//! The previous archive as a cache: it saves requests, and is never trusted.

use bstr::ByteSlice as _;

use crate::world::{BRANCH, BUCKET, KEY, World, pushed, told};
use oracle::{CommitText, Random, Repository, Tree, trials};
use oracle::{every_kind, noise};

/// Makes a repository with these trees as successive commits on [`BRANCH`], and the function with its default
/// settings.
fn history(trees: &[&Tree]) -> World {
    let mut stream = Vec::new();
    for (number, tree) in trees.iter().enumerate() {
        let commit = tree.commit(BRANCH, &CommitText::default());
        let end = commit.find(b"Subject\n\n").expect("the message") + 9;
        stream.extend([&commit[..end], b"deleteall\n", &commit[end..]].concat());
        stream.extend(format!("reset refs/heads/c{number}\nfrom {BRANCH}\n").bytes());
    }
    World::with(Repository::import(&stream), &[])
}

/// Returns the event of the push of one of them.
fn push(world: &World, number: usize, id: &str) -> serde_json::Value {
    pushed(id, &[(BRANCH, world.repository.id(&format!("refs/heads/c{number}")))])
}

#[tokio::test]
async fn only_what_changed_is_asked_for() {
    let first = every_kind();
    let mut second = first.clone();
    second.add("dir/deep/er/file", "100644", "changed\n");
    second.add("new", "100644", "new\n");
    let world = history(&[&first, &second]);
    world.started(push(&world, 0, "first")).await;
    world.emulator.clear_requests();
    let run = world.started(push(&world, 1, "second")).await;
    world.assert_is_archive_of(&run.version_id, world.tip());
    // The folders on the paths to the two changed files are listed. The attributes, the changed and the substituted
    // files are read.
    assert_eq!((world.counts(["GetFolder", "GetCommit"]), world.archives()), ([4, 1], 2));
    let blobs = world.emulator.count("GetBlob");
    assert!(blobs <= 4, "{blobs} contents were asked for");
    assert!(told(&run)["reused"].as_u64() >= Some(9), "{run:?}");
    // The same tree again. Only the root is listed, because the archive lacks its ignored file.
    world.emulator.clear_requests();
    let run = world.started(push(&world, 1, "again")).await;
    assert_eq!(world.counts(["GetFolder"]), [1]);
    world.assert_is_archive_of(&run.version_id, world.tip());
}

#[tokio::test]
async fn what_did_not_change_at_all_is_not_asked_for() {
    let mut tree = every_kind();
    tree.0.remove(bstr::BStr::new(".gitattributes"));
    let world = history(&[&tree]);
    world.started(push(&world, 0, "first")).await;
    world.emulator.clear_requests();
    let run = world.started(push(&world, 0, "second")).await;
    world.assert_is_archive_of(&run.version_id, world.tip());
    assert_eq!((world.counts(["GetFolder", "GetBlob", "GetCommit"]), world.archives()), ([0, 0, 1], 2));
}

/// The archive is the same with and without the cache, byte for byte.
#[tokio::test]
async fn the_cache_changes_no_byte() {
    let first = every_kind();
    let mut second = first.clone();
    second.add("a/x", "100644", noise(70_000));
    let world = history(&[&first, &second]);
    let cold = world.started(push(&world, 1, "cold")).await;
    world.started(push(&world, 0, "between")).await;
    let warm = world.started(push(&world, 1, "warm")).await;
    assert!(told(&warm)["reused"].as_u64() > Some(0) && told(&cold)["reused"] == 0, "{cold:?} {warm:?}");
    assert!(world.zip(&cold.version_id) == world.zip(&warm.version_id));
}

/// If the attributes of an unchanged file change, its old data is not copied.
#[tokio::test]
async fn attributes_of_the_new_commit_decide() {
    let first = every_kind();
    let attributes = [
        "*.secret -export-ignore\nREADME.md export-ignore\n",
        "a0 text eol=crlf\na.b ident\nREADME.md -diff\ndir/zeros diff\n",
        "stamp -export-subst\ndir export-ignore\n",
        "",
    ];
    let trees = attributes.map(|attributes| {
        let mut tree = first.clone();
        tree.add(".gitattributes", "100644", attributes);
        tree
    });
    let trees: Vec<&Tree> = [&first].into_iter().chain(&trees).collect();
    let world = history(&trees);
    for number in 0..trees.len() {
        let run = world.started(push(&world, number, &format!("push-{number}"))).await;
        world.assert_is_archive_of(&run.version_id, world.repository.id(&format!("refs/heads/c{number}")));
    }
}

/// For any object at the key, the next archive equals the commit.
#[tokio::test]
async fn what_is_foreign_or_spoiled_is_noticed() {
    let world = history(&[&every_kind()]);
    let run = world.started(push(&world, 0, "first")).await;
    let good = world.zip(&run.version_id);
    let gits = world.repository.zip(&[], BRANCH);
    let mut spoiled =
        vec![Vec::new(), b"x".to_vec(), vec![0; 3000], gits, good[..good.len() - 1].to_vec(), good[9..].to_vec()];
    spoiled.push([&good[..], b"behind"].concat());
    for trial in 0..trials(30) {
        let mut random = Random::of("spoiled", trial);
        let mut bytes = good.clone();
        // Anywhere, in the directory (which is trusted first), or in its end.
        let from = *random.pick(&[0, good.len() - 2500, good.len() - 70]);
        for _ in 0..=random.below(8) {
            let at = from + random.below(good.len() - from);
            bytes[at] = u8::try_from(random.below(256)).expect("a byte");
        }
        spoiled.push(bytes);
    }
    for (number, bytes) in spoiled.into_iter().enumerate() {
        let put = world.aws.s3.put_object().bucket(BUCKET).key(KEY).body(bytes.into());
        put.send().await.expect("it is written");
        let run = world.started(push(&world, 0, &format!("after-{number}"))).await;
        world.assert_is_archive_of(&run.version_id, world.tip());
    }
}

/// An entry has another entry's content under its id, and its headers match that content.
#[tokio::test]
async fn a_content_under_another_id_is_noticed() {
    let mut tree = Tree::default();
    tree.add("a", "100644", "one\n");
    tree.add("b", "100644", "two\n");
    let world = history(&[&tree]);
    let run = world.started(push(&world, 0, "first")).await;
    let mut bytes = world.zip(&run.version_id);
    let ids = ["a", "b"].map(|path| world.repository.id(&format!("{BRANCH}:{path}")));
    let [a, b] = ids.map(|id| bytes.rfind(id.as_bytes()).expect("the id is in the directory"));
    bytes[a..a + 20].copy_from_slice(ids[1].as_bytes());
    bytes[b..b + 20].copy_from_slice(ids[0].as_bytes());
    world.aws.s3.put_object().bucket(BUCKET).key(KEY).body(bytes.into()).send().await.expect("it is written");
    let run = world.started(push(&world, 0, "second")).await;
    world.assert_is_archive_of(&run.version_id, world.tip());
}

/// A cache that cannot be read does not fail the delivery.
#[tokio::test]
async fn a_cache_that_cannot_be_read_is_left() {
    for fault in ["denied", "status:500", "reset", "cut", "corrupt"] {
        let world = history(&[&every_kind()]);
        world.started(push(&world, 0, "first")).await;
        world.inject(&format!("GetObject:every:{fault}"));
        let run = world.started(push(&world, 0, "second")).await;
        world.assert_is_archive_of(&run.version_id, world.tip());
    }
}
