//! `SOURCE`: both transports give the same bytes. Also the requests of each, and the cases in which one replaces the
//! other.

use codecommit::causes::with_causes;
use git_archive::object::ObjectId;

use super::world::{BRANCH, World};
use oracle::{CommitText, Repository, Tree};
use oracle::{every_kind, noise};

const API: [&str; 3] = ["GetCommit", "GetFolder", "GetBlob"];
const GIT: [&str; 2] = ["GitInfoRefs", "GitUploadPack"];

fn repository(tree: &Tree) -> Repository {
    Repository::import(&tree.commit(BRANCH, &CommitText::default()))
}

fn world(tree: &Tree, source: &str) -> World {
    World::with(repository(tree), &[("SOURCE", source), ("CACHE", "off")])
}

/// Settings under which a commit always has the same bytes.
fn the_same(source: &str) -> [(&str, &str); 3] {
    [("SOURCE", source), ("CACHE", "off"), ("REUSE_DEFLATE", "off")]
}

/// Delivers the tip, so that its requests are counted.
async fn delivered(world: &World) -> Vec<u8> {
    let run = world.started(world.push()).await;
    world.assert_is_archive_of(&run.version_id, world.tip());
    world.zip(&run.version_id)
}

#[tokio::test]
async fn either_way_gives_the_same_bytes() {
    let mut tree = every_kind();
    tree.add("crlf.bat", "100644", "a\nb\n");
    tree.add("dir/.gitattributes", "100644", "*.bin binary\nfile text eol=crlf\n");
    tree.add("dir/x.bin", "100644", noise(70_000));
    let mut world = world(&tree, "api");
    let over_api = delivered(&world).await;
    for source in ["git", "auto"] {
        world.restarted(&the_same(source));
        let run = world.started(super::world::pushed(source, &[(BRANCH, world.tip())])).await;
        assert!(world.zip(&run.version_id) == over_api, "{source}");
    }
}

#[tokio::test]
async fn the_api_alone_never_speaks_git() {
    let mut tree = Tree::default();
    for number in 0..300 {
        tree.add(format!("d{}/f{number}", number % 10), "100644", format!("content {number}\n"));
    }
    let world = world(&tree, "api");
    delivered(&world).await;
    assert_eq!((world.counts(API), world.counts(GIT)), ([1, 11, 300], [0, 0]));
}

/// One request for the root, for each of the two trees below it, and for the content. Sixty paths lead to those two.
#[tokio::test]
async fn a_tree_with_many_paths_is_requested_once() {
    let mut tree = Tree::default();
    for number in 0..30 {
        tree.add(format!("d{number}/inner/file"), "100644", "the same\n");
    }
    let world = world(&tree, "api");
    delivered(&world).await;
    assert_eq!((world.counts(API), world.counts(GIT)), ([1, 3, 1], [0, 0]));
}

/// Two requests, for any content.
#[tokio::test]
async fn git_alone_never_speaks_to_the_api() {
    let mut tree = every_kind();
    tree.add("large", "100644", vec![b'x'; 7_000_000]);
    for number in 0..300 {
        tree.add(format!("d{}/f{number}", number % 10), "100644", format!("content {number}\n"));
    }
    let world = world(&tree, "git");
    delivered(&world).await;
    assert_eq!((world.counts(API), world.counts(GIT)), ([0, 0, 0], [1, 1]));
    // The same is true if nothing has changed and an archive is at the key.
    let world = World::with(repository(&tree), &[("SOURCE", "git")]);
    world.started(world.push()).await;
    world.emulator.clear_requests();
    world.started(super::world::pushed("again", &[(BRANCH, world.tip())])).await;
    assert_eq!((world.counts(API), world.counts(GIT)), ([0, 0, 0], [1, 1]));
}

/// Everything is in one folder: requests for the commit, its root, and two for Git.
#[tokio::test]
async fn many_files_cold_cost_six_requests_at_most() {
    let mut tree = Tree::default();
    for number in 0..1000 {
        tree.add(format!("f{number:04}"), "100644", format!("content {number}\n"));
    }
    let world = world(&tree, "auto");
    delivered(&world).await;
    assert_eq!((world.counts(API), world.counts(GIT)), ([1, 1, 0], [1, 1]));
}

/// Makes a repository with a tree that git's own commands would not write.
fn with_legacy_mode() -> Repository {
    let repository = repository(&every_kind());
    let blob = repository.id(&format!("{BRANCH}:README.md"));
    let run = |arguments: &[&str], input: &[u8]| {
        let id = repository.run(arguments, input);
        ObjectId::from_hex(id.trim_ascii()).expect("an id").to_string()
    };
    let inner = run(&["mktree"], format!("100664 blob {blob}\tgroup-writable\n").as_bytes());
    let root = run(&["mktree"], format!("040000 tree {inner}\tdir\n100644 blob {blob}\tfile\n").as_bytes());
    let person = "A U Thor <author@example.com> 1112911993 -0700";
    let text = format!("tree {root}\nauthor {person}\ncommitter {person}\n\nLegacy\n");
    let commit = run(&["hash-object", "-t", "commit", "-w", "--stdin"], text.as_bytes());
    repository.run(&["update-ref", BRANCH, &commit], b"");
    repository
}

