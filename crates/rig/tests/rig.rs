//! What the tests of other crates are built on is what it says.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use evenkeel_rig::{Memcached, Redis, free_port, wait_until};

/// The answer to a `stats` of memcached's.
fn stats(server: &Memcached, request: &str) -> HashMap<String, String> {
    let mut stream = TcpStream::connect(server.address()).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("it is not zero");
    write!(stream, "{request}\r\n").expect("it reads");
    let lines = BufReader::new(stream).lines().map(|line| line.expect("it answers in time"));
    lines
        .take_while(|line| line != "END")
        .filter_map(|line| {
            let (name, value) = line.strip_prefix("STAT ")?.split_once(' ')?;
            Some((name.to_owned(), value.to_owned()))
        })
        .collect()
}

#[test]
fn memcached_starts_and_starts_again_with_what_a_test_asks_for() {
    let udp = free_port().to_string();
    let arguments = ["-m", "1", "-I", "512k", "-c", "32", "-t", "2", "-U", &udp];
    let mut server = Memcached::start_with(&arguments);
    let is_as_asked = |server: &Memcached| {
        let settings = stats(server, "stats settings");
        let expected = [
            ("maxbytes", "1048576"),
            ("maxconns", "32"),
            ("num_threads", "2"),
            ("udpport", udp.as_str()),
            ("inter", "127.0.0.1"),
        ];
        for (name, value) in expected {
            assert_eq!(settings[name], value, "{name}");
        }
    };
    is_as_asked(&server);
    let process = |server: &Memcached| stats(server, "stats")["pid"].clone();
    let (before, address) = (process(&server), server.address());
    assert_eq!(before, server.process_id().to_string());
    server.restart();
    is_as_asked(&server);
    assert_ne!(before, process(&server));
    assert_eq!(address, server.address());
}

#[test]
#[should_panic(expected = "Cannot set item size limit higher than 1/2 of memory max.")]
fn a_server_that_refuses_its_arguments_is_quoted() {
    Memcached::start_with(&["-m", "1"]);
}

#[test]
fn redis_starts_and_starts_again_with_what_a_test_asks_for() {
    let mut server = Redis::start_with(&["--requirepass", "a secret", "--appendonly", "yes"]);
    let (address, process, folder) =
        (server.address(), server.process_id(), server.folder().to_owned());
    assert_eq!(server.command(&["SET", "a", "+OK\r\n"]), "+OK\r\n");
    assert_eq!(server.command(&["CONFIG", "GET", "save"]), "*2\r\n$4\r\nsave\r\n$0\r\n\r\n");
    server.restart();
    assert_eq!((server.address(), server.process_id() == process), (address, false));
    assert_eq!(server.command(&["GET", "a"]), "$5\r\n+OK\r\n\r\n");
    assert!(server.output().contains("Ready to accept connections"), "{}", server.output());
    drop(server);
    assert!(!folder.exists());
}

#[test]
fn redis_that_hangs_or_is_busy_is_as_a_test_wants_it() {
    // A script may hold it up for so many milliseconds before it says so.
    let server = Redis::start_with(&["--busy-reply-threshold", "50"]);
    let forever = server.send(&["EVAL", "while true do end", "0"]);
    wait_until(PATIENCE, "the script to be in the way", || {
        server.command(&["GET", "a"]).starts_with("-BUSY ")
    });
    assert_eq!(server.command(&["SCRIPT", "KILL"]), "+OK\r\n");
    drop(forever);
    wait_until(PATIENCE, "the script to end", || server.command(&["GET", "a"]) == "$-1\r\n");
    server.hang();
    let mut waiting = server.send(&["ECHO", "a"]);
    waiting.set_read_timeout(Some(Duration::from_millis(50))).expect("it is not zero");
    assert!(waiting.read(&mut [0; 16]).is_err());
    server.resume();
    waiting.set_read_timeout(Some(PATIENCE)).expect("it is not zero");
    let mut answer = [0; 7];
    waiting.read_exact(&mut answer).expect("it answers");
    assert_eq!(&answer, b"$1\r\na\r\n");
}

#[test]
fn redis_that_is_loading_is_met_there_and_then_waited_for() {
    let mut server = Redis::start_with(&[
        "--key-load-delay",
        "20000",
        "--loading-process-events-interval-bytes",
        "1024",
        "--rdbcompression",
        "no",
    ]);
    let many = "for i = 1, 20 do redis.call('SET', i, string.rep('x', 2000)) end";
    server.command(&["EVAL", many, "0"]);
    assert_eq!(server.command(&["SAVE"]), "+OK\r\n");
    server.restart_loading();
    server.restart();
    assert_eq!(server.command(&["DBSIZE"]), ":20\r\n");
}

#[test]
fn redis_answers_by_tls_to_who_trusts_its_authority() {
    let server = Redis::start_tls();
    let address = server.tls_address();
    let (_, port) = address.split_once(':').expect("a port follows");
    let ask = |authority: &[&OsStr]| {
        let mut command = Command::new("redis-cli");
        command.args(["-h", "127.0.0.1", "-p", port, "--tls"]).args(authority);
        command.args(["ECHO", "a word"]).output().expect("it is installed with redis-server")
    };
    let answer = ask(&["--cacert".as_ref(), server.ca_path().as_ref()]);
    assert_eq!(String::from_utf8_lossy(&answer.stdout), "a word\n", "{answer:?}");
    assert!(!ask(&[]).status.success());
}

const PATIENCE: Duration = Duration::from_secs(10);
