//! Files that are never in memory as a whole: read over Git, compressed in pieces, and uploaded in many parts.

mod huge;

use codecommit::aws::Aws;

use super::world::{BRANCH, BUCKET, KEY, World};
use oracle::noise;
use oracle::{CommitText, Repository, Tree};

const MIB: usize = 1 << 20;
const PART: u64 = 8 << 20;

fn world(tree: &Tree, settings: &[(&str, &str)]) -> World {
    let settings = [settings, &[("SOURCE", "git"), ("CACHE", "off")]].concat();
    World::with(Repository::import(&tree.commit(BRANCH, &CommitText::default())), &settings)
}

/// Makes bytes that deflate cannot make smaller, because its window is 32 KiB.
fn incompressible(length: usize) -> Vec<u8> {
    noise(5 * MIB).iter().copied().cycle().take(length).collect()
}

fn lines(length: usize) -> Vec<u8> {
    b"All work and no play makes Jack a dull boy.\n".iter().copied().cycle().take(length).collect()
}

/// Counts the requests of the upload of an archive of this size.
#[track_caller]
fn assert_parts(world: &World, bytes: u64) {
    let parts = usize::try_from(bytes.div_ceil(PART)).expect("it is few");
    let operations = ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "PutObject"];
    assert_eq!(world.counts(operations), [1, parts, 1, 3], "the record is put three times");
}

/// Sizes close to those of the buffers, and everything that decides the text bit.
#[tokio::test]
async fn large_files_are_gits_field_by_field() {
    let mut tree = Tree::default();
    tree.add("a/lines", "100755", lines(17 * MIB + 5));
    tree.add("a/noise", "100644", incompressible(16 * MIB + (64 << 10)));
    let mut nul = vec![b'x'; 17 * MIB];
    nul[7999] = 0;
    tree.add("binary", "100644", nul.clone());
    nul.swap(7999, 8000);
    tree.add("text", "100644", nul.clone());
    tree.add("text-said-binary", "100644", nul.clone());
    nul.truncate(16 * MIB);
    tree.add("just held", "100644", nul);
    // Long enough that every deflate makes it smaller.
    tree.add(".gitattributes", "100644", "text-said-* -diff\n".repeat(20));
    let world = world(&tree, &[]);
    let run = world.started(world.push()).await;
    world.assert_is_archive_of(&run.version_id, world.tip());
    assert_parts(&world, run.bytes);
}

/// Content that is converted must be in memory, and fits into the smallest memory of Lambda.
#[tokio::test]
async fn large_files_are_converted_as_git_does() {
    let mut tree = Tree::default();
    tree.add("eol.txt", "100644", lines(17 * MIB));
    tree.add("stamped", "100644", [b"$Format:%H$\n".as_slice(), &vec![b'x'; 17 * MIB]].concat());
    tree.add("ident.c", "100644", [b"/* $Id$ */\n".as_slice(), &vec![b'\n'; 17 * MIB]].concat());
    tree.add(".gitattributes", "100644", "*.txt eol=crlf\nstamped export-subst\n*.c ident\n".repeat(20));
    let world = world(&tree, &[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")]);
    let run = world.started(world.push()).await;
    world.assert_is_archive_of(&run.version_id, world.tip());
}

/// Eight files, 40 MiB in all.
fn eight_files() -> Tree {
    let mut tree = Tree::default();
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        tree.add(name, "100644", [name.as_bytes(), &incompressible(5 * MIB)].concat());
    }
    tree
}

/// A pack tells the sizes before anything is written.
#[tokio::test]
async fn the_size_limit_is_looked_at_before_the_upload() {
    let world = world(&eight_files(), &[("SIZE_LIMIT_MIB", "32")]);
    let failed = world.failed(world.push()).await;
    let told = codecommit::causes::with_causes(&failed.error);
    assert_eq!((failed.error.code(), failed.error.is_permanent()), ("SizeLimit", true), "{told}");
    assert!(told.contains("over the limit of 33554432 bytes"), "{told}");
    assert_eq!(world.counts(["CreateMultipartUpload", "UploadPart", "StartPipelineExecution"]), [0, 0, 0]);
    world.assert_untouched();
}

/// The API tells no sizes, so the limit is exceeded while parts are in flight. None of them remains.
#[tokio::test]
async fn the_size_limit_ends_an_upload_under_way() {
    let mut world = world(&eight_files(), &[]);
    world.restarted(&[("SIZE_LIMIT_MIB", "32"), ("SOURCE", "api"), ("CACHE", "off")]);
    let failed = world.failed(world.push()).await;
    let told = failed.to_string();
    assert_eq!((failed.error.code(), failed.error.is_permanent()), ("SizeLimit", true), "{told}");
    assert!(told.contains("g brings the contents over the limit of 33554432 bytes"), "{told}");
    let [created, sent, aborted, completed] =
        world.counts(["CreateMultipartUpload", "UploadPart", "AbortMultipartUpload", "CompleteMultipartUpload"]);
    assert_eq!((created, aborted, completed), (1, 1, 0));
    assert!(sent <= 4, "{sent} parts of what is refused");
    world.assert_untouched();
    world.restarted(&[("SIZE_LIMIT_MIB", "41"), ("SOURCE", "git"), ("CACHE", "off")]);
    world.started(world.push()).await;
}

/// A large file is not copied from the cache, but the files beside it are, and the parts begin at other offsets.
#[tokio::test]
async fn a_large_file_beside_the_cache() {
    let mut tree = Tree::default();
    tree.add("large", "100644", vec![b'x'; 17 * MIB]);
    tree.add("held", "100644", incompressible(5 * MIB + 3));
    tree.add("z", "100644", lines(9000));
    let world = World::with(Repository::import(&tree.commit(BRANCH, &CommitText::default())), &[]);
    let run = world.started(world.push()).await;
    let cold = world.zip(&run.version_id);
    let again = world.started(super::world::pushed("again", &[(BRANCH, world.tip())])).await;
    assert_eq!((again.reused, world.emulator.store().versions(BUCKET, KEY).len()), (Some(2), 2));
    assert!(world.zip(&again.version_id) == cold);
}

/// A pack that is larger than memory goes to disk. If the disk is too small, the error names the setting.
#[tokio::test]
async fn a_pack_without_room_names_the_setting() {
    use codecommit::open::{self, OpenError, Options};
    use codecommit::source::{Mode, Source, SourceOptions};
    let mut tree = Tree::default();
    tree.add("large", "100644", incompressible(34 * MIB));
    let world = world(&tree, &[]);
    let opened = |aws: Aws, storage: u64| {
        let git_url = Some(world.emulator.git_url());
        let source = SourceOptions { mode: Mode::Git, git_url, storage, ..SourceOptions::default() };
        let (options, tip) = (Options { source: source.clone(), ..Options::default() }, world.tip());
        async move {
            let checkout = Source::new(&aws, super::world::NAME, &source).checkout(tip);
            let commit = checkout.commit().await?;
            open::open(checkout, commit, &options).await
        }
    };
    assert!(opened(world.aws.clone(), 40 << 20).await.is_ok());
    let refused = opened(world.aws.clone(), 33 << 20).await.expect_err("there is no room");
    let told = codecommit::causes::with_causes(&refused);
    assert!(told.contains("`EphemeralStorage`") && told.contains("34603008"), "{told}");
    assert!(matches!(&refused, OpenError::Source(error) if error.is_permanent() && error.code() == "PackRefused"));
}
