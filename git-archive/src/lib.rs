//! git archive: the entries of a tree and the contents of its files → the entries of a zip.
//!
//! Pure: no AWS, no runtime, no clock. What goes in is data, what comes out goes through [`std::io::Write`].
//!
//! *Same as git*: entries and their order, kinds, modes, times, the comment, which files are deflated, attributes, conversions,
//! substitutions, pathspecs, prefix, extra files; with the same deflate the file is git's byte for byte.
//!
//! *Differs from git*: the deflate that ships is libdeflate (faster, slightly smaller); duplicate or unsorted trees are refused,
//! which git archives; what the API cannot tell of a commit stays unexpanded, with a warning (`docs/differences.md`).

pub mod object;
pub mod attributes;
pub mod pathspec;
pub mod names;
pub mod select;
pub mod convert;
pub mod substitute;
pub mod deflate;
pub mod zip;
pub mod central_directory;
mod packer;

pub use packer::{BIG_FILE, DEFAULT_LEVEL, ExtraFile, PackedFile, Packer, prefix_directory};
