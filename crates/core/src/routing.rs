//! States into servers: which server a request goes to.
//!
//! A [`RoutingTable`] is made by the control plane from configuration and health, published
//! whole, and never changed. A request sees one table from start to finish. Routing knows nothing
//! of encodings: it is given a key.
//!
//! # What it decides
//! The first server in the key's order that is usable by the table and can be sent to at this
//! moment by the caller's own connection. With `failover = "none"` that is home or nothing; with
//! `"gutter"` home, or the first such server of the gutter pool.
//!
//! Before that, [`PrefixRoutes`] say which pool a session's key belongs to.
//!
//! # What it never does
//! Judge a server: a table says who is usable, and only [`crate::health`] says so to the table.

mod prefixes;

use std::collections::BTreeSet;
use std::fmt;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

pub use self::prefixes::{PrefixRoutes, Target};

use crate::config::OnUnavailable;
use crate::distribution::Distribution;

/// A server by its place in [`RoutingTable::servers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub u16);

/// A pool by its place in [`RoutingTable::pools`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolId(pub u16);

/// Everything that a request needs to know, as of one moment.
#[derive(Clone, Debug)]
pub struct RoutingTable {
    /// The pools.
    pub pools: Vec<PoolRoutes>,
    /// The servers of all pools.
    pub servers: Vec<ServerRoute>,
}

/// One pool's part of a table.
#[derive(Clone, Debug)]
pub struct PoolRoutes {
    /// Key → members in order.
    pub distribution: Arc<Distribution>,
    /// Member → server.
    pub servers: Vec<ServerId>,
    /// Where keys go whose home cannot be used.
    pub failover: Substitute,
    /// What a read that cannot be served is answered.
    pub on_unavailable: OnUnavailable,
    /// The bound on a request's life.
    pub deadline: Duration,
    /// The longest that a value lives which is stored away from home.
    pub failover_ttl: Duration,
    /// How its keys were placed before.
    pub former: Arc<Former>,
}

/// How a pool's keys were placed before, since the process started.
///
/// A server that was a key's home once may hold an old value of it for as long as it runs. So the
/// key is never diverted there: until a write is carried out there, or if it is refused, reads would
/// find what was there before.
#[derive(Clone, Debug, Default)]
pub struct Former {
    /// Oldest first.
    layouts: Vec<Layout>,
    /// There were more than are kept: any server may have been any key's home.
    is_incomplete: bool,
}

/// Which server each key belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Key → members in order.
    pub distribution: Arc<Distribution>,
    /// Member → server.
    pub servers: Vec<ServerId>,
}

/// How many former layouts are kept, no two the same. Each costs a hash of the key of every request
/// that is diverted, and some ten kilobytes for ten servers.
pub const FORMER_LAYOUTS_MAX: usize = 64;

impl Layout {
    /// Where a key belongs.
    pub fn home(&self, key: &[u8]) -> ServerId {
        self.servers[self.distribution.home(key).as_usize()]
    }
}

impl Former {
    /// The same, and `layout` after those.
    pub fn with(&self, layout: Layout) -> Self {
        let mut former = self.clone();
        // Only whether it was before the last one matters.
        former.layouts.retain(|known| *known != layout);
        former.layouts.push(layout);
        if former.layouts.len() > FORMER_LAYOUTS_MAX {
            former.layouts.remove(0);
            former.is_incomplete = true;
        }
        former
    }

    /// Whether keys have never been placed otherwise.
    pub fn is_empty(&self) -> bool {
        self.layouts.is_empty()
    }

    /// Whether there were more than are kept: then no key is diverted any more, and servers that get
    /// keys back may be overlooked.
    pub fn is_incomplete(&self) -> bool {
        self.is_incomplete
    }

    /// Whether a key's home may have been `server` once.
    fn has(&self, key: &[u8], server: ServerId) -> bool {
        self.is_incomplete || self.layouts.iter().any(|it| it.home(key) == server)
    }

    /// Whether a key's home may have been another than `server` once.
    fn has_other(&self, key: &[u8], server: ServerId) -> bool {
        self.is_incomplete || self.layouts.iter().any(|it| it.home(key) != server)
    }
}

/// Where keys go whose home cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Substitute {
    /// To the next server of their order.
    Next,
    /// To the servers of another pool, in the order that keys have there.
    Gutter(PoolId),
    /// Nowhere.
    None,
}

/// One server's part of a table.
#[derive(Clone, Copy, Debug)]
pub struct ServerRoute {
    /// For which keys it may be used.
    pub usable: Usable,
    /// Writes may be sent to it. While it refuses them they go elsewhere; reads and deletes stay.
    pub takes_writes: bool,
    /// A request older than this, with no byte since it was sent, makes the server suspect.
    pub suspect_after: Duration,
    /// What CAS tokens of keys that are not its own are disguised by: a number of its own, not 0.
    pub disguise: u64,
    /// How its connections behave.
    pub settings: ConnectionSettings,
    /// It is no longer configured. What it has been sent is awaited, and then it is left alone.
    pub has_left: bool,
}

