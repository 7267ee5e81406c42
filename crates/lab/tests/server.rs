//! The embedded server over real sockets: what it is to break and to be leant on.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use evenkeel_lab::store::StoreLimits;
use evenkeel_lab::{Config, MetaCommands, Server};

/// How long something that must happen may take.
const BOUND: Duration = Duration::from_secs(5);

/// How long to look for something that must not happen.
const QUIET: Duration = Duration::from_millis(60);

fn start() -> Server {
    Server::start(Config::default()).expect("the server starts")
}

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).expect("the server accepts");
    stream.set_read_timeout(Some(BOUND)).expect("the bound is not zero");
    stream.set_nodelay(true).expect("the socket is connected");
    stream
}

#[track_caller]
fn expect(stream: &mut TcpStream, answer: &str) {
    let mut got = vec![0; answer.len()];
    stream.read_exact(&mut got).expect("an answer comes");
    assert_eq!(String::from_utf8_lossy(&got), answer);
}

#[track_caller]
fn ask(stream: &mut TcpStream, request: &str, answer: &str) {
    stream.write_all(request.as_bytes()).expect("the server takes requests");
    expect(stream, answer);
}

#[track_caller]
fn expect_nothing(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(QUIET)).expect("the time is not zero");
    let error = stream.read(&mut [0; 64]).expect_err("nothing comes");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    stream.set_read_timeout(Some(BOUND)).expect("the bound is not zero");
}

