//! Which pool each key of a session's request goes to, and as what: by the session's routes.

use crate::Instant;
use crate::config::Operation;
use crate::exchange::Wording;
use crate::id::SessionId;
use crate::protocol::refusal::Refusal;
use crate::protocol::request::{Keys, MetaOp, Request, Retrieval};
use crate::protocol::strip;
use crate::routing::{PoolId, PrefixRoutes, Target};
use crate::worker::Worker;

impl Worker {
    /// Carries out a request that servers are sent, where the session's routes say.
    pub(super) fn forward_by_routes(
        &mut self,
        now: Instant,
        session: SessionId,
        request: &Request<'_>,
    ) {
        match request {
            Request::FlushAll { .. } => {
                self.count(request);
                let pools = self.desk.sessions.get(session).map(|it| it.routes.pools());
                let pools: Vec<_> = pools.into_iter().flatten().collect();
                let pool = self.most_patient(pools.iter().copied());
                let origin = self.origin(now, session, pool);
                self.submit_to_all(now, origin, request, &pools);
            }
            Request::Retrieve { how, keys } if keys.len() > 1 => {
                self.split_by_routes(now, session, request, (*how, *keys));
            }
            Request::Retrieve { .. }
            | Request::Store { .. }
            | Request::Delete { .. }
            | Request::Arithmetic { .. }
            | Request::Touch { .. }
            | Request::Meta(_) => {
                let target = self.target(session, operation(request), request);
                self.submit_to_target(now, session, target, request);
            }
            Request::MetaNoop
            | Request::Version
            | Request::Verbosity { .. }
            | Request::Stats { .. }
            | Request::Quit => unreachable!("no server is sent {request:?}"),
        }
    }

    /// Where a request for one key goes.
    pub(super) fn target(
        &self,
        session: SessionId,
        operation: Operation,
        request: &Request<'_>,
    ) -> Target {
        let routes = &self.desk.sessions[session].routes;
        with_real_key(request, |key| routes.target(operation, key))
    }

    fn submit_to_target(
        &mut self,
        now: Instant,
        session: SessionId,
        target: Target,
        request: &Request<'_>,
    ) {
        let origin = self.origin(now, session, target.pool);
        let stripped_len = usize::from(target.stripped_len);
        if stripped_len == 0 {
            self.count(request);
            self.submit_to_one(now, origin, request);
            return;
        }
        let on_unavailable = self.table.pool(target.pool).on_unavailable;
        let wording = Wording::new(request, on_unavailable, self.desk.spare.take());
        let wording = with_real_key(request, |key| wording.without_prefix(&key[..stripped_len]));
        let is_silent = wording.is_silent();
        let is_sent = strip::without_prefix(request, stripped_len, |stripped| {
            self.count(request);
            self.open_attempt(now, origin, stripped, wording);
        });
        if is_sent.is_none() {
            self.refuse_empty_key(session, is_silent);
        }
    }

    fn split_by_routes(
        &mut self,
        now: Instant,
        session: SessionId,
        request: &Request<'_>,
        (how, keys): (Retrieval, Keys<'_>),
    ) {
        let mut targets = std::mem::take(&mut self.targets);
        let routes: &PrefixRoutes = &self.desk.sessions[session].routes;
        let operation = operation(request);
        targets.extend(keys.iter().map(|key| routes.target(operation, key)));
        let lens = keys.iter().map(<[u8]>::len);
        if lens.zip(&targets).any(|(len, target)| len == usize::from(target.stripped_len)) {
            self.refuse_empty_key(session, false);
        } else {
            self.count(request);
            let pool = self.most_patient(targets.iter().map(|target| target.pool));
            let origin = self.origin(now, session, pool);
            self.submit_split(now, origin, request, (how, keys), targets.iter().copied());
        }
        targets.clear();
        self.targets = targets;
    }

    /// The pool with the longest deadline: each has its own time.
    fn most_patient(&self, pools: impl Iterator<Item = PoolId>) -> PoolId {
        let most = pools.max_by_key(|pool| self.table.pool(*pool).deadline);
        most.expect("a retrieval names a key, and a session has a pool")
    }

    /// Nothing is left of a key without its prefix.
    fn refuse_empty_key(&mut self, session: SessionId, is_silent: bool) {
        self.desk.counters.refused += 1;
        let words = if is_silent { b"" } else { Refusal::BadFormat.answer() };
        self.desk.answer(session, words);
    }
}

/// What a request for keys does, as far as routes can tell requests apart.
fn operation(request: &Request<'_>) -> Operation {
    match request {
        Request::Retrieve { how: Retrieval::Gat(_) | Retrieval::Gats(_), .. }
        | Request::Touch { .. } => Operation::Touch,
        Request::Retrieve { how: Retrieval::Get | Retrieval::Gets, .. } => Operation::Get,
        Request::Store { .. } => Operation::Set,
        Request::Delete { .. } => Operation::Delete,
        Request::Arithmetic { .. } => Operation::Arithmetic,
        Request::Meta(meta) => match meta.op {
            MetaOp::Get | MetaOp::Debug => Operation::Get,
            MetaOp::Set => Operation::Set,
            MetaOp::Delete => Operation::Delete,
            MetaOp::Arithmetic => Operation::Arithmetic,
        },
        Request::FlushAll { .. }
        | Request::MetaNoop
        | Request::Version
        | Request::Verbosity { .. }
        | Request::Stats { .. }
        | Request::Quit => unreachable!("{request:?} names no key"),
    }
}

/// Calls `f` with the one key that `request` names, decoded if need be.
fn with_real_key<T>(request: &Request<'_>, f: impl FnOnce(&[u8]) -> T) -> T {
    if let Request::Meta(meta) = request {
        return meta.with_real_key(f);
    }
    f(request.key().expect("a request for one key"))
}
