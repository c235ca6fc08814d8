//! Shared contents: the first entry prepares a content, and the others wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use git_archive::object::{Entry, Kind};
use oracle::Random;

use super::entry_attributes::EntryAttributes;
use super::prepare::{entry, packed, packer};
use super::repeated::{Repeated, Role};
use crate::every_schedule;
use crate::lockstep::{self, Work, below, point, wait};

struct Check {
    entries: Vec<Entry>,
    attributes: EntryAttributes,
    repeated: Repeated,
    copies: AtomicUsize,
}

impl Check {
    /// The first may fail, or end without an offer. Then the others work for themselves.
    fn entry(&self, index: usize, size: usize) {
        let packer = packer();
        let role = self.repeated.role(index, &self.entries[index], self.attributes.get(index), &packer);
        match wait(role, index > 0 && below(4) == 0) {
            Some(Role::First(first)) => {
                assert_eq!(index, 0, "the first in the order of the archive is first");
                for _ in 0..below(4) {
                    point();
                }
                match below(4) {
                    0 => drop(first),
                    1 => first.offer(None),
                    _ => first.offer(Some(&packed(size))),
                }
            }
            Some(Role::Copy(file)) => {
                assert_eq!(file.data.len(), size);
                self.copies.fetch_add(1, Ordering::SeqCst);
            }
            Some(Role::Alone) | None => {}
        }
    }
}

fn check(seed: u64) -> Result<(), String> {
    let mut random = Random::of("the entries", seed);
    let (room, size) = (random.below(4), 1 + random.below(4));
    let entries: Vec<_> = (0..2 + random.below(4)).map(|index| entry(index, Kind::File, 1)).collect();
    let attributes = EntryAttributes::of(&entries, &packer()).expect("there are none");
    let repeated = Repeated::find(&entries, &attributes, &packer(), room as u64);
    let check = Arc::new(Check { entries, attributes, repeated, copies: AtomicUsize::new(0) });
    let works = (0..check.entries.len()).map(|index| {
        let check = check.clone();
        Box::new(move || check.entry(index, size)) as Work
    });
    lockstep::run("shared contents", seed, works.collect())?;
    let copies = check.copies.load(Ordering::SeqCst);
    if size <= room || copies == 0 { Ok(()) } else { Err(format!("{copies} copies of what there was no room for")) }
}

#[test]
fn whoever_waits_for_a_shared_content_goes_on() {
    every_schedule(2000, check);
}
