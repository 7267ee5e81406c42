//! Real Redis servers, each brought into a condition: it is found and named, and nothing else is.

use std::fs;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use evenkeel_doctor::{Examination, Finding, Findings, Options, Severity, Target};
use evenkeel_rig::{Redis, free_port, wait_until};

use crate::asking::{examined, found};

#[test]
fn a_developers_server_gives_notes_and_a_well_configured_cache_nothing() {
    let developers = Redis::start_with(&["--save", "3600 1 300 100 60 10000"]);
    let cache = Redis::start_with(&CACHE);
    let locked = Redis::start_with(&[&CACHE[..], &["--requirepass", "secret"]].concat());
    let let_in = format!("redis://:secret@{}", locked.address()).parse().expect("it is a target");
    for (target, expected) in [
        (target(&developers), &["redis-memory-unlimited", "redis-config-latency-monitor"][..]),
        (target(&cache), &[]),
        (let_in, &[]),
    ] {
        let examination = examined(vec![target], brief());
        assert_eq!(found(&examination), [""; 0]);
        assert_eq!(notes(&examination), expected);
    }
}

#[test]
fn a_server_that_does_not_let_us_in_is_not_judged() {
    let server = Redis::start_with(&["--requirepass", "secret"]);
    let address = server.address();
    let targets = ["", ":wrong@"].map(|it| format!("redis://{it}{address}").parse().unwrap());
    let examination = examined(targets.into(), brief());
    assert_eq!(found(&examination), ["reach-authentication"; 2]);
    assert_eq!(notes(&examination), [""; 0]);
}

#[test]
fn a_full_server_that_may_not_evict_refuses_writes() {
    let none = full("noeviction");
    let volatile = full("volatile-lru");
    let examination = examined(vec![target(&none), target(&volatile)], brief());
    let findings = Findings::of(&examination);
    for server in [&none, &volatile] {
        let name = target(server).name;
        let own = findings.iter().filter(|it| it.server.as_ref() == Some(&name));
        let bad: Vec<_> =
            own.filter(|it| it.severity > Severity::Note).map(|it| it.check).collect();
        assert_eq!(bad, ["redis-memory-refused"]);
    }
    let refused = one(&findings, "redis-memory-refused");
    assert!(refused.evidence[0].value.starts_with("OOM command not allowed"), "{refused:?}");
}

#[test]
fn what_fix_would_change_gives_room_and_is_undone_as_it_says() {
    let server = full("noeviction");
    let findings = Findings::of(&examine(&server));
    let change = one(&findings, "redis-memory-refused").change.clone().unwrap();
    let words: Vec<_> = change.command.iter().map(String::as_str).collect();
    assert_eq!(server.command(&words), "+OK\r\n");
    assert_eq!(server.command(&["SET", "now", "it fits"]), "+OK\r\n");
    let undo = change.undo.unwrap();
    let (_, undo) = undo.split_once(" CONFIG ").unwrap();
    let words: Vec<_> = ["CONFIG"].into_iter().chain(undo.split(' ')).collect();
    assert_eq!(server.command(&words), "+OK\r\n");
    assert!(server.command(&["CONFIG", "GET", "maxmemory-policy"]).contains("noeviction"));
}

#[test]
fn a_cache_that_evicts_all_it_has_within_minutes_is_too_small() {
    // What expires first goes first: the keys of others, and never a canary, which LRU cannot tell
    // from keys of the same second.
    let server = Redis::start_with(&[
        "--maxmemory",
        "4mb",
        "--maxmemory-policy",
        "volatile-ttl",
        "--latency-monitor-threshold",
        "100",
    ]);
    let fill =
        "for i = 1, 200 do redis.call('SET', ARGV[1] .. i, string.rep('x', 500), 'EX', 30) end";
    let store = |server: &Redis, part: &str| server.command(&["EVAL", fill, "0", part]);
    let mut parts = 0;
    wait_until(PATIENCE, "it to be full", || {
        parts += 1;
        store(&server, &format!("before:{parts}:"));
        !server.command(&["INFO", "stats"]).contains("evicted_keys:0")
    });
    let examination = with_traffic(&server, |server, round| {
        store(server, &format!("{round}:"));
    });
    assert_eq!(found(&examination), ["redis-memory-evicting"]);
}

