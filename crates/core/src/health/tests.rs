//! One server's health, its time moved by hand. One behaviour a test.

use proptest::prelude::*;

use super::*;

const CONFIG_SUSPECT_CLEAR_MS: u64 = 1000;

/// A server and what is known about it.
struct Watch {
    health: Health,
    now: Instant,
    random: Random,
}

impl Watch {
    fn with(change: impl FnOnce(&mut HealthConfig)) -> Self {
        let mut config = HealthConfig::default();
        change(&mut config);
        let now = Instant::from_nanos(1_000_000_000);
        Self { health: Health::new(now, config), now, random: Random::new(1) }
    }

    fn new() -> Self {
        Self::with(|_| {})
    }

    /// A server that has been ejected at this moment.
    fn down() -> Self {
        let mut watch = Self::new();
        watch.fail(Failure::Refused);
        assert_eq!(watch.health.state(), StateName::Down);
        watch.check_rules(&[Rule::Refused]);
        watch
    }

    fn pass_ms(&mut self, ms: u64) -> &mut Self {
        self.now = self.now + Duration::from_millis(ms);
        self
    }

    fn fail(&mut self, failure: Failure) -> &mut Self {
        self.fail_in_a_row(failure, 1)
    }

    fn fail_in_a_row(&mut self, failure: Failure, timeouts_in_a_row: u32) -> &mut Self {
        self.health.handle_failure(self.now, failure, timeouts_in_a_row);
        self
    }

    #[track_caller]
    fn canary(&mut self) -> CanaryId {
        self.health.poll_canary(self.now).expect("a canary is due")
    }

    fn has_canary(&mut self) -> bool {
        self.health.poll_canary(self.now).is_some()
    }

    /// Sends the canary that is due and has it come back at once.
    #[track_caller]
    fn canary_comes_back(&mut self, result: Result<u64, Failure>) -> &mut Self {
        let id = self.canary();
        let result = result.map(Duration::from_micros);
        self.health.handle_canary(self.now, id, result, &mut self.random);
        self
    }

    /// Waits for the next canary; returns for how long.
    fn wait_for_canary(&mut self) -> Duration {
        let at = self.health.next_timeout().expect("no canary is on its way");
        let wait = at - self.now;
        self.now = self.now.max(at);
        wait
    }

    #[track_caller]
    fn check(&self, state: StateName) {
        assert_eq!(self.health.state(), state);
    }

    #[track_caller]
    fn check_rules(&mut self, wanted: &[Rule]) {
        let rules: Vec<_> = self.health.drain_transitions().map(|it| it.rule).collect();
        assert_eq!(rules, wanted);
    }
}

#[track_caller]
fn check_about(interval: Duration, ms: u32) {
    let wanted = Duration::from_millis(u64::from(ms));
    assert!((wanted * 80 / 100..=wanted * 120 / 100).contains(&interval), "{interval:?} for {ms}");
}

// Up.

#[test]
fn a_server_is_taken_to_be_up_and_gets_a_canary_at_once() {
    let mut watch = Watch::new();
    watch.check(StateName::Up);
    assert!(watch.has_canary());
    assert!(!watch.has_canary(), "one at a time");
    assert_eq!(watch.health.next_timeout(), None);
}

#[test]
fn an_up_server_gets_a_canary_every_interval() {
    let mut watch = Watch::new();
    for _ in 0..20 {
        watch.canary_comes_back(Ok(100));
        assert!(!watch.has_canary());
        check_about(watch.wait_for_canary(), 1000);
    }
    watch.check(StateName::Up);
    watch.check_rules(&[]);
}

#[test]
fn a_first_failure_is_suspicious_and_sends_a_canary_at_once() {
    for failure in [
        Failure::Timeout,
        Failure::Reset,
        Failure::Closed,
        Failure::ConnectTimeout,
        Failure::ServerError,
    ] {
        let mut watch = Watch::new();
        watch.canary_comes_back(Ok(100)).fail(failure);
        watch.check(StateName::Suspect);
        watch.check_rules(&[Rule::Suspicion]);
        assert!(watch.has_canary());
    }
}

