//! The relay between a client and the embedded server, one fault at a time.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use evenkeel_lab::{Config, Fault, Relay, Server};

/// How long something that must happen may take.
const BOUND: Duration = Duration::from_secs(5);

/// How long to look for something that must not happen.
const QUIET: Duration = Duration::from_millis(60);

fn lab() -> (Server, Relay) {
    let server = Server::start(Config::default()).expect("the server starts");
    let relay = Relay::start(server.addr()).expect("the relay starts");
    (server, relay)
}

struct Client(TcpStream);

impl From<TcpStream> for Client {
    fn from(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(BOUND)).expect("the bound is not zero");
        stream.set_nodelay(true).expect("the socket is connected");
        Self(stream)
    }
}

impl Client {
    fn new(addr: SocketAddr) -> Self {
        TcpStream::connect(addr).expect("the relay accepts").into()
    }

    fn send(&mut self, request: &str) {
        self.0.write_all(request.as_bytes()).expect("the relay takes requests");
    }

    #[track_caller]
    fn expect(&mut self, answer: &str) {
        let mut got = vec![0; answer.len()];
        self.0.read_exact(&mut got).expect("an answer comes");
        assert_eq!(String::from_utf8_lossy(&got), answer);
    }

    #[track_caller]
    fn ask(&mut self, request: &str, answer: &str) {
        self.send(request);
        self.expect(answer);
    }

    #[track_caller]
    fn expect_nothing(&mut self) {
        self.0.set_read_timeout(Some(QUIET)).expect("the time is not zero");
        let error = self.0.read(&mut [0; 64]).expect_err("nothing comes");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        self.0.set_read_timeout(Some(BOUND)).expect("the bound is not zero");
    }

    #[track_caller]
    fn expect_reset(&mut self) {
        let mut rest = Vec::new();
        let error = self.0.read_to_end(&mut rest).expect_err("the connection is reset");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(rest, b"");
    }

    #[track_caller]
    fn expect_end(&mut self) {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).expect("the connection ends without a reset");
        assert_eq!(rest, b"");
    }
}

