//! dalli, Ruby's client, and so Rails' cache store on it.
//!
//! | | |
//! |---|---|
//! | text | [`Member::full_text`] |
//! | placement | ring of `160 * n * weight / total` points a server: the first four bytes, big-endian, of the SHA-1 of `text:i` |
//! | key hash | CRC-32; the key belongs to the **last** point at or **below** it |
//! | ties | the last listed (dalli sorts without a rule for them) |
//! | failover order | 19 tries: where `0key`, `1key`, … belong |
//!
//! Whoever is not met by these tries follows in our order (see [`super::table`]).
//!
//! # Hard cases
//! - The ring is kept upside down, every value replaced by its complement: the last point below is
//!   then the first above.
//! - A namespace is part of what is hashed, and of what is sent: nothing need be known of it here.
//!   The same holds for a key that dalli cuts because it would be too long.
//!
//! # Source
//! `Dalli::Ring` of dalli 3.0.6.

use sha1::{Digest, Sha1};

use super::hash::HashFunction;
use super::member::Member;
use super::placing::{Placing, decimal, joined};
use super::ring::{Point, Ring};
use super::table::Table;
use super::{MemberIdx, Place};

/// dalli's ring, upside down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dalli {
    ring: Ring,
    others: Table,
}

impl Dalli {
    pub(super) fn new(members: &[Member]) -> Self {
        let total_weight: u32 = members.iter().map(|member| member.weight.as_u32()).sum();
        let mut points = Vec::with_capacity(POINTS_A_MEMBER * members.len());
        let members_len = members.len();
        for (member, idx) in members.iter().zip(MemberIdx::first(members_len)) {
            let text = member.full_text();
            let points_len = points_len(member.weight.as_u32(), total_weight, members_len);
            let values = (0..points_len).map(|number| value(&text, number));
            points.extend(values.map(|value| Point { value: !value, member: idx }));
        }
        // Of equal points the first counts here, and the last listed there.
        points.reverse();
        Self { ring: Ring::new(points, members_len), others: Table::in_list_order(members_len) }
    }

    fn member(&self, text: &[u8]) -> MemberIdx {
        self.ring.member(!HASH.hash(text))
    }
}

impl Placing for Dalli {
    #[inline]
    fn home(&self, hashed: &[u8]) -> MemberIdx {
        self.member(hashed)
    }

    fn tries(&self, hashed: &[u8]) -> impl Iterator<Item = MemberIdx> {
        let texts = (0..TRIES_AFTER_HOME).map(|number| joined(&decimal(number), hashed, b""));
        texts.map(|text| self.member(&text))
    }

    fn rest(&self, hashed: &[u8], usable: &mut impl FnMut(MemberIdx) -> bool) -> Option<MemberIdx> {
        self.others.ranked(HASH.hash(hashed), usable)
    }

    fn place(&self, hashed: &[u8]) -> Place {
        let hash = HASH.hash(hashed);
        Place::PointBelow { hash, point: !self.ring.point(!hash).value }
    }
}

/// How many points a member of this weight has.
fn points_len(weight: u32, total_weight: u32, members_len: usize) -> usize {
    // dalli divides as 64-bit floats and rounds down. Integers give the same: the product is far
    // below 2^52, so that no quotient is rounded up to a whole number.
    POINTS_A_MEMBER * members_len * weight as usize / total_weight as usize
}

fn value(text: &str, number: usize) -> u32 {
    let digest = Sha1::digest(format!("{text}:{number}"));
    let (first, _) = digest.split_first_chunk::<4>().expect("a digest has 20 bytes");
    u32::from_be_bytes(*first)
}

const HASH: HashFunction = HashFunction::Crc32;

const POINTS_A_MEMBER: usize = 160;

/// dalli looks up 20 times, of which home is the first.
const TRIES_AFTER_HOME: u32 = 19;
