//! A worker, servers and applications, all in memory and all in one thread.
//!
//! Time moves only when a test says so. Every step is bounded, so that a worker that never comes
//! to rest fails its test, and is followed by a look at what must always be true.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::*;
use super::server::Server;
use super::shared::Shared;
use crate::config::OnUnavailable;
use crate::connection::ConnectionId;
use crate::distribution::{Distribution, Member, Scheme, Settings};
use crate::exchange::Asker;
use crate::failure::Failure;
use crate::protocol::ParseLimits;
use crate::recovery::Taken;
use crate::report::Outcome;
use crate::routing::{
    ConnectionSettings, Layout, PoolId, PoolRoutes, ServerRoute, Substitute, Usable,
};

pub(super) const POOL: PoolId = PoolId(0);

pub(super) const LIMITS: SessionLimits = SessionLimits {
    parse: ParseLimits { item_size_max: 1000, keys_per_get_max: 100 },
    requests_in_flight_max: 64,
    output_max: 64 * 1024 * 1024,
};

const SETTINGS: WorkerSettings = WorkerSettings {
    seed: 1,
    unix_time_at_zero: Duration::from_secs(1_700_000_000),
    parked_timeout: Duration::from_mins(1),
    slow: SlowSettings::NEVER,
};

/// Rounds of the driver's loop after which a worker is taken never to come to rest.
const ROUNDS_MAX: usize = 10_000;

pub(super) struct Rig {
    pub(super) worker: Worker,
    pub(super) recovery: Arc<Shared>,
    pub(super) now: Instant,
    pub(super) servers: Vec<Server>,
    pub(super) applications: BTreeMap<SessionId, Application>,
    pub(super) outcomes: Vec<Outcome>,
    /// All other reports.
    pub(super) reports: Vec<Report>,
    table: RoutingTable,
}

/// The far end of a session.
#[derive(Default)]
pub(super) struct Application {
    answers: Vec<u8>,
    pub(super) is_closed: bool,
    pub(super) is_deaf: bool,
}

impl Rig {
    /// So many servers that serve, and a connection to each.
    pub(super) fn new(servers_len: u16) -> Self {
        Self::with(servers_len, |_| {})
    }

    /// The same with a table that `change` has changed.
    pub(super) fn with(servers_len: u16, change: impl FnOnce(&mut RoutingTable)) -> Self {
        let mut table = table(servers_len);
        change(&mut table);
        let now = Instant::from_nanos(1_000_000_000);
        let recovery = Arc::new(Shared::new());
        let mut rig = Self {
            worker: Worker::new(now, Arc::new(table.clone()), SETTINGS, recovery.clone()),
            recovery,
            now,
            servers: (0..servers_len).map(|_| Server::default()).collect(),
            applications: BTreeMap::new(),
            outcomes: Vec::new(),
            reports: Vec::new(),
            table,
        };
        rig.drive();
        rig
    }

    /// One application's session.
    pub(super) fn open(&mut self) -> SessionId {
        self.open_with(LIMITS)
    }

    pub(super) fn open_with(&mut self, limits: SessionLimits) -> SessionId {
        let id = self.worker.handle_session_opened(POOL, limits);
        self.applications.insert(id, Application::default());
        id
    }

    /// The application sends `bytes`.
    pub(super) fn send(&mut self, id: SessionId, bytes: impl AsRef<[u8]>) {
        self.worker.handle_session_bytes(self.now, id, bytes.as_ref());
        self.drive();
    }

    /// What the application has been answered since it was last asked.
    pub(super) fn answers(&mut self, id: SessionId) -> String {
        let application = self.applications.get_mut(&id).unwrap();
        String::from_utf8(std::mem::take(&mut application.answers)).unwrap()
    }

    /// Sends `bytes` and returns what is answered at once.
    pub(super) fn ask(&mut self, id: SessionId, bytes: impl AsRef<[u8]>) -> String {
        self.send(id, bytes);
        self.answers(id)
    }

