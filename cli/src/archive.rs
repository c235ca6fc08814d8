//! `codecommit archive`.

use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;

use codecommit::source::SourceOptions;
use codecommit::{self, Listed, Progress, Repository, Summary};
use git_archive::object::Kind;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::arguments::{Archive, Client};
use crate::client;
use crate::escape::quoted;
use crate::extra::Word;
use crate::output::{self, Failure, Printer};

pub(crate) async fn run(arguments: Archive, client: &Client, printer: &Printer) -> Result<(), Failure> {
    arguments.output.iter().filter(|_| arguments.format.is_none()).try_for_each(|path| check_name(path))?;
    if !arguments.list && arguments.output.is_none() && std::io::stdout().is_terminal() {
        let line = "failed to write the archive: standard output is a terminal; use -o FILE or a pipe";
        return Err(Failure::of(line, "OutputIsTerminal"));
    }
    let aws = client::connect(client).await?;
    let git_url = client::git_url(&aws, arguments.git_url.clone());
    let settings = SourceOptions { mode: arguments.source, git_url, ..SourceOptions::default() };
    let archive = Repository::new(&aws, &arguments.repository).archive(&arguments.treeish).source(settings);
    let archive = archive.reuse_deflate(arguments.reuse_deflate);
    let archive = with_options(archive, &arguments);
    if arguments.list {
        let (entries, summary) = archive.list().await.map_err(|error| failure(&error))?;
        printer.warn(&summary.warnings);
        return list(&entries, &summary, printer);
    }
    let bar = bar(printer);
    let archive = archive.progress({
        let bar = bar.clone();
        move |progress| show(&bar, progress)
    });
    let written = match &arguments.output {
        Some(path) => archive.to_file(path).await,
        None => archive.to_async_writer(tokio::io::stdout()).await,
    };
    bar.finish_and_clear();
    let summary = written.map_err(|error| failure(&error))?;
    printer.warn(&summary.warnings);
    match (printer.json, &arguments.output) {
        (false, _) => Ok(()),
        (true, Some(_)) => output::print_json(&described(&summary)),
        // The zip is on standard output.
        (true, None) => {
            output::note_json(&described(&summary));
            Ok(())
        }
    }
}

/// Refuses a file name that asks `git archive` for another format.
fn check_name(path: &Path) -> Result<(), Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if !name.split('.').skip(1).any(|part| part == "tar" || part == "tgz") {
        return Ok(());
    }
    let line = format!(
        "failed to write {}: its name asks for a tar, but the only format is zip; name it .zip, or add --format=zip \
         to write a zip under this name",
        path.display()
    );
    Err(Failure::of(line, "Usage"))
}

fn with_options<'a>(mut archive: codecommit::Archive<'a>, arguments: &Archive) -> codecommit::Archive<'a> {
    for word in &arguments.prefixed.0 {
        archive = match word {
            Word::Prefix(prefix) => archive.prefix(prefix.as_encoded_bytes()),
            Word::File(path) => archive.add_file(path),
            Word::Virtual(file) => archive.add_virtual_file(file.path.clone(), file.content.clone()),
        };
    }
    archive = archive.paths(arguments.paths.iter().map(|path| path.as_encoded_bytes()));
    archive = arguments.level.0.into_iter().fold(archive, codecommit::Archive::level);
    arguments.mtime.into_iter().fold(archive, codecommit::Archive::mtime)
}

fn failure(error: &codecommit::ArchiveError) -> Failure {
    if error.is_broken_pipe() { Failure::silent() } else { Failure::new(error, error.code()) }
}

/// Returns the bar, which shows on standard error if that is a terminal.
fn bar(printer: &Printer) -> ProgressBar {
    if printer.quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_message("reading the tree");
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn show(bar: &ProgressBar, progress: Progress) {
    if bar.length().is_none() {
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} entries, {msg}").expect("the template is fixed");
        bar.set_style(style);
        bar.set_length(progress.of);
    }
    bar.set_position(progress.entries);
    bar.set_message(indicatif::HumanBytes(progress.bytes).to_string());
}

fn list(entries: &[Listed], summary: &Summary, printer: &Printer) -> Result<(), Failure> {
    if printer.json {
        let entry = |entry: &Listed| {
            let id = entry.id.map(|id| id.to_string());
            json!({ "path": entry.path.to_string(), "kind": kind(entry.kind), "id": id })
        };
        let mut described = described(summary);
        described["list"] = entries.iter().map(entry).collect();
        return output::print_json(&described);
    }
    let lines: String = entries.iter().map(|entry| quoted(&entry.path) + "\n").collect();
    output::print(lines.as_bytes())
}

fn described(summary: &Summary) -> Value {
    json!({
        "commit": summary.commit.to_string(),
        "entries": summary.entries,
        "bytes": summary.bytes,
        "content_bytes": summary.content_bytes,
        "calls": summary.calls.by_operation,
        "throttled": summary.calls.throttled,
        "warnings": summary.warnings,
    })
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Directory => "directory",
        Kind::File => "file",
        Kind::Executable => "executable",
        Kind::Link => "link",
        Kind::Submodule => "submodule",
    }
}
