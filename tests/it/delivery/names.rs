//! Names of branches, and names in trees.

use codecommit::causes::with_causes;
use git_archive::object::ObjectId;

use super::small;
use crate::world::{BRANCH, BUCKET, KEY, World, pushed};
use oracle::{CommitText, Repository, Tree};

#[tokio::test]
async fn branches_may_be_called_anything() {
    let long = "l".repeat(120) + "/" + &"m".repeat(120);
    let names =
        ["a/b", "a-b", "feature/a/b/c", "100%", "%41", "a&b=c", "\"q\"'s'", "größe/日本", "a+b#c", "{x}", &long];
    let mut stream = Vec::new();
    for name in names {
        let mut tree = Tree::default();
        tree.add("name", "100644", name);
        stream.extend(tree.commit(&format!("refs/heads/{name}"), &CommitText::default()));
    }
    let world = World::over(Repository::import(&stream));
    for name in names {
        let reference = format!("refs/heads/{name}");
        let commit = world.repository.id(&reference);
        let run = world.started(pushed(name, &[(&reference, commit)])).await;
        world.assert_is_archive_of(&run.version_id, commit);
        let execution = world.executions().pop().unwrap();
        // A double quote would break the configuration into which CodePipeline copies the value.
        let variable = ("BRANCH_NAME".to_owned(), name.replace('"', "'"));
        assert!(execution.variables.contains(&variable), "{name}: {execution:?}");
        let object = world.emulator.store().object(BUCKET, KEY, Some(&run.version_id)).unwrap();
        let branch = &object.metadata()["branch"];
        assert!(branch.is_ascii() && !branch.is_empty(), "{branch}");
        if name.bytes().all(|byte| byte.is_ascii() && byte != b'%') {
            assert_eq!(branch, name);
        }
    }
    assert_eq!(world.executions().len(), names.len());
}

/// Makes a commit of a tree with exactly these bytes.
pub(super) fn raw(repository: &Repository, entries: &[(&str, &[u8], ObjectId)]) -> ObjectId {
    let mut tree = Vec::new();
    for (mode, name, id) in entries {
        tree.extend([mode.as_bytes(), b" ", name, b"\0", id.as_bytes()].concat());
    }
    let write = |kind: &str, content: &[u8]| {
        let id = repository.run(&["hash-object", "-t", kind, "-w", "--literally", "--stdin"], content);
        ObjectId::from_hex(id.trim_ascii()).expect("an id")
    };
    let tree = write("tree", &tree);
    let person = "A <a@b> 1700000000 +0000";
    write("commit", format!("tree {tree}\nauthor {person}\ncommitter {person}\n\nraw\n").as_bytes())
}

/// Returns the event of a push that moves the branch to this commit.
fn moved(world: &World, commit: ObjectId) -> serde_json::Value {
    world.repository.run(&["update-ref", BRANCH, &commit.to_string()], b"");
    world.push()
}

#[tokio::test]
async fn trees_that_git_refuses_are_refused() {
    let world = World::of(&small());
    let blob = world.repository.id(&format!("{BRANCH}:file"));
    let names: [&[u8]; 7] = [b"..", b".", b".git", b".GIT", b"git~1", b"a/b", b""];
    for name in names {
        let commit = raw(&world.repository, &[("100644", name, blob)]);
        let failed = world.failed(moved(&world, commit)).await;
        let told = (failed.error.code(), failed.error.is_permanent());
        assert_eq!(told, ("TreeRefused", true), "{:?}: {failed}", bstr::BStr::new(name));
    }
    let twice = raw(&world.repository, &[("100644", b"a", blob), ("100644", b"a", blob)]);
    let failed = world.failed(moved(&world, twice)).await;
    assert_eq!((failed.error.code(), failed.error.is_permanent()), ("TreeRefused", true), "{failed}");
    // The API's answers have no order, so an unsorted tree cannot be verified.
    let unsorted = raw(&world.repository, &[("100644", b"b", blob), ("100644", b"a", blob)]);
    let failed = world.failed(moved(&world, unsorted)).await;
    assert_eq!(failed.error.code(), "TreeMismatch", "{failed}");
    world.assert_untouched();
}

#[tokio::test]
async fn what_the_api_cannot_show_is_refused_with_its_reason() {
    let world = World::of(&small());
    let blob = world.repository.id(&format!("{BRANCH}:file"));
    for (mode, name, told) in [("100664", &b"legacy"[..], "100664"), ("100644", b"caf\xe9", "not UTF-8")] {
        let commit = raw(&world.repository, &[(mode, name, blob)]);
        let failed = world.failed(moved(&world, commit)).await;
        assert_eq!(failed.error.code(), "TreeMismatch", "{failed}");
        assert!(with_causes(&failed.error).contains(told), "{failed}");
    }
    world.assert_untouched();
}

#[tokio::test]
async fn names_that_bite_on_windows_are_archived_with_a_warning() {
    let mut tree = Tree::default();
    for name in ["a\\b", "C:x", "File", "file", "caf\u{e9}", "cafe\u{301}"] {
        tree.add(name, "100644", name);
    }
    let world = World::of(&tree);
    let run = world.started(world.push()).await;
    world.assert_is_archive_of(&run.version_id, world.tip());
    for told in ["a\\b", "C:x", "file", "caf"] {
        assert!(run.warnings.iter().any(|warning| warning.contains(told)), "{told} in {:?}", run.warnings);
    }
}

/// Each name causes a warning about its trouble, or the commit is refused.
#[tokio::test]
async fn names_that_trouble_windows_are_refused_on_request() {
    let names = ["..\\up", "C:x", "dot.", "space ", "con", "com1.txt", "a\u{202e}b", "a:b", "tab\tname"];
    for name in names {
        let mut tree = Tree::default();
        tree.add(name, "100644", "content\n");
        let mut world = World::of(&tree);
        let run = world.started(world.push()).await;
        assert!(!run.warnings.is_empty(), "{name:?}");
        world.restarted(&[("WINDOWS_NAMES", "refuse"), ("SOURCE", "api"), ("CACHE", "off")]);
        let failed = world.failed(pushed("refused", &[(BRANCH, world.tip())])).await;
        assert_eq!((failed.error.code(), failed.error.is_permanent()), ("NameRefused", true), "{name:?}: {failed}");
        assert_eq!(world.archives(), 1, "{name:?}");
    }
}

#[tokio::test]
async fn a_deep_tree_is_archived() {
    let mut tree = Tree::default();
    tree.add("d/".repeat(150) + "file", "100644", "down here\n");
    let world = World::of(&tree);
    let run = world.started(world.push()).await;
    world.assert_is_archive_of(&run.version_id, world.tip());
    assert_eq!(world.emulator.count("GetFolder"), 151);
}

#[tokio::test]
async fn an_lfs_pointer_stays_one_and_is_reported() {
    let mut tree = small();
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 5\n", "0".repeat(64));
    tree.add("large.bin", "100644", pointer.as_str());
    let world = World::of(&tree);
    let run = world.started(world.push()).await;
    world.assert_is_archive_of(&run.version_id, world.tip());
    assert!(run.warnings.iter().any(|warning| warning.contains("large.bin")), "{:?}", run.warnings);
}
