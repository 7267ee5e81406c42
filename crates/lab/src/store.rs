//! The items of one server: what memcached's commands mean, without their words.
//!
//! It decides what is stored, found, replaced, expired and evicted, and numbers every change
//! with a CAS token in the order that memcached 1.6.18 does. It never reads a clock (see
//! [`Store::advance_to`]) and knows nothing of requests as text ([`crate::answer`]).
//!
//! # Memory
//! Keys, values and [`ITEM_OVERHEAD`] bytes for each item stay within a budget. `quick_cache`
//! (Clock-PRO, weighed by bytes, one map without locks) says which item goes. `lru` counts items,
//! not bytes, and `moka` brings threads and a clock of its own.
//!
//! # Hard cases
//! - **Expiry.** An item is gone in the second its moment is reached. It is dropped when it is
//!   next asked for, or evicted.
//! - **Delayed flush.** Takes effect on the first look at or after its moment, and takes what was
//!   stored before. memcached lets the last second of the delay swallow new items too.
//! - **`decr` that loses a digit** is padded with spaces in place, as memcached documents.
//! - **A value too large** drops the item it was meant to replace: readers must not go on seeing
//!   it.

use std::hash::RandomState;

use quick_cache::unsync::{Cache, RefMut};
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};

pub mod clock;

pub mod counters;

pub mod item;

pub mod write;

use clock::UnixTime;
use counters::Counters;
use item::{Freshness, Item, Recache};

/// The items of one server.
#[derive(Debug)]
pub struct Store {
    items: Items,
    limits: StoreLimits,
    now: UnixTime,
    /// The start of time: what happened before never did.
    oldest: UnixTime,
    /// When everything stored before is to be dropped.
    flush_at: Option<UnixTime>,
    /// The CAS token given out last.
    cas_last: u64,
    counters: Counters,
}

/// Bounds of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreLimits {
    /// The most bytes that keys, values and bookkeeping may take.
    pub memory_max: usize,
    /// The largest item, reckoned as [`item::item_size`] does; at most `memory_max`.
    pub item_size_max: usize,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self { memory_max: 64 * 1024 * 1024, item_size_max: 1024 * 1024 }
    }
}

/// What a look at an item leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The item counts as fetched, and as worth keeping.
    Fetch,
    /// Nothing.
    Peek,
}

/// An item that may be changed in place.
pub type ItemMut<'a> = RefMut<'a, Box<[u8]>, Item, ByBytes, RandomState, CountEvictions>;

type Items = Cache<Box<[u8]>, Item, ByBytes, RandomState, CountEvictions>;

/// Bytes an item costs beside its key and value: its own size, its place in the index, and what
/// the allocator adds to two allocations.
pub const ITEM_OVERHEAD: usize = size_of::<Item>() + size_of::<Box<[u8]>>() + 72;

/// A guess at how large items are on average. Only sizes the memory of what was evicted.
const ITEM_SIZE_EXPECTED: usize = 512;

/// How long before its start memcached takes its start to be.
const SECONDS_BEFORE_START: u64 = 62;

impl Store {
    /// An empty store at time `now`.
    pub fn new(limits: StoreLimits, now: UnixTime) -> Self {
        let options = OptionsBuilder::new()
            .estimated_items_capacity(limits.memory_max / ITEM_SIZE_EXPECTED)
            .weight_capacity(limits.memory_max as u64)
            .build()
            .expect("both mandatory options are given");
        let items = Cache::with_options(options, ByBytes, RandomState::new(), CountEvictions);
        let counters = Counters::default();
        let oldest = UnixTime::from_seconds(now.as_seconds().saturating_sub(SECONDS_BEFORE_START));
        Self { items, limits, now, oldest, flush_at: None, cas_last: 0, counters }
    }

    /// Tells the store what time it is. An earlier time than before is ignored.
    pub fn advance_to(&mut self, now: UnixTime) {
        self.now = self.now.max(now);
        if self.flush_at.is_some_and(|flush_at| flush_at <= self.now) {
            self.drop_all();
        }
    }

    /// What time it is.
    pub fn now(&self) -> UnixTime {
        self.now
    }