    pub(super) fn is_closed(&self, id: SessionId) -> bool {
        self.applications[&id].is_closed
    }

    /// Whether the application takes what it is sent.
    pub(super) fn set_deaf(&mut self, id: SessionId, is_deaf: bool) {
        self.applications.get_mut(&id).unwrap().is_deaf = is_deaf;
        self.write_session(id);
        self.drive();
    }

    /// The server sends `bytes` of its own.
    pub(super) fn say(&mut self, server: u16, bytes: impl AsRef<[u8]>) {
        self.worker.handle_server_bytes(self.now, self.connection(server), bytes.as_ref());
        self.drive();
    }

    /// The worker's connection to the server.
    pub(super) fn connection(&self, server: u16) -> ConnectionId {
        self.worker.connections[usize::from(server)].id()
    }

    /// The server's process dies, with every connection to it.
    pub(super) fn lose(&mut self, server: u16, failure: Failure) {
        let lost = self.servers[usize::from(server)].disconnect_all();
        for id in lost {
            self.worker.handle_server_lost(self.now, id, failure);
        }
        self.drive();
    }

    /// How long each server may be silent before that is reported.
    pub(super) fn suspect_after(&mut self, suspect_after: Duration) {
        for route in &mut self.table.servers {
            route.suspect_after = suspect_after;
        }
        self.worker.handle_table(self.now, Arc::new(self.table.clone()));
    }

    /// The control plane says whether `server` is usable.
    pub(super) fn publish(&mut self, server: u16, is_usable: bool) {
        let usable = if is_usable { Usable::Yes } else { Usable::No };
        self.table.servers[usize::from(server)].usable = usable;
        self.worker.handle_table(self.now, Arc::new(self.table.clone()));
        self.drive();
    }

    /// The table after the pool has got these servers; not published.
    pub(super) fn next_table(&mut self, servers: &[u16]) -> Arc<RoutingTable> {
        let servers_len = servers.iter().max().unwrap() + 1;
        let mut next = table(servers_len.max(u16::try_from(self.table.servers.len()).unwrap()));
        for (idx, route) in next.servers.iter_mut().enumerate() {
            if !servers.iter().any(|server| usize::from(*server) == idx) {
                (route.usable, route.has_left) = (Usable::No, true);
            }
        }
        let pool = &self.table.pools[0];
        let (distribution, servers_before) = (Arc::clone(&pool.distribution), pool.servers.clone());
        let layout = Layout { distribution, servers: servers_before };
        next.pools[0].former = Arc::new(pool.former.with(layout));
        next.pools[0].servers = servers.iter().map(|server| ServerId(*server)).collect();
        next.pools[0].distribution = distribution_of(servers.iter().copied());
        while self.servers.len() < next.servers.len() {
            self.servers.push(Server::default());
        }
        Arc::new(next)
    }

    /// The pool has these servers from now on.
    pub(super) fn reconfigure(&mut self, servers: &[u16]) {
        let next = self.next_table(servers);
        let mut recovery = self.recovery.0.lock().unwrap();
        for (id, route) in (0..).map(ServerId).zip(&next.servers) {
            let before = self.table.servers.get(usize::from(id.0));
            match (before.is_some_and(|it| !it.has_left), route.has_left) {
                (true, true) => recovery.handle_left(id),
                (false, false) if before.is_some() => {
                    recovery.handle_joined(id);
                    recovery.require_flush(self.now, id);
                }
                _ => {}
            }
        }
        recovery.begin_handover();
        recovery.hand_over(POOL, Arc::clone(&next));
        drop(recovery);
        self.worker.handle_table(self.now, Arc::clone(&next));
        self.recovery.0.lock().unwrap().end_handover(self.now);
        self.table = next.as_ref().clone();
        self.drive();
    }

    /// Lets the flush be carried out that a server needs.
    pub(super) fn flush(&mut self, server: u16) {
        self.canary(server);
        self.advance_ms(1000);
        self.clean();
    }

