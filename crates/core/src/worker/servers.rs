//! The worker's connections to servers.

use crate::Instant;
use crate::connection::{Connection, ConnectionId, TimedOut};
use crate::failure::Failure;
use crate::protocol::request::Class;
use crate::report::{Failed, Outcome, Seen};
use crate::routing::{Effect, ServerId};
use crate::worker::desk::Desk;
use crate::worker::settling::{self, Answered, Retry};
use crate::worker::slow;
use crate::worker::{Action, Parked, Worker};

/// How many connections to one server are set aside at once. Past it the oldest is closed.
const PARKED_MAX: usize = 4;

impl Worker {
    /// The driver has connected.
    pub fn handle_connected(&mut self, now: Instant, id: ConnectionId) {
        let connection = &mut self.connections[usize::from(id.server.0)];
        if connection.id() != id {
            return;
        }
        connection.handle_connected(now);
        if connection.is_ready() && !connection.output().is_empty() {
            self.dirty_connections.push(id);
        }
    }

    /// A server has sent `bytes`.
    pub fn handle_server_bytes(&mut self, now: Instant, id: ConnectionId, bytes: &[u8]) {
        let idx = usize::from(id.server.0);
        let connection = &mut self.connections[idx];
        if connection.id() != id || !connection.is_ready() {
            return self.handle_parked_bytes(now, id, bytes);
        }
        if connection.is_amid_large_response() {
            self.reports.note_bulk(now, id.server, bytes.len());
        }
        let (joined, behind) = bytes.split_at(connection.joined_len(bytes.len()));
        self.take_responses(now, id, joined);
        if !behind.is_empty() && self.connections[idx].id() == id {
            self.take_responses(now, id, behind);
        }
        if !self.retiring.is_empty() {
            self.finish_retiring(now);
        }
    }

    fn take_responses(&mut self, now: Instant, id: ConnectionId, bytes: &[u8]) {
        let idx = usize::from(id.server.0);
        let timeout = self.table.server(id.server).settings.timeout;
        let received = self.connections[idx].receive(now, bytes);
        let mut at = 0;
        let source = received.as_slice();
        let end = loop {
            if at == source.len() {
                break Ok(());
            }
            match self.connections[idx].match_response(source, &mut at) {
                Ok(Some(matched)) => {
                    let server = id.server;
                    let latency = now - matched.attempt.sent_at;
                    let keys = matched.keys_seen();
                    if self.slow.is_slow(latency) {
                        slow::tell(&mut self.slow, &mut self.reports, now, server, &matched);
                    }
                    // One that came too late has been counted already.
                    if latency < timeout {
                        let class = matched.attempt.class;
                        let is_server_error = Desk::is_evidence(matched.response.status);
                        let seen = Seen { class, latency, is_server_error, keys };
                        self.reports.note_response(now, server, seen);
                    }
                    if matched.attempt.effect == Effect::Reads {
                        self.desk.settle_response(&matched, keys);
                        continue;
                    }
                    let settler = settling::Settler { recovery: &*self.recovery, now, server };
                    let (desk, budget) = (&mut self.desk, &mut self.budget);
                    match settler.answer(&matched, &self.table, desk, budget) {
                        Answered::Settle => desk.settle_response(&matched, keys),
                        Answered::Retry(retry) => self.retries.push(retry),
                        Answered::Late => {}
                    }
                    // Before the next is settled, which may be of the same key.
                    self.retry_all(now);
                }
                Ok(None) => break Ok(()),
                Err(invalid) => break Err(Failure::Garbled(invalid)),
            }
        };
        match end {
            Ok(()) => self.connections[idx].keep(received, at),
            Err(failure) => self.lose(now, id.server, failure),
        }
    }

    /// The connection is lost, or could not be made.
    pub fn handle_server_lost(&mut self, now: Instant, id: ConnectionId, failure: Failure) {
        let connection = &self.connections[usize::from(id.server.0)];
        if connection.id() == id && !connection.is_lost() {
            self.lose(now, id.server, failure);
        } else if let Some(idx) = self.parked_idx(id) {
            self.close_parked(now, idx);
        }
    }

    /// A connection to write to; call until `None`, then [`Worker::connection_output`] for each.
    pub fn poll_connection_to_write(&mut self) -> Option<ConnectionId> {
        self.dirty_connections.pop()
    }

    /// What there is to write; empty unless connected.
    pub fn connection_output(&self, id: ConnectionId) -> &[u8] {
        let connection = &self.connections[usize::from(id.server.0)];
        if connection.id() == id && connection.is_ready() { connection.output() } else { &[] }
    }

    /// For a driver that takes bytes away to write them, in place of [`Worker::connection_output`]:
    /// see [`Connection::take_output`].
    pub fn take_connection_output(
        &mut self,
        id: ConnectionId,
        len_max: usize,
        output: &mut Vec<u8>,
    ) {
        let connection = &mut self.connections[usize::from(id.server.0)];
        if connection.id() == id && connection.is_ready() {
            connection.take_output(len_max, output);
        }
    }

