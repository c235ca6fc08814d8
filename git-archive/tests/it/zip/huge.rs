//! Archives over 4 GiB without writing 4 GiB: the data of large entries is generated and not kept.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

use bstr::{BStr, ByteSlice as _};
use git_archive::object::Kind;
use git_archive::zip::{DataHeader, Member, Method, Writer};

use oracle::zip::{u16_at, u32_at, u64_at};

const GIB_4: u64 = 1 << 32;
static ZEROS: [u8; 1 << 20] = [0; 1 << 20];

/// A file of zeros, except for the small writes.
#[derive(Default)]
struct Sparse {
    length: u64,
    kept: BTreeMap<u64, Vec<u8>>,
    position: u64,
}

impl Write for Sparse {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.as_ptr() != ZEROS.as_ptr() {
            self.kept.insert(self.length, bytes.to_vec());
        }
        self.length += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Sparse {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut taken = 0;
        while taken < into.len() && self.position < self.length {
            into[taken] = self.at(self.position);
            taken += 1;
            self.position += 1;
        }
        Ok(taken)
    }
}

impl Seek for Sparse {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

impl Sparse {
    fn at(&self, position: u64) -> u8 {
        let (start, piece) = self.kept.range(..=position).next_back().expect("a header is at the start");
        usize::try_from(position - start).ok().and_then(|offset| piece.get(offset)).copied().unwrap_or(0)
    }

    /// Returns the bytes that the container wrote at a place, if they are adjacent.
    fn from(&self, place: u64, length: usize) -> Vec<u8> {
        (place..place + length as u64).map(|position| self.at(position)).collect()
    }
}

fn member(path: &str) -> Member<'_> {
    Member { path: BStr::new(path), kind: Kind::File, extra: &[] }
}

fn content(size: u64) -> DataHeader {
    DataHeader { method: Method::Stored, crc: 0x1234_5678, size, compressed: size, text: false }
}

/// Makes an archive with a file of this size, and a small file after it.
fn archive(size: u64, streamed: bool) -> Sparse {
    let mut zip = Writer::new(Sparse::default(), 1_700_000_000);
    let mut large = if streamed {
        zip.stream(member("large"), Method::Stored, size)
    } else {
        zip.sized(member("large"), content(size))
    }
    .expect("it takes all");
    let mut left = size;
    while left > 0 {
        let now = left.min(ZEROS.len() as u64);
        large.chunk(&ZEROS[..usize::try_from(now).expect("a MiB")]).expect("it takes all");
        left -= now;
    }
    large.end(content(size)).expect("it takes all");
    zip.member(member("small"), content(5), b"small").expect("it takes all");
    zip.finish(None).expect("it takes all")
}

/// The crate `zip` reads the sizes and offsets.
#[test]
fn another_reader_finds_large_entries() {
    for size in [GIB_4 - 2, GIB_4 - 1, GIB_4, GIB_4 + 1, 5 * GIB_4 / 4] {
        for streamed in [false, true] {
            let mut zip = zip::ZipArchive::new(archive(size, streamed)).expect("a zip");
            let large = zip.by_index_raw(0).expect("an entry");
            assert_eq!((large.size(), large.compressed_size(), large.crc32()), (size, size, 0x1234_5678), "{streamed}");
            drop(large);
            let mut small = zip.by_index_raw(1).expect("an entry");
            assert!(small.header_start() > size, "{size} {streamed}");
            let mut data = Vec::new();
            small.read_to_end(&mut data).expect("its data");
            assert_eq!(data, b"small", "{size} {streamed}");
        }
    }
}

#[test]
fn a_large_entry_has_zip64_fields_everywhere() {
    let size = GIB_4 + 7;
    let zip = archive(size, false);
    let local = zip.from(0, 30 + 5 + 29);
    assert_eq!((u16_at(&local, 4), u16_at(&local, 6)), (45, 0), "version and flags");
    assert_eq!((u32_at(&local, 18), u32_at(&local, 22)), (u32::MAX, u32::MAX), "sizes");
    assert_eq!((u16_at(&local, 26), u16_at(&local, 28)), (5, 29), "lengths");
    let zip64 = &local[30 + 5 + 9..];
    assert_eq!((u16_at(zip64, 0), u16_at(zip64, 2), u64_at(zip64, 4), u64_at(zip64, 12)), (1, 16, size, size));

    let end = zip.from(zip.length - 22, 22);
    assert_eq!(u32_at(&end, 0), 0x0605_4b50);
    assert_eq!((u16_at(&end, 10), u32_at(&end, 16)), (2, u32::MAX), "entries and place of the directory");
    let locator = zip.from(zip.length - 42, 20);
    assert_eq!((u32_at(&locator, 0), u32_at(&locator, 16)), (0x0706_4b50, 1));
    let wide_end = zip.from(u64_at(&locator, 8), 56);
    assert_eq!((u32_at(&wide_end, 0), u64_at(&wide_end, 4), u64_at(&wide_end, 32)), (0x0606_4b50, 44, 2));

    let first = zip.from(u64_at(&wide_end, 48), 46 + 5 + 9 + 20);
    assert_eq!((u32_at(&first, 0), u16_at(&first, 6), u16_at(&first, 30)), (0x0201_4b50, 45, 29));
    let zip64 = &first[46 + 5 + 9..];
    assert_eq!((u16_at(zip64, 0), u16_at(zip64, 2), u64_at(zip64, 4), u64_at(zip64, 12)), (1, 16, size, size));
    let second = zip.from(u64_at(&wide_end, 48) + first.len() as u64, 46 + 5 + 9 + 12);
    assert_eq!((u32_at(&second, 0), u16_at(&second, 6), u32_at(&second, 42)), (0x0201_4b50, 10, u32::MAX));
    let zip64 = &second[46 + 5 + 9..];
    let offset = 30 + 5 + 29 + size;
    assert_eq!((u16_at(zip64, 0), u16_at(zip64, 2), u64_at(zip64, 4)), (1, 8, offset), "only the offset is wide");
}

#[test]
fn the_descriptor_of_a_large_stream_is_wide_and_of_a_small_one_is_not() {
    for (size, wide) in [(GIB_4 + 7, true), (3 << 20, false)] {
        let zip = archive(size, true);
        let local = zip.from(0, 30);
        assert_eq!((u16_at(&local, 6), u32_at(&local, 14)), (8, 0), "flag and checksum are for later");
        let extra = u64::from(u16_at(&local, 28));
        let descriptor = zip.from(30 + 5 + extra + size, 28);
        assert_eq!((u32_at(&descriptor, 0), u32_at(&descriptor, 4)), (0x0807_4b50, 0x1234_5678));
        let next = if wide {
            assert_eq!((u64_at(&descriptor, 8), u64_at(&descriptor, 16)), (size, size));
            &descriptor[24..]
        } else {
            assert_eq!((u64::from(u32_at(&descriptor, 8)), u64::from(u32_at(&descriptor, 12))), (size, size));
            &descriptor[16..]
        };
        assert!(next.starts_with_str("PK\x03\x04"), "{next:?}");
    }
}