    /// The control plane cleans what can be cleaned now; returns how many steps that took.
    pub(super) fn clean(&mut self) -> usize {
        let mut len = 0;
        loop {
            let mut steps = Vec::new();
            let mut recovery = self.recovery.0.lock().unwrap();
            recovery.poll_cleaning(self.now, POOL, &self.table, 100, &mut steps);
            for step in &steps {
                let items = &mut self.servers[usize::from(step.server.0)].items;
                match step.step.key() {
                    Some(key) => drop(items.remove(key)),
                    None => items.clear(),
                }
                recovery.handle_cleaned(self.now, step, Taken::Done);
            }
            len += steps.len();
            if steps.is_empty() {
                return len;
            }
        }
    }

    /// A canary to the server is good.
    pub(super) fn canary(&mut self, server: u16) {
        let mut recovery = self.recovery.0.lock().unwrap();
        recovery.handle_good_canary(self.now, ServerId(server), self.now);
    }

    /// The first key of the form `k0`, `k1`, … that goes to `servers` in this order.
    pub(super) fn key(&self, servers: &[u16]) -> String {
        self.keys(servers).next().unwrap()
    }

    /// All such keys.
    pub(super) fn keys<'a>(&'a self, servers: &'a [u16]) -> impl Iterator<Item = String> + 'a {
        let distribution = &self.table.pools[0].distribution;
        (0..).map(|number| format!("k{number}")).filter(move |key| {
            let order = distribution.order(key.as_bytes());
            order.iter().zip(servers).all(|(member, server)| member.0 == *server)
        })
    }

    /// The server takes so many bytes more; what waits for that is written.
    pub(super) fn set_room(&mut self, server: u16, room: usize) {
        self.servers[usize::from(server)].room = room;
        self.write_server(self.connection(server));
        self.drive();
    }

    /// Whether the server has been sent `text` on its present connection.
    pub(super) fn has_received(&self, server: u16, text: &str) -> bool {
        let received = self.servers[usize::from(server)].received();
        String::from_utf8_lossy(received).contains(text)
    }

    /// Lets time pass, timer by timer.
    pub(super) fn advance_ms(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        for _ in 0..ROUNDS_MAX {
            let timeout = self.worker.next_timeout().filter(|at| *at <= end);
            self.now = timeout.unwrap_or(end);
            self.worker.handle_timeout(self.now);
            self.drive();
            let next = self.worker.next_timeout();
            assert!(next.is_none_or(|at| at > self.now), "it would be woken for ever at {next:?}");
            if timeout.is_none() {
                return;
            }
        }
        panic!("it would be woken for ever");
    }

    /// Does what a driver does until nothing is left to do.
    pub(super) fn drive(&mut self) {
        for _ in 0..ROUNDS_MAX {
            if !self.step() {
                self.take_reports();
                return self.check_at_rest();
            }
        }
        panic!("the worker never comes to rest");
    }

    fn take_reports(&mut self) {
        for report in self.worker.drain_reports() {
            match report {
                Report::Failure(outcome) => self.outcomes.push(outcome),
                Report::Overdue { .. }
                | Report::Bulk { .. }
                | Report::Slow(_)
                | Report::Tally { .. } => {
                    self.reports.push(report);
                }
            }
        }
    }

