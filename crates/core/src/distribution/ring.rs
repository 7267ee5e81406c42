//! A ring of points, each of one member, and the walk along it.
//!
//! It decides which member's point follows a hash, and which members come after that one. How
//! points are made is not its business (see [`super::points`]).
//!
//! # Shape
//! Points are sorted by value; of equal ones the first given wins, so that each family has its own
//! rule for ties. A hash belongs to the first point of its value or above; past the last point, to the
//! first. Buckets over the hash's upper bits say where in the sorted points to look: with twice
//! as many buckets as points, most lookups read one bucket and two neighbouring points.
//!
//! # Hard cases
//! - All points, or all hashes, below 32768 (the hash `crc32` has 15 bits): one bucket holds
//!   everything, and the binary search inside it keeps the lookup logarithmic.
//! - A member whose weight is so small that it has no point: it is nobody's home, and comes last
//!   in every key's order.
//! - No usable member at all: the walk ends when every member on the ring has been asked once.

use super::hash::HashFunction;
use super::placing::Placing;
use super::{MEMBERS_MAX, MemberIdx, Place};

/// A ring with the hash that leads to it; who is next on the ring is next in the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HashedRing {
    pub(super) hash: HashFunction,
    pub(super) ring: Ring,
}

impl Placing for HashedRing {
    #[inline]
    fn home(&self, hashed: &[u8]) -> MemberIdx {
        self.ring.member(self.hash.hash(hashed))
    }

    fn rest(&self, hashed: &[u8], usable: &mut impl FnMut(MemberIdx) -> bool) -> Option<MemberIdx> {
        self.ring.walk(self.hash.hash(hashed), usable)
    }

    fn place(&self, hashed: &[u8]) -> Place {
        self.ring.place(self.hash.hash(hashed))
    }
}

/// A place on a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) value: u32,
    pub(super) member: MemberIdx,
}

/// The points of all members, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ring {
    /// Invariant: sorted, and ended by a point of the highest value for the first point's member,
    /// which is where a hash past all others goes.
    points: Box<[Point]>,
    /// For bucket `b`, how many points lie below `b << shift`; one more entry ends the last.
    buckets: Box<[u32]>,
    /// A hash without its lowest `shift` bits is its bucket.
    shift: u32,
    /// Members without a point, in the order listed.
    absent: Box<[MemberIdx]>,
    /// How many members have a point.
    present_len: usize,
}

impl Ring {
    /// A ring of `points` of members 0 to `members_len - 1`, in any order but for equal ones, of
    /// which the first wins.
    ///
    /// # Panics
    /// If there is no point.
    pub(super) fn new(mut points: Vec<Point>, members_len: usize) -> Self {
        assert!(!points.is_empty(), "a ring has at least one point");
        points.sort_by_key(|point| point.value);
        let shift = u32::BITS - bucket_bits(points.len());
        let buckets = bucket_bounds(&points, shift);
        points.push(Point { value: u32::MAX, member: points[0].member });
        let mut present = Seen::default();
        for point in &points {
            present.insert(point.member);
        }
        let absent = MemberIdx::first(members_len).filter(|&member| !present.contains(member));
        Self {
            buckets,
            shift,
            absent: absent.collect(),
            present_len: present.len,
            points: points.into(),
        }
    }

    /// The member that `hash` belongs to.
    #[inline]
    pub(super) fn member(&self, hash: u32) -> MemberIdx {
        self.points[self.position(hash)].member
    }

    /// What led `hash` to its member.
    pub(super) fn place(&self, hash: u32) -> Place {
        Place::Point { hash, point: self.point(hash).value }
    }

    /// The point that `hash` belongs to.
    pub(super) fn point(&self, hash: u32) -> Point {
        let at = self.position(hash);
        let is_past_the_last = at + 1 == self.points.len();
        self.points[if is_past_the_last { 0 } else { at }]
    }

    /// The first usable member from the point of `hash` on, asking each once. Members' points are
    /// mixed well, so meeting all n members takes about n ln n points.
    pub(super) fn walk(
        &self,
        hash: u32,
        usable: &mut impl FnMut(MemberIdx) -> bool,
    ) -> Option<MemberIdx> {
        let at = self.position(hash);
        let mut seen = Seen::default();
        let (before, after) = self.points.split_at(at);
        for point in after.iter().chain(before) {
            if seen.len == self.present_len {
                break;
            }
            if seen.insert(point.member) && usable(point.member) {
                return Some(point.member);
            }
        }
        self.absent.iter().copied().find(|&member| usable(member))
    }

