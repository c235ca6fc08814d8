#![doc = include_str!("../README.md")]

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
pub mod wildmatch;
pub mod work;
mod calendar;
mod sink;
mod packer;

pub use packer::{BIG_FILE, DEFAULT_LEVEL, ExtraFile, LFS_POINTER, PackedFile, Packer, lfs_warning, prefix_directory};