impl ServerRoute {
    /// A server of which nothing bad is known: it may be used for all keys.
    pub fn in_use(settings: ConnectionSettings, disguise: u64) -> Self {
        let (usable, suspect_after) = (Usable::Yes, settings.timeout);
        Self { usable, takes_writes: true, suspect_after, disguise, settings, has_left: false }
    }

    /// Whether it is to be used for a request to `key`.
    #[inline]
    pub fn serves(&self, key: &[u8], effect: Effect) -> bool {
        let has_key = match self.usable {
            Usable::No | Usable::Yes => true,
            Usable::Share(share) => share.holds(key),
        };
        has_key && self.could_serve(effect)
    }

    /// The same, for a key that no other server can take: shares spread load, and are no reason to
    /// serve nobody.
    #[inline]
    pub fn could_serve(&self, effect: Effect) -> bool {
        let is_write = match effect {
            Effect::Reads | Effect::Deletes => false,
            Effect::Writes | Effect::Changes => true,
        };
        self.is_wanted() && (self.takes_writes || !is_write)
    }

    /// Whether there is to be a connection to it.
    pub fn is_wanted(&self) -> bool {
        self.usable != Usable::No
    }
}

/// For which keys a server may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usable {
    /// For none.
    No,
    /// For those in a share of hash space, and those that no other server can take: it is coming
    /// back.
    Share(Share),
    /// For all.
    Yes,
}

/// A part of hash space, in 65,536ths.
///
/// The hash is our own, so that a share cuts through every server's keys, whatever places them.
/// A larger share holds every key that a smaller one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u16);

impl Share {
    /// So many hundredths; 100 and more leave out the last 65,536th.
    pub fn percent(percent: u32) -> Self {
        Self(u16::try_from(percent.min(100) * 65_535 / 100).expect("at most 65,535"))
    }

    /// How many hundredths it is, rounded up.
    pub fn as_percent(self) -> u32 {
        (u32::from(self.0) * 100).div_ceil(65_535)
    }

    /// Whether the key is in it.
    pub fn holds(self, key: &[u8]) -> bool {
        // FNV-1a, and a multiplication so that the last byte reaches the highest bits.
        let fnv = key.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        (fnv ^ fnv >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48 < u64::from(self.0)
    }
}

/// What a request may do to its key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing. Setting the expiry of a value that is there is nothing, too.
    Reads,
    /// It stores one, whatever was there.
    Writes,
    /// It stores or removes one, depending on what was there (`add`, `cas`, `incr`, …).
    Changes,
    /// It removes it, whatever was there.
    Deletes,
}

/// How a connection to a server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// An attempt without a response for this long has failed.
    pub timeout: Duration,
    /// A connect that has not succeeded for this long has failed.
    pub connect_timeout: Duration,
    /// How many attempts may wait for their response at once.
    pub attempts_in_flight_max: usize,
}

impl RoutingTable {
    /// A pool's part.
    pub fn pool(&self, pool: PoolId) -> &PoolRoutes {
        &self.pools[usize::from(pool.0)]
    }

    /// The servers that may hold keys of a pool: its own, and its gutter's.
    pub fn servers_of(&self, pool: PoolId) -> impl Iterator<Item = ServerId> + '_ {
        let pool = self.pool(pool);
        let gutter = match pool.failover {
            Substitute::Gutter(gutter) => &self.pool(gutter).servers[..],
            Substitute::Next | Substitute::None => &[],
        };
        pool.servers.iter().chain(gutter).copied()
    }

    /// A server's part.
    pub fn server(&self, server: ServerId) -> &ServerRoute {
        &self.servers[usize::from(server.0)]
    }

    /// Where to send a request for `key`; `None` if it can go nowhere at this moment.
    ///
    /// `can_send` says whether the caller can send to a server it asks about.
    #[inline]
    pub fn plan(
        &self,
        pool: PoolId,
        key: &[u8],
        effect: Effect,
        can_send: impl Fn(ServerId) -> bool,
    ) -> Option<Planned> {
        let of_pool = self.pool(pool);
        let home = of_pool.servers[of_pool.distribution.home(key).as_usize()];
        if self.server(home).serves(key, effect) && can_send(home) {
            return Some(Planned { server: home, is_home: true });
        }
        let route = KeyRoute { table: self, pool: of_pool, key, effect, can_send: &can_send };
        let server = route
            .first_usable(&mut |server, is_usable| is_usable && route.may_divert_to(server))?;
        Some(Planned { server, is_home: server == home })
    }
}

