//! From a parsed request to attempts on connections.

use crate::Instant;
use crate::config::Operation;
use crate::connection::{Attempt, Connection};
use crate::exchange::{Asker, Wording};
use crate::failure::Failure;
use crate::id::{ExchangeId, SessionId};
use crate::protocol::divert::{self, Diversion};
use crate::protocol::encode;
use crate::protocol::parse::Refused;
use crate::protocol::request::{Class, MetaOp, Request, StoreOp};
use crate::protocol::response::Expect;
use crate::protocol::strip;
use crate::recovery::Routed;
use crate::routing::{Effect, KeyRoute, Planned, PoolId, ServerId, Target};
use crate::worker::{ATTEMPTS_MAX, Action, Worker};

/// What `version` says: the level of the protocol that is spoken, then who speaks.
///
/// Clients read the first number to learn what they may use.
const VERSION: &[u8] =
    concat!("VERSION 1.6.18 evenkeel/", env!("CARGO_PKG_VERSION"), "\r\n").as_bytes();

/// Where a request comes from and goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// Who wants to know its outcome.
    pub(super) asker: Asker,
    /// The pool that its keys belong to.
    pub(super) pool: PoolId,
    /// When that one must be told something.
    pub(super) deadline: Instant,
}

impl Worker {
    /// Carries out a session's request; `only` is the pool that all its requests go to.
    #[inline]
    pub(super) fn submit(
        &mut self,
        now: Instant,
        session: SessionId,
        only: Option<PoolId>,
        request: &Request<'_>,
    ) {
        match request {
            Request::Retrieve { .. }
            | Request::Store { .. }
            | Request::Delete { .. }
            | Request::Arithmetic { .. }
            | Request::Touch { .. }
            | Request::Meta(_)
            | Request::FlushAll { .. } => {
                if let Some(pool) = only {
                    let origin = self.origin(now, session, pool);
                    self.forward(now, origin, request);
                } else {
                    self.forward_by_routes(now, session, request);
                }
                return;
            }
            Request::MetaNoop => self.desk.answer(session, b"MN\r\n"),
            Request::Version => self.desk.answer(session, VERSION),
            Request::Verbosity { noreply } => {
                self.desk.answer(session, if *noreply { b"" } else { b"OK\r\n" });
            }
            Request::Stats { arg: b"" } => {
                let asker = Asker::Session(session);
                let exchange = self.desk.open(asker, now, Wording::fixed(b"", false));
                self.actions.push_back(Action::Stats(exchange));
            }
            Request::Stats { arg } => self.desk.answer(session, stats_of_one_server(arg)),
            Request::Quit => self.finish(session),
        }
        self.desk.counters.requests += 1;
        self.budget.earn();
    }

    /// A session's request that goes to `pool`.
    #[inline]
    pub(super) fn origin(&self, now: Instant, session: SessionId, pool: PoolId) -> Origin {
        let deadline = now + self.table.pool(pool).deadline;
        Origin { asker: Asker::Session(session), pool, deadline }
    }

    /// Carries out a request that servers are sent, all of it in one pool.
    ///
    /// # Panics
    /// For any other.
    #[inline]
    pub(super) fn forward(
        &mut self,
        now: Instant,
        origin: Origin,
        request: &Request<'_>,
    ) -> ExchangeId {
        self.count(request);
        match request {
            Request::Retrieve { how, keys } if keys.len() > 1 => {
                let pool = origin.pool;
                let targets = std::iter::repeat_with(|| Target { pool, stripped_len: 0 });
                self.submit_split(now, origin, request, (*how, *keys), targets)
            }
            Request::FlushAll { .. } => self.submit_to_all(now, origin, request, &[origin.pool]),
            Request::Retrieve { .. }
            | Request::Store { .. }
            | Request::Delete { .. }
            | Request::Arithmetic { .. }
            | Request::Touch { .. }
            | Request::Meta(_) => self.submit_to_one(now, origin, request),
            Request::MetaNoop
            | Request::Version
            | Request::Verbosity { .. }
            | Request::Stats { .. }
            | Request::Quit => unreachable!("no server is sent {request:?}"),
        }
    }

    /// Counts a request that servers are sent.
    #[inline]
    pub(super) fn count(&mut self, request: &Request<'_>) {
        let counters = &mut self.desk.counters;
        counters.requests += 1;
        self.budget.earn();
        match (request, request.class()) {
            (Request::Retrieve { keys, .. }, _) => counters.reads += keys.len() as u64,
            (_, Some(Class::Read)) => counters.reads += 1,
            (_, Some(Class::Write)) => counters.writes += 1,
            (_, Some(Class::Delete)) => counters.deletes += 1,
            // `flush_all`: of no class.
            (_, None) => {}
        }
    }

