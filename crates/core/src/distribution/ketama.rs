//! The points of the two ring distributions, `ketama` and `consistent`.
//!
//! It decides how many points a member has and where they are.
//!
//! | scheme | points a member | of the text | value |
//! |---|---|---|---|
//! | `ketama` | about 160, by weight | `text-i`, four points each | the four words of its MD5 |
//! | `consistent` | 100 | `text-i` | its hash, the one that keys have |
//!
//! `text` is [`Member::ring_text`].
//!
//! # Hard cases
//! - The count by weight is made of 32-bit floats, rounded at every step, as in C. Equal weights
//!   mostly give 160 points but not always: 25 equal members have 156 each.
//! - A peer that ejects a server builds its ring again from the members left, and with other
//!   weights the counts of those left can change. Ours never changes while servers fail.
//! - Two members' points of equal value: the first listed wins, as in libmemcached. twemproxy
//!   would take the first by name. About one pool of 20 servers in a thousand has such a pair.
//!
//! # Source
//! `nc_ketama.c` of twemproxy 0.5.0; `hosts.cc` of libmemcached 1.1.4.

use std::fmt::Write;

use super::MemberIdx;
use super::hash::{HashFunction, md5_words};
use super::member::{Member, Weight};
use super::ring::{Point, Ring};

/// The ring of twemproxy's `ketama` and libmemcached's `ketama_weighted`.
pub(super) fn weighted_ring(members: &[Member]) -> Ring {
    let total_weight: u32 = members.iter().map(|member| member.weight.as_u32()).sum();
    let mut points = Vec::with_capacity(POINTS_A_MEMBER * members.len());
    for (member, idx) in members.iter().zip(MemberIdx::first(members.len())) {
        let digests_len = digests_len(member.weight, total_weight, members.len());
        for_each_text(&member.ring_text(), digests_len, |text| {
            points.extend(md5_words(text).map(|value| Point { value, member: idx }));
        });
    }
    Ring::new(points, members.len())
}

/// The ring of libmemcached's `consistent` without weights.
pub(super) fn unweighted_ring(members: &[Member], hash: HashFunction) -> Ring {
    let mut points = Vec::with_capacity(POINTS_A_MEMBER_UNWEIGHTED * members.len());
    for (member, idx) in members.iter().zip(MemberIdx::first(members.len())) {
        for_each_text(&member.ring_text(), POINTS_A_MEMBER_UNWEIGHTED, |text| {
            points.push(Point { value: hash.hash(text), member: idx });
        });
    }
    Ring::new(points, members.len())
}

/// Calls `visit` with `text-0`, `text-1`, … and so on, `len` of them.
fn for_each_text(text: &str, len: usize, mut visit: impl FnMut(&[u8])) {
    let mut numbered = format!("{text}-");
    let prefix_len = numbered.len();
    for number in 0..len {
        numbered.truncate(prefix_len);
        write!(numbered, "{number}").expect("writing to a string cannot fail");
        visit(numbered.as_bytes());
    }
}

/// How many digests, of four points each, a member of this weight has.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bit for bit what the C code computes; the result is small and not negative"
)]
fn digests_len(weight: Weight, total_weight: u32, members_len: usize) -> usize {
    let share = weight.as_u32() as f32 / total_weight as f32;
    (share * POINTS_A_MEMBER as f32 / 4.0 * members_len as f32).floor() as usize
}

/// On average; see [`digests_len`].
const POINTS_A_MEMBER: usize = 160;

const POINTS_A_MEMBER_UNWEIGHTED: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_equal(members_len: u32, points_len: usize) {
        let digests = digests_len(Weight::ONE, members_len, members_len as usize);
        assert_eq!(digests * 4, points_len, "{members_len} members");
    }

    #[test]
    fn equal_weights_mostly_give_160_points() {
        check_equal(1, 160);
        check_equal(2, 160);
        check_equal(24, 160);
        check_equal(25, 156);
        check_equal(26, 160);
        check_equal(47, 156);
    }

    #[test]
    fn a_member_of_tiny_weight_has_no_point() {
        assert_eq!(digests_len(Weight::ONE, 101, 2), 0);
    }

    #[test]
    fn texts_are_numbered_from_zero() {
        let mut texts = Vec::new();
        for_each_text("a", 11, |text| texts.push(String::from_utf8(text.to_vec()).unwrap()));
        assert_eq!(texts[..2], ["a-0", "a-1"]);
        assert_eq!(texts[10], "a-10");
    }
}
