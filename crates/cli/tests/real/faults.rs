//! Servers that are killed, hang and return while applications work.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Answer, Cluster, Load, LoadReport, Op, Session, spread_key, wait_until};

#[test]
fn kill_of_one_server_costs_misses_and_nothing_else() {
    let mut cluster = Cluster::start(3);
    let victims = keys_at(&cluster, 0);
    let load = Load::start(&cluster);
    thread::sleep(Duration::from_secs(2));
    cluster.servers[0].kill();
    thread::sleep(Duration::from_secs(3));
    cluster.servers[0].restart();
    let returned_at = Instant::now();
    let used_after = wait_for_use(&cluster, &victims, returned_at);
    thread::sleep(Duration::from_secs(2));
    let report = load.stop();

    println!("used again after {used_after:?}");
    check_nothing_lost(&report);
    assert_eq!(report.count_all(Answer::Stale), 0, "{:?}", report.notes);
    let writes_failed = report.count(Op::Write, Answer::Failed);
    assert!(writes_failed <= WRITES_IN_FLIGHT, "{writes_failed}: {:?}", report.notes);
    assert!(used_after < USED_AGAIN_MAX, "the server is used again after {used_after:?}");
}

#[test]
fn hang_of_one_server_costs_misses_and_nothing_else() {
    let cluster = Cluster::start(3);
    let load = Load::start(&cluster);
    thread::sleep(Duration::from_secs(2));
    cluster.servers[0].hang();
    thread::sleep(Duration::from_secs(3));
    cluster.servers[0].resume();
    thread::sleep(Duration::from_secs(4));
    let report = load.stop();

    check_nothing_lost(&report);
}

#[test]
fn with_all_servers_down_reads_are_misses_and_writes_say_so() {
    let mut cluster = Cluster::start(3);
    let mut session = cluster.connect();
    session.set("key", "value");
    for server in &mut cluster.servers {
        server.kill();
    }
    for key in ["key", "other", "third", "fourth"] {
        let start = Instant::now();
        assert_eq!(session.get(key), None);
        session.send(format!("set {key} 0 0 1\r\nx\r\n").as_bytes());
        let answer = session.read_line();
        assert!(answer.starts_with("SERVER_ERROR "), "{answer}");
        assert!(start.elapsed() < 2 * REQUEST_MAX, "{:?}", start.elapsed());
    }
    for server in &mut cluster.servers {
        server.restart();
    }
    // The servers are not all noticed at once: until then a key may move between them.
    wait_until(USED_AGAIN_MAX * 2, "what is written to be read again", || {
        is_stored(&mut session, "key", "again") && session.get("key").as_deref() == Some("again")
    });
}

/// What must hold in every fault: no connection lost, no read failed, no wrong value.
#[track_caller]
fn check_nothing_lost(report: &LoadReport) {
    let notes = &report.notes;
    assert_eq!(report.count_all(Answer::Lost), 0, "{notes:?}");
    assert_eq!(report.count_all(Answer::Wrong), 0, "{notes:?}");
    assert_eq!(report.count(Op::Read, Answer::Failed), 0, "{notes:?}");
    assert!(report.samples.len() >= LOAD_REQUESTS_MIN, "the load was not what it claims");
    let slowest = report.slowest(report.samples.iter());
    println!("the slowest request took {slowest:?}");
    assert!(slowest < REQUEST_MAX, "{slowest:?}, {:?} in one stall", report.stalls.longest());
}

/// Keys whose home is this server: what is written through the proxy is found there.
fn keys_at(cluster: &Cluster, idx: usize) -> Vec<String> {
    let mut session = cluster.connect();
    let mut server = Session::connect(&cluster.servers[idx].address());
    let keys: Vec<String> = (0..60).map(|serial| spread_key("at", serial)).collect();
    for key in &keys {
        session.set(key, "x");
    }
    let keys: Vec<String> = keys.into_iter().filter(|key| server.get(key).is_some()).collect();
    assert!(keys.len() >= 5, "a third of the keys belongs to each server: {keys:?}");
    keys
}

/// Writes these keys of the returned server until one of them arrives there: after how long.
fn wait_for_use(cluster: &Cluster, keys: &[String], returned_at: Instant) -> Duration {
    let mut session = cluster.connect();
    let mut server = Session::connect(&cluster.servers[0].address());
    wait_until(USED_AGAIN_MAX * 3, "the server to be used again", || {
        keys.iter().any(|key| is_stored(&mut session, key, "y") && server.get(key).is_some())
    });
    returned_at.elapsed()
}

fn is_stored(session: &mut Session, key: &str, value: &str) -> bool {
    session.send(format!("set {key} 0 0 {}\r\n{value}\r\n", value.len()).as_bytes());
    session.read_line() == "STORED"
}

/// One on each of the load's connections.
const WRITES_IN_FLIGHT: usize = 8;
const REQUEST_MAX: Duration = Duration::from_millis(300);
const USED_AGAIN_MAX: Duration = Duration::from_secs(2);
/// 1,000 a second over the seven seconds that every load lasts at least.
const LOAD_REQUESTS_MIN: usize = 7_000;
