//! What a running admin server answers.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::rig::{PATIENCE, Rig, wait_until};

/// Sends lines of memcached's protocol through the proxy, and reads until it says `END`.
fn application(rig: &Rig, lines: &str) -> String {
    let mut stream = TcpStream::connect(rig.address()).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("it is above 0");
    stream.write_all(format!("{lines}quit\r\n").as_bytes()).expect("it is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an orderly close");
    answer
}

#[test]
fn the_status_names_the_process_its_pools_and_its_servers() {
    let rig = Rig::start();
    let status = rig.ask("/api/v1/status").json();
    assert_eq!(status["pid"], std::process::id());
    assert_eq!(status["is_lab"], false);
    assert_eq!(status["listeners"][0]["address"], rig.address().to_string());
    let pool = &status["pools"][0];
    assert_eq!((&pool["name"], &pool["distribution"]), (&"main".into(), &"ketama".into()));
    assert_eq!((&pool["failover"], &pool["rejoin"]), (&"next".into(), &"clean".into()));
    assert_eq!(names(&rig.ask("/api/v1/pools").json()), names(&status["pools"]));
    let server = rig.ask("/api/v1/pools/main/servers/b").json();
    assert_eq!(server["address"], rig.servers[1].addr().to_string());
    assert_eq!(server["resolved"], rig.servers[1].addr().to_string());
    assert_eq!((&server["state"], &server["is_usable"]), (&"up".into(), &true.into()));
    assert_eq!(server["reason"], "up since the start");
}

/// The names of the first pool's servers.
fn names(pools: &Value) -> Vec<Value> {
    let servers = pools[0]["servers"].as_array().expect("a list").iter();
    servers.map(|server| server["name"].clone()).collect()
}

#[test]
fn figures_come_in_as_requests_are_served() {
    let rig = Rig::start();
    let answer = application(&rig, "set key 0 0 1\r\nx\r\nget key\r\nget none\r\n");
    assert!(answer.starts_with("STORED\r\nVALUE key 0 1\r\nx\r\nEND\r\nEND\r\n"), "{answer}");
    wait_until("the figures", || {
        let pool = rig.ask("/api/v1/pools/main").json();
        let servers = pool["servers"].as_array().expect("a list");
        let sum = |part: &str| -> u64 {
            servers.iter().filter_map(|it| it["totals"][part].as_u64()).sum()
        };
        let has_latencies = |it: &Value| it["latencies"]["all"]["p99_us"].as_u64() > Some(0);
        (sum("requests"), sum("hits"), sum("misses"), sum("errors")) == (3, 1, 1, 0)
            && pool["hit_percent"] == 50.0
            && servers.iter().any(has_latencies)
    });
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    let rig = Rig::start();
    let check = |path: &str, part: &str| {
        let answer = rig.ask(path);
        answer.check_failure(404, "not-found");
        assert!(answer.body.contains(part), "{answer:?}");
    };
    check("/api/v1/pools/x", "there are main");
    check("/api/v1/pools/main/servers/x", "there are a, b");
    check("/api/v1/pools/x/servers/a", "there are main");
    check("/api/v1/lab", "openapi.json");
    check("/api/v1/pools/%00%0a", "there are main");
    check("/favicon.txt", "openapi.json");
    check("/api/v1/route?key=k&pool=x", "there are main");
    check("/api/v1/configuration", "");
    rig.order("a", "explode").check_failure(404, "not-found");
    rig.order("x", "drain").check_failure(404, "not-found");
    rig.send("PUT", "/api/v1/status", &[crate::rig::NO_BROWSER]).check_failure(405, "wrong-method");
    rig.send("POST", "/api/v1/reload", &[crate::rig::NO_BROWSER]).check_failure(409, "conflict");
}

#[test]
fn what_cannot_be_understood_is_said() {
    let rig = Rig::start();
    for path in [
        "/api/v1/events?since=x",
        "/api/v1/events?since=-1",
        "/api/v1/events?limit=0",
        "/api/v1/events?limit=1025",
        "/api/v1/events?sinse=1",
        "/api/v1/events/stream?since=x",
        "/api/v1/history?seconds=0",
        "/api/v1/history?seconds=601",
        "/api/v1/route",
        "/api/v1/pools/%ff",
        "/api/v1/route?key=",
        "/api/v1/route?key=a%20b",
        "/api/v1/route?key=a%0Ab",
        &format!("/api/v1/route?key={}", "k".repeat(251)),
    ] {
        rig.ask(path).check_failure(400, "bad-request");
    }
    assert_eq!(rig.ask(&format!("/api/v1/route?key={}", "k".repeat(250))).status, 200);
    assert_eq!(rig.ask("/api/v1/events?limit=1024").status, 200);
    assert_eq!(rig.ask("/api/v1/history?seconds=600").status, 200);
}