#[track_caller]
fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !is_true() {
        assert!(Instant::now() < deadline, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn without_fault_bytes_pass_and_are_counted() {
    let (server, relay) = lab();
    let mut client = Client::new(relay.addr());
    let (request, answer) = ("get a\r\nmn\r\n", "VALUE a 0 1\r\nx\r\nEND\r\nMN\r\n");
    client.ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    let before = relay.counters();
    client.ask(request, answer);
    let after = relay.counters();
    assert_eq!((after.connections_total, after.connections), (1, 1));
    assert_eq!(after.bytes_from_client - before.bytes_from_client, request.len() as u64);
    assert_eq!(after.bytes_from_server - before.bytes_from_server, answer.len() as u64);
    drop(client);
    wait_until("the end of the link", || relay.counters().connections == 0);
    wait_until("the end at the server", || server.connection_count() == 0);
}

#[test]
fn large_values_pass_both_ways() {
    let (_server, relay) = lab();
    let mut client = Client::new(relay.addr());
    let value = "MN\r\nEND\r\n".repeat(100_000);
    let len = value.len();
    client.ask(&format!("set a 0 0 {len}\r\n{value}\r\n"), "STORED\r\n");
    client.ask("get a\r\n", &format!("VALUE a 0 {len}\r\n{value}\r\nEND\r\n"));
}

#[test]
fn a_delay_holds_answers_back_together_and_in_order() {
    let (_server, relay) = lab();
    let delay = Duration::from_millis(100);
    relay.set(Fault::Delay(delay));
    let mut client = Client::new(relay.addr());
    let (started_at, count) = (Instant::now(), 10);
    for number in 0..count {
        client.send(&format!("mg k{number} k\r\n"));
        std::thread::sleep(Duration::from_millis(2));
    }
    for number in 0..count {
        client.expect(&format!("EN kk{number}\r\n"));
        assert!(started_at.elapsed() >= delay);
    }
    assert!(started_at.elapsed() < delay * 5, "one after another they would take ten delays");
    relay.clear();
    let started_at = Instant::now();
    client.ask("mn\r\n", "MN\r\n");
    assert!(started_at.elapsed() < delay);
}

#[test]
fn a_stall_holds_everything_back_until_it_ends() {
    let (server, relay) = lab();
    let mut old = Client::new(relay.addr());
    old.ask("mn\r\n", "MN\r\n");
    relay.set(Fault::Stall);
    let mut new = Client::new(relay.addr());
    old.send("set a 0 0 1\r\nx\r\n");
    new.send("set b 0 0 1\r\nx\r\n");
    old.expect_nothing();
    new.expect_nothing();
    assert_eq!(server.counters().set_cmds, 0);
    relay.clear();
    old.expect("STORED\r\n");
    new.expect("STORED\r\n");
    assert_eq!(server.counters().set_cmds, 2);
}

#[test]
fn a_stall_holds_back_the_end_of_a_connection() {
    let (mut server, relay) = lab();
    let mut client = Client::new(relay.addr());
    client.ask("mn\r\n", "MN\r\n");
    relay.set(Fault::Stall);
    server.stop();
    client.expect_nothing();
    relay.clear();
    client.expect_end();
}

#[test]
fn a_cut_way_loses_bytes_and_leaves_connects_unanswered() {
    let (server, relay) = lab();
    let mut client = Client::new(relay.addr());
    client.ask("mn\r\n", "MN\r\n");
    relay.set(Fault::CutOff);
    let unanswered = TcpStream::connect_timeout(&relay.addr(), QUIET).expect_err("no answer");
    assert_eq!(unanswered.kind(), ErrorKind::TimedOut);
    client.send("set a 0 0 1\r\nx\r\n");
    client.expect_nothing();
    relay.clear();
    Client::new(relay.addr()).ask("get a\r\nmn\r\n", "END\r\nMN\r\n");
    client.ask("mn\r\n", "MN\r\n");
    assert_eq!(server.item_count(), 0);
}

#[test]
fn a_blackhole_loses_what_is_sent_into_it() {
    let (server, relay) = lab();
    relay.set(Fault::Blackhole);
    let mut client = Client::new(relay.addr());
    client.send("set a 0 0 1\r\nx\r\n");
    client.expect_nothing();
    wait_until("reading", || relay.counters().bytes_from_client == 16);
    relay.clear();
    client.ask("mn\r\n", "MN\r\n");
    assert_eq!(server.counters().set_cmds, 0);
}

#[test]
fn refusal_resets_connections_and_refuses_connects_until_it_ends() {
    let (_server, relay) = lab();
    let mut client = Client::new(relay.addr());
    client.ask("mn\r\n", "MN\r\n");
    for _ in 0..3 {
        relay.set(Fault::Refuse);
        client.expect_reset();
        let refused = TcpStream::connect(relay.addr()).expect_err("nobody listens");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        relay.clear();
        client = Client::new(relay.addr());
        client.ask("mn\r\n", "MN\r\n");
    }
}

#[test]
fn a_reset_ends_connections_old_and_new() {
    let (_server, relay) = lab();
    let mut old = Client::new(relay.addr());
    old.ask("mn\r\n", "MN\r\n");
    relay.set(Fault::Reset);
    old.expect_reset();
    Client::new(relay.addr()).expect_reset();
    assert_eq!(relay.counters().connections_total, 2);
    relay.clear();
    Client::new(relay.addr()).ask("mn\r\n", "MN\r\n");
}

#[test]
fn resets_come_again_and_again() {
    let (_server, relay) = lab();
    relay.set(Fault::ResetEvery(Duration::from_millis(50)));
    for _ in 0..3 {
        let mut client = Client::new(relay.addr());
        client.send("mn\r\n");
        // An answer may or may not come before the reset does.
        let error = client.0.read_to_end(&mut Vec::new()).expect_err("a reset comes");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    relay.clear();
    let mut client = Client::new(relay.addr());
    client.expect_nothing();
    client.ask("mn\r\n", "MN\r\n");
}

#[test]
fn a_flapping_server_refuses_and_serves_in_turn() {
    let (_server, relay) = lab();
    let mut client = Client::new(relay.addr());
    client.ask("mn\r\n", "MN\r\n");
    relay.set(Fault::Flap(Duration::from_millis(50)));
    for _ in 0..3 {
        client.expect_reset();
        let mut accepted = None;
        wait_until("a connect that is accepted", || {
            accepted = TcpStream::connect(relay.addr()).ok();
            accepted.is_some()
        });
        client = accepted.map(Client::from).expect("one was accepted");
    }
    relay.clear();
    Client::new(relay.addr()).ask("mn\r\n", "MN\r\n");
}

#[test]
fn a_truncated_response_ends_in_the_middle() {
    let (_server, relay) = lab();
    let mut old = Client::new(relay.addr());
    old.ask("set a 0 0 10\r\n0123456789\r\n", "STORED\r\n");
    relay.set(Fault::Truncate { after_bytes: 20 });
    let mut new = Client::new(relay.addr());
    for client in [&mut old, &mut new] {
        client.send("get a\r\nget a\r\n");
        client.expect("VALUE a 0 10\r\n012345");
        client.expect_end();
    }
    relay.set(Fault::Truncate { after_bytes: 0 });
    let mut client = Client::new(relay.addr());
    client.send("get a\r\n");
    client.expect_end();
}

#[test]
fn a_truncation_counts_over_many_responses() {
    let (_server, relay) = lab();
    relay.set(Fault::Truncate { after_bytes: 10 });
    let mut client = Client::new(relay.addr());
    client.ask("mn\r\n", "MN\r\n");
    client.ask("mn\r\n", "MN\r\n");
    client.send("mn\r\n");
    client.expect("MN");
    client.expect_end();
}

#[test]
fn garbage_is_as_long_as_what_it_replaces_and_follows_from_the_seed() {
    let garbage = |seed| {
        let server = Server::start(Config::default()).expect("the server starts");
        let relay = Relay::start_with_seed(server.addr(), seed).expect("the relay starts");
        relay.set(Fault::Garbage);
        let mut client = Client::new(relay.addr());
        client.send("version\r\n");
        let mut bytes = [0; "VERSION 1.6.18\r\n".len()];
        client.0.read_exact(&mut bytes).expect("garbage comes");
        client.expect_nothing();
        bytes
    };
    assert_eq!(garbage(7), garbage(7));
    assert_ne!(garbage(7), garbage(8));
    assert_ne!(&garbage(7), b"VERSION 1.6.18\r\n");
}

#[test]
fn off_by_one_gives_each_request_the_answer_of_the_one_before() {
    let (_server, relay) = lab();
    let mut client = Client::new(relay.addr());
    for key in ["a", "b", "c"] {
        client.ask(&format!("set {key} 0 0 1\r\n{key}\r\n"), "STORED\r\n");
    }
    relay.set(Fault::OffByOne);
    let answer = |key| format!("VALUE {key} 0 1\r\n{key}\r\nEND\r\n");
    client.ask("get a\r\n", &answer("a"));
    client.ask("get b\r\n", &answer("a"));
    client.expect(&answer("b"));
    client.ask("get c\r\n", &answer("c"));
    client.expect_nothing();
    let mut other = Client::new(relay.addr());
    other.ask("get b\r\nget c\r\n", &[answer("b"), answer("b"), answer("c")].concat());
}

#[test]
fn a_server_that_answers_version_only_answers_no_data_command() {
    let (server, relay) = lab();
    let mut client = Client::new(relay.addr());
    client.ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    relay.set(Fault::OnlyVersion);
    client.ask("get a\r\nmg a v\r\nset a 0 0 1\r\ny\r\nversion\r\n", "VERSION 1.6.18\r\n");
    client.ask("delete a\r\nmn\r\n", "MN\r\n");
    client.ask("stats nonsense\r\n", "ERROR\r\n");
    relay.clear();
    client.ask("get a\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n");
    assert_eq!(server.counters().set_cmds, 1);
}

#[test]
fn a_server_error_is_told_for_each_data_command_in_its_place() {
    let (server, relay) = lab();
    let mut client = Client::new(relay.addr());
    client.ask("set a 0 0 4\r\nMN\r\n\r\n", "STORED\r\n");
    client.send("get a\r\n");
    relay.set(Fault::ServerError("out of order".to_owned()));
    client.send("get a\r\nmn\r\nset a 0 0 1 noreply\r\ny\r\nversion\r\nms a 1 q\r\ny\r\n");
    // The first may have been forwarded before the fault came.
    let mut first = [0; 12];
    client.0.read_exact(&mut first).expect("an answer comes");
    match &first {
        b"VALUE a 0 4\r" => client.expect("\nMN\r\n\r\nEND\r\n"),
        _ => client.expect(" out of order\r\n"),
    }
    let error = "SERVER_ERROR out of order\r\n";
    client.expect(&format!("{error}MN\r\nVERSION 1.6.18\r\n{error}"));
    assert_eq!(server.counters().set_cmds, 1);
    relay.clear();
    client.ask("get a\r\n", "VALUE a 0 4\r\nMN\r\n\r\nEND\r\n");
}

#[test]
fn a_server_error_on_writes_leaves_reads_and_deletes_in_order() {
    let (_server, relay) = lab();
    let mut client = Client::new(relay.addr());
    client.ask("set a 0 0 4\r\nMN\r\n\r\n", "STORED\r\n");
    relay.set(Fault::ServerErrorOnWrites("out of memory storing object".to_owned()));
    let value = "VALUE a 0 4\r\nMN\r\n\r\nEND\r\n";
    let error = "SERVER_ERROR out of memory storing object\r\n";
    let large = "v".repeat(200_000);
    client.ask(
        &format!(
            "get a\r\nset a 0 0 200000\r\n{large}\r\nget a\r\nincr a 1\r\ndelete a\r\nget a\r\n"
        ),
        &format!("{value}{error}{value}{error}DELETED\r\nEND\r\n"),
    );
}

#[test]
fn a_connection_whose_target_is_gone_is_reset() {
    let (mut server, relay) = lab();
    let mut client = Client::new(relay.addr());
    client.ask("mn\r\n", "MN\r\n");
    server.stop();
    client.expect_end();
    Client::new(relay.addr()).expect_reset();
    server.restart().expect("the server starts again");
    Client::new(relay.addr()).ask("mn\r\n", "MN\r\n");
}

#[test]
fn a_dropped_relay_leaves_nothing_behind() {
    let (server, relay) = lab();
    let addr = relay.addr();
    let mut client = Client::new(addr);
    client.ask("mn\r\n", "MN\r\n");
    drop(relay);
    client.expect_end();
    wait_until("the end at the server", || server.connection_count() == 0);
    let refused = TcpStream::connect(addr).expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}
