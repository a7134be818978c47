//! Times as the portal writes them.

use crate::nullifier::Period;

/// `2026-12-01T00:00:00Z` for a time in seconds since 1970.
pub(super) fn rfc3339(time: u64) -> String {
    let (day, second) = (Period::Day.name(time), time % 86_400);
    format!("{day}T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        // date -u -d @1796172431 +%FT%TZ
        assert_eq!(rfc3339(1_796_172_431), "2026-12-02T00:47:11Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
    }
}
