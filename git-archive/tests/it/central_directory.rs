//! The directory from our own writer is read back, and a foreign directory is not trusted.

use bstr::{BStr, BString, ByteSlice as _};
use git_archive::central_directory::{Directory, locate, tag};
use git_archive::deflate;
use git_archive::object::{Entry, Kind, ObjectId, hash};
use git_archive::zip::{DataHeader, Member, Method, Writer, member_path};

use oracle::{BRANCH, CommitText, Random, Repository, Tree, base, noise, strip, trials};

const LEVEL: u8 = 6;

/// Makes a zip of tagged entries with the contents of their ids.
fn written(entries: &[Entry], content_of: impl Fn(&Entry) -> Vec<u8>) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), 1_700_000_000);
    for entry in entries {
        let path = member_path(BStr::new(""), entry.path.as_bstr(), entry.kind);
        let extra = if entry.kind == Kind::Directory { Vec::new() } else { tag(entry.id, LEVEL, false) };
        let member = Member { path: path.as_bstr(), kind: entry.kind, extra: &extra };
        let content = content_of(entry);
        let deflated = deflate::deflate(&content, LEVEL).filter(|_| entry.kind != Kind::Link);
        let method = if deflated.is_some() { Method::Deflated } else { Method::Stored };
        let data = deflated.as_ref().unwrap_or(&content);
        let [size, compressed] = [content.len(), data.len()].map(|length| length as u64);
        let content = DataHeader { method, crc: crc32fast::hash(&content), size, compressed, text: true };
        writer.member(member, content, data).expect("memory takes all");
    }
    writer.finish(Some(blob_id(b""))).expect("memory takes all")
}

fn parsed(zip: &[u8]) -> Directory {
    let (start, size) = located(zip);
    Directory::parse(&zip[start..start + size], LEVEL, true)
}

fn located(zip: &[u8]) -> (usize, usize) {
    let (start, size) = locate(zip, zip.len() as u64).expect("it is one of ours");
    (usize::try_from(start).expect("it fits"), usize::try_from(size).expect("it fits"))
}

/// Checks that every tree id of git is found with the entries of `git ls-tree`, and that every content is at its
/// place.
fn check(repository: &Repository) {
    let content_of = |entry: &Entry| match entry.kind {
        Kind::Directory | Kind::Submodule => Vec::new(),
        _ => repository.run(&["cat-file", "blob", &entry.id.to_string()], b""),
    };
    let entries = repository.entries(BRANCH);
    let zip = written(&entries, content_of);
    let directory = parsed(&zip);
    let root = repository.id(&format!("{BRANCH}^{{tree}}"));
    let trees = entries.iter().filter(|entry| entry.kind == Kind::Directory).map(|entry| entry.id).chain([root]);
    for tree in trees {
        let found = &directory.folders[&tree];
        let listed = repository.run(&["ls-tree", "-z", &tree.to_string()], b"");
        let listed = listed.split(|byte| *byte == 0).filter(|line| !line.is_empty());
        let wanted: Vec<BString> = listed.map(|line| line.split_once_str("\t").expect("a tab").1.into()).collect();
        assert_eq!(found.iter().map(|(_, name, _)| name.clone()).collect::<Vec<_>>(), wanted, "{tree}");
    }
    for entry in entries.iter().filter(|entry| !matches!(entry.kind, Kind::Directory | Kind::Submodule)) {
        let located = directory.contents[&(entry.id, entry.kind == Kind::Link)];
        let start = usize::try_from(located.start).expect("it fits");
        let data = &zip[start..start + usize::try_from(located.compressed).expect("it fits")];
        let content = located.content(data).expect("it is whole");
        assert_eq!(hash::blob_id(&content), Ok(entry.id), "{}", entry.path);
    }
}

#[test]
fn what_is_written_is_read_back() {
    let mut tree = base();
    tree.add("noise", "100644", noise(100_000));
    tree.add("deep/".repeat(300) + "file", "100644", "down\n");
    check(&Repository::import(&tree.commit(BRANCH, &CommitText::default())));
}

#[test]
fn random_trees_are_read_back() {
    for trial in 0..trials(5) {
        let tree = Tree::random(&mut Random::of("directory", trial));
        check(&Repository::import(&tree.commit(BRANCH, &CommitText::default())));
    }
}

fn file(path: impl Into<BString>) -> Entry {
    Entry { path: path.into(), kind: Kind::File, id: blob_id(b"") }
}

fn folder(path: impl Into<BString>) -> Entry {
    Entry { path: path.into(), kind: Kind::Directory, id: blob_id(b"") }
}

fn blob_id(content: &[u8]) -> ObjectId {
    hash::blob_id(content).expect("no collision")
}

fn tree_of(entries: &[(Kind, &str, ObjectId)]) -> ObjectId {
    let mut entries: Vec<_> = entries.iter().map(|(kind, name, id)| (*kind, (*name).into(), *id)).collect();
    hash::tree_id(&mut entries).expect("no collision")
}

