//! `codecommit man`: the manual pages, one for each command.

use std::path::Path;

use clap::CommandFactory as _;

use crate::arguments::Arguments;
use crate::output::Failure;

/// Writes `codecommit.1`, `codecommit-archive.1` and the others into a folder, which is created if it is missing.
pub(crate) fn write(folder: &Path) -> Result<(), Failure> {
    let written = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Arguments::command(), folder));
    written.map_err(|error| {
        let line = format!("failed to write the manual pages into {}: {error}", folder.display());
        Failure::of(line, "OutputFailed")
    })
}
