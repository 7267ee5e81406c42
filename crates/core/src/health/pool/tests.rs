//! What only comparing servers shows. One behaviour a test.

use super::*;
use crate::config::ServerConfig;
use crate::event::Rule;
use crate::protocol::request::Class;

struct Rig {
    pool: PoolHealth,
    now: Instant,
    random: Random,
    events: Vec<Event>,
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn id(number: usize) -> ServerId {
    ServerId(10 + u16::try_from(number).unwrap())
}

impl Rig {
    fn new(servers_len: usize) -> Self {
        let server = |number| {
            ServerConfig::new(format!("10.0.0.{number}").parse().expect("it is an address"))
        };
        let servers = (0..servers_len).map(server).collect();
        let config = PoolConfig::new("main".parse().unwrap(), servers);
        let now = Instant::from_nanos(1_000_000_000);
        let pool = PoolHealth::new(now, &config, (0..servers_len).map(id));
        Self { pool, now, random: Random::new(1), events: Vec::new() }
    }

    /// Lets time pass; canaries come back after these times, or not at all.
    fn pass(&mut self, time: Duration, canaries: &[Option<Duration>]) {
        let end = self.now + time;
        loop {
            self.pool.handle_timeout(self.now);
            while let Some((server, canary)) = self.pool.poll_canary(self.now) {
                let report = match canaries[usize::from(server.0) - 10] {
                    Some(latency) => CanaryReport::Good { latency, identity: None },
                    None => CanaryReport::Bad(Failure::Timeout),
                };
                let random = &mut self.random;
                self.pool.handle_canary(self.now, server, canary.id, report, random);
            }
            self.events.extend(self.pool.drain_events());
            let next = self.pool.next_timeout().expect("windows end");
            if next > end {
                break;
            }
            self.now = next.max(self.now);
        }
        self.now = end;
    }

    /// A second in which each server answers 100 requests in these times.
    fn second(&mut self, latencies: &[Duration]) {
        let canaries: Vec<_> = latencies.iter().map(|it| Some(*it)).collect();
        for _ in 0..10 {
            for (number, latency) in latencies.iter().enumerate() {
                let mut tally = Tally::default();
                for _ in 0..10 {
                    tally.note_response(Class::Read, *latency, false);
                }
                self.pool.handle_tally(self.now, id(number), &tally);
            }
            self.pass(ms(100), &canaries);
        }
    }

    fn fail(&mut self, number: usize) {
        self.pool.handle_failure(self.now, id(number), Failure::Timeout, 3);
        self.events.extend(self.pool.drain_events());
    }

    fn refuse(&mut self, number: usize) {
        self.pool.handle_failure(self.now, id(number), Failure::Refused, 0);
    }

    #[track_caller]
    fn check(&self, wanted: &[StateName]) {
        let states: Vec<_> = self.pool.states().map(|(_, state, _)| state).collect();
        assert_eq!(states, wanted);
    }

