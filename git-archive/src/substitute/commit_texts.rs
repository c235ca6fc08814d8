//! The texts of a commit for placeholders. Each is computed once per file, even if a format uses it many times.

use std::cell::OnceCell;

use bstr::BString;

use super::trailers::Trailers;
use crate::object::{Commit, ObjectId, message};

/// The number of digits of an id.
#[derive(Clone, Copy)]
pub(super) enum Digits {
    All,
    Abbreviated,
}

/// A commit and the parts of its message.
pub(super) struct CommitTexts<'c> {
    pub(super) commit: &'c Commit,
    abbreviation: usize,
    subject_line: OnceCell<BString>,
    file_name: OnceCell<Vec<u8>>,
    body: OnceCell<&'c [u8]>,
    trailers: OnceCell<Trailers<'c>>,
}

impl<'c> CommitTexts<'c> {
    pub(super) fn new(commit: &'c Commit, abbreviation: usize) -> Self {
        let (subject_line, file_name) = (OnceCell::new(), OnceCell::new());
        Self { commit, abbreviation, subject_line, file_name, body: OnceCell::new(), trailers: OnceCell::new() }
    }

    pub(super) fn raw(&self) -> &'c [u8] {
        message::raw(&self.commit.message)
    }

    pub(super) fn subject_line(&self) -> &[u8] {
        self.subject_line.get_or_init(|| self.commit.subject())
    }

    pub(super) fn file_name(&self) -> &[u8] {
        self.file_name.get_or_init(|| message::file_name(self.subject()))
    }

    pub(super) fn body(&self) -> &'c [u8] {
        self.body.get_or_init(|| message::body(self.subject()))
    }

    pub(super) fn trailers(&self) -> &Trailers<'c> {
        self.trailers.get_or_init(|| Trailers::of(self.subject()))
    }

    /// Returns an id in hexadecimal digits. Git never shows fewer than four.
    pub(super) fn id(&self, id: ObjectId, digits: Digits) -> String {
        let mut text = id.to_string();
        if let Digits::Abbreviated = digits {
            text.truncate(self.abbreviation.clamp(4, text.len()));
        }
        text
    }

    /// Returns the message from its first line that is not blank.
    fn subject(&self) -> &'c [u8] {
        message::subject(self.raw())
    }
}