#[test]
fn connections_near_their_limit_are_told_with_who_holds_them() {
    let server = Redis::start_with(&[&CACHE[..], &["--maxclients", "100"]].concat());
    let held = hold(&server, 85);
    let examination = examine(&server);
    assert_eq!(found(&examination), ["redis-connections"]);
    let findings = Findings::of(&examination);
    let holders = &one(&findings, "redis-connections").evidence[1];
    assert_eq!((&*holders.what, &*holders.value), ("held by 127.0.0.1", "85"));
    drop(held);
}

#[test]
fn a_server_at_its_limit_turns_us_away_or_serves_us_alone() {
    let server = Redis::start_with(&[&CACHE[..], &["--maxclients", "20"]].concat());
    let mut held = hold(&server, 20);
    assert_eq!(found(&examine(&server)), ["reach-full"]);
    // One is left, which is our first: no further one of ours is let in.
    held.pop();
    wait_until(PATIENCE, "a place", || server.command(&["DBSIZE"]) == ":0\r\n");
    let examination = examine(&server);
    assert_eq!(found(&examination), ["redis-connections"]);
    let rejected = Findings::of(&examination);
    assert_eq!(one(&rejected, "redis-connections-rejected").severity, Severity::Note);
}

#[test]
fn a_script_that_does_not_end_holds_everybody_up() {
    let server = Redis::start_with(&[&CACHE[..], &["--lua-time-limit", "50"]].concat());
    let script = server.send(&["EVAL", "while true do end", "0"]);
    wait_until(PATIENCE, "BUSY", || server.command(&["DBSIZE"]).starts_with("-BUSY "));
    let examination = examine(&server);
    assert_eq!(found(&examination), ["redis-busy"]);
    let findings = Findings::of(&examination);
    assert!(one(&findings, "redis-busy").remedies[0].commands[0].ends_with("SCRIPT KILL"));
    drop(script);
}

#[test]
fn slow_commands_are_told_by_the_slow_log() {
    let server = Redis::start_with(&CACHE);
    let wait = "local t = redis.call('TIME'); local till = t[1] * 1000 + t[2] / 1000 + 150; \
        repeat t = redis.call('TIME') until t[1] * 1000 + t[2] / 1000 > till";
    server.command(&["EVAL", wait, "0"]);
    let examination = examine(&server);
    assert_eq!(found(&examination), ["redis-slow-log"]);
    let findings = Findings::of(&examination);
    let slowest = &one(&findings, "redis-slow-log").evidence[0].value;
    assert!(slowest.contains("EVAL local t"), "{slowest}");
}

#[test]
fn keys_on_many_keys_is_found_while_it_is_called() {
    let server = Redis::start_with(&CACHE);
    for part in 0..4 {
        let fill = "for i = 1, 3000 do redis.call('SET', ARGV[1] .. i, 'x', 'EX', 900) end";
        server.command(&["EVAL", fill, "0", &format!("{part}:")]);
    }
    let examination = with_traffic(&server, |server, _| {
        server.command(&["KEYS", "nobody:*"]);
    });
    assert_eq!(found(&examination), ["redis-blocking-commands"]);
    let findings = Findings::of(&examination);
    let summary = &one(&findings, "redis-blocking-commands").summary;
    assert!(summary.starts_with("KEYS is in use"), "{summary}");
}

#[test]
fn a_replica_without_its_primary_is_critical_and_one_with_it_is_well() {
    let at_once = ["--repl-diskless-sync-delay", "0"];
    let primary = Redis::start_with(&[&CACHE[..], &at_once].concat());
    let address = primary.address();
    let (_, port) = address.split_once(':').unwrap();
    let replica = Redis::start_with(&[&CACHE[..], &["--replicaof", "127.0.0.1", port]].concat());
    let nobody = free_port().to_string();
    let lost = Redis::start_with(&[&CACHE[..], &["--replicaof", "127.0.0.1", &nobody]].concat());
    wait_until(PATIENCE, "the link", || {
        replica.command(&["INFO", "replication"]).contains("master_link_status:up")
            && primary.command(&["INFO", "replication"]).contains("state=online")
    });
    let examination = examine(&replica);
    assert_eq!(found(&examination), [""; 0]);
    assert_eq!(notes(&examination), ["redis-replica-read-only"]);
    assert_eq!(found(&examine(&primary)), [""; 0]);
    assert_eq!(found(&examine(&lost)), ["redis-replica-link"]);
}

