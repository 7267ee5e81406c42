//! What a store has done so far, as `stats` reports it.

/// Totals since the store was made or its statistics were reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Keys asked for by retrievals.
    pub get_cmds: u64,
    /// Of those, the ones found.
    pub get_hits: u64,
    /// Of those, the ones not found.
    pub get_misses: u64,
    /// Items met after their expiry.
    pub get_expired: u64,
    /// Values offered to be stored.
    pub set_cmds: u64,
    /// Times the whole store was flushed.
    pub flush_cmds: u64,
    /// Expiries that were asked to be changed.
    pub touch_cmds: u64,
    /// Of those, the ones changed.
    pub touch_hits: u64,
    /// Of those, the ones not found.
    pub touch_misses: u64,
    /// Deletes that found their item.
    pub delete_hits: u64,
    /// Deletes that did not.
    pub delete_misses: u64,
    /// Increments that found their item.
    pub incr_hits: u64,
    /// Increments that did not.
    pub incr_misses: u64,
    /// Decrements that found their item.
    pub decr_hits: u64,
    /// Decrements that did not.
    pub decr_misses: u64,
    /// Compare-and-swaps that stored.
    pub cas_hits: u64,
    /// Compare-and-swaps that found no item.
    pub cas_misses: u64,
    /// Compare-and-swaps that found another value.
    pub cas_badval: u64,
    /// Items stored.
    pub total_items: u64,
    /// Values refused for their size.
    pub too_large: u64,
    /// Live items dropped to make room.
    pub evictions: u64,
}
