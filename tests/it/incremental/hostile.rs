//! Foreign or damaged archives at the key: their hashes do not match, and the result is as if they did not exist.

use bstr::ByteSlice as _;
use git_archive::deflate;

use super::world;
use crate::world::{BRANCH, World};
use oracle::noise;
use oracle::strip;
use oracle::{Random, Tree, trials};

/// Makes a few stored and some deflated contents, in two folders.
fn tree() -> Tree {
    let mut tree = Tree::default();
    tree.add("a/run.sh", "100755", "#!/bin/sh\nexit 0\n");
    tree.add("a/sub", "160000", "");
    tree.add("link", "120000", "a/run.sh");
    tree.add("long", "100644", "all work and no play\n".repeat(200));
    tree.add("noise", "100644", noise(3000));
    tree
}

/// A world that delivers again and again from the object at the key.
struct Target {
    world: World,
    /// Its own archive, built without the cache.
    cold: Vec<u8>,
}

impl Target {
    async fn new() -> Self {
        let world = world(&tree(), &[]);
        let cold = world.cold(world.tip()).await;
        Self { world, cold }
    }

    /// Checks that the content is right for any object at the key, and that reads of the object are limited.
    async fn withstands(&self, what: &str, object: Vec<u8>) {
        let length = object.len() as u64;
        self.world.place(object).await;
        let (_, zip) = self.world.deliver(BRANCH, self.world.tip()).await;
        if zip != self.cold {
            // The same content may be compressed differently.
            self.world.assert_is_gits(&zip, self.world.tip());
        }
        let read = self.world.read_back();
        assert!(read <= 4 * length + 1000, "{what}: {read} bytes were read of {length}");
        assert!(self.world.asked() <= 2 + 2 + 4, "{what}: {}", self.world.asked());
    }

    /// Returns the archive with one row changed.
    fn with_row(&self, path: &str, change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
        let rows = strip::rows(&self.cold).into_iter().map(|row| {
            let mut row = row.to_vec();
            if row[46..].starts_with_str(path) {
                change(&mut row);
            }
            row
        });
        strip::with_rows(&self.cold, rows)
    }
}

#[tokio::test]
async fn what_is_no_archive_of_ours() {
    let target = Target::new().await;
    let end = target.cold.rfind(b"PK\x05\x06").unwrap();
    for (what, object) in [
        ("nothing", Vec::new()),
        ("one byte", vec![b'P']),
        ("text", b"not a zip at all\n".repeat(100)),
        ("noise", noise(2_000_000).to_vec()),
        ("git's own", target.world.repository.zip(&[], BRANCH)),
        ("without a comment", target.world.repository.zip(&[], &format!("{BRANCH}^{{tree}}"))),
        ("an end alone", target.cold[end..].to_vec()),
        ("without its directory", target.cold[..strip::bounds(&target.cold).0].to_vec()),
        ("itself", target.cold.clone()),
        ("with something before it", [b"#!/bin/sh\n", &target.cold[..]].concat()),
        ("with something behind it", [&target.cold[..], b"\n"].concat()),
        ("twice", target.cold.repeat(2)),
    ] {
        target.withstands(what, object).await;
    }
}

#[tokio::test]
async fn truncated_anywhere() {
    let target = Target::new().await;
    for trial in 0..trials(12) {
        let length = Random::of("truncated", trial).below(target.cold.len());
        target.withstands(&format!("cut at {length}"), target.cold[..length].to_vec()).await;
        // A third is cut out of the middle, so the end is still there.
        let (from, to) = (length, length + (target.cold.len() - length) / 3);
        let object = [&target.cold[..from], &target.cold[to..]].concat();
        target.withstands(&format!("without {from}..{to}"), object).await;
    }
}

#[tokio::test]
async fn bytes_flipped_anywhere() {
    let target = Target::new().await;
    let directory = strip::bounds(&target.cold).0;
    for trial in 0..trials(40) {
        let mut random = Random::of("flipped", trial);
        let mut object = target.cold.clone();
        for _ in 0..=random.below(6) {
            // Half of the changes are in the directory, half in the data.
            let at = if random.one_in(2) {
                random.below(object.len())
            } else {
                directory + random.below(object.len() - directory)
            };
            object[at] ^= 1 << random.below(8);
        }
        target.withstands(&format!("trial {trial}"), object).await;
    }
}

/// Each row claims the same as another one: place, sizes, or tag.
#[tokio::test]
async fn rows_that_say_what_others_do() {
    let target = Target::new().await;
    let rows: Vec<Vec<u8>> = strip::rows(&target.cold).into_iter().map(<[u8]>::to_vec).collect();
    for trial in 0..trials(20) {
        let mut random = Random::of("swapped", trial);
        let mut swapped = rows.clone();
        for _ in 0..=random.below(5) {
            let (one, other) = (random.below(rows.len()), random.below(rows.len()));
            let (from, to) = *random.pick(&[(42, 46), (20, 28), (20, 24), (10, 12), (38, 42), (0, 26)]);
            if from > 0 {
                let field = swapped[other][from..to].to_vec();
                swapped[one][from..to].copy_from_slice(&field);
            } else if let (Some(at), Some(from)) = (strip::tag(&swapped[one]), strip::tag(&swapped[other])) {
                let tag = swapped[other][from..].to_vec();
                swapped[one][at..].copy_from_slice(&tag);
            } else {
                swapped.swap(one, other);
            }
        }
        target.withstands(&format!("trial {trial}"), strip::with_rows(&target.cold, swapped)).await;
    }
}

