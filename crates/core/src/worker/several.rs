//! Requests that concern several servers: a part for each.

use std::sync::Arc;

use crate::Instant;
use crate::connection::{Attempt, Connection};
use crate::exchange::{Part, Wording};
use crate::failure::Failure;
use crate::id::ExchangeId;
use crate::protocol::encode;
use crate::protocol::request::{Class, Keys, Request, Retrieval};
use crate::protocol::response::Expect;
use crate::recovery::Routed;
use crate::routing::{Effect, PoolId, ServerId, Target};
use crate::worker::Worker;
use crate::worker::dispatch::Origin;

/// One server's part of a retrieval that is being split: of the keys that are at home there, or of
/// those that are not; where a line may not be so long, of some of them.
#[derive(Debug)]
pub(super) struct Draft {
    place: Place,
    encoded: Vec<u8>,
    keys_start: usize,
    keys_len: u32,
}

/// Which keys have a draft in common.
#[derive(Clone, Copy, Debug)]
struct Place {
    pool: PoolId,
    server: ServerId,
    is_home: bool,
}

/// How many parts a retrieval may have before a server gets no second one: enough for 10,000 keys of
/// 250 bytes.
const PARTS_MAX: usize = 2048;

impl Worker {
    /// A retrieval of several keys: a part for each server that has some of them. `targets` say
    /// where each key goes.
    // For each kind of them a loop of its own: a hundred keys should not pay for routes there are
    // none of.
    pub(super) fn submit_split(
        &mut self,
        now: Instant,
        origin: Origin,
        request: &Request<'_>,
        (how, keys): (Retrieval, Keys<'_>),
        targets: impl Iterator<Item = Target>,
    ) -> ExchangeId {
        let on_unavailable = self.table.pool(origin.pool).on_unavailable;
        let wording = Wording::new(request, on_unavailable, Vec::new());
        let exchange = self.desk.open(origin.asker, origin.deadline, wording);
        let mut drafts = std::mem::take(&mut self.drafts);
        let mut split = self.desk.spare.take_split();
        for (idx, (mut key, target)) in keys.iter().zip(targets).enumerate() {
            let Target { pool, stripped_len } = target;
            if stripped_len > 0 {
                let prefix;
                (prefix, key) = key.split_at(usize::from(stripped_len));
                split.stripped_keys.push((idx, stripped_len));
                split.stripped.extend_from_slice(prefix);
            }
            let part = match self.route(now, pool, key, Effect::Reads) {
                Routed::To { server, is_home, .. } => {
                    self.draft(&mut drafts, Place { pool, server, is_home }, how, key)
                }
                Routed::Nowhere(failure) => Err(failure),
                Routed::Remembered => unreachable!("only deletes are remembered"),
            };
            if let Err(failure) = part {
                split.note_failure(failure, self.table.pool(pool).on_unavailable);
                split.unrouted.push(failure);
                self.desk.counters.failed += 1;
            }
            split.part_of_key.push(part.ok());
        }
        split.waiting = drafts.len();
        split.parts.extend(drafts.iter().map(|draft| {
            let on_unavailable = self.table.pool(draft.place.pool).on_unavailable;
            Part::new(on_unavailable)
        }));
        self.desk.split(exchange, split);
        self.send_drafts(now, exchange, how, &mut drafts);
        self.drafts = drafts;
        exchange
    }

    /// Sends each draft as a part of an exchange; none is left.
    fn send_drafts(
        &mut self,
        now: Instant,
        exchange: ExchangeId,
        how: Retrieval,
        drafts: &mut Vec<Draft>,
    ) {
        let expect = Expect::Retrieval { has_cas: how.has_cas() };
        for (part, draft) in (0..).zip(drafts.drain(..)) {
            let Draft { place, mut encoded, keys_start, keys_len } = draft;
            let Place { pool, server, is_home } = place;
            let mut attempt = Attempt::new(exchange, part, pool, Class::Read, expect);
            attempt.keys_len = keys_len;
            attempt.set_keys_at(keys_start..encoded.len());
            encode::retrieval_end(&mut encoded);
            if self.connections[usize::from(server.0)].can_send() {
                self.send(now, server, is_home, attempt, &encoded);
            } else {
                self.desk.settle_failure(exchange, part, Failure::Overload);
            }
            self.desk.spare.give(encoded);
        }
    }

    /// Adds `key` to the last draft for a place, or to another if that is as long as it may be, and
    /// returns which draft that is.
    ///
    /// # Errors
    /// There are too many drafts for another. Nothing is changed.
    fn draft(
        &mut self,
        drafts: &mut Vec<Draft>,
        place: Place,
        how: Retrieval,
        key: &[u8],
    ) -> Result<u16, Failure> {
        let is_its = |it: &Draft| {
            // What tells most drafts apart comes first.
            it.place.server == place.server
                && it.place.is_home == place.is_home
                && it.place.pool == place.pool
        };
        let last = drafts.iter().rposition(is_its);
        let idx = match last {
            Some(idx) if encode::has_room(how, drafts[idx].encoded.len(), key) => idx,
            Some(_) if drafts.len() >= PARTS_MAX => return Err(Failure::Overload),
            Some(_) | None => {
                let mut encoded = self.desk.spare.take();
                encode::retrieval_start(how, &mut encoded);
                let keys_start = encoded.len() + 1;
                drafts.push(Draft { place, encoded, keys_start, keys_len: 0 });
                drafts.len() - 1
            }
        };
        let draft = &mut drafts[idx];
        encode::retrieval_key(key, &mut draft.encoded);
        draft.keys_len += 1;
        Ok(u16::try_from(idx).expect("a request has fewer parts than there are numbers"))
    }

    /// `flush_all`: a part for every server of these pools, usable or not; by the newest table that
    /// anybody routes by.
    pub(super) fn submit_to_all(
        &mut self,
        now: Instant,
        origin: Origin,
        request: &Request<'_>,
        pools: &[PoolId],
    ) -> ExchangeId {
        let on_unavailable = self.table.pool(origin.pool).on_unavailable;
        let wording = Wording::new(request, on_unavailable, Vec::new());
        let exchange = self.desk.open(origin.asker, origin.deadline, wording);
        let mut servers = Vec::new();
        for pool in pools {
            let newest = self.recovery.handed_over(*pool);
            let table = newest.unwrap_or_else(|| Arc::clone(&self.table));
            let of_pool = table.servers_of(*pool);
            servers.extend(of_pool.map(|it| (*pool, it, table.server(it).is_wanted())));
        }
        let mut split = self.desk.spare.take_split();
        split.waiting = servers.len();
        split.parts.resize_with(servers.len(), Part::default);
        self.desk.split(exchange, split);
        for (part, (pool, server, is_wanted)) in (0..).zip(servers) {
            let can_send =
                self.connections.get(usize::from(server.0)).is_some_and(Connection::can_send);
            if !can_send || !is_wanted {
                self.recovery.require_flush(now, pool, server);
                self.desk.settle_part_done(exchange, part);
                continue;
            }
            let attempt = Attempt::new(exchange, part, pool, Class::Delete, Expect::FlushAll);
            self.place(server, attempt, |connection| {
                connection.encode(now, attempt, |output| encode::request(request, output))
            });
        }
        exchange
    }
}
