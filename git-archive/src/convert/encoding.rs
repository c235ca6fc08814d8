//! `working-tree-encoding`: converts UTF-8 as glibc's iconv does.
//!
//! The supported encodings agree with glibc on each character of the planes 0 to 2. Any other encoding of glibc's
//! list is [`Encoded::Unsupported`], which is an error and never a guess.

use encoding_rs::{
    EUC_KR, GB18030, GBK, IBM866, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5, ISO_8859_6, ISO_8859_7, ISO_8859_8,
    ISO_8859_10, ISO_8859_13, ISO_8859_14, ISO_8859_15, ISO_8859_16, KOI8_R, SHIFT_JIS, WINDOWS_874, WINDOWS_1257,
};
use encoding_rs::{Encoding, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252, WINDOWS_1253, WINDOWS_1254, WINDOWS_1256};

use super::error::ConvertError;
use crate::sink::{Bounds, Sink};

/// The number of bytes to encode before they go to the sink.
const PIECE: usize = 4096;

/// The result of encoding.
pub(super) enum Encoded {
    /// The content, encoded.
    Done(Vec<u8>),
    /// iconv refuses: the content is not UTF-8, or has a character that the encoding lacks.
    Refused,
    /// No such encoding exists. Git leaves the content unchanged.
    Unknown,
    /// glibc may support the encoding, but this crate does not.
    Unsupported,
}

