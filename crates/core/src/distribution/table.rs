//! A table of slots: a key's hash modulo the table's length is its slot.
//!
//! It decides which member has which slot, and who follows when nobody else is named. Which slots
//! there are is the families' business.
//!
//! # The rest of an order
//! The table never changes, so that no other key moves. Its slots are ranked for each hash by a
//! score of hash and slot together, the highest first, and members follow in the order of their
//! best slots. So the keys of a failed member spread over all others, by weight. It serves every
//! family whose client has no order of its own, or one that ends.
//!
//! # Rejected alternatives
//! - A shorter table, as twemproxy has it after ejecting: nearly all keys move.
//! - The next slot: one member would get all the keys of the failed one, and then fail too.
//! - No failover, as libmemcached has it here: that is `failover = "none"`, and not the
//!   distribution's to decide.

use super::hash::HashFunction;
use super::member::Member;
use super::placing::Placing;
use super::{BuildError, MemberIdx, Place};

/// A table with the hash that leads to it, for clients without an order of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HashedTable {
    pub(super) hash: HashFunction,
    pub(super) table: Table,
}

impl Placing for HashedTable {
    #[inline]
    fn home(&self, hashed: &[u8]) -> MemberIdx {
        self.table.member(self.hash.hash(hashed))
    }

    fn rest(&self, hashed: &[u8], usable: &mut impl FnMut(MemberIdx) -> bool) -> Option<MemberIdx> {
        self.table.ranked(self.hash.hash(hashed), usable)
    }

    fn place(&self, hashed: &[u8]) -> Place {
        self.table.place(self.hash.hash(hashed))
    }
}

/// Slots and their members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// Invariant: holds every member with a slot, and from 1 to [`SLOTS_MAX`] slots.
    slots: Box<[MemberIdx]>,
    /// Members without a slot.
    absent: Box<[MemberIdx]>,
}

impl Table {
    /// One slot a member, in the order listed.
    pub(super) fn in_list_order(members_len: usize) -> Self {
        Self { slots: MemberIdx::first(members_len).collect(), absent: Box::default() }
    }

    /// `weight` slots in a row for each member, in this order of members.
    pub(super) fn by_weight(
        members: &[Member],
        order: impl Iterator<Item = MemberIdx>,
    ) -> Result<Self, BuildError> {
        check_total_weight(members)?;
        let weight = |idx: MemberIdx| members[idx.as_usize()].weight.as_u32() as usize;
        let slots = order.flat_map(|idx| std::iter::repeat_n(idx, weight(idx)));
        Ok(Self { slots: slots.collect(), absent: Box::default() })
    }

    /// `weight` slots in a row for each member, in the order listed.
    pub(super) fn by_weight_in_list_order(members: &[Member]) -> Result<Self, BuildError> {
        Self::by_weight(members, MemberIdx::first(members.len()))
    }

    /// These slots, in which some of the members may have none.
    pub(super) fn of_slots(slots: Box<[MemberIdx]>, members_len: usize) -> Self {
        let absent = MemberIdx::first(members_len).filter(|member| !slots.contains(member));
        Self { absent: absent.collect(), slots }
    }

    /// The member whose slot `hash` belongs to.
    #[inline]
    pub(super) fn member(&self, hash: u32) -> MemberIdx {
        self.slots[self.slot(hash)]
    }

    /// What led `hash` to its member.
    pub(super) fn place(&self, hash: u32) -> Place {
        Place::Slot { hash, slot: self.slot(hash), slots_len: self.slots.len() }
    }

    /// The first usable member in the ranking for `hash`. Linear in the slots.
    pub(super) fn ranked(
        &self,
        hash: u32,
        usable: &mut impl FnMut(MemberIdx) -> bool,
    ) -> Option<MemberIdx> {
        let mut best: Option<(u64, MemberIdx)> = None;
        for (slot, &member) in (0_u32..).zip(&self.slots) {
            let score = score(hash, slot);
            let is_better = best.is_none_or(|(best_score, _)| score > best_score);
            if is_better && usable(member) {
                best = Some((score, member));
            }
        }
        let best = best.map(|(_, member)| member);
        best.or_else(|| self.absent.iter().copied().find(|&member| usable(member)))
    }

    /// The slot that `hash` belongs to.
    #[inline]
    fn slot(&self, hash: u32) -> usize {
        let slots_len = u32::try_from(self.slots.len()).expect("a table has a longest length");
        (hash % slots_len) as usize
    }
}

/// Refuses weights that would make too long a table.
pub(super) fn check_total_weight(members: &[Member]) -> Result<(), BuildError> {
    let total_weight: u32 = members.iter().map(|member| member.weight.as_u32()).sum();
    if total_weight > SLOTS_MAX {
        return Err(BuildError::TotalWeightTooLarge { total_weight });
    }
    Ok(())
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

    fn by_weight(members: &[Member]) -> Result<Table, BuildError> {
        Table::by_weight_in_list_order(members)
    }

    #[test]
    fn weights_repeat_slots_in_the_order_given() {
        let table = by_weight(&[weighted("b", 3), weighted("a", 1)]).unwrap();
        assert_eq!(*table.slots, [0, 0, 0, 1].map(MemberIdx::from));
    }

    #[test]
    fn a_table_has_a_longest_length() {
        let fits = [weighted("a", SLOTS_MAX - 1), weighted("b", 1)];
        assert_eq!(by_weight(&fits).unwrap().slots.len(), 65_536);
        let error = by_weight(&[weighted("a", SLOTS_MAX), weighted("b", 1)]).unwrap_err();
        assert_eq!(error, BuildError::TotalWeightTooLarge { total_weight: 65_537 });
    }

    #[test]
    fn the_keys_of_a_failed_member_spread_over_all_others_by_weight() {
        let members = [weighted("a", 2), weighted("b", 1), weighted("c", 1), weighted("d", 2)];
        let table = by_weight(&members).unwrap();
        let mut counts = [0_u32; 4];
        for hash in (0..60_000).map(|n| n * 6) {
            assert_eq!(table.member(hash), 0.into());
            let next = table.ranked(hash, &mut |member| member != 0.into());
            counts[next.unwrap().as_usize()] += 1;
        }
        assert_eq!(counts[0], 0);
        for (count, share) in counts[1..].iter().zip([15_000, 15_000, 30_000]) {
            assert!(count.abs_diff(share) < 1_000, "{counts:?}");
        }
    }

    #[test]
    fn a_member_without_a_slot_is_last() {
        let table = Table::of_slots(Box::new([2.into(), 0.into()]), 3);
        assert_eq!(table.ranked(7, &mut |member| member == 1.into()), Some(1.into()));
    }
}
