//! One worker's data plane: sessions, exchanges and connections, wired in a straight line.
//!
//! # Intuition
//! A worker is one thread's share of the proxy and shares nothing with the others but what the
//! control plane publishes. The driver reads sockets into it, and when all that was ready has
//! been read, takes out what there is to write: one write for each connection and session that
//! has something, however many requests that was.
//!
//! ```text
//! session ──► parse ──► plan ──► attempt ──► connection ──► server
//!    ▲                                           │
//!    └── answer ◄── settle ◄── match ◄───────────┘
//! ```
//!
//! # How to drive it
//! [`Worker::handle_turn`]; then inputs, any number in any order, with the time of the turn:
//! `handle_*`. Then, until none has
//! anything more: [`Worker::poll_action`], [`Worker::poll_connection_to_write`],
//! [`Worker::poll_session_to_write`]. Then sleep until [`Worker::next_timeout`] at most.
//!
//! # What it decides
//! Nothing about a server's health: it reports what it sees and obeys the routing table. Nothing about
//! where a misplaced key is: it asks recovery, and tells it how each write ended. Only it retries:
//! what was never sent, and writes whose fate is unknown or which were refused, elsewhere, within
//! their deadline and a budget.
//!
//! # Hard cases
//! - A server is lost and its state is not yet known: what was not sent goes elsewhere at once,
//!   and while the server cannot be connected to routing passes it over, table or no table.
//! - A session ends with requests in flight, or a call is given up: reads are forgotten, and
//!   writes given up at their deadlines as if somebody waited, or one that is sent late could undo
//!   what was acknowledged since. All attempts stay in their connections until their responses have
//!   come.
//! - A write that was given up may still be carried out. Its attempt stays in flight, and a
//!   connection that hangs with such a write is set aside rather than closed, so that recovery
//!   learns when the write can do no more harm. Were it closed, the kernel could deliver it at any
//!   later time and nobody would know.
//! - A session's answers make room for requests that it had sent already: it is looked at again
//!   in the same turn.

mod calls;

mod desk;

mod choice;
mod dispatch;
mod several;

mod servers;

mod settling;
mod slow;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use self::desk::Desk;
use self::settling::{Budget, Retry};
use self::several::Draft;
use crate::connection::{Connection, ConnectionId};
use crate::id::{ExchangeId, SessionId};
use crate::protocol::parse::Parsed;
use crate::random::Random;
use crate::recovery::SharedRecovery;
use crate::report::{Report, Reports};
use crate::routing::{PrefixRoutes, RoutingTable, ServerId, ServerRoute, Target};
use crate::session::{Session, SessionLimits};
use crate::slow::{SlowRequests, SlowSettings};
use crate::time::{Instant, earliest};

/// One worker's data plane. See the module's documentation.
#[derive(Debug)]
pub struct Worker {
    table: Arc<RoutingTable>,
    /// One for each server of the table.
    connections: Vec<Connection>,
    /// Connections set aside because a write they were sent may still be carried out.
    parked: Vec<Parked>,
    /// Connections that have something to write; each at most once.
    dirty_connections: Vec<ConnectionId>,
    desk: Desk,
    /// Exchanges that may reach their deadline, with some that are settled already.
    deadlines: BTreeSet<(Instant, ExchangeId)>,
    actions: VecDeque<Action>,
    reports: Reports,
    slow: SlowRequests,
    random: Random,
    /// Scratch space of a split; always empty between requests.
    drafts: Vec<Draft>,
    /// Scratch space of a split; always empty between requests.
    targets: Vec<Target>,
    recovery: Arc<dyn SharedRecovery>,
    settings: WorkerSettings,
    /// To be sent again, elsewhere; empty between inputs.
    retries: Vec<Retry>,
    /// Servers that have left, and to which there may still be a connection.
    retiring: Vec<ServerId>,
    budget: Budget,
}

/// What a worker is told about the world it runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerSettings {
    /// Decides the jitter of its reconnects.
    pub seed: u64,
    /// The time since 1970 at [`Instant::ZERO`].
    pub unix_time_at_zero: Duration,
    /// How long a connection is set aside at most.
    pub parked_timeout: Duration,
    /// Which requests are told of because they took long.
    pub slow: SlowSettings,
}

