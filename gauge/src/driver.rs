//! A driver whose sockets are buffers: a whole worker, turn by turn.
//!
//! It does what the proxy's loop does with a worker in a turn, without sockets. A request takes
//! two turns: in the first it is read and sent to a server, in the second its response is read and
//! the answer sent.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_core::Instant;
use evenkeel_core::config::OnUnavailable;
use evenkeel_core::connection::ConnectionId;
use evenkeel_core::distribution::{Distribution, Member, Scheme, Settings};
use evenkeel_core::id::SessionId;
use evenkeel_core::protocol::ParseLimits;
use evenkeel_core::recovery::{Ended, LateEnd, Routed, SharedRecovery};
use evenkeel_core::routing::{
    ConnectionSettings, KeyRoute, PoolId, PoolRoutes, RoutingTable, ServerId, ServerRoute,
    Substitute,
};
use evenkeel_core::session::SessionLimits;
use evenkeel_core::slow::SlowSettings;
use evenkeel_core::worker::{Action, Worker, WorkerSettings};

use crate::meter::counted;
use crate::traffic::{KeyNumbers, Traffic, respond};

/// A part of what a worker does for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// From a session's bytes to a connection's output: parse, route, encode, queue.
    Enqueue,
    /// From a server's bytes to the sessions' answers.
    Match,
    /// What there is to write, for servers and sessions, and that it has been written.
    Write,
    /// The beginning and the end of a turn: timers, actions, reports.
    Turn,
}

/// How many servers there are.
pub(crate) const SERVERS_LEN: u16 = 3;

/// The worker, and the bytes on its way.
pub(crate) struct Driver {
    worker: Worker,
    traffic: Traffic,
    sessions: Vec<SessionId>,
    now: Instant,
    /// When the worker's next timer fires, as of the end of the last turn.
    due: Option<Instant>,
    keys: KeyNumbers,
    /// What each session sends in this turn.
    requests: Vec<Vec<u8>>,
    /// What was written to the servers and not answered yet.
    written: Vec<(ConnectionId, Vec<u8>)>,
    responses: Vec<u8>,
    answers_len: usize,
    /// What is counted.
    counted: &'static [Step],
}

impl Driver {
    /// A worker with all connections made, and all sessions of the traffic.
    pub(crate) fn new(traffic: Traffic) -> Self {
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
        let sessions_len = traffic.sessions_len + traffic.idle_len;
        let mut sessions: Vec<_> =
            (0..sessions_len).map(|_| worker.handle_session_opened(PoolId(0), limits)).collect();
        // Those that send are among those that do not.
        sessions.rotate_left(traffic.idle_len / 2);
        sessions.truncate(traffic.sessions_len);
        Self {
            worker,
            traffic,
            sessions,
            now,
            due: None,
            keys: KeyNumbers::default(),
            requests: vec![Vec::new(); traffic.sessions_len],
            written: Vec::new(),
            responses: Vec::new(),
            answers_len: 0,
            counted: &[],
        }
    }

    /// Runs until buffers and queues are as they stay.
    pub(crate) fn warm_up(&mut self) {
        self.counted = &[];
        self.run(ROUNDS_TO_WARM_UP);
    }

    /// Counts these steps of many requests, and says how many requests that was.
    pub(crate) fn count(&mut self, steps: &'static [Step]) -> usize {
        self.counted = steps;
        let answers_before = self.answers_len;
        self.run(ROUNDS_COUNTED);
        let answers_len = self.answers_len - answers_before;
        let requests_len = ROUNDS_COUNTED * self.traffic.requests_len();
        assert!(answers_len >= requests_len * b"STORED\r\n".len(), "every request is answered");
        requests_len
    }

    fn run(&mut self, rounds: usize) {
        for _ in 0..rounds {
            self.now = self.now + ROUND_INTERVAL;
            self.prepare();
            self.turn_of_sessions();
            self.now = self.now + RESPONSE_INTERVAL;
            self.turn_of_servers();
        }
    }

