//! Periods of the calendar, for actions that recur.

use alloc::format;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

const DAY: u64 = 86_400;

/// How often an action begins anew: every person has new nullifiers in every period.
///
/// Periods are those of the calendar in UTC, so that holder and verifier agree on them without talking.
///
/// ```
/// use personhood::nullifier::Period;
///
/// let time = 1_796_083_200; // 2026-12-01 00:00 UTC
/// assert_eq!(Period::Day.name(time), "2026-12-01");
/// assert_eq!(Period::Week.name(time), "2026-W49");
/// assert_eq!(Period::Month.name(time), "2026-12");
/// assert_eq!(Period::Year.name(time - 1), "2026");
/// assert_eq!(Period::Month.name(time - 1), "2026-11");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[doc(alias = "epoch")]
pub enum Period {
    /// From midnight to midnight: `2026-12-01`.
    Day,
    /// From Monday to Sunday, numbered as in ISO 8601: `2026-W49`.
    Week,
    /// A month of the calendar: `2026-12`.
    Month,
    /// A year of the calendar: `2026`.
    Year,
}

impl Period {
    /// The name of the period that a time lies in, for [`Scope::in_period`](super::Scope::in_period).
    ///
    /// `time` is in seconds since 1970. Times after the year 9999 have names of more digits.
    #[must_use]
    pub fn name(self, time: u64) -> String {
        let days = time / DAY;
        let (year, month, day) = civil(days);
        match self {
            Self::Day => format!("{year:04}-{month:02}-{day:02}"),
            Self::Week => {
                // The Thursday of a week decides which year it counts in; 1970 began on a Thursday.
                let thursday = days + 3 - weekday(days);
                let year = civil(thursday).0;
                let week = (thursday - first_of_year(year)) / 7 + 1;
                format!("{year:04}-W{week:02}")
            }
            Self::Month => format!("{year:04}-{month:02}"),
            Self::Year => format!("{year:04}"),
        }
    }

    /// When the period that `time` lies in began, in seconds since 1970 (the week of 1 January 1970: at its Thursday).
    #[must_use]
    pub fn began(self, time: u64) -> u64 {
        let days = time / DAY;
        let (year, _, day) = civil(days);
        DAY * match self {
            Self::Day => days,
            Self::Week => days.saturating_sub(weekday(days)),
            Self::Month => days - (day - 1),
            Self::Year => first_of_year(year),
        }
    }
}

/// The weekday of a day since 1970, Monday as 0.
const fn weekday(days: u64) -> u64 {
    (days + 3) % 7
}

/// The days from 1970 to 1 January of a year.
const fn first_of_year(year: u64) -> u64 {
    let before = year - 1;
    365 * (year - 1970) + (before / 4 - before / 100 + before / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400)
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// Year, month and day of a day since 1970.
const fn civil(days: u64) -> (u64, u64, u64) {
    // 400 years have 146,097 days. No year begins a whole year off that mean, so this is at most one or two too late.
    let mut year = 1971 + days * 400 / 146_097;
    while first_of_year(year) > days {
        year -= 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut rest = days - first_of_year(year);
    let mut month = 0;
    while month < 11 && rest >= lengths[month] {
        rest -= lengths[month];
        month += 1;
    }
    (year, month as u64 + 1, rest + 1)
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        })
    }
}

/// A word is not a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a period; write day, week, month or year")]
pub struct PeriodError;

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        [Self::Day, Self::Week, Self::Month, Self::Year]
            .into_iter()
            .find(|period| format!("{period}") == text)
            .ok_or(PeriodError)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Period {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Period {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <alloc::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Every day of 1970 to 2470, counted up one by one, against the arithmetic.
    #[test]
    fn the_calendar_is_that_of_counting_days() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        let (mut week_year, mut week) = (1970, 1);
        for days in 0..182_622_u64 {
            let time = days * DAY + 86_399;
            assert_eq!(Period::Day.name(time), format!("{year:04}-{month:02}-{day:02}"));
            assert_eq!(Period::Day.began(time), days * DAY);
            if days > 0 && weekday(days) == 0 {
                week += 1;
                // The first week is the one with 4 January: it begins on 29 December at the earliest.
                if (month == 12 && day >= 29) || (month == 1 && day <= 4) {
                    (week_year, week) = (if month == 12 { year + 1 } else { year }, 1);
                }
            }
            assert_eq!(Period::Week.name(time), format!("{week_year:04}-W{week:02}"), "{year}-{month}-{day}");
            if day == 1 {
                assert_eq!(Period::Month.began(time), days * DAY);
                assert_eq!(Period::Year.began(time) == days * DAY, month == 1);
            }
            let length = match month {
                2 if (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
        }
    }

    /// From `date -u -d @TIME +%G-W%V` of GNU coreutils.
    #[test]
    fn weeks_around_new_year_are_those_of_iso_8601() {
        for (time, name) in [
            (1_609_286_400, "2020-W53"), // 2020-12-30
            (1_609_632_000, "2020-W53"), // 2021-01-03
            (1_609_718_400, "2021-W01"), // 2021-01-04
            (1_735_516_800, "2025-W01"), // 2024-12-30
            (0, "1970-W01"),
        ] {
            assert_eq!(Period::Week.name(time), name);
        }
    }

    #[test]
    fn a_time_before_the_beginning_is_in_another_period() {
        for period in [Period::Day, Period::Week, Period::Month, Period::Year] {
            for time in [1_796_083_200, 1_709_164_800, 951_782_400, 4_107_542_400] {
                let began = period.began(time);
                assert!(began <= time);
                assert_eq!(period.name(began), period.name(time));
                assert_ne!(period.name(began - 1), period.name(time), "{period} {time}");
                assert_eq!(period.to_string().parse::<Period>().unwrap(), period);
            }
        }
        assert!("Month".parse::<Period>().is_err());
    }

    #[test]
    fn times_without_end_have_names() {
        for period in [Period::Day, Period::Week, Period::Month, Period::Year] {
            assert!(!period.name(u64::MAX).is_empty());
        }
    }
}