#[test]
fn writes_that_want_more_replicas_are_refused() {
    let server = Redis::start_with(&[&CACHE[..], &["--min-replicas-to-write", "1"]].concat());
    assert_eq!(found(&examine(&server)), ["redis-min-replicas"]);
}

#[test]
fn a_server_that_loads_serves_nobody() {
    let mut server = Redis::start_with(&[
        "--key-load-delay",
        "20000",
        "--loading-process-events-interval-bytes",
        "1024",
        "--rdbcompression",
        "no",
    ]);
    let many = "for i = 1, 200 do redis.call('SET', i, string.rep('x', 2000)) end";
    server.command(&["EVAL", many, "0"]);
    assert_eq!(server.command(&["SAVE"]), "+OK\r\n");
    server.restart_loading();
    let examination = examine(&server);
    assert_eq!(found(&examination), ["redis-loading"]);
}

#[test]
fn a_server_that_cannot_save_refuses_writes() {
    let server = Redis::start_with(&["--save", "3600 1"]);
    fs::remove_dir_all(server.folder()).unwrap();
    server.command(&["SET", "key", "value"]);
    server.command(&["BGSAVE"]);
    wait_until(PATIENCE, "the failure", || {
        server.command(&["SET", "a", "b"]).starts_with("-MISCONF")
    });
    let examination = examine(&server);
    assert_eq!(found(&examination), ["redis-writes-stopped"]);
}

#[test]
fn hits_that_drop_to_zero_are_found_at_once() {
    let server = Redis::start_with(&CACHE);
    server.command(&["SET", "key", "value"]);
    server.command(&["EVAL", "for i = 1, 20000 do redis.call('GET', 'key') end", "0"]);
    server.command(&["FLUSHALL"]);
    let examination = with_traffic(&server, |server, _| {
        server.command(&["EVAL", "for i = 1, 50 do redis.call('GET', 'key') end", "0"]);
    });
    // What is looked up before the first sample is some of the misses that were before.
    assert_eq!(found(&examination), ["redis-hits"]);
    let findings = Findings::of(&examination);
    let hits = one(&findings, "redis-hits");
    assert!(hits.evidence.iter().any(|it| it.what == "emptied"), "{hits:?}");
}

#[test]
fn emptying_it_is_found_while_it_happens() {
    let server = Redis::start_with(&CACHE);
    let examination = with_traffic(&server, |server, _| {
        server.command(&["FLUSHDB"]);
    });
    let found = found(&examination);
    assert!(found.contains(&"redis-flushed"), "{found:?}");
    // Our own keys may be among what goes.
    assert!(found.iter().all(|it| ["redis-flushed", "serve-loses"].contains(it)), "{found:?}");
}

#[test]
fn wrong_passwords_of_others_are_told() {
    let server = Redis::start_with(&CACHE);
    let examination = with_traffic(&server, |server, _| {
        for _ in 0..20 {
            server.command(&["AUTH", "somebody", "wrong"]);
        }
    });
    assert_eq!(found(&examination), ["redis-errors"]);
    let findings = Findings::of(&examination);
    let summary = &one(&findings, "redis-errors").summary;
    assert!(summary.contains("WRONGPASS: clients send a wrong user or password"), "{summary}");
}

#[test]
fn a_restart_while_we_look_is_found() {
    let mut server = Redis::start_with(&CACHE);
    let target = target(&server);
    let examination = thread::scope(|scope| {
        let examination = scope.spawn(move || examined(vec![target], brief()));
        wait_until(PATIENCE, "the samples", || are_being_taken(&server));
        server.restart();
        examination.join().expect("it ends")
    });
    assert_eq!(found(&examination), ["redis-restarted"]);
}

#[test]
fn a_server_that_goes_while_we_look_is_critical() {
    let mut server = Redis::start_with(&CACHE);
    let target = target(&server);
    let examination = thread::scope(|scope| {
        let examination = scope.spawn(move || examined(vec![target], brief()));
        wait_until(PATIENCE, "the samples", || are_being_taken(&server));
        server.kill();
        examination.join().expect("it ends")
    });
    assert_eq!(found(&examination), ["redis-gone"]);
}

