//! Input that no well-behaved application sends.
//!
//! Whatever comes, another session keeps getting right values, and the proxy's memory stays within
//! bounds. What bad input is answered is compared with memcached in the lab's tests.

use std::time::Duration;

use crate::support::{Bystander, Cluster, spread_key, wait_until};

#[test]
fn garbage_harms_nobody() {
    let mut cluster = Cluster::start(3);
    let bystander = Bystander::start(&cluster.address());
    let mut seed = 1_u64;
    for _ in 0..200 {
        let mut session = cluster.connect();
        let garbage: Vec<u8> = (0..4096).map(|_| next_byte(&mut seed)).collect();
        // The proxy may answer, wait for more, or close at any point.
        let _ = session.try_send(&garbage);
    }
    bystander.stop();
    check_memory(&mut cluster);
}

#[test]
fn line_without_end_is_refused() {
    let mut cluster = Cluster::start(3);
    let bystander = Bystander::start(&cluster.address());
    for start in ["get ", "gets ", "set ", "", "mg ", "delete "] {
        let mut session = cluster.connect();
        session.send(start.as_bytes());
        let piece = vec![b'a'; 64 * 1024];
        // At most 64 MiB are offered; long before that the proxy must have refused.
        let refused_after = (0..1024).find(|_| session.try_send(&piece).is_err());
        assert!(refused_after.is_some(), "{start:?} without an end is taken for ever");
    }
    bystander.stop();
    check_memory(&mut cluster);
}

#[test]
fn value_of_a_gibibyte_is_refused_and_the_session_lives() {
    let mut cluster = Cluster::start(3);
    let bystander = Bystander::start(&cluster.address());
    let mut session = cluster.connect();
    session.set("giant", "small");
    session.send(format!("set giant 0 0 {}\r\n", 1_u64 << 30).as_bytes());
    let piece = vec![b'a'; 1 << 20];
    for _ in 0..1024 {
        session.send(&piece);
    }
    session.expect(b"\r\n", "SERVER_ERROR object too large for cache\r\n");
    // As in memcached: what the application wanted replaced is not served either.
    assert_eq!(session.get("giant"), None);
    bystander.stop();
    check_memory(&mut cluster);
}

#[test]
fn client_that_leaves_in_the_middle_of_a_value_stores_nothing() {
    let mut cluster = Cluster::start(3);
    let bystander = Bystander::start(&cluster.address());
    for idx in 0..100 {
        let mut session = cluster.connect();
        session.send(format!("set {} 0 0 100000\r\n", spread_key("left", idx)).as_bytes());
        session.send(&vec![b'x'; 50_000]);
    }
    let mut session = cluster.connect();
    for idx in 0..100 {
        assert_eq!(session.get(&spread_key("left", idx)), None);
    }
    bystander.stop();
    check_memory(&mut cluster);
}

#[test]
fn client_that_leaves_before_its_answers_harms_nobody() {
    let cluster = Cluster::start(3);
    let bystander = Bystander::start(&cluster.address());
    cluster.connect().set("large", &"x".repeat(100_000));
    for _ in 0..200 {
        let mut session = cluster.connect();
        session.send(&b"get large\r\n".repeat(2));
    }
    bystander.stop();
}

#[test]
fn more_than_a_connection_can_carry_in_time_ejects_no_server() {
    let mut cluster = Cluster::start(1);
    cluster.connect().set("large", &"x".repeat(1_000_000));
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let mut session = cluster.connect();
            std::thread::spawn(move || {
                session.send(&b"get large\r\n".repeat(100));
                session.send(b"quit\r\n");
                session.read_to_end().expect("the proxy closes in an orderly way").len()
            })
        })
        .collect();
    for reader in readers {
        let len = reader.join().expect("the reader does not panic");
        assert!(len > 0, "what is not in time is a miss, not a lost connection");
    }
    // The server was busy with what we asked of it; that is no fault of its.
    let output = cluster.proxy().output();
    assert!(!output.contains("server is down"), "{output}");
}

#[test]
fn client_that_never_reads_takes_a_bounded_part_of_the_memory() {
    let mut cluster = Cluster::start(3);
    let bystander = Bystander::start(&cluster.address());
    cluster.connect().set("large", &"x".repeat(1_000_000));
    let mut session = cluster.connect();
    // 2 GB of answers are asked for in a few kilobytes.
    session.send(&b"get large\r\n".repeat(2000));
    std::thread::sleep(Duration::from_secs(2));
    let resident_kib = cluster.proxy().resident_kib();
    assert!(resident_kib < SESSION_OUTPUT_MAX_KIB + MEMORY_MAX_KIB, "{resident_kib} KiB");
    bystander.stop();
}

#[test]
fn ten_thousand_keys_in_one_get_are_all_answered() {
    let mut cluster = Cluster::start(3);
    let bystander = Bystander::start(&cluster.address());
    let mut session = cluster.connect();
    let keys: Vec<String> = (0..10_000).map(|serial| spread_key("many", serial)).collect();
    // Every second one is stored.
    for key in keys.iter().step_by(2) {
        session.set(key, &format!("value of {key}"));
    }
    session.send(format!("get {}\r\n", keys.join(" ")).as_bytes());
    let mut found = Vec::new();
    loop {
        let head = session.read_line();
        if head == "END" {
            break;
        }
        let key = head.split(' ').nth(1).expect("VALUE has a key").to_owned();
        assert_eq!(session.read_line(), format!("value of {key}"));
        found.push(key);
    }
    found.sort_unstable();
    let mut stored: Vec<_> = keys.into_iter().step_by(2).collect();
    stored.sort_unstable();
    assert_eq!(found, stored);
    bystander.stop();
    check_memory(&mut cluster);
}

/// After the worst that the test could do, the proxy lives and has given the memory back, or
/// never took it.
#[track_caller]
fn check_memory(cluster: &mut Cluster) {
    let proxy = cluster.proxy();
    assert!(proxy.is_running());
    wait_until(Duration::from_secs(5), "the proxy's memory to be small", || {
        proxy.resident_kib() < MEMORY_MAX_KIB
    });
}

fn next_byte(seed: &mut u64) -> u8 {
    // An xorshift generator: the same garbage in every run.
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    seed.to_be_bytes()[0]
}

/// What a proxy that serves a handful of sessions may take.
const MEMORY_MAX_KIB: u64 = 64 * 1024;
/// The default of `session_output_max`.
const SESSION_OUTPUT_MAX_KIB: u64 = 64 * 1024;
