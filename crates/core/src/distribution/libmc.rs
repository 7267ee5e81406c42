//! libmc, douban's client for Python.
//!
//! | | |
//! |---|---|
//! | text | [`Member::ring_text`]; an alias is the name |
//! | placement | ring of 100 points a server, the first MD5 word of `text-i` |
//! | key hash | `md5` |
//! | ties | the first listed (libmc sorts without a rule for them) |
//! | failover order | the following points of the ring |
//!
//! # Source
//! libmc 1.4.17, `src/hashkit/ketama.cpp`.

use super::hash::HashFunction;
use super::member::Member;
use super::points::{Named, hashed_points};
use super::ring::{HashedRing, Ring};

/// libmc's ring.
pub(super) fn ring(members: &[Member], hash: HashFunction) -> HashedRing {
    let named = Named::all(members, Member::ring_text);
    let points = hashed_points(&named, POINTS_A_MEMBER, |text| HashFunction::Md5.hash(text));
    HashedRing { hash, ring: Ring::new(points, members.len()) }
}

const POINTS_A_MEMBER: usize = 100;