/// Extreme numbers in the fields for an entry's place and size.
#[tokio::test]
async fn sizes_and_places_that_lie() {
    let target = Target::new().await;
    for value in [0, 1, 0x7fff_ffff, 0xffff_ffff_u32] {
        for field in [20, 24, 42] {
            let object = target.with_row("", |row| row[field..field + 4].copy_from_slice(&value.to_le_bytes()));
            target.withstands(&format!("{field} is {value}"), object).await;
        }
    }
    for value in [0, 1, 0xfffe, 0xffff_u16] {
        for field in [28, 30, 32] {
            let object = target.with_row("long", |row| row[field..field + 2].copy_from_slice(&value.to_le_bytes()));
            target.withstands(&format!("{field} is {value}"), object).await;
        }
    }
}

#[tokio::test]
async fn an_end_that_lies() {
    let target = Target::new().await;
    let end = target.cold.rfind(b"PK\x05\x06").unwrap();
    for value in [0, u32::try_from(end).unwrap(), 0xffff_ffff] {
        for field in [12, 16] {
            let mut object = target.cold.clone();
            object[end + field..end + field + 4].copy_from_slice(&value.to_le_bytes());
            target.withstands(&format!("{field} is {value}"), object.clone()).await;
            // The zip64 end record before it is also wrong.
            for wide in [u64::MAX, u64::MAX - 50, u64::from(value)] {
                let mut record = [b"PK\x06\x06".as_slice(), &[0; 72]].concat();
                record[40..48].copy_from_slice(&wide.to_le_bytes());
                record[48..56].copy_from_slice(&wide.rotate_left(7).to_le_bytes());
                let object = [&object[..end], &record, &object[end..]].concat();
                target.withstands(&format!("{field} is {value}, wide {wide}"), object).await;
            }
        }
    }
}

/// A zip64 field of any length, in a row whose own fields refer to it.
#[tokio::test]
async fn zip64_fields_that_lie() {
    let target = Target::new().await;
    for length in [0, 7, 16, 24] {
        for value in [0, u64::MAX, u64::MAX - 38] {
            let object = target.with_row("", |row| {
                for field in [20, 24, 42] {
                    row[field..field + 4].fill(0xff);
                }
                let mut extra = vec![1, 0, u8::try_from(length).expect("it is small"), 0];
                extra.extend(u64::to_le_bytes(value).iter().cycle().take(length));
                let name = usize::from(row[28]);
                let whole = u16::from_le_bytes([row[30], row[31]]) + u16::try_from(extra.len()).expect("it is small");
                row[30..32].copy_from_slice(&whole.to_le_bytes());
                row.splice(46 + name..46 + name, extra);
            });
            target.withstands(&format!("{length} bytes of {value}"), object).await;
        }
    }
}

/// Checks a row that points at data with another id, which is after the real entries and has other sizes.
async fn pointed_at(target: &Target, what: &str, data: &[u8], size: u32) {
    let header = 30 + 9 + "long".len();
    let start = u32::try_from(strip::bounds(&target.cold).0).expect("a small archive");
    let object = target.with_row("long", |row| {
        row[20..24].copy_from_slice(&u32::try_from(data.len()).expect("it is small").to_le_bytes());
        row[24..28].copy_from_slice(&size.to_le_bytes());
        row[42..46].copy_from_slice(&start.to_le_bytes());
    });
    let (directory, end) = (start as usize, strip::bounds(&object).1);
    let data = [&vec![0; header], data].concat();
    let mut tail = object[end..].to_vec();
    tail[16..20].copy_from_slice(&(start + u32::try_from(data.len()).expect("it is small")).to_le_bytes());
    target.withstands(what, [&object[..directory], &data, &object[directory..end], &tail].concat()).await;
}

#[tokio::test]
async fn data_that_inflate_to_something_else() {
    let target = Target::new().await;
    let honest = "all work and no play\n".repeat(200);
    let deflated = deflate::deflate(honest.as_bytes(), 6).unwrap();
    let size = u32::try_from(honest.len()).unwrap();
    pointed_at(&target, "honest", &deflated, size).await;
    assert_eq!(target.world.counts(["GetFolder", "GetBlob"]), [0, 0], "the row is believed as far as it is true");
    let bomb = deflate::deflate(&vec![0; 16 << 20], 6).unwrap();
    for (what, data, size) in [
        ("garbage behind the stream", [&deflated[..], b"garbage"].concat(), size),
        ("two streams", deflated.repeat(2), size),
        ("a stream that is cut", deflated[..deflated.len() - 1].to_vec(), size),
        ("a size that is too small", deflated.clone(), size - 1),
        ("a size that is too large", deflated.clone(), size + 1),
        ("a bomb that says how large it is", bomb.clone(), 16 << 20),
        ("a bomb that says it is small", bomb.clone(), size),
        ("a bomb that says it is larger than is taken over", bomb.clone(), u32::MAX - 1),
        ("nothing", Vec::new(), size),
        ("nothing, and says so", Vec::new(), 0),
        ("no stream", noise(500).to_vec(), size),
    ] {
        pointed_at(&target, what, &data, size).await;
        assert_eq!(target.world.counts(["GetFolder", "GetBlob"])[0], 0, "{what}");
    }
}

/// More than 32 MiB of rows are not read at all.
#[tokio::test]
async fn a_directory_over_the_limit_is_not_read() {
    let target = Target::new().await;
    let mut row = strip::rows(&target.cold)[2].to_vec();
    row[28..30].copy_from_slice(&60_000_u16.to_le_bytes());
    let name = vec![b'n'; 60_000];
    row.splice(46..46 + "a/sub/".len(), name);
    let object = strip::with_rows(&target.cold, std::iter::repeat_n(row, 600));
    let length = object.len();
    assert!(length > 33 << 20);
    target.withstands("a large directory", object).await;
    assert_eq!(target.world.counts(["GetObject", "GetBlob"]), [1, 4]);
    assert!(target.world.read_back() <= 1 << 20);
}
