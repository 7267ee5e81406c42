//! What timers wait for after a stall of our own.
//!
//! What came while our own loop stood still came in time: timers must not find it unread, however
//! often the driver is rung for meanwhile. Nor must they end what could not be written before, and is
//! about to be answered. But a loop that is always late has timers all the same.

use std::time::Duration;

use evenkeel_core::Instant;

/// Until when timers are put off, if they are.
#[derive(Debug, Default)]
pub(super) struct Respite(Option<Instant>);

/// Less than what is taken for a stall.
const RESPITE: Duration = Duration::from_millis(10);

impl Respite {
    /// A turn of the driver begins: when it must come again, if timers wait till then.
    pub(super) fn handle_turn(&mut self, now: Instant, has_stalled: bool) -> Option<Instant> {
        if has_stalled {
            self.0.get_or_insert(now + RESPITE);
        }
        self.0 = self.0.filter(|until| now < *until);
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    #[test]
    fn without_a_stall_timers_wait_for_nothing() {
        assert_eq!(Respite::default().handle_turn(at(1), false), None);
    }

    #[test]
    fn timers_wait_after_a_stall_however_often_the_driver_comes() {
        let mut respite = Respite::default();
        assert_eq!(respite.handle_turn(at(1000), true), Some(at(1010)));
        assert_eq!(respite.handle_turn(at(1000), false), Some(at(1010)));
        assert_eq!(respite.handle_turn(at(1009), false), Some(at(1010)));
        assert_eq!(respite.handle_turn(at(1010), false), None);
        assert_eq!(respite.handle_turn(at(1011), false), None);
    }

    #[test]
    fn a_loop_that_is_always_late_has_timers_all_the_same() {
        let mut respite = Respite::default();
        assert_eq!(respite.handle_turn(at(1000), true), Some(at(1010)));
        assert_eq!(respite.handle_turn(at(1040), true), None);
        assert_eq!(respite.handle_turn(at(1080), true), Some(at(1090)));
    }
}
