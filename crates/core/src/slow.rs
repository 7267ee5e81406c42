//! Requests that took long: a few of them are told of one by one, the rest are counted.
//!
//! It decides which. A worker asks it of every response whether that was slow, which is one
//! comparison; by default nothing is. Of those that are, at most [`SLOW_MAX`] a second are reported,
//! and each says how many were not since the one before.
//!
//! # What it never does
//! Judge a server, or keep a key that is not wanted: keys can be about people.

use std::time::Duration;

use crate::protocol::request::Class;
use crate::routing::{PoolId, ServerId};
use crate::time::Instant;

/// Which requests are slow, and what is told of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowSettings {
    /// A response that took longer makes its request slow.
    pub after: Duration,
    /// Their keys are told, too.
    pub are_keys_shown: bool,
}

impl SlowSettings {
    /// No request is slow.
    pub const NEVER: Self = Self { after: Duration::MAX, are_keys_shown: false };
}

/// A request that took long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowRequest {
    /// The server that took so long.
    pub server: ServerId,
    /// The pool of its keys.
    pub pool: PoolId,
    /// What it does.
    pub class: Class,
    /// From its being given to the connection to its response, be it given up before that.
    pub latency: Duration,
    /// Our own loop stood still meanwhile: the server may be innocent.
    pub is_doubtful: bool,
    /// How many keys it has.
    pub keys_len: u32,
    /// The beginning of its first key, as it was written; nothing unless keys are shown.
    pub key: KeyStart,
    /// How many that were slow have not been told of since the one before.
    pub untold: u64,
}

/// The beginning of a key. It holds its bytes itself: a report that had to be dropped would cost
/// every turn of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyStart {
    bytes: [u8; Self::LEN_MAX],
    len: usize,
}

impl KeyStart {
    /// How many bytes of a key are kept.
    pub const LEN_MAX: usize = 64;

    /// Nothing of a key.
    pub const NOTHING: Self = Self { bytes: [0; Self::LEN_MAX], len: 0 };

    /// The beginning of this key.
    pub fn of(key: &[u8]) -> Self {
        let mut start = Self { len: key.len().min(Self::LEN_MAX), ..Self::NOTHING };
        start.bytes[..start.len].copy_from_slice(&key[..start.len]);
        start
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// What one worker has to tell of slow requests.
#[derive(Clone, Copy, Debug)]
pub struct SlowRequests {
    settings: SlowSettings,
    /// When the present second began.
    since: Instant,
    /// How many may still be told of in it.
    left: u32,
    untold: u64,
}

/// How many are told of in one second, by each worker.
pub const SLOW_MAX: u32 = 10;

/// That second.
const SPAN: Duration = Duration::from_secs(1);

impl SlowRequests {
    /// None yet.
    pub fn new(settings: SlowSettings) -> Self {
        Self { settings, since: Instant::ZERO, left: SLOW_MAX, untold: 0 }
    }

    /// Whether a request that took so long is slow.
    #[inline]
    pub fn is_slow(&self, latency: Duration) -> bool {
        self.settings.after < latency
    }

    /// Whether keys are wanted.
    pub fn are_keys_shown(&self) -> bool {
        self.settings.are_keys_shown
    }

    /// Whether one more is told of now; and if so how many have not been since the last.
    pub fn admit(&mut self, now: Instant) -> Option<u64> {
        if self.since + SPAN <= now {
            (self.since, self.left) = (now, SLOW_MAX);
        }
        if self.left == 0 {
            self.untold += 1;
            return None;
        }
        self.left -= 1;
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    #[test]
    fn nothing_is_slow_by_default_and_what_takes_longer_than_is_set_is() {
        let never = SlowRequests::new(SlowSettings::NEVER);
        assert!(!never.is_slow(Duration::from_hours(1)));
        let after = Duration::from_millis(50);
        let slow = SlowRequests::new(SlowSettings { after, ..SlowSettings::NEVER });
        assert!(!slow.is_slow(after));
        assert!(slow.is_slow(after + Duration::from_nanos(1)));
    }

    #[test]
    fn the_beginning_of_a_key_is_kept() {
        assert_eq!(KeyStart::NOTHING.as_bytes(), b"");
        assert_eq!(KeyStart::of(b"user:42").as_bytes(), b"user:42");
        let long = [b'x'; 65];
        assert_eq!(KeyStart::of(&long[..64]).as_bytes(), &long[..64]);
        assert_eq!(KeyStart::of(&long).as_bytes(), &long[..64]);
    }

    #[test]
    fn ten_a_second_are_told_of_and_the_rest_are_counted() {
        let mut slow = SlowRequests::new(SlowSettings::NEVER);
        let told = (0..25).filter(|_| slow.admit(at(5000)).is_some()).count();
        assert_eq!(told, 10);
        assert_eq!(slow.admit(at(5999)), None);
        assert_eq!(slow.admit(at(6000)), Some(16));
        assert_eq!(slow.admit(at(6000)), Some(0));
    }
}
