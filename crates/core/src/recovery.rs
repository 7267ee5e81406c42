//! The map of misplaced keys: what makes failover safe from stale reads (P4).
//!
//! # Intuition
//! While a server is away its keys' writes go elsewhere, and when it is back it holds old values.
//! Two facts drive everything here: *deleting is always safe; replaying a set is not*; and *a
//! write whose answer never came may still be applied later*. So we remember each key whose last
//! write is not, or may not be, at home, send its requests where that write is, and delete what is
//! old before anybody can read it. One [`Recovery`] serves one pool and is shared by all workers.
//!
//! > **Invariant.** *No entry: among the writes of this process, only the key's home may hold a
//! > value. An entry: the servers in `stale` may hold an old value, and only `holder` has the last
//! > acknowledged one.*
//!
//! With no failures there are no entries and the check is one load of a flag
//! ([`SharedRecovery::is_clear`]).
//!
//! # The rules
//! 1. **Route** when a request has been received: every write acknowledged before is then seen.
//!    Without an entry, to the first usable server of the key's order. With one, reads go to the
//!    holder or are misses; writes and deletes go home if home is usable and not stale, else to the
//!    holder, else to the first usable server that is not stale. What depends on the value that is
//!    there (`add`, `cas`, `incr`) tries the holder before home.
//! 2. **Mark before sending.** A write that goes anywhere but home, or that finds an entry, first
//!    updates it: a new generation, the target is the holder, home and the former holder are stale,
//!    one more write is in flight.
//! 3. **Unknown fate.** Where a write ended without an answer its server is stale, and is no
//!    holder.
//! 4. **Clean** ([`Recovery::poll_cleaning`]): with no write in flight, and when every write that
//!    went home before there was an entry has ended, delete the key at each
//!    stale server; when none is left, at a holder that is not home, and drop the entry. Each step
//!    counts only if the generation is still the one it began with.
//! 5. **Late writes.** No cleaning at a server that may still apply a write we gave up: it waits
//!    until each has been answered, or its connection is lost, a canary sent after that was good,
//!    and `late_write_grace` has passed.
//! 6. **Restarted empty** ([`Recovery::handle_emptied`]): what was stale there before is not.
//! 7. **Time-to-live.** Values stored away from home live at most `failover_ttl`; the worker sees
//!    to it.
//! 8. **Overflow.** Past `misplaced_bytes_max` entries that wait for servers out of use are
//!    replaced by "flush before use"; until `failover_ttl` has passed nothing is read from their
//!    holders without an entry.
//! 9. **Membership** ([`Recovery::begin_handover`]): a server that joins is flushed before use, one
//!    that leaves is forgotten, and all workers change over in one step. **`flush_all`** of a server
//!    that cannot be reached is remembered: it is flushed before use ([`Recovery::require_flush`]).
//!
//! Nothing waits for anybody. Workers whose tables lag are harmless: the map says where a
//! misplaced key is, not the table.
//!
//! # Timers
//! None of its own. The control plane polls for cleaning and is told what may be sent now.
//!
//! # Hard cases
//! - *Two workers write one key while its server is ejected.* Route and mark are one step under
//!   one lock; whoever comes second finds the first one's entry and goes to the same holder.
//! - *A write home is in flight, unmarked, when another is diverted.* The two overlap, so either
//!   may be the last; but one session's are in order. If the first then fails, home is stale again
//!   by rule 3, with a new generation, and a cleaning that had begun does not count. Cleaning does
//!   not begin before it has ended.
//! - *A write that was given up is tried again elsewhere, behind a later one of its session that
//!   its server answers after all.* An answer from a stale server takes the holder away: the key
//!   is a miss until it is cleaned.
//! - *A write acknowledged by B in the instant before B fails.* B is its holder and cannot be
//!   used: reads are misses. The next write goes to a third server, and B is stale.
//! - *Home and substitute fail in turn.* Each failure adds to `stale`; nobody reads from there
//!   until it has been cleaned.
//! - *`cas`.* A token belongs to the server that gave it. Tokens from any server but home are
//!   disguised by the worker ([`crate::protocol::divert`]), so that a token never fits another server's
//!   item by accident. A memcached that restarts counts from the start again; that an old token
//!   then fits is its own way, with or without us.
//! - *`add` as a lock.* It goes where the last write went, so that two callers meet at one server.
//!   When the key goes home the lock is gone, as if it had been evicted.
//! - *`touch` and `gat`* change no value. They go where reads go and leave no entry; away from home
//!   their expiry is cut to `failover_ttl`.
//! - *Quiet and `noreply` writes* are answered to us by the server, so they are marked and settled
//!   like any other. Their caller learns nothing, and is promised only what it could have known:
//!   that the next request of its session sees them or a miss.
//! - *A delete that no server can take* is remembered and acknowledged: an entry without holder.
//!   It reaches home before home serves the key again.
//! - *A session that is gone* had writes in flight. They are settled by their attempts, not by
//!   their exchanges, so nothing is forgotten.
//! - *A get of several keys* is routed key by key.
//!
//! # Rejected alternatives
//! - Phases with a barrier over all workers between them: correct only with every barrier, and
//!   every barrier is a way to hang.
//! - Flushing a server that returns: safe, and it throws away all that is still good. It is the
//!   fallback for overflow, and `rejoin = "flush"`.
//! - Replaying diverted writes to the server that returned: a set may have been overtaken.
//! - Checking a response against the map when it arrives, instead of at routing: a value read
//!   before a write was acknowledged elsewhere is then taken for the newer one.
//!
//! # Source
//! Our own; DESIGN's section on failover. Deleting before reuse is what mcrouter's delete log
//! aims at (Nishtala et al. 2013), without its window between return and replay.

