//! Wildcards compared with `gix-glob` and with git's attributes.

use bstr::{BStr, BString, ByteSlice};
use git_archive::wildmatch::{Mode, STEPS, TooManySteps, wildmatch};

use oracle::{CommitText, Random, Repository, Tree, trials};

const PATHS: Mode = Mode { pathname: true, ignore_case: false };

#[test]
fn random_patterns_match_what_gix_matches() {
    let mut random = Random::of("wildmatch", 0);
    for _ in 0..trials(1) * 60_000 {
        let (pattern, text) = (pattern(&mut random), text(&mut random));
        for pathname in [true, false] {
            for ignore_case in [true, false] {
                // Unlike git, gix ignores case in escaped letters and in single letters of a class, and misreads an
                // unclosed `[:`.
                let named = ["[:alpha:]", "[:upper:]", "[:bogus:]"];
                let rest = named.iter().fold(pattern.clone(), |rest, name| rest.replace(name, ""));
                if ignore_case && pattern.contains(['[', '\\']) || rest.contains("[:") {
                    continue;
                }
                let mut theirs = gix_glob::wildmatch::Mode::empty();
                theirs.set(gix_glob::wildmatch::Mode::NO_MATCH_SLASH_LITERAL, pathname);
                theirs.set(gix_glob::wildmatch::Mode::IGNORE_CASE, ignore_case);
                let mode = Mode { pathname, ignore_case };
                let ours = wildmatch(pattern.as_bytes(), text.as_bytes(), mode, &mut STEPS.clone());
                let theirs = gix_glob::wildmatch(BStr::new(&pattern), BStr::new(&text), theirs);
                assert_eq!(ours, Ok(theirs), "{pattern:?} {text:?} {mode:?}");
            }
        }
    }
}

#[test]
fn random_patterns_match_what_git_matches() {
    const MANY: usize = 300;
    let mut random = Random::of("wildmatch by git", 0);
    let mut tree = Tree::default();
    let mut patterns = Vec::new();
    let mut lines = String::new();
    for number in 0..MANY {
        // The pattern is anchored, so that git matches the whole path. The wildcard at the start avoids git's
        // shortcuts.
        let pattern = format!("/?{}", pattern(&mut random).replace([' ', '\t'], "x").trim_end_matches(['/', '\\']));
        lines.extend([pattern.as_str(), " a", &number.to_string(), "\n"]);
        patterns.push(pattern);
    }
    tree.add(".gitattributes", "100644", lines);
    let repository = Repository::import(&tree.commit("refs/heads/t", &CommitText::default()));
    let texts: Vec<BString> = (0..40).map(|_| format!("x{}", text(&mut random)).trim_end_matches('/').into()).collect();
    let mut input = Vec::new();
    for text in &texts {
        input.extend([text.as_slice(), b"\0"].concat());
    }
    let names: Vec<_> = (0..MANY).map(|number| format!("a{number}")).collect();
    let mut arguments = vec!["check-attr", "--source=t", "-z", "--stdin"];
    arguments.extend(names.iter().map(String::as_str));
    let answer = repository.run(&arguments, &input);
    let mut fields = answer.split(|&byte| byte == 0);
    for text in &texts {
        for pattern in &patterns {
            let theirs = fields.nth(2).expect("a state for each") == b"set";
            let ours = wildmatch(&pattern.as_bytes()[1..], text, PATHS, &mut STEPS.clone());
            assert_eq!(ours, Ok(theirs), "{pattern:?} {text:?}");
        }
    }
}

#[test]
fn a_pattern_that_backtracks_without_end_is_refused() {
    let text = "a/".repeat(60) + "b";
    for pattern in
        ["**/".repeat(44) + "x", "**/*a".repeat(30) + "x", "*a*".repeat(200), "[[:alpha:]]*".repeat(60) + "/"]
    {
        for mode in [PATHS, Mode::default()] {
            let mut steps = 1 << 20;
            let result = wildmatch(pattern.as_bytes(), text.as_bytes(), mode, &mut steps);
            assert!(result == Ok(false) || result == Err(TooManySteps) && steps < 1 << 20, "{pattern}: {result:?}");
        }
    }
    let mut steps = 1 << 20;
    let pattern = "**/".repeat(44) + "x";
    assert_eq!(wildmatch(pattern.as_bytes(), text.as_bytes(), PATHS, &mut steps), Err(TooManySteps));
    // A deep nesting does not exhaust the stack either.
    let (deep, text) = ("*a".repeat(100_000), "a".repeat(200_000));
    assert_eq!(wildmatch(deep.as_bytes(), text.as_bytes(), PATHS, &mut STEPS.clone()), Err(TooManySteps));
}

fn pattern(random: &mut Random) -> String {
    const PIECES: [&str; 34] = [
        "a",
        "b",
        "A",
        "/",
        "/",
        "*",
        "*",
        "**",
        "**/",
        "/**",
        "***",
        "?",
        "[ab]",
        "[!a]",
        "[^b]",
        "[a-c]",
        "[]a]",
        "[",
        "[[:alpha:]]",
        "[[:upper:]x]",
        "[[:bogus:]]",
        "[[:",
        "[a-",
        "[\\a]",
        "[a-\\c]",
        "\\",
        "\\*",
        "\\a",
        "a*b",
        ".",
        "-",
        "]",
        "[A-Z]",
        "[[]",
    ];
    (0..random.below(7)).map(|_| *random.pick(&PIECES)).collect()
}

fn text(random: &mut Random) -> String {
    const PIECES: [&str; 13] = ["a", "b", "c", "A", "B", "/", "/", "*", "[", "]", "-", ".", "\\"];
    let text: String = (0..random.below(9)).map(|_| *random.pick(&PIECES)).collect();
    text.replace("//", "/").as_bytes().to_str().expect("ASCII").to_owned()
}
