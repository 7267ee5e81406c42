//! In steady state a request allocates nothing.
//!
//! A worker and servers that answer at once, in one thread, every allocation counted. What a
//! request needs is allocated while the worker warms up, and used again from then on.

#![expect(clippy::unwrap_used, reason = "a table that cannot be built must fail the test")]

use std::sync::Arc;
use std::time::Duration;

use evenkeel_core::Instant;
use evenkeel_core::config::OnUnavailable;
use evenkeel_core::connection::ConnectionId;
use evenkeel_core::distribution::{Distribution, Member, Scheme, Settings};
use evenkeel_core::id::SessionId;
use evenkeel_core::protocol::token::push_number;
use evenkeel_core::protocol::{ParseLimits, Parsed, Request, parse_request};
use evenkeel_core::recovery::{Ended, LateEnd, Routed, SharedRecovery};
use evenkeel_core::routing::{
    ConnectionSettings, KeyRoute, PoolId, PoolRoutes, RoutingTable, ServerId, ServerRoute,
    Substitute,
};
use evenkeel_core::session::SessionLimits;
use evenkeel_core::slow::SlowSettings;
use evenkeel_core::worker::{Action, Worker, WorkerSettings};

const SERVERS_LEN: u16 = 3;

const SETTINGS: WorkerSettings = WorkerSettings {
    seed: 1,
    unix_time_at_zero: Duration::ZERO,
    parked_timeout: Duration::from_mins(1),
    slow: SlowSettings::NEVER,
};

/// Recovery when nothing has ever failed.
#[derive(Debug)]
struct Clear;

impl SharedRecovery for Clear {
    fn is_clear(&self, _: PoolId) -> bool {
        true
    }

    fn route(&self, _: Instant, _: PoolId, _: &KeyRoute<'_>) -> Routed {
        unreachable!("every key is at home")
    }

    fn settle(&self, _: Instant, _: PoolId, _: &Ended<'_>) -> bool {
        unreachable!("every write is answered")
    }

    fn handle_late_end(&self, _: Instant, _: PoolId, _: ServerId, _: LateEnd) {
        unreachable!("nothing is late")
    }

    fn may_move(&self, _: Instant, _: PoolId) -> bool {
        true
    }

    fn handed_over(&self, _: PoolId) -> Option<Arc<RoutingTable>> {
        None
    }

    fn require_flush(&self, _: Instant, _: PoolId, _: ServerId) {
        unreachable!("every server is in use")
    }
}

const VALUE: &[u8] = &[b'v'; 100];

/// Turns that let buffers and queues grow to what they need.
const TURNS_TO_WARM_UP: usize = 2000;

/// Turns of which each allocation counts.
const TURNS_COUNTED: usize = 2000;

#[test]
fn a_request_for_one_key_allocates_nothing() {
    check(b"get key:1\r\n");
    check(b"gets key:2\r\n");
    check(b"delete key:3\r\n");
    check(b"set key:4 0 0 5 noreply\r\nhello\r\nget key:4\r\n");
}

#[test]
fn a_meta_request_allocates_nothing() {
    check(b"mg key:1 v O123 k\r\n");
    check(b"mg a2V5OjE= b v\r\nmn\r\n");
    check(b"ms key:1 5 T0\r\nhello\r\n");
}

#[test]
fn a_store_of_an_ordinary_value_allocates_nothing() {
    let mut request = b"set key:1 0 0 4096\r\n".to_vec();
    request.resize(request.len() + 4096, b'v');
    request.extend_from_slice(b"\r\n");
    check(&request);
}

#[test]
fn a_retrieval_over_several_servers_allocates_nothing() {
    check(b"get key:1 key:2 key:3 key:4 key:5 key:6 key:7 key:8 key:9\r\n");
}

#[test]
fn pipelined_requests_allocate_nothing() {
    check(&b"get key:1\r\nget key:2\r\nmg key:3 v\r\nget key:4 key:5\r\n".repeat(16));
}

/// One turn after another sends `requests` and takes the answers.
#[track_caller]
fn check(requests: &[u8]) {
    let mut turns = Turns::new();
    turns.run(TURNS_TO_WARM_UP, requests);
    let allocated = allocation_counter::measure(|| turns.run(TURNS_COUNTED, requests));
    assert_eq!(allocated.count_total, 0, "in {TURNS_COUNTED} turns");
    assert!(turns.answers_len > 0);
}

/// A driver whose sockets are buffers.
struct Turns {
    worker: Worker,
    session: SessionId,
    now: Instant,
    responses: Vec<u8>,
    answers_len: usize,
}

impl Turns {
    fn new() -> Self {
        let now = Instant::from_nanos(1);
        let mut worker = Worker::new(now, Arc::new(table()), SETTINGS, Arc::new(Clear));
        while let Some(Action::Connect(server)) = worker.poll_action() {
            worker.handle_connected(now, server);
        }
        let limits = SessionLimits {
            parse: ParseLimits::default(),
            requests_in_flight_max: 1000,
            output_max: 1 << 20,
        };
        let session = worker.handle_session_opened(PoolId(0), limits);
        Self { worker, session, now, responses: Vec::new(), answers_len: 0 }
    }

