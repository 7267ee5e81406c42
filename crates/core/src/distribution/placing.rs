//! What every family of distributions answers.
//!
//! A family says who is home, whom its client tries next, and who follows then. From that
//! [`Placing::pick`] makes one order, which is the same whoever is usable.

use smallvec::SmallVec;

use super::{MemberIdx, Place};

/// One family's way from the part of a key that is hashed to members in order.
///
/// The order is: home, then [`Placing::tries`], then [`Placing::rest`]; each member where it comes
/// first.
pub(super) trait Placing {
    /// The member that the key belongs to when all are usable.
    fn home(&self, hashed: &[u8]) -> MemberIdx;

    /// Whom the client itself tries after home, one after another, repeats among them.
    fn tries(&self, _hashed: &[u8]) -> impl Iterator<Item = MemberIdx> {
        std::iter::empty()
    }

    /// The first usable of all members, in an order that sends a failed one's keys to all others
    /// rather than to one. `None` if none is usable.
    fn rest(&self, hashed: &[u8], usable: &mut impl FnMut(MemberIdx) -> bool) -> Option<MemberIdx>;

    /// What led to home, for people.
    fn place(&self, hashed: &[u8]) -> Place;

    /// The first usable member in the key's order.
    #[inline]
    fn pick(&self, hashed: &[u8], usable: &mut impl FnMut(MemberIdx) -> bool) -> Option<MemberIdx> {
        let home = self.home(hashed);
        if usable(home) {
            return Some(home);
        }
        let next = self.tries(hashed).find(|&member| usable(member));
        next.or_else(|| self.rest(hashed, usable))
    }
}

/// A key with something before or after it, on the stack for every key that can be sent.
pub(super) type Joined = SmallVec<[u8; 512]>;

/// `before`, `key`, `after`.
pub(super) fn joined(before: &[u8], key: &[u8], after: &[u8]) -> Joined {
    let mut joined = Joined::new();
    joined.extend_from_slice(before);
    joined.extend_from_slice(key);
    joined.extend_from_slice(after);
    joined
}

/// A number as its decimal digits.
pub(super) fn decimal(number: u32) -> SmallVec<[u8; 10]> {
    let mut buffer = itoa::Buffer::new();
    SmallVec::from_slice(buffer.format(number).as_bytes())
}
