//! How long a value lives, and the number that says so to memcached.
//!
//! Decides how a duration or a moment becomes memcached's `exptime`. It reads no clock: the time
//! of now is given to it.
//!
//! # Hard cases
//! - **0 means never.** A duration below a second must not become 0: seconds are rounded up.
//! - **No time left.** [`Duration::ZERO`] and a moment that is over make a value that has expired
//!   as soon as it is stored: −1.
//! - **Above 30 days the number is a Unix time.** 2,592,001 would be a day in January 1970, and
//!   the value gone at once. A longer duration is counted from now.
//! - **The number has 32 bits.** memcached 1.6.18 cuts off the rest: 2,147,483,648 is a negative
//!   number there, and the value gone at once. What ends later is taken to end at 2,147,483,647
//!   (19 January 2038).
//!
//! # Source
//! `realtime()` of memcached 1.6.18, and what that version answers to `mg KEY t` after a `set` and
//! after an `ms` with each of these numbers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a value lives.
///
/// memcached counts whole seconds, and its clock ticks once a second: a value may live up to a
/// second longer or shorter than asked.
///
/// # Examples
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use evenkeel::Expiry;
///
/// let now = SystemTime::now();
/// assert_eq!(Expiry::Never.exptime(now), 0);
/// assert_eq!(Expiry::from(Duration::from_secs(60)).exptime(now), 60);
/// // Never rounded down to 0, which would mean never.
/// assert_eq!(Expiry::After(Duration::from_millis(50)).exptime(now), 1);
/// assert_eq!(Expiry::At(now + Duration::from_secs(60)).exptime(now), 60);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Expiry {
    /// Until it is deleted, or a server needs the room.
    #[default]
    Never,
    /// For this long from when the request is made, in steps of a second, rounded up.
    /// [`Duration::ZERO`]: not at all; what is stored so is a miss at once.
    After(Duration),
    /// Until this moment, by the clock of this process, rounded up to a second.
    /// A moment that is over: as `After(Duration::ZERO)`.
    At(SystemTime),
}

impl Expiry {
    /// The `exptime` of a request made at `now`: 0 for never, −1 for expired at once, seconds
    /// from now up to 30 days (2,592,000), above that seconds of the Unix epoch, 2,147,483,647
    /// at most.
    pub fn exptime(self, now: SystemTime) -> i64 {
        match self {
            Self::Never => NEVER,
            Self::After(duration) => exptime_after(duration, now),
            // Up to 30 days the server counts: how far its clock is off does not matter.
            Self::At(end) => exptime_after(end.duration_since(now).unwrap_or_default(), now),
        }
    }
}

impl From<Duration> for Expiry {
    /// [`Expiry::After`].
    fn from(duration: Duration) -> Self {
        Self::After(duration)
    }
}

impl From<SystemTime> for Expiry {
    /// [`Expiry::At`].
    fn from(end: SystemTime) -> Self {
        Self::At(end)
    }
}

fn exptime_after(duration: Duration, now: SystemTime) -> i64 {
    if duration.is_zero() {
        return AT_ONCE;
    }
    if duration <= RELATIVE_MAX {
        return seconds(duration);
    }
    // A clock before 1970 is as good as one at 1970: the sum is above 30 days either way.
    let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    seconds(since_epoch.saturating_add(duration)).min(ABSOLUTE_MAX)
}

/// Whole seconds, rounded up.
fn seconds(duration: Duration) -> i64 {
    let more = u64::from(duration.subsec_nanos() > 0);
    i64::try_from(duration.as_secs().saturating_add(more)).unwrap_or(i64::MAX)
}

const NEVER: i64 = 0;

/// memcached takes any negative number for a time that is over.
const AT_ONCE: i64 = -1;

/// memcached's `REALTIME_MAXDELTA`: a larger number is a Unix time.
const RELATIVE_MAX: Duration = Duration::from_hours(30 * 24);

/// The largest number that memcached 1.6.18 does not cut off.
const ABSOLUTE_MAX: i64 = i32::MAX as i64;

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 November 2026, and a part of a second.
    const NOW: Duration = Duration::new(1_795_132_800, 600_000_000);

    const DAY: u64 = 24 * 60 * 60;

    #[track_caller]
    fn check(expiry: impl Into<Expiry>, exptime: i64) {
        assert_eq!(expiry.into().exptime(UNIX_EPOCH + NOW), exptime);
    }

    #[test]
    fn never_is_zero_and_nothing_else_is() {
        check(Expiry::Never, 0);
        assert_eq!(Expiry::default(), Expiry::Never);
        check(Duration::from_nanos(1), 1);
        check(UNIX_EPOCH + NOW + Duration::from_nanos(1), 1);
    }

    #[test]
    fn parts_of_a_second_are_rounded_up() {
        check(Duration::from_millis(999), 1);
        check(Duration::from_secs(1), 1);
        check(Duration::new(1, 1), 2);
        check(UNIX_EPOCH + NOW + Duration::from_millis(1_001), 2);
    }

    #[test]
    fn no_time_left_is_expired_at_once() {
        check(Duration::ZERO, -1);
        check(UNIX_EPOCH + NOW, -1);
        check(UNIX_EPOCH + NOW - Duration::from_nanos(1), -1);
        check(UNIX_EPOCH, -1);
        check(UNIX_EPOCH - Duration::from_secs(1), -1);
    }

    #[test]
    fn thirty_days_are_counted_from_now_and_more_is_a_unix_time() {
        check(Duration::from_secs(30 * DAY), 2_592_000);
        // 600 ms and one nanosecond past a full second.
        check(Duration::new(30 * DAY, 1), 1_795_132_801 + 2_592_000);
        check(Duration::from_secs(30 * DAY + 1), 1_795_132_802 + 2_592_000);
        check(Duration::new(30 * DAY + 1, 400_000_000), 1_795_132_802 + 2_592_000);
        check(UNIX_EPOCH + NOW + Duration::from_secs(30 * DAY), 2_592_000);
        check(UNIX_EPOCH + Duration::from_secs(2_000_000_000), 2_000_000_000);
    }

    #[test]
    fn what_ends_after_the_last_second_memcached_knows_ends_then() {
        check(UNIX_EPOCH + Duration::from_secs(2_147_483_647), 2_147_483_647);
        check(UNIX_EPOCH + Duration::from_secs(2_147_483_648), 2_147_483_647);
        check(Duration::from_secs(100 * 365 * DAY), 2_147_483_647);
        check(Duration::MAX, 2_147_483_647);
    }

    #[test]
    fn a_clock_before_1970_does_no_harm() {
        let now = UNIX_EPOCH - Duration::from_secs(5);
        assert_eq!(Expiry::After(Duration::from_secs(7)).exptime(now), 7);
        assert_eq!(Expiry::After(Duration::from_secs(31 * DAY)).exptime(now), 2_678_400);
    }
}