#[test]
fn what_follows_from_an_ejection_or_from_our_own_limits_is_not_evidence() {
    let mut watch = Watch::new();
    watch.fail(Failure::Ejected).fail(Failure::NoServer).fail(Failure::Overload);
    watch.check(StateName::Up);
}

#[test]
fn a_server_that_refuses_to_be_connected_to_is_down() {
    for failure in [Failure::Refused, Failure::Unreachable] {
        let mut watch = Watch::new();
        watch.fail(failure);
        watch.check(StateName::Down);
        watch.check_rules(&[Rule::Refused]);
        let mut watch = Watch::new();
        watch.canary_comes_back(Err(failure));
        watch.check(StateName::Down);
        let mut watch = Watch::new();
        watch.fail(Failure::Reset).fail(failure);
        watch.check(StateName::Down);
        watch.check_rules(&[Rule::Suspicion, Rule::Refused]);
    }
}

#[test]
fn a_bad_canary_makes_an_up_server_suspect_and_a_second_one_ejects_it() {
    let mut watch = Watch::new();
    watch.canary_comes_back(Err(Failure::Timeout));
    watch.check(StateName::Suspect);
    watch.canary_comes_back(Err(Failure::WrongValue));
    watch.check(StateName::Down);
    watch.check_rules(&[Rule::Suspicion, Rule::Canary]);
}

#[test]
fn as_many_timeouts_in_a_row_as_it_takes_eject() {
    for eject_after in [1, 2, 5] {
        let mut watch = Watch::with(|config| config.eject_after = eject_after);
        watch.fail_in_a_row(Failure::Timeout, eject_after - 1);
        watch.check(StateName::Suspect);
        watch.fail_in_a_row(Failure::Timeout, eject_after);
        watch.check(StateName::Down);
        watch.check_rules(&[Rule::Suspicion, Rule::Timeouts]);
    }
}

#[test]
fn only_timeouts_are_counted_in_a_row() {
    let mut watch = Watch::new();
    watch.fail_in_a_row(Failure::Reset, 100);
    watch.check(StateName::Suspect);
}

// Suspect.

#[test]
fn a_suspect_server_is_used() {
    assert!(StateName::Up.is_usable() && StateName::Suspect.is_usable());
    assert!(!StateName::Down.is_usable());
}

#[test]
fn a_suspect_server_is_cleared_by_good_canaries_and_time() {
    let mut watch = Watch::new();
    watch.fail(Failure::Reset).canary_comes_back(Ok(100));
    watch.check(StateName::Suspect);
    assert_eq!(watch.wait_for_canary(), Duration::from_millis(CONFIG_SUSPECT_CLEAR_MS));
    watch.canary_comes_back(Ok(100));
    watch.check(StateName::Up);
    watch.check_rules(&[Rule::Suspicion, Rule::Cleared]);
    check_about(watch.wait_for_canary(), 1000);
}

#[test]
fn a_failure_starts_the_time_until_a_server_is_cleared_anew() {
    let mut watch = Watch::new();
    watch.fail(Failure::Reset).canary_comes_back(Ok(100));
    watch.pass_ms(900).fail(Failure::Reset);
    watch.wait_for_canary();
    watch.canary_comes_back(Ok(100));
    watch.check(StateName::Suspect);
    watch.wait_for_canary();
    watch.canary_comes_back(Ok(100));
    watch.check(StateName::Up);
    assert_eq!(watch.now, Instant::from_nanos(2_900_000_000), "1 s after the last failure");
}

