//! Large archives: how much of the old one is read, and in which pieces.

use super::world;
use crate::world::BRANCH;
use oracle::noise;
use oracle::{Random, Tree};

/// Makes incompressible files that all differ.
fn many(files: usize, length: usize) -> Tree {
    let mut tree = Tree::default();
    for number in 0..files {
        let from = number * 9973 % (5 << 20);
        let content = noise(5 << 20);
        let content = content[from..].iter().chain(content).take(length);
        tree.add(format!("{number:04}"), "100644", content.copied().collect::<Vec<_>>());
    }
    tree
}

/// Each block is read once, even if the contents in progress are in more blocks than are kept.
#[tokio::test]
async fn an_archive_of_many_blocks_is_read_once() {
    let mut tree = many(150, 200_000);
    let world = world(&tree, &[("SOURCE", "git"), ("REUSE_DEFLATE", "off")]);
    let (_, first) = world.deliver(BRANCH, world.tip()).await;
    tree.add("0100", "100644", "changed\n");
    let (commit, zip) = world.next(&tree).await;
    let blocks = first.len().div_ceil(4 << 20);
    assert_eq!(world.emulator.count("GetObject"), 1 + blocks, "the end, and {blocks} blocks");
    assert!(world.read_back() <= first.len() as u64 + (1 << 20));
    assert_eq!(zip, world.cold(commit).await);
}

/// The same contents in a very different order: at most twice the old archive is read.
#[tokio::test]
async fn an_archive_in_another_order_is_not_read_over_and_over() {
    let tree = many(100, 200_000);
    let world = world(&tree, &[("SOURCE", "git"), ("REUSE_DEFLATE", "off")]);
    let (_, first) = world.deliver(BRANCH, world.tip()).await;
    let (mut shuffled, mut random) = (Tree::default(), Random::of("shuffled", 0));
    for (mode, content) in tree.0.into_values() {
        shuffled.add(format!("{:015}", random.below(1 << 50)), mode, content);
    }
    let (commit, zip) = world.next(&shuffled).await;
    assert!(world.read_back() <= 2 * first.len() as u64 + (9 << 20));
    assert_eq!(zip, world.cold(commit).await);
}
