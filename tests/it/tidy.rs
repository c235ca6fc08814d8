//! The rules of the repository: the documents match the code, and the rules of ARCHITECTURE.md hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The largest number of lines of a file. A longer file does several things.
const LINES: usize = 500;
/// The largest width of a line, as in rustfmt.toml.
const COLUMNS: usize = 120;

/// The sources of the deployed crates.
const CRATES: [&str; 3] = ["src", "codecommit/src", "git-archive/src"];

#[test]
fn every_error_code_is_explained_and_every_explained_code_exists() {
    let mut codes = BTreeSet::new();
    for (_, text) in CRATES.iter().flat_map(|folder| sources(folder)) {
        for body in text.split("fn code(&self) -> &'static str {").skip(1) {
            let body = body.split("\n    }\n").next().unwrap();
            codes.extend(quoted(body).filter(|word| word.chars().all(char::is_alphanumeric)).map(str::to_owned));
        }
    }
    assert!(
        codes.contains("SettingsInvalid") && codes.contains("GitDenied"),
        "the code is not read rightly: {codes:?}"
    );
    let explained = first_cells(&read("docs/errors.md"));
    assert_eq!(codes, explained, "the code on the left, docs/errors.md on the right");
}

#[test]
fn every_setting_is_described_and_every_described_setting_exists() {
    let readme = read("README.md");
    assert_eq!(
        settings(),
        first_cells(section(&readme, "Settings")),
        "src/config.rs on the left, README.md on the right"
    );
}

/// Each crate depends only on the layers below it: engine, client, Lambda, command line.
#[test]
fn the_floors_are_crates_and_no_arrow_runs_up() {
    let normal = |manifest: &str| {
        let text = read(manifest);
        let table = text.split("\n[dependencies]\n").nth(1).expect("it has dependencies").to_owned();
        let table = table.split("\n[").next().unwrap_or_default().to_owned();
        table.lines().filter_map(|line| line.split(['.', ' ', '=']).next()).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let engine = normal("git-archive/Cargo.toml");
    for foreign in ["aws", "tokio", "hyper", "lambda", "codecommit"] {
        assert!(!engine.iter().any(|name| name.starts_with(foreign)), "the engine depends on {foreign}: {engine:?}");
    }
    let client = normal("codecommit/Cargo.toml");
    assert!(client.contains("git-archive"));
    assert!(!client.iter().any(|name| name.contains("lambda") || name.contains("multibranch")), "{client:?}");
    assert!(normal("cli/Cargo.toml").contains("codecommit-multibranch"));
    let cli = read("cli/Cargo.toml");
    assert!(
        cli.contains("codecommit-multibranch = { path = \"..\", default-features = false }"),
        "without the runtime"
    );
}

#[test]
fn the_engine_knows_no_clock_and_plan_no_aws() {
    for (path, text) in sources("git-archive/src") {
        for word in ["Instant", "SystemTime"] {
            assert!(!code(&text).contains(word), "{} names {word}", path.display());
        }
    }
    let plan = code(&read("src/plan.rs"));
    for word in ["aws_", "codecommit::aws", "lambda_runtime", "tokio", "Instant", "SystemTime"] {
        assert!(!plan.contains(word), "src/plan.rs names {word}");
    }
}

#[test]
fn what_is_known_in_one_place_is_known_in_no_other() {
    let all: Vec<_> = CRATES.iter().flat_map(|folder| sources(folder)).collect();
    let only_in = |word: &str, rooms: &[&str]| {
        let mut found = false;
        for (path, text) in &all {
            let relative = path.strip_prefix(root()).unwrap().to_str().unwrap();
            let named = code(text).contains(word);
            found |= named;
            assert!(!named || rooms.contains(&relative), "{relative} names {word}");
        }
        assert!(found, "nobody names {word}: this test looks for the wrong word");
    };
    only_in("env::var", &["src/config.rs", "codecommit/src/aws/choice.rs"]);
    only_in("Diagnostic", &["src/main.rs"]);
    only_in("Client::from_conf", &["codecommit/src/aws.rs"]);
    only_in("aws_config", &["codecommit/src/aws.rs", "codecommit/src/aws/choice.rs"]);
    only_in("Aws::from_env", &["src/main.rs"]);
    only_in("println!", &["src/metrics.rs"]);
}

#[test]
fn files_are_short_and_finished() {
    let folders = ["src", "codecommit", "git-archive", "cli", "emulator", "tests"];
    let files: Vec<_> = folders.iter().flat_map(|folder| sources(folder)).collect();
    assert!(files.len() > 50);
    for (path, text) in files {
        let lines = text.lines().count();
        assert!(lines <= LINES, "{} has {lines} lines", path.display());
        for word in [concat!("todo", "!("), concat!("dbg", "!("), concat!("unimplemented", "!(")] {
            assert!(!text.contains(word), "{} has {word}", path.display());
        }
    }
}

/// One noun, one meaning: a name says which type of its crate is meant.
#[test]
fn no_two_types_of_a_crate_share_a_name() {
    for folder in ["src", "codecommit/src", "git-archive/src", "cli/src", "emulator/src"] {
        let mut places: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for (path, text) in sources(folder) {
            for name in code(&text).lines().filter_map(declared_type) {
                places.entry(name.to_owned()).or_default().push(path.clone());
            }
        }
        assert!(places.len() > 20, "{folder}");
        places.retain(|_, paths| paths.len() > 1);
        assert!(places.is_empty(), "{places:?}");
    }
}

/// Returns the type that a line declares at the top level of a module.
fn declared_type(line: &str) -> Option<&str> {
    let mut words = line.split(' ').skip_while(|word| word.starts_with("pub"));
    let is_type = matches!(words.next()?, "struct" | "enum" | "trait" | "type");
    is_type.then(|| words.next())?.and_then(|name| name.split(|c: char| !c.is_alphanumeric() && c != '_').next())
}

/// rustfmt does not wrap comments.
#[test]
fn no_comment_is_wider_than_the_code() {
    for (path, text) in
        ["src", "codecommit", "git-archive", "cli", "emulator", "tests", "benches"].map(sources).concat()
    {
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| line.trim_start().starts_with("//")) {
            let width = line.chars().count();
            assert!(width <= COLUMNS, "{}:{number} has {width} columns", path.display());
        }
    }
}

