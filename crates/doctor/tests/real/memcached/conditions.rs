//! Servers in trouble.

use std::io::Read as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use evenkeel_doctor::{Findings, Options};
use evenkeel_rig::{Memcached, free_port, wait_until};

use super::{Application, PATIENCE, Traffic, target};
use crate::asking::{examined, found, found_about, noted, quick};

/// Connections to the server, until it takes no more of them or there are so many.
fn connect_many(server: &Memcached, max: usize) -> Vec<Application> {
    let mut applications = Vec::new();
    while applications.len() < max {
        let mut application = Application::connect(server);
        if !application.ask(b"version\r\n").starts_with("VERSION ") {
            break;
        }
        applications.push(application);
    }
    applications
}

#[test]
fn connections_are_told_before_and_at_the_limit() {
    let close = Memcached::start_with(&["-c", "128"]);
    let _close = connect_many(&close, 100);
    let full = Memcached::start_with(&["-c", "64"]);
    let full_of = connect_many(&full, 64);
    assert!(full_of.len() < 64, "its own files count");
    let waiting = Memcached::start_with(&["-c", "64", "-o", "no_maxconns_fast"]);
    let mut first = Application::connect(&waiting);
    let mut waiting_of = Vec::new();
    let addr = waiting.address().parse().expect("it is an address");
    wait_until(PATIENCE, "the server to accept no more", || {
        // One that comes too late is not let in.
        waiting_of.extend(TcpStream::connect_timeout(&addr, Duration::from_millis(50)));
        first.figure("accepting_conns") == 0
    });
    let targets = [&close, &full, &waiting].map(target);
    let examination = examined(targets.to_vec(), quick());
    assert_eq!(found_about(&examination, 0), ["memcached-connections"]);
    assert_eq!(found_about(&examination, 1), ["reach-full"]);
    // The server has told the kernel that nobody shall wait; one waits all the same.
    assert_eq!(found_about(&examination, 2), ["reach-timed-out"]);
    let findings = Findings::of(&examination);
    let holders =
        findings.iter().flat_map(|it| &it.evidence).find(|it| it.what == "held by 127.0.0.1");
    assert_eq!(holders.expect("we hold them").value, "100, of which 0 idle for ten minutes");
    let waits = findings.iter().find(|it| it.check == "reach-timed-out");
    let evidence = &waits.expect("it has just been seen").evidence[0].value;
    assert!(evidence.contains("wait to be accepted: 1"), "{evidence}");
    assert!(examination.took < Duration::from_secs(5), "{:?}", examination.took);
}

#[test]
fn clients_that_are_turned_away_while_we_look_are_told() {
    let server = Memcached::start_with(&["-c", "128"]);
    let address = server.address();
    let event = while_examined(Application::connect(&server), move || {
        let connect = |_| TcpStream::connect(&address).expect("the kernel takes it");
        let mut burst: Vec<_> = (0..200).map(connect).collect();
        // All of them stay until the server has come to the last: it takes one in the place of
        // another that is gone.
        let mut told = String::new();
        let last = burst.last_mut().expect("there are many");
        last.set_read_timeout(Some(PATIENCE)).expect("it is not zero");
        last.read_to_string(&mut told).expect("it is told");
        assert_eq!(told, "ERROR Too many open connections\r\n");
    });
    let examination = examined(vec![target(&server)], Options::default());
    event.join().expect("the burst is over");
    assert_eq!(found(&examination), ["memcached-connections-refused"]);
}

#[test]
fn evictions_and_refusals_for_want_of_memory_are_told() {
    let evicting = Memcached::start_with(&["-m", "8", "-I", "512k"]);
    let mut application = Application::connect(&evicting);
    let mut next = 0_u64;
    let mut store = move || {
        for _ in 0..16 {
            next += 1;
            application.store(&format!("key{next}"), 0, 4_000);
        }
    };
    let mut watching = Application::connect(&evicting);
    wait_until(PATIENCE, "the server to be full", || {
        (0..50).for_each(|_| store());
        watching.figure("evictions") > 0
    });
    let refusing = Memcached::start_with(&["-M", "-m", "2", "-I", "512k"]);
    let mut filling = Application::connect(&refusing);
    for len in (10..200).step_by(10) {
        let mut next = 0_u32;
        while filling.store(&format!("key:{len}:{next}"), 0, len) == "STORED" {
            next += 1;
        }
    }
    let _traffic = Traffic::start(store);
    let examination = examined(vec![target(&evicting), target(&refusing)], quick());
    assert_eq!(found_about(&examination, 0), ["memcached-evictions"]);
    let expected = ["memcached-out-of-memory"];
    assert_eq!(found_about(&examination, 1), expected);
}

#[test]
fn a_hung_server_is_told_within_five_seconds() {
    let hung = Memcached::start();
    hung.hang();
    let examination = examined(vec![target(&hung)], Options::default());
    assert_eq!(found(&examination), ["reach-silent"]);
    assert!(examination.took < Duration::from_secs(5), "{:?}", examination.took);
}

/// Does `event` when the server's figures have been taken a first time: the examination has opened
/// all its connections by then but two.
fn while_examined(
    mut watching: Application,
    event: impl FnOnce() + Send + 'static,
) -> thread::JoinHandle<()> {
    let before = watching.figure("total_connections");
    thread::spawn(move || {
        wait_until(PATIENCE, "the first figures", || {
            watching.figure("total_connections") >= before + 13
        });
        event();
    })
}

#[test]
fn a_server_that_hangs_or_ends_midway_is_told_within_five_seconds() {
    let (hanging, ending) = (Arc::new(Memcached::start()), Memcached::start());
    let targets = vec![target(&hanging), target(&ending)];
    let there = Arc::clone(&hanging);
    let events = [
        while_examined(Application::connect(&hanging), move || there.hang()),
        while_examined(Application::connect(&ending), move || drop(ending)),
    ];
    let examination = examined(targets, Options::default());
    for event in events {
        event.join().expect("it happens");
    }
    for (idx, facts) in examination.servers.iter().enumerate() {
        assert_eq!(found_about(&examination, idx), ["serve-some-connections"], "{:?}", facts.gaps);
        assert!(facts.gaps.iter().any(|it| it.what == "stats"), "{:?}", facts.gaps);
        assert!(facts.took < Duration::from_secs(5), "{:?}", facts.took);
    }
}

#[test]
fn a_server_that_is_restarted_or_flushed_while_we_look_is_told() {
    let mut restarted = Memcached::start();
    let flushed = Memcached::start();
    let targets = vec![target(&restarted), target(&flushed)];
    let mut flushing = Application::connect(&flushed);
    let flush = while_examined(Application::connect(&flushed), move || {
        assert_eq!(flushing.ask(b"flush_all\r\n"), "OK");
    });
    let mut watching = Application::connect(&restarted);
    let before = watching.figure("total_connections");
    let examining = thread::spawn(move || examined(targets, Options::default()));
    wait_until(PATIENCE, "the first figures", || {
        watching.figure("total_connections") >= before + 13
    });
    restarted.restart();
    flush.join().expect("it is flushed");
    let examination = examining.join().expect("it is examined");
    assert_eq!(found_about(&examination, 0), ["memcached-restarted"]);
    assert_eq!(found_about(&examination, 1), ["memcached-flushes"]);
}

#[test]
fn an_open_udp_port_is_noted() {
    let port = free_port().to_string();
    let server = Memcached::start_with(&["-U", &port]);
    let examination = examined(vec![target(&server)], quick());
    assert_eq!(found(&examination), [""; 0]);
    assert_eq!(noted(&examination), ["memcached-restarted", "memcached-udp"]);
}
