//! Wildcards as git's wildmatch.c matches them, within a number of steps.
//!
//! `**/` and `*` backtrack, and in git some patterns take exponential time. Here each step is counted. Within the
//! given number, the result is git's. Beyond it, the pattern is refused.

/// The number of steps that is enough for all patterns of a real repository, for one path.
pub const STEPS: u64 = 1 << 24;

/// The deepest nesting of wildcards, which limits the stack.
const DEPTH: u32 = 512;

/// The options of a match.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mode {
    /// True if `*`, `?` and classes do not match `/` (`WM_PATHNAME`). Then `**` does.
    pub pathname: bool,
    /// True if ASCII letters match in either case (`WM_CASEFOLD`).
    pub ignore_case: bool,
}

/// The pattern takes more steps than are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the pattern takes too many steps to match")]
pub struct TooManySteps;

/// Returns whether the pattern matches the whole text. Subtracts the steps that it takes from `steps`.
///
/// ```
/// use git_archive::wildmatch::{Mode, STEPS, TooManySteps, wildmatch};
///
/// let paths = Mode { pathname: true, ..Mode::default() };
/// let mut steps = STEPS;
/// assert_eq!(wildmatch(b"src/**/*.rs", b"src/a/b.rs", paths, &mut steps), Ok(true));
/// assert_eq!(wildmatch(b"src/*.rs", b"src/a/b.rs", paths, &mut steps), Ok(false));
///
/// let hostile = "**/".repeat(44) + "x";
/// let deep = "a/".repeat(40) + "y";
/// let mut steps = 100_000;
/// assert_eq!(wildmatch(hostile.as_bytes(), deep.as_bytes(), paths, &mut steps), Err(TooManySteps));
/// ```
pub fn wildmatch(pattern: &[u8], text: &[u8], mode: Mode, steps: &mut u64) -> Result<bool, TooManySteps> {
    let mut matching = Matching { pattern, text, mode, steps };
    Ok(matching.run(0, 0, 0)? == Outcome::Match)
}

/// The result of matching a part of the pattern, as in wildmatch.c.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Match,
    /// Another position of the text may match.
    NoMatch,
    /// No position of the text can match.
    AbortAll,
    /// The text can match only after another `**`.
    AbortToStarStar,
}

struct Matching<'a> {
    pattern: &'a [u8],
    text: &'a [u8],
    mode: Mode,
    steps: &'a mut u64,
}

/// The next step after the wildcard at one position of the pattern.
enum Next {
    /// Match the pattern and the text from these positions on.
    At(usize, usize),
    Done(Outcome),
}