    /// The driver has written the first `len` bytes of [`Worker::connection_output`].
    pub fn handle_server_written(&mut self, id: ConnectionId, len: usize) {
        let connection = &mut self.connections[usize::from(id.server.0)];
        if connection.id() == id && connection.is_ready() {
            connection.handle_written(len);
        }
    }

    pub(super) fn start_connecting(&mut self, now: Instant) {
        for connection in &mut self.connections {
            if let Some(id) = connection.poll_connect(now) {
                self.actions.push_back(Action::Connect(id));
            }
        }
    }

    /// The connection is gone, or is to go.
    pub(super) fn lose(&mut self, now: Instant, server: ServerId, failure: Failure) {
        self.report(now, server, failure);
        let connection = &mut self.connections[usize::from(server.0)];
        self.actions.push_back(Action::Disconnect(connection.id()));
        let lost = connection.handle_lost(now, &mut self.random);
        if !self.table.server(server).is_wanted() {
            connection.unwant();
        }
        for (attempt, encoded, sent) in lost.iter() {
            self.fail(now, server, (attempt, encoded), sent, failure);
        }
        self.start_connecting(now);
    }

    /// Reports one failure, of however many requests. It is counted for the oldest.
    fn report(&mut self, now: Instant, server: ServerId, failure: Failure) {
        let settings = self.table.server(server).settings;
        let connection = &mut self.connections[usize::from(server.0)];
        let class: Option<Class> = connection.in_flight().next().map(|oldest| oldest.class);
        let is_connect = failure == Failure::ConnectTimeout;
        let waited = if is_connect { settings.connect_timeout } else { settings.timeout };
        let outcome =
            Outcome { server, failure, timeouts_in_a_row: connection.timeouts_in_a_row() };
        let failed = Failed { outcome, class, waiting_since: now.before(waited) };
        if !self.reports.note_failure(now, failed) {
            connection.forget_timeouts();
        }
    }

    /// Answers at once what waits for a server that has just become unusable.
    pub(super) fn eject(&mut self, now: Instant, server: ServerId) {
        let connection = &mut self.connections[usize::from(server.0)];
        connection.unwant();
        let unsent = connection.take_back();
        let settler = settling::Settler { recovery: &*self.recovery, now, server };
        for attempt in connection.in_flight_mut() {
            let failure = Failure::Ejected;
            let retry = settler.give_up(attempt, failure, &mut self.desk, &mut self.budget);
            self.retries.extend(retry);
        }
        // What was sent first goes first.
        self.retry_all(now);
        for (attempt, encoded, _) in unsent.iter() {
            self.move_unsent(now, server, (attempt, encoded), Failure::NoServer);
        }
    }

    /// Closes the connections to servers that have left, as soon as they owe nothing any more: what
    /// they were given, they are sent, and what they answer counts.
    pub(super) fn finish_retiring(&mut self, now: Instant) {
        let Self { connections, actions, random, table, .. } = self;
        self.retiring.retain(|server| {
            let connection = &mut connections[usize::from(server.0)];
            let is_back = !table.server(*server).has_left;
            let is_done = connection.in_flight().len() == 0;
            if is_done && !is_back {
                if !connection.is_lost() {
                    actions.push_back(Action::Disconnect(connection.id()));
                    connection.handle_lost(now, random);
                }
                connection.unwant();
            }
            !is_done && !is_back
        });
    }

    /// Deals with all exchanges whose deadline has come.
    pub(super) fn expire_exchanges(&mut self, now: Instant) {
        while let Some((_, id)) = self.deadlines.first().copied().filter(|(at, _)| *at <= now) {
            self.deadlines.pop_first();
            let placed = self.desk.exchanges.get(id).and_then(|exchange| exchange.placed);
            if let Some((connection, number)) = placed {
                self.give_up_expired(now, connection, number);
            }
            self.desk.expire(id);
        }
    }

    /// Whatever becomes of a write whose caller is about to be told that it failed must be known.
    fn give_up_expired(&mut self, now: Instant, id: ConnectionId, number: u64) {
        let server = id.server;
        let connection = &mut self.connections[usize::from(server.0)];
        if connection.id() != id {
            return;
        }
        let is_connecting = connection.is_connecting();
        let Some((attempt, encoded)) = connection.attempt_mut(number) else { return };
        let settler = settling::Settler { recovery: &*self.recovery, now, server };
        if is_connecting {
            settler.forget(attempt, encoded);
            attempt.is_void = true;
        } else {
            settler.mark_late(attempt, encoded);
        }
    }

    pub(super) fn expire_connection(&mut self, now: Instant, server: ServerId) {
        while let Some(timed_out) = self.connections[usize::from(server.0)].poll_timeout(now) {
            match timed_out {
                TimedOut::Connect => self.lose(now, server, Failure::ConnectTimeout),
                TimedOut::Connection => self.replace(now, server),
                TimedOut::Unsent => self.expire_unsent(now, server),
                TimedOut::Attempt { idx } => self.expire_attempt(now, server, idx),
                TimedOut::Overdue { since } => self.reports.note_overdue(now, server, since),
            }
        }
        self.retry_all(now);
    }

