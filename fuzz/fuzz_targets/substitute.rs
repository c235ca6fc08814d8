//! Any content of a file, any commit: no panic, and what has no `$Format:` stays as it is.
#![no_main]

use std::borrow::Cow;

use bstr::ByteSlice;
use git_archive::substitute::substitute;
use git_archive::object::{Commit, ObjectId};
use libfuzzer_sys::fuzz_target;

// The text of a commit behind its tree, and a format, with a NUL between them.
fuzz_target!(|data: &[u8]| {
    let (text, format) = data.split_once_str("\0").unwrap_or((b"", data));
    let null = ObjectId::null(gix_hash::Kind::Sha1);
    let text = [b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n", text].concat();
    let whole = b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a@b> 1 +0000\ncommitter C <c@d> 2 -0130\n\nSubject\n\nBody\n";
    let commit = Commit::parse(null, &text).or_else(|_| Commit::parse(null, whole)).expect("the second is whole");
    let mut warnings = Vec::new();
    let plain = substitute(Cow::Borrowed(format), &commit, 7, &mut warnings);
    if !format.contains_str("$Format:") {
        assert_eq!(plain, format);
    }
    let content = [b"before $Format:", format, b"$ after"].concat();
    substitute(Cow::Owned(content), &commit, 7, &mut warnings);
});
