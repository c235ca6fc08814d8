//! The attributes of all entries of an archive: each is looked up once, and equal ones share their memory.

use std::collections::HashMap;

use bstr::BString;
use git_archive::Packer;
use git_archive::attributes::PathAttributes;
use git_archive::object::Entry;
use git_archive::work::Stopped;

/// The attributes of each entry.
pub(super) struct EntryAttributes {
    distinct: Vec<PathAttributes>,
    /// The place of each entry's attributes in `distinct`. Empty if all entries have the same.
    places: Vec<u32>,
}

impl EntryAttributes {
    /// Looks up the attributes of all entries. An error has the path at which the work was stopped.
    pub(super) fn of(entries: &[Entry], packer: &Packer) -> Result<Self, (BString, Stopped)> {
        if packer.attributes.is_empty() {
            return Ok(Self { distinct: vec![PathAttributes::default()], places: Vec::new() });
        }
        let mut numbers: HashMap<PathAttributes, u32> = HashMap::new();
        let mut places = Vec::with_capacity(entries.len());
        for entry in entries {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            let attributes = packer.attributes_of(entry).map_err(|stopped| (entry.path.clone(), stopped))?;
            places.push(*numbers.entry(attributes).or_insert(next));
        }
        let mut distinct: Vec<_> = numbers.into_iter().collect();
        distinct.sort_unstable_by_key(|(_, number)| *number);
        Ok(Self { distinct: distinct.into_iter().map(|(attributes, _)| attributes).collect(), places })
    }

    /// Returns the attributes of an entry.
    pub(super) fn get(&self, index: usize) -> &PathAttributes {
        &self.distinct[self.places.get(index).map_or(0, |place| *place as usize)]
    }
}