/// A connection that is only listened to.
#[derive(Debug)]
struct Parked {
    connection: Connection,
    /// When it is given up.
    deadline: Instant,
}

/// Something that only the driver can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Connect to a server; report by [`Worker::handle_connected`] or
    /// [`Worker::handle_server_lost`].
    Connect(ConnectionId),
    /// Drop a connection, if it is there. Report nothing. What the kernel has not sent yet must
    /// not be sent: a reset, no orderly end.
    Disconnect(ConnectionId),
    /// Drop a session. Report nothing: the worker has forgotten it.
    CloseSession(SessionId),
    /// Say what `stats` says, by [`Worker::answer_stats`].
    Stats(ExchangeId),
}

/// What a worker has done since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests that sessions have sent and that could be parsed.
    pub requests: u64,
    /// Requests refused as bad input.
    pub refused: u64,
    /// Reads that looked for a key, by key.
    pub reads: u64,
    /// Requests that change a value or its expiry.
    pub writes: u64,
    /// Requests that delete.
    pub deletes: u64,
    /// Keys read that a server had.
    pub hits: u64,
    /// Keys read that a server said it does not have.
    pub misses: u64,
    /// Requests, or parts of them, that no server answered.
    pub failed: u64,
    /// Requests sent elsewhere than to their key's home.
    pub diverted: u64,
    /// Requests that were sent again, elsewhere, because the first server failed.
    pub retried: u64,
    /// Values made misses because their session did not read, or because the response they were
    /// in was too long.
    pub values_dropped: u64,
    /// Responses that came when nobody waited any more.
    pub late_responses: u64,
    /// Bytes that sessions have sent.
    pub bytes_read: u64,
    /// Bytes that sessions have been sent.
    pub bytes_written: u64,
    /// Sessions that have been opened.
    pub sessions: u64,
}

/// How often one request may be given to a connection.
const ATTEMPTS_MAX: u8 = 3;

impl Worker {
    /// A worker without sessions that wants a connection to every usable server. All workers of a
    /// process share one `recovery`.
    pub fn new(
        now: Instant,
        table: Arc<RoutingTable>,
        settings: WorkerSettings,
        recovery: Arc<dyn SharedRecovery>,
    ) -> Self {
        let servers_len = table.servers.len();
        let servers = (0..).map(ServerId).zip(&table.servers);
        let connections = servers.map(|(id, it)| Connection::new(id, it.settings)).collect();
        let mut worker = Self {
            table,
            connections,
            parked: Vec::new(),
            dirty_connections: Vec::new(),
            desk: Desk::default(),
            deadlines: BTreeSet::new(),
            actions: VecDeque::new(),
            reports: Reports::new(servers_len),
            slow: SlowRequests::new(settings.slow),
            random: Random::new(settings.seed),
            drafts: Vec::new(),
            targets: Vec::new(),
            recovery,
            settings,
            retries: Vec::new(),
            retiring: Vec::new(),
            budget: Budget::default(),
        };
        for (connection, route) in worker.connections.iter_mut().zip(&worker.table.servers) {
            connection.set_suspect_after(route.suspect_after);
            if route.is_wanted() {
                connection.want(now);
            }
        }
        worker.start_connecting(now);
        worker
    }

    /// What it has done.
    pub fn counters(&self) -> &Counters {
        &self.desk.counters
    }

    /// How many sessions there are.
    pub fn sessions_len(&self) -> usize {
        self.desk.sessions.len()
    }

    // Sessions.

    /// An application has connected. `routes` say where its requests go: a
    /// [`PoolId`](crate::routing::PoolId) if all go to one pool.
    pub fn handle_session_opened(
        &mut self,
        routes: impl Into<Arc<PrefixRoutes>>,
        limits: SessionLimits,
    ) -> SessionId {
        self.desk.counters.sessions += 1;
        self.desk.sessions.insert(Session::new(routes.into(), limits))
    }