    /// Writes the requests of the next turn.
    fn prepare(&mut self) {
        for requests in &mut self.requests {
            requests.clear();
            for _ in 0..self.traffic.pipeline_len {
                self.traffic.kind.write(&mut self.keys, requests);
            }
        }
    }

    fn turn_of_sessions(&mut self) {
        self.begin_turn();
        for idx in 0..self.sessions.len() {
            self.step(Step::Enqueue, |it| {
                it.worker.handle_session_bytes(it.now, it.sessions[idx], &it.requests[idx]);
            });
        }
        self.end_turn();
        assert!(!self.written.is_empty(), "requests go to servers at once");
    }

    fn turn_of_servers(&mut self) {
        self.begin_turn();
        for (id, requests) in std::mem::take(&mut self.written) {
            self.responses.clear();
            respond(&requests, self.traffic.value_len, &mut self.responses);
            self.step(Step::Match, |it| {
                it.worker.handle_server_bytes(it.now, id, &it.responses);
            });
        }
        self.end_turn();
    }

    fn begin_turn(&mut self) {
        self.step(Step::Turn, |it| {
            it.worker.handle_turn(it.now, it.due);
        });
    }

    fn end_turn(&mut self) {
        self.step(Step::Turn, |it| {
            if it.due.is_some_and(|at| at <= it.now) {
                it.worker.handle_timeout(it.now);
            }
        });
        self.flush();
        self.step(Step::Turn, |it| {
            assert!(it.worker.poll_action().is_none(), "nothing goes wrong here");
            it.worker.drain_reports().for_each(drop);
            it.due = it.worker.next_timeout();
        });
    }

    fn flush(&mut self) {
        while let Some(id) = self.step(Step::Write, |it| it.worker.poll_connection_to_write()) {
            // The kernel would take these bytes.
            self.written.push((id, self.worker.connection_output(id).to_vec()));
            self.step(Step::Write, |it| {
                let len = it.worker.connection_output(id).len();
                it.worker.handle_server_written(id, len);
            });
        }
        while let Some(id) = self.step(Step::Write, |it| it.worker.poll_session_to_write(it.now)) {
            self.answers_len += self.step(Step::Write, |it| {
                let len = it.worker.session_output(id).len();
                it.worker.handle_session_written(id, len);
                len
            });
        }
    }

    /// Does a part of a turn; counts it if it is to be counted.
    fn step<T>(&mut self, step: Step, work: impl Fn(&mut Self) -> T) -> T {
        if self.counted.contains(&step) { counted(|| work(self)) } else { work(self) }
    }
}

/// Enough that requests reach their deadline: from then on each that comes takes one out of the
/// worker's queues.
const ROUNDS_TO_WARM_UP: usize = 400;

/// Reports are made every 100 ms, so this is a multiple of that.
const ROUNDS_COUNTED: usize = 200;

/// The time from requests to the next requests.
const ROUND_INTERVAL: Duration = Duration::from_micros(900);

/// The time from requests to responses.
const RESPONSE_INTERVAL: Duration = Duration::from_micros(100);

const SETTINGS: WorkerSettings = WorkerSettings {
    seed: 1,
    unix_time_at_zero: Duration::ZERO,
    parked_timeout: Duration::from_mins(1),
    slow: SlowSettings::NEVER,
};

/// The distribution of a pool of so many servers.
pub(crate) fn distribution(servers_len: u16) -> Distribution {
    let members: Vec<_> =
        (0..servers_len).map(|number| Member::new("10.0.0.1", 11211 + number)).collect();
    Distribution::new(&Settings::new(Scheme::Ketama), &members).expect("members differ")
}

fn table() -> RoutingTable {
    let pool = PoolRoutes {
        distribution: Arc::new(distribution(SERVERS_LEN)),
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
