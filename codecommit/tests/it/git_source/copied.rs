//! Archives that copy deflate streams from a pack. Whatever the pack holds, their contents are those of git's archive,
//! and other programs can read every entry.

use std::io::Cursor;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use aws_config::{BehaviorVersion, SdkConfig};
use codecommit::aws::Aws;
use codecommit::open::{self, Options};
use codecommit::source::git::{EarlyDeflate, Limits, ObjectKind, Pack};
use codecommit::source::{Mode, Source, SourceOptions};
use codecommit::write::{self, Output, Written};
use git_archive::object::ObjectId;
use oracle::zip::{Row, assert_equal_bytes, read};
use oracle::{Random, trials, zlib};

use super::packs::{Item, append, id, limits, pack, tree};
use super::repository::Repository;
use super::reuse::{flushed, padded, zlib as zlib_stream};
use crate::endpoint::in_time;

struct Zip(Vec<u8>);

impl Output for Zip {
    type Error = std::io::Error;

    async fn write(&mut self, bytes: &[u8]) -> Result<(), std::io::Error> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Archives a commit of a pack, without a network. The zip must not depend on what is deflated while the pack arrives:
/// nothing, all that deltas make, or as much as fits into a few bytes.
async fn archive(pack: &[u8], limits: &Limits, commit: ObjectId, options: &Options) -> (Vec<u8>, Written) {
    let later = archive_with(pack, limits, commit, options).await;
    for bytes in [u64::MAX, 2000] {
        let early_deflate = options.early_deflate().map(|deflate| EarlyDeflate { bytes, ..deflate });
        let early = archive_with(pack, &Limits { early_deflate, ..limits.clone() }, commit, options).await;
        assert_eq!(early.1, later.1);
        assert!(early.0 == later.0, "the bytes are the same");
    }
    later
}

async fn archive_with(pack: &[u8], limits: &Limits, commit: ObjectId, options: &Options) -> (Vec<u8>, Written) {
    let pack = Pack::receive(pack.chunks(10_000).map(bytes::Bytes::copy_from_slice), limits).expect("a good pack");
    let aws = Aws::new(SdkConfig::builder().behavior_version(BehaviorVersion::v2026_01_12()).build());
    let source = Source::new(&aws, "pack", &SourceOptions { mode: Mode::Git, ..options.source.clone() });
    let checkout = source.checkout(commit).with_pack(pack);
    let commit = checkout.commit().await.expect("the commit is there");
    let opened = open::open(checkout, commit, options).await.expect("the tree is good");
    let mut zip = Zip(Vec::new());
    let written = in_time(write::write(opened.contents, &mut zip, &|_, _| ())).await.expect("it can be written");
    (zip.0, written)
}

fn copying() -> Options {
    Options { reuse_deflate: true, deflate: zlib, ..Options::default() }
}

/// Returns the rows of a zip without the fields that depend on the deflate.
fn rows(zip: &[u8]) -> Vec<Row> {
    let (mut rows, _) = read(zip);
    for row in &mut rows {
        row.method = 0;
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn packs_of_every_level_in_memory_and_on_disk() {
    let repository = Repository::various();
    let gits = repository.git(&["archive", "--format=zip", "HEAD"]);
    let spooled = Limits { in_memory: 1000, ..limits() };
    for level in ["0", "1", "6", "9"] {
        // Without deltas, or with as many as git finds.
        for window in ["--window=0", "--window=50"] {
            let options = [&*format!("--compression={level}"), "--no-reuse-object", window];
            let pack = repository.pack("HEAD", &options);
            for limits in [&limits(), &spooled] {
                let (zip, written) = archive(&pack, limits, repository.id("HEAD"), &copying()).await;
                assert_eq!(rows(&zip), rows(&gits), "{options:?}");
                match (level, window) {
                    ("0", _) => assert_eq!(written.copied_bytes, 0, "what is not compressed is not copied"),
                    (_, "--window=0") => {
                        assert_eq!(written.deflated_bytes, 0, "every blob is whole, none is converted");
                        assert!(written.copied_bytes > 0);
                    }
                    _ => assert!(written.deflated_bytes > 0 && written.copied_bytes > 0, "{written:?}"),
                }
                if level == "6" {
                    assert_equal_bytes(&zip, &gits, "git deflates packs as it deflates archives");
                }
            }
        }
    }
}

/// Deltas are deflated while the pack arrives, before anybody knows what their files are.
#[tokio::test(flavor = "multi_thread")]
async fn deltas_of_converted_and_of_special_files() {
    let repository = Repository::empty();
    let lines = "a line with $Id$ and $Format:%H$\n".repeat(2000);
    let names = ["a.plain", "b.plain", "c.crlf", "d.ident", "e.subst", "f.binary", "g.text", "run.plain"];
    for (number, name) in names.iter().enumerate() {
        repository.write(name, format!("{lines}file {number}\n").as_bytes());
        repository.write(&format!("copies/{name}"), format!("{lines}file {number}\n").as_bytes());
    }
    for number in 0..3 {
        let pointer = format!("version https://git-lfs.github.com/spec/v1\n{lines}file {number}\n");
        repository.write(&format!("pointer{number}"), pointer.as_bytes());
    }
    std::os::unix::fs::symlink("x/".repeat(60) + "1", repository.path().join("link1")).expect("links can be made");
    std::os::unix::fs::symlink("x/".repeat(60) + "2", repository.path().join("link2")).expect("links can be made");
    let attributes = b"*.crlf eol=crlf\n*.ident ident\n*.subst export-subst\n*.binary -diff\n*.text diff\n";
    repository.write(".gitattributes", attributes);
    repository.git(&["add", "-A"]);
    repository.git(&["update-index", "--chmod=+x", "run.plain"]);
    repository.commit("attributes");
    let pack = repository.pack("HEAD", &["--window=50", "--no-reuse-object"]);
    for options in [copying(), Options { reuse_deflate: false, ..copying() }] {
        let (zip, written) = archive(&pack, &limits(), repository.id("HEAD"), &options).await;
        assert_equal_bytes(&zip, &repository.git(&["archive", "--format=zip", "HEAD"]), "whatever the deltas make");
        assert_eq!(written.warnings.len(), 3, "{:?}", written.warnings);
    }
}

/// The way in which a pack stores a content.
fn stored(random: &mut Random, content: &[u8]) -> Vec<u8> {
    match random.below(8) {
        0 => zlib_stream(content, 0),
        1 => flushed(content, 1 + random.below(5000), 1 + random.below(3)),
        2 => padded(content, random.below(10)),
        3 => padded(content, 20_000),
        _ => zlib_stream(content, u32::try_from(1 + random.below(9)).expect("a digit")),
    }
}

/// A commit whose blobs a pack stores in odd ways, with the contents by name.
struct Awkward {
    pack: Vec<u8>,
    commit: ObjectId,
    contents: Vec<(String, Vec<u8>)>,
}

impl Awkward {
    fn random(random: &mut Random) -> Self {
        let mut contents = Vec::new();
        let mut items = Vec::new();
        for number in 0..=random.below(40) {
            let words = b"words and more words \0\n".iter().chain(b"0123456789").copied().collect::<Vec<u8>>();
            let length = *random.pick(&[0, 1, 40, 7_999, 8_001, 70_000, 300_000]);
            let noisy = random.one_in(4);
            let letter = |random: &mut Random| {
                if noisy { u8::try_from(random.below(256)).expect("a byte") } else { words[random.below(words.len())] }
            };
            let content: Vec<u8> = (0..length).map(|_| letter(random)).collect();
            let name = format!("f{number:02}");
            if let Some((_, base)) = contents
                .last()
                .filter(|(_, base): &&(String, Vec<u8>)| !base.is_empty() && base.len() < 0xff_ffff && random.one_in(4))
            {
                let added = b"and one line more\n";
                let grown = [&base[..], added].concat();
                let base_id = id(ObjectKind::Blob, base);
                items.push(Item::IdDelta(base_id, append(base.len(), added)));
                contents.push((name, grown));
                continue;
            }
            items.push(Item::Stream(ObjectKind::Blob, content.len(), stored(random, &content)));
            if random.one_in(6) {
                // The same object twice: the two may be stored in different ways.
                items.push(Item::Stream(ObjectKind::Blob, content.len(), stored(random, &content)));
            }
            contents.push((name, content));
        }
        let blobs: Vec<_> = contents.iter().map(|(name, content)| (name, id(ObjectKind::Blob, content))).collect();
        let entries: Vec<_> = blobs.iter().map(|(name, blob)| ("100644", name.as_str(), *blob)).collect();
        let root = tree(&entries);
        let person = "A U Thor <author@example.com> 1700000000 +0000";
        let commit =
            format!("tree {}\nauthor {person}\ncommitter {person}\n\nAwkward\n", id(ObjectKind::Tree, &root).to_hex());
        let commit_id = id(ObjectKind::Commit, commit.as_bytes());
        items.push(Item::Whole(ObjectKind::Tree, root));
        items.push(Item::Whole(ObjectKind::Commit, commit.into_bytes()));
        Self { pack: pack(&items), commit: commit_id, contents }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn awkward_packs_give_the_same_contents_and_no_larger_zips() {
    for trial in 0..trials(20) {
        let awkward = Awkward::random(&mut Random::of("copied", trial));
        let limits = if trial % 2 == 0 { limits() } else { Limits { in_memory: 100, ..limits() } };
        let (zip, written) = archive(&awkward.pack, &limits, awkward.commit, &copying()).await;
        let found: Vec<_> = read(&zip).0.into_iter().map(|row| (row.path.to_string(), row.content)).collect();
        assert_eq!(found, awkward.contents, "trial {trial}");
        let ours = Options { reuse_deflate: false, ..copying() };
        let (plain, plainly) = archive(&awkward.pack, &limits, awkward.commit, &ours).await;
        assert_eq!(rows(&zip), rows(&plain), "trial {trial}");
        assert_eq!((plainly.copied_bytes, written.entries), (0, plainly.entries));
        let most = awkward.contents.iter().map(|(_, content)| content.len() + 200).sum::<usize>() + 1000;
        assert!(zip.len() <= most, "trial {trial}: nothing grows");
        assert!(zip::ZipArchive::new(Cursor::new(&zip)).is_ok(), "trial {trial}");
        readable(&zip, &format!("trial {trial}"));
    }
}

/// Checks that Info-ZIP, Python and, if it is installed, Java can read every entry.
fn readable(zip: &[u8], what: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.zip");
    std::fs::write(&path, zip).expect("a file");
    let python = "import sys, zipfile; sys.exit(zipfile.ZipFile(sys.argv[1]).testzip())";
    let read = Command::new("python3").args(["-c", python]).arg(&path).output().expect("python3 is installed");
    assert!(read.status.success(), "{what}: {}", String::from_utf8_lossy(&read.stderr));
    if let Ok(read) = Command::new("unzip").arg("-tqq").arg(&path).output() {
        assert!(read.status.success(), "{what}: {}", String::from_utf8_lossy(&read.stdout));
    }
}

/// Java's own reader, if it is installed, over one archive of each kind of stream: it checks each entry's size and
/// checksum.
#[tokio::test(flavor = "multi_thread")]
async fn java_reads_every_entry() {
    if Command::new("java").arg("-version").output().is_err() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut zips = Vec::new();
    for trial in 0..5 {
        let awkward = Awkward::random(&mut Random::of("java", trial));
        let (zip, _) = archive(&awkward.pack, &limits(), awkward.commit, &copying()).await;
        let path = folder.path().join(format!("{trial}.zip"));
        std::fs::write(&path, zip).expect("a file");
        zips.push(path);
    }
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/git_source/ReadZips.java");
    let read = Command::new("java").arg(reader).args(&zips).output().expect("it was there");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_level_or_no_reuse_means_our_own_deflate() {
    let repository = Repository::various();
    let pack = repository.pack("HEAD", &["--window=0", "--compression=9", "--no-reuse-object"]);
    for (options, arguments) in [
        (Options { level: 1, ..copying() }, ["archive", "--format=zip", "-1", "HEAD"]),
        (Options { reuse_deflate: false, ..copying() }, ["archive", "--format=zip", "-6", "HEAD"]),
    ] {
        let (zip, written) = archive(&pack, &limits(), repository.id("HEAD"), &options).await;
        assert_eq!(written.copied_bytes, 0);
        assert_equal_bytes(&zip, &repository.git(&arguments), "our own deflate");
    }
}

/// Copied data are marked in the archive. A later archive that must always have the same bytes does not reuse them.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_copied_is_marked_for_the_next_archive() {
    use git_archive::central_directory::{Directory, locate};
    let repository = Repository::various();
    let pack = Arc::new(repository.pack("HEAD", &["--window=50"]));
    let options = Options { tagged: true, ..copying() };
    let (zip, written) = archive(&pack, &limits(), repository.id("HEAD"), &options).await;
    let (start, size) = locate(&zip, zip.len() as u64).expect("it is one of ours");
    let [start, size] = [start, size].map(|at| usize::try_from(at).expect("it fits"));
    let parsed = |reuse| Directory::parse(&zip[start..start + size], 6, reuse);
    let (all, own) = (parsed(true), parsed(false));
    let copied: u64 = all
        .contents
        .values()
        .filter(|located| located.copied && located.compressed < located.size)
        .map(|located| located.compressed)
        .sum();
    assert_eq!(copied, written.copied_bytes);
    assert!(own.contents.len() < all.contents.len() && own.contents.values().all(|located| !located.copied));
    assert_eq!(own.folders.len(), all.folders.len(), "the ids count all the same");
}