/// A checklist is useful only while its files exist.
#[test]
fn every_file_and_target_that_contributing_names_exists() {
    let text = read("CONTRIBUTING.md");
    let makefiles = read("Makefile") + &read("sam.mk") + &read("bench.mk");
    let mut files = 0;
    for name in coded(&text) {
        let is_path = !name.contains([' ', '=', '(']) && (name.contains('/') || name.contains(".md"));
        if is_path && !name.starts_with('.') && !name.starts_with("target") {
            assert!(root().join(name).exists(), "CONTRIBUTING.md names {name}");
            files += 1;
        }
    }
    assert!(files > 20, "only {files} files are named");
    let steps =
        makefiles.split("\nchecks := ").nth(1).and_then(|rest| rest.lines().next()).expect("the steps of a check");
    let named: Vec<_> = steps.split(' ').map(|step| format!("`{step}`")).collect();
    assert!(text.contains(&named.join(", ")), "CONTRIBUTING.md has other steps than make check: {steps}");
}

#[test]
fn links_and_commands_in_documents_lead_somewhere() {
    let makefiles = read("Makefile") + &read("sam.mk") + &read("bench.mk");
    for name in [
        "README.md",
        "SECURITY.md",
        "ARCHITECTURE.md",
        "BENCHMARKS.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "docs/deploy.md",
        "docs/differences.md",
        "docs/errors.md",
        "docs/feedback.md",
        "docs/untested.md",
        "emulator/README.md",
    ] {
        let text = read(name);
        let folder = root().join(name).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let file = if file.is_empty() { root().join(name) } else { folder.join(file) };
            assert!(link.starts_with("http") || file.exists(), "{name} links to {link}");
            assert!(heading.is_empty() || headings(&file).contains(heading), "{name} links to {link}");
        }
        for target in text.split("`make ").skip(1).filter_map(|rest| rest.split([' ', '`']).next()) {
            assert!(makefiles.contains(&format!("\n{target}:")), "{name} says make {target}");
        }
    }
}

/// Every guard and every outcome that a document names needs a test.
#[test]
fn every_test_that_a_table_names_exists() {
    let tests = all_tests();
    for (document, heading, count) in [("SECURITY.md", "Threats", 20), ("docs/reliability.md", "Faults", 52)] {
        let text = read(document);
        let rows: Vec<_> = section(&text, heading).lines().filter(|line| line.starts_with("| ")).skip(1).collect();
        for (index, row) in rows.iter().enumerate() {
            let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            assert_eq!((cells.len(), cells[0]), (4, &*(index + 1).to_string()), "{document}: {row}");
            assert!(cells[3].contains('`'), "{document} names no test in row {}", index + 1);
            for name in coded(cells[3]) {
                let exists = ["fn ", "def "].iter().any(|word| tests.contains(&format!("{word}{name}(")));
                assert!(exists, "{document} names the test {name}");
            }
        }
        assert_eq!(rows.len(), count, "{document}");
    }
}

/// Returns the text of all tests.
fn all_tests() -> String {
    let folders = ["tests", "src", "codecommit", "git-archive", "cli", "emulator"];
    let mut tests: String = folders.iter().flat_map(|folder| sources(folder)).map(|(_, text)| text).collect();
    for file in root().join("stack/tests").read_dir().expect("a folder").flatten() {
        tests.push_str(&std::fs::read_to_string(file.path()).unwrap_or_default());
    }
    tests
}

/// Returns the variables that src/config.rs reads, and the one that the runtime's subscriber reads.
pub(super) fn settings() -> BTreeSet<String> {
    let config = read("src/config.rs");
    let asked = config.split("checked(").skip(1).filter_map(|call| quoted(call).next());
    let ours = asked.filter(|name| !name.starts_with("AWS_"));
    ours.chain(["RUST_LOG"]).map(str::to_owned).collect()
}

/// Returns the Rust files of a folder and its subfolders, with their texts.
pub(super) fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().expect("a folder of this repository") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a text");
                found.push((path, text));
            }
        }
    }
    found
}

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(super) fn read(name: &str) -> String {
    let path = root().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the text without its comments.
pub(super) fn code(text: &str) -> String {
    let lines = text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the texts between quotation marks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2)
}

/// Returns the code spans in the first cells of all tables.
pub(super) fn first_cells(text: &str) -> BTreeSet<String> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    rows.flat_map(coded).map(str::to_owned).collect()
}

/// Returns the code spans of a text.
pub(super) fn coded(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Returns a section of a document, with its subsections.
pub(super) fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let rest = document.split(&format!("\n## {heading}\n")).nth(1).expect("the document has the section");
    rest.split("\n## ").next().unwrap_or_default()
}

/// Returns the anchors of a document's headings, as on the web.
fn headings(path: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(path).expect("a text");
    let headings =
        text.lines().filter_map(|line| line.strip_prefix('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        heading.to_lowercase().replace(' ', "-").replace(|c: char| !c.is_alphanumeric() && c != '-', "")
    };
    headings.map(anchor).collect()
}
