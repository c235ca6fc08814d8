//! A commit, parsed as leniently as git parses it, and the parts of its message.

use bstr::{BString, ByteSlice};
use gix_hash::ObjectId;

use super::message;

/// The parts of a commit that an archive needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The requested id, which the rest was verified against.
    pub id: ObjectId,
    /// The root tree.
    pub tree: ObjectId,
    /// The parents, in stored order.
    pub parents: Vec<ObjectId>,
    /// The author.
    pub author: Signature,
    /// The committer; the time is that of every entry in the archive.
    pub committer: Signature,
    /// The whole message, as stored.
    pub message: BString,
}

impl Commit {
    /// Returns the first paragraph of the message on one line, as `%s` of `git log` does.
    ///
    /// ```
    /// use git_archive::object::{Commit, ObjectId};
    ///
    /// let text = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n\
    ///     author A <a@example.com> 1700000000 +0000\n\
    ///     committer A <a@example.com> 1700000000 +0000\n\
    ///     \n\
    ///     One subject\nin two lines\n\nThe body.\n";
    /// let commit = Commit::parse(ObjectId::null(gix_hash::Kind::Sha1), text)?;
    /// assert_eq!(commit.subject(), "One subject in two lines");
    /// # Ok::<(), git_archive::object::CommitError>(())
    /// ```
    pub fn subject(&self) -> BString {
        message::subject_line(message::subject(message::raw(&self.message)))
    }

    /// Returns whether the API replaced invalid UTF-8 with U+FFFD in any of the texts.
    pub fn is_garbled(&self) -> bool {
        let texts = [&self.message, &self.author.name, &self.author.email, &self.committer.name, &self.committer.email];
        texts.iter().any(|text| text.contains_str("\u{fffd}"))
    }
}

/// A name, an address and a time, as a commit carries them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The name.
    pub name: BString,
    /// The e-mail address, without its angle brackets.
    pub email: BString,
    /// Seconds since 1970-01-01 00:00 UTC.
    pub seconds: i64,
    /// Offset of the zone from UTC in minutes, positive to the east.
    pub offset_minutes: i32,
    /// True if there is a date with a time zone. Git shows no other date, but still uses its seconds as the time of
    /// entries.
    pub is_dated: bool,
}

/// The reason why a text is not a commit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A header that every commit has is missing or malformed.
    #[error("the commit has no valid {0} line")]
    Header(&'static str),
}

impl Commit {
    /// Parses the content of a commit object, without the `commit <size>` header that is hashed before it.
    ///
    /// The caller verifies that the content hashes to `id`.
    pub fn parse(id: ObjectId, data: &[u8]) -> Result<Self, CommitError> {
        let (headers, message) = split_message(data);
        let mut lines = headers.lines_with_terminator().map(trim_newline).peekable();
        let tree = lines.next().and_then(|line| id_after(line, b"tree ")).ok_or(CommitError::Header("tree"))?;
        let mut parents = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with(b"parent ")) {
            parents.push(id_after(line, b"parent ").ok_or(CommitError::Header("parent"))?);
        }
        let mut author = None;
        let mut committer = None;
        for line in lines {
            if let Some(rest) = line.strip_prefix(b"author ") {
                author.get_or_insert_with(|| Signature::parse(rest));
            } else if let Some(rest) = line.strip_prefix(b"committer ") {
                committer.get_or_insert_with(|| Signature::parse(rest));
            }
        }
        Ok(Self {
            id,
            tree,
            parents,
            author: author.ok_or(CommitError::Header("author"))?,
            committer: committer.ok_or(CommitError::Header("committer"))?,
            message: message.into(),
        })
    }
}

impl Signature {
    /// Parses `name <email> seconds zone`.
    ///
    /// As in git's `split_ident_line`, the e-mail ends at the first `>`, and the date begins after the last one.
    /// Without the brackets, there is no name and no e-mail.
    pub fn parse(line: &[u8]) -> Self {
        let (name, email) = line
            .split_once_str("<")
            .and_then(|(name, rest)| rest.split_once_str(">").map(|(email, _)| (name, email)))
            .unwrap_or_default();
        let date = line.rfind_byte(b'>').map_or(&b""[..], |end| line[end + 1..].trim_ascii_start());
        let (seconds, zone) = date.split_at(digits(date));
        let zone = zone.trim_ascii_start();
        let is_dated =
            !seconds.is_empty() && zone.first().is_some_and(|sign| b"+-".contains(sign)) && digits(&zone[1..]) > 0;
        Self {
            name: name.trim_ascii_end().into(),
            email: email.into(),
            seconds: number(seconds).unwrap_or(0),
            offset_minutes: if is_dated { number(&zone[..=digits(&zone[1..])]).map_or(0, minutes) } else { 0 },
            is_dated,
        }
    }
}

