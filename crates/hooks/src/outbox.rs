//! What is told when: the first event at once, what follows within an interval as one summary.
//!
//! # Intuition
//! Who is told something goes and looks. What happens in the next seconds adds little, and each
//! message that says it takes attention away. While it goes on and on (a server that comes and
//! goes), summaries become rarer.
//!
//! # States and transitions
//! | from | what happens | to |
//! |---|---|---|
//! | quiet | an event | told at once; then an interval |
//! | interval | events | gathered |
//! | interval | ends with nothing gathered | quiet |
//! | interval | ends with something gathered | told; then an interval twice as long, up to a limit |
//!
//! # Hard cases
//! A message that took long to deliver (the receiver was away) may outlast its interval. What came
//! meanwhile is then one summary, told at once.

use std::time::{Duration, Instant};

use evenkeel_api::Event;
use evenkeel_core::config::HookConfig;

/// How many events of a message are told one by one. Of more there is the number.
pub(crate) const EVENTS_MAX: usize = 50;

/// What one hook is still to be told, and when.
#[derive(Debug)]
pub(crate) struct Outbox {
    interval: Duration,
    /// What is told next.
    gathered: Gathered,
    /// What came after the last message is gathered until then.
    until: Option<Instant>,
    /// How much longer the present interval is than the first.
    factor: u32,
}

/// What is told in one message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Gathered {
    /// The first [`EVENTS_MAX`].
    pub(crate) events: Vec<Event>,
    /// How many there were.
    pub(crate) total: u64,
    /// How many were no longer known when they were asked for.
    pub(crate) missed: u64,
}

impl Gathered {
    pub(crate) fn is_empty(&self) -> bool {
        self.total == 0 && self.missed == 0
    }
}

impl Outbox {
    pub(crate) fn new(interval: Duration) -> Self {
        Self { interval, gathered: Gathered::default(), until: None, factor: 1 }
    }

    /// Something has happened that this hook is told of.
    pub(crate) fn handle_event(&mut self, now: Instant, event: Event) {
        self.note_quiet(now);
        self.gathered.total += 1;
        if self.gathered.events.len() < EVENTS_MAX {
            self.gathered.events.push(event);
        }
    }

    /// So many events were no longer known.
    pub(crate) fn handle_missed(&mut self, now: Instant, missed: u64) {
        self.note_quiet(now);
        self.gathered.missed += missed;
    }

    /// An interval in which nothing came is over.
    fn note_quiet(&mut self, now: Instant) {
        if self.gathered.is_empty() && self.until.is_some_and(|until| until <= now) {
            (self.until, self.factor) = (None, 1);
        }
    }

    /// What is to be told now.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Gathered> {
        if self.gathered.is_empty() || self.until.is_some_and(|until| now < until) {
            return None;
        }
        if self.until.is_some() {
            self.factor = (self.factor * 2).min(HookConfig::INTERVAL_FACTOR_MAX);
        }
        self.until = Some(now + self.interval * self.factor);
        Some(self.take_all())
    }

    /// What is still to be told, whenever that would be.
    pub(crate) fn take_all(&mut self) -> Gathered {
        std::mem::take(&mut self.gathered)
    }

    /// When to call [`Outbox::poll`] next.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.until.filter(|_| !self.gathered.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::event;

    const INTERVAL: Duration = Duration::from_secs(10);

    struct Rig {
        start: Instant,
        outbox: Outbox,
    }

    impl Rig {
        fn new() -> Self {
            Self { start: Instant::now(), outbox: Outbox::new(INTERVAL) }
        }

        fn event(&mut self, seconds: u64, number: u64) {
            self.outbox.handle_event(self.at(seconds), event(number));
        }

        fn at(&self, seconds: u64) -> Instant {
            self.start + Duration::from_secs(seconds)
        }

        /// The numbers of the events that are told then.
        fn told(&mut self, seconds: u64) -> Option<Vec<u64>> {
            let gathered = self.outbox.poll(self.at(seconds))?;
            Some(gathered.events.iter().map(|event| event.number).collect())
        }
    }

    #[test]
    fn the_first_event_is_told_at_once_and_what_follows_is_one_summary() {
        let mut rig = Rig::new();
        assert_eq!(rig.told(0), None);
        rig.event(0, 0);
        assert_eq!(rig.told(0), Some(vec![0]));
        assert_eq!(rig.outbox.next_timeout(), None);
        (1..40).for_each(|number| rig.event(1, number));
        assert_eq!(rig.outbox.next_timeout(), Some(rig.at(10)));
        assert_eq!(rig.told(9), None);
        assert_eq!(rig.told(10).map(|told| told.len()), Some(39));
        assert_eq!(rig.told(100), None);
    }

    #[test]
    fn an_event_after_a_quiet_interval_is_told_at_once() {
        let mut rig = Rig::new();
        rig.event(0, 0);
        rig.told(0);
        rig.event(10, 1);
        assert_eq!(rig.told(10), Some(vec![1]));
        rig.event(15, 2);
        assert_eq!(rig.told(19), None);
        assert_eq!(rig.told(20), Some(vec![2]));
    }

    #[test]
    fn while_it_goes_on_summaries_become_rarer_up_to_a_limit() {
        let mut rig = Rig::new();
        let mut told_at = Vec::new();
        for second in 0..1000 {
            rig.event(second, second);
            if rig.told(second).is_some() {
                told_at.push(second);
            }
        }
        assert_eq!(told_at, [0, 10, 30, 70, 150, 310, 470, 630, 790, 950]);
        // It ends, and is forgotten.
        assert!(rig.told(1110).is_some());
        rig.event(1500, 0);
        assert!(rig.told(1500).is_some());
        rig.event(1501, 1);
        assert!(rig.told(1509).is_none());
        assert!(rig.told(1510).is_some());
    }

    #[test]
    fn of_very_many_events_there_is_the_number() {
        let mut rig = Rig::new();
        (0..60).for_each(|number| rig.event(0, number));
        let gathered = rig.outbox.poll(rig.at(0)).unwrap();
        assert_eq!((gathered.events.len(), gathered.total), (EVENTS_MAX, 60));
    }

    #[test]
    fn what_was_missed_is_told_even_if_nothing_else_is() {
        let mut rig = Rig::new();
        rig.outbox.handle_missed(rig.at(0), 7);
        let gathered = rig.outbox.poll(rig.at(0)).unwrap();
        assert_eq!((gathered.total, gathered.missed), (0, 7));
    }
}
