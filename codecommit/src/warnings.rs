//! Warnings about a commit: as many as a person reads, and the number of the rest.

/// The largest number of warnings. A hostile repository can cause one for each of its files.
const MOST: usize = 1000;
/// The largest size of one warning in bytes.
const LONGEST: usize = 4096;

/// Warnings, one line each, bounded in number and length.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    lines: Vec<String>,
    more: u64,
}

impl Warnings {
    /// Adds a warning, or only counts it if there are too many.
    pub(crate) fn push(&mut self, mut line: String) {
        if self.lines.len() == MOST {
            self.more += 1;
            return;
        }
        if line.len() > LONGEST {
            line.truncate(line.floor_char_boundary(LONGEST));
            line.push('…');
        }
        self.lines.push(line);
    }

    /// Returns the warnings. The last line says how many more there are.
    pub(crate) fn into_lines(self) -> Vec<String> {
        let more = (self.more > 0).then(|| format!("and {} more warnings", self.more));
        self.lines.into_iter().chain(more).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_for_each_of_a_million_files_stays_small() {
        let mut warnings = Warnings::default();
        for _ in 0..1_000_000 {
            warnings.push("é".repeat(2));
        }
        let lines = warnings.into_lines();
        assert_eq!((lines.len(), lines[MOST].as_str()), (MOST + 1, "and 999000 more warnings"));
    }

    #[test]
    fn a_long_warning_is_cut_between_characters() {
        let mut warnings = Warnings::default();
        warnings.push(format!("a{}", "é".repeat(LONGEST)));
        let line = warnings.into_lines().remove(0);
        assert!(line.len() <= LONGEST + 3 && line.ends_with("é…"), "{}", line.len());
    }
}
