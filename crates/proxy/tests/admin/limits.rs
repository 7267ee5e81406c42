//! What a running admin server does not put up with.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use evenkeel_core::config::{AdminConfig, ByteSize};
use socket2::{Domain, Socket, Type};

use crate::rig::{Answer, NO_BROWSER, PATIENCE, Rig, Stream, request, status_of, wait_until};

/// As short as can be configured.
const STEP: Duration = Duration::from_secs(1);

fn hasty() -> Rig {
    Rig::start_with(AdminConfig { request_timeout: STEP, ..AdminConfig::default() })
}

/// Waits until the connection is closed by the other side: after how long.
#[track_caller]
fn until_closed(mut stream: TcpStream) -> Duration {
    let start = Instant::now();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut Vec::new());
    assert!(start.elapsed() < PATIENCE, "it is still open");
    start.elapsed()
}

#[test]
fn a_connection_that_brings_no_request_is_closed() {
    let rig = hasty();
    assert!(until_closed(rig.connect()) < PATIENCE);
    let mut half = rig.connect();
    half.write_all(b"GET /health/live HTTP/1.1\r\nhost: loc").expect("it is read");
    assert!(until_closed(half) < PATIENCE);
}

#[test]
fn a_connection_is_used_again_and_closed_when_it_is_idle() {
    let rig = hasty();
    let mut stream = rig.connect();
    for _ in 0..3 {
        stream
            .write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .expect("it is read");
        assert_eq!(status_of(&mut stream), Some(200));
    }
    assert!(until_closed(stream) < PATIENCE);
}

#[test]
fn a_stream_of_events_outlives_the_time_of_a_step() {
    let rig = hasty();
    let mut stream = Stream::open(&rig, "", &[]);
    let start = Instant::now();
    wait_until("some steps to have passed", || start.elapsed() > STEP * 3);
    assert_eq!(rig.order("a", "drain").status, 202);
    assert_eq!(stream.next().0, 0, "nothing happened before");
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let rig = hasty();
    let mut stream = rig.connect();
    let headers = [NO_BROWSER, ("content-length", "100")];
    request(&mut stream, "POST", "/api/v1/reload", &headers).expect("it is read");
    stream.write_all(b"{").expect("it is read");
    assert!(until_closed(stream) < PATIENCE);
}

#[test]
fn a_request_that_brings_too_much_is_refused() {
    let request_size_max = ByteSize::from_kib(8);
    let rig = Rig::start_with(AdminConfig { request_size_max, ..AdminConfig::default() });
    let path = "/api/v1/pools/main/servers/a/drain";
    let long = [NO_BROWSER, ("content-length", "8193")];
    rig.send("POST", path, &long).check_failure(413, "too-large");
    let mut chunked = rig.connect();
    request(&mut chunked, "POST", path, &[NO_BROWSER, ("transfer-encoding", "chunked")])
        .expect("it is read");
    let chunk = format!("2001\r\n{}\r\n0\r\n\r\n", "x".repeat(0x2001));
    chunked.write_all(chunk.as_bytes()).expect("it is read");
    Answer::read(chunked).check_failure(413, "too-large");
    let head = rig.send("GET", "/api/v1/status", &[("x-long", &"x".repeat(9000))]);
    assert_eq!(head.status, 431);
    assert_eq!(rig.state_of("a"), "up");
    assert_eq!(rig.send("POST", path, &[NO_BROWSER, ("content-length", "0")]).status, 202);
}

#[test]
fn a_connection_too_many_is_told_so_and_closed_and_counted() {
    let rig = Rig::start_with(AdminConfig { connections_max: 4, ..AdminConfig::default() });
    let mut open: Vec<_> = (0..4).map(|_| rig.connect()).collect();
    wait_until("the places to be taken", || {
        let mut fifth = rig.connect();
        // It is refused without having asked anything.
        fifth.shutdown(Shutdown::Write).is_ok() && status_of(&mut fifth) == Some(503)
    });
    open.clear();
    wait_until("places to be free", || {
        let mut stream = rig.connect();
        request(&mut stream, "GET", "/health/live", &[]).is_ok()
            && status_of(&mut stream) == Some(200)
    });
    wait_until("the refusal to be counted", || {
        let metrics = rig.ask("/metrics").body;
        let line = "evenkeel_losses_total{what=\"admin connections refused\"} ";
        let times = metrics.lines().find_map(|it| it.strip_prefix(line));
        times.is_some_and(|times| times != "0")
    });
}

#[test]
fn a_reader_that_takes_nothing_is_closed() {
    let rig = hasty();
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    socket.connect(&rig.admin.into()).expect("it listens");
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).expect("it is above 0");
    stream.set_write_timeout(Some(PATIENCE)).expect("it is above 0");
    let one = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n";
    // It asks for ever, and reads nothing: when nobody reads its questions any more, it is closed.
    let start = Instant::now();
    while stream.write_all(one).is_ok() {
        assert!(start.elapsed() < PATIENCE, "it is still open");
    }
    assert_eq!(rig.ask("/health/live").status, 200);
}