impl Matching<'_> {
    /// Matches from these positions on, like git's `dowild`.
    fn run(&mut self, mut p: usize, mut t: usize, depth: u32) -> Result<Outcome, TooManySteps> {
        if depth > DEPTH {
            return Err(TooManySteps);
        }
        let start = p;
        while p < self.pattern.len() {
            self.step()?;
            let wanted = self.folded(self.pattern[p]);
            let found = self.text_at(t);
            if found == 0 && wanted != b'*' {
                return Ok(Outcome::AbortAll);
            }
            let next = match wanted {
                b'*' => self.star(p, t, start, depth)?,
                b'[' => self.class(p, t)?,
                b'?' if self.mode.pathname && found == b'/' => Next::Done(Outcome::NoMatch),
                b'?' => Next::At(p + 1, t + 1),
                b'\\' if self.pattern_at(p + 1) == found => Next::At(p + 2, t + 1),
                _ if wanted == found && wanted != b'\\' => Next::At(p + 1, t + 1),
                _ => Next::Done(Outcome::NoMatch),
            };
            match next {
                Next::At(next_p, next_t) => (p, t) = (next_p, next_t),
                Next::Done(outcome) => return Ok(outcome),
            }
        }
        Ok(if t < self.text.len() { Outcome::NoMatch } else { Outcome::Match })
    }

    /// Matches the `*` or `**` at `star`. `start` is the beginning of this part of the pattern.
    fn star(&mut self, star: usize, t: usize, start: usize, depth: u32) -> Result<Next, TooManySteps> {
        let mut p = star + 1;
        let mut match_slash = !self.mode.pathname;
        if self.pattern_at(p) == b'*' {
            while self.pattern_at(p) == b'*' {
                self.step()?;
                p += 1;
            }
            let after_slash = star == start || self.pattern[star - 1] == b'/';
            let before_slash = matches!((self.pattern_at(p), self.pattern_at(p + 1)), (0 | b'/', _) | (b'\\', b'/'));
            if self.mode.pathname && after_slash && before_slash {
                // The `**` may match nothing, so that `a/**/b` matches `a/b`.
                if self.pattern_at(p) == b'/' && self.run(p + 1, t, depth + 1)? == Outcome::Match {
                    return Ok(Next::Done(Outcome::Match));
                }
                match_slash = true;
            }
        }
        if p == self.pattern.len() {
            let is_match = match_slash || self.slash_from(t)?.is_none();
            return Ok(Next::Done(if is_match { Outcome::Match } else { Outcome::AbortToStarStar }));
        }
        if !match_slash && self.pattern[p] == b'/' {
            // `*/` matches up to the next slash.
            let slash = self.slash_from(t)?;
            return Ok(slash.map_or(Next::Done(Outcome::AbortAll), |slash| Next::At(p + 1, slash + 1)));
        }
        self.after_star(p, t, match_slash, depth).map(Next::Done)
    }

    /// Tries to match the pattern after a star, from `p` on, at each position of the text.
    fn after_star(&mut self, p: usize, mut t: usize, match_slash: bool, depth: u32) -> Result<Outcome, TooManySteps> {
        let literal = self.folded(self.pattern[p]);
        let is_literal = !b"*?[\\".contains(&literal);
        while self.text_at(t) != 0 {
            self.step()?;
            if is_literal {
                // The star matches everything before the next occurrence of the literal.
                while self.text_at(t) != 0 && (match_slash || self.text_at(t) != b'/') {
                    if self.text_at(t) == literal {
                        break;
                    }
                    self.step()?;
                    t += 1;
                }
                if self.text_at(t) != literal {
                    return Ok(if match_slash { Outcome::AbortAll } else { Outcome::AbortToStarStar });
                }
            }
            match self.run(p, t, depth + 1)? {
                Outcome::NoMatch if !match_slash && self.text_at(t) == b'/' => return Ok(Outcome::AbortToStarStar),
                Outcome::NoMatch => {}
                Outcome::AbortToStarStar if match_slash => {}
                outcome => return Ok(outcome),
            }
            t += 1;
        }
        Ok(Outcome::AbortAll)
    }

    /// Matches the class `[…]` at `open`.
    fn class(&mut self, open: usize, t: usize) -> Result<Next, TooManySteps> {
        let found = self.text_at(t);
        let mut p = open + 1;
        let is_negated = matches!(self.pattern_at(p), b'!' | b'^');
        p += usize::from(is_negated);
        let (mut is_match, mut previous) = (false, 0);
        loop {
            self.step()?;
            let Some((end, last, is_in)) = self.class_item(p, found, previous)? else {
                return Ok(Next::Done(Outcome::AbortAll));
            };
            is_match |= is_in;
            (p, previous) = (end, last);
            if self.pattern_at(p) == b']' {
                break;
            }
        }
        if is_match == is_negated || self.mode.pathname && found == b'/' {
            return Ok(Next::Done(Outcome::NoMatch));
        }
        Ok(Next::At(p + 1, t + 1))
    }

    /// Reads one item of a class. Returns its end, the character that may begin a range, and whether the item has the
    /// character.
    fn class_item(&mut self, p: usize, found: u8, previous: u8) -> Result<Option<(usize, u8, bool)>, TooManySteps> {
        let item = self.pattern_at(p);
        let after = self.pattern_at(p + 1);
        match item {
            0 => Ok(None),
            b'\\' => Ok((after != 0).then_some((p + 2, after, found == after))),
            b'-' if previous != 0 && after != 0 && after != b']' => {
                let (end, last) = if after == b'\\' { (p + 3, self.pattern_at(p + 2)) } else { (p + 2, after) };
                Ok((last != 0).then(|| (end, 0, self.is_in_range(found, previous, last))))
            }
            b'[' if after == b':' => self.named_class(p, found),
            _ => Ok(Some((p + 1, item, found == item))),
        }
    }

    /// Reads a `[:alpha:]` or similar class at `p`. Without its end, the bracket is an ordinary character.
    fn named_class(&mut self, p: usize, found: u8) -> Result<Option<(usize, u8, bool)>, TooManySteps> {
        let name = p + 2;
        let mut end = name;
        while !matches!(self.pattern_at(end), 0 | b']') {
            self.step()?;
            end += 1;
        }
        if self.pattern_at(end) == 0 {
            return Ok(None);
        }
        if end <= name || self.pattern[end - 1] != b':' {
            return Ok(Some((p + 1, b'[', found == b'[')));
        }
        let is_in = match &self.pattern[name..end - 1] {
            b"alnum" => found.is_ascii_alphanumeric(),
            b"alpha" => found.is_ascii_alphabetic(),
            b"blank" => matches!(found, b' ' | b'\t'),
            b"cntrl" => found.is_ascii_control(),
            b"digit" => found.is_ascii_digit(),
            b"graph" => found.is_ascii_graphic(),
            b"lower" => found.is_ascii_lowercase(),
            b"print" => (b' '..=b'~').contains(&found),
            b"punct" => found.is_ascii_punctuation(),
            b"space" => matches!(found, b' ' | b'\t' | b'\n' | b'\r'),
            b"upper" => found.is_ascii_uppercase() || self.mode.ignore_case && found.is_ascii_lowercase(),
            b"xdigit" => found.is_ascii_hexdigit(),
            _ => return Ok(None),
        };
        Ok(Some((end + 1, 0, is_in)))
    }

    fn is_in_range(&self, found: u8, first: u8, last: u8) -> bool {
        let upper = found.to_ascii_uppercase();
        (first..=last).contains(&found)
            || self.mode.ignore_case && found.is_ascii_lowercase() && (first..=last).contains(&upper)
    }

    fn slash_from(&mut self, t: usize) -> Result<Option<usize>, TooManySteps> {
        let rest = self.text.get(t..).unwrap_or_default();
        let slash = rest.iter().position(|&byte| byte == b'/');
        self.steps(1 + slash.unwrap_or(rest.len()) as u64 / 16)?;
        Ok(slash.map(|slash| t + slash))
    }

    /// Returns the byte of the pattern, or 0 after its end.
    fn pattern_at(&self, p: usize) -> u8 {
        self.pattern.get(p).copied().unwrap_or(0)
    }

    /// Returns the byte of the text, in lower case if case is ignored, or 0 after the end of the text.
    fn text_at(&self, t: usize) -> u8 {
        self.text.get(t).map_or(0, |&byte| self.folded(byte))
    }

    fn folded(&self, byte: u8) -> u8 {
        if self.mode.ignore_case { byte.to_ascii_lowercase() } else { byte }
    }

    fn step(&mut self) -> Result<(), TooManySteps> {
        self.steps(1)
    }

    fn steps(&mut self, steps: u64) -> Result<(), TooManySteps> {
        *self.steps = self.steps.checked_sub(steps).ok_or(TooManySteps)?;
        Ok(())
    }
}
