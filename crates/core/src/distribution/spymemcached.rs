//! spymemcached's locators.
//!
//! | | `spymemcached-array-mod` | `spymemcached-ketama` | `spymemcached-weighted-ketama` |
//! |---|---|---|---|
//! | text | none | by [`super::NameFormat`] | by [`super::NameFormat`] |
//! | placement | table of one slot a server | ring of 160 points: MD5 words, or with another hash than `ketama` that hash of `text-i` | ring of weighted MD5 points |
//! | key hash | `native` | `ketama` | `ketama` |
//! | ties | none | the last listed | the last listed |
//! | failover order | the following servers, round | six tries at other places of the ring | the same |
//!
//! A try of ketama adds to the hash that of the try's number followed by the key. Tries may meet a
//! server again; whoever is not met follows in our order (see [`super::table`]).
//!
//! # Hard cases
//! - Java hashes text, not bytes: see [`super::hash`].
//! - A failed server's keys all go to the next one under array-mod. That is what the client does.
//!
//! # Source
//! `ArrayModNodeLocator`, `KetamaNodeLocator`, `KetamaIterator` and `KetamaNodeKeyFormatter` of
//! spymemcached 2.12.3.

use super::hash::HashFunction;
use super::member::Member;
use super::placing::{Placing, decimal, joined};
use super::points::{Named, POINTS_A_MEMBER, hashed_points, unweighted_points, weighted_points};
use super::ring::Ring;
use super::settings::Settings;
use super::table::Table;
use super::{MemberIdx, Place};

/// `ArrayModNodeLocator`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ArrayMod {
    hash: HashFunction,
    table: Table,
    members_len: u16,
}

impl ArrayMod {
    pub(super) fn new(members: &[Member], hash: HashFunction) -> Self {
        let members_len = u16::try_from(members.len()).expect("members are limited in number");
        Self { hash, table: Table::in_list_order(members.len()), members_len }
    }
}

impl Placing for ArrayMod {
    #[inline]
    fn home(&self, hashed: &[u8]) -> MemberIdx {
        self.table.member(self.hash.hash(hashed))
    }

    fn tries(&self, hashed: &[u8]) -> impl Iterator<Item = MemberIdx> {
        let home = self.home(hashed).0;
        (home + 1..self.members_len).chain(0..home).map(MemberIdx)
    }

    fn rest(
        &self,
        _hashed: &[u8],
        _usable: &mut impl FnMut(MemberIdx) -> bool,
    ) -> Option<MemberIdx> {
        // All have been tried.
        None
    }

    fn place(&self, hashed: &[u8]) -> Place {
        self.table.place(self.hash.hash(hashed))
    }
}

/// `KetamaNodeLocator`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ketama {
    hash: HashFunction,
    ring: Ring,
    others: Table,
}

impl Ketama {
    pub(super) fn unweighted(members: &[Member], settings: &Settings, hash: HashFunction) -> Self {
        let named = last_listed_first(members, settings);
        let points = if hash == HashFunction::Md5 {
            unweighted_points(&named)
        } else {
            hashed_points(&named, POINTS_A_MEMBER, |text| hash.hash(text))
        };
        Self::new(hash, Ring::new(points, members.len()), members.len())
    }

    pub(super) fn weighted(members: &[Member], settings: &Settings, hash: HashFunction) -> Self {
        let points = weighted_points(&last_listed_first(members, settings));
        Self::new(hash, Ring::new(points, members.len()), members.len())
    }

    fn new(hash: HashFunction, ring: Ring, members_len: usize) -> Self {
        Self { hash, ring, others: Table::in_list_order(members_len) }
    }
}

/// Of equal points the first counts here, and the last listed there.
fn last_listed_first<'m>(members: &'m [Member], settings: &Settings) -> Vec<Named<'m>> {
    let mut named = Named::all(members, |member| settings.text(member));
    named.reverse();
    named
}

impl Placing for Ketama {
    #[inline]
    fn home(&self, hashed: &[u8]) -> MemberIdx {
        self.ring.member(self.hash.hash(hashed))
    }

    fn tries(&self, hashed: &[u8]) -> impl Iterator<Item = MemberIdx> {
        let mut hash = self.hash.hash(hashed);
        (0..TRIES_AFTER_HOME).map(move |number| {
            let text = joined(&decimal(number), hashed, b"");
            hash = hash.wrapping_add(self.hash.hash(&text));
            self.ring.member(hash)
        })
    }

    fn rest(&self, hashed: &[u8], usable: &mut impl FnMut(MemberIdx) -> bool) -> Option<MemberIdx> {
        self.others.ranked(self.hash.hash(hashed), usable)
    }

    fn place(&self, hashed: &[u8]) -> Place {
        self.ring.place(self.hash.hash(hashed))
    }
}

/// `KetamaIterator` is made for seven, of which home is the first.
const TRIES_AFTER_HOME: u32 = 6;