#[test]
fn a_failure_while_a_canary_is_on_its_way_does_not_let_it_clear_the_server() {
    let mut watch = Watch::new();
    watch.fail(Failure::Reset).canary_comes_back(Ok(100));
    watch.wait_for_canary();
    let id = watch.canary();
    watch.fail(Failure::Reset);
    let latency = Duration::from_micros(100);
    watch.health.handle_canary(watch.now, id, Ok(latency), &mut watch.random);
    watch.check(StateName::Suspect);
}

#[test]
fn a_server_that_keeps_failing_stays_suspect_and_gets_a_canary_a_second() {
    let mut watch = Watch::new();
    let mut canaries = 0;
    for _ in 0..1000 {
        watch.fail(Failure::ServerError).pass_ms(10);
        while watch.health.next_timeout().is_some_and(|at| at <= watch.now) {
            watch.canary_comes_back(Ok(100));
            canaries += 1;
        }
    }
    watch.check(StateName::Suspect);
    assert!((9..=12).contains(&canaries), "{canaries} canaries in 10 s");
    watch.check_rules(&[Rule::Suspicion]);
}

#[test]
fn a_canary_sent_before_the_first_failure_is_ignored_and_another_sent() {
    let mut watch = Watch::new();
    let before = watch.canary();
    watch.fail(Failure::Reset);
    let after = watch.canary();
    assert_ne!(before, after);
    watch.health.handle_canary(watch.now, before, Err(Failure::Timeout), &mut watch.random);
    watch.check(StateName::Suspect);
    assert_eq!(watch.health.next_timeout(), None, "the other is still on its way");
    watch.health.handle_canary(watch.now, after, Err(Failure::Timeout), &mut watch.random);
    watch.check(StateName::Down);
}

#[test]
fn a_canary_that_comes_back_twice_counts_once() {
    let mut watch = Watch::new();
    watch.fail(Failure::Reset);
    let id = watch.canary();
    for _ in 0..2 {
        let latency = Duration::from_micros(100);
        watch.health.handle_canary(watch.now, id, Ok(latency), &mut watch.random);
    }
    watch.check(StateName::Suspect);
    assert_eq!(watch.wait_for_canary(), Duration::from_millis(CONFIG_SUSPECT_CLEAR_MS));
}

// Down.

#[test]
fn a_down_server_is_probed_at_intervals_that_grow_to_their_limit() {
    let mut watch = Watch::down();
    assert_eq!(watch.wait_for_canary(), Duration::from_millis(100));
    for ms in [100, 160, 256, 409, 655, 1000, 1000, 1000] {
        watch.canary_comes_back(Err(Failure::Refused));
        check_about(watch.wait_for_canary(), ms);
    }
    watch.check(StateName::Down);
    watch.check_rules(&[]);
}

#[test]
fn good_canaries_in_a_row_bring_a_server_back_one_right_after_the_other() {
    for rise in [1, 2, 5] {
        let mut watch = Watch::with(|config| config.rise = rise);
        watch.fail(Failure::Refused);
        watch.wait_for_canary();
        for _ in 1..rise {
            watch.canary_comes_back(Ok(100));
            watch.check(StateName::Down);
            assert_eq!(watch.health.next_timeout(), Some(watch.now));
        }
        watch.canary_comes_back(Ok(250));
        watch.check(StateName::Up);
        let last = watch.health.drain_transitions().last().unwrap();
        assert_eq!(last.rule, Rule::Canaries);
        assert_eq!(last.evidence, Evidence::GoodCanaries(rise, Duration::from_micros(250)));
        check_about(watch.wait_for_canary(), 1000);
    }
}

#[test]
fn a_bad_canary_between_good_ones_starts_the_count_anew() {
    let mut watch = Watch::down();
    for result in [Ok(1), Err(Failure::Timeout), Ok(1), Err(Failure::Timeout), Ok(1)] {
        watch.wait_for_canary();
        watch.canary_comes_back(result);
        watch.check(StateName::Down);
    }
    watch.canary_comes_back(Ok(1));
    watch.check(StateName::Up);
}

