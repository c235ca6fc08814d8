//! Limits on the cost of a hostile push. They count steps and bytes, not seconds.

use std::borrow::Cow;
use std::fmt::Write as _;

use bstr::{BString, ByteSlice};
use git_archive::attributes::{Attributes, PathAttributes, State};
use git_archive::convert::{Bounds, ConvertError, convert};
use git_archive::object::{Commit, Entry, Kind, ObjectId, Signature};
use git_archive::pathspec::Pathspecs;
use git_archive::select::{SelectError, select};
use git_archive::substitute::substitute;
use git_archive::wildmatch::STEPS;
use git_archive::work::{Cancel, DEFAULT_STEPS, Stopped, Work};

const MIB: usize = 1 << 20;

fn root(lines: impl Into<Vec<u8>>) -> [(BString, Vec<u8>); 1] {
    [(BString::default(), lines.into())]
}

fn entry(path: &str) -> Entry {
    let id = ObjectId::null(gix_hash::Kind::Sha1);
    Entry {
        path: path.trim_end_matches('/').into(),
        kind: if path.ends_with('/') { Kind::Directory } else { Kind::File },
        id,
    }
}

fn commit(message: impl Into<Vec<u8>>) -> Commit {
    let id = ObjectId::null(gix_hash::Kind::Sha1);
    let person = Signature::parse(b"A <a@example.com> 1700000000 +0000");
    let message = BString::from(message.into());
    Commit { id, tree: id, parents: Vec::new(), author: person.clone(), committer: person, message }
}

/// Expands a format within a limit. Returns the result and the number of steps.
fn expanded(format: &str, message: Vec<u8>, limit: usize) -> (Result<usize, ConvertError>, u64) {
    let work = Work::default();
    let bounds = Bounds { limit: limit as u64, work: &work };
    let content = format!("$Format:{format}$").into_bytes();
    let output = substitute(Cow::Owned(content), &commit(message), 12, bounds, &mut Vec::new());
    (output.map(|output| output.len()), work.spent())
}

fn too_large(limit: usize) -> ConvertError {
    ConvertError::TooLarge { limit: limit as u64 }
}

#[test]
fn doubled_stars_in_attributes_end_after_the_steps_of_one_path() {
    let work = Work::default();
    let attributes = Attributes::new(root("**/".repeat(44) + "x text\n"), &work).expect("little work");
    let path = BString::from("a/".repeat(60) + "b");
    assert_eq!(attributes.of(path.as_ref(), false, &work), Err(Stopped::TooMuchWork));
    assert!(work.spent() <= STEPS + 100, "{}", work.spent());
}

#[test]
fn a_thousand_macros_of_two_hundred_attributes_cost_what_matters_to_archives() {
    let mut lines = String::new();
    for number in 0..1000 {
        let names: Vec<_> = (0..200).map(|attribute| format!("x{attribute}")).collect();
        writeln!(lines, "[attr]m{number} {}", names.join(" ")).expect("a string takes all");
    }
    for number in 0..1000 {
        writeln!(lines, "* m{number}").expect("a string takes all");
    }
    let work = Work::default();
    let attributes = Attributes::new(root(lines), &work).expect("little work");
    let before = work.spent();
    for file in 0..100 {
        let path = BString::from(format!("d/{file}"));
        assert_eq!(attributes.of(path.as_ref(), false, &work), Ok(PathAttributes::default()));
    }
    // One step for each matching line, and one for its assignment.
    assert!(work.spent() - before <= 100 * 2 * 1010, "{}", work.spent() - before);
}

#[test]
fn macros_that_lead_to_each_other_are_expanded_once_a_path() {
    let mut lines = String::new();
    for number in 0..300 {
        let others: Vec<_> = (0..150).map(|other| format!("m{}", (number + other) % 300)).collect();
        writeln!(lines, "[attr]m{number} text {}", others.join(" ")).expect("a string takes all");
    }
    lines.push_str("* m0\n");
    let work = Work::default();
    let attributes = Attributes::new(root(lines), &work).expect("little work");
    let before = work.spent();
    assert_eq!(attributes.of("a".into(), false, &work).map(|of| of.text), Ok(State::Set));
    assert!(work.spent() - before <= 300 * 151 + 10, "{}", work.spent() - before);
}