#[test]
fn more_than_65535_entries_are_found() {
    let entries: Vec<Entry> = (0..70_000).map(|number| file(format!("{number:05}"))).collect();
    let zip = written(&entries, |_| Vec::new());
    let directory = parsed(&zip);
    assert_eq!(directory.folders.len(), 1);
    assert_eq!(directory.folders.values().next().unwrap().len(), 70_000);
    // The end of the zip is enough.
    let tail = &zip[zip.len() - 200..];
    assert_eq!(locate(tail, zip.len() as u64).map(|(start, _)| start), Some(located(&zip).0 as u64));
}

/// A writer that counts everything, but keeps only small writes.
#[derive(Default)]
struct Small(Vec<u8>, u64);

impl std::io::Write for Small {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if bytes.len() < 1 << 20 {
            self.0.extend_from_slice(bytes);
        }
        self.1 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_begins_behind_4_gib_is_found() {
    let mut writer = Writer::new(Small::default(), 0);
    let (size, id) = (5 << 30, blob_id(b"x"));
    let huge = DataHeader { method: Method::Stored, crc: 0, size, compressed: size, text: false };
    let member = |path: &'static str| Member { path: path.into(), kind: Kind::File, extra: &[] };
    let mut open = writer.sized(member("huge"), huge).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..size >> 20).for_each(|_| open.chunk(&zeros).unwrap());
    open.end(huge).unwrap();
    let start = writer.written() + 30 + 9 + 4;
    let content = DataHeader { method: Method::Stored, crc: crc32fast::hash(b"x"), size: 1, compressed: 1, text: true };
    let extra = tag(id, LEVEL, false);
    writer.member(Member { extra: &extra, ..member("last") }, content, b"x").unwrap();
    let Small(kept, length) = writer.finish(Some(id)).unwrap();
    let (begin, bytes) = locate(&kept, length).unwrap();
    assert!(begin > 5 << 30);
    let behind = usize::try_from(length - begin).unwrap();
    let directory = &kept[kept.len() - behind..][..usize::try_from(bytes).unwrap()];
    assert_eq!(Directory::parse(directory, LEVEL, true).contents[&(id, false)].start, start);
}

#[test]
fn a_row_out_of_order_does_not_give_its_folder_its_id() {
    let id = blob_id(b"");
    let inner = tree_of(&[(Kind::File, "x", id), (Kind::File, "y", id)]);
    let in_order = [folder("a"), file("a/x"), file("a/y"), file("b")];
    assert!(parsed(&written(&in_order, |_| Vec::new())).folders.contains_key(&inner));
    for entries in [
        [folder("a"), file("a/x"), file("b"), file("a/y")],
        [file("a/x"), file("a/y"), folder("a"), file("b")],
        [folder("a"), file("a/x"), folder("a"), file("a/y")],
    ] {
        assert!(!parsed(&written(&entries, |_| Vec::new())).folders.contains_key(&inner), "{entries:?}");
    }
}

/// A row whose name has the bytes of a second entry would hash like two entries.
#[test]
fn a_name_with_a_nul_does_not_pass_for_two_entries() {
    let id = blob_id(b"");
    let wanted = tree_of(&[(Kind::File, "a", id), (Kind::File, "b", id)]);
    let honest = parsed(&written(&[file("a"), file("b")], |_| Vec::new()));
    assert!(honest.folders.contains_key(&wanted));
    let name = [b"a\0", id.as_bytes(), b"100644 b"].concat();
    let forged = parsed(&written(&[file(name)], |_| Vec::new()));
    assert!(!forged.folders.contains_key(&wanted));
}

/// The longest path, with only folders, ten times: there are never more folders than rows.
#[test]
fn deep_paths_take_no_more_memory_than_they_have_bytes() {
    let mut entries = Vec::new();
    for number in 0..10 {
        let deep = format!("{number}/").repeat(16_000);
        entries.extend([file(deep.clone() + "x"), folder(deep.trim_end_matches('/')), file(deep + "y")]);
    }
    let zip = written(&entries, |_| Vec::new());
    let directory = parsed(&zip);
    let held: usize = directory.folders.values().flatten().map(|(_, name, _)| name.len() + 1).sum();
    assert!(directory.folders.len() <= entries.len() + 1 && held <= zip.len());
}

/// Any bytes can be parsed as a directory, with few results.
#[test]
fn garbage_is_read_without_a_panic() {
    let honest = written(&[folder("a"), file("a/x"), file("b")], |_| b"content".to_vec());
    for trial in 0..trials(1000) {
        let mut random = Random::of("garbage", trial);
        let mut zip = honest.clone();
        for _ in 0..=random.below(8) {
            let at = random.below(zip.len());
            zip[at] = *random.pick(&[0, 1, 0x7f, 0x80, 0xff, b'/', b'P']);
        }
        zip.truncate(zip.len() - random.below(zip.len()).min(random.below(40)));
        let (start, _) = strip::bounds(&honest);
        let directory = Directory::parse(&zip[start.min(zip.len())..], LEVEL, true);
        assert!(directory.folders.len() <= 4 && directory.contents.len() <= 3);
        if let Some((start, size)) = locate(&zip, honest.len() as u64) {
            assert!(start + size <= honest.len() as u64);
        }
    }
}