#[tokio::test]
async fn a_legacy_mode_comes_over_git_and_is_refused_by_the_api_alone() {
    let mut world = World::with(with_legacy_mode(), &[("SOURCE", "auto")]);
    delivered_with_cache(&world).await;
    assert_eq!((world.counts(API), world.counts(GIT)), ([1, 3, 0], [1, 1]));
    world.restarted(&[("SOURCE", "api"), ("CACHE", "off")]);
    let failed = world.failed(super::world::pushed("api", &[(BRANCH, world.tip())])).await;
    let told = failed.to_string();
    assert_eq!(failed.error.code(), "TreeMismatch");
    assert!(told.contains("\"dir\" was listed as tree") && told.contains("mode 100664"), "{told}");
}

/// The zip has the cache's fields, and otherwise equals git's.
async fn delivered_with_cache(world: &World) {
    let run = world.started(world.push()).await;
    let zip = world.zip(&run.version_id);
    let gits = world.repository.zip(&[], &world.tip().to_string());
    let content = |zip: &[u8]| {
        let (rows, comment) = oracle::zip::read(zip);
        (rows.into_iter().map(|row| (row.path, row.external, row.content)).collect::<Vec<_>>(), comment)
    };
    assert_eq!(content(&zip), content(&gits));
}

/// The role may pull, but may not call the API.
#[tokio::test]
async fn what_the_api_denies_comes_over_git() {
    for (denied, listed) in [("GetBlob", 5), ("GetFolder", 1), ("GetCommit", 0)] {
        let world = world(&every_kind(), "auto");
        world.inject(&format!("{denied}:every:denied"));
        delivered(&world).await;
        assert_eq!(world.counts(GIT), [1, 1], "{denied}");
        assert_eq!(world.emulator.count("GetFolder"), listed, "{denied}");
    }
}

/// The role may not pull. Everything that the API can read is delivered, and for the rest the error has both reasons.
#[tokio::test]
async fn where_git_is_refused_the_api_does_what_it_can() {
    let mut tree = Tree::default();
    for number in 0..260 {
        tree.add(format!("f{number:04}"), "100644", format!("content {number}\n"));
    }
    let many = world(&tree, "auto");
    many.inject("GitInfoRefs:every:denied");
    delivered(&many).await;
    assert_eq!((many.counts(API), many.counts(GIT)), ([1, 2, 260], [1, 0]));
    tree.add("large", "100644", vec![b'x'; 7_000_000]);
    let large = world(&tree, "auto");
    large.inject("GitInfoRefs:every:denied");
    let failed = large.failed(large.push()).await;
    let told = with_causes(&failed.error);
    assert!(told.contains("larger than the 6 MB") && told.contains("GitPull"), "{told}");
    assert!(failed.error.is_permanent(), "{told}");
    large.assert_untouched();
}

#[tokio::test]
async fn a_large_file_over_the_api_alone_is_permanent() {
    let mut tree = Tree::default();
    tree.add("large", "100644", vec![b'x'; 7_000_000]);
    let world = world(&tree, "api");
    let failed = world.failed(world.push()).await;
    assert_eq!((failed.error.code(), failed.error.is_permanent()), ("FileTooLarge", true), "{failed}");
    world.assert_untouched();
}

/// A pack that is damaged or cut once is fetched again. If it is always damaged, the failure is typed.
#[tokio::test]
async fn a_spoiled_pack_is_fetched_again_and_then_refused() {
    for (kind, tries) in [("cut", 3), ("reset", 3), ("status:500", 3), ("throttle-empty", 3)] {
        let healed = world(&every_kind(), "git");
        healed.inject(&format!("GitUploadPack:1:{kind}"));
        delivered(&healed).await;
        assert_eq!(healed.counts(GIT), [1, 2], "{kind}");
        let broken = world(&every_kind(), "git");
        broken.inject(&format!("GitUploadPack:every:{kind}"));
        let failed = broken.failed(broken.push()).await;
        let code = if kind == "throttle-empty" { "SourceThrottled" } else { "GitUnavailable" };
        assert_eq!((failed.error.code(), failed.error.is_permanent()), (code, false), "{kind}: {failed}");
        assert_eq!(broken.counts(GIT), [1, tries], "{kind}");
        broken.assert_untouched();
    }
}

/// One byte of the pack is changed, which its checksum shows.
#[tokio::test]
async fn a_corrupt_pack_never_becomes_an_archive() {
    let mut tree = every_kind();
    tree.add("noise2", "100644", noise(30_000));
    let broken = world(&tree, "git");
    broken.inject("GitUploadPack:every:corrupt");
    let failed = broken.failed(broken.push()).await;
    assert!(["PackRefused", "GitUnavailable"].contains(&failed.error.code()), "{failed}");
    broken.assert_untouched();
    let healed = world(&tree, "git");
    healed.inject("GitUploadPack:1:corrupt");
    delivered(&healed).await;
}

#[tokio::test]
async fn a_commit_that_is_gone_is_left_alone_by_either_way() {
    for source in ["api", "git", "auto"] {
        let world = world(&every_kind(), source);
        let gone = ObjectId::from_hex(&"c0ffee".repeat(7).as_bytes()[..40]).unwrap();
        let handled = world.handle(super::world::pushed(source, &[(BRANCH, gone)])).await;
        match handled {
            Ok(answer) => assert_eq!((answer.started.len(), answer.skipped.len()), (0, 1), "{source}"),
            Err(error) => panic!("{source}: {}", with_causes(&error)),
        }
        world.assert_untouched();
    }
}
