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
//! Inputs, any number in any order, with the time of the turn: `handle_*`. Then, until none has
//! anything more: [`Worker::poll_action`], [`Worker::poll_connection_to_write`],
//! [`Worker::poll_session_to_write`]. Then sleep until [`Worker::next_timeout`] at most.
//!
//! # What it decides
//! Nothing about a server's health: it reports outcomes and obeys the routing table. Only it
//! retries, and only an attempt of which no byte was written.
//!
//! # Hard cases
//! - A server is lost and its state is not yet known: what was not sent goes elsewhere at once,
//!   and while the server cannot be connected to routing passes it over, table or no table.
//! - A session ends with requests in flight: their exchanges are dropped; their attempts stay in
//!   their connections until their responses have come.
//! - A session's answers make room for requests that it had sent already: it is looked at again
//!   in the same turn.

mod desk;

mod dispatch;

use std::collections::VecDeque;
use std::sync::Arc;

use self::desk::Desk;
use self::dispatch::Draft;
use crate::connection::{Attempt, Connection, Sent, TimedOut};
use crate::failure::Failure;
use crate::id::{ExchangeId, SessionId};
use crate::protocol::parse::Parsed;
use crate::random::Random;
use crate::routing::{PoolId, RoutingTable, ServerId};
use crate::session::{Session, SessionLimits};
use crate::time::{Instant, earliest};

/// One worker's data plane. See the module's documentation.
#[derive(Debug)]
pub struct Worker {
    table: Arc<RoutingTable>,
    /// One for each server of the table.
    connections: Vec<Connection>,
    /// Servers whose connections have something to write; each at most once.
    dirty_connections: Vec<ServerId>,
    desk: Desk,
    /// For each pool, its exchanges by deadline, with some that are settled already.
    deadlines: Vec<VecDeque<(Instant, ExchangeId)>>,
    actions: VecDeque<Action>,
    outcomes: Vec<Outcome>,
    random: Random,
    /// Scratch space of a split; always empty between requests.
    drafts: Vec<Draft>,
}

/// Something that only the driver can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Connect to a server; report by [`Worker::handle_connected`] or
    /// [`Worker::handle_server_lost`].
    Connect(ServerId),
    /// Drop the connection to a server, if there is one. Report nothing.
    Disconnect(ServerId),
    /// Drop a session. Report nothing: the worker has forgotten it.
    CloseSession(SessionId),
    /// Say what `stats` says, by [`Worker::answer_stats`].
    Stats(ExchangeId),
}

/// Evidence about a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The server.
    pub server: ServerId,
    /// What went wrong.
    pub failure: Failure,
    /// How many timeouts, this one among them, had followed one another on the connection.
    pub timeouts_in_a_row: u32,
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

/// How often one request may be given to a connection. Only attempts that were never sent are
/// made again, so this is a bound on our own work, not on the servers'.
const ATTEMPTS_MAX: u8 = 3;

