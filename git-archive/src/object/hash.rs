//! How Git names an object: SHA-1 over its kind, its size and its bytes.

use bstr::BString;
use gix_hash::ObjectId;
use sha1::{Digest, Sha1};

use super::Kind;

/// The id of the tree without entries.
pub const EMPTY_TREE: [u8; 20] = [
    0x4b, 0x82, 0x5d, 0xc6, 0x42, 0xcb, 0x6e, 0xb9, 0xa0, 0x60, 0xe5, 0x4b, 0xf8, 0xd6, 0x92, 0x88, 0xfb, 0xee, 0x49,
    0x04,
];

/// The id of a blob with this content.
pub fn blob_id(content: &[u8]) -> ObjectId {
    object_id("blob", content)
}

/// The id of the tree that has exactly these entries, in whatever order they are given.
pub fn tree_id(entries: &mut [(Kind, BString, ObjectId)]) -> ObjectId {
    entries.sort_by(|a, b| sort_key(a).cmp(sort_key(b)));
    let mut bytes = Vec::new();
    for (kind, name, id) in entries {
        bytes.extend_from_slice(mode(*kind));
        bytes.push(b' ');
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(id.as_bytes());
    }
    object_id("tree", &bytes)
}

fn object_id(kind: &str, content: &[u8]) -> ObjectId {
    let mut hasher = Sha1::new();
    hasher.update(format!("{kind} {}\0", content.len()));
    hasher.update(content);
    ObjectId::from_bytes_or_panic(&hasher.finalize())
}

/// Git sorts a folder as if its name ended in a slash; a submodule is a plain name.
fn sort_key((kind, name, _): &(Kind, BString, ObjectId)) -> impl Iterator<Item = u8> {
    let slash = (*kind == Kind::Directory).then_some(b'/');
    name.iter().copied().chain(slash)
}

fn mode(kind: Kind) -> &'static [u8] {
    match kind {
        Kind::Directory => b"40000",
        Kind::File => b"100644",
        Kind::Executable => b"100755",
        Kind::Link => b"120000",
        Kind::Submodule => b"160000",
    }
}