    /// One round; true if there was something to do.
    fn step(&mut self) -> bool {
        let mut is_something_done = false;
        while let Some(action) = self.worker.poll_action() {
            is_something_done = true;
            self.act(action);
        }
        while let Some(id) = self.worker.poll_connection_to_write() {
            is_something_done = true;
            self.write_server(id);
        }
        for idx in 0..self.servers.len() {
            if let Some((id, mut responses)) = self.servers[idx].respond() {
                is_something_done = true;
                let cut_after = self.servers[idx].cut_after.take();
                responses.truncate(cut_after.unwrap_or(usize::MAX));
                self.worker.handle_server_bytes(self.now, id, &responses);
                if cut_after.is_some() {
                    self.servers[idx].disconnect(id);
                    self.worker.handle_server_lost(self.now, id, Failure::Reset);
                }
            }
        }
        while let Some(id) = self.worker.poll_session_to_write(self.now) {
            is_something_done = true;
            self.write_session(id);
        }
        is_something_done
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Connect(id) => match self.servers[usize::from(id.server.0)].connect(id) {
                Some(Ok(())) => self.worker.handle_connected(self.now, id),
                Some(Err(failure)) => self.worker.handle_server_lost(self.now, id, failure),
                None => {}
            },
            Action::Disconnect(id) => self.servers[usize::from(id.server.0)].disconnect(id),
            Action::CloseSession(id) => self.applications.get_mut(&id).unwrap().is_closed = true,
            Action::Stats(exchange) => self.worker.answer_stats(exchange, b"STAT a 1\r\nEND\r\n"),
        }
    }

    fn write_server(&mut self, id: ConnectionId) {
        let output = self.worker.connection_output(id);
        let len = self.servers[usize::from(id.server.0)].take(id, output);
        if len > 0 {
            self.worker.handle_server_written(id, len);
        }
    }

    fn write_session(&mut self, id: SessionId) {
        let Some(application) = self.applications.get_mut(&id) else { return };
        let output = self.worker.session_output(id);
        if !output.is_empty() && !application.is_deaf {
            assert!(!application.is_closed, "a closed session is written to");
            application.answers.extend_from_slice(output);
            self.worker.handle_session_written(id, output.len());
        }
    }

    /// What is true whenever the worker has nothing to do.
    fn check_at_rest(&self) {
        let desk = &self.worker.desk;
        let pending: usize = desk.sessions.values().map(|session| session.pending.len()).sum();
        let of_sessions =
            desk.exchanges.values().filter(|it| matches!(it.asker, Asker::Session(_)));
        assert_eq!(
            pending,
            of_sessions.count(),
            "every exchange but calls is pending in its session"
        );
        for (id, session) in &desk.sessions {
            let exchanges = || session.pending.iter().map(|id| &desk.exchanges[*id]);
            let kept = |exchange: &crate::exchange::Exchange| {
                let split = exchange.split.as_ref().map_or(0, |split| split.body_len());
                exchange.settled.as_ref().map_or(0, Vec::len) + split
            };
            assert_eq!(session.pending_len, exchanges().map(kept).sum::<usize>());
            assert!(exchanges().next().is_none_or(|oldest| oldest.settled.is_none()));
            assert!(self.applications[&id].is_deaf || session.output().is_empty());
        }
        for (connection, server) in self.worker.connections.iter().zip(&self.servers) {
            let is_flushed = connection.output().is_empty() || server.room == 0;
            assert!(is_flushed || !connection.is_ready(), "output is never written");
        }
        assert!(self.worker.drafts.is_empty() && self.worker.retries.is_empty());
    }
}

fn distribution_of(servers: impl Iterator<Item = u16>) -> Arc<Distribution> {
    let members: Vec<_> = servers.map(|number| Member::new("10.0.0.1", 11211 + number)).collect();
    Arc::new(Distribution::new(&Settings::new(Scheme::Ketama), &members).unwrap())
}

pub(super) fn table(servers_len: u16) -> RoutingTable {
    let settings = ConnectionSettings {
        timeout: Duration::from_millis(250),
        connect_timeout: Duration::from_millis(250),
        attempts_in_flight_max: 1000,
    };
    let pool = PoolRoutes {
        distribution: distribution_of(0..servers_len),
        servers: (0..servers_len).map(ServerId).collect(),
        failover: Substitute::Next,
        on_unavailable: OnUnavailable::Miss,
        deadline: Duration::from_millis(350),
        failover_ttl: Duration::from_mins(1),
        former: Arc::default(),
    };
    let server = ServerRoute::in_use(settings, 1 << 63);
    RoutingTable { pools: vec![pool], servers: vec![server; usize::from(servers_len)] }
}