    /// The item of `key`, if it has one, for `get` and the like.
    pub fn retrieve(&mut self, key: &[u8]) -> Option<ItemMut<'_>> {
        self.counters.get_cmds += 1;
        if self.drop_if_expired(key) {
            self.counters.get_expired += 1;
        }
        let now = self.now;
        let Some(mut item) = self.items.get_mut(key) else {
            self.counters.get_misses += 1;
            return None;
        };
        self.counters.get_hits += 1;
        item.note_fetch(now);
        Some(item)
    }

    /// The item of `key`, if it has one, with its expiry changed: for `touch` and `gat`.
    pub fn touch(&mut self, key: &[u8], exptime: i64) -> Option<ItemMut<'_>> {
        self.counters.touch_cmds += 1;
        self.drop_if_expired(key);
        let now = self.now;
        let Some(mut item) = self.items.get_mut(key) else {
            self.counters.touch_misses += 1;
            return None;
        };
        self.counters.touch_hits += 1;
        item.note_fetch(now);
        item.expires_at = now.expiry(exptime);
        Some(item)
    }

    /// The item of `key`, if it has one, without counting anything.
    pub fn item_mut(&mut self, key: &[u8], look: Look) -> Option<ItemMut<'_>> {
        self.drop_if_expired(key);
        match look {
            Look::Fetch => self.items.get_mut(key),
            Look::Peek => self.items.peek_mut(key),
        }
    }

    /// Removes the item of `key` if its CAS token is `cas`, or whatever it is for `None`.
    pub fn delete(&mut self, key: &[u8], cas: Option<u64>) -> Deleted {
        match self.condition(key, cas) {
            Deleted::Done => {
                self.items.remove(key);
                self.counters.delete_hits += 1;
                Deleted::Done
            }
            failure => failure,
        }
    }

    /// Removes the item of `key` without counting a delete.
    pub fn forget(&mut self, key: &[u8]) {
        self.items.remove(key);
    }

    /// Marks the item of `key` out of date instead of removing it: it gets a new CAS token, and
    /// `exptime` if one is given.
    pub fn mark_stale(&mut self, key: &[u8], cas: Option<u64>, exptime: Option<i64>) -> Deleted {
        let condition = self.condition(key, cas);
        if condition == Deleted::Done {
            let (now, cas) = (self.now, self.next_cas());
            if let Some(mut item) = self.items.peek_mut(key) {
                item.freshness = Freshness::Stale;
                item.recache = Recache::Free;
                item.cas = cas;
                if let Some(exptime) = exptime {
                    item.expires_at = now.expiry(exptime);
                }
            }
        }
        condition
    }

    /// Drops every item: at once if `delay` is not positive, else then. `delay` is read as an
    /// expiry is. A later flush replaces one that has not happened yet; one for a time before
    /// the store was made does nothing else.
    pub fn flush(&mut self, delay: i64) {
        self.counters.flush_cmds += 1;
        let now = self.now;
        match now.expiry(delay) {
            Some(flush_at) if flush_at > now => self.flush_at = Some(flush_at),
            Some(flush_at) if delay > 0 && flush_at <= self.oldest => {
                self.flush_at = None;
                self.next_cas();
            }
            Some(_) | None => {
                self.drop_all();
                // memcached spends a token on remembering what was stored before.
                self.next_cas();
            }
        }
    }

    /// How many items there are, expired ones that nobody has asked for among them.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Bytes that keys, values and bookkeeping take.
    pub fn memory_used(&self) -> u64 {
        self.items.weight()
    }

    /// The bounds the store was made with.
    pub fn limits(&self) -> &StoreLimits {
        &self.limits
    }

    /// What has been done so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn counters_mut(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// Starts counting anew.
    pub fn reset_counters(&mut self) {
        self.counters = Counters::default();
    }

    fn condition(&mut self, key: &[u8], cas: Option<u64>) -> Deleted {
        self.drop_if_expired(key);
        let outcome = match self.items.peek(key) {
            None => Deleted::NotFound,
            Some(item) if cas.is_some_and(|cas| cas != item.cas) => Deleted::Exists,
            Some(_) => return Deleted::Done,
        };
        self.counters.delete_misses += 1;
        outcome
    }

    fn drop_if_expired(&mut self, key: &[u8]) -> bool {
        let now = self.now;
        self.items.remove_if(key, |item| item.is_expired(now)).is_some()
    }

    fn drop_all(&mut self) {
        self.flush_at = None;
        self.items.clear();
    }

    fn next_cas(&mut self) -> u64 {
        self.cas_last += 1;
        self.cas_last
    }
}

/// What became of a delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// The item is gone, or marked.
    Done,
    /// There was none.
    NotFound,
    /// It has another CAS token.
    Exists,
}

/// Weighs an item by the memory it takes.
#[derive(Clone, Copy, Debug)]
pub struct ByBytes;

impl Weighter<Box<[u8]>, Item> for ByBytes {
    fn weight(&self, key: &Box<[u8]>, item: &Item) -> u64 {
        (key.len() + item.value.len() + ITEM_OVERHEAD) as u64
    }
}

/// Counts the items that one insertion pushes out.
#[derive(Clone, Copy, Debug)]
pub struct CountEvictions;

impl Lifecycle<Box<[u8]>, Item> for CountEvictions {
    type RequestState = u64;

    fn on_evict(&self, evictions: &mut u64, _key: Box<[u8]>, _item: Item) {
        *evictions += 1;
    }
}

#[cfg(test)]
mod tests;
