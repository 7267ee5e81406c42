//! Webhooks and the ways in which their receivers fail.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use evenkeel_core::config::{HookAction, HookConfig};
use socket2::{Domain, Socket, Type};

use crate::support::receiver::{Answer, HttpReceiver, OK};
use evenkeel_rig::ScratchFolder;

use crate::support::{Rig, hook};

#[test]
fn a_webhook_is_sent_what_happened_as_json() {
    let receiver = HttpReceiver::start(&[OK]);
    let rig = Rig::new(&[hook(receiver.action())]);
    rig.eject(3);
    let request = receiver.next();
    assert_eq!(request.head, "POST /hooks/s3cret?a=b HTTP/1.1");
    assert_eq!(request.headers["content-type"], "application/json");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(request.headers["user-agent"], format!("evenkeel/{version}"));
    assert!(!request.headers.contains_key("evenkeel-signature"));
    let message = request.message();
    assert_eq!(request.headers["evenkeel-message"], message.id);
    assert_eq!((message.events_total, message.events_missed), (1, 0));
    assert_eq!(message.events[0].server.as_deref(), Some("10.0.0.3:11211"));
    assert_eq!((message.process.pid, &*message.process.version), (std::process::id(), version));
    let line = format!("evenkeel on {}: main/10.0.0.3:11211 ", message.process.machine);
    assert!(message.text.starts_with(&line), "{}", message.text);
    rig.wait_for_tally(|tally| tally.delivered == 1);
    assert_eq!((rig.tally().retried, rig.tally().failed), (0, 0));
}

#[test]
fn a_request_that_fails_is_made_again_after_pauses_that_grow() {
    const FLAKY: &[Answer] =
        &[Answer::Status("503 Service Unavailable", "", "oops"), Answer::Close, OK];
    let receiver = HttpReceiver::start(FLAKY);
    let rig = Rig::new(&[hook(receiver.action())]);
    rig.eject(0);
    let all: Vec<_> = (0..3).map(|_| receiver.next()).collect();
    assert!(all.iter().all(|it| it.body == all[0].body), "it is the same message each time");
    let pauses: Vec<_> = all.windows(2).map(|two| (two[1].at - two[0].at).as_secs_f64()).collect();
    for (pause, wanted) in pauses.iter().zip([1.0, 2.0]) {
        assert!(*pause > wanted * 0.65, "{pauses:?}");
    }
    rig.wait_for_tally(|tally| tally.delivered == 1);
    assert_eq!((rig.tally().retried, rig.tally().failed), (2, 0));
}

#[test]
fn a_receiver_that_hangs_costs_the_timeout_and_no_more() {
    let receiver = HttpReceiver::start(&[Answer::Silence]);
    let timeout = Duration::from_millis(300);
    let rig = Rig::new(&[HookConfig { timeout, retries: 1, ..hook(receiver.action()) }]);
    rig.eject(0);
    let (first, second) = (receiver.next(), receiver.next());
    assert!(second.at - first.at >= timeout);
    rig.wait_for_tally(|tally| tally.failed == 1);
    assert_eq!((rig.tally().retried, rig.tally().delivered), (1, 0));
}

#[test]
fn a_receiver_that_is_away_is_told_when_it_is_back() {
    // A socket that is bound and does not listen refuses connections.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let addr = socket.local_addr().unwrap().as_socket().unwrap();
    let action = HookAction::Webhook(format!("http://{addr}/").parse().unwrap());
    let rig = Rig::new(&[hook(action)]);
    rig.eject(0);
    rig.wait_for_tally(|tally| tally.retried >= 1);
    socket.listen(8).unwrap();
    let (mut stream, _) = TcpListener::from(socket).accept().unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    rig.wait_for_tally(|tally| tally.delivered == 1);
}

#[test]
fn a_refusal_is_final() {
    for answer in ["404 Not Found", "401 Unauthorized", "307 Temporary Redirect"] {
        let answers = vec![Answer::Status(answer, "location: http://127.0.0.1:1/\r\n", "no")];
        let receiver = HttpReceiver::start(answers.leak());
        let rig = Rig::new(&[hook(receiver.action())]);
        rig.eject(0);
        rig.wait_for_tally(|tally| tally.failed == 1);
        assert_eq!(rig.tally().retried, 0, "{answer}");
    }
}

#[test]
fn a_receiver_that_asks_for_a_longer_pause_gets_it() {
    const BUSY: &[Answer] = &[Answer::Status("429 Too Many", "retry-after: 3\r\n", ""), OK];
    let receiver = HttpReceiver::start(BUSY);
    let rig = Rig::new(&[hook(receiver.action())]);
    rig.eject(0);
    let (first, second) = (receiver.next(), receiver.next());
    assert!(second.at - first.at >= Duration::from_secs(3));
    rig.wait_for_tally(|tally| tally.delivered == 1);
}

#[test]
fn what_happens_while_a_receiver_fails_is_told_in_the_next_message() {
    const FLAKY: &[Answer] = &[Answer::Status("500 Internal Server Error", "", ""), OK];
    let receiver = HttpReceiver::start(FLAKY);
    let rig = Rig::new(&[hook(receiver.action())]);
    rig.eject(0);
    receiver.next();
    (1..20).for_each(|server| rig.eject(server));
    assert_eq!(receiver.next().message().events_total, 1);
    assert_eq!(receiver.next().message().events_total, 19);
}

#[test]
fn a_message_is_signed_with_the_secret_as_the_file_has_it_now() {
    let dir = ScratchFolder::create();
    let secret_file = dir.path().join("secret");
    std::fs::write(&secret_file, "one\n").unwrap();
    let receiver = HttpReceiver::start(&[OK]);
    let secret = Some(secret_file.clone());
    let rig = Rig::new(&[HookConfig { secret_file: secret, ..hook(receiver.action()) }]);
    for (server, secret) in [(0, "one"), (1, "two")] {
        std::fs::write(&secret_file, secret).unwrap();
        rig.eject(server);
        let request = receiver.next();
        let signature = request.headers["evenkeel-signature"].strip_prefix("sha256=").unwrap();
        let byte = |digits: &[u8]| u8::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap();
        let tag: Vec<_> = signature.as_bytes().chunks(2).map(byte).collect();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
        ring::hmac::verify(&key, &request.body, &tag).expect("it is signed");
    }
}

#[test]
fn without_its_secret_a_message_is_not_sent() {
    let dir = ScratchFolder::create();
    let empty = dir.path().join("empty");
    std::fs::write(&empty, "\n").unwrap();
    for secret_file in [dir.path().join("missing"), empty] {
        let receiver = HttpReceiver::start(&[OK]);
        let secret_file = Some(secret_file);
        let rig = Rig::new(&[HookConfig { secret_file, ..hook(receiver.action()) }]);
        rig.eject(0);
        rig.wait_for_tally(|tally| tally.failed == 1);
        assert!(receiver.next_within(Duration::ZERO).is_none());
    }
}
