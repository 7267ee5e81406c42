//! How clients make the points of their rings.
//!
//! It decides how many points a member has and where they are; which text stands for a member, and
//! in which order members come (the first wins between equal points), is the families' business.
//!
//! | kind | points a member | of the text | value |
//! |---|---|---|---|
//! | weighted | about 160, by weight | `text-i`, four points each | the four words of its MD5 |
//! | hashed | a fixed number | `text-i` | its hash |
//!
//! # Hard cases
//! - The count by weight is made of 32-bit floats, rounded at every step, as in C and Java. Equal
//!   weights mostly give 160 points but not always: 25 equal members have 156 each.
//! - A client that ejects a server builds its ring again from the members left, and with other
//!   weights the counts of those left can change. Ours never changes while servers fail.
//!
//! # Source
//! `nc_ketama.c` of twemproxy 0.5.0; `hosts.cc` of libmemcached 1.1.4; `KetamaNodeLocator` of
//! spymemcached 2.12.3.

use std::fmt::Write;

use super::MemberIdx;
use super::hash::md5_words;
use super::member::{Member, Weight};
use super::ring::Point;

/// A member with the text that stands for it.
pub(super) struct Named<'m> {
    pub(super) member: &'m Member,
    pub(super) idx: MemberIdx,
    pub(super) text: String,
}

impl<'m> Named<'m> {
    /// Members in the order listed, each with its text.
    pub(super) fn all(members: &'m [Member], text: impl Fn(&Member) -> String) -> Vec<Self> {
        let members = members.iter().zip(MemberIdx::first(members.len()));
        members.map(|(member, idx)| Self { member, idx, text: text(member) }).collect()
    }
}

/// Four points of each MD5 digest, as many digests as the weight is worth.
pub(super) fn weighted_points(members: &[Named<'_>]) -> Vec<Point> {
    let total_weight: u32 = members.iter().map(|each| each.member.weight.as_u32()).sum();
    let mut points = Vec::with_capacity(POINTS_A_MEMBER * members.len());
    for each in members {
        let digests_len = digests_len(each.member.weight, total_weight, members.len());
        points_of_digests(each, digests_len, &mut points);
    }
    points
}

/// Four points of each MD5 digest, 160 a member whatever its weight.
pub(super) fn unweighted_points(members: &[Named<'_>]) -> Vec<Point> {
    let mut points = Vec::with_capacity(POINTS_A_MEMBER * members.len());
    for each in members {
        points_of_digests(each, POINTS_A_MEMBER / 4, &mut points);
    }
    points
}

/// `len` points a member, by `hash`.
pub(super) fn hashed_points(
    members: &[Named<'_>],
    len: usize,
    hash: impl Fn(&[u8]) -> u32,
) -> Vec<Point> {
    let mut points = Vec::with_capacity(len * members.len());
    for each in members {
        for_each_text(&each.text, len, |text| {
            points.push(Point { value: hash(text), member: each.idx });
        });
    }
    points
}

fn points_of_digests(each: &Named<'_>, digests_len: usize, points: &mut Vec<Point>) {
    for_each_text(&each.text, digests_len, |text| {
        points.extend(md5_words(text).map(|value| Point { value, member: each.idx }));
    });
}

/// Calls `visit` with `text-0`, `text-1`, … and so on, `len` of them.
pub(super) fn for_each_text(text: &str, len: usize, mut visit: impl FnMut(&[u8])) {
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
pub(super) const POINTS_A_MEMBER: usize = 160;

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
