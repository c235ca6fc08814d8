//! Any `.gitattributes`, any path, any content: no panic, and what no attribute names stays as it is.
#![no_main]

use std::borrow::Cow;

use bstr::{BString, ByteSlice};
use git_archive::attributes::Attributes;
use git_archive::convert;
use git_archive::pathspec::Pathspecs;
use git_archive::object::{Kind, ObjectId};
use libfuzzer_sys::fuzz_target;

// The root's file, one below, a path, a pathspec and a content, with a NUL between them.
fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(5, |&byte| byte == 0);
    let mut next = || parts.next().unwrap_or_default();
    let (root, below, path, pathspec, content) = (next(), next(), next(), next(), next());
    let path = path.trim_start_with(|c| c == '/').as_bstr();
    if path.is_empty() {
        return;
    }
    let attributes = Attributes::new([(BString::default(), root.to_vec()), ("d".into(), below.to_vec())]);
    let of = attributes.of(path, false);
    let mut warnings = Vec::new();
    let converted = convert::convert(Cow::Borrowed(content), &of, ObjectId::null(gix_hash::Kind::Sha1), &mut warnings);
    if !convert::needs_conversion(&of) {
        assert_eq!(converted.expect("nothing to refuse"), content);
    }
    if let Ok(pathspecs) = Pathspecs::parse(&[pathspec.into()]) {
        pathspecs.matches(path, Kind::File, &attributes);
        pathspecs.may_match_under(path);
    }
});
