//! Prefix routes: which names of keys go to which of two pools, and as what.
//!
//! | [`Way`] | begins with | pool | servers are sent |
//! |---|---|---|---|
//! | `Plain` | nothing that a route has | the first: the listener's own | all of it |
//! | `Back` | `m:` | the first | the rest: the plain name |
//! | `East` | `e/` | the second | the rest |
//! | `West` | `e/w/` | the second | the rest: what `East` has |
//! | `Whole` | `s:` | the second | all of it |
//! | `Roaming` | `r:` | now the one, now the other | all of it |
//!
//! So one text is the name of two items, in two pools, and one item has two names. Both pools have
//! items under the same text, each of which would be taken for the other's.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_core::config::{ListenerConfig, OnUnavailable, PoolConfig, PoolName, RouteConfig};
use evenkeel_core::routing::{PoolId, PrefixRoutes};

use crate::options::Options;
use crate::sabotage::Sabotage;
use crate::value::{Key, Way};

/// The pool that sessions have by themselves, and that calls are for.
pub const FIRST: PoolId = PoolId(0);

/// The pool that only routes lead to.
pub const SECOND: PoolId = PoolId(1);

impl Options {
    /// A pool, by its number.
    pub fn pool_of(&self, id: PoolId) -> &PoolConfig {
        match (id, &self.second) {
            (FIRST, _) => &self.pool,
            (_, Some(second)) => second,
            (_, None) => unreachable!("there is one pool only"),
        }
    }

    /// The pools' numbers.
    pub fn pools(&self) -> &'static [PoolId] {
        if self.second.is_some() { &[FIRST, SECOND] } else { &[FIRST] }
    }

    /// Servers are numbered through all pools: the first number of a pool's.
    pub fn first_server(&self, pool: PoolId) -> usize {
        if pool == FIRST { 0 } else { self.pool.servers.len() }
    }

    /// How many servers there are in all pools.
    pub fn servers_len(&self) -> usize {
        self.pool.servers.len() + self.second.as_ref().map_or(0, |it| it.servers.len())
    }

    /// Whose a server is.
    pub fn pool_of_server(&self, server: usize) -> PoolId {
        if server < self.pool.servers.len() { FIRST } else { SECOND }
    }

    /// The pools that a key may go to.
    fn pools_of(&self, key: Key) -> impl Iterator<Item = &PoolConfig> {
        let pools: &[PoolId] = match (&self.second, key.way) {
            (None, _) | (_, Way::Plain | Way::Back) => &[FIRST],
            (_, Way::East | Way::West | Way::Whole) => &[SECOND],
            (_, Way::Roaming) => &[FIRST, SECOND],
        };
        pools.iter().map(|it| self.pool_of(*it))
    }

    /// What a read of these keys that cannot be served may be answered.
    pub fn on_unavailable(&self, keys: &[Key]) -> OnUnavailable {
        let mut pools = keys.iter().flat_map(|key| self.pools_of(*key));
        let is_error = pools.any(|pool| pool.on_unavailable == OnUnavailable::Error);
        if is_error { OnUnavailable::Error } else { OnUnavailable::Miss }
    }

    /// The most time that a request for these keys has; if for none, any request.
    pub fn deadline(&self, keys: &[Key]) -> Duration {
        let of_keys = keys.iter().flat_map(|key| self.pools_of(*key)).map(|it| it.deadline).max();
        let of_all = self.pools().iter().map(|it| self.pool_of(*it).deadline);
        of_keys.or(of_all.max()).expect("there is a pool")
    }
}

/// The routes of sessions: those before and those after the roaming keys have moved.
pub fn prefix_routes(options: &Options) -> [Arc<PrefixRoutes>; 2] {
    if options.second.is_none() {
        return [FIRST.into(), FIRST.into()];
    }
    [FIRST, SECOND].map(|roaming| Arc::new(made(options.sabotage, roaming)))
}

fn made(sabotage: Option<Sabotage>, roaming: PoolId) -> PrefixRoutes {
    let east = match sabotage {
        Some(Sabotage::TakeOtherPool) => FIRST,
        _ => SECOND,
    };
    let keeps_prefix = sabotage == Some(Sabotage::KeepPrefix);
    let routes = [
        route(Way::Back, FIRST, true),
        route(Way::East, east, !keeps_prefix),
        route(Way::West, SECOND, true),
        route(Way::Whole, SECOND, false),
        route(Way::Roaming, roaming, false),
    ];
    let address = "127.0.0.1:1".parse().expect("it is written as addresses are");
    let listener = ListenerConfig::new(name("main"), address, pool_name(FIRST));
    let id_of = |name: &PoolName| [FIRST, SECOND].into_iter().find(|it| pool_name(*it) == *name);
    PrefixRoutes::new(&listener, &routes, id_of).expect("both pools are known")
}

fn route(way: Way, pool: PoolId, strip_prefix: bool) -> RouteConfig {
    let prefix = way.prefix().parse().expect("a prefix has only what keys have");
    RouteConfig { strip_prefix, ..RouteConfig::new(prefix, pool_name(pool)) }
}

fn pool_name(pool: PoolId) -> PoolName {
    name(["first", "second"][usize::from(pool.0)])
}

fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a plain word is a name")
}
