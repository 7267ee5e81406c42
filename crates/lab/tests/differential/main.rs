//! The embedded server against the real memcached: the same requests, the same bytes back.
//!
//! Each test starts both, plays its scripts on each (`scripts.rs`) and compares
//! what comes back after every step. What is known to differ is listed in the docs of
//! `evenkeel_lab::answer` and of the request parser, and is not in the scripts.

use std::net::SocketAddr;

use evenkeel_lab::{Config, Server};

mod peer;

mod scripts;

use peer::{NO_END, Original, Peer};
use scripts::Script;

/// Plays scripts on both and fails with every step that differs.
#[track_caller]
fn check(scripts: &[Script]) {
    let memcached = Original::start();
    let server = Server::start(Config::default()).expect("the server starts");
    let differences: Vec<_> = scripts
        .iter()
        .flat_map(|script| differences(script, memcached.addr(), server.addr()))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn differences(script: &Script, theirs: SocketAddr, ours: SocketAddr) -> Vec<String> {
    let (mut theirs, mut ours) = (Peer::new(theirs), Peer::new(ours));
    for peer in [&mut theirs, &mut ours] {
        assert_eq!(peer.ask(b"flush_all\r\n"), b"OK\r\n");
    }
    let mut differences = Vec::new();
    for step in script.steps {
        let (expected, got) = (theirs.ask(step), ours.ask(step));
        let name = step.escape_ascii();
        assert!(!expected.ends_with(NO_END), "{}: {name} leaves a request unfinished", script.name);
        if expected != got {
            differences.push(format!(
                "{}: {name}\n  memcached: {}\n  ours:      {}",
                script.name,
                shortened(&expected),
                shortened(&got),
            ));
        }
    }
    differences
}

fn shortened(answer: &[u8]) -> String {
    answer[..answer.len().min(300)].escape_ascii().to_string()
}

#[test]
fn store_commands_answer_as_memcached_does() {
    check(scripts::STORE);
}

#[test]
fn retrievals_answer_as_memcached_does() {
    check(scripts::RETRIEVE);
}

#[test]
fn deletes_and_sums_answer_as_memcached_does() {
    check(scripts::DELETE_AND_SUM);
}

#[test]
fn commands_without_a_key_answer_as_memcached_does() {
    check(scripts::KEYLESS);
}

#[test]
fn meta_gets_answer_as_memcached_does() {
    check(scripts::META_GET);
}

#[test]
fn meta_sets_answer_as_memcached_does() {
    check(scripts::META_SET);
}

#[test]
fn meta_deletes_answer_as_memcached_does() {
    check(scripts::META_DELETE);
}

#[test]
fn meta_sums_answer_as_memcached_does() {
    check(scripts::META_ARITHMETIC);
}

#[test]
fn bad_input_is_answered_as_memcached_does() {
    check(scripts::BAD_INPUT);
}

#[test]
fn values_at_the_size_limit_are_answered_as_memcached_does() {
    let memcached = Original::start();
    let server = Server::start(Config::default()).expect("the server starts");
    let (mut theirs, mut ours) = (Peer::new(memcached.addr()), Peer::new(server.addr()));
    let mut check = |step: &[u8]| {
        let (expected, got) = (theirs.ask(step), ours.ask(step));
        let name = shortened(&step[..step.len().min(40)]);
        assert!(expected == got, "{name}: {} | {}", shortened(&expected), shortened(&got));
        shortened(&expected)
    };
    // 48 bytes of header, 8 of CAS token, the key and its end, the value's own end.
    let longest = 1024 * 1024 - 48 - 8 - 2 - 2;
    let value_of = |len: usize| "v".repeat(len);
    for (len, answer) in [(longest, "STORED"), (longest + 1, "SERVER_ERROR"), (2_000_000, "SERV")] {
        check(b"set a 0 0 1\r\n1\r\n");
        let set = format!("set a 0 0 {len}\r\n{}\r\n", value_of(len));
        assert!(check(set.as_bytes()).starts_with(answer), "{len}");
        check(b"get a\r\n");
        let set = format!("set a 7 0 {len}\r\n{}\r\n", value_of(len));
        check(set.as_bytes());
        check(b"get a\r\n");
        check(b"set a 0 0 1\r\n1\r\n");
        check(format!("add a 0 0 {len}\r\n{}\r\n", value_of(len)).as_bytes());
        check(b"get a\r\n");
        check(format!("append a 0 0 {len}\r\n{}\r\n", value_of(len)).as_bytes());
        check(b"get a\r\n");
        check(format!("ms a {len} ME c\r\n{}\r\n", value_of(len)).as_bytes());
        check(b"get a\r\n");
        check(format!("set a 0 0 {len} noreply\r\n{}\r\n", value_of(len)).as_bytes());
        check(b"get a\r\n");
    }
}

#[test]
fn time_passes_as_in_memcached() {
    let memcached = Original::start();
    let server = Server::start(Config::default()).expect("the server starts");
    let (mut theirs, mut ours) = (Peer::new(memcached.addr()), Peer::new(server.addr()));
    let mut play = |steps: &[&[u8]]| {
        for step in steps {
            let (expected, got) = (theirs.ask(step), ours.ask(step));
            assert_eq!(shortened(&expected), shortened(&got), "{}", step.escape_ascii());
        }
    };
    play(scripts::BEFORE_TIME_PASSES);
    // Real time, because memcached has no other. Longer than the 2 seconds in the script by what
    // its clock may be late.
    std::thread::sleep(std::time::Duration::from_millis(3_100));
    play(scripts::AFTER_TIME_HAS_PASSED);
}