#[test]
fn a_keys_route_changes_with_its_server() {
    let rig = Rig::start();
    let route = rig.ask("/api/v1/route?key=k%C3%B6nig").json();
    let home = route["home"].as_str().expect("a name").to_owned();
    assert_eq!((&route["key"], &route["pool"]), (&"könig".into(), &"main".into()));
    assert_eq!((&route["reads_go_to"], &route["writes_go_to"]), (&route["home"], &route["home"]));
    assert_eq!(route["reason"], format!("{home} is its home, and is up"));
    assert_eq!(route["order"].as_array().map(Vec::len), Some(2));
    assert_eq!(rig.order(&home, "drain").status, 202);
    let other = if home == "a" { "b" } else { "a" };
    wait_until("the key to go elsewhere", || {
        rig.ask("/api/v1/route?key=k%C3%B6nig").json()["reads_go_to"] == other
    });
    let route = rig.ask("/api/v1/route?key=k%C3%B6nig").json();
    let reason = route["reason"].as_str().expect("a reason");
    assert_eq!(
        reason,
        format!("{home} is its home and is not used for it now (drained); {other} is next")
    );
    application(&rig, "set könig 0 0 1\r\nx\r\n");
    let route = rig.ask("/api/v1/route?key=k%C3%B6nig").json();
    assert_eq!(route["misplaced"]["holder"], other);
    assert_eq!(route["misplaced"]["stale"][0], home);
    let pool = rig.ask("/api/v1/pools/main").json();
    assert_eq!(pool["misplaced_keys"], 1);
}

#[test]
fn the_last_seconds_are_remembered() {
    let rig = Rig::start();
    application(&rig, "set key 0 0 1\r\nx\r\nget key\r\n");
    wait_until("a second with those requests", || {
        let history = rig.ask("/api/v1/history?seconds=60").json();
        let len = usize::try_from(history["len"].as_u64().expect("a length")).expect("a few");
        let pools = history["pools"].as_array().expect("a list");
        let Some(pool) = pools.first() else { return false };
        let columns = |server: &Value| {
            let names = ["state", "requests", "errors", "p50_us", "p95_us", "p99_us"];
            names.iter().all(|name| server[name].as_array().is_some_and(|it| it.len() == len))
        };
        let servers = pool["servers"].as_array().expect("a list");
        assert!(servers.iter().all(columns), "{history}");
        let has = |column: &Value, is_it: fn(f64) -> bool| {
            let cells = column.as_array().into_iter().flatten();
            cells.filter_map(Value::as_f64).any(is_it)
        };
        has(&pool["hit_percent"], |it| it > 99.0)
            && servers
                .iter()
                .any(|it| has(&it["requests"], |it| it > 1.0) && has(&it["p99_us"], |it| it > 0.0))
    });
}

#[test]
fn a_process_is_ready_when_it_can_serve() {
    let rig = Rig::start();
    let ready = rig.ask("/health/ready").json();
    assert_eq!((&ready["is_ready"], &ready["reason"]), (&true.into(), &Value::Null));
    let pool = &ready["pools"][0];
    assert_eq!((&pool["servers"], &pool["servers_usable"]), (&2.into(), &2.into()));
    rig.order("a", "drain");
    wait_until("one server to be out", || {
        rig.ask("/health/ready").json()["pools"][0]["servers_usable"] == 1
    });
    let ready = rig.ask("/health/ready");
    assert_eq!((ready.status, &ready.json()["is_ready"]), (200, &true.into()));
    let reason = &ready.json()["pools"][0]["reason"];
    assert!(reason.as_str().is_some_and(|it| it.starts_with("1 of 2 servers are usable: a is ")));
    rig.order("b", "drain");
    wait_until("no server to be left", || rig.ask("/health/ready").status == 503);
}