    /// The place of the point that `hash` belongs to; one past the last point stands for the
    /// first.
    #[inline]
    fn position(&self, hash: u32) -> usize {
        let bucket = (hash >> self.shift) as usize;
        let from = self.buckets[bucket] as usize;
        // Most buckets hold one point or none, so this addition without a branch is mostly all.
        let at = from + usize::from(self.points[from].value < hash);
        if self.points[at].value >= hash {
            return at;
        }
        let until = self.buckets[bucket + 1] as usize;
        at + self.points[at..until].partition_point(|point| point.value < hash)
    }
}

/// Members already asked. On the stack, so that a walk allocates nothing.
struct Seen {
    words: [u64; MEMBERS_MAX.div_ceil(u64::BITS as usize)],
    len: usize,
}

impl Seen {
    /// Whether the member is new.
    fn insert(&mut self, member: MemberIdx) -> bool {
        let is_new = !self.contains(member);
        self.words[member.as_usize() / 64] |= 1 << (member.as_usize() % 64);
        self.len += usize::from(is_new);
        is_new
    }

    fn contains(&self, member: MemberIdx) -> bool {
        self.words[member.as_usize() / 64] & (1 << (member.as_usize() % 64)) != 0
    }
}

impl Default for Seen {
    fn default() -> Self {
        Self { words: [0; _], len: 0 }
    }
}

/// At least twice as many buckets as points, within reason.
fn bucket_bits(points_len: usize) -> u32 {
    (points_len * BUCKETS_A_POINT).next_power_of_two().ilog2().clamp(1, BUCKET_BITS_MAX)
}

fn bucket_bounds(points: &[Point], shift: u32) -> Box<[u32]> {
    let last = u32::MAX >> shift;
    let starts = (0..=last).map(|bucket| bucket << shift);
    let below = starts.map(|start| points.partition_point(|point| point.value < start));
    below.chain([points.len()]).map(count_u32).collect()
}

fn count_u32(count: usize) -> u32 {
    u32::try_from(count).expect("a ring has at most 160 points a member, rounded")
}

const BUCKETS_A_POINT: usize = 2;

/// 4 MiB of buckets at most.
const BUCKET_BITS_MAX: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(points: &[(u32, u16)], members_len: usize) -> Ring {
        let points = points.iter().map(|&(value, member)| Point { value, member: member.into() });
        Ring::new(points.collect(), members_len)
    }

    fn home(ring: &Ring, hash: u32) -> MemberIdx {
        ring.member(hash)
    }

    #[test]
    fn a_hash_belongs_to_the_next_point_and_wraps_past_the_last() {
        let ring = ring(&[(300, 2), (100, 0), (u32::MAX - 1, 1)], 3);
        for (hash, member) in
            [(0, 0), (100, 0), (101, 2), (300, 2), (301, 1), (u32::MAX - 1, 1), (u32::MAX, 0)]
        {
            assert_eq!(home(&ring, hash), member.into(), "{hash}");
        }
    }

    #[test]
    fn of_equal_points_the_first_given_wins() {
        let ring = ring(&[(5, 1), (5, 0), (3, 0)], 2);
        assert_eq!(home(&ring, 5), 1.into());
        assert_eq!(home(&ring, 6), 0.into());
    }

    #[track_caller]
    fn check_against_a_plain_search(value: impl Fn(u32) -> u32) {
        let mut points: Vec<(u32, u16)> =
            (0..800_u16).map(|number| (value(number.into()), number % 5)).collect();
        let ring = ring(&points, 5);
        points.sort_by_key(|(value, _)| *value);
        let edges = points
            .iter()
            .flat_map(|&(value, _)| [value.wrapping_sub(1), value, value.wrapping_add(1)]);
        for hash in edges.chain((0..4096).map(|upper_bits| upper_bits << 20)) {
            let plain = points.iter().find(|(value, _)| *value >= hash).unwrap_or(&points[0]);
            assert_eq!(home(&ring, hash), plain.1.into(), "{hash}");
            assert_eq!(ring.point(hash).value, plain.0, "{hash}");
        }
    }

    #[test]
    fn every_hash_is_found_as_a_plain_search_finds_it() {
        check_against_a_plain_search(|number| number.wrapping_mul(0x9e37_79b1) ^ 7);
    }

    #[test]
    fn points_crowded_into_one_bucket_are_found_too() {
        check_against_a_plain_search(|number| number.wrapping_mul(0x9e37_79b1) >> 17);
        check_against_a_plain_search(|number| u32::MAX - number);
        check_against_a_plain_search(|_| 12_345);
    }

    #[test]
    fn the_walk_asks_each_member_once_and_ends() {
        let ring = ring(&[(1, 0), (2, 1), (3, 0), (4, 2), (5, 1)], 4);
        let mut asked = Vec::new();
        let none = ring.walk(2, &mut |member| {
            asked.push(member);
            false
        });
        assert_eq!(none, None);
        assert_eq!(asked, [1, 0, 2, 3].map(MemberIdx::from), "the member without a point is last");
    }
}