mod cleaning;
mod entry;
mod membership;
mod overflow;
mod server_marks;
mod shared;
mod stale_lens;
mod tally;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use self::cleaning::{Cleaning, Step, Taken};
pub use self::entry::Generation;
pub use self::shared::{Ended, Fate, LateEnd, Routed, SharedRecovery};
pub use self::tally::RecoveryTally;

use foldhash::fast::FixedState;
use indexmap::IndexMap;

use self::entry::Entry;
use self::membership::Handover;
use self::server_marks::ServerMarks;
use self::stale_lens::StaleLens;
use crate::Instant;
use crate::config::Rejoin;
use crate::event::{Event, Happening};
use crate::failure::Failure;
use crate::routing::{Effect, KeyRoute, ServerId};

/// One pool's misplaced keys. See the module's documentation.
#[derive(Clone, Debug)]
pub struct Recovery {
    settings: RecoverySettings,
    entries: IndexMap<Box<[u8]>, Entry, FixedState>,
    /// What the entries take in memory.
    bytes: usize,
    last_generation: Generation,
    /// In how many entries each server is stale.
    stale_lens: StaleLens,
    /// Servers about which there is something to remember.
    servers: BTreeMap<ServerId, ServerMarks>,
    /// Servers that are no longer in any pool.
    left: BTreeSet<ServerId>,
    handover: Handover,
    /// Until when writes may be in flight that were routed before the last handover.
    settled_at: Instant,
    /// Where the next look for something to clean begins.
    cursor: usize,
    tally: RecoveryTally,
    events: Vec<Event>,
}

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoverySettings {
    /// What a server that returns may serve.
    pub rejoin: Rejoin,
    /// How long a request is in flight at most: cleaning waits for those that were when the key was
    /// found to be misplaced.
    pub settle_interval: Duration,
    /// See rule 5.
    pub late_write_grace: Duration,
    /// See rules 7 and 8.
    pub failover_ttl: Duration,
    /// See rule 8.
    pub misplaced_bytes_max: usize,
}

