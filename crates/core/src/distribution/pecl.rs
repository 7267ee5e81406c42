//! PECL memcache's hash strategies.
//!
//! | | `pecl-standard` | `pecl-consistent` |
//! |---|---|---|
//! | text | none | [`Member::full_text`] |
//! | placement | table of `weight` slots in a row, for bits 16 to 30 of the hash, 0 counting as 1 | table of 1024 buckets, each a place on a ring of `160 * weight` points by the hash of `text-i` |
//! | key hash | `crc32` | `crc32` |
//! | ties | none | the first listed |
//! | failover order | where the same strategy sends `key-0`, `key-1`, … `key-19` | the same |
//!
//! Whoever is not met by these tries follows in our order (see [`super::table`]).
//!
//! # Hard cases
//! - The `crc32` here is the whole CRC-32, unlike the one of libmemcached's name.
//! - PECL sends `key`, not `key-0`, to the server it has found so.
//!
//! # Source
//! `memcache_standard_hash.c`, `memcache_consistent_hash.c` and `memcache_pool.c` of PECL memcache
//! 8.0. Points are sorted by value alone there, which keeps equal ones in the order added.

use super::hash::HashFunction;
use super::member::Member;
use super::placing::{Placing, decimal, joined};
use super::points::for_each_text;
use super::table::{Table, check_total_weight};
use super::{BuildError, MemberIdx, Place};

/// A table and the bits of the hash that lead into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pecl {
    hash: HashFunction,
    strategy: Strategy,
    table: Table,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strategy {
    Standard,
    Consistent,
}

impl Pecl {
    pub(super) fn standard(members: &[Member], hash: HashFunction) -> Result<Self, BuildError> {
        let table = Table::by_weight_in_list_order(members)?;
        Ok(Self { hash, strategy: Strategy::Standard, table })
    }

    pub(super) fn consistent(members: &[Member], hash: HashFunction) -> Result<Self, BuildError> {
        check_total_weight(members)?;
        let table = Table::of_slots(buckets(members, hash), members.len());
        Ok(Self { hash, strategy: Strategy::Consistent, table })
    }

    fn hash(&self, text: &[u8]) -> u32 {
        let hash = self.hash.hash(text);
        match self.strategy {
            Strategy::Standard => ((hash >> 16) & 0x7fff).max(1),
            Strategy::Consistent => hash,
        }
    }
}

impl Placing for Pecl {
    #[inline]
    fn home(&self, hashed: &[u8]) -> MemberIdx {
        self.table.member(self.hash(hashed))
    }

    fn tries(&self, hashed: &[u8]) -> impl Iterator<Item = MemberIdx> {
        (0..TRIES_AFTER_HOME).map(move |number| {
            let text = joined(hashed, b"-", &decimal(number));
            self.table.member(self.hash(&text))
        })
    }

    fn rest(&self, hashed: &[u8], usable: &mut impl FnMut(MemberIdx) -> bool) -> Option<MemberIdx> {
        self.table.ranked(self.hash(hashed), usable)
    }

    fn place(&self, hashed: &[u8]) -> Place {
        self.table.place(self.hash(hashed))
    }
}

/// For each bucket the member of the first point at or above its place on the ring.
fn buckets(members: &[Member], hash: HashFunction) -> Box<[MemberIdx]> {
    // The ring is never built: of each stretch between two buckets' places only the lowest point
    // can be the first above the lower of them.
    let mut lowest: [Option<(u32, MemberIdx)>; BUCKETS_LEN] = [None; BUCKETS_LEN];
    for (member, idx) in members.iter().zip(MemberIdx::first(members.len())) {
        let points_len = POINTS_A_WEIGHT * member.weight.as_u32() as usize;
        for_each_text(&member.full_text(), points_len, |text| {
            let value = hash.hash(text);
            let stretch = (value / BUCKET_STEP) as usize;
            let lowest = &mut lowest[stretch.min(BUCKETS_LEN - 1)];
            if lowest.is_none_or(|(lowest, _)| value < lowest) {
                *lowest = Some((value, idx));
            }
        });
    }
    first_from_each(&lowest)
}

/// The member of the lowest point of each stretch or, where it has none, of those after it, round.
fn first_from_each(lowest: &[Option<(u32, MemberIdx)>]) -> Box<[MemberIdx]> {
    let first = lowest.iter().find_map(|lowest| *lowest);
    let (_, mut next) = first.expect("a distribution has at least one member");
    let mut slots = vec![next; lowest.len()];
    for (slot, lowest) in slots.iter_mut().zip(lowest).rev() {
        if let Some((_, member)) = *lowest {
            next = member;
        }
        *slot = next;
    }
    slots.into()
}

/// PECL's default of `memcache.max_failover_attempts`.
const TRIES_AFTER_HOME: u32 = 20;

const POINTS_A_WEIGHT: usize = 160;

const BUCKETS_LEN: usize = 1024;

/// `0xffffffff / 1024`.
const BUCKET_STEP: u32 = 4_194_303;