    /// Whether the driver should read from the session's socket.
    pub fn wants_input(&self, id: SessionId) -> bool {
        self.desk.sessions.get(id).is_some_and(Session::wants_input)
    }

    /// An application has sent `bytes`.
    pub fn handle_session_bytes(&mut self, now: Instant, id: SessionId, bytes: &[u8]) {
        let Some(session) = self.desk.sessions.get_mut(id) else { return };
        self.desk.counters.bytes_read += bytes.len() as u64;
        let (joined, behind) = bytes.split_at(session.joined_len(bytes.len()));
        self.take_requests(now, id, joined);
        if !behind.is_empty() {
            self.take_requests(now, id, behind);
        }
    }

    fn take_requests(&mut self, now: Instant, id: SessionId, bytes: &[u8]) {
        let Some(session) = self.desk.sessions.get_mut(id) else { return };
        let received = session.receive(bytes);
        let source = received.as_slice();
        let mut at = 0;
        while at < source.len()
            && let Some(session) = self.desk.sessions.get_mut(id)
            && let Some(parsed) = session.next_request(source, &mut at)
        {
            match parsed {
                Parsed::Request { request, .. } => {
                    let only = session.routes.only();
                    self.submit(now, id, only, &request);
                }
                Parsed::Refused(refused) => {
                    self.desk.counters.refused += 1;
                    self.refuse(now, id, &refused);
                    if refused.refusal.ends_session() {
                        self.finish(id);
                    }
                }
                Parsed::Incomplete { .. } => unreachable!("a session keeps what is incomplete"),
            }
        }
        if let Some(session) = self.desk.sessions.get_mut(id) {
            session.keep(received, at);
        }
    }

    /// The application sends nothing more. It still gets the answers it is owed.
    pub fn handle_session_eof(&mut self, id: SessionId) {
        if let Some(session) = self.desk.sessions.get_mut(id) {
            session.handle_eof();
            self.desk.touch(id);
        }
    }

    /// The session is gone.
    pub fn handle_session_closed(&mut self, id: SessionId) {
        for exchange in self.desk.close(id) {
            self.abandon(exchange);
        }
    }

    /// Where a session's requests go.
    pub fn session_routes(&self, id: SessionId) -> Option<&Arc<PrefixRoutes>> {
        self.desk.sessions.get(id).map(|session| &session.routes)
    }

    /// The session's requests go there from now on.
    pub fn handle_session_moved(&mut self, id: SessionId, routes: impl Into<Arc<PrefixRoutes>>) {
        if let Some(session) = self.desk.sessions.get_mut(id) {
            session.routes = routes.into();
        }
    }

    /// Reads no more requests from the session: it ends when it has what it is owed.
    pub fn handle_session_unwanted(&mut self, id: SessionId) {
        self.finish(id);
    }

    fn finish(&mut self, id: SessionId) {
        if let Some(session) = self.desk.sessions.get_mut(id) {
            session.finish();
            self.desk.touch(id);
        }
    }

    /// Reads no more requests from anybody: sessions end when they have what they are owed.
    pub fn handle_shutdown(&mut self) {
        let ids: Vec<_> = self.desk.sessions.keys().collect();
        for id in ids {
            self.finish(id);
        }
    }

    /// A session to look at: [`Worker::session_output`] may have something for it, and
    /// [`Worker::wants_input`] may have changed. Call until `None`.
    ///
    /// A session that has been paused goes on here with the requests it had sent, and one that
    /// has nothing left to wait for ends here.
    pub fn poll_session_to_write(&mut self, now: Instant) -> Option<SessionId> {
        loop {
            let id = self.desk.dirty.pop()?;
            if self.desk.sessions.get(id).is_some_and(Session::can_resume) {
                self.take_requests(now, id, &[]);
            }
            if let Some(session) = self.desk.sessions.get_mut(id) {
                // Only now: while it is looked at, it need not be told to be.
                session.is_dirty = false;
                self.close_if_finished(id);
                return Some(id);
            }
        }
    }