/// The way in which a character becomes bytes.
enum Target {
    Utf16 {
        mark: bool,
        big_endian: bool,
    },
    Utf32 {
        mark: bool,
        big_endian: bool,
    },
    /// The code point is the byte, if it is below this limit.
    Direct(u32),
    /// ISO-8859-9, which `encoding_rs` has only as Windows-1254.
    Latin5,
    /// A table of `encoding_rs`, for the characters that glibc also has according to the function.
    Table(&'static Encoding, fn(char) -> bool),
    ShiftJis,
    Windows31J,
}

/// The prefixes of encodings that glibc may know. Such encodings fail, because glibc has over a thousand names.
const FAMILIES: [&str; 63] = [
    "ANSI", "ARABIC", "ARMSCII", "ASCII", "ASMO", "BALTIC", "BIG", "BRF", "BS_", "CA", "CN", "CP", "CS", "CUBA", "CWI",
    "CYRILLIC", "DE", "DIN", "DK", "DS_", "EBCDIC", "ECMA", "ELOT", "ES", "EUC", "FI", "FR", "GB", "GEORGIAN", "GOST",
    "GREEK", "HEBREW", "HP", "HU", "IBM", "IEC", "INIS", "IS", "IT", "JIS", "JOHAB", "JP", "JS", "JUS", "KOI", "KSC",
    "LATIN", "MAC", "MIK", "MS", "NATS", "NC_", "NF_", "NS_", "OS", "PT", "ROMAN", "RUSCII", "SE", "SHIFT", "SJIS",
    "T.61", "TCVN",
];
const MORE_FAMILIES: [&str; 15] = [
    "THAI", "TIS", "TS", "TURKISH", "UCS", "UHC", "UJIS", "UK", "UNICODE", "US", "VISCII", "WCHAR", "WIN", "WS2", "YU",
];

/// Encodes UTF-8 into the encoding of this name, in upper or lower case.
pub(super) fn encode(content: &[u8], name: &[u8], bounds: Bounds<'_>) -> Result<Encoded, ConvertError> {
    let name = String::from_utf8_lossy(name).to_ascii_uppercase();
    let Some(target) = target(&name) else {
        return Ok(if may_be_known_to_glibc(&name) { Encoded::Unsupported } else { Encoded::Unknown });
    };
    let Ok(text) = std::str::from_utf8(content) else {
        return Ok(Encoded::Refused);
    };
    if matches!(&target, Target::Table(table, _) if *table == GB18030) && text.chars().any(is_disputed_in_gb18030) {
        return Ok(Encoded::Unsupported);
    }
    let mut encoded = Sink::new(bounds);
    let mut bytes = Vec::with_capacity(PIECE + 8);
    match target {
        Target::Utf16 { mark: true, big_endian } => utf16(&mut bytes, '\u{FEFF}', big_endian),
        Target::Utf32 { mark: true, big_endian } => utf32(&mut bytes, '\u{FEFF}', big_endian),
        _ => {}
    }
    for c in text.chars() {
        if bytes.len() >= PIECE {
            encoded.extend(&bytes)?;
            bytes.clear();
        }
        // glibc drops language tags if the encoding has none.
        if target.push(&mut bytes, c).is_none() && !('\u{E0000}'..='\u{E007F}').contains(&c) {
            return Ok(Encoded::Refused);
        }
    }
    encoded.extend(&bytes)?;
    encoded.finish().map(Encoded::Done)
}

impl Target {
    fn push(&self, bytes: &mut Vec<u8>, c: char) -> Option<()> {
        match self {
            Target::Utf16 { big_endian, .. } => utf16(bytes, c, *big_endian),
            Target::Utf32 { big_endian, .. } => utf32(bytes, c, *big_endian),
            Target::Direct(limit) => bytes.push(u8::try_from(c as u32).ok().filter(|_| (c as u32) < *limit)?),
            Target::Latin5 => bytes.push(latin5(c)?),
            Target::Table(table, has) => from_table(bytes, table, c, *has)?,
            Target::ShiftJis => shift_jis(bytes, c)?,
            Target::Windows31J => windows_31j(bytes, c)?,
        }
        Some(())
    }
}

fn target(name: &str) -> Option<Target> {
    Some(match name {
        // The names that end in `-BOM` are git's own.
        "UTF-16" | "UTF16" | "UTF-16LE-BOM" | "UTF16LE-BOM" => Target::Utf16 { mark: true, big_endian: false },
        "UTF-16LE" | "UTF16LE" => Target::Utf16 { mark: false, big_endian: false },
        "UTF-16BE" | "UTF16BE" => Target::Utf16 { mark: false, big_endian: true },
        "UTF-16BE-BOM" | "UTF16BE-BOM" => Target::Utf16 { mark: true, big_endian: true },
        "UTF-32" | "UTF32" => Target::Utf32 { mark: true, big_endian: false },
        "UTF-32LE" | "UTF32LE" => Target::Utf32 { mark: false, big_endian: false },
        "UTF-32BE" | "UTF32BE" | "UCS-4" | "UCS4" => Target::Utf32 { mark: false, big_endian: true },
        "ASCII" | "US-ASCII" | "US" | "ISO646-US" => Target::Direct(0x80),
        "SJIS" | "SHIFT-JIS" | "SHIFT_JIS" | "MS_KANJI" => Target::ShiftJis,
        "CP932" | "MS932" | "WINDOWS-31J" | "SJIS-WIN" | "SJIS-OPEN" => Target::Windows31J,
        _ => latin(name).or_else(|| table(name))?,
    })
}

fn table(name: &str) -> Option<Target> {
    let (table, has): (&'static Encoding, fn(char) -> bool) = match name {
        "CP866" | "IBM866" | "866" => (IBM866, |_| true),
        "KOI8-R" | "KOI8R" => (KOI8_R, |_| true),
        "UHC" | "CP949" | "MSCP949" => (EUC_KR, |_| true),
        "GBK" | "CP936" | "MS936" | "WINDOWS-936" => (GBK, is_in_gbk),
        "GB18030" => (GB18030, |_| true),
        "CP874" | "WINDOWS-874" => (WINDOWS_874, is_no_control),
        "CP1250" | "WINDOWS-1250" => (WINDOWS_1250, is_no_control),
        "CP1251" | "WINDOWS-1251" => (WINDOWS_1251, is_no_control),
        "CP1252" | "WINDOWS-1252" => (WINDOWS_1252, is_no_control),
        "CP1253" | "WINDOWS-1253" => (WINDOWS_1253, is_no_control),
        "CP1254" | "WINDOWS-1254" => (WINDOWS_1254, is_no_control),
        "CP1256" | "WINDOWS-1256" => (WINDOWS_1256, |_| true),
        "CP1257" | "WINDOWS-1257" => (WINDOWS_1257, is_no_control),
        _ => return None,
    };
    Some(Target::Table(table, has))
}

/// Returns a part of ISO-8859, by number or by name.
fn latin(name: &str) -> Option<Target> {
    let by_number = ["ISO-8859-", "ISO8859-", "ISO_8859-", "ISO8859", "8859_"];
    let part = match name {
        // glibc does not know `LATIN-1`. Git's utf8.c (`fallback_encoding`) takes it for ISO-8859-1.
        "LATIN1" | "L1" | "LATIN-1" => "1",
        "LATIN2" | "L2" => "2",
        "LATIN3" | "L3" => "3",
        "LATIN4" | "L4" => "4",
        "LATIN5" | "L5" => "9",
        "LATIN6" | "L6" => "10",
        "LATIN7" | "L7" => "13",
        "LATIN8" | "L8" => "14",
        "LATIN9" | "LATIN-9" => "15",
        "LATIN10" | "L10" => "16",
        _ => by_number.iter().find_map(|prefix| name.strip_prefix(prefix))?,
    };
    let table = match part {
        "1" => return Some(Target::Direct(0x100)),
        "9" => return Some(Target::Latin5),
        "2" => ISO_8859_2,
        "3" => ISO_8859_3,
        "4" => ISO_8859_4,
        "5" => ISO_8859_5,
        "6" => ISO_8859_6,
        "7" => ISO_8859_7,
        "8" => ISO_8859_8,
        "10" => ISO_8859_10,
        "13" => ISO_8859_13,
        "14" => ISO_8859_14,
        "15" => ISO_8859_15,
        "16" => ISO_8859_16,
        _ => return None,
    };
    Some(Target::Table(table, |_| true))
}

fn may_be_known_to_glibc(name: &str) -> bool {
    // These are the names of this family that only glibc supports. It has no name for UTF-8 with a byte order mark.
    if name.starts_with("UTF") {
        return matches!(name, "UTF-7" | "UTF7" | "UTF-7-IMAP") || name.contains('/');
    }
    name.contains('/')
        || name.starts_with(|c: char| c.is_ascii_digit()) && name.len() > 2
        || FAMILIES.iter().chain(&MORE_FAMILIES).any(|family| name.starts_with(family))
        || matches!(name, "E13B" | "ST_SEN_850200_B" | "ST_SEN_850200_C" | "STRK1048-2002" | "RK1048" | "R8" | "R9")
        || matches!(name, "NAPLPS" | "DEC" | "DEC-MCS" | "TSCII" | "SS636127" | "PTCP154" | "LATINGREEK")
}

fn from_table(bytes: &mut Vec<u8>, table: &'static Encoding, c: char, has: fn(char) -> bool) -> Option<()> {
    if c.is_ascii() {
        bytes.push(c as u8);
        return Some(());
    }
    let mut utf8 = [0; 4];
    let (encoded, _, lossy) = table.encode(c.encode_utf8(&mut utf8));
    (has(c) && !lossy).then(|| bytes.extend_from_slice(&encoded))
}

fn utf16(bytes: &mut Vec<u8>, c: char, big_endian: bool) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        bytes.extend(if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() });
    }
}