/// Where one key may go, by a table and by what its caller can send to at this moment.
#[derive(Clone, Copy)]
pub struct KeyRoute<'a> {
    /// The table.
    pub table: &'a RoutingTable,
    /// The key's pool.
    pub pool: &'a PoolRoutes,
    /// The key.
    pub key: &'a [u8],
    /// What is to be done with it.
    pub effect: Effect,
    /// Whether the caller can send to a server.
    pub can_send: &'a dyn Fn(ServerId) -> bool,
}

impl KeyRoute<'_> {
    /// Where the key belongs. Costs a hash of the key.
    pub fn home(&self) -> ServerId {
        self.pool.servers[self.pool.distribution.home(self.key).as_usize()]
    }

    /// Whether the key may go to `server` though it is not known to be there: not if the server was
    /// its home once.
    pub fn may_divert_to(&self, server: ServerId) -> bool {
        self.pool.former.is_empty()
            || server == self.home()
            || !self.pool.former.has(self.key, server)
    }

    /// Whether the key may have had another home once.
    pub fn has_moved(&self) -> bool {
        self.pool.former.has_other(self.key, self.home())
    }

    /// Whether the request is to be sent to `server` if it is the first in order.
    pub fn is_usable(&self, server: ServerId) -> bool {
        self.table.server(server).serves(self.key, self.effect) && (self.can_send)(server)
    }

    /// Whether it could be sent to `server`, which may only have got a share of its keys back.
    pub fn is_possible(&self, server: ServerId) -> bool {
        self.table.server(server).could_serve(self.effect) && (self.can_send)(server)
    }

    /// The first server that is usable, or, if none is, possible, and that `accepts`, which is told
    /// so and sees every server in order.
    pub fn first_usable(
        &self,
        accepts: &mut dyn FnMut(ServerId, bool) -> bool,
    ) -> Option<ServerId> {
        let usable = self.first(&mut |server| accepts(server, self.is_usable(server)));
        usable.or_else(|| self.first(&mut |server| accepts(server, self.is_possible(server))))
    }

    /// The first server that `accepts`, in the order in which the key's failover tries them.
    pub fn first(&self, accepts: &mut dyn FnMut(ServerId) -> bool) -> Option<ServerId> {
        let pool = self.pool;
        match pool.failover {
            Substitute::Next => pool.pick(self.key, accepts),
            Substitute::None => Some(self.home()).filter(|home| accepts(*home)),
            Substitute::Gutter(gutter) => {
                let home = Some(self.home()).filter(|home| accepts(*home));
                home.or_else(|| self.table.pool(gutter).pick(self.key, accepts))
            }
        }
    }
}

impl fmt::Debug for KeyRoute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.escape_ascii();
        write!(f, "KeyRoute({key}, {:?})", self.effect)
    }
}

impl PoolRoutes {
    /// Servers to which keys have come home that had their home there before, and elsewhere since:
    /// what they hold of those may be old. Found by trying keys, so one key in many thousands may be
    /// overlooked.
    pub fn regained(&self) -> BTreeSet<ServerId> {
        let Some((last, earlier)) = self.former.layouts.split_last() else {
            return BTreeSet::new();
        };
        let ways = iter::once(&*self.distribution);
        let ways: Vec<_> =
            ways.chain(self.former.layouts.iter().map(|it| &*it.distribution)).collect();
        // Where other parts of keys are hashed, some keys have any two texts hashed in turn.
        let tried = |number: u32, way: &Distribution| {
            let first = ways.iter().position(|it| it.hashes_same_part(way));
            let first = first.expect("it is one of them");
            (number as usize + first * REGAINED_TRIES as usize).to_string()
        };
        let regained = |number: u32| {
            let home_in = |it: &Layout| it.home(tried(number, &it.distribution).as_bytes());
            let key = tried(number, &self.distribution);
            let home = self.servers[self.distribution.home(key.as_bytes()).as_usize()];
            let is_regained = home_in(last) != home && earlier.iter().any(|it| home_in(it) == home);
            is_regained.then_some(home)
        };
        (0..REGAINED_TRIES).filter_map(regained).collect()
    }

    fn pick(&self, key: &[u8], accepts: &mut dyn FnMut(ServerId) -> bool) -> Option<ServerId> {
        let member = self.distribution.pick(key, |it| accepts(self.servers[it.as_usize()]))?;
        Some(self.servers[member.as_usize()])
    }
}

/// How many keys are tried.
const REGAINED_TRIES: u32 = 10_000;

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The server.
    pub server: ServerId,
    /// It is the key's home.
    pub is_home: bool,
}

#[cfg(test)]
mod tests;