    /// Answers bad input as memcached does.
    pub(super) fn refuse(&mut self, now: Instant, session: SessionId, refused: &Refused<'_>) {
        let words = refused.refusal.answer();
        if let Some(delete) = &refused.invalidates {
            // Where the value would have been stored.
            let target = self.target(session, Operation::Set, delete);
            let origin = self.origin(now, session, target.pool);
            let wording = Wording::fixed(words, refused.noreply);
            let stripped_len = usize::from(target.stripped_len);
            let is_sent = strip::without_prefix(delete, stripped_len, |delete| {
                self.open_attempt(now, origin, delete, wording);
            });
            if is_sent.is_some() {
                return;
            }
        }
        self.desk.answer(session, if refused.noreply { b"" } else { words });
    }

    #[inline]
    pub(super) fn submit_to_one(
        &mut self,
        now: Instant,
        origin: Origin,
        request: &Request<'_>,
    ) -> ExchangeId {
        let on_unavailable = self.table.pool(origin.pool).on_unavailable;
        let may_reflect = matches!(request, Request::Meta(_));
        let buffer = if may_reflect { self.desk.spare.take() } else { Vec::new() };
        let wording = Wording::new(request, on_unavailable, buffer);
        self.open_attempt(now, origin, request, wording)
    }

    #[inline]
    pub(super) fn open_attempt(
        &mut self,
        now: Instant,
        origin: Origin,
        request: &Request<'_>,
        wording: Wording,
    ) -> ExchangeId {
        let pool = origin.pool;
        let exchange = self.desk.open(origin.asker, origin.deadline, wording);
        let class = request.class().expect("a request with a key has a class");
        let expect = Expect::of(request).expect("a request with a key is sent to a server");
        let key = request.key().expect("a request for one key");
        let mut attempt = Attempt::new(exchange, 0, pool, class, expect);
        attempt.base64_key = matches!(request, Request::Meta(meta) if meta.base64_key);
        attempt.effect = effect(request);
        let effect = attempt.effect;
        match attempt.with_real_key(key, |key| self.route(now, pool, key, effect)) {
            Routed::To { server, is_home: true, mark } => {
                attempt.mark = mark;
                self.place(server, attempt, |connection| {
                    connection.encode(now, attempt, |output| encode::request(request, output))
                });
            }
            Routed::To { server, is_home: false, mark } => {
                attempt.mark = mark;
                let mut encoded = self.desk.spare.take();
                attempt.set_keys_at(encode::request(request, &mut encoded));
                self.send(now, server, false, attempt, &encoded);
                self.desk.spare.give(encoded);
            }
            Routed::Remembered => self.desk.settle_deleted(exchange),
            Routed::Nowhere(failure) => self.desk.settle_failure(exchange, 0, failure),
        }
        exchange
    }

    /// Gives an attempt that is in flight nowhere any more to the connection of another server.
    ///
    /// If there is none, or it has been tried often enough, it fails with `failure`.
    pub(super) fn dispatch(
        &mut self,
        now: Instant,
        mut attempt: Attempt,
        encoded: &[u8],
        failure: Failure,
    ) {
        let exchange = self.desk.exchanges.get_mut(attempt.exchange);
        let Some(exchange) = exchange.filter(|exchange| exchange.waits_for(attempt.part)) else {
            // Its caller has been told how it ended; it must not be carried out after that.
            return;
        };
        let is_movable = exchange.attempts < ATTEMPTS_MAX
            && exchange.split.is_none()
            && (attempt.effect == Effect::Reads || self.recovery.may_move(now, attempt.pool));
        exchange.attempts += u8::from(is_movable);
        let routed = if is_movable {
            let written = attempt.keys(encoded);
            attempt.with_real_key(written, |key| self.route(now, attempt.pool, key, attempt.effect))
        } else {
            Routed::Nowhere(failure)
        };
        match routed {
            Routed::To { server, is_home, mark } => {
                attempt.mark = mark;
                self.watch_deadline(attempt.exchange);
                self.send(now, server, is_home, attempt, encoded);
            }
            Routed::Remembered => self.desk.settle_deleted(attempt.exchange),
            Routed::Nowhere(_) => {
                self.desk.settle_failure(attempt.exchange, attempt.part, failure);
            }
        }
    }

    /// Where a request for `key` goes. A table in which all is well is enough to know that;
    /// otherwise recovery is asked.
    #[inline]
    pub(super) fn route(&self, now: Instant, pool: PoolId, key: &[u8], effect: Effect) -> Routed {
        let connections = &self.connections;
        // A table that is newer than ours may know more servers.
        let can_send = |server: ServerId| {
            connections.get(usize::from(server.0)).is_some_and(Connection::can_send)
        };
        if self.recovery.is_clear(pool)
            && let Some(planned) = self.table.plan(pool, key, effect, can_send)
            && (planned.is_home || effect == Effect::Reads)
        {
            let Planned { server, is_home } = planned;
            return Routed::To { server, is_home, mark: None };
        }
        let table = &self.table;
        let route = KeyRoute { table, pool: table.pool(pool), key, effect, can_send: &can_send };
        self.recovery.route(now, pool, &route)
    }