#[test]
fn healthy_servers_under_light_traffic_give_no_false_alarm() {
    let servers: Vec<_> = (0..4).map(|_| Redis::start_with(&CACHE)).collect();
    let is_over = AtomicBool::new(false);
    let bad: Vec<_> = thread::scope(|scope| {
        for server in &servers {
            let is_over = &is_over;
            scope.spawn(move || {
                let keys = (0..50).cycle().map(|it| format!("key:{it}"));
                for key in keys.take_while(|_| !is_over.load(Ordering::Relaxed)) {
                    server.command(&["SET", &key, "value", "EX", "60"]);
                    server.command(&["GET", &key]);
                    thread::sleep(Duration::from_millis(20));
                }
            });
        }
        let batches = (0..4).map(|_| {
            let targets = servers.iter().cycle().take(25).map(target).collect();
            found(&examined(targets, brief()))
        });
        let bad = batches.collect();
        is_over.store(true, Ordering::Relaxed);
        bad
    });
    assert_eq!(bad, [[""; 0]; 4]);
}

fn target(server: &Redis) -> Target {
    format!("redis://{}", server.address()).parse().expect("it has an address")
}

/// Whether the first sample has been taken: `INFO` was asked after what is asked last before it.
fn are_being_taken(server: &Redis) -> bool {
    server.command(&["INFO", "commandstats"]).contains("cmdstat_latency|latest")
        && server.command(&["CLIENT", "LIST"]).contains("cmd=info ")
}

/// An examination in as little time as counters need to be seen growing.
fn brief() -> Options {
    Options { interval: Duration::from_millis(300), ..Options::default() }
}

fn examine(server: &Redis) -> Examination {
    examined(vec![target(server)], brief())
}

/// What is worth knowing, but for what depends on what is installed here and its limit of files.
fn notes(examination: &Examination) -> Vec<&'static str> {
    let findings = Findings::of(examination);
    let notes = findings.iter().filter(|it| it.severity == Severity::Note);
    notes.map(|it| it.check).filter(|it| !OF_THIS_MACHINE.contains(it)).collect()
}

#[track_caller]
fn one<'a>(findings: &'a [Finding], check: &str) -> &'a Finding {
    let found = findings.iter().find(|it| it.check == check);
    found.unwrap_or_else(|| panic!("no {check} in {findings:#?}"))
}

/// A server that has stored what fits it.
fn full(policy: &str) -> Redis {
    let server = Redis::start_with(&["--maxmemory", "2mb", "--maxmemory-policy", policy]);
    let fill = "for i = 1, 100 do redis.call('SET', ARGV[1] .. i, string.rep('x', 1000)) end";
    wait_until(PATIENCE, "it to be full", || {
        let part = server.command(&["DBSIZE"]);
        server.command(&["EVAL", fill, "0", &format!("{part}:")]).contains("OOM")
    });
    server
}

fn hold(server: &Redis, connections: usize) -> Vec<TcpStream> {
    wait_until(PATIENCE, "earlier ones to be closed", || {
        server.command(&["INFO", "clients"]).contains("connected_clients:1\r\n")
    });
    let held: Vec<_> = (0..connections).map(|_| server.send(&["ECHO", "held"])).collect();
    let mut answer = [0; 10];
    for mut stream in &held {
        std::io::Read::read_exact(&mut stream, &mut answer).expect("it answers");
    }
    held
}

/// Examines a server while somebody asks something of it again and again.
fn with_traffic(server: &Redis, ask: impl Fn(&Redis, u32) + Sync) -> Examination {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0;
            while !is_over.load(Ordering::Relaxed) {
                ask(server, round);
                round += 1;
                thread::sleep(Duration::from_millis(10));
            }
        });
        let examination = examine(server);
        is_over.store(true, Ordering::Relaxed);
        examination
    })
}

/// What makes a cache of a server.
const CACHE: [&str; 6] = [
    "--maxmemory",
    "100mb",
    "--maxmemory-policy",
    "allkeys-lru",
    "--latency-monitor-threshold",
    "100",
];
const OF_THIS_MACHINE: [&str; 2] = ["redis-version", "redis-config-maxclients"];
const PATIENCE: Duration = Duration::from_secs(20);
