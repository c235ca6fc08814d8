//! The dates of a signature, in its time zone, as git's date.c writes them.

use crate::calendar::civil;
use crate::object::Signature;

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A time in its parts.
struct Date {
    year: i64,
    /// The month, counted from 1.
    month: i64,
    day: i64,
    weekday: &'static str,
    hour: i64,
    minute: i64,
    second: i64,
    sign: char,
    zone_hours: u32,
    zone_minutes: u32,
}

/// Formats as `Thu Jan 1 00:00:00 1970 +0000`, git's default.
pub(super) fn normal(signature: &Signature) -> String {
    let date = Date::of(signature);
    let Date { year, day, weekday, hour, minute, second, .. } = date;
    format!("{weekday} {} {day} {hour:02}:{minute:02}:{second:02} {year} {}", date.month_name(), date.zone())
}

/// Formats as `Thu, 1 Jan 1970 00:00:00 +0000`.
pub(super) fn rfc2822(signature: &Signature) -> String {
    let date = Date::of(signature);
    let Date { year, day, weekday, hour, minute, second, .. } = date;
    format!("{weekday}, {day} {} {year} {hour:02}:{minute:02}:{second:02} {}", date.month_name(), date.zone())
}

/// Formats as `1970-01-01 00:00:00 +0000`.
pub(super) fn iso8601(signature: &Signature) -> String {
    let date = Date::of(signature);
    let Date { year, month, day, hour, minute, second, .. } = date;
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} {}", date.zone())
}

/// Formats as `1970-01-01T00:00:00+01:00`, with `Z` for UTC.
pub(super) fn iso8601_strict(signature: &Signature) -> String {
    let Date { year, month, day, hour, minute, second, sign, zone_hours, zone_minutes, .. } = Date::of(signature);
    let zone = match (zone_hours, zone_minutes) {
        (0, 0) => "Z".to_owned(),
        _ => format!("{sign}{zone_hours:02}:{zone_minutes:02}"),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{zone}")
}

/// Formats as `1970-01-01`.
pub(super) fn short(signature: &Signature) -> String {
    let Date { year, month, day, .. } = Date::of(signature);
    format!("{year:04}-{month:02}-{day:02}")
}

impl Date {
    fn of(signature: &Signature) -> Date {
        let local = signature.seconds.saturating_add(i64::from(signature.offset_minutes) * 60);
        let (days, of_day) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = civil(days);
        let weekday = usize::try_from((days + 4).rem_euclid(7)).unwrap_or_default();
        let offset = signature.offset_minutes.unsigned_abs();
        Date {
            year,
            month,
            day,
            weekday: DAYS[weekday],
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            sign: if signature.offset_minutes < 0 { '-' } else { '+' },
            zone_hours: offset / 60,
            zone_minutes: offset % 60,
        }
    }

    fn month_name(&self) -> &'static str {
        MONTHS[usize::try_from(self.month - 1).unwrap_or_default()]
    }

    fn zone(&self) -> String {
        format!("{}{:02}{:02}", self.sign, self.zone_hours, self.zone_minutes)
    }
}