    fn close_if_finished(&mut self, id: SessionId) {
        if self.desk.sessions.get(id).is_some_and(Session::is_finished) {
            self.desk.close(id);
            self.actions.push_back(Action::CloseSession(id));
        }
    }

    /// What there is to write to a session; empty if it is gone.
    pub fn session_output(&self, id: SessionId) -> &[u8] {
        self.desk.sessions.get(id).map_or(&[], Session::output)
    }

    /// The driver has written the first `len` bytes of [`Worker::session_output`].
    pub fn handle_session_written(&mut self, id: SessionId, len: usize) {
        let Some(session) = self.desk.sessions.get_mut(id) else { return };
        self.desk.counters.bytes_written += len as u64;
        if let Some(buffer) = session.handle_written(len) {
            self.desk.spare.give(buffer);
        }
        if session.can_resume() {
            self.desk.touch(id);
        } else {
            self.close_if_finished(id);
        }
    }

    /// Gives `stats` its words.
    pub fn answer_stats(&mut self, id: ExchangeId, words: &[u8]) {
        self.desk.settle_with(id, words);
    }

    // The control plane.

    /// The control plane has published a table. It may have more servers and pools than the last,
    /// never fewer: who has left says so.
    pub fn handle_table(&mut self, now: Instant, table: Arc<RoutingTable>) {
        let before = std::mem::replace(&mut self.table, table);
        let servers = (0..).map(ServerId).zip(&self.table.servers);
        let added = servers.skip(self.connections.len());
        self.connections.extend(added.map(|(id, it)| Connection::new(id, it.settings)));
        self.reports.add_servers(self.connections.len());
        for idx in 0..self.connections.len() {
            let server = ServerId(u16::try_from(idx).expect("a server's id is 16 bits"));
            let route = self.table.server(server);
            let (is_wanted, has_left) = (route.is_wanted(), route.has_left);
            self.connections[idx].set_settings(route.settings);
            self.connections[idx].set_suspect_after(route.suspect_after);
            let was_wanted = before.servers.get(idx).is_some_and(ServerRoute::is_wanted);
            match (was_wanted, is_wanted) {
                (true, false) if has_left => self.connections[idx].unwant(),
                (true, false) => self.eject(now, server),
                (false, true) => self.connections[idx].want(now),
                (true, true) | (false, false) => {}
            }
            if has_left && before.servers.get(idx).is_some_and(|it| !it.has_left) {
                self.retiring.push(server);
            }
        }
        self.finish_retiring(now);
        self.start_connecting(now);
    }

    /// Something for the driver to do; call until `None`.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// What there is to report about servers since the last call.
    pub fn drain_reports(&mut self) -> impl Iterator<Item = Report> + '_ {
        self.reports.drain()
    }

    // Time.

    /// A turn begins: to be called first in it. `due` is what [`Worker::next_timeout`] said when the
    /// last one ended. True if our own loop has stood still since; the driver then reads all there
    /// is to read before it calls [`Worker::handle_timeout`], because what has waited in its
    /// sockets came in time.
    pub fn handle_turn(&mut self, now: Instant, due: Option<Instant>) -> bool {
        self.reports.handle_turn(now, due)
    }

    /// When to call [`Worker::handle_timeout`] next. Looks at every connection: to be asked once a
    /// turn.
    pub fn next_timeout(&self) -> Option<Instant> {
        let connections = self.connections.iter().map(Connection::next_timeout);
        let parked = self.parked.iter().map(|it| Some(it.deadline));
        let deadline = self.deadlines.first().map(|(at, _)| *at);
        let others = earliest(deadline, self.reports.next_timeout());
        connections.chain(parked).fold(others, earliest)
    }

    /// Deals with all that has run out of time by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.expire_exchanges(now);
        for idx in 0..self.connections.len() {
            let server = ServerId(u16::try_from(idx).expect("a server's id is 16 bits"));
            self.expire_connection(now, server);
        }
        self.expire_parked(now);
        self.start_connecting(now);
        self.reports.handle_timeout(now);
    }
}

#[cfg(test)]
mod tests;
