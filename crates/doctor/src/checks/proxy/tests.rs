//! What is found of what a proxy says, at each threshold.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use evenkeel_api::{
    Connections, Event, History, Latencies, LatencyPercentiles, Pool, PoolHistory, PoolTotals,
    Rates, Reload, ReloadOutcome, Server, ServerTotals, Status,
};

use crate::check::{Findings, Severity};
use crate::examine::Examination;
use crate::facts::{
    HookTally, Lane, Outcome, Place, Probe, ProxyFacts, ProxyUnreachable, ProxyUnreachableKind,
    ProxyView, Reached, ServerFacts, Step, StepKind, Unreachable, UnreachableKind,
};
use crate::target::Target;

const NAME: &str = "http://127.0.0.1:9311";

fn server(name: &str) -> Server {
    Server {
        pool: "main".to_owned(),
        name: name.to_owned(),
        address: "10.0.0.1:11211".to_owned(),
        resolved: Some("10.0.0.1:11211".to_owned()),
        weight: 1,
        state: "up".to_owned(),
        since: "2026-11-22T00:00:00.000Z".to_owned(),
        for_seconds: 10_812.3,
        rule: None,
        evidence: None,
        reason: "up".to_owned(),
        is_usable: true,
        takes_writes: true,
        is_flush_required: false,
        share_percent: 100,
        misplaced_keys: 0,
        connections: Connections { open: 2, wanted: 2 },
        rates: Rates { requests: 100.0, hits: 90.0, misses: 10.0, errors: 0.0 },
        totals: ServerTotals::default(),
        latencies: latencies(500),
        report: None,
    }
}

fn latencies(p95_us: u64) -> Latencies {
    let all = Some(LatencyPercentiles { p50_us: 71, p95_us, p99_us: p95_us });
    Latencies { all, ..Latencies::default() }
}

fn view() -> ProxyView {
    let pool = Pool {
        name: "main".to_owned(),
        distribution: "ketama".to_owned(),
        failover: "next".to_owned(),
        gutter: None,
        rejoin: "clean".to_owned(),
        is_ready: true,
        reason: None,
        servers_usable: 3,
        misplaced_keys: 0,
        misplaced_bytes: 0,
        misplaced_bytes_max: 1000,
        hit_percent: Some(90.0),
        totals: PoolTotals::default(),
        servers: ["a", "b", "c"].map(server).into(),
    };
    let place =
        |name: &str| Place { name: format!("main/{name}"), examined: Ok(format!("main/{name}")) };
    ProxyView {
        status: Status {
            version: "0.1.0".to_owned(),
            pid: 4242,
            started_at: "2026-11-22T00:00:00.000Z".to_owned(),
            uptime_seconds: 10_812,
            at: "2026-11-22T03:00:00.000Z".to_owned(),
            is_lab: false,
            sessions_open: Some(42),
            listeners: Vec::new(),
            last_reload: None,
            next_event: 0,
            pools: vec![pool],
        },
        configuration: None,
        settings: None,
        file_differences: Vec::new(),
        history: None,
        events: Vec::new(),
        hooks: Vec::new(),
        servers: ["a", "b", "c"].map(place).into(),
        listeners: Vec::new(),
    }
}

/// A server as it was examined from here: well, or refusing connections.
fn facts(name: &str, is_well: bool) -> ServerFacts {
    let addr = SocketAddr::from(([10, 0, 0, 1], 11_211));
    let reached = Reached { addr, lookup: Duration::ZERO, connect: Duration::ZERO };
    let refused = Unreachable {
        kind: UnreachableKind::Refused,
        words: "Connection refused".to_owned(),
        addr: Some(addr),
        after: Duration::ZERO,
    };
    let step =
        Step { kind: StepKind::Get, took: Duration::from_micros(80), outcome: Outcome::Good };
    let lane = Lane { connect: Ok(Duration::ZERO), steps: vec![step] };
    ServerFacts {
        target: "memcached://10.0.0.1".parse::<Target>().unwrap().named(format!("main/{name}")),
        at: SystemTime::now(),
        took: Duration::ZERO,
        reach: if is_well { Ok(reached) } else { Err(refused) },
        probe: Probe { lanes: if is_well { vec![lane] } else { Vec::new() }, ..Probe::default() },
        says: None,
        gaps: Vec::new(),
    }
}