#[test]
fn ten_thousand_patterns_cost_a_few_steps_each_and_all_paths_together_have_a_limit() {
    let lines = (0..10_000).map(|number| format!("dir{number}/*/x{number}.c text\n")).collect::<Vec<_>>().concat();
    let work = Work::default();
    let attributes = Attributes::new(root(lines), &work).expect("little work");
    let of_one = Work::default();
    attributes.of("a/b/c".into(), false, &of_one).expect("little work");
    assert!(of_one.spent() <= 10_010, "{}", of_one.spent());
    let limited = Work::new(Cancel::default(), 100_000);
    let asked = (0..50_000).take_while(|_| attributes.of("a/b/c".into(), false, &limited).is_ok()).count();
    assert!(asked < 11, "{asked}");
}

#[test]
fn attributes_take_memory_in_proportion_to_their_files() {
    let unique = (0..100_000).map(|number| format!("a x{number}\n")).collect::<Vec<_>>().concat();
    let values = (0..100_000).map(|number| format!("a text={number}\n")).collect::<Vec<_>>().concat();
    let macros = (0..100_000).map(|number| format!("[attr]m{number} text\n")).collect::<Vec<_>>().concat();
    for (lines, most) in [("a b\n".repeat(250_000), 8), (unique, 16), (values, 18), (macros + "a b\n", 16)] {
        let bytes = lines.len() as u64;
        let attributes = Attributes::new(root(lines), &Work::default()).expect("little work");
        let memory = attributes.memory();
        assert!(memory > bytes && memory < most * bytes, "{memory} bytes for a file of {bytes}");
    }
}

#[test]
fn wide_paddings_do_not_fit() {
    let (result, steps) = expanded(&"%<(16384)%h".repeat(40_000), Vec::new(), MIB);
    assert_eq!(result, Err(too_large(MIB)));
    assert!(steps < 1_000_000, "{steps}");
}

#[test]
fn a_long_message_a_thousand_times_does_not_fit() {
    let (result, steps) = expanded(&"%B".repeat(1000), vec![b'x'; 6 * MIB], 8 * MIB);
    assert_eq!(result, Err(too_large(8 * MIB)));
    assert!(steps < 10_000_000, "{steps}");
}

#[test]
fn conversions_do_not_grow_beyond_the_limit() {
    let encoding = PathAttributes { working_tree_encoding: State::Value("UTF-32".into()), ..PathAttributes::default() };
    let ident = PathAttributes { ident: true, ..PathAttributes::default() };
    let crlf = PathAttributes { eol: State::Value("crlf".into()), text: State::Set, ..PathAttributes::default() };
    let id = ObjectId::null(gix_hash::Kind::Sha1);
    for (attributes, content) in
        [(encoding, b"x".repeat(MIB)), (ident, b"$Id$".repeat(MIB / 4)), (crlf, b"\n".repeat(MIB))]
    {
        let work = Work::default();
        let bounds = Bounds { limit: (MIB + MIB / 2) as u64, work: &work };
        let result = convert(Cow::Borrowed(&content), &attributes, id, bounds, &mut Vec::new());
        assert_eq!(result, Err(too_large(MIB + MIB / 2)), "{attributes:?}");
        let bounds = Bounds { limit: 16 * MIB as u64, work: &work };
        let result = convert(Cow::Borrowed(&content), &attributes, id, bounds, &mut Vec::new()).expect("it fits");
        assert!(result.len() > MIB);
    }
}

#[test]
fn columns_are_counted_on_and_not_from_the_start_of_the_line() {
    let steps = |many: usize| expanded(&"%<|(1)%h".repeat(many), Vec::new(), 64 * MIB).1;
    let (few, many) = (steps(10_000), steps(100_000));
    assert!(many < 11 * few && many < 10_000_000, "{few} steps for 10,000, {many} for 100,000");
}

