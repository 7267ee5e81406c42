//! When each request of the open pace is meant to start, and on which connection.
//!
//! Requests come due at even intervals, whatever became of the earlier ones, and each belongs to
//! one connection: they take turns. One that cannot start when it is due, because its connection
//! is full or away, is held back. It starts as soon as it can, and its latency counts from when
//! it was due.

use std::time::Duration;

use crate::driver::Lane;

/// The requests of one lane. Times count from the start of the run.
pub(crate) struct Timetable {
    lane: Lane,
    rate: u64,
    /// How many have come due.
    due: u64,
    /// How many will.
    end: u64,
    started: u64,
    /// The one that came due last, until it is known that no other one is due.
    fresh: Option<u64>,
    /// For each connection, its next request.
    nexts: Vec<u64>,
}

/// A request that can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Departure {
    /// Its number among all requests.
    pub(crate) number: u64,
    /// When it was due.
    pub(crate) due: Duration,
    /// Did it wait for its connection?
    pub(crate) is_held_back: bool,
}

impl Timetable {
    /// `rate` requests a second over all lanes. `end` is a time or a number of this lane's
    /// requests, after `warm_up`.
    pub(crate) fn new(
        lane: Lane,
        rate: u64,
        connections: usize,
        warm_up: Duration,
        end: TimetableEnd,
    ) -> Self {
        let nexts = (0..connections as u64).collect();
        let mut timetable = Self { lane, rate, due: 0, end: 0, started: 0, fresh: None, nexts };
        timetable.end = match end {
            TimetableEnd::Requests(count) => timetable.count_before(warm_up) + count,
            TimetableEnd::Time(time) => timetable.count_before(warm_up + time),
        };
        timetable
    }

    /// When the next request comes due.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        (self.due < self.end).then(|| self.time_of(self.due))
    }

    /// The connection of the next request that has come due by now, if there is one more. If
    /// it is not taken before the next call, it is held back.
    pub(crate) fn poll_due(&mut self, now: Duration) -> Option<usize> {
        let is_due = self.next_due().is_some_and(|due| due <= now);
        self.fresh = is_due.then_some(self.due);
        self.fresh?;
        let connection = self.due % self.nexts.len() as u64;
        self.due += 1;
        Some(usize::try_from(connection).expect("it is the index of a connection"))
    }

    /// The connection's next request, if one is due.
    pub(crate) fn take(&mut self, connection: usize) -> Option<Departure> {
        let own = self.nexts[connection];
        if own >= self.due {
            return None;
        }
        self.nexts[connection] += self.nexts.len() as u64;
        self.started += 1;
        let (number, due) = (self.lane.number(own), self.time_of(own));
        Some(Departure { number, due, is_held_back: self.fresh != Some(own) })
    }

    /// Have all come due and started?
    pub(crate) fn is_complete(&self) -> bool {
        self.started == self.end
    }

    /// How many of the lane's requests are due before this time.
    fn count_before(&self, time: Duration) -> u64 {
        // The first number whose time, rounded down, is not before this one.
        let numbers = (time.as_nanos() * u128::from(self.rate)).div_ceil(NANOS_PER_SECOND.into());
        self.lane.share(u64::try_from(numbers).unwrap_or(u64::MAX))
    }

    fn time_of(&self, own: u64) -> Duration {
        let number = self.lane.number(own);
        let rest = number % self.rate * NANOS_PER_SECOND / self.rate;
        Duration::from_secs(number / self.rate) + Duration::from_nanos(rest)
    }
}

/// Where a timetable ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimetableEnd {
    /// After so many requests of its lane.
    Requests(u64),
    /// Before this time.
    Time(Duration),
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const ALONE: Lane = Lane { idx: 0, count: 1 };

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn timetable(connections: usize) -> Timetable {
        Timetable::new(ALONE, 1000, connections, Duration::ZERO, TimetableEnd::Requests(100))
    }

    #[track_caller]
    fn check_take(timetable: &mut Timetable, connection: usize, number: u64, is_held_back: bool) {
        let departure = Departure { number, due: millis(number), is_held_back };
        assert_eq!(timetable.take(connection), Some(departure));
    }

    #[test]
    fn requests_come_due_at_even_intervals_in_turn_on_the_connections() {
        let mut timetable = timetable(2);
        for (number, connection) in (0..10).zip([0, 1].into_iter().cycle()) {
            assert_eq!(timetable.next_due(), Some(millis(number)));
            assert_eq!(timetable.poll_due(millis(number)), Some(connection));
            check_take(&mut timetable, connection, number, false);
            assert_eq!(timetable.take(connection), None);
            assert_eq!(timetable.poll_due(millis(number)), None, "the next is not due yet");
        }
    }

    #[test]
    fn one_that_cannot_start_keeps_its_time() {
        let mut timetable = timetable(2);
        let due: Vec<_> = std::iter::from_fn(|| timetable.poll_due(millis(4))).collect();
        assert_eq!(due, [0, 1, 0, 1, 0]);
        for (connection, number) in [(1, 1), (1, 3), (0, 0), (0, 2), (0, 4)] {
            check_take(&mut timetable, connection, number, true);
        }
        assert_eq!(timetable.next_due(), Some(millis(5)), "what was late shifts nothing");
    }

    #[test]
    fn all_lanes_together_send_each_request_once() {
        let count = 3;
        let mut sent = Vec::new();
        for idx in 0..count {
            let end = TimetableEnd::Time(millis(50));
            let mut timetable = Timetable::new(Lane { idx, count }, 1000, 2, Duration::ZERO, end);
            while let Some(connection) = timetable.poll_due(millis(1000)) {
                sent.push(timetable.take(connection).unwrap().number);
            }
            assert!(timetable.is_complete());
        }
        sent.sort_unstable();
        assert_eq!(sent, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn it_is_complete_when_the_last_has_started() {
        let mut timetable =
            Timetable::new(ALONE, 1000, 1, Duration::ZERO, TimetableEnd::Requests(1));
        assert!(!timetable.is_complete());
        timetable.poll_due(millis(0));
        assert_eq!(timetable.next_due(), None);
        assert!(!timetable.is_complete(), "it is due and has not started");
        timetable.take(0);
        assert!(timetable.is_complete());
    }

    #[test]
    fn a_warm_up_comes_before_what_was_asked_for() {
        for (end, expected) in
            [(TimetableEnd::Requests(10), [17, 16]), (TimetableEnd::Time(millis(10)), [12, 11])]
        {
            // 13 requests are due before 13 ms: seven of the one lane, six of the other.
            let ends = [0, 1]
                .map(|idx| Timetable::new(Lane { idx, count: 2 }, 1000, 1, millis(13), end).end);
            assert_eq!(ends, expected);
        }
    }

    #[test]
    fn rates_that_do_not_divide_a_second_drift_by_nothing() {
        for rate in [3, 7, 999_983, 1_000_000_000] {
            let end = TimetableEnd::Time(Duration::from_secs(100));
            let timetable = Timetable::new(ALONE, rate, 1, Duration::ZERO, end);
            assert_eq!(timetable.end, 100 * rate);
            assert_eq!(timetable.time_of(100 * rate), Duration::from_secs(100));
        }
    }
}
