//! Every kind of change between two pushes, and the requests that it needs.

use bstr::BString;

use super::world;
use crate::world::{BRANCH, World};
use oracle::Tree;
use oracle::base;

/// A change of the base, and its cost: folders to list and contents to fetch.
struct Case {
    name: &'static str,
    change: fn(&mut Tree),
    folders: usize,
    blobs: usize,
}

const fn case(name: &'static str, folders: usize, blobs: usize, change: fn(&mut Tree)) -> Case {
    Case { name, change, folders, blobs }
}

fn write(tree: &mut Tree, path: &str, content: &str) {
    tree.add(path, "100644", content);
}

fn take(tree: &mut Tree, path: &str) -> (&'static str, Vec<u8>) {
    tree.0.remove(&BString::from(path)).expect("it is there")
}

fn rename(tree: &mut Tree, from: &str, to: &str) {
    let (mode, content) = take(tree, from);
    tree.add(to, mode, content);
}

fn chmod(tree: &mut Tree, path: &str, mode: &'static str) {
    tree.0.get_mut(&BString::from(path)).expect("it is there").0 = mode;
}

/// The root is listed again after any change. A new `.gitattributes` is requested twice: for its rules, and as an
/// entry.
const CASES: [Case; 30] = [
    case("nothing", 0, 0, |_| ()),
    case("a file at the top", 1, 1, |tree| write(tree, "README.md", "New.\n")),
    case("a file in a folder", 2, 1, |tree| write(tree, "a/x", "changed\n")),
    case("a file deep down", 4, 1, |tree| write(tree, "b/c/d/deep", "changed\n")),
    case("a file added", 2, 1, |tree| write(tree, "a/new", "new\n")),
    case("a file added in new folders", 3, 1, |tree| write(tree, "n/e/w", "new\n")),
    case("an empty file added", 1, 1, |tree| write(tree, "empty", "")),
    case("a file removed", 2, 0, |tree| drop(take(tree, "a/y"))),
    case("the only file of a folder removed", 1, 0, |tree| drop(take(tree, "only/one"))),
    case("a file renamed", 2, 0, |tree| rename(tree, "a/y", "a/renamed")),
    case("a file moved between folders", 5, 0, |tree| rename(tree, "a/y", "b/c/d/y")),
    case("a file moved beside its folder", 2, 0, |tree| rename(tree, "a/y", "a0")),
    case("a file copied", 2, 0, |tree| write(tree, "b/near2", "near\n")),
    case("a folder renamed", 1, 0, |tree| rename(tree, "only/one", "other/one")),
    case("a file made executable", 2, 0, |tree| chmod(tree, "a/x", "100755")),
    case("an executable made a file", 2, 0, |tree| chmod(tree, "a/run.sh", "100644")),
    case("a file made a link", 1, 1, |tree| chmod(tree, "target", "120000")),
    case("a link made a file", 1, 1, |tree| chmod(tree, "link", "100644")),
    case("a link with the content of a file", 1, 1, |tree| tree.add("link2", "120000", "to")),
    case("a link moved", 3, 0, |tree| rename(tree, "link", "b/c/link")),
    case("a link elsewhere", 1, 1, |tree| tree.add("link", "120000", "a/x")),
    case("a submodule removed", 1, 0, |tree| drop(take(tree, "sub"))),
    case("a submodule added", 2, 0, |tree| tree.add("a/sub", "160000", "")),
    case("a submodule made a folder", 2, 1, |tree| {
        take(tree, "sub");
        write(tree, "sub/file", "in it\n");
    }),
    case("a folder made a file", 1, 1, |tree| {
        take(tree, "only/one");
        write(tree, "only", "a file\n");
    }),
    case("a file made a folder", 2, 0, |tree| rename(tree, "README.md", "README.md/README.md")),
    case("attributes that make text binary", 1, 1, |tree| write(tree, ".gitattributes", "README.md -diff\nnul diff\n")),
    case("attributes that convert", 1, 2, |tree| write(tree, ".gitattributes", "*.txt eol=crlf\n")),
    case("attributes that ignore", 2, 1, |tree| write(tree, "a/.gitattributes", "y export-ignore\n")),
    case("attributes that substitute", 1, 2, |tree| write(tree, ".gitattributes", "stamp export-subst\n")),
];

#[tokio::test]
async fn each_change_costs_what_it_must_and_gives_what_a_cold_build_gives() {
    let world = world(&base(), &[]);
    let (first, (_, cold)) = (world.tip(), world.deliver(BRANCH, world.tip()).await);
    for Case { name, change, folders, blobs } in CASES {
        let mut tree = base();
        change(&mut tree);
        check(&world, name, &tree, folders, blobs).await;
        // The change is undone: attributes are removed, and deleted files are there again.
        assert_eq!(world.deliver(BRANCH, first).await.1, cold, "{name}, undone");
    }
}

