//! A table of slots: a key's hash modulo the table's length is its slot.
//!
//! It decides which member has which slot, and who stands in for a member that cannot be used.
//!
//! | scheme | slots |
//! |---|---|
//! | `modula` | one a member, in the order listed; weights are ignored |
//! | `twemproxy_modula` | `weight` a member in a row, members sorted by name: shorter first, then by bytes |
//!
//! # Failover order
//! The table never changes, so that no other key moves. The other slots are ranked for each hash
//! by a score of hash and slot together, the highest first, and members follow in the order of
//! their best slots. So the keys of a failed member spread over all others, by weight.
//!
//! # Rejected alternatives
//! - A shorter table, as twemproxy has it after ejecting: nearly all keys move.
//! - The next slot: one member would get all the keys of the failed one, and then fail too.
//! - No failover, as libmemcached has it here: that is `failover = "none"`, and not the
//!   distribution's to decide.
//!
//! # Source
//! The home: `nc_modula.c` and `nc_server.c` of twemproxy 0.5.0; `hash.cc` of libmemcached 1.1.4.
//! The failover order is ours.

use super::member::Member;
use super::{BuildError, MemberIdx};

/// Slots and their members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Modula {
    /// Invariant: holds every member, and at most [`SLOTS_MAX`] slots.
    slots: Box<[MemberIdx]>,
}

impl Modula {
    /// libmemcached's table.
    pub(super) fn in_list_order(members: &[Member]) -> Self {
        Self { slots: MemberIdx::first(members.len()).collect() }
    }

    /// twemproxy's table.
    pub(super) fn sorted_by_name(members: &[Member]) -> Result<Self, BuildError> {
        let total_weight: u32 = members.iter().map(|member| member.weight.as_u32()).sum();
        if total_weight > SLOTS_MAX {
            return Err(BuildError::TotalWeightTooLarge { total_weight });
        }
        let mut sorted: Vec<_> = members.iter().zip(MemberIdx::first(members.len())).collect();
        sorted.sort_by_cached_key(|(member, _)| {
            let text = member.ring_text();
            (text.len(), text)
        });
        let slots = sorted
            .into_iter()
            .flat_map(|(member, idx)| std::iter::repeat_n(idx, member.weight.as_u32() as usize));
        Ok(Self { slots: slots.collect() })
    }

    /// The first usable member in the order of `hash`. Linear in the slots if that is not home.
    #[inline]
    pub(super) fn pick(
        &self,
        hash: u32,
        mut usable: impl FnMut(MemberIdx) -> bool,
    ) -> Option<MemberIdx> {
        let home = self.slots[self.slot(hash)];
        if usable(home) {
            return Some(home);
        }
        self.pick_substitute(hash, home, usable)
    }

    /// The slot that `hash` belongs to.
    pub(super) fn slot(&self, hash: u32) -> usize {
        hash as usize % self.slots.len()
    }

    /// How many slots there are.
    pub(super) fn slots_len(&self) -> usize {
        self.slots.len()
    }

    fn pick_substitute(
        &self,
        hash: u32,
        home: MemberIdx,
        mut usable: impl FnMut(MemberIdx) -> bool,
    ) -> Option<MemberIdx> {
        let mut best: Option<(u64, MemberIdx)> = None;
        for (slot, &member) in (0_u32..).zip(&self.slots) {
            let score = score(hash, slot);
            let is_better = best.is_none_or(|(best_score, _)| score > best_score);
            if member != home && is_better && usable(member) {
                best = Some((score, member));
            }
        }
        best.map(|(_, member)| member)
    }
}

/// The rank of a slot for a hash. No two slots have one score: each step can be undone.
fn score(hash: u32, slot: u32) -> u64 {
    let mut mixed = (u64::from(hash) << 32) | u64::from(slot);
    mixed = mixed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The longest table: what a walk over all slots can cost, in one request, is bounded by it.
pub(super) const SLOTS_MAX: u32 = 65_536;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::Weight;

    fn weighted(host: &str, weight: u32) -> Member {
        Member::new(host, 1).with_weight(Weight::try_from(weight).unwrap())
    }

    #[test]
    fn list_order_ignores_weights() {
        let table = Modula::in_list_order(&[weighted("b", 3), weighted("a", 1)]);
        assert_eq!(*table.slots, [0, 1].map(MemberIdx::from));
    }

    #[test]
    fn shorter_names_come_first_and_weights_repeat_slots() {
        let members = [weighted("bb", 1), weighted("c", 2), weighted("aa", 1), weighted("b", 1)];
        let table = Modula::sorted_by_name(&members).unwrap();
        assert_eq!(*table.slots, [3, 1, 1, 2, 0].map(MemberIdx::from));
    }

    #[test]
    fn a_table_has_a_longest_length() {
        let fits = [weighted("a", SLOTS_MAX - 1), weighted("b", 1)];
        assert_eq!(Modula::sorted_by_name(&fits).unwrap().slots_len(), 65_536);
        let error = Modula::sorted_by_name(&[weighted("a", SLOTS_MAX), weighted("b", 1)]);
        let error = error.unwrap_err();
        assert_eq!(error, BuildError::TotalWeightTooLarge { total_weight: 65_537 });
    }

    #[test]
    fn the_keys_of_a_failed_member_spread_over_all_others_by_weight() {
        let members = [weighted("a", 2), weighted("b", 1), weighted("c", 1), weighted("d", 2)];
        let table = Modula::sorted_by_name(&members).unwrap();
        let mut counts = [0_u32; 4];
        for hash in (0..60_000).map(|n| n * 6) {
            assert_eq!(table.pick(hash, |_| true), Some(0.into()));
            counts[table.pick(hash, |member| member != 0.into()).unwrap().as_usize()] += 1;
        }
        assert_eq!(counts[0], 0);
        for (count, share) in counts[1..].iter().zip([15_000, 15_000, 30_000]) {
            assert!(count.abs_diff(share) < 1_000, "{counts:?}");
        }
    }
}
