//! Contents that several entries have. The first of them reads and compresses the content, which is kept for the
//! others while there is space.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use super::entry_attributes::EntryAttributes;
use git_archive::attributes::PathAttributes;
use git_archive::object::{Entry, ObjectId};
use git_archive::{PackedFile, Packer};

/// The key of equal entries: the content, and the text bit if the attributes decide it.
type Shared = (ObjectId, Option<bool>);

/// The contents that several entries of an archive have.
pub(super) struct Repeated {
    contents: HashMap<Shared, Content>,
    /// The bytes that may still be kept until the archive is written.
    room: AtomicU64,
}

struct Content {
    first: usize,
    state: watch::Sender<State>,
}

#[derive(Debug, Clone)]
enum State {
    /// The first entry is being prepared.
    Pending,
    /// The data are kept for the other entries.
    Kept(PackedFile),
    /// There is no space for the data, or they could not be read. Each entry prepares its own.
    NotKept,
}

/// The task of an entry that repeats a content.
pub(super) enum Role<'a> {
    /// The entry prepares the content, and offers it to the others.
    First(First<'a>),
    /// The entry takes the content that was kept.
    Copy(PackedFile),
    /// The entry prepares the content for itself.
    Alone,
}

/// The first entry with a repeated content.
pub(super) struct First<'a> {
    repeated: &'a Repeated,
    content: &'a Content,
}

impl Repeated {
    /// Finds the contents that occur under several paths and that no path converts.
    pub(super) fn find(entries: &[Entry], attributes: &EntryAttributes, packer: &Packer, room: u64) -> Self {
        let mut first = HashMap::new();
        let mut contents = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            let Some(shared) = shared(entry, attributes.get(index), packer) else { continue };
            if let Some(first) = first.insert(shared, index) {
                contents.entry(shared).or_insert_with(|| Content { first, state: watch::Sender::new(State::Pending) });
            }
        }
        Self { contents, room: AtomicU64::new(room) }
    }

    /// Returns whether other entries have the same content.
    pub(super) fn has(&self, entry: &Entry, attributes: &PathAttributes, packer: &Packer) -> bool {
        shared(entry, attributes, packer).is_some_and(|shared| self.contents.contains_key(&shared))
    }

    /// Returns the role of an entry. Waits for the first entry with the same content, if this is another one.
    pub(super) async fn role(
        &self,
        index: usize,
        entry: &Entry,
        attributes: &PathAttributes,
        packer: &Packer,
    ) -> Role<'_> {
        let content = shared(entry, attributes, packer).and_then(|shared| self.contents.get(&shared));
        let Some(content) = content else { return Role::Alone };
        if content.first == index {
            return Role::First(First { repeated: self, content });
        }
        let mut updates = content.state.subscribe();
        let settled = updates.wait_for(|now| !matches!(now, State::Pending)).await;
        match settled.map(|now| now.clone()) {
            Ok(State::Kept(file)) => Role::Copy(file),
            _ => Role::Alone,
        }
    }
}

impl First<'_> {
    /// Keeps the content for the other entries, if it was read and there is space for it.
    pub(super) fn offer(&self, packed: Option<&PackedFile>) {
        let kept = packed.filter(|packed| {
            let size = packed.data.len() as u64;
            let taken = |left: u64| left.checked_sub(size);
            self.repeated.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
        });
        self.content.state.send_replace(kept.map_or(State::NotKept, |packed| State::Kept(packed.clone())));
    }
}

impl Drop for First<'_> {
    /// Lets the others go on if this entry ends without an offer.
    fn drop(&mut self) {
        self.content.state.send_if_modified(|state| {
            let is_open = matches!(state, State::Pending);
            if is_open {
                *state = State::NotKept;
            }
            is_open
        });
    }
}

/// Returns the key that equal entries share. Returns `None` if the data cannot be shared: the entry has no content,
/// is converted, or is a link, which is never compressed.
fn shared(entry: &Entry, attributes: &PathAttributes, packer: &Packer) -> Option<Shared> {
    if !entry.kind.is_file() {
        return None;
    }
    if !packer.keeps_content(entry, attributes) {
        return None;
    }
    let (if_text, if_binary) = (packer.text_bit(attributes, b""), packer.text_bit(attributes, b"\0"));
    Some((entry.id, (if_text == if_binary).then_some(if_text)))
}
