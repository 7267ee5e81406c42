//! Where applications connect: unix sockets, addresses that are taken, sessions too many.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::{Memcached, Program, Session, free_port, scratch_path, wait_until};

#[test]
fn a_unix_socket_is_served_and_removed_at_the_end() {
    let memcached = Memcached::start();
    let path = scratch_path("sock");
    let mut program = start(&format!("unix:{}", path.display()), "", &memcached);
    wait_for(&mut program, || UnixStream::connect(&path).is_ok());
    let mut stream = UnixStream::connect(&path).expect("it has just been connected to");
    stream.write_all(b"set key 0 0 1\r\nx\r\nget key\r\nquit\r\n").expect("it is read");
    let mut answers = String::new();
    stream.read_to_string(&mut answers).expect("an orderly close");
    assert_eq!(answers, "STORED\r\nVALUE key 0 1\r\nx\r\nEND\r\n");
    program.signal("TERM");
    assert!(program.wait_for_exit(TIMEOUT).success(), "{}", program.output());
    assert!(!path.exists(), "the socket is removed");
}

#[test]
fn a_unix_socket_left_by_a_killed_process_is_taken_over() {
    let memcached = Memcached::start();
    let path = scratch_path("sock");
    let mut first = start(&format!("unix:{}", path.display()), "", &memcached);
    wait_for(&mut first, || UnixStream::connect(&path).is_ok());
    first.kill();
    assert!(path.exists(), "a killed process removes nothing");
    let mut second = start(&format!("unix:{}", path.display()), "", &memcached);
    wait_for(&mut second, || UnixStream::connect(&path).is_ok());
}

#[test]
fn a_unix_socket_is_open_to_whom_socket_mode_names_and_follows_a_reload() {
    let memcached = Memcached::start();
    let path = scratch_path("sock");
    let address = format!("unix:{}", path.display());
    let mode = || path.metadata().map_or(0, |it| it.permissions().mode() & 0o777);
    let config = write_config(&address, "socket_mode = \"0660\"", &memcached);
    let mut program = run(&config);
    wait_for(&mut program, || can_connect(&address));
    assert_eq!(mode(), 0o660);
    let other = write_config(&address, "socket_mode = \"606\"", &memcached);
    fs::rename(other, config).expect("both are in the scratch folder");
    program.signal("HUP");
    wait_until(TIMEOUT, "the other permissions", || mode() == 0o606);
    assert!(can_connect(&address), "{}", program.output());
}

#[test]
fn an_address_that_is_taken_is_refused_by_name() {
    let memcached = Memcached::start();
    let path = scratch_path("sock");
    for address in [format!("127.0.0.1:{}", free_port()), format!("unix:{}", path.display())] {
        let mut first = start(&address, "", &memcached);
        wait_for(&mut first, || can_connect(&address));
        let mut second = start(&address, "", &memcached);
        let status = second.wait_for_exit(TIMEOUT);
        assert_eq!(status.code(), Some(1), "{}", second.output());
        assert!(second.output().contains(&address), "{}", second.output());
        assert!(can_connect(&address), "the first one still serves");
    }
}

#[test]
fn a_session_too_many_is_told_so_and_closed() {
    let memcached = Memcached::start();
    let address = format!("127.0.0.1:{}", free_port());
    let mut program = start(&address, "sessions_max = 2", &memcached);
    wait_for(&mut program, || can_connect(&address));
    let mut sessions = Vec::new();
    wait_until(TIMEOUT, "two sessions to be served", || {
        let mut session = Session::connect(&address);
        if is_served(&mut session) {
            sessions.push(session);
        }
        sessions.len() == 2
    });
    let mut third = Session::connect(&address);
    let said = third.read_to_end().expect("an orderly close");
    assert_eq!(String::from_utf8_lossy(&said), "ERROR Too many open connections\r\n");
    wait_until(TIMEOUT, "the refusal to be an event", || {
        program.output().contains("sessions refused")
    });
    assert!(stat(&mut sessions[0], "rejected_connections") > 0);
    sessions.pop();
    wait_until(TIMEOUT, "room for another session", || is_served(&mut Session::connect(&address)));
}

fn stat(session: &mut Session, name: &str) -> u64 {
    session.send(b"stats\r\n");
    let mut value = None;
    loop {
        let line = session.read_line();
        if line == "END" {
            return value.expect("the figure is there");
        }
        if let Some(number) = line.strip_prefix(&format!("STAT {name} ")) {
            value = number.parse().ok();
        }
    }
}

fn is_served(session: &mut Session) -> bool {
    session.try_send(b"mn\r\n").is_ok()
        && session.try_read_line().ok().flatten().as_deref() == Some("MN")
}

fn can_connect(address: &str) -> bool {
    match address.strip_prefix("unix:") {
        Some(path) => UnixStream::connect(Path::new(path)).is_ok(),
        None => Session::can_connect(address),
    }
}

/// The proxy with one listener at `address`, with `lines` more in its table.
fn start(address: &str, lines: &str, memcached: &Memcached) -> Program {
    run(&write_config(address, lines, memcached))
}

fn run(config: &Path) -> Program {
    Program::start(Command::new(env!("CARGO_BIN_EXE_evenkeel")).arg("run").arg(config))
}

fn write_config(address: &str, lines: &str, memcached: &Memcached) -> PathBuf {
    let path = scratch_path("toml");
    let config = format!(
        "[listener.main]\naddress = \"{address}\"\npool = \"main\"\n{lines}\n\
         [pool.main]\nservers = [\"{}\"]\n",
        memcached.address()
    );
    fs::write(&path, config).expect("the scratch folder is writable");
    path
}

fn wait_for(program: &mut Program, mut is_ready: impl FnMut() -> bool) {
    wait_until(TIMEOUT, "the proxy to accept or to end", || {
        program.exit_status().is_some() || is_ready()
    });
    assert!(program.exit_status().is_none(), "it ended:\n{}", program.output());
}

const TIMEOUT: Duration = Duration::from_secs(10);
