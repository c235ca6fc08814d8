//! The function on the wire: an event in, real clients, an emulated AWS; and what goes wrong there.
//! `docs/reliability.md` maps each fault to its tests.

mod cache;
mod faults;
mod git;
mod model;
mod multipart;
mod names;
mod once;
mod pipeline;
mod run;
mod several;
mod upgrade;

use oracle::Tree;

/// Makes a tree of one file.
fn small() -> Tree {
    let mut tree = Tree::default();
    tree.add("file", "100644", "content\n");
    tree
}
