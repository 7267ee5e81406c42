//! The promises hold: some seeds in every test run, thousands in the binary.

use std::time::Duration;

use evenkeel_sim::dice::Chance;
use evenkeel_sim::faults::FaultKind;
use evenkeel_sim::options::{MembershipOptions, pool, second_pool};
use evenkeel_sim::world::Totals;
use evenkeel_sim::{Options, run};

#[track_caller]
fn check(seed: u64, options: Options) -> Totals {
    let verdict = run(seed, options);
    assert_eq!(verdict.violation, None, "seed {seed}");
    verdict.totals
}

#[track_caller]
fn check_seeds(seeds: std::ops::Range<u64>) -> Totals {
    let mut totals = Totals::default();
    for seed in seeds {
        totals += check(seed, Options::drawn(seed));
    }
    totals
}

#[test]
fn one_seed_gives_one_run() {
    let hash = |seed| run(seed, Options::drawn(3)).trace_hash;
    assert_eq!(hash(3), hash(3));
    assert_ne!(hash(3), hash(4));
}

#[test]
fn drawn_seeds_keep_the_promises() {
    check_seeds(0..20);
}

#[test]
fn more_drawn_seeds_keep_the_promises() {
    check_seeds(20..40);
}

#[test]
fn what_seeds_try_is_worth_trying() {
    let totals = check_seeds(40..60);
    assert!(totals.tally.answered > 50_000, "{totals}");
    assert!(totals.tally.values > 10_000, "{totals}");
    assert!(totals.faults > 50 && totals.ejections > 20, "{totals}");
    assert!(totals.diverted > 0 && totals.late_responses > 0, "{totals}");
}

#[test]
fn applications_that_do_not_read_lose_values_and_nothing_else() {
    let mut options = Options::calm();
    options.limits.output_max = 8 * 1024;
    options.network.buffer_len = 2 * 1024;
    options.load.big_chance = Chance::percent(20);
    options.load.deaf_chance = Chance::percent(10);
    let totals = check(1, options);
    assert!(totals.values_dropped > 0, "{totals}");
}

#[test]
fn an_application_that_sends_one_by_one_through_small_buffers_is_answered_in_the_end() {
    check(20385, Options { callers_len: 0, second: None, ..Options::drawn(20385) });
}

/// What seed `seed` runs, with servers that join and leave often.
fn moving(seed: u64) -> Options {
    let mut options = Options::drawn(seed);
    options.pool.servers = pool(4).servers;
    let pause_max = Some(Duration::from_millis(500));
    options.membership = MembershipOptions { outside_len: 2, pause_max };
    options
}

#[test]
fn servers_that_join_and_leave_break_no_promise() {
    let mut totals = Totals::default();
    for seed in 100..115 {
        totals += check(seed, moving(seed));
    }
    assert!(totals.changes > 50 && totals.faults > 50 && totals.diverted > 0, "{totals}");
}

#[test]
fn without_faults_servers_that_join_and_leave_are_no_reason_to_eject_any() {
    let mut options = Options { faults: Options::calm().faults, workers_len: 3, ..moving(1) };
    // It may meet a canary.
    options.load.flush_chance = Chance::NEVER;
    let totals = check(1, options);
    assert!(totals.changes > 2, "{totals}");
    assert_eq!((totals.ejections, totals.faults), (0, 0), "{totals}");
}

#[test]
fn flush_all_reaches_a_server_that_has_just_joined() {
    check(192, Options { second: None, ..Options::drawn(192) });
}

#[test]
fn a_value_that_was_given_up_is_not_read_when_its_holder_becomes_its_home() {
    check(1439, Options { second: None, ..Options::drawn(1439) });
}

/// What seed `seed` runs, with prefix routes to a second pool.
fn routed(seed: u64) -> Options {
    let options = Options::drawn(seed);
    let second = options.second.clone().unwrap_or_else(|| second_pool(2));
    Options { second: Some(second), ..options }
}

