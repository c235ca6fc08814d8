//! A commit object's own text, read as leniently as git reads it.

use bstr::ByteSlice;
use gix_hash::ObjectId;

use super::{Commit, Signature};

/// Why an object's text is not a commit's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A header that every commit has is missing or malformed.
    #[error("the commit has no valid {0} line")]
    Header(&'static str),
}

impl Commit {
    /// Reads the text of a commit object (without the `commit <size>` header that goes before it in the hash).
    /// That `data` hashes to `id` is for the caller to prove.
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
    /// Reads `name <email> seconds zone`. As in git's `split_ident_line`, the e-mail ends at the first `>` and the date begins
    /// after the last; without the brackets there is neither name nor e-mail.
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

/// How many digits a text begins with.
fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The headers with their last newline, and the message behind the first empty line.
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

/// `-0730` is minus 7 hours and 30 minutes; git computes with whatever number is there.
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
