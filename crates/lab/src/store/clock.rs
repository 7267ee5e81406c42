//! Whole seconds, as memcached counts them, and what an expiry on the wire means in them.
//!
//! The store is told what time it is; it never looks.

use std::fmt;

/// A Unix time in whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(u64);

/// Expiries up to this many seconds are counted from now; larger ones are Unix times.
const RELATIVE_SECONDS_MAX: u64 = 30 * 24 * 60 * 60;

impl UnixTime {
    /// The point `seconds` after 1970-01-01.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970-01-01.
    pub const fn as_seconds(self) -> u64 {
        self.0
    }

    /// Seconds from `earlier` to here; 0 if it is not earlier.
    pub const fn seconds_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment that an expiry on the wire means; `None` means never.
    ///
    /// 0 is never, a negative number is at once, up to 30 days is counted from here, and more is
    /// a Unix time. An item is gone once its moment has been reached.
    pub fn expiry(self, exptime: i64) -> Option<Self> {
        match u64::try_from(exptime) {
            Ok(0) => None,
            Ok(seconds) if seconds <= RELATIVE_SECONDS_MAX => Some(Self(self.0 + seconds)),
            Ok(seconds) => Some(Self(seconds)),
            Err(_) => Some(self),
        }
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(2_000_000_000);

    #[track_caller]
    fn check(exptime: i64, expected: Option<u64>) {
        assert_eq!(NOW.expiry(exptime), expected.map(UnixTime::from_seconds), "{exptime}");
    }

    #[test]
    fn an_expiry_is_relative_up_to_thirty_days_and_absolute_past_them() {
        check(0, None);
        check(1, Some(2_000_000_001));
        check(2_592_000, Some(2_002_592_000));
        check(2_592_001, Some(2_592_001));
        check(2_000_000_007, Some(2_000_000_007));
    }

    #[test]
    fn a_negative_expiry_is_already_over() {
        check(-1, Some(2_000_000_000));
        check(i64::MIN, Some(2_000_000_000));
    }
}