#[test]
fn prefix_routes_to_a_second_pool_break_no_promise() {
    let mut totals = Totals::default();
    for seed in 200..220 {
        totals += check(seed, routed(seed));
    }
    assert!(totals.tally.values > 10_000 && totals.faults > 50, "{totals}");
    assert!(totals.diverted > 0 && totals.ejections > 20, "{totals}");
}

#[test]
fn without_faults_nothing_fails_by_prefix_routes() {
    let totals = check(1, Options { second: Some(second_pool(2)), ..Options::calm() });
    assert_eq!((totals.tally.failed, totals.ejections, totals.faults), (0, 0, 0), "{totals}");
    assert!(totals.tally.answered > 1000, "{totals}");
}

/// What seed `seed` runs, with calls in place of sessions.
fn called(seed: u64) -> Options {
    let options = Options::drawn(seed);
    Options { callers_len: options.applications_len, second: None, ..options }
}

#[test]
fn callers_are_kept_the_promises() {
    let mut totals = Totals::default();
    for seed in 60..80 {
        totals += check(seed, called(seed));
    }
    assert!(totals.tally.answered > 50_000 && totals.tally.given_up > 1000, "{totals}");
    assert!(totals.diverted > 0 && totals.late_responses > 0, "{totals}");
}

#[test]
fn a_call_that_ends_when_a_server_is_ejected_can_be_given_up_in_that_moment() {
    check(449, called(449));
}

#[test]
fn what_callers_without_time_gave_up_does_not_come_back() {
    let mut options = Options::calm();
    (options.workers_len, options.applications_len, options.callers_len) = (3, 10, 10);
    options.control.table_lag_max = Duration::from_secs(1);
    options.control.long_lag_chance = Chance::percent(50);
    options.chaos_interval = Duration::from_secs(10);
    options.recovery.settle_interval = Duration::ZERO;
    options.faults.kinds = vec![FaultKind::Stall];
    options.faults.pause_max = Duration::from_millis(300);
    options.faults.interval_max = Duration::from_millis(600);
    options.faults.follow_chance = Chance::percent(50);
    options.network.latency_max = Duration::from_millis(3);
    let load = &mut options.load;
    (load.keys_len, load.burst_max, load.keys_per_get_max) = (2, 2, 1);
    load.pause_max = Duration::from_millis(3);
    load.echo_chance = Chance::percent(30);
    load.give_up_chance = Chance::percent(50);
    load.hurry_chance = Chance::percent(90);
    for chance in [
        &mut load.meta_chance,
        &mut load.quiet_chance,
        &mut load.bad_chance,
        &mut load.flush_chance,
        &mut load.leave_chance,
    ] {
        *chance = Chance::NEVER;
    }
    check(5, options);
}

#[test]
fn without_faults_no_call_fails_but_those_in_a_hurry() {
    let mut options = Options { callers_len: 4, ..Options::calm() };
    options.load.hurry_chance = Chance::NEVER;
    let totals = check(1, options);
    assert_eq!((totals.tally.failed, totals.ejections, totals.faults), (0, 0, 0), "{totals}");
    assert!(totals.tally.answered > 1000 && totals.tally.given_up > 0, "{totals}");
}

#[test]
fn without_faults_nothing_fails() {
    let totals = check(1, Options::calm());
    assert_eq!((totals.tally.failed, totals.ejections, totals.faults), (0, 0, 0), "{totals}");
    assert!(totals.tally.answered > 1000, "{totals}");
}

#[test]
fn several_workers_share_one_health() {
    for seed in 0..4 {
        let totals = check(seed, Options { workers_len: 3, ..Options::drawn(seed) });
        assert!(totals.tally.answered > 0, "{totals}");
    }
}

#[test]
fn every_kind_of_fault_alone_keeps_the_promises() {
    for (seed, kind) in (0..).zip(FaultKind::ALL) {
        let mut options = Options::calm();
        options.faults.kinds = vec![kind];
        options.callers_len = options.applications_len / 2;
        assert!(check(seed, options).faults > 0, "{kind:?}");
    }
}
