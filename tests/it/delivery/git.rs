//! `SOURCE=auto`: commits that the API cannot read come over Git.

use super::names::raw;
use super::small;
use crate::world::{BRANCH, World};
use oracle::{CommitText, Repository, Tree};
use oracle::{every_kind, noise};

const AUTO: [(&str, &str); 2] = [("SOURCE", "auto"), ("CACHE", "off")];

fn auto(tree: &Tree) -> World {
    World::with(Repository::import(&tree.commit(BRANCH, &CommitText::default())), &AUTO)
}

async fn delivered(world: &World) {
    let run = world.started(world.push()).await;
    world.assert_is_archive_of(&run.version_id, world.tip());
    assert_eq!(world.executions().len(), 1);
}

#[tokio::test]
async fn few_files_come_over_the_api() {
    let world = auto(&every_kind());
    delivered(&world).await;
    assert_eq!(world.counts(["GitInfoRefs", "GitUploadPack"]), [0, 0]);
}

#[tokio::test]
async fn what_the_api_spoils_comes_over_git() {
    for fault in ["GetFolder:every:corrupt", "GetBlob:every:corrupt"] {
        let world = auto(&every_kind());
        world.inject(fault);
        delivered(&world).await;
        assert_eq!(world.emulator.count("GitUploadPack"), 1, "{fault}");
    }
}

#[tokio::test]
async fn a_file_over_6_mb_comes_over_git() {
    let mut tree = small();
    tree.add("large", "100644", vec![b'x'; 7_000_000]);
    tree.add("noise", "100644", noise(10_000));
    let world = auto(&tree);
    delivered(&world).await;
    assert_eq!(world.emulator.count("GitUploadPack"), 1);
}

#[tokio::test]
async fn many_files_come_over_git_and_over_the_api_where_git_is_refused() {
    let mut tree = Tree::default();
    for number in 0..400 {
        tree.add(format!("d{}/f{number}", number % 20), "100644", format!("content {number}\n"));
    }
    let world = auto(&tree);
    delivered(&world).await;
    assert_eq!(world.counts(["GitUploadPack", "GetBlob"]), [1, 0]);
    let world = auto(&tree);
    world.inject("GitInfoRefs:every:denied");
    delivered(&world).await;
    assert_eq!(world.emulator.count("GetBlob"), 400);
}

/// Only the tree itself has these modes and names.
#[tokio::test]
async fn what_the_api_cannot_show_comes_over_git() {
    for (mode, name) in [("100664", &b"legacy"[..]), ("100644", b"caf\xe9")] {
        let world = auto(&small());
        let blob = world.repository.id(&format!("{BRANCH}:file"));
        let commit = raw(&world.repository, &[(mode, name, blob)]);
        world.repository.run(&["update-ref", BRANCH, &commit.to_string()], b"");
        delivered(&world).await;
        assert_eq!(world.emulator.count("GitUploadPack"), 1, "{mode}");
    }
}

#[tokio::test]
async fn when_neither_can_the_failure_names_both() {
    let world = auto(&every_kind());
    world.inject("GetFolder:every:corrupt");
    world.inject("GitInfoRefs:every:denied");
    let failed = world.failed(world.push()).await;
    assert_eq!(failed.error.code(), "GitDenied", "{failed}");
    let told = failed.to_string();
    assert!(told.contains("was listed as tree") && told.contains("GitPull"), "{told}");
    world.assert_untouched();
}