/// Counts the digits at the beginning of a text.
fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Splits the headers, with their last newline, from the message after the first empty line.
fn split_message(data: &[u8]) -> (&[u8], &[u8]) {
    match data.find("\n\n") {
        Some(end) => (&data[..=end], &data[end + 2..]),
        None => (data, b""),
    }
}

fn trim_newline(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

fn id_after(line: &[u8], keyword: &[u8]) -> Option<ObjectId> {
    ObjectId::from_hex(line.strip_prefix(keyword)?).ok()
}

fn number(word: &[u8]) -> Option<i64> {
    word.to_str().ok()?.parse().ok()
}

/// Converts a time zone to minutes: `-0730` is minus 7 hours and 30 minutes. Git accepts any number.
fn minutes(zone: i64) -> i32 {
    let minutes = (zone / 100).saturating_mul(60).saturating_add(zone % 100);
    i32::try_from(minutes).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> ObjectId {
        ObjectId::null(gix_hash::Kind::Sha1)
    }

    #[test]
    fn a_signed_merge_with_an_empty_line_in_its_message() {
        let text = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n\
            parent 1111111111111111111111111111111111111111\n\
            parent 2222222222222222222222222222222222222222\n\
            author A U Thor <a@example.com> 1700000000 -0730\n\
            committer C <> 1700000001 +0200\n\
            gpgsig -----BEGIN\n \n author not me\n -----END\n\
            \n\
            subject\n\nbody\n";
        let commit = Commit::parse(id(), text).unwrap();
        assert_eq!(commit.tree.to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
        assert_eq!(commit.parents.len(), 2);
        assert_eq!(commit.author.name, "A U Thor");
        assert_eq!(commit.author.email, "a@example.com");
        assert_eq!(commit.author.seconds, 1_700_000_000);
        assert_eq!(commit.author.offset_minutes, -450);
        assert_eq!(commit.committer.email, "");
        assert_eq!(commit.committer.offset_minutes, 120);
        assert_eq!(commit.message, "subject\n\nbody\n");
    }

    #[test]
    fn odd_signatures_are_read_as_git_reads_them() {
        for (line, name, email, seconds, is_dated) in [
            ("N <a> b> 12 +0000", "N", "a", 12, true),
            (" N \u{a0}< a@b >\t12\t+0000", " N \u{a0}", " a@b ", 12, true),
            ("N <a@b>", "N", "a@b", 0, false),
            ("N <a@b> soon", "N", "a@b", 0, false),
            ("N <a@b> 12", "N", "a@b", 12, false),
            ("N <a@b> 12+0130x", "N", "a@b", 12, true),
            ("N <a@b> 12 0130", "N", "a@b", 12, false),
            ("N <a@b> 1.5 +0000", "N", "a@b", 1, false),
            ("N <a@b> -5 +0000", "N", "a@b", 0, false),
            ("N <a@b> +12 +0000", "N", "a@b", 0, false),
            (" <> 99999999999999999999 +0000", "", "", 0, true),
            ("only a name", "", "", 0, false),
            ("no end <a@b 12 +0000", "", "", 0, false),
        ] {
            let parsed = Signature::parse(line.as_bytes());
            assert_eq!(parsed.name, name, "{line}");
            assert_eq!(parsed.email, email, "{line}");
            assert_eq!(parsed.seconds, seconds, "{line}");
            assert_eq!(parsed.is_dated, is_dated, "{line}");
        }
    }

    #[test]
    fn what_is_no_commit_is_refused() {
        for (text, header) in [
            ("", "tree"),
            ("tree 12\n\n", "tree"),
            ("tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nparent x\n\n", "parent"),
            ("tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n\nauthor x\n", "author"),
        ] {
            assert_eq!(Commit::parse(id(), text.as_bytes()), Err(CommitError::Header(header)), "{text}");
        }
    }
}
