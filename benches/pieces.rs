//! Measures the parts of an archive one by one: `cargo bench --bench pieces`.

use std::io::Write as _;

use bstr::{BStr, BString};
use bytes::Bytes;
use codecommit::source::git::{Limits, Pack};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use git_archive::attributes::Attributes;
use git_archive::central_directory::{self, Directory};
use git_archive::deflate::{self, DeflateStream};
use git_archive::object::{Kind, ObjectId, hash};
use git_archive::work::{Cancel, Work};
use git_archive::zip::{self, Member, Method, Writer};
use sha1::{Digest, Sha1};

const LEVELS: [u8; 3] = [1, 6, 9];
const LEVEL: u8 = 6;
/// The size of a file, close to the mean of source code.
const FILE: usize = 10 << 10;
/// The number of entries of a directory, of objects in a pack and of looked-up paths.
const MANY: usize = 1000;

fn main() {
    divan::main();
}

#[divan::bench(args = LEVELS)]
fn deflate_libdeflate(bencher: Bencher<'_, '_>, level: u8) {
    let content = text(0);
    bencher.counter(BytesCount::new(content.len())).bench(|| deflate::deflate(black_box(&content), level));
}

#[divan::bench(args = LEVELS)]
fn deflate_zlib_rs(bencher: Bencher<'_, '_>, level: u8) {
    let content = text(0);
    bencher.counter(BytesCount::new(content.len())).bench(|| {
        let mut out = Vec::with_capacity(FILE);
        let mut sink = |bytes: &[u8]| out.write_all(bytes);
        let mut stream = DeflateStream::new(level);
        stream.chunk(black_box(&content), &mut sink).expect("memory takes it");
        stream.finish(&mut sink).expect("memory takes it");
        out
    });
}

#[divan::bench]
fn inflate(bencher: Bencher<'_, '_>) {
    let content = text(0);
    let data = deflate::deflate(&content, LEVEL).expect("text gets smaller");
    bencher.counter(BytesCount::new(content.len())).bench(|| deflate::inflate(black_box(&data), content.len()));
}

#[divan::bench]
fn sha1_of_a_blob(bencher: Bencher<'_, '_>) {
    let content = text(0);
    bencher.counter(BytesCount::new(content.len())).bench(|| hash::blob_id(black_box(&content)));
}

#[divan::bench]
fn sha1_of_a_tree(bencher: Bencher<'_, '_>) {
    let entries: Vec<_> = (0..MANY).map(|number| (Kind::File, name(number), id(number))).collect();
    bencher
        .counter(ItemsCount::new(MANY))
        .with_inputs(|| entries.clone())
        .bench_values(|mut entries| hash::tree_id(&mut entries));
}

#[divan::bench]
fn attributes(bencher: Bencher<'_, '_>) {
    let lines = b"* text=auto\n*.png binary\n*.sh eol=lf\n/docs export-ignore\nsrc/**/generated/* -diff\nversion.txt \
        export-subst\n";
    let work = Work::new(Cancel::default(), u64::MAX);
    let attributes = Attributes::new([(BString::default(), lines.to_vec())], &work).expect("little work");
    let paths: Vec<BString> = (0..MANY).map(path).collect();
    bencher.counter(ItemsCount::new(MANY)).bench(|| {
        for path in &paths {
            black_box(attributes.of(path.as_ref(), false, &work).expect("little work"));
        }
    });
}

#[divan::bench]
fn zip_writer(bencher: Bencher<'_, '_>) {
    let data = deflate::deflate(&text(0), LEVEL).expect("text gets smaller");
    bencher.counter(ItemsCount::new(MANY)).bench(|| zip_of(black_box(&data)));
}

#[divan::bench]
fn directory_parsing(bencher: Bencher<'_, '_>) {
    let zip = zip_of(&[]);
    let (offset, _) = central_directory::locate(&zip, zip.len() as u64).expect("it is ours");
    let rows = &zip[usize::try_from(offset).expect("it is in memory")..];
    assert_eq!(Directory::parse(rows, LEVEL, true).contents.len(), MANY, "every entry is tagged");
    bencher.counter(ItemsCount::new(MANY)).bench(|| Directory::parse(black_box(rows), LEVEL, true));
}

#[divan::bench]
fn pack_reading(bencher: Bencher<'_, '_>) {
    let pack = pack();
    let limits = Limits::new(u64::MAX, 0, std::env::temp_dir());
    let received = |chunks: Vec<Bytes>| Pack::receive(chunks, &limits).expect("the pack is whole");
    bencher
        .counter(BytesCount::new(MANY * FILE))
        .with_inputs(|| pack.chunks(64 << 10).map(Bytes::copy_from_slice).collect())
        .bench_values(received);
}

/// Makes text of the size of a file, as compressible as source code and different for each seed.
fn text(seed: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let mut content = Vec::with_capacity(FILE + 16);
    while content.len() < FILE {
        // Knuth's generator. A few words are frequent, most are rare.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let word = (state >> 40) % (1 << ((state >> 33) % 12 + 1));
        write!(content, "{:x}{}", word * 0x9e37, if word.is_multiple_of(7) { ";\n    " } else { " " })
            .expect("memory takes it");
    }
    content.truncate(FILE);
    content
}

fn name(number: usize) -> BString {
    format!("file-{number:04}.rs").into()
}

fn path(number: usize) -> BString {
    format!("src/module-{}/{}", number / 20, name(number)).into()
}

fn id(number: usize) -> ObjectId {
    hash::blob_id(&number.to_le_bytes()).expect("no collision")
}

/// Makes a zip of tagged entries that all have the same data.
fn zip_of(data: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), 0);
    let method = if data.is_empty() { Method::Stored } else { Method::Deflated };
    let size = if data.is_empty() { 0 } else { FILE as u64 };
    let content = zip::DataHeader { method, crc: 0, size, compressed: data.len() as u64, text: true };
    for number in 0..MANY {
        let (path, extra) = (path(number), central_directory::tag(id(number), LEVEL, false));
        let member = Member { path: BStr::new(&path), kind: Kind::File, extra: &extra };
        writer.member(member, content, data).expect("memory takes it");
    }
    writer.finish(Some(id(0))).expect("memory takes it")
}

/// Makes a pack of whole blobs.
fn pack() -> Vec<u8> {
    let mut pack = b"PACK\0\0\0\x02".to_vec();
    pack.extend_from_slice(&u32::try_from(MANY).expect("it is small").to_be_bytes());
    for number in 0..MANY {
        let content = text(number);
        let size = content.len();
        // The type of a blob is 3. Sizes above 2,047 and below 262,144 take three bytes.
        pack.extend([size & 0xf | 0xb0, size >> 4 & 0x7f | 0x80, size >> 11].map(low));
        let mut deflated = ZlibEncoder::new(&mut pack, Compression::default());
        deflated.write_all(&content).expect("memory takes it");
        deflated.finish().expect("memory takes it");
    }
    let sum = Sha1::digest(&pack);
    pack.extend_from_slice(&sum);
    pack
}

fn low(value: usize) -> u8 {
    value.to_le_bytes()[0]
}