fn utf32(bytes: &mut Vec<u8>, c: char, big_endian: bool) {
    let unit = c as u32;
    bytes.extend(if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() });
}

fn latin5(c: char) -> Option<u8> {
    match c {
        'Ğ' => Some(0xD0),
        'İ' => Some(0xDD),
        'Ş' => Some(0xDE),
        'ğ' => Some(0xF0),
        'ı' => Some(0xFD),
        'ş' => Some(0xFE),
        'Ð' | 'Ý' | 'Þ' | 'ð' | 'ý' | 'þ' => None,
        _ => u8::try_from(c as u32).ok(),
    }
}

/// Encodes JIS X 0208 only, without the rows of NEC and IBM. Some signs have other code points than in Microsoft's
/// table.
fn shift_jis(bytes: &mut Vec<u8>, c: char) -> Option<()> {
    match c {
        '\u{80}' | '\u{2225}' | '\u{FF0D}' | '\u{FF5E}' => return None,
        _ => {}
    }
    let start = bytes.len();
    jis_sign(bytes, c).or_else(|| from_table(bytes, SHIFT_JIS, c, |_| true))?;
    let of_vendor = bytes.len() - start == 2 && matches!(bytes[start], 0x87 | 0xED | 0xEE | 0xFA..=0xFC);
    (!of_vendor).then_some(())
}

fn windows_31j(bytes: &mut Vec<u8>, c: char) -> Option<()> {
    match c {
        '\u{80}' => None,
        '\u{2014}' => {
            bytes.extend([0x81, 0x5C]);
            Some(())
        }
        '\u{E000}'..='\u{E757}' => {
            let index = c as u32 - 0xE000;
            let trail = 0x40 + index % 188;
            bytes.push(u8::try_from(0xF0 + index / 188).ok()?);
            bytes.push(u8::try_from(if trail < 0x7F { trail } else { trail + 1 }).ok()?);
            Some(())
        }
        _ => jis_sign(bytes, c).or_else(|| from_table(bytes, SHIFT_JIS, c, |_| true)),
    }
}

fn jis_sign(bytes: &mut Vec<u8>, c: char) -> Option<()> {
    bytes.extend(match c {
        '¢' => [0x81, 0x91],
        '£' => [0x81, 0x92],
        '¬' => [0x81, 0xCA],
        '‖' => [0x81, 0x61],
        '〜' => [0x81, 0x60],
        _ => return None,
    });
    Some(())
}

/// Returns whether glibc has a character. WHATWG's tables fill the gaps of code pages with control characters.
fn is_no_control(c: char) -> bool {
    !('\u{80}'..='\u{9F}').contains(&c)
}

/// Returns whether glibc's GBK has a character. `encoding_rs` adds the two-byte characters of GB 18030.
fn is_in_gbk(c: char) -> bool {
    !matches!(c, 'ǹ' | 'ḿ' | '\u{303E}' | '\u{2E80}'..='\u{2FFF}' | '\u{3400}'..='\u{4DBF}' | '\u{9FA6}'..='\u{9FFF}'
        | '\u{E000}'..='\u{F8FF}' | '\u{FE10}'..='\u{FE19}')
}

/// Returns whether a character differs between the editions of GB 18030.
fn is_disputed_in_gb18030(c: char) -> bool {
    matches!(c, '\u{E5E5}' | '\u{E78D}'..='\u{E796}' | '\u{E816}'..='\u{E864}' | '\u{20087}' | '\u{20089}' | '\u{200CC}'
        | '\u{215D7}' | '\u{2298F}' | '\u{241FE}')
}
