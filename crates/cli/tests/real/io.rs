//! The ways in which the proxy can read and write: all of them serve alike.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::{Memcached, Program, Proxy, Session, scratch_path, spread_key};

#[test]
fn epoll_serves_many_sessions_at_once() {
    check_serves(evenkeel(), "epoll", 0);
}

#[test]
fn whatever_the_kernel_allows_serves_many_sessions_at_once() {
    let workers = if is_io_uring_allowed() { 2 } else { 0 };
    check_serves(evenkeel(), "auto", workers);
}

#[test]
fn where_io_uring_is_forbidden_auto_says_so_and_does_without() {
    let proxy = check_serves(evenkeel_without_io_uring(), "auto", 0);
    assert!(proxy.output().contains("the kernel allows no io_uring"), "{}", proxy.output());
}

#[test]
fn where_io_uring_is_forbidden_and_asked_for_the_proxy_does_not_start() {
    let path = scratch_path("toml");
    let config = "[proxy]\nio = \"io_uring\"\n\
                  [listener.main]\naddress = \"127.0.0.1:0\"\npool = \"main\"\n\
                  [pool.main]\nservers = [\"127.0.0.1:1\"]\n";
    fs::write(&path, config).expect("the scratch folder is writable");
    let mut program = Program::start(evenkeel_without_io_uring().arg("run").arg(&path));
    let status = program.wait_for_exit(Duration::from_secs(5));
    assert_eq!(status.code(), Some(1), "{}", program.output());
    assert!(program.output().contains("the kernel allows no io_uring"), "{}", program.output());
}

fn evenkeel() -> Command {
    Command::new(env!("CARGO_BIN_EXE_evenkeel"))
}

/// The same in a process that may not use `io_uring`, as in many containers.
fn evenkeel_without_io_uring() -> Command {
    let mut command = Command::new("python3");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/io/without_io_uring.py"));
    command.arg(env!("CARGO_BIN_EXE_evenkeel"));
    command
}

fn is_io_uring_allowed() -> bool {
    let disabled = fs::read_to_string("/proc/sys/kernel/io_uring_disabled").unwrap_or_default();
    disabled.trim() == "0"
}

/// Has many sessions ask at once and answer after answer checked; some of them leave early, and
/// some values fill a socket.
#[track_caller]
fn check_serves(command: Command, io: &str, workers: usize) -> Proxy {
    let servers: Vec<_> = (0..3).map(|_| Memcached::start()).collect();
    let addresses: Vec<_> = servers.iter().map(Memcached::address).collect();
    let proxy = Proxy::start_as(command, io, &addresses, "timeout = \"5s\"\ndeadline = \"5s\"");
    let mut sessions: Vec<_> = (0..SESSIONS).map(|_| Session::connect(&proxy.address())).collect();
    for (idx, session) in sessions.iter_mut().enumerate() {
        session.set(&spread_key("io", idx), &value(idx));
    }
    for _ in 0..ROUNDS {
        for (idx, session) in sessions.iter_mut().enumerate() {
            session.send(format!("get {}\r\n", spread_key("io", idx)).repeat(BATCH).as_bytes());
        }
        // These leave while they are being answered.
        for session in sessions.drain(..LEAVERS) {
            drop(session);
        }
        for (idx, session) in sessions.iter_mut().enumerate() {
            let (key, value) = (spread_key("io", LEAVERS + idx), value(LEAVERS + idx));
            let answer = format!("VALUE {key} 0 {}\r\n{value}\r\nEND\r\n", value.len());
            session.expect(b"", &answer.repeat(BATCH));
        }
        sessions.splice(..0, (0..LEAVERS).map(|_| Session::connect(&proxy.address())));
    }
    sessions[0].send(b"stats\r\n");
    let expected = format!("STAT evenkeel_workers_io_uring {workers}");
    while sessions[0].read_line() != expected {}
    proxy
}

/// One in ten is longer than what a socket takes at once.
fn value(idx: usize) -> String {
    let len = if idx.is_multiple_of(10) { 25_000 } else { 25 + idx };
    format!("{idx:04}").repeat(len)
}

const SESSIONS: usize = 100;
const LEAVERS: usize = 5;
const BATCH: usize = 20;
const ROUNDS: usize = 5;