#[track_caller]
fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !is_true() {
        assert!(Instant::now() < deadline, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What `stats` says of `name`.
fn stat(addr: SocketAddr, name: &str) -> String {
    let mut stream = connect(addr);
    stream.write_all(b"stats\r\nquit\r\n").expect("the server takes requests");
    let mut stats = String::new();
    stream.read_to_string(&mut stats).expect("statistics come");
    let prefix = format!("STAT {name} ");
    let line = stats.lines().find(|line| line.starts_with(&prefix)).expect("there is such a line");
    line[prefix.len()..].to_owned()
}

#[test]
fn several_servers_run_in_one_process() {
    let servers = [start(), start(), start()];
    for (number, server) in servers.iter().enumerate() {
        let value = format!("set a 0 0 1\r\n{number}\r\n");
        ask(&mut connect(server.addr()), &value, "STORED\r\n");
    }
    for (number, server) in servers.iter().enumerate() {
        let value = format!("VALUE a 0 1\r\n{number}\r\nEND\r\n");
        ask(&mut connect(server.addr()), "get a\r\n", &value);
    }
}

#[test]
fn a_stopped_server_refuses_and_comes_back_empty_on_its_port() {
    let mut server = start();
    let (addr, pid) = (server.addr(), stat(server.addr(), "pid"));
    let mut stream = connect(addr);
    ask(&mut stream, "set a 0 0 1\r\nx\r\n", "STORED\r\n");
    server.stop();
    assert_eq!(stream.read(&mut [0; 8]).expect("the connection ends"), 0);
    let refused = TcpStream::connect(addr).expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    server.restart().expect("the port is still ours");
    assert_eq!(server.addr(), addr);
    ask(&mut connect(addr), "get a\r\n", "END\r\n");
    assert_ne!(stat(addr, "pid"), pid, "a restart can be noticed");
}

#[test]
fn a_paused_server_accepts_and_is_silent_until_it_goes_on() {
    let server = start();
    let mut old = connect(server.addr());
    ask(&mut old, "mn\r\n", "MN\r\n");
    server.pause();
    let mut new = connect(server.addr());
    for stream in [&mut old, &mut new] {
        stream.write_all(b"set a 0 0 1\r\nx\r\n").expect("the system takes requests");
        expect_nothing(stream);
    }
    assert_eq!(server.counters().set_cmds, 0);
    server.resume();
    expect(&mut old, "STORED\r\n");
    expect(&mut new, "STORED\r\n");
}

#[test]
fn a_test_can_flush_and_move_time() {
    let server = start();
    let mut stream = connect(server.addr());
    ask(&mut stream, "set a 0 0 1\r\nx\r\nset b 0 100 1\r\nx\r\n", "STORED\r\nSTORED\r\n");
    server.skip_time(Duration::from_secs(101));
    ask(&mut stream, "get a b\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n");
    server.flush();
    ask(&mut stream, "get a b\r\n", "END\r\n");
    assert_eq!(server.item_count(), 0);
}

#[test]
fn requests_sent_together_are_answered_together() {
    let server = start();
    let mut stream = connect(server.addr());
    let requests = "mg missing k\r\n".repeat(500);
    let answers = "EN kmissing\r\n".repeat(500);
    ask(&mut stream, &requests, &answers);
}

#[test]
fn a_client_that_does_not_read_is_not_read_from() {
    let server = start();
    let mut stream = connect(server.addr());
    let value = "v".repeat(500_000);
    ask(&mut stream, &format!("set a 0 0 500000\r\n{value}\r\n"), "STORED\r\n");
    stream.set_write_timeout(Some(Duration::from_millis(200))).expect("the time is not zero");
    let requests = "get a\r\n".repeat(10_000);
    let mut is_held_back = false;
    for _ in 0..1000 {
        is_held_back = stream.write_all(requests.as_bytes()).is_err();
        if is_held_back {
            break;
        }
    }
    assert!(is_held_back, "70 MB of requests for 5 TB of answers were taken");
    let answered = server.counters().get_hits;
    assert!(answered < 200, "{answered} values of 500 kB are waiting");
    // Others are served meanwhile.
    ask(&mut connect(server.addr()), "mn\r\n", "MN\r\n");
}

#[test]
fn connections_past_the_limit_wait_for_a_place() {
    let config = Config { connections_max: 2, ..Config::default() };
    let server = Server::start(config).expect("the server starts");
    let (mut first, mut second) = (connect(server.addr()), connect(server.addr()));
    ask(&mut first, "mn\r\n", "MN\r\n");
    ask(&mut second, "mn\r\n", "MN\r\n");
    let mut third = connect(server.addr());
    third.write_all(b"mn\r\n").expect("the system takes requests");
    expect_nothing(&mut third);
    drop(first);
    expect(&mut third, "MN\r\n");
    drop((second, third));
    wait_until("the end of connections", || server.connection_count() == 0);
}

#[test]
fn memory_that_cannot_hold_a_few_items_is_refused() {
    let limits = StoreLimits { memory_max: 2 * 1024 * 1024, item_size_max: 1024 * 1024 };
    let error = Server::start(Config { limits, ..Config::default() }).expect_err("it is too small");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn memory_stays_within_the_limit_whatever_is_stored() {
    let limits = StoreLimits { memory_max: 8 * 1024 * 1024, item_size_max: 1024 * 1024 };
    let server = Server::start(Config { limits, ..Config::default() }).expect("the server starts");
    let mut stream = connect(server.addr());
    for number in 0_usize..400 {
        let len = (number * 7919) % 200_000;
        let value = "v".repeat(len);
        ask(&mut stream, &format!("set k{number} 0 0 {len}\r\n{value}\r\n"), "STORED\r\n");
        assert!(server.memory_used() <= limits.memory_max as u64);
    }
    assert!(server.counters().evictions > 0);
}

#[test]
fn a_server_without_meta_commands_takes_an_ms_and_its_value_for_two_commands() {
    let config = Config { meta: MetaCommands::Unknown, ..Config::default() };
    let server = Server::start(config).expect("the server starts");
    let mut stream = connect(server.addr());
    ask(&mut stream, "mg a v\r\nmn\r\nmd a\r\n", "ERROR\r\nERROR\r\nERROR\r\n");
    ask(&mut stream, "ms a 9 T0\r\nflush_all\r\n", "ERROR\r\nOK\r\n");
    ask(&mut stream, "set a 0 0 1\r\nx\r\n", "STORED\r\n");
}