#[test]
fn reports_about_a_down_server_change_nothing() {
    let mut watch = Watch::down();
    let probe_at = watch.health.next_timeout();
    watch.pass_ms(50).fail(Failure::Refused).fail_in_a_row(Failure::Timeout, 9);
    watch.check(StateName::Down);
    assert_eq!(watch.health.next_timeout(), probe_at);
    watch.check_rules(&[]);
}

#[test]
fn a_canary_sent_before_the_ejection_is_ignored() {
    let mut watch = Watch::with(|config| config.rise = 1);
    let id = watch.canary();
    watch.fail(Failure::Refused);
    let latency = Duration::from_micros(100);
    watch.health.handle_canary(watch.now, id, Ok(latency), &mut watch.random);
    watch.check(StateName::Down);
    assert!(watch.health.next_timeout().is_some());
}

#[test]
fn intervals_between_probes_start_anew_with_each_ejection() {
    let mut watch = Watch::down();
    for _ in 0..10 {
        watch.wait_for_canary();
        watch.canary_comes_back(Err(Failure::Refused));
    }
    watch.wait_for_canary();
    watch.canary_comes_back(Ok(1)).canary_comes_back(Ok(1));
    watch.check(StateName::Up);
    watch.fail(Failure::Refused);
    assert_eq!(watch.wait_for_canary(), Duration::from_millis(100));
}

// In the end.

fn failure() -> impl Strategy<Value = Failure> {
    prop::sample::select(vec![
        Failure::Timeout,
        Failure::Reset,
        Failure::Refused,
        Failure::ServerError,
        Failure::Ejected,
        Failure::NoServer,
    ])
}

proptest! {
    #[test]
    fn a_server_that_answers_its_canaries_is_up_in_the_end(
        events in prop::collection::vec((0..2000_u64, prop::option::of((failure(), 0..5_u32))), 0..40),
    ) {
        let mut watch = Watch::new();
        for (ms, event) in events {
            watch.pass_ms(ms);
            match event {
                Some((failure, in_a_row)) => {
                    watch.fail_in_a_row(failure, in_a_row);
                }
                // A canary is sent, and its driver does report.
                None if watch.health.next_timeout().is_some_and(|at| at <= watch.now) => {
                    watch.canary_comes_back(Err(Failure::Timeout));
                }
                None => {}
            }
        }
        for _ in 0..5 {
            watch.wait_for_canary();
            watch.canary_comes_back(Ok(100));
        }
        watch.check(StateName::Up);
        // Each transition begins where the one before it ended.
        let transitions: Vec<_> = watch.health.drain_transitions().collect();
        for pair in transitions.windows(2) {
            prop_assert_eq!(pair[0].to, pair[1].from);
        }
    }
}

// Saying why.

#[test]
fn a_transition_says_when_and_on_which_evidence() {
    let mut watch = Watch::new();
    watch.pass_ms(5).fail_in_a_row(Failure::Timeout, 2);
    let transition = watch.health.drain_transitions().next().unwrap();
    assert_eq!(transition.at, watch.now);
    assert_eq!((transition.from, transition.to), (StateName::Up, StateName::Suspect));
    assert_eq!(transition.evidence, Evidence::Request(Failure::Timeout, 2));
    assert_eq!(watch.health.since(), watch.now);
    assert_eq!(watch.health.drain_transitions().count(), 0);
}

#[test]
fn evidence_reads_as_a_sentence() {
    for (evidence, wanted) in [
        (Evidence::Request(Failure::Timeout, 3), "request timed out, 3 in a row"),
        (Evidence::Request(Failure::Reset, 0), "request failed: connection reset"),
        (Evidence::BadCanary(Failure::WrongValue), "canary failed: wrong value"),
        (
            Evidence::GoodCanaries(2, Duration::from_micros(80)),
            "2 good canaries, the last in 80 us",
        ),
    ] {
        assert_eq!(evidence.to_string(), wanted);
    }
}