impl Recovery {
    /// A pool none of whose keys is misplaced. `seed` decides how keys are hashed.
    pub fn new(settings: RecoverySettings, seed: u64) -> Self {
        Self {
            settings,
            entries: IndexMap::with_hasher(FixedState::with_seed(seed)),
            bytes: 0,
            last_generation: Generation::default(),
            stale_lens: StaleLens::default(),
            servers: BTreeMap::new(),
            left: BTreeSet::new(),
            handover: Handover::None,
            settled_at: Instant::ZERO,
            cursor: 0,
            tally: RecoveryTally::default(),
            events: Vec::new(),
        }
    }

    /// Whether no key is misplaced and no server is to be passed over: the table alone then says
    /// where reads and writes home go. What it sends elsewhere must still be asked for here.
    pub fn is_clear(&self) -> bool {
        self.entries.is_empty()
            && self.servers.values().all(ServerMarks::is_plain)
            && self.handover.is_none()
    }

    /// How many keys are misplaced.
    pub fn entries_len(&self) -> usize {
        self.entries.len()
    }

    /// What the entries take in memory, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many misplaced keys there are of which the server may hold an old value.
    pub fn stale_len(&self, server: ServerId) -> usize {
        self.stale_lens.of(server)
    }

    /// A misplaced key: the only server that has its last write, and those that may hold an old
    /// value. `None` if it is not misplaced.
    pub fn misplaced(&self, key: &[u8]) -> Option<(Option<ServerId>, Vec<ServerId>)> {
        let entry = self.entries.get(key)?;
        Some((entry.holder, entry.stale.to_vec()))
    }

    /// How much there has been.
    pub fn tally(&self) -> RecoveryTally {
        self.tally
    }