#[test]
fn parts_of_the_message_are_found_once() {
    let message = "A line of the subject\n".repeat(20_000) + "\n" + &"Key: value\n".repeat(20_000);
    for placeholder in ["%(trailers:key=none)", "%(trailers:key=none,valueonly)"] {
        let (result, steps) = expanded(&placeholder.repeat(1000), message.clone().into_bytes(), 64 * MIB);
        assert_eq!(result, Ok(0));
        // Two steps for each trailer.
        assert!(steps < 1000 * 2 * 20_100, "{steps}");
    }
    for placeholder in ["%s", "%f", "%b", "%(trailers)"] {
        let (result, _) = expanded(&placeholder.repeat(1_000_000), message.clone().into_bytes(), 4 * MIB);
        assert_eq!(result, Err(too_large(4 * MIB)), "{placeholder}");
    }
}

#[test]
fn looking_for_ends_that_are_not_there_is_counted() {
    for placeholder in ["%(describe", "%C(", "%<(", "%w(", "%(trailers:only", "%>>(9)%h%-N%>>|(3)%h"] {
        let (result, steps) = expanded(&placeholder.repeat(2_000), Vec::new(), 64 * MIB);
        assert!(result.is_ok(), "{placeholder}: {result:?}");
        assert!(steps < DEFAULT_STEPS / 4, "{placeholder}: {steps}");
    }
    let work = Work::new(Cancel::default(), 10_000_000);
    let bounds = Bounds { limit: 64 * MIB as u64, work: &work };
    let content = format!("$Format:{}$", "%(describe".repeat(200_000)).into_bytes();
    let result = substitute(Cow::Borrowed(&content), &commit(""), 12, bounds, &mut Vec::new());
    assert_eq!(result, Err(ConvertError::Stopped(Stopped::TooMuchWork)));
    assert!(work.spent() < 11_000_000, "{}", work.spent());
}

#[test]
fn warnings_of_a_file_are_few_and_short() {
    let work = Work::default();
    let bounds = Bounds { limit: 64 * MIB as u64, work: &work };
    let format =
        (0..10_000).map(|number| format!("%(describe:{number}{})", "x".repeat(500))).collect::<Vec<_>>().concat();
    let mut warnings = Vec::new();
    let content = format!("$Format:{format}$").into_bytes();
    substitute(Cow::Owned(content), &commit(""), 12, bounds, &mut warnings).expect("it fits");
    assert_eq!(warnings.len(), 32);
    assert!(warnings.iter().all(|warning| warning.to_string().len() < 200));
}

#[test]
fn pathspecs_with_doubled_stars_end_after_the_steps_of_one_path() {
    let spec = BString::from(":(glob)".to_owned() + &"**/".repeat(44) + "x");
    let specs = Pathspecs::parse(&[spec]).expect("it is valid");
    let work = Work::default();
    let deep = "a/".repeat(60);
    let folders = (1..=60).map(|level| entry(&deep[..2 * level]));
    let entries: Vec<_> = folders.chain([entry(&(deep.clone() + "b"))]).collect();
    let result = select(entries, &Attributes::default(), &specs, &work);
    assert_eq!(result, Err(SelectError::Stopped(Stopped::TooMuchWork)));
    assert!(work.spent() <= 2 * STEPS, "{}", work.spent());
    assert!(specs.may_match_under(deep.trim_end_matches('/').as_bytes().as_bstr(), &work));
}

#[test]
fn cancelled_work_ends_at_once() {
    let cancel = Cancel::default();
    let work = Work::new(cancel.clone(), DEFAULT_STEPS);
    let attributes = Attributes::new(root("* text\n"), &work).expect("little work");
    cancel.cancel();
    assert_eq!(attributes.of("a".into(), false, &work), Err(Stopped::Cancelled));
    assert_eq!(Attributes::new(root("* text\n"), &work).map(|_| ()), Err(Stopped::Cancelled));
    let selected = select([entry("a")], &Attributes::default(), &Pathspecs::default(), &work);
    assert_eq!(selected, Err(SelectError::Stopped(Stopped::Cancelled)));
    let content = b"$Format:%h$".repeat(10_000);
    let bounds = Bounds { limit: 64 * MIB as u64, work: &work };
    let result = substitute(Cow::Borrowed(&content), &commit(""), 12, bounds, &mut Vec::new());
    assert_eq!(result, Err(ConvertError::Stopped(Stopped::Cancelled)));
    assert!(work.spent() < 10);
}