/// Delivers the tree as the next commit of a world that has already delivered another one.
async fn check(world: &World, name: &str, tree: &Tree, folders: usize, blobs: usize) {
    let (commit, zip) = world.next(tree).await;
    let counts = world.counts(["GetBranch", "GetCommit", "GetFolder", "GetBlob", "GitInfoRefs", "GitUploadPack"]);
    assert_eq!(counts, [1, 1, folders, blobs, 0, 0], "{name}");
    assert_eq!(world.asked(), 2 + folders + blobs, "{name}");
    world.assert_is_gits(&zip, commit);
    assert_eq!(zip, world.cold(commit).await, "{name}");
}

/// Conversion ends: the old archive's data under the blob's id is not the blob's content.
#[tokio::test]
async fn attributes_that_go_let_contents_be_fetched_again() {
    let mut first = base();
    write(&mut first, ".gitattributes", "*.txt eol=crlf\nstamp export-subst\n");
    let world = world(&first, &[]);
    world.deliver(BRANCH, world.tip()).await;
    check(&world, "attributes gone", &base(), 1, 2).await;
}

/// The attributes are in the archive, so reading them needs no request, for any number of files.
#[tokio::test]
async fn attributes_that_stay_are_read_from_the_archive() {
    let mut tree = base();
    for folder in 0..20 {
        write(&mut tree, &format!("f{folder:02}/.gitattributes"), &format!("*.c{folder} -diff\n"));
    }
    let world = world(&tree, &[]);
    world.deliver(BRANCH, world.tip()).await;
    write(&mut tree, "README.md", "New.\n");
    check(&world, "a file beside attributes", &tree, 1, 1).await;
}

/// A substitution gives another result in each commit, and a folder without all its entries has no tree id.
#[tokio::test]
async fn what_substitutes_or_is_ignored_costs_at_every_push() {
    let mut tree = base();
    write(&mut tree, ".gitattributes", "stamp export-subst\n/b/c/d/other export-ignore\n");
    let world = world(&tree, &[]);
    world.deliver(BRANCH, world.tip()).await;
    write(&mut tree, "a/x", "changed\n");
    check(&world, "beside what is ignored", &tree, 5, 2).await;
}

#[tokio::test]
async fn a_submodule_that_moves_costs_its_folder() {
    let world = world(&base(), &[]);
    world.deliver(BRANCH, world.tip()).await;
    let stream = base().commit(BRANCH, &oracle::CommitText::default());
    let moved = bstr::ByteSlice::replace(stream.as_slice(), "1234567890".repeat(4), "a".repeat(40));
    world.import(&moved);
    let commit = world.tip();
    let (run, zip) = world.deliver(BRANCH, commit).await;
    assert_eq!(world.counts(["GetFolder", "GetBlob"]), [1, 0]);
    assert_eq!((run.reused, &zip), (Some(14), &world.cold(commit).await));
    world.assert_is_gits(&zip, commit);
}

/// The size of the repository does not matter, even for one that is read over Git without a cache.
#[tokio::test]
async fn one_file_of_many_costs_no_more() {
    let mut tree = Tree::default();
    for number in 0..600 {
        write(&mut tree, &format!("d{}/e{}/f{number}", number % 7, number % 31), &format!("content {number}\n"));
    }
    let world = world(&tree, &[("REUSE_DEFLATE", "off")]);
    world.deliver(BRANCH, world.tip()).await;
    assert_eq!(world.counts(["GetBlob", "GitUploadPack"]), [0, 1], "cold, over Git");
    write(&mut tree, "d3/e3/f3", "changed\n");
    check(&world, "one of 600", &tree, 3, 1).await;
    assert_eq!(world.counts(["GetObject", "HeadObject"]), [2, 0], "the directory, and one block");
}

/// Random trees, one after another.
#[tokio::test]
async fn random_trees_follow_one_another() {
    for trial in 0..oracle::trials(3) {
        let mut random = oracle::Random::of("incremental", trial);
        let mut tree = Tree::random(&mut random);
        let world = world(&tree, &[]);
        world.deliver(BRANCH, world.tip()).await;
        for push in 0..5 {
            let other = Tree::random(&mut random);
            tree.0.retain(|_, _| !random.one_in(4));
            for (path, entry) in other.0 {
                let is_below = |known: &BString| {
                    let longer = if known.len() > path.len() { known } else { &path };
                    let shorter = if known.len() > path.len() { &path } else { known };
                    longer.starts_with(shorter) && longer.get(shorter.len()) == Some(&b'/')
                };
                if !tree.0.keys().any(is_below) {
                    tree.0.insert(path, entry);
                }
            }
            write(&mut tree, "marker", &format!("{push}\n"));
            let (commit, zip) = world.next(&tree).await;
            assert_eq!(zip, world.cold(commit).await, "trial {trial}, push {push}");
            world.assert_is_gits(&zip, commit);
        }
    }
}