    /// What has happened since the last call, oldest first.
    pub fn drain_events(&mut self) -> impl Iterator<Item = Event> + '_ {
        self.events.drain(..)
    }

    // Routing: rules 1 and 2.

    /// Where a request goes, marked if it must be. Whatever is sent must be settled.
    pub fn route(&mut self, now: Instant, route: &KeyRoute<'_>) -> Routed {
        if let Some((table, pool)) = self.handover.table() {
            let pool = table.pool(pool);
            return self.route_by(now, &KeyRoute { table: &table, pool, ..*route });
        }
        self.route_by(now, route)
    }

    fn route_by(&mut self, now: Instant, route: &KeyRoute<'_>) -> Routed {
        let home = route.home();
        let entry = self.entries.get(route.key);
        let (target, has_entry) = (self.target(now, route, home, entry), entry.is_some());
        let is_trusted = self.settings.rejoin == Rejoin::Trust;
        let is_marked =
            route.effect != Effect::Reads && !is_trusted && (has_entry || target != Some(home));
        match (target, route.effect) {
            (Some(server), _) => {
                let mark = is_marked.then(|| self.mark(now, route, home, server));
                Routed::To { server, is_home: server == home, mark }
            }
            (None, Effect::Deletes) if !is_trusted => {
                self.remember(now, route, home);
                Routed::Remembered
            }
            (None, _) if has_entry => Routed::Nowhere(Failure::Misplaced),
            (None, _) => Routed::Nowhere(Failure::NoServer),
        }
    }

    /// Where [`Recovery::route`] would send a request; nothing is marked.
    pub fn target_of(&self, now: Instant, route: &KeyRoute<'_>) -> Option<ServerId> {
        self.target(now, route, route.home(), self.entries.get(route.key))
    }

    fn target(
        &self,
        now: Instant,
        route: &KeyRoute<'_>,
        home: ServerId,
        entry: Option<&Entry>,
    ) -> Option<ServerId> {
        let is_flushed = |server| !self.is_unflushed(server);
        let is_possible = |server| route.is_possible(server) && is_flushed(server);
        // A server whose entries were given up may hold an old value of any key that was not always
        // its own. Nobody may look at it, and a write may not make it a holder: until it is carried
        // out there, or if it is refused, reads would find what was there before.
        let may_begin = |server| {
            if self.is_diverting_closed(now, server) {
                server == home && !route.has_moved()
            } else {
                route.may_divert_to(server)
            }
        };
        match (route.effect, entry) {
            // The holder alone has the value: a share of its keys is no reason not to read it.
            (Effect::Reads, Some(entry)) => entry.holder.filter(|holder| is_possible(*holder)),
            // Its own server has given up values of it: no new entries, or they would be given up in
            // turn for as long as there is traffic.
            (Effect::Writes | Effect::Changes, None) if !may_begin(home) => None,
            (Effect::Deletes, None) if !may_begin(home) => {
                Some(home).filter(|home| route.is_usable(*home) && is_flushed(*home))
            }
            (_, None) => route.first_usable(&mut |server, is_usable| {
                is_usable && is_flushed(server) && may_begin(server)
            }),
            (effect, Some(entry)) => {
                let home = Some(home).filter(|home| {
                    route.is_usable(*home)
                        && is_flushed(*home)
                        && !entry.is_stale(*home)
                        && may_begin(*home)
                });
                let holder = entry.holder.filter(|holder| is_possible(*holder));
                let known =
                    if effect == Effect::Changes { holder.or(home) } else { home.or(holder) };
                known.or_else(|| {
                    route.first_usable(&mut |server, is_usable| {
                        is_usable
                            && is_flushed(server)
                            && !entry.is_stale(server)
                            && may_begin(server)
                    })
                })
            }
        }
    }

    fn mark(
        &mut self,
        now: Instant,
        route: &KeyRoute<'_>,
        home: ServerId,
        target: ServerId,
    ) -> Generation {
        self.tally.marked += 1;
        self.make_room(now, route);
        self.touch(now, route.key, |entry| {
            let former = entry.holder.replace(target);
            entry.add_stale(former.into_iter().chain([home]).filter(|it| *it != target));
            entry.in_flight += 1;
        })
    }

    /// A delete that could be sent nowhere: whatever holds the key is stale.
    fn remember(&mut self, now: Instant, route: &KeyRoute<'_>, home: ServerId) {
        self.tally.remembered += 1;
        self.make_room(now, route);
        self.touch(now, route.key, |entry| {
            let former = entry.holder.take();
            entry.add_stale(former.into_iter().chain([home]));
        });
    }

    /// Changes the entry of `key`, which is made if there is none, and gives it a new generation.
    fn touch(&mut self, now: Instant, key: &[u8], change: impl FnOnce(&mut Entry)) -> Generation {
        let generation = self.last_generation.next();
        self.last_generation = generation;
        if !self.entries.contains_key(key) {
            self.bytes += Entry::bytes(key);
            let entry = Entry::new(generation, now + self.settings.settle_interval);
            self.entries.insert(key.into(), entry);
        }
        let entry = &mut self.entries[key];
        entry.generation = generation;
        entry.changed_at = now;
        entry.cleaning_deadline = Instant::ZERO;
        self.stale_lens.forget(&entry.stale);
        change(entry);
        self.stale_lens.count(&entry.stale);
        generation
    }

    // Outcomes: rules 3 and 5.

    /// A write or delete that [`Recovery::route`] sent, or one sent home without asking, has
    /// ended. Ask only if it was marked or its fate is not known.
    ///
    /// Returns whether its key is kept from that server from now on, so that the request may be
    /// tried again elsewhere.
    pub fn settle(&mut self, now: Instant, ended: &Ended<'_>) -> bool {
        if self.settings.rejoin == Rejoin::Trust {
            return false;
        }
        let Ended { key, server, mark, fate } = *ended;
        let is_counted = self.uncount(key, mark);
        if self.left.contains(&server) {
            return self.settle_at_left(now, ended);
        }
        match fate {
            Fate::Unsent => return false,
            Fate::Known if self.entries.get(key).is_some_and(|entry| entry.is_stale(server)) => {
                // An earlier write of this caller may have been given up there, and tried again
                // elsewhere, behind this one. Which is the last cannot be told any more.
                self.touch(now, key, |entry| {
                    let former = entry.holder.take();
                    entry.add_stale(former);
                });
                return false;
            }
            Fate::Known if mark.is_none() || is_counted => return false,
            // The entry was given up while the write was on its way: that it is there, or not, is
            // written down nowhere.
            Fate::Known | Fate::Refused => {}
            Fate::Late => self.servers.entry(server).or_default().late += 1,
            Fate::Lost => self.servers.entry(server).or_default().lose(now),
        }
        self.tally.unknown += 1;
        self.touch(now, key, |entry| {
            entry.holder.take_if(|holder| *holder == server);
            entry.add_stale([server]);
        });
        true
    }

    /// The same, at a server that nobody reads from any more: whatever became of the write is of no
    /// account.
    fn settle_at_left(&mut self, now: Instant, ended: &Ended<'_>) -> bool {
        match ended.fate {
            Fate::Known | Fate::Unsent | Fate::Refused => {}
            Fate::Late => self.servers.entry(ended.server).or_default().late += 1,
            Fate::Lost => self.servers.entry(ended.server).or_default().lose(now),
        }
        false
    }

    /// A marked write is in flight no more. False if its entry was given up since.
    fn uncount(&mut self, key: &[u8], mark: Option<Generation>) -> bool {
        match (self.entries.get_mut(key), mark) {
            (Some(entry), Some(mark)) if entry.made_at <= mark => {
                entry.in_flight -= 1;
                true
            }
            _ => false,
        }
    }

    /// A write whose fate was [`Fate::Late`] has ended after all.
    pub fn handle_late_end(&mut self, now: Instant, server: ServerId, end: LateEnd) {
        let Some(marks) = self.servers.get_mut(&server) else { return };
        marks.late = marks.late.saturating_sub(1);
        match end {
            LateEnd::Answered => {}
            LateEnd::Lost => marks.lose(now),
        }
    }

    /// A canary that was sent at `sent_at` was good.
    pub fn handle_good_canary(&mut self, now: Instant, server: ServerId, sent_at: Instant) {
        if let Some(marks) = self.servers.get_mut(&server) {
            marks.handle_good_canary(now, sent_at);
        }
    }

    // Whole servers: rules 6, 8 and 9.

    /// Nothing that the server held before `before` is there any more, nor on its way there.
    pub fn handle_emptied(&mut self, server: ServerId, before: Instant) {
        let marks = self.servers.entry(server).or_default();
        marks.emptied_at = marks.emptied_at.max(before);
        if marks.flush_required_at < before {
            marks.flush = None;
        }
    }

    /// The server has been taken out of use.
    pub fn handle_ejected(&mut self, now: Instant, server: ServerId) {
        if self.settings.rejoin == Rejoin::Flush {
            self.require_flush(now, server);
        }
    }

    /// The server must be flushed before it is used again. Until then it is passed over.
    pub fn require_flush(&mut self, now: Instant, server: ServerId) {
        self.last_generation = self.last_generation.next();
        let settled_at = now + self.settings.settle_interval;
        let marks = self.servers.entry(server).or_default();
        marks.flush_deadline = marks.flush_deadline.max(settled_at);
        marks.flush_required_at = now;
        marks.is_flush_refused = false;
        if marks.flush.replace(self.last_generation).is_none() {
            self.note(now, server, Happening::FlushRequired);
        }
    }

    fn note(&mut self, at: Instant, server: ServerId, what: Happening) {
        self.events.push(Event { at, server, what });
    }

    /// Whether the server must be flushed before it is used.
    pub fn is_unflushed(&self, server: ServerId) -> bool {
        self.servers.get(&server).is_some_and(|marks| marks.flush.is_some())
    }

    /// Whether entries were given up whose keys the server held, and may still hold.
    fn is_diverting_closed(&self, now: Instant, server: ServerId) -> bool {
        let marks = self.servers.get(&server);
        marks.and_then(|it| it.closed_until).is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests;