    fn mass_failures(&self) -> usize {
        let is_it = |it: &&Event| matches!(it.what, Happening::MassFailure { .. });
        self.events.iter().filter(is_it).count()
    }
}

use StateName::{Down, Suspect, Up};

// Mass failure.

#[test]
fn of_a_pool_of_one_the_one_is_ejected() {
    let mut rig = Rig::new(1);
    rig.fail(0);
    rig.check(&[Down]);
}

#[test]
fn of_two_one_is_ejected_and_of_two_at_once_none() {
    let mut rig = Rig::new(2);
    rig.fail(0);
    rig.check(&[Down, Up]);
    rig.fail(1);
    rig.check(&[Suspect, Suspect]);
    assert_eq!(rig.mass_failures(), 1);
}

#[test]
fn of_three_one_is_ejected_and_of_all_at_once_none() {
    let mut rig = Rig::new(3);
    rig.fail(1);
    rig.check(&[Up, Down, Up]);
    rig.now = rig.now + ms(10);
    rig.fail(2);
    rig.check(&[Up, Suspect, Suspect]);
    rig.fail(0);
    rig.check(&[Suspect, Suspect, Suspect]);
    assert_eq!(rig.mass_failures(), 1, "it is said once");
    let what = Happening::MassFailure { failing: 2, servers_len: 3 };
    assert!(rig.events.contains(&Event { at: rig.now, server: id(2), what }));
}

#[test]
fn of_six_two_are_ejected_and_of_three_none() {
    let mut rig = Rig::new(6);
    rig.fail(0);
    rig.fail(1);
    rig.check(&[Down, Down, Up, Up, Up, Up]);
    rig.fail(2);
    rig.check(&[Suspect, Suspect, Suspect, Up, Up, Up]);
}

#[test]
fn all_that_refuse_are_ejected() {
    let mut rig = Rig::new(3);
    for number in 0..3 {
        rig.refuse(number);
    }
    rig.check(&[Down, Down, Down]);
    assert_eq!(rig.mass_failures(), 0);
}

#[test]
fn a_server_that_refuses_leaves_room_for_one_that_hangs() {
    let mut rig = Rig::new(3);
    rig.refuse(0);
    rig.refuse(1);
    rig.fail(2);
    rig.check(&[Down, Down, Down]);
}

#[test]
fn a_mass_failure_ends_and_everything_is_as_before() {
    let mut rig = Rig::new(3);
    (0..3).for_each(|number| rig.fail(number));
    rig.pass(ms(3000), &[Some(ms(1)); 3]);
    rig.check(&[Up, Up, Up]);
    // Neither the doubt nor the ejection that was revoked is remembered.
    rig.fail(1);
    rig.check(&[Up, Down, Up]);
    rig.pass(ms(200), &[Some(ms(1)); 3]);
    rig.check(&[Up, StateName::Returning, Up]);
}

#[test]
fn a_mass_failure_that_lasts_ejects_after_its_hold() {
    let mut rig = Rig::new(3);
    (0..3).for_each(|number| rig.fail(number));
    rig.pass(ms(4900), &[None; 3]);
    rig.check(&[Suspect, Suspect, Suspect]);
    rig.pass(ms(300), &[None; 3]);
    rig.check(&[Down, Down, Down]);
    assert_eq!(rig.mass_failures(), 1);
}

#[test]
fn a_server_that_has_long_been_down_stays_so_when_another_hangs() {
    let mut rig = Rig::new(3);
    rig.fail(0);
    let canaries = [None, Some(ms(1)), Some(ms(1))];
    rig.pass(ms(2000), &canaries);
    rig.fail(1);
    rig.check(&[Down, Suspect, Up]);
    rig.pass(ms(2000), &[None, None, Some(ms(1))]);
    rig.check(&[Down, Suspect, Up]);
    rig.pass(ms(4000), &[None, None, Some(ms(1))]);
    rig.check(&[Down, Down, Up]);
}

// Ramps.

#[test]
fn of_servers_that_return_together_the_first_gets_all_its_keys_at_once() {
    let mut rig = Rig::new(3);
    for number in 0..3 {
        rig.refuse(number);
    }
    rig.pass(ms(100), &[Some(ms(1)), None, None]);
    rig.check(&[Up, Down, Down]);
    rig.pass(ms(300), &[Some(ms(1)); 3]);
    rig.check(&[Up, StateName::Returning, StateName::Returning]);
}

#[test]
fn a_returning_server_gets_all_its_keys_when_the_others_fail() {
    let mut rig = Rig::new(2);
    rig.refuse(0);
    rig.pass(ms(200), &[Some(ms(1)); 2]);
    rig.check(&[StateName::Returning, Up]);
    rig.refuse(1);
    rig.check(&[Up, Down]);
}

#[test]
fn without_failover_there_is_no_ramp() {
    let mut rig = Rig::new(2);
    rig.pool.failover = Failover::None;
    rig.refuse(0);
    rig.pass(ms(200), &[Some(ms(1)); 2]);
    rig.check(&[Up, Up]);
}

// Slowness.

const QUICK: Duration = Duration::from_micros(300);

#[test]
fn a_server_slower_than_the_others_for_three_windows_is_ejected() {
    let mut rig = Rig::new(3);
    let latencies = [QUICK, ms(60), QUICK];
    rig.second(&latencies);
    rig.second(&latencies);
    rig.check(&[Up, Up, Up]);
    rig.second(&latencies);
    rig.second(&latencies);
    rig.check(&[Up, Down, Up]);
    let slow = rig.events.iter().find_map(|it| match it.what {
        Happening::State(it) if it.rule == Rule::Slow => Some(it.evidence),
        _ => None,
    });
    assert!(matches!(slow, Some(Evidence::Slow { windows: 3, .. })), "{slow:?}");
}

#[test]
fn a_server_that_is_still_slow_does_not_come_back() {
    let mut rig = Rig::new(3);
    for _ in 0..30 {
        rig.second(&[QUICK, ms(60), QUICK]);
    }
    rig.check(&[Up, Down, Up]);
    let ejections = rig
        .events
        .iter()
        .filter(|it| matches!(it.what, Happening::State(it) if it.rule == Rule::Slow));
    assert_eq!(ejections.count(), 1);
    for _ in 0..7 {
        rig.second(&[QUICK; 3]);
    }
    rig.check(&[Up, Up, Up]);
}

#[test]
fn a_server_below_the_floor_is_never_slow() {
    let mut rig = Rig::new(3);
    for _ in 0..10 {
        rig.second(&[QUICK, ms(15), QUICK]);
    }
    rig.check(&[Up, Up, Up]);
}

#[test]
fn a_server_less_than_the_factor_slower_is_not_slow() {
    let mut rig = Rig::new(3);
    for _ in 0..10 {
        rig.second(&[ms(30), ms(90), ms(30)]);
    }
    rig.check(&[Up, Up, Up]);
    for _ in 0..4 {
        rig.second(&[ms(30), ms(190), ms(30)]);
    }
    rig.check(&[Up, Down, Up]);
}

#[test]
fn a_window_that_is_not_slow_between_slow_ones_starts_the_count_anew() {
    let mut rig = Rig::new(3);
    for _ in 0..5 {
        rig.second(&[QUICK, ms(60), QUICK]);
        rig.second(&[QUICK, ms(60), QUICK]);
        rig.second(&[QUICK; 3]);
        rig.second(&[QUICK; 3]);
    }
    rig.check(&[Up, Up, Up]);
}

#[test]
fn more_slow_servers_than_may_be_are_not_ejected_and_it_is_said_once() {
    let mut rig = Rig::new(3);
    for _ in 0..10 {
        rig.second(&[ms(60), ms(60), QUICK]);
    }
    rig.check(&[Up, Up, Up]);
    assert_eq!(rig.mass_failures(), 1);
}

#[test]
fn servers_that_are_all_slow_are_not_slow() {
    let mut rig = Rig::new(3);
    for _ in 0..10 {
        rig.second(&[ms(60); 3]);
    }
    rig.check(&[Up, Up, Up]);
    assert_eq!(rig.mass_failures(), 0);
}

#[test]
fn a_server_alone_is_never_slow() {
    let mut rig = Rig::new(1);
    for _ in 0..10 {
        rig.second(&[ms(90)]);
    }
    rig.check(&[Up]);
}

#[test]
fn one_slow_canary_counts_once() {
    let mut rig = Rig::new(3);
    rig.pass(ms(900), &[Some(QUICK), Some(ms(60)), Some(QUICK)]);
    for _ in 0..10 {
        // Canaries that are late for it leave nothing to judge a window by.
        rig.pool.handle_timeout(rig.now);
        rig.now = rig.now + ms(1000);
    }
    rig.check(&[Up, Up, Up]);
}

#[test]
fn servers_without_requests_are_compared_by_their_canaries() {
    let mut rig = Rig::new(3);
    rig.pass(ms(6000), &[Some(QUICK), Some(ms(60)), Some(QUICK)]);
    rig.check(&[Up, Down, Up]);
}

// Routes.

#[test]
fn a_route_follows_what_a_server_is_taken_for() {
    let mut rig = Rig::new(2);
    let settings = crate::routing::ConnectionSettings {
        timeout: ms(250),
        connect_timeout: ms(250),
        attempts_in_flight_max: 1,
    };
    let usable = crate::routing::Usable::Yes;
    let mut route = ServerRoute {
        usable,
        takes_writes: true,
        suspect_after: ms(250),
        disguise: 1,
        settings,
        has_left: false,
    };
    assert!(rig.pool.update_route(id(0), &mut route), "the time it may be silent is its own");
    assert_eq!(route.suspect_after, ms(20));
    assert!(!rig.pool.update_route(id(0), &mut route));
    rig.refuse(0);
    assert!(rig.pool.update_route(id(0), &mut route));
    assert!(!route.is_wanted());
}
