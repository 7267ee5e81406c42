//! One misplaced key.

use std::num::NonZeroU64;

use smallvec::SmallVec;

use crate::Instant;
use crate::routing::ServerId;

/// Counts the changes of all entries of a pool: no two changes have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(NonZeroU64);

impl Generation {
    pub(super) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl Default for Generation {
    /// Before the first change.
    fn default() -> Self {
        Self(NonZeroU64::MIN)
    }
}

/// One misplaced key. See the invariant of [`super`].
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Servers that may hold an old value. Invariant: the holder is not among them.
    pub(super) stale: SmallVec<[ServerId; 4]>,
    /// The only server that has the last acknowledged write.
    pub(super) holder: Option<ServerId>,
    /// Of the last change.
    pub(super) generation: Generation,
    /// Of the first. Tells this entry from an earlier one of the same key.
    pub(super) made_at: Generation,
    /// Writes and deletes that are marked and not settled.
    pub(super) in_flight: u32,
    /// When it was last changed.
    pub(super) changed_at: Instant,
    /// When every write that went home before there was an entry has ended.
    pub(super) settled_at: Instant,
    /// Until when a cleaning that has been sent is waited for.
    pub(super) cleaning_deadline: Instant,
}

impl Entry {
    pub(super) fn new(generation: Generation, settled_at: Instant) -> Self {
        Self {
            stale: SmallVec::new(),
            holder: None,
            generation,
            made_at: generation,
            in_flight: 0,
            changed_at: Instant::ZERO,
            settled_at,
            cleaning_deadline: Instant::ZERO,
        }
    }

    /// What an entry of this key takes in memory: itself, its key, and its share of the map.
    pub(super) fn bytes(key: &[u8]) -> usize {
        size_of::<Self>() + key.len() + OVERHEAD_BYTES
    }

    pub(super) fn is_stale(&self, server: ServerId) -> bool {
        self.stale.contains(&server)
    }

    pub(super) fn add_stale(&mut self, servers: impl IntoIterator<Item = ServerId>) {
        for server in servers {
            if !self.is_stale(server) {
                self.stale.push(server);
            }
        }
    }
}

/// The key's box, its hash, its place in the index, and what the allocator adds.
const OVERHEAD_BYTES: usize = 56;
