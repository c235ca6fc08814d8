//! A push that changes more files than the API should read: Git sends the difference to the previous archive, or
//! everything if that is not possible.

use emulator::Service;

use super::world;
use crate::world::{BRANCH, World};
use oracle::{Random, Tree, noise};

/// Settings with which the API is soon replaced by Git.
const OVER_GIT: [(&str, &str); 1] = [("GIT_FROM_REQUESTS", "5")];

/// 300 files, some of which are large enough that a delta pays.
fn many() -> Tree {
    let mut tree = Tree::default();
    for number in 0..300 {
        tree.add(path(number), "100644", content(number, 0));
    }
    tree.add("link", "120000", "d1/f1");
    tree.add("sub", "160000", "");
    tree
}

fn path(number: usize) -> String {
    format!("d{}/e{}/f{number}", number % 5, number % 11)
}

fn content(number: usize, version: usize) -> Vec<u8> {
    let mut random = Random::of("difference", number as u64);
    let noise = (0..2000).map(|_| u8::try_from(random.below(256)).expect("a byte"));
    noise.chain(format!("file {number}, version {version}\n").into_bytes()).collect()
}

/// Changes every tenth file, adds and removes some.
fn changed(version: usize) -> Tree {
    let mut tree = many();
    for number in (0..300).step_by(10) {
        tree.add(path(number), "100644", content(number, version));
    }
    tree.add(format!("new/{version}"), "100755", noise(3000));
    tree
}

impl World {
    /// Returns the requests for Git, and the bytes that they answered.
    fn git(&self) -> (usize, u64) {
        let requests = self.emulator.requests();
        let git: Vec<_> = requests.iter().filter(|request| matches!(request.service, Service::Git)).collect();
        (git.len(), git.iter().map(|request| request.bytes_out).sum())
    }
}

#[tokio::test]
async fn only_the_difference_is_fetched() {
    for settings in [&OVER_GIT[..], &[("SOURCE", "git")]] {
        let world = world(&many(), settings);
        world.deliver(BRANCH, world.tip()).await;
        let (_, whole) = world.git();
        for version in 1..4 {
            let (commit, zip) = world.next(&changed(version)).await;
            world.assert_is_gits(&zip, commit);
            let (requests, bytes) = world.git();
            assert_eq!(requests, 2, "{settings:?}: one fetch");
            assert!(bytes * 8 < whole, "{settings:?}: {bytes} of {whole} bytes");
            assert_eq!(world.counts(["GetBlob"]), [0], "{settings:?}");
        }
    }
}

/// Git stores some copies of a changed file as deltas on that file, which is itself a delta on the old one. If the
/// folder had another name, Git would store the copies whole.
#[tokio::test]
async fn deltas_on_deltas_cost_no_request() {
    let world = world(&many(), &OVER_GIT);
    world.deliver(BRANCH, world.tip()).await;
    let mut tree = many();
    for number in (0..300).step_by(10) {
        let longer = [&content(number, 0)[..], &content(number + 1000, 0)[..1000]].concat();
        tree.add(format!("copy-/f{number}"), "100644", [&longer[..], b"a copy\n"].concat());
        tree.add(path(number), "100644", longer);
    }
    let (commit, zip) = world.next(&tree).await;
    world.assert_is_gits(&zip, commit);
    assert_eq!((world.git().0, world.counts(["GetBlob"])), (2, [0]));
}

/// The old archive is read for the bases of deltas, and again for what is copied. The new order of the files needs each
/// block twice for that.
#[tokio::test]
async fn a_large_archive_is_read_for_the_bases_and_for_the_copies() {
    let tree = |is_new: bool| {
        let mut tree = Tree::default();
        for number in 0..28 {
            let mut content: Vec<u8> = noise(1 << 20).iter().map(|byte| byte ^ number).collect();
            if is_new && number % 4 == 0 {
                content.extend(b"changed");
            }
            let folder = if is_new { number % 2 } else { 0 };
            tree.add(format!("{folder}/f{number:02}"), "100644", content);
        }
        tree
    };
    let world = world(&tree(false), &OVER_GIT);
    let (_, first) = world.deliver(BRANCH, world.tip()).await;
    let (commit, zip) = world.next(&tree(true)).await;
    world.assert_is_gits(&zip, commit);
    assert_eq!((world.git().0, world.counts(["GetBlob"])), (2, [0]));
    let blocks = first.len().div_ceil(4 << 20);
    let read = world.emulator.count("GetObject");
    assert!(read > 2 * blocks + 1, "{read} requests for {blocks} blocks");
}

/// Folders with files that are left out have no tree id in the archive: the API lists them, as they were.
#[tokio::test]
async fn folders_that_the_archive_lacks_are_listed() {
    let with_attributes = |mut tree: Tree| {
        tree.add(".gitattributes", "100644", "/d1/e0/** export-ignore\n.gitattributes export-ignore\n");
        tree
    };
    let world = world(&with_attributes(many()), &OVER_GIT);
    world.deliver(BRANCH, world.tip()).await;
    let (_, whole) = world.git();
    let (commit, zip) = world.next(&with_attributes(changed(1))).await;
    world.assert_is_gits(&zip, commit);
    let (requests, bytes) = world.git();
    assert_eq!(requests, 2);
    assert!(bytes * 8 < whole, "{bytes} of {whole} bytes");
}

/// The previous archive names a commit that the server does not have: it sends everything, and nothing is lost.
#[tokio::test]
async fn a_commit_that_the_server_does_not_know_costs_a_whole_fetch() {
    let world = world(&many(), &OVER_GIT);
    let (run, mut zip) = world.deliver(BRANCH, world.tip()).await;
    let comment = zip.len() - 40;
    assert_eq!(&zip[comment..], run.commit.as_bytes());
    zip[comment..].copy_from_slice(&[b'5'; 40]);
    world.place(zip).await;
    let (commit, zip) = world.next(&changed(1)).await;
    world.assert_is_gits(&zip, commit);
    assert!(world.git().0 <= 4, "at most a fetch of the difference and one of everything");
}

/// The archive at the key names the earlier commit, but has other contents.
#[tokio::test]
async fn an_archive_that_lies_costs_a_whole_fetch() {
    for trial in 0..6 {
        let world = world(&many(), if trial % 2 == 0 { &OVER_GIT } else { &[("SOURCE", "git")] });
        let (_, mut zip) = world.deliver(BRANCH, world.tip()).await;
        let mut random = Random::of("lying archives", trial);
        for _ in 0..=random.below(50) {
            let at = random.below(zip.len() - 62);
            zip[at] ^= 1 << random.below(8);
        }
        world.place(zip).await;
        let (commit, zip) = world.next(&changed(1)).await;
        world.assert_is_gits(&zip, commit);
    }
}
