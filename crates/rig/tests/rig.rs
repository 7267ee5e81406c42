//! What the tests of other crates are built on is what it says.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use evenkeel_rig::{Memcached, free_port};

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

const PATIENCE: Duration = Duration::from_secs(10);
