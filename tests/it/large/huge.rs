//! Files over git's `core.bigFileThreshold`, with the built function and its real memory. Runs only if `LARGE` is
//! set, because it writes gigabytes.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use emulator::{Emulator, Options};

use super::{PART, incompressible};
use crate::memory::watch;
use crate::world::{BRANCH, BUCKET, KEY, NAME, PIPELINE, pushed};
use oracle::zip::{u16_at, u32_at};
use oracle::{CommitText, Repository, Tree};

const DEADLINE: Duration = Duration::from_mins(30);

/// Makes a repository with one file of this size, of which every second MiB is incompressible. Returns its CRC-32,
/// too.
fn repository(mib: usize) -> (Repository, u32) {
    let mut tree = Tree::default();
    tree.add("small", "100644", "small\n");
    let repository = Repository::import(&tree.commit(BRANCH, &CommitText::default()));
    let path = repository.path().join("large");
    let mut file = BufWriter::new(File::create(&path).expect("a file"));
    let (noise, mut crc) = (incompressible(5 << 20), crc32fast::Hasher::new());
    for number in 0..mib {
        let from = number % 4 * (1 << 20) + number % 1000;
        let zeros = vec![0; 1 << 20];
        let piece = if number % 2 == 0 { &noise[from..from + (1 << 20)] } else { &zeros };
        crc.update(piece);
        file.write_all(piece).expect("there is room");
    }
    file.into_inner().expect("there is room");
    let run = |arguments: &[&str], input: &[u8]| {
        String::from_utf8(repository.run(arguments, input).trim_ascii().to_vec()).expect("an id")
    };
    let blob = run(&["-c", "core.compression=1", "hash-object", "-w", "large"], b"");
    std::fs::remove_file(path).expect("it was there");
    let small = repository.id(&format!("{BRANCH}:small"));
    let root = format!("100644 blob {blob}\tlarge\n100644 blob {small}\tsmall\n");
    let root = run(&["mktree"], root.as_bytes());
    let person = "A U Thor <author@example.com> 1112911993 -0700";
    let text = format!("tree {root}\nauthor {person}\ncommitter {person}\n\nLarge\n");
    let commit = run(&["hash-object", "-t", "commit", "-w", "--stdin"], text.as_bytes());
    repository.run(&["update-ref", BRANCH, &commit], b"");
    (repository, crc.finalize())
}

/// Archives with the built function and 512 MB. Returns the zip and the largest anonymous memory.
fn archived(repository: &Repository) -> (Vec<u8>, u64) {
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let options = Options {
        repository: vec![(NAME.to_owned(), repository.path().to_owned())],
        function: Some(PathBuf::from(std::env::var("UPDATES").unwrap_or(env!("CARGO_BIN_EXE_updates").to_owned()))),
        environment: vec![variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"), variable("CACHE", "off")],
        bucket: Some(BUCKET.to_owned()),
        pipeline: Some(PIPELINE.to_owned()),
        timeout: DEADLINE,
        ..Options::default()
    };
    let emulator = Emulator::start(options).expect("loopback has a free port");
    let (most, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let event = pushed("large", &[(BRANCH, repository.id(BRANCH))]);
    let handle = tokio::runtime::Handle::current();
    let answer = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            scope.spawn(|| watch(&emulator, &most, &done));
            let answer = handle.block_on(async { tokio::time::timeout(DEADLINE, emulator.invoke(event)).await });
            done.store(true, Ordering::Relaxed);
            answer
        })
    });
    let answer = answer.expect("it ends in time").expect("it is archived");
    let bytes = answer["started"][0]["bytes"].as_u64().expect("a size");
    assert_eq!(emulator.count("UploadPart") as u64, bytes.div_ceil(PART));
    assert_eq!(emulator.store().open_uploads(BUCKET), 0);
    let object = emulator.store().object(BUCKET, KEY, None).expect("it is stored");
    (object.bytes().expect("it is readable").to_vec(), most.into_inner())
}

/// Checks the first entry, which is the large one: it has git's headers, and the content of the file.
fn check(zip: &[u8], size: u32, crc: u32) {
    let end = zip.len() - 22 - 40;
    let start = u32_at(zip, end + 16) as usize;
    // Version 10, or 45 if twice the size would not fit. Flag 8, deflate, and a data descriptor after the data.
    let needed = if size > 0x7fff_ffff { 45 } else { 10 };
    assert_eq!((u16_at(zip, 4), u16_at(zip, 6), u16_at(zip, 8)), (needed, 8, 8));
    assert_eq!((u16_at(zip, start + 6), u16_at(zip, start + 8), u32_at(zip, start + 16)), (needed, 8, crc));
    assert_eq!(u32_at(zip, start + 24), size);
    let data = 30 + usize::from(u16_at(zip, 26)) + usize::from(u16_at(zip, 28));
    let compressed = u32_at(zip, start + 20) as usize;
    let mut content = flate2::read::DeflateDecoder::new(&zip[data..data + compressed]);
    let (mut found, mut length, mut buffer) = (crc32fast::Hasher::new(), 0, vec![0; 1 << 20]);
    loop {
        let count = content.read(&mut buffer).expect("it inflates");
        if count == 0 {
            break;
        }
        found.update(&buffer[..count]);
        length += count as u64;
    }
    assert_eq!((found.finalize(), length), (crc, u64::from(size)));
    let descriptor = &zip[data + compressed..];
    assert_eq!((u32_at(descriptor, 0), u32_at(descriptor, 4)), (0x0807_4b50, crc));
}

#[expect(clippy::print_stderr, reason = "the figure is what this is run for")]
fn measure(mib: usize, compare: bool) {
    let (repository, crc) = repository(mib);
    let (zip, most) = archived(&repository);
    check(&zip, u32::try_from(mib << 20).expect("below 4 GiB"), crc);
    if compare {
        oracle::zip::assert_same(&zip, &repository.zip(&[], BRANCH));
    }
    eprintln!("{mib} MiB: {} bytes of zip, at most {} MB of anonymous memory", zip.len(), most / 1_000_000);
    assert!((1 << 20..=192_000_000).contains(&most), "{most} bytes of anonymous memory");
}

#[tokio::test(flavor = "multi_thread")]
async fn above_the_threshold_it_is_streamed_as_git_does() {
    if std::env::var_os("LARGE").is_some() {
        measure(520, true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gigabytes_take_little_memory() {
    if std::env::var_os("LARGE").is_some() {
        measure(2047, false);
    }
}
