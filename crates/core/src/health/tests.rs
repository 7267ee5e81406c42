//! One server's health, its time moved by hand. One behaviour a test.

mod ejection;

mod evidence;

mod operator;

mod suspicion;

mod writes;

use std::time::Duration;

use super::*;
use crate::config::HealthConfig;
use crate::event::{Happening, Rule, StateName, Transition};
use crate::failure::Failure;
use crate::protocol::request::Class;
use crate::random::Random;
use crate::routing::Usable;
use crate::time::Instant;
use crate::window::Tally;

/// A server and what is known about it.
struct Watch {
    health: Health,
    now: Instant,
    random: Random,
    peers: Peers,
    happenings: Vec<Happening>,
}

const ALONE: Peers = Peers { soft: Soft::Ejects, slow_above: None };

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Watch {
    fn with(change: impl FnOnce(&mut HealthConfig)) -> Self {
        let mut config = HealthConfig::default();
        change(&mut config);
        let now = Instant::from_nanos(1_000_000_000);
        let health = Health::new(now, config, ms(250));
        Self { health, now, random: Random::new(1), peers: ALONE, happenings: Vec::new() }
    }

    fn new() -> Self {
        Self::with(|_| {})
    }

    /// A server that has been ejected at this moment.
    fn down() -> Self {
        let mut watch = Self::new();
        watch.fail(Failure::Refused);
        watch.check(StateName::Down);
        watch.check_rules(&[Rule::Refused]);
        watch
    }

    /// A server that has just begun to return.
    fn returning() -> Self {
        let mut watch = Self::down();
        watch.wait_for_canary();
        watch.canary_comes_back(Ok(100)).canary_comes_back(Ok(100));
        watch.check(StateName::Returning);
        watch.check_rules(&[Rule::Canaries]);
        watch
    }

    fn pass_ms(&mut self, time: u64) -> &mut Self {
        self.now = self.now + ms(time);
        self
    }

    fn fail(&mut self, failure: Failure) -> &mut Self {
        self.fail_in_a_row(failure, 1)
    }

    fn fail_in_a_row(&mut self, failure: Failure, timeouts_in_a_row: u32) -> &mut Self {
        self.health.handle_failure(self.now, failure, timeouts_in_a_row, self.peers);
        self
    }

    fn count(&mut self, tally: &Tally) -> &mut Self {
        self.health.handle_tally(self.now, tally, self.peers);
        self
    }

    #[track_caller]
    fn canary(&mut self) -> Canary {
        self.health.poll_canary(self.now).expect("a canary is due")
    }

    fn has_canary(&mut self) -> bool {
        self.health.poll_canary(self.now).is_some()
    }

    fn report(&mut self, canary: Canary, report: CanaryReport) -> &mut Self {
        self.health.handle_canary(self.now, canary.id, report, self.peers, &mut self.random);
        self
    }

    /// Sends the canary that is due and has it come back at once.
    #[track_caller]
    fn canary_comes_back(&mut self, result: Result<u64, Failure>) -> &mut Self {
        let canary = self.canary();
        self.report(canary, report(result))
    }

    #[track_caller]
    fn canary_is_refused_its_write(&mut self) -> &mut Self {
        let canary = self.canary();
        self.report(canary, CanaryReport::WritesRefused { latency: ms(1), identity: None })
    }

    /// Waits for what comes next, be it a step of a ramp; returns for how long.
    fn wait(&mut self) -> Duration {
        let at = self.health.next_timeout().expect("no canary is on its way");
        let wait = at - self.now;
        self.now = self.now.max(at);
        self.health.handle_timeout(self.now);
        wait
    }

    /// Waits for the next canary; returns for how long.
    fn wait_for_canary(&mut self) -> Duration {
        let before = self.now;
        while self.health.next_canary_at() > self.now {
            self.wait();
        }
        self.now - before
    }

    fn happened(&mut self) -> Vec<Happening> {
        let now = self.health.drain_happenings().map(|(_, what)| what);
        self.happenings.extend(now);
        std::mem::take(&mut self.happenings)
    }

    fn transitions(&mut self) -> Vec<Transition> {
        let transition = |what: &Happening| match what {
            Happening::State(transition) => Some(*transition),
            _ => None,
        };
        self.happened().iter().filter_map(transition).collect()
    }

    #[track_caller]
    fn check(&self, state: StateName) {
        assert_eq!(self.health.state(), state);
    }

    #[track_caller]
    fn check_rules(&mut self, wanted: &[Rule]) {
        let rules: Vec<_> = self.transitions().iter().map(|it| it.rule).collect();
        assert_eq!(rules, wanted);
    }
}

fn report(result: Result<u64, Failure>) -> CanaryReport {
    match result {
        Ok(micros) => good(Duration::from_micros(micros)),
        Err(failure) => CanaryReport::Bad(failure),
    }
}

fn good(latency: Duration) -> CanaryReport {
    CanaryReport::Good { latency, identity: None }
}

/// So many requests of a class, some of which failed.
fn tally(class: Class, attempts: u32, failed: u32, failure: Failure) -> Tally {
    let mut tally = Tally::default();
    for _ in failed..attempts {
        tally.note_response(class, Duration::from_micros(100), false);
    }
    for _ in 0..failed {
        tally.note_failure(class, failure);
    }
    tally
}

#[track_caller]
fn check_about(interval: Duration, wanted_ms: u32) {
    let wanted = ms(u64::from(wanted_ms));
    let range = wanted * 80 / 100..=wanted * 120 / 100;
    assert!(range.contains(&interval), "{interval:?} for {wanted_ms}");
}