    fn expire_attempt(&mut self, now: Instant, server: ServerId, idx: usize) {
        self.report(now, server, Failure::Timeout);
        let connection = &mut self.connections[usize::from(server.0)];
        let settler = settling::Settler { recovery: &*self.recovery, now, server };
        if let Some(attempt) = connection.in_flight_mut().nth(idx) {
            let failure = Failure::Timeout;
            let retry = settler.give_up(attempt, failure, &mut self.desk, &mut self.budget);
            self.retries.extend(retry);
        }
    }

    fn expire_unsent(&mut self, now: Instant, server: ServerId) {
        self.report(now, server, Failure::Timeout);
        let connection = &mut self.connections[usize::from(server.0)];
        let settler = settling::Settler { recovery: &*self.recovery, now, server };
        for (mut attempt, encoded, _) in connection.take_back_late(now).iter() {
            settler.forget(&mut attempt, encoded);
            self.desk.settle_failure(attempt.exchange, attempt.part, Failure::Timeout);
        }
    }

    /// A connection on which nothing comes, or nothing in time: it is closed, or set aside if a
    /// write that it was sent may still be carried out.
    fn replace(&mut self, now: Instant, server: ServerId) {
        let connection = &mut self.connections[usize::from(server.0)];
        if !connection.in_flight().any(|it| it.effect != Effect::Reads) {
            return self.lose(now, server, Failure::Timeout);
        }
        let failure = Failure::Timeout;
        self.report(now, server, failure);
        let connection = &mut self.connections[usize::from(server.0)];
        let (mut parked, unsent) = connection.park(now, &mut self.random);
        if !self.table.server(server).is_wanted() {
            connection.unwant();
        }
        let settler = settling::Settler { recovery: &*self.recovery, now, server };
        for attempt in parked.in_flight_mut() {
            let retry = settler.give_up(attempt, failure, &mut self.desk, &mut self.budget);
            self.retries.extend(retry);
        }
        if parked.in_flight().any(|attempt| attempt.is_late) {
            let deadline = now + self.settings.parked_timeout;
            self.parked.push(Parked { connection: parked, deadline });
        } else {
            self.actions.push_back(Action::Disconnect(parked.id()));
        }
        self.retry_all(now);
        for (attempt, encoded, sent) in unsent.iter() {
            self.fail(now, server, (attempt, encoded), sent, failure);
        }
        self.bound_parked(now, server);
        self.start_connecting(now);
    }

    fn bound_parked(&mut self, now: Instant, server: ServerId) {
        let of_server = |it: &&Parked| it.connection.id().server == server;
        if self.parked.iter().filter(of_server).count() > PARKED_MAX {
            let oldest = self.parked.iter().position(|it| of_server(&it));
            self.close_parked(now, oldest.expect("there are some"));
        }
    }

    fn parked_idx(&self, id: ConnectionId) -> Option<usize> {
        self.parked.iter().position(|it| it.connection.id() == id)
    }

    /// What a connection says that was set aside is of interest only in that it comes.
    fn handle_parked_bytes(&mut self, now: Instant, id: ConnectionId, bytes: &[u8]) {
        let Some(idx) = self.parked_idx(id) else { return };
        let connection: &mut Connection = &mut self.parked[idx].connection;
        let received = connection.receive(now, bytes);
        let mut at = 0;
        let is_sound = loop {
            match connection.match_response(received.as_slice(), &mut at) {
                Ok(Some(mut matched)) => {
                    let server = id.server;
                    let settler = settling::Settler { recovery: &*self.recovery, now, server };
                    settler.forget(&mut matched.attempt, matched.encoded);
                    self.desk.counters.late_responses += 1;
                }
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        connection.keep(received, at);
        let is_waited_for = connection.in_flight().any(|attempt| attempt.is_late);
        if !is_sound || !is_waited_for {
            self.close_parked(now, idx);
        }
    }

    pub(super) fn expire_parked(&mut self, now: Instant) {
        while let Some(idx) = self.parked.iter().position(|it| it.deadline <= now) {
            self.close_parked(now, idx);
        }
    }

    fn close_parked(&mut self, now: Instant, idx: usize) {
        let mut parked = self.parked.remove(idx).connection;
        let server = parked.id().server;
        self.actions.push_back(Action::Disconnect(parked.id()));
        let settler = settling::Settler { recovery: &*self.recovery, now, server };
        for (mut attempt, encoded, sent) in parked.handle_lost(now, &mut self.random).iter() {
            settler.lose(&mut attempt, encoded, sent);
        }
    }

    /// Tries again elsewhere what may be.
    pub(super) fn retry_all(&mut self, now: Instant) {
        if self.retries.is_empty() {
            return;
        }
        let mut retries = std::mem::take(&mut self.retries);
        // In the order in which they were sent first.
        for Retry { attempt, encoded, failure } in retries.drain(..) {
            self.desk.counters.retried += 1;
            self.dispatch(now, attempt, &encoded, failure);
            self.desk.spare.give(encoded);
        }
        self.retries = retries;
    }
}