    pub(super) fn send(
        &mut self,
        now: Instant,
        server: ServerId,
        is_home: bool,
        mut attempt: Attempt,
        encoded: &[u8],
    ) {
        self.desk.counters.diverted += u64::from(!is_home);
        let disguise = if is_home { 0 } else { self.table.server(server).disguise };
        if is_home && attempt.disguise == 0 {
            return self.enqueue(now, server, attempt, encoded);
        }
        // It is made what it is to be at this server.
        let unix_now = self.settings.unix_time_at_zero + now.saturating_since(Instant::ZERO);
        let ttl = self.table.pool(attempt.pool).failover_ttl.as_secs();
        let diversion = Diversion {
            ttl_max: (!is_home).then(|| u32::try_from(ttl).unwrap_or(u32::MAX)),
            unix_now: unix_now.as_secs(),
            disguise: attempt.disguise ^ disguise,
        };
        attempt.disguise = disguise;
        let mut changed = self.desk.spare.take();
        match diversion.apply(encoded, &mut changed) {
            Some(keys_at) => {
                attempt.set_keys_at(keys_at);
                self.enqueue(now, server, attempt, &changed);
            }
            None => self.enqueue(now, server, attempt, encoded),
        }
        self.desk.spare.give(changed);
    }

    fn enqueue(&mut self, now: Instant, server: ServerId, attempt: Attempt, encoded: &[u8]) {
        self.place(server, attempt, |connection| connection.enqueue(now, attempt, encoded));
    }

    /// Gives an attempt to a connection, by `give`, which returns its number there.
    #[inline]
    pub(super) fn place(
        &mut self,
        server: ServerId,
        attempt: Attempt,
        give: impl FnOnce(&mut Connection) -> u64,
    ) {
        let connection = &mut self.connections[usize::from(server.0)];
        let is_ready = connection.is_ready();
        if is_ready && connection.output().is_empty() {
            self.dirty_connections.push(connection.id());
        }
        let placed = (connection.id(), give(connection));
        if attempt.effect != Effect::Reads
            && let Some(exchange) = self.desk.exchanges.get_mut(attempt.exchange)
        {
            exchange.placed = Some(placed);
        }
        let timeout = self.table.server(server).settings.timeout;
        if !is_ready || timeout > self.table.pool(attempt.pool).deadline {
            self.watch_deadline(attempt.exchange);
        }
    }

    /// Has an exchange end at its deadline. An attempt that is sent at once ends before that by
    /// its own time, so only what waits for a connection, is tried again, or is sent to another
    /// pool's server that is given more time needs to be watched.
    pub(super) fn watch_deadline(&mut self, id: ExchangeId) {
        if let Some(exchange) = self.desk.exchanges.get(id) {
            self.deadlines.insert((exchange.deadline, id));
        }
    }
}

/// What a request may do to its key's value.
#[inline]
fn effect(request: &Request<'_>) -> Effect {
    match request {
        Request::Store { op: StoreOp::Set, .. } => Effect::Writes,
        Request::Store { .. } | Request::Arithmetic { .. } => Effect::Changes,
        Request::Delete { .. } => Effect::Deletes,
        Request::Meta(meta) if divert::is_conditional(meta) => Effect::Changes,
        Request::Meta(meta) => match meta.op {
            MetaOp::Set => Effect::Writes,
            MetaOp::Delete => Effect::Deletes,
            MetaOp::Get | MetaOp::Arithmetic | MetaOp::Debug => Effect::Reads,
        },
        Request::Retrieve { .. }
        | Request::Touch { .. }
        | Request::FlushAll { .. }
        | Request::MetaNoop
        | Request::Version
        | Request::Verbosity { .. }
        | Request::Stats { .. }
        | Request::Quit => Effect::Reads,
    }
}

/// What `stats` about one server's insides answers.
///
/// There are no items or slabs here. An empty list ends; an error line would leave clients
/// waiting for the end. What memcached has no figures of either is refused in its word.
fn stats_of_one_server(arg: &[u8]) -> &'static [u8] {
    match arg.split(|byte| *byte == b' ').next() {
        Some(b"items" | b"slabs" | b"sizes" | b"settings" | b"conns" | b"cachedump") => b"END\r\n",
        // The proxy's figures stay: others than this application read them.
        Some(b"reset") => b"RESET\r\n",
        Some(_) | None => b"ERROR\r\n",
    }
}
