//! python-memcached's `memcache.Client`.
//!
//! | | |
//! |---|---|
//! | text | none: the order of the list counts |
//! | placement | table of `weight` slots in a row |
//! | key hash | bits 16 to 30 of CRC-32 |
//! | failover order | nine tries: the hash of the last hash's decimal digits followed by the try's number |
//!
//! Whoever is not met by these tries follows in our order (see [`super::table`]).
//!
//! # Source
//! `Client._get_server` of python-memcached 1.62.

use super::hash::HashFunction;
use super::member::Member;
use super::placing::{Placing, decimal, joined};
use super::table::Table;
use super::{BuildError, MemberIdx, Place};

/// python-memcached's buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PythonMemcached {
    table: Table,
}

impl PythonMemcached {
    pub(super) fn new(members: &[Member]) -> Result<Self, BuildError> {
        Ok(Self { table: Table::by_weight_in_list_order(members)? })
    }
}

impl Placing for PythonMemcached {
    #[inline]
    fn home(&self, hashed: &[u8]) -> MemberIdx {
        self.table.member(HASH.hash(hashed))
    }

    fn tries(&self, hashed: &[u8]) -> impl Iterator<Item = MemberIdx> {
        let mut hash = HASH.hash(hashed);
        (0..TRIES_AFTER_HOME).map(move |number| {
            hash = HASH.hash(&joined(&decimal(hash), &decimal(number), b""));
            self.table.member(hash)
        })
    }

    fn rest(&self, hashed: &[u8], usable: &mut impl FnMut(MemberIdx) -> bool) -> Option<MemberIdx> {
        self.table.ranked(HASH.hash(hashed), usable)
    }

    fn place(&self, hashed: &[u8]) -> Place {
        self.table.place(HASH.hash(hashed))
    }
}

const HASH: HashFunction = HashFunction::Crc15;

/// `_SERVER_RETRIES` is ten, of which home is the first.
const TRIES_AFTER_HOME: u32 = 9;
