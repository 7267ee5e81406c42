//! What a proxy might say, for tests of how it is shown.

use evenkeel_api::{
    Connections, Event, History, Latencies, LatencyPercentiles, Listener, Pool, PoolHistory,
    PoolTotals, Rates, Server, ServerHistory, ServerReport, ServerTotals, Status,
};

/// A proxy with one pool of three servers: one is up, one down, one returning.
pub(crate) fn status() -> Status {
    Status {
        version: "0.1.0".to_owned(),
        pid: 4242,
        started_at: "2026-11-22T00:00:00.000Z".to_owned(),
        uptime_seconds: 10_812,
        at: "2026-11-22T03:00:12.345Z".to_owned(),
        is_lab: false,
        sessions_open: Some(42),
        listeners: vec![Listener {
            name: "main".to_owned(),
            address: "127.0.0.1:11311".to_owned(),
            pool: "main".to_owned(),
            routes: Vec::new(),
        }],
        last_reload: None,
        next_event: 3,
        pools: vec![pool()],
    }
}

fn pool() -> Pool {
    let mut down = server("b", "down");
    down.is_usable = false;
    down.share_percent = 0;
    down.misplaced_keys = 1234;
    down.rates = Rates::default();
    down.latencies = Latencies::default();
    down.connections.open = 0;
    down.report = None;
    down.for_seconds = 12.3;
    down.since = "2026-11-22T03:00:00.045Z".to_owned();
    down.rule = Some("timeouts".to_owned());
    down.evidence = Some("request timed out, 3 in a row".to_owned());
    down.reason = "down by timeouts: request timed out, 3 in a row".to_owned();
    let mut returning = server("c", "returning");
    returning.share_percent = 40;
    returning.for_seconds = 2.0;
    returning.rates.errors = 0.25;
    returning.reason = "returning with 40 % of its keys".to_owned();
    Pool {
        name: "main".to_owned(),
        distribution: "ketama".to_owned(),
        failover: "next".to_owned(),
        gutter: None,
        rejoin: "clean".to_owned(),
        is_ready: true,
        reason: Some("2 of 3 servers are usable".to_owned()),
        servers_usable: 2,
        misplaced_keys: 1234,
        misplaced_bytes: 160_000,
        misplaced_bytes_max: 64 << 20,
        hit_percent: Some(92.1),
        totals: PoolTotals::default(),
        servers: vec![server("10.0.0.1:11211", "up"), down, returning],
    }
}

/// A server that is in use.
pub(crate) fn server(name: &str, state: &str) -> Server {
    Server {
        pool: "main".to_owned(),
        name: name.to_owned(),
        address: "10.0.0.1:11211".to_owned(),
        resolved: Some("10.0.0.1:11211".to_owned()),
        weight: 1,
        state: state.to_owned(),
        since: "2026-11-22T00:00:00.000Z".to_owned(),
        for_seconds: 10_812.3,
        rule: None,
        evidence: None,
        reason: state.to_owned(),
        is_usable: true,
        takes_writes: true,
        is_flush_required: false,
        share_percent: 100,
        misplaced_keys: 0,
        connections: Connections { open: 2, wanted: 2 },
        rates: Rates { requests: 1234.0, hits: 1000.0, misses: 86.0, errors: 0.0 },
        totals: ServerTotals::default(),
        latencies: Latencies {
            all: Some(LatencyPercentiles { p50_us: 71, p95_us: 400, p99_us: 1200 }),
            ..Latencies::default()
        },
        report: Some(ServerReport {
            at: "2026-11-22T03:00:10.000Z".to_owned(),
            version: Some("1.6.18".to_owned()),
            uptime_seconds: Some(90_000),
            memory_bytes: Some(43 << 20),
            memory_bytes_max: Some(64 << 20),
            connections: Some(120),
            connections_max: Some(1024),
            evictions: Some(0),
            items: Some(70_000),
        }),
    }
}

/// What happened to `b`.
pub(crate) fn events() -> Vec<Event> {
    let changes = [
        (
            0,
            "2026-11-22T02:59:59.900Z",
            "up",
            "suspect",
            "suspicion",
            "request timed out, 1 in a row",
        ),
        (
            1,
            "2026-11-22T03:00:00.045Z",
            "suspect",
            "down",
            "timeouts",
            "request timed out, 3 in a row",
        ),
    ];
    let event = changes.into_iter().map(|(number, at, from, to, rule, evidence)| Event {
        number,
        at: at.to_owned(),
        kind: "state".to_owned(),
        pool: Some("main".to_owned()),
        server: Some("b".to_owned()),
        from: Some(from.to_owned()),
        to: Some(to.to_owned()),
        rule: Some(rule.to_owned()),
        evidence: Some(evidence.to_owned()),
        text: format!("main/b: {from} -> {to} ({rule}: {evidence})"),
    });
    event.collect()
}

/// The last minute: all servers become slower and fast again, every eight seconds.
pub(crate) fn history() -> History {
    let p99_us: Vec<_> = (0..60)
        .map(|second| Some([50, 100, 400, 1_000, 4_000, 10_000, 40_000, 200_000][second % 8]))
        .collect();
    let unknown = || vec![None; 60];
    let servers = ["10.0.0.1:11211", "b", "c"].map(|server| ServerHistory {
        server: server.to_owned(),
        state: vec![None; 60],
        requests: vec![None; 60],
        errors: vec![None; 60],
        p50_us: unknown(),
        p95_us: unknown(),
        p99_us: if server == "b" { unknown() } else { p99_us.clone() },
    });
    History {
        first_at: "2026-11-22T02:59:12.000Z".to_owned(),
        interval_seconds: 1,
        len: 60,
        pools: vec![PoolHistory {
            pool: "main".to_owned(),
            hit_percent: vec![None; 60],
            misplaced_keys: unknown(),
            servers: servers.into(),
        }],
    }
}