impl Worker {
    /// A worker without sessions that wants a connection to every usable server.
    ///
    /// `seed` decides the jitter of its reconnects.
    pub fn new(now: Instant, table: Arc<RoutingTable>, seed: u64) -> Self {
        let connections = table.servers.iter().map(|it| Connection::new(it.settings)).collect();
        let deadlines = table.pools.iter().map(|_| VecDeque::new()).collect();
        let mut worker = Self {
            table,
            connections,
            dirty_connections: Vec::new(),
            desk: Desk::default(),
            deadlines,
            actions: VecDeque::new(),
            outcomes: Vec::new(),
            random: Random::new(seed),
            drafts: Vec::new(),
        };
        for (connection, route) in worker.connections.iter_mut().zip(&worker.table.servers) {
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

    /// An application has connected. Its requests go to `pool`.
    pub fn handle_session_opened(&mut self, pool: PoolId, limits: SessionLimits) -> SessionId {
        self.desk.counters.sessions += 1;
        self.desk.sessions.insert(Session::new(pool, limits))
    }

    /// Whether the driver should read from the session's socket.
    pub fn wants_input(&self, id: SessionId) -> bool {
        self.desk.sessions.get(id).is_some_and(Session::wants_input)
    }

    /// An application has sent `bytes`.
    pub fn handle_session_bytes(&mut self, now: Instant, id: SessionId, bytes: &[u8]) {
        let Some(session) = self.desk.sessions.get_mut(id) else { return };
        self.desk.counters.bytes_read += bytes.len() as u64;
        let received = session.receive(bytes);
        let source = received.as_slice();
        let mut at = 0;
        while let Some(session) = self.desk.sessions.get_mut(id)
            && let Some(parsed) = session.next_request(source, &mut at)
        {
            let pool = session.pool;
            match parsed {
                Parsed::Request { request, .. } => self.submit(now, id, pool, &request),
                Parsed::Refused(refused) => {
                    self.desk.counters.refused += 1;
                    self.refuse(now, id, pool, &refused);
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
        self.desk.close(id);
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
                self.handle_session_bytes(now, id, &[]);
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

    // Servers.

    /// The driver has connected to a server.
    pub fn handle_connected(&mut self, now: Instant, server: ServerId) {
        if self.is_given_up(server) {
            return;
        }
        let connection = &mut self.connections[usize::from(server.0)];
        connection.handle_connected(now);
        if !connection.output().is_empty() {
            self.dirty_connections.push(server);
        }
    }

    /// A server has sent `bytes`.
    pub fn handle_server_bytes(&mut self, now: Instant, server: ServerId, bytes: &[u8]) {
        if self.is_given_up(server) {
            return;
        }
        let connection = &mut self.connections[usize::from(server.0)];
        if !connection.is_ready() {
            return;
        }
        let received = connection.receive(now, bytes);
        let mut at = 0;
        let end = loop {
            match connection.match_response(received.as_slice(), &mut at) {
                Ok(Some(matched)) => {
                    if Desk::is_evidence(matched.response.status) {
                        let failure = Failure::ServerError;
                        self.outcomes.push(Outcome { server, failure, timeouts_in_a_row: 0 });
                    }
                    self.desk.settle_response(matched);
                }
                Ok(None) => break Ok(()),
                Err(invalid) => break Err(Failure::Garbled(invalid)),
            }
        };
        match end {
            Ok(()) => connection.keep(received, at),
            Err(failure) => self.lose(now, server, failure),
        }
    }

    /// The connection to a server is lost, or could not be made.
    pub fn handle_server_lost(&mut self, now: Instant, server: ServerId, failure: Failure) {
        if !self.is_given_up(server) {
            self.lose(now, server, failure);
        }
    }

    /// Whether the driver still speaks of a connection that it has yet to be told to drop.
    fn is_given_up(&self, server: ServerId) -> bool {
        self.connections[usize::from(server.0)].is_lost()
            || self.actions.contains(&Action::Connect(server))
    }

    /// A connection to write to; call until `None`, then [`Worker::connection_output`] for each.
    pub fn poll_connection_to_write(&mut self) -> Option<ServerId> {
        self.dirty_connections.pop()
    }

    /// What there is to write to a server; empty unless connected.
    pub fn connection_output(&self, server: ServerId) -> &[u8] {
        let connection = &self.connections[usize::from(server.0)];
        if connection.is_ready() { connection.output() } else { &[] }
    }

    /// The driver has written the first `len` bytes of [`Worker::connection_output`].
    pub fn handle_server_written(&mut self, server: ServerId, len: usize) {
        self.connections[usize::from(server.0)].handle_written(len);
    }

    fn lose(&mut self, now: Instant, server: ServerId, failure: Failure) {
        let connection = &mut self.connections[usize::from(server.0)];
        let timeouts_in_a_row = connection.timeouts_in_a_row();
        self.outcomes.push(Outcome { server, failure, timeouts_in_a_row });
        self.actions.push_back(Action::Disconnect(server));
        let lost = connection.handle_lost(now, &mut self.random);
        if !self.table.server(server).is_wanted() {
            connection.unwant();
        }
        for (attempt, sent) in lost {
            self.fail(now, attempt, sent, failure);
        }
        self.start_connecting(now);
    }

    fn fail(&mut self, now: Instant, attempt: Attempt, sent: Sent, failure: Failure) {
        match sent {
            Sent::No => self.dispatch(now, attempt, failure),
            Sent::Maybe => {
                self.desk.settle_failure(attempt.exchange, attempt.part, failure);
                self.desk.spare.give(attempt.encoded);
            }
        }
    }

    // The control plane.

    /// The control plane has published a table. It has the same servers and pools as the last.
    pub fn handle_table(&mut self, now: Instant, table: Arc<RoutingTable>) {
        assert_eq!(table.servers.len(), self.connections.len(), "servers are not added yet");
        let before = std::mem::replace(&mut self.table, table);
        for idx in 0..self.connections.len() {
            let server = ServerId(u16::try_from(idx).expect("a server's id is 16 bits"));
            match (before.server(server).is_wanted(), self.table.server(server).is_wanted()) {
                (true, false) => self.eject(now, server),
                (false, true) => self.connections[idx].want(now),
                (true, true) | (false, false) => {}
            }
        }
        self.start_connecting(now);
    }

    /// Answers at once what waits for a server that has just become unusable.
    fn eject(&mut self, now: Instant, server: ServerId) {
        let connection = &mut self.connections[usize::from(server.0)];
        connection.unwant();
        let mut unsent: Vec<_> = std::iter::from_fn(|| connection.take_back()).collect();
        unsent.reverse();
        for attempt in connection.in_flight() {
            self.desk.settle_failure(attempt.exchange, attempt.part, Failure::Ejected);
        }
        for attempt in unsent {
            self.dispatch(now, attempt, Failure::NoServer);
        }
    }

    fn start_connecting(&mut self, now: Instant) {
        for (idx, connection) in (0..).zip(&mut self.connections) {
            if connection.poll_connect(now) {
                self.actions.push_back(Action::Connect(ServerId(idx)));
            }
        }
    }

    /// Something for the driver to do; call until `None`.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Evidence gathered since the last call.
    pub fn drain_outcomes(&mut self) -> impl Iterator<Item = Outcome> + '_ {
        self.outcomes.drain(..)
    }

    // Time.

    /// When to call [`Worker::handle_timeout`] next.
    pub fn next_timeout(&self) -> Option<Instant> {
        let connections = self.connections.iter().map(Connection::next_timeout);
        let deadlines = self.deadlines.iter().map(|it| it.front().map(|(at, _)| *at));
        connections.chain(deadlines).fold(None, earliest)
    }

    /// Deals with all that has run out of time by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        for deadlines in &mut self.deadlines {
            while let Some((_, id)) = deadlines.pop_front_if(|(at, _)| *at <= now) {
                self.desk.expire(id);
            }
        }
        for idx in 0..self.connections.len() {
            let server = ServerId(u16::try_from(idx).expect("a server's id is 16 bits"));
            self.expire_connection(now, server);
        }
        self.start_connecting(now);
    }

    fn expire_connection(&mut self, now: Instant, server: ServerId) {
        while let Some(timed_out) = self.connections[usize::from(server.0)].poll_timeout(now) {
            match timed_out {
                TimedOut::Connect => self.lose(now, server, Failure::ConnectTimeout),
                TimedOut::Connection => self.lose(now, server, Failure::Timeout),
                TimedOut::Unsent => self.expire_unsent(now, server),
                TimedOut::Attempt { idx } => {
                    self.report_late(server);
                    let connection = &self.connections[usize::from(server.0)];
                    if let Some(attempt) = connection.in_flight().nth(idx) {
                        let (exchange, part) = (attempt.exchange, attempt.part);
                        self.desk.settle_failure(exchange, part, Failure::Timeout);
                    }
                }
            }
        }
    }

    fn expire_unsent(&mut self, now: Instant, server: ServerId) {
        self.report_late(server);
        let connection = &mut self.connections[usize::from(server.0)];
        for attempt in connection.take_back_late(now) {
            self.desk.settle_failure(attempt.exchange, attempt.part, Failure::Timeout);
            self.desk.spare.give(attempt.encoded);
        }
    }

    fn report_late(&mut self, server: ServerId) {
        let timeouts_in_a_row = self.connections[usize::from(server.0)].timeouts_in_a_row();
        let failure = Failure::Timeout;
        self.outcomes.push(Outcome { server, failure, timeouts_in_a_row });
    }
}

#[cfg(test)]
mod tests;