/// Check, about whom, and how bad.
type Found = (&'static str, String, Severity);

fn found(view: Result<ProxyView, ProxyUnreachable>, is_a_well: bool) -> Vec<Found> {
    let proxy = ProxyFacts {
        name: NAME.to_owned(),
        at: SystemTime::now(),
        took: Duration::ZERO,
        view: view.map(Box::new),
        gaps: Vec::new(),
    };
    let examination = Examination {
        at: SystemTime::now(),
        took: Duration::ZERO,
        servers: vec![facts("a", is_a_well), facts("b", true), facts("c", true)],
        proxies: vec![proxy],
        groups: Vec::new(),
    };
    let findings = Findings::of(&examination).into_iter();
    let findings = findings.filter(|it| it.check.starts_with("evenkeel-"));
    findings.map(|it| (it.check, it.server.unwrap_or_default(), it.severity)).collect()
}

/// The proxy's view, changed so, gives this finding and no other.
#[track_caller]
fn check(change: impl FnOnce(&mut ProxyView), expected: Option<(&'static str, &str, Severity)>) {
    let mut view = view();
    change(&mut view);
    let expected = expected.map(|(check, about, severity)| (check, about.to_owned(), severity));
    assert_eq!(found(Ok(view), true), Vec::from_iter(expected));
}

/// The same with the first server changed so.
#[track_caller]
fn check_server(change: impl FnOnce(&mut Server), expected: Option<(&'static str, Severity)>) {
    let expected = expected.map(|(check, severity)| (check, "main/a", severity));
    check(|view| change(&mut view.status.pools[0].servers[0]), expected);
}

#[test]
fn a_proxy_that_is_well_gives_nothing() {
    check(|_| {}, None);
}

#[test]
fn each_way_of_saying_nothing_is_told_apart() {
    for (kind, severity) in [
        (ProxyUnreachableKind::Unreachable, Severity::Critical),
        (ProxyUnreachableKind::Silent, Severity::Critical),
        (ProxyUnreachableKind::Unauthorized, Severity::Unknown),
        (ProxyUnreachableKind::Foreign, Severity::Unknown),
    ] {
        let error = ProxyUnreachable { kind, words: "words".to_owned(), after: Duration::ZERO };
        assert_eq!(found(Err(error), true), [("evenkeel-reach", NAME.to_owned(), severity)]);
    }
}

#[test]
fn a_server_that_serves_us_and_not_the_proxy_is_told_after_ten_seconds() {
    let down = |seconds| {
        move |it: &mut Server| {
            it.state = "down".to_owned();
            it.is_usable = false;
            it.rule = Some("timeouts".to_owned());
            it.for_seconds = seconds;
        }
    };
    check_server(down(10.0), Some(("evenkeel-server-out", Severity::Warning)));
    check_server(down(9.9), None);
    let mut view = view();
    down(1.0)(&mut view.status.pools[0].servers[0]);
    let expected = ("evenkeel-server-out", "main/a".to_owned(), Severity::Note);
    assert_eq!(found(Ok(view), false), [expected]);
}

#[test]
fn a_server_that_serves_the_proxy_and_not_us_is_told() {
    let expected = ("evenkeel-server-in", "main/a".to_owned(), Severity::Warning);
    assert_eq!(found(Ok(view()), false), [expected]);
}

#[test]
fn an_order_is_a_note_and_after_an_hour_a_warning() {
    for state in ["drained", "down"] {
        let ordered = |seconds| {
            move |it: &mut Server| {
                it.state = state.to_owned();
                it.is_usable = false;
                it.rule = Some("eject".to_owned());
                it.for_seconds = seconds;
            }
        };
        check_server(ordered(3599.0), Some(("evenkeel-ordered", Severity::Note)));
        check_server(ordered(3600.0), Some(("evenkeel-ordered", Severity::Warning)));
    }
}

#[test]
fn three_times_down_within_ten_minutes_is_flapping() {
    let down = |at: &str| Event {
        number: 0,
        at: at.to_owned(),
        kind: "state".to_owned(),
        pool: Some("main".to_owned()),
        server: Some("a".to_owned()),
        from: Some("up".to_owned()),
        to: Some("down".to_owned()),
        rule: None,
        evidence: None,
        text: "main/a: up -> down".to_owned(),
    };
    let late = ["2026-11-22T02:50:00.000Z", "2026-11-22T02:55:00Z", "2026-11-22T02:59:00Z"];
    let expected = Some(("evenkeel-flapping", "main/a", Severity::Warning));
    check(|view| view.events = late.map(down).into(), expected);
    let early = ["2026-11-22T02:49:59.999Z", "2026-11-22T02:55:00Z", "no time"];
    check(|view| view.events = early.map(down).into(), None);
}

#[test]
fn a_server_that_is_stuck_on_its_way_back_is_told() {
    let returning = |seconds| {
        move |it: &mut Server| {
            it.state = "returning".to_owned();
            it.share_percent = 40;
            it.for_seconds = seconds;
        }
    };
    check_server(returning(61.0), Some(("evenkeel-returning", Severity::Warning)));
    check_server(returning(60.0), None);
    check_server(|it| it.is_flush_required = true, Some(("evenkeel-returning", Severity::Warning)));
    check_server(|it| it.takes_writes = false, Some(("evenkeel-writes", Severity::Warning)));
}

#[test]
fn failing_requests_are_told_from_one_and_from_ten_per_cent_on() {
    let failing =
        |requests, errors| move |it: &mut Server| it.rates = Rates { requests, errors, ..it.rates };
    check_server(failing(100.0, 1.0), None);
    check_server(failing(100.0, 1.1), Some(("evenkeel-errors", Severity::Warning)));
    check_server(failing(100.0, 10.1), Some(("evenkeel-errors", Severity::Critical)));
    check_server(failing(9.9, 9.9), None);
}

#[test]
fn a_slow_server_is_told_beside_the_others_and_by_itself() {
    let expected = Some(("evenkeel-slow", Severity::Warning));
    let slow = |p95_us| move |it: &mut Server| it.latencies = latencies(p95_us);
    check_server(slow(5_001), expected);
    check_server(slow(5_000), None);
    let others = |others, own| {
        move |view: &mut ProxyView| {
            let servers = &mut view.status.pools[0].servers;
            for it in servers.iter_mut() {
                it.latencies = latencies(others);
            }
            servers[0].latencies = latencies(own);
        }
    };
    check(others(2_000, 7_999), None);
    check(others(2_000, 8_000), Some(("evenkeel-slow", "main/a", Severity::Warning)));
    check(others(90_000, 100_001), Some(("evenkeel-slow", "main/a", Severity::Warning)));
}

#[test]
fn a_pool_that_serves_nothing_is_critical_unless_its_gutter_does() {
    let out = |view: &mut ProxyView| {
        view.status.pools[0].is_ready = false;
        view.status.pools[0].servers_usable = 0;
    };
    check(out, Some(("evenkeel-not-ready", NAME, Severity::Critical)));
    let with_gutter = |view: &mut ProxyView| {
        let gutter =
            Pool { name: "spare".to_owned(), servers: Vec::new(), ..view.status.pools[0].clone() };
        view.status.pools.push(gutter);
        view.status.pools[0].gutter = Some("spare".to_owned());
        out(view);
    };
    check(with_gutter, Some(("evenkeel-not-ready", NAME, Severity::Warning)));
}

#[test]
fn misplaced_keys_near_their_limit_or_given_up_are_told() {
    let taking = |bytes| move |view: &mut ProxyView| view.status.pools[0].misplaced_bytes = bytes;
    check(taking(800), None);
    check(taking(801), Some(("evenkeel-misplaced", NAME, Severity::Warning)));
    let given_up = |view: &mut ProxyView| view.status.pools[0].totals.keys_given_up = 1;
    check(given_up, Some(("evenkeel-misplaced", NAME, Severity::Note)));
    let lately = |view: &mut ProxyView| {
        given_up(view);
        view.events.push(Event {
            number: 0,
            at: "2026-11-22T02:00:00.000Z".to_owned(),
            kind: "overflowed".to_owned(),
            pool: Some("main".to_owned()),
            server: Some("a".to_owned()),
            from: None,
            to: None,
            rule: None,
            evidence: None,
            text: "main/a: overflowed".to_owned(),
        });
    };
    check(lately, Some(("evenkeel-misplaced", NAME, Severity::Warning)));
}

#[test]
fn a_hit_ratio_that_fell_is_told_by_the_minutes_before() {
    let fell = |seconds: usize, before: f64, now: f64| {
        move |view: &mut ProxyView| {
            view.status.pools[0].hit_percent = Some(now);
            let pool = PoolHistory {
                pool: "main".to_owned(),
                hit_percent: vec![Some(before); seconds],
                misplaced_keys: Vec::new(),
                servers: Vec::new(),
            };
            view.history = Some(History {
                first_at: String::new(),
                interval_seconds: 1,
                len: seconds,
                pools: vec![pool],
            });
        }
    };
    check(fell(75, 90.0, 45.0), Some(("evenkeel-hits", NAME, Severity::Warning)));
    check(fell(75, 90.0, 45.1), None);
    check(fell(75, 90.0, 0.9), Some(("evenkeel-hits", NAME, Severity::Critical)));
    check(fell(74, 90.0, 0.9), None);
    check(fell(75, 12.0, 5.0), None);
    let without_reads = |view: &mut ProxyView| {
        fell(75, 90.0, 0.0)(view);
        for it in &mut view.status.pools[0].servers {
            it.rates = Rates::default();
        }
    };
    check(without_reads, None);
}

#[test]
fn a_configuration_that_is_not_in_effect_is_told() {
    let reload = |outcome, warnings: &[&str]| Reload {
        at: "2026-11-22T02:59:00.000Z".to_owned(),
        outcome,
        changes: Vec::new(),
        warnings: warnings.iter().map(|&it| it.to_owned()).collect(),
        faults: vec!["evenkeel.toml:1:1: unknown key".to_owned()],
    };
    let last = |reload: Reload| move |view: &mut ProxyView| view.status.last_reload = Some(reload);
    let expected = |severity| Some(("evenkeel-configuration", NAME, severity));
    check(last(reload(ReloadOutcome::Applied, &[])), None);
    check(last(reload(ReloadOutcome::Refused, &[])), expected(Severity::Warning));
    check(last(reload(ReloadOutcome::Applied, &["restart"])), expected(Severity::Note));
    check(|view| view.file_differences.push("a change".to_owned()), expected(Severity::Warning));
}

#[test]
fn hooks_that_fail_are_told() {
    let tallies = |delivered, failed| {
        move |view: &mut ProxyView| {
            view.hooks = [("delivered", delivered), ("failed", failed), ("retried", 9)]
                .map(|(outcome, times)| HookTally {
                    hook: "chat".to_owned(),
                    outcome: outcome.to_owned(),
                    times,
                })
                .into();
        }
    };
    check(tallies(0, 0), None);
    check(tallies(0, 1), Some(("evenkeel-hooks", NAME, Severity::Warning)));
    check(tallies(1, 9), Some(("evenkeel-hooks", NAME, Severity::Note)));
}

#[test]
fn what_cannot_be_reached_from_here_is_told() {
    let unseen = |view: &mut ProxyView| {
        view.servers[0].examined = Err("127.0.0.1:1 is a loopback address".to_owned());
    };
    check(unseen, Some(("evenkeel-unseen", "main/a", Severity::Unknown)));
    let elsewhere = |it: &mut Server| it.resolved = Some("10.0.0.9:11211".to_owned());
    check_server(elsewhere, Some(("evenkeel-address", Severity::Note)));
    let listener = |view: &mut ProxyView| {
        let examined = Err("unix:/run/x is no address of the network".to_owned());
        view.listeners.push(Place { name: "main".to_owned(), examined });
    };
    check(listener, Some(("evenkeel-listener", NAME, Severity::Note)));
}
