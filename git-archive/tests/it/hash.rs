//! Object ids against git, and the published pair of colliding messages.

use git_archive::object::hash::{CollisionAttack, Hasher, blob_id, tree_id};
use git_archive::object::{Entry, ObjectId};

use oracle::{CommitText, Repository, every_kind};

/// The chosen-prefix collision of "SHA-1 is a Shambles" (Leurent and Peyrin, 2020), as `sha1dc` ships it for its tests.
const COLLIDING: [&[u8]; 2] = [include_bytes!("hash/sha-mbles-1.bin"), include_bytes!("hash/sha-mbles-2.bin")];

#[test]
fn a_colliding_pair_is_refused() {
    let digest = ObjectId::from_hex(b"8ac60ba76f1999a1ab70223f225aefdc78d4ddc0").expect("an id");
    assert_ne!(COLLIDING[0], COLLIDING[1]);
    for message in COLLIDING {
        for piece in [1, 63, 64, 640] {
            let mut hasher = Hasher::of_bytes();
            message.chunks(piece).for_each(|piece| hasher.update(piece));
            let refused = hasher.finish().expect_err("it is an attack");
            assert_eq!(refused, CollisionAttack { digest });
            assert_eq!(
                refused.to_string(),
                "the content that hashes to 8ac60ba76f1999a1ab70223f225aefdc78d4ddc0 is part of a SHA-1 collision attack"
            );
        }
        // Without the last block, there is no collision yet. With a header before it, there is none at all.
        let mut hasher = Hasher::of_bytes();
        hasher.update(&message[..512]);
        hasher.finish().expect("no collision");
        blob_id(message).expect("no collision");
    }
}

#[test]
fn ids_are_gits() {
    let tree = every_kind();
    let repository = Repository::import(&tree.commit("refs/heads/t", &CommitText::default()));
    let entries = repository.entries("t");
    let is_at_root = |entry: &&Entry| !entry.path.contains(&b'/');
    let mut root: Vec<_> =
        entries.iter().filter(is_at_root).map(|entry| (entry.kind, entry.path.clone(), entry.id)).collect();
    root.reverse();
    assert_eq!(tree_id(&mut root), Ok(repository.id("t^{tree}")));
    for entry in &entries {
        if let Some((mode, content)) = tree.0.get(&entry.path).filter(|(mode, _)| *mode != "160000") {
            assert_eq!(blob_id(content), Ok(entry.id), "{mode} {}", entry.path);
        }
    }
}
