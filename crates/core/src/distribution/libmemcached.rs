//! libmemcached's distributions, and so those of php-memcached, pylibmc and others built on it.
//!
//! | | `libmemcached-modula` | `libmemcached-consistent` | `libmemcached-ketama` |
//! |---|---|---|---|
//! | text | none | [`Member::ring_text`] | [`Member::ring_text`] |
//! | placement | table of one slot a server | ring of 100 points a server, by the key's hash | ring of weighted MD5 points |
//! | key hash | `one_at_a_time` | `one_at_a_time` | `md5` |
//! | ties | none | the first listed | the first listed |
//! | failover order | ours: see [`super::table`] | the following points | the following points |
//!
//! libmemcached itself moves no key of a failed server under `modula`; with `consistent` and
//! `ketama` it builds the ring again from the servers left, if it is told to remove failed ones.
//!
//! # Source
//! `hash.cc` and `hosts.cc` of libmemcached 1.1.4.

use super::hash::HashFunction;
use super::member::Member;
use super::points::{Named, hashed_points, weighted_points};
use super::ring::{HashedRing, Ring};
use super::table::{HashedTable, Table};

/// The table of `modula`.
pub(super) fn modula(members: &[Member], hash: HashFunction) -> HashedTable {
    HashedTable { hash, table: Table::in_list_order(members.len()) }
}

/// The ring of `consistent` without weights.
pub(super) fn consistent(
    members: &[Member],
    hash: HashFunction,
    point_hash: HashFunction,
) -> HashedRing {
    let named = Named::all(members, Member::ring_text);
    let points = hashed_points(&named, POINTS_A_MEMBER, |text| point_hash.hash(text));
    HashedRing { hash, ring: Ring::new(points, members.len()) }
}

/// The ring of `ketama_weighted`.
pub(super) fn ketama(members: &[Member], hash: HashFunction) -> HashedRing {
    let points = weighted_points(&Named::all(members, Member::ring_text));
    HashedRing { hash, ring: Ring::new(points, members.len()) }
}

const POINTS_A_MEMBER: usize = 100;
