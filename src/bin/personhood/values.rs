//! Values of the command line that are more than a number or a string.

use std::fmt;
use std::str::FromStr;

use personhood::bytes::{HexError, from_hex};

/// 32 bytes as 64 lower-case hexadecimal digits, the only spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hex32(pub(crate) [u8; 32]);

impl FromStr for Hex32 {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        from_hex(text).map(Self)
    }
}

/// A decimal between 0 and 1 as an exact fraction: `0.345` is 345/1000, never the nearest float.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ratio {
    pub(crate) numerator: u32,
    pub(crate) denominator: u32,
}

impl FromStr for Ratio {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused =
            || "expected a decimal above 0 and below 1 with at most six digits, for instance 0.345".to_owned();
        let digits = text.strip_prefix("0.").ok_or_else(refused)?;
        if digits.is_empty() || digits.len() > 6 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refused());
        }
        let numerator: u32 = digits.parse().map_err(|_| refused())?;
        if numerator == 0 {
            return Err(refused());
        }
        Ok(Self { numerator, denominator: 10_u32.pow(u32::try_from(digits.len()).map_err(|_| refused())?) })
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

/// A moment in seconds since 1970-01-01 00:00 UTC, written as that number or as a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) u64);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || "expected seconds since 1970 or a date such as 2026-01-31".to_owned();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Self).map_err(|_| refused());
        }
        let mut parts = text.splitn(3, '-');
        let mut part = |width: usize| -> Option<u64> {
            let text = parts.next()?;
            (text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
        };
        let (year, month, day) = part(4).zip(part(2)).zip(part(2)).map(|((y, m), d)| (y, m, d)).ok_or_else(refused)?;
        if year < 1970 || !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) {
            return Err(refused());
        }
        let days = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum::<u64>()
            + (1..month).map(|month| days_of(year, month)).sum::<u64>()
            + (day - 1);
        Ok(Self(days * 86_400))
    }
}

/// The size of a picture in pixels, written as `640x480`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let side = |text: &str| text.parse().ok().filter(|side| (64..=4096).contains(side));
        text.split_once('x')
            .and_then(|(width, height)| Some(Self { width: side(width)?, height: side(height)? }))
            .ok_or_else(|| "expected a size such as 640x480, each side from 64 to 4096".to_owned())
    }
}

const fn is_leap(year: u64) -> bool {
    (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
}

const fn days_of(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_stay_exact() {
        assert_eq!("0.345".parse(), Ok(Ratio { numerator: 345, denominator: 1000 }));
        assert_eq!("0.3".parse(), Ok(Ratio { numerator: 3, denominator: 10 }));
        for bad in ["1", "0", "0.", "0.0", "1.5", ".345", "-0.3", "0.34e1", "0.1234567", "0,345"] {
            assert!(bad.parse::<Ratio>().is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_have_two_sides() {
        assert_eq!("640x480".parse(), Ok(Size { width: 640, height: 480 }));
        for bad in ["640", "640x", "x480", "63x480", "640x4097", "640X480", "640x480x3", "-640x480"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
    }

    #[test]
    fn dates_are_midnight_in_utc() {
        // Checked with `date -u -d 2026-11-22 +%s`.
        for (text, seconds) in [
            ("1970-01-01", 0),
            ("2000-03-01", 951_868_800),
            ("2024-02-29", 1_709_164_800),
            ("2026-11-22", 1_795_305_600),
            ("2100-03-01", 4_107_542_400),
            ("1795305600", 1_795_305_600),
        ] {
            assert_eq!(text.parse(), Ok(Moment(seconds)), "{text}");
        }
        for bad in ["", "-1", "2026-13-01", "2026-02-29", "2026-00-10", "2026-1-1", "26-01-01", "1969-12-31", "x"] {
            assert!(bad.parse::<Moment>().is_err(), "{bad}");
        }
    }
}
