//! Contents and trees that several tests use.

use std::sync::OnceLock;

use crate::git::{Random, Tree};

/// The branch that most tests push to.
pub const BRANCH: &str = "refs/heads/feature/login";

/// Makes incompressible bytes.
pub fn noise(length: usize) -> &'static [u8] {
    static NOISE: OnceLock<Vec<u8>> = OnceLock::new();
    let noise = NOISE.get_or_init(|| {
        let mut random = Random::of("noise", 0);
        let words = std::iter::repeat_with(|| random.below(usize::MAX).to_le_bytes()[..7].to_vec());
        words.flatten().take(NOISE_LENGTH).collect()
    });
    &noise[..length]
}

const NOISE_LENGTH: usize = 5 << 20;

/// Makes a tree with every kind of entry, all kinds of attributes that archives know, and names that need git's
/// order.
pub fn every_kind() -> Tree {
    let mut tree = Tree::default();
    tree.add("README.md", "100644", "A line of text.\n".repeat(50));
    tree.add("empty", "100644", "");
    tree.add("run.sh", "100755", "#!/bin/sh\nexit 0\n");
    tree.add("link", "120000", "../../outside");
    tree.add("sub", "160000", "");
    tree.add("a.b", "100644", "before a/\n");
    tree.add("a/x", "100644", "in a\n");
    tree.add("a0", "100644", "after a/\n");
    tree.add("dir/deep/er/file", "100644", "down here\n");
    tree.add("dir/same", "100644", "A line of text.\n".repeat(50));
    tree.add("dir/zeros", "100644", vec![0; 70_000]);
    tree.add("n\u{e4}me \u{65e5}\u{672c} with spaces", "100644", "named\n");
    tree.add("noise", "100644", noise(1000));
    tree.add("hidden.secret", "100644", "ignored\n");
    tree.add("stamp", "100644", "$Format:%H %s$\n");
    tree.add(".gitattributes", "100644", "*.secret export-ignore\nstamp export-subst\n*.sh -diff\n");
    tree
}

/// Makes a tree of a few folders, with each kind of entry.
pub fn base() -> Tree {
    let mut tree = Tree::default();
    for (path, content) in [
        ("README.md", "Read me.\n".repeat(40)),
        ("a/x", "in a\n".to_owned()),
        ("a/y", "also in a\n".to_owned()),
        ("a.b", "before a/\n".to_owned()),
        ("b/c/d/deep", "deep\n".repeat(30)),
        ("b/c/d/other", "other\n".to_owned()),
        ("b/near", "near\n".to_owned()),
        ("only/one", "one\n".to_owned()),
        ("target", "to".to_owned()),
        ("nul", "binary\0\n".to_owned()),
    ] {
        tree.add(path, "100644", content);
    }
    tree.add("a/run.sh", "100755", "#!/bin/sh\r\nexit 0\r\n");
    tree.add("a/unix.txt", "100644", "one\ntwo\n");
    tree.add("stamp", "100644", "$Format:%H$\n");
    tree.add("link", "120000", "b/near");
    tree.add("sub", "160000", "");
    tree
}
