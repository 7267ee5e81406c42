//! The checks: pure functions of what was seen.
//!
//! A threshold is a named constant beside its check, and in the check's `rule` in words. A check
//! that lacks the numbers it needs finds nothing: the gap is told by itself.

pub(crate) mod compare;
pub(crate) mod memcached;
pub(crate) mod proxy;
pub(crate) mod reach;
pub(crate) mod redis;
pub(crate) mod serve;

use std::time::Duration;

/// `12 s`, `3 min`, `4 h 10 min`, `2 d 3 h`.
pub(crate) fn lasting(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if days > 0 => format!("{days} d {} h", hours % 24),
        () if hours > 0 => format!("{hours} h {} min", minutes % 60),
        () if minutes > 0 => format!("{minutes} min"),
        () => format!("{seconds} s"),
    }
}
