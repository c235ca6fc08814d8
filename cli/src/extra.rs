//! Options of `git archive` whose order matters: `--prefix` before `--add-file`, the last of `-0` to `-9`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, value_parser};

const LEVELS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// The compression level, if one is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level(pub(crate) Option<u8>);

/// The prefixes and the added files, in the order of the command line.
#[derive(Debug)]
pub(crate) struct Prefixed(pub(crate) Vec<Word>);

/// One option whose order matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    Prefix(OsString),
    File(PathBuf),
    Virtual(VirtualFile),
}

/// `--add-virtual-file=<path>:<content>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VirtualFile {
    pub(crate) path: Vec<u8>,
    pub(crate) content: Vec<u8>,
}

impl Args for Level {
    fn augment_args(command: Command) -> Command {
        LEVELS.into_iter().fold(command, |command, name| {
            let arg = Arg::new(name).short(name.chars().next()).action(ArgAction::SetTrue);
            let arg = arg.overrides_with_all(LEVELS);
            command.arg(match name {
                "0" => arg.help("Store the files without compression"),
                "9" => arg.help("Compress best; -1 to -9 are the levels, by default 6"),
                _ => arg.help("A level in between").hide(true),
            })
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Level {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        // Each level overrides those before it.
        Ok(Self((0..10).find(|level| matches.get_flag(LEVELS[usize::from(*level)]))))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Prefixed {
    fn augment_args(command: Command) -> Command {
        let arg = |name: &'static str, value: &'static str, help: &'static str| {
            Arg::new(name).long(name).value_name(value).action(ArgAction::Append).help(help)
        };
        command
            .arg(
                arg("prefix", "PREFIX", "Put this before each path of the tree; the last one applies")
                    .value_parser(value_parser!(OsString)),
            )
            .arg(
                arg("add-file", "FILE", "Add a local file under its name, with the last --prefix before this option")
                    .value_parser(value_parser!(PathBuf)),
            )
            .arg(
                arg(
                    "add-virtual-file",
                    "PATH:CONTENT",
                    "Add a file with this content; the path may be quoted as in C and gets no prefix",
                )
                .value_parser(value_parser!(OsString)),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Prefixed {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut words: Vec<(usize, Word)> = indexed(matches, "prefix", Word::Prefix);
        words.extend(indexed(matches, "add-file", Word::File));
        for (at, word) in indexed(matches, "add-virtual-file", |word: OsString| word) {
            let file = virtual_file(word.as_encoded_bytes()).map_err(|reason| {
                let shown = word.to_string_lossy();
                Error::raw(clap::error::ErrorKind::ValueValidation, format!("--add-virtual-file '{shown}': {reason}\n"))
            })?;
            words.push((at, Word::Virtual(file)));
        }
        words.sort_by_key(|(at, _)| *at);
        Ok(Self(words.into_iter().map(|(_, word)| word).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn indexed<V: Clone + Send + Sync + 'static, W>(
    matches: &ArgMatches,
    name: &str,
    word: impl Fn(V) -> W,
) -> Vec<(usize, W)> {
    if matches.value_source(name) != Some(ValueSource::CommandLine) {
        return Vec::new();
    }
    let indices = matches.indices_of(name).into_iter().flatten();
    indices.zip(matches.get_many::<V>(name).into_iter().flatten().map(|value| word(value.clone()))).collect()
}

/// Parses `PATH:CONTENT` as `add_file_cb` in git's archive.c does.
fn virtual_file(word: &[u8]) -> Result<VirtualFile, &'static str> {
    let (path, rest) = match word.strip_prefix(b"\"") {
        Some(quoted) => unquoted(quoted).ok_or("unclosed quote")?,
        None => word.split_at(word.iter().position(|&byte| byte == b':').unwrap_or(word.len())).into_owned(),
    };
    let content = rest.strip_prefix(b":").ok_or("missing colon")?;
    if path.is_empty() {
        return Err("empty file name");
    }
    Ok(VirtualFile { path, content: content.to_vec() })
}

trait IntoOwned<'a> {
    fn into_owned(self) -> (Vec<u8>, &'a [u8]);
}

impl<'a> IntoOwned<'a> for (&'a [u8], &'a [u8]) {
    fn into_owned(self) -> (Vec<u8>, &'a [u8]) {
        (self.0.to_vec(), self.1)
    }
}

/// Returns the text in the quotes and the text after them, as `unquote_c_style` in git's quote.c does.
fn unquoted(mut quoted: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut path = Vec::new();
    loop {
        let (&first, rest) = quoted.split_first()?;
        quoted = rest;
        match first {
            b'"' => return Some((path, quoted)),
            b'\\' => {
                let (&escape, rest) = quoted.split_first()?;
                quoted = rest;
                path.push(match escape {
                    b'a' => 7,
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'v' => 11,
                    b'\\' | b'"' => escape,
                    b'0'..=b'3' => {
                        let (digits, rest) = quoted.split_at_checked(2)?;
                        quoted = rest;
                        let octal = digits.iter().all(|digit| (b'0'..=b'7').contains(digit));
                        octal.then(|| (escape - b'0') * 64 + (digits[0] - b'0') * 8 + (digits[1] - b'0'))?
                    }
                    _ => return None,
                });
            }
            byte => path.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, expected: Result<(&[u8], &[u8]), &str>) {
        let file = virtual_file(word.as_bytes());
        let file = file.as_ref().map(|file| (file.path.as_slice(), file.content.as_slice())).map_err(|reason| *reason);
        assert_eq!(file, expected, "{word}");
    }

    #[test]
    fn a_virtual_file_is_parsed_as_by_git() {
        check("a/b:c:d", Ok((b"a/b", b"c:d")));
        check("a:", Ok((b"a", b"")));
        check(r#""a:\"b\\\n\303\244":x"#, Ok(("a:\"b\\\n\u{e4}".as_bytes(), b"x")));
        check(r#""\377\342":x"#, Ok((b"\xff\xe2", b"x")));
        check("a", Err("missing colon"));
        check(r#""a"b:c"#, Err("missing colon"));
        check(r#""a:b"#, Err("unclosed quote"));
        check(r#""\q":b"#, Err("unclosed quote"));
        check(r#""\1":b"#, Err("unclosed quote"));
        check(":c", Err("empty file name"));
    }
}
