//! What there is to see of a running control plane: servers, pools, and where a key goes.
//!
//! A view is a copy, as of one moment, for people and programs that watch. Making one takes each
//! lock for as long as it takes to copy some numbers; nothing waits for whoever reads it.

use std::net::SocketAddr;
use std::sync::Arc;

use evenkeel_core::Instant;
use evenkeel_core::config::{PoolConfig, ServerConfig};
use evenkeel_core::event::{StateName, Transition};
use evenkeel_core::recovery::RecoveryTally;
use evenkeel_core::routing::{Effect, KeyRoute, PoolId, ServerId, Usable};
use evenkeel_core::window::Tally;

use crate::directory::{ServerNames, SharedPool};
use crate::figures::Totals;
use crate::says::ServerSays;
use crate::server::SharedServer;
use crate::shared::Shared;

/// What a server is taken for at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its state.
    pub state: StateName,
    /// Since when.
    pub since: Instant,
    /// Whether it is sent writes, for as long as it is used at all.
    pub takes_writes: bool,
    /// The change that made it so; `None` while it is in the state it began with.
    pub last: Option<Transition>,
}

/// One server, as of now.
#[derive(Clone, Debug)]
pub struct ServerView {
    /// By what the rest of the process names it.
    pub id: ServerId,
    /// What it is called.
    pub names: Arc<ServerNames>,
    /// As configured.
    pub config: ServerConfig,
    /// Where it is; `None` while its name cannot be resolved.
    pub addr: Option<SocketAddr>,
    /// What it is taken for.
    pub standing: Standing,
    /// For which keys it is used.
    pub usable: Usable,
    /// It is to be flushed before it is used.
    pub is_flush_required: bool,
    /// Misplaced keys of which it may hold an old value.
    pub misplaced_keys: usize,
    /// Connections of workers that are ready for requests.
    pub connections_open: usize,
    /// How many of them there are to be.
    pub connections_wanted: usize,
    /// What it has done since the process started.
    pub totals: Totals,
    /// What it has done in the last [`RECENT`](crate::figures::RECENT).
    pub recent: Tally,
    /// What it says of itself; `None` while that is not known.
    pub says: Option<Arc<ServerSays>>,
}

/// One pool, as of now.
#[derive(Clone, Debug)]
pub struct PoolView {
    /// By what the rest of the process names it.
    pub id: PoolId,
    /// As configured.
    pub config: PoolConfig,
    /// How many keys are misplaced.
    pub misplaced_keys: usize,
    /// What these take in memory, in bytes.
    pub misplaced_bytes: usize,
    /// What recovery has done since the process started.
    pub tally: RecoveryTally,
}

/// Where one key goes, as of now.
#[derive(Clone, Debug)]
pub struct RouteView {
    /// Where it belongs.
    pub home: ServerId,
    /// The servers it may go to: home first, then where it fails over to; and whether each is
    /// usable for it now.
    pub order: Vec<(ServerId, bool)>,
    /// Where a read goes; `None` if it is a miss at once.
    pub read: Option<ServerId>,
    /// Where a write goes.
    pub write: Option<ServerId>,
    /// The only server that has its last write, and those that may hold an old value; `None` unless
    /// it is misplaced.
    pub misplaced: Option<(Option<ServerId>, Vec<ServerId>)>,
}

impl Shared {
    /// `None` if nothing is known of it yet.
    pub(crate) fn view_server(&self, id: ServerId, server: &SharedServer) -> Option<ServerView> {
        let standing = self.standing(id)?;
        let facts = &server.facts;
        let usable = self.table.load().servers.get(usize::from(id.0))?.usable;
        let (mut is_flush_required, mut misplaced_keys) = (false, 0);
        for pool in self.misplaced.pools() {
            self.misplaced.with(pool, |recovery| {
                is_flush_required |= recovery.is_unflushed(id);
                misplaced_keys += recovery.stale_len(id);
            });
        }
        let (totals, recent) = {
            let mut figures = facts.figures();
            (figures.totals().clone(), figures.recent(self.now()))
        };
        Some(ServerView {
            id,
            names: Arc::clone(&server.names),
            config: server.config.clone(),
            addr: facts.addr.load().as_deref().copied(),
            standing,
            usable,
            is_flush_required,
            misplaced_keys,
            connections_open: facts.connections_open(),
            connections_wanted: if usable == Usable::No { 0 } else { self.workers.len() },
            totals,
            recent,
            says: facts.says.load_full(),
        })
    }

    pub(crate) fn view_pool(&self, id: PoolId, pool: &SharedPool) -> PoolView {
        let see =
            |it: &mut evenkeel_core::recovery::Recovery| (it.entries_len(), it.bytes(), it.tally());
        let (misplaced_keys, misplaced_bytes, tally) = self.misplaced.with(id, see);
        PoolView { id, config: pool.config.clone(), misplaced_keys, misplaced_bytes, tally }
    }

    pub(crate) fn view_route(&self, pool: PoolId, key: &[u8]) -> RouteView {
        let table = self.table.load_full();
        let now = self.now();
        let route = |effect| KeyRoute {
            table: &table,
            pool: table.pool(pool),
            key,
            effect,
            can_send: &|_| true,
        };
        let (read, write, misplaced) = self.misplaced.with(pool, |recovery| {
            let read = recovery.target_of(now, &route(Effect::Reads));
            let write = recovery.target_of(now, &route(Effect::Writes));
            (read, write, recovery.misplaced(key))
        });
        let reads = route(Effect::Reads);
        let mut order: Vec<(ServerId, bool)> = Vec::new();
        reads.first(&mut |server| {
            // Some distributions ask about a server more than once.
            if order.iter().all(|(known, _)| *known != server) {
                order.push((server, reads.is_usable(server)));
            }
            false
        });
        RouteView { home: reads.home(), order, read, write, misplaced }
    }
}