    fn run(&mut self, turns: usize, requests: &[u8]) {
        for _ in 0..turns {
            self.now = self.now + Duration::from_micros(100);
            self.worker.handle_session_bytes(self.now, self.session, requests);
            while let Some(server) = self.worker.poll_connection_to_write() {
                self.serve(server);
            }
            while let Some(id) = self.worker.poll_session_to_write(self.now) {
                let len = self.worker.session_output(id).len();
                self.worker.handle_session_written(id, len);
                self.answers_len += len;
            }
            if self.worker.next_timeout().is_some_and(|at| at <= self.now) {
                self.worker.handle_timeout(self.now);
            }
            assert!(self.worker.poll_action().is_none(), "nothing goes wrong here");
        }
    }

    fn serve(&mut self, id: ConnectionId) {
        let output = self.worker.connection_output(id);
        self.responses.clear();
        let mut at = 0;
        while let Parsed::Request { request, len } =
            parse_request(&output[at..], 0, &ParseLimits::default())
        {
            at += len;
            respond(&request, &mut self.responses);
        }
        assert_eq!(at, output.len());
        self.worker.handle_server_written(id, at);
        self.worker.handle_server_bytes(self.now, id, &self.responses);
    }
}

/// A hit for whatever is read, and success for whatever is written.
fn respond(request: &Request<'_>, responses: &mut Vec<u8>) {
    match request {
        Request::Retrieve { how, keys } => {
            for key in keys {
                responses.extend_from_slice(b"VALUE ");
                responses.extend_from_slice(key);
                responses.extend_from_slice(b" 0 ");
                push_number(responses, VALUE.len());
                responses.extend_from_slice(if how.has_cas() { b" 7\r\n" } else { b"\r\n" });
                responses.extend_from_slice(VALUE);
                responses.extend_from_slice(b"\r\n");
            }
            responses.extend_from_slice(b"END\r\n");
        }
        Request::Store { .. } => responses.extend_from_slice(b"STORED\r\n"),
        Request::Delete { .. } => responses.extend_from_slice(b"DELETED\r\n"),
        Request::Meta(meta) => {
            if meta.value.is_some() {
                responses.extend_from_slice(b"HD");
            } else {
                responses.extend_from_slice(b"VA ");
                push_number(responses, VALUE.len());
            }
            for flag in meta.flags.split(|byte| *byte == b' ') {
                if flag.starts_with(b"O") {
                    responses.extend_from_slice(b" ");
                    responses.extend_from_slice(flag);
                }
            }
            responses.extend_from_slice(b" k");
            responses.extend_from_slice(meta.key);
            responses.extend_from_slice(if meta.base64_key { b" b\r\n" } else { b"\r\n" });
            if meta.value.is_none() {
                responses.extend_from_slice(VALUE);
                responses.extend_from_slice(b"\r\n");
            }
        }
        other => panic!("no test asks {other:?}"),
    }
}

fn table() -> RoutingTable {
    let members: Vec<_> =
        (0..SERVERS_LEN).map(|number| Member::new("10.0.0.1", 11211 + number)).collect();
    let pool = PoolRoutes {
        distribution: Arc::new(
            Distribution::new(&Settings::new(Scheme::Ketama), &members).unwrap(),
        ),
        servers: (0..SERVERS_LEN).map(ServerId).collect(),
        failover: Substitute::Next,
        on_unavailable: OnUnavailable::Miss,
        deadline: Duration::from_millis(350),
        failover_ttl: Duration::from_mins(1),
        former: Arc::default(),
    };
    let settings = ConnectionSettings {
        timeout: Duration::from_millis(250),
        connect_timeout: Duration::from_millis(250),
        attempts_in_flight_max: 1000,
    };
    let server = ServerRoute::in_use(settings, 1);
    RoutingTable { pools: vec![pool], servers: vec![server; usize::from(SERVERS_LEN)] }
}

#[test]
fn choosing_a_server_allocates_nothing_in_any_distribution() {
    let members: Vec<_> = (1..=9).map(|port| Member::new("cache", port)).collect();
    // As long as keys can be; the last is not UTF-8, and printed in Python four times as long.
    let keys = ["x".repeat(250).into_bytes(), "é".repeat(125).into_bytes(), vec![0xff; 250]];
    for (name, scheme) in Scheme::NAMES {
        let mut settings = Settings::new(scheme).with_hash_tag("{}".parse().unwrap());
        if scheme.is_mcrouter() {
            settings = settings.with_salt("x".repeat(249).parse().unwrap()).unwrap();
        }
        let distribution = Distribution::new(&settings, &members).unwrap();
        for key in &keys {
            let counted = allocation_counter::measure(|| {
                // Once home, and once with one server left.
                distribution.home(key);
                distribution.pick(key, |member| member.0 == 8);
            });
            assert_eq!(counted.count_total, 0, "{name}");
        }
    }
}
