//! `--mtime`, as git's date.c reads dates. Without a zone it is UTC, and without a time of day it is midnight.
//!
//! gix-date 0.18 refuses dates that git accepts: `Thu, 7 April 2005 22:13:13 GMT`, `7 Apr 2005`, `2005/04/07 10:00` and
//! `2005-04-07 22:13:13 UTC`. It also brings a time zone database that nothing else here uses.

use std::time::{SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// The smallest plain number that counts as a time (git's `match_digit`). A smaller one could be a part of a date.
const LEAST_SECONDS: i64 = 100_000_000;

/// Parses a time and returns the seconds since 1970 (UTC).
///
/// Examples: `@112 +0000`, `1112911993`, `2005-04-07T22:13:13+02:00`, `2005-04-07`, `Thu, 7 Apr 2005 22:13:13 +0200`,
/// `Thu Apr 7 22:13:13 2005 -0700`, `now`.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let wrong = || {
        format!("{text:?} is not a time; write @SECONDS, 2005-04-07T22:13:13+02:00 or Thu, 7 Apr 2005 22:13:13 +0200")
    };
    let text = text.trim();
    if text == "now" {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        return i64::try_from(since.as_secs()).map_err(|_| wrong());
    }
    if let Some(seconds) = seconds(text) {
        return Ok(seconds);
    }
    let mut date = Date::default();
    let words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    for word in words {
        date.read(word).ok_or_else(wrong)?;
    }
    date.seconds().ok_or_else(wrong)
}

/// Parses `@SECONDS`, or seconds alone. A zone after them, as in commits, does not change the time.
fn seconds(text: &str) -> Option<i64> {
    let (text, least) = text.strip_prefix('@').map_or((text, LEAST_SECONDS), |rest| (rest, i64::MIN));
    let number = match text.split_once(' ') {
        Some((number, zone)) => self::zone(zone).map(|_| number)?,
        None => text,
    };
    number.parse().ok().filter(|seconds| *seconds >= least)
}

#[derive(Default)]
struct Date {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    /// Seconds of the day.
    time: Option<i64>,
    /// Seconds to the east of UTC.
    zone: Option<i64>,
}

impl Date {
    fn read(&mut self, word: &str) -> Option<()> {
        let lower = word.to_ascii_lowercase();
        if let Some(zone) = zone(word).filter(|_| self.time.is_some()) {
            return set(&mut self.zone, zone);
        }
        if let Some(month) = MONTHS.iter().position(|month| is_name(&lower, month)) {
            return set(&mut self.month, i64::try_from(month).ok()? + 1);
        }
        if DAYS.iter().any(|day| is_name(&lower, day)) {
            return Some(());
        }
        if let Some((date, time)) = word.split_once(['T', 't']) {
            self.date(date)?;
            return self.time(time);
        }
        if word.contains(':') {
            return self.time(word);
        }
        if word.contains(['-', '.', '/']) {
            return self.date(word);
        }
        let number: i64 = word.parse().ok()?;
        if word.len() == 4 { set(&mut self.year, number) } else { set(&mut self.day, number) }
    }

    /// Parses year, month and day.
    fn date(&mut self, word: &str) -> Option<()> {
        let mut parts = word.split(['-', '.', '/']);
        let mut next = |digits: usize| -> Option<i64> {
            let part = parts.next()?;
            (part.len() <= digits && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse().ok())?
        };
        let (year, month, day) = (next(4)?, next(2)?, next(2)?);
        if parts.next().is_some() || year < 1000 {
            return None;
        }
        set(&mut self.year, year)?;
        set(&mut self.month, month)?;
        set(&mut self.day, day)
    }

    /// Parses hours and minutes, and optionally seconds with a fraction and a zone.
    fn time(&mut self, word: &str) -> Option<()> {
        let end = word.find(['+', '-', 'Z', 'z']).unwrap_or(word.len());
        if end < word.len() {
            set(&mut self.zone, zone(&word[end..])?)?;
        }
        let mut parts = word[..end].split(':');
        let mut next = |limit: i64| -> Option<i64> {
            let number: i64 = parts.next()?.split('.').next()?.parse().ok()?;
            (0..limit).contains(&number).then_some(number)
        };
        let (hours, minutes) = (next(24)?, next(60)?);
        let seconds = if word[..end].matches(':').count() > 1 { next(61)? } else { 0 };
        if parts.next().is_some() {
            return None;
        }
        set(&mut self.time, hours * 3600 + minutes * 60 + seconds)
    }

    fn seconds(&self) -> Option<i64> {
        let (year, month, day) = (self.year?, self.month?, self.day?);
        let in_order = (1..=12).contains(&month) && (1..=31).contains(&day);
        in_order.then(|| days(year, month, day) * 86_400 + self.time.unwrap_or(0) - self.zone.unwrap_or(0))
    }
}

/// Sets a part of the date, which may occur only once.
fn set(part: &mut Option<i64>, value: i64) -> Option<()> {
    part.replace(value).is_none().then_some(())
}

/// Returns true if a word is a name or begins with it, as `thursday` does with `thu`.
fn is_name(word: &str, name: &str) -> bool {
    word.starts_with(name) && word.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Parses `Z`, `UTC`, `GMT`, `+0200`, `+02:00` or `+02`.
fn zone(word: &str) -> Option<i64> {
    if ["z", "utc", "gmt"].iter().any(|name| word.eq_ignore_ascii_case(name)) {
        return Some(0);
    }
    let (sign, digits) =
        word.strip_prefix('+').map(|digits| (1, digits)).or_else(|| Some((-1, word.strip_prefix('-')?)))?;
    let digits = digits.replacen(':', "", 1);
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let minutes: i64 = if digits.len() == 4 { digits[2..].parse().ok()? } else { 0 };
    Some(sign * (digits[..2].parse::<i64>().ok()? * 3600 + minutes * 60))
}

/// Returns the days since 1970-01-01 in the Gregorian calendar (Howard Hinnant's `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn dates_as_git_reads_them() {
        for (text, seconds) in [
            ("@1112911993", 1_112_911_993),
            ("@0 +0000", 0),
            ("@5", 5),
            ("1112911993 -0700", 1_112_911_993),
            ("1112911993", 1_112_911_993),
            ("2005-04-07T22:13:13+02:00", 1_112_904_793),
            ("2005-04-07T22:13:13Z", 1_112_911_993),
            ("2005-04-07 22:13:13.25 +0200", 1_112_904_793),
            ("2005-04-07T22:13", 1_112_911_980),
            ("2005.04.07 22:13:13", 1_112_911_993),
            ("Thu, 07 Apr 2005 22:13:13 +0200", 1_112_904_793),
            ("Thu, 7 April 2005 22:13:13 GMT", 1_112_911_993),
            ("Thu Apr 7 15:13:13 2005 -0700", 1_112_911_993),
            ("2000-02-29", 951_782_400),
            ("1970-01-01", 0),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
            ("7 Apr 2005", 1_112_832_000),
            ("2005/04/07 22:13", 1_112_911_980),
            ("2005-04-07 22:13:13 UTC", 1_112_911_993),
        ] {
            assert_eq!(parse(text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "soon",
            "12",
            "2005-13-01",
            "2005-04",
            "@x",
            "25:00",
            "2005-04-07 24:00",
            "yesterday",
            "2005-04-07 2006-04-07",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
