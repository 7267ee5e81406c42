//! The proxy as a process: its memory, its end, and its start without a file.

use std::process::Command;
use std::time::Duration;

use crate::support::{Cluster, Program, Session, spread_key, wait_until};

#[test]
fn a_thousand_idle_sessions_fit_in_20_mib() {
    let mut cluster = Cluster::start(3);
    let mut sessions: Vec<_> = (0..1000).map(|_| cluster.connect()).collect();
    for (idx, session) in sessions.iter_mut().enumerate() {
        let key = spread_key("idle", idx);
        session.set(&key, &"x".repeat(1000));
        assert!(session.get(&key).is_some());
    }
    let resident_kib = cluster.proxy().resident_kib();
    println!("{resident_kib} KiB with 1,000 idle sessions");
    assert!(resident_kib < RESIDENT_MAX_KIB, "{resident_kib} KiB");
}

#[test]
fn sigterm_ends_the_proxy_at_once_when_nothing_is_in_flight() {
    let mut cluster = Cluster::start(3);
    let mut session = cluster.connect();
    session.set("key", "value");
    let (status, after) = cluster.proxy().end_by("TERM", STOP_TIMEOUT);
    assert!(status.success(), "{status}");
    assert!(after < STOP_IDLE_MAX, "it took {after:?}");
    assert_eq!(session.read_to_end().expect("an orderly close"), b"");
}

#[test]
fn sigterm_lets_requests_in_flight_be_answered() {
    let mut cluster = Cluster::start(1);
    let mut session = cluster.connect();
    session.set("key", "value");
    session.send(&b"get key\r\n".repeat(1000));
    let (status, _) = cluster.proxy().end_by("TERM", STOP_TIMEOUT);
    assert!(status.success(), "{status}");
    let answers = session.read_to_end().expect("an orderly close");
    let answer = b"VALUE key 0 5\r\nvalue\r\nEND\r\n";
    assert_eq!(answers.len() % answer.len(), 0, "no answer is cut short");
    assert!(answers.chunks(answer.len()).all(|chunk| chunk == answer));
}

#[test]
fn what_was_sent_before_sigterm_is_answered_though_the_proxy_has_not_read_it() {
    let mut cluster = Cluster::start(1);
    let mut sessions: Vec<_> = (0..50).map(|_| cluster.connect()).collect();
    sessions[0].set("key", "value");
    cluster.proxy().hang();
    // Some of them have not been accepted.
    sessions.extend((0..50).map(|_| cluster.connect()));
    for session in &mut sessions {
        session.send(b"get key\r\n");
    }
    cluster.proxy().signal("TERM");
    let (status, _) = cluster.proxy().end_by("CONT", STOP_TIMEOUT);
    assert!(status.success(), "{status}");
    for session in &mut sessions {
        let answers = session.read_to_end().expect("an orderly close");
        assert_eq!(answers, b"VALUE key 0 5\r\nvalue\r\nEND\r\n");
    }
}

#[test]
fn sigterm_ends_the_proxy_while_a_server_hangs() {
    let mut cluster = Cluster::start(1);
    let mut session = cluster.connect();
    session.set("key", "value");
    cluster.servers[0].hang();
    session.send(b"get key\r\n");
    let (status, after) = cluster.proxy().end_by("TERM", STOP_TIMEOUT);
    assert!(status.success(), "{status}");
    assert!(after < STOP_TIMEOUT, "it took {after:?}");
    assert_eq!(session.read_line(), "END", "the read is a miss");
}

#[test]
fn without_a_file_three_embedded_servers_run_until_ctrl_c() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    let mut program = Program::start(command.args(["run", "--port", "0", "--admin-port", "0"]));
    wait_until(STOP_TIMEOUT, "the greeting", || {
        program.output().contains("Ctrl-C ends it") || program.exit_status().is_some()
    });
    assert!(program.exit_status().is_none(), "it ended:\n{}", program.output());
    let address = listener_address(&program.output());
    let mut session = Session::connect(&address);
    for serial in 0..100 {
        session.set(&format!("key{serial}"), "value");
        assert_eq!(session.get(&format!("key{serial}")).as_deref(), Some("value"));
    }
    program.signal("INT");
    let status = program.wait_for_exit(STOP_TIMEOUT);
    assert!(status.success(), "{status}:\n{}", program.output());
    assert!(!Session::can_connect(&address));
}

/// Where a greeting says that the proxy listens.
fn listener_address(greeting: &str) -> String {
    let address = greeting.split("listener main on ").nth(1).and_then(|it| it.lines().next());
    address.expect("it listens").to_owned()
}

const RESIDENT_MAX_KIB: u64 = 20 * 1024;
/// The default of `shutdown_timeout`, and a little.
const STOP_TIMEOUT: Duration = Duration::from_secs(6);
const STOP_IDLE_MAX: Duration = Duration::from_secs(1);
