//! Made-up work in place of the preparation of entries: the same waits in the same order, without a source.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use git_archive::PackedFile;
use git_archive::Packer;
use git_archive::attributes::Attributes;
use git_archive::object::{Entry, Kind, ObjectId};
use git_archive::work::{Cancel, Work};
use git_archive::zip::DataHeader;
use oracle::Random;
use tokio::sync::Semaphore;

use super::entry_attributes::EntryAttributes;
use super::error::EntryError;
use super::repeated::{Repeated, Role};
use crate::gate::Gate;
use crate::memory::{Budget, Permit, Turn};

/// The state that all entries share.
pub(crate) struct Preparation {
    pub(crate) entries: Vec<Entry>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) gate: Arc<Gate>,
    packer: Packer,
    attributes: EntryAttributes,
    repeated: Repeated,
    cores: Semaphore,
    random: Mutex<Random>,
    /// The entry whose work fails, and whether it panics.
    fault: Option<(usize, bool)>,
}

pub(crate) struct Ready {
    pub(crate) index: usize,
    _permit: Option<Permit>,
}

impl Preparation {
    pub(crate) fn new(entries: Vec<Entry>, size: u64, fault: Option<(usize, bool)>, mut random: Random) -> Arc<Self> {
        let packer = packer();
        let attributes = EntryAttributes::of(&entries, &packer).expect("there are none");
        Arc::new(Self {
            repeated: Repeated::find(&entries, &attributes, &packer, size / 4),
            attributes,
            packer,
            budget: Budget::new(size),
            gate: Gate::growing(1 + random.below(3), 4),
            cores: Semaphore::new(1 + random.below(2)),
            random: Mutex::new(random),
            fault,
            entries,
        })
    }

    /// Some entries are ready without work.
    pub(crate) fn ready_now(&self, index: usize) -> Option<Result<Ready, EntryError>> {
        let (entry, attributes) = (&self.entries[index], self.attributes.get(index));
        let is_ready = index % 7 == 3 && !self.repeated.has(entry, attributes, &self.packer);
        is_ready.then_some(Ok(Ready { index, _permit: None }))
    }

    pub(crate) async fn entry(&self, index: usize) -> Result<Ready, EntryError> {
        match self.repeated.role(index, &self.entries[index], self.attributes.get(index), &self.packer).await {
            Role::Copy(_) => Ok(Ready { index, _permit: None }),
            Role::Alone => self.content(index).await.map(|(ready, _)| ready),
            Role::First(first) => {
                let content = self.content(index).await;
                first.offer(content.as_ref().ok().map(|(_, packed)| packed));
                content.map(|(ready, _)| ready)
            }
        }
    }

    /// Asks until the answer is not throttled, waits for bytes, sometimes asks once more, and works on a core.
    async fn content(&self, index: usize) -> Result<(Ready, PackedFile), EntryError> {
        let turn = Turn::new(&self.budget, index);
        loop {
            let slot = self.gate.enter().await;
            self.turns().await;
            let throttled = self.below(6) == 0;
            slot.answered(throttled);
            if throttled {
                continue;
            }
            turn.admit(1 + self.below(30) as u64).await;
            self.turns().await;
            if self.below(8) > 0 {
                break;
            }
        }
        let _core = self.cores.acquire().await.expect("it is never closed");
        self.turns().await;
        match self.fault {
            Some((at, panics)) if at == index => {
                assert!(!panics, "planted");
                return Err(EntryError::Failed);
            }
            _ => {}
        }
        let permit = turn.take().map(|mut permit| {
            permit.shrink(1);
            permit
        });
        Ok((Ready { index, _permit: permit }, packed(1 + self.below(3))))
    }

    /// Waits for some turns of the scheduler.
    async fn turns(&self) {
        for _ in 0..self.below(4) {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn below(&self, limit: usize) -> usize {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).below(limit)
    }
}

/// Makes the entry with this content.
pub(crate) fn entry(index: usize, kind: Kind, content: u8) -> Entry {
    Entry { path: format!("{index:04}").into(), kind, id: ObjectId::from_bytes_or_panic(&[content; 20]) }
}

pub(crate) fn packed(size: usize) -> PackedFile {
    PackedFile { content: DataHeader::NONE, data: Bytes::from(vec![0; size]), copied: false, warnings: Vec::new() }
}

pub(crate) fn packer() -> Packer {
    Packer {
        commit: None,
        attributes: Attributes::default(),
        abbreviation: 7,
        level: 6,
        deflate: |_, _| None,
        reuse_deflate: false,
        tagged: false,
        limit: 1 << 20,
        work: Work::new(Cancel::default(), 1_000_000),
    }
}
