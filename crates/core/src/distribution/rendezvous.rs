//! Rendezvous: each member scores each key, and the highest score has it.
//!
//! It decides by the score alone, so there is no ring and no table: the next highest score is
//! the failover order, and a member that joins or leaves moves its own keys only. The price is
//! one hash a member for each key; the member's part of it is hashed beforehand.
//!
//! # Hard cases
//! - A key that is not ASCII: pymemcache hashes the characters' code points, each cut to one
//!   byte, not the bytes it sends. A key that is not UTF-8 either is hashed as it is.
//! - Equal scores: the greater text wins. Candidates are kept in that order.
//! - pymemcache given a key as `bytes` hashes what Python prints for it (`b'key'`). From the
//!   wire this cannot be told apart, and it is not supported.
//!
//! # Source
//! `RendezvousHash` of pymemcache 4.0.0: `MurmurHash3`, seed 0, of `host:port-key`.

use super::MemberIdx;
use super::member::Member;
use super::murmur3::Murmur3;

/// The members in order of preference between equal scores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rendezvous {
    /// Invariant: not empty; sorted by text, greatest first.
    candidates: Box<[Candidate]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Candidate {
    /// The hash of `text-`, to which a key is added.
    prefix: Murmur3,
    member: MemberIdx,
}

impl Rendezvous {
    pub(super) fn new(members: &[Member]) -> Self {
        let texts = members.iter().map(Member::full_text);
        let mut sorted: Vec<_> = texts.zip(MemberIdx::first(members.len())).collect();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        let candidates = sorted.into_iter().map(|(text, member)| {
            let mut prefix = Murmur3::new(0);
            Text::of(text.as_bytes()).write_to(&mut prefix);
            prefix.write_byte(b'-');
            Candidate { prefix, member }
        });
        Self { candidates: candidates.collect() }
    }

    /// The usable member with the highest score. Linear in the members.
    #[inline]
    pub(super) fn pick(
        &self,
        key: &[u8],
        mut usable: impl FnMut(MemberIdx) -> bool,
    ) -> Option<MemberIdx> {
        let text = Text::of(key);
        let mut best: Option<(u32, MemberIdx)> = None;
        for candidate in &self.candidates {
            let score = candidate.score(text);
            let is_better = best.is_none_or(|(best_score, _)| score > best_score);
            if is_better && usable(candidate.member) {
                best = Some((score, candidate.member));
            }
        }
        best.map(|(_, member)| member)
    }

    /// The highest score of `key`: that of its home.
    pub(super) fn score(&self, key: &[u8]) -> u32 {
        let text = Text::of(key);
        let scores = self.candidates.iter().map(|candidate| candidate.score(text));
        scores.max().expect("a distribution has at least one member")
    }
}

impl Candidate {
    #[inline]
    fn score(&self, text: Text<'_>) -> u32 {
        let mut hash = self.prefix;
        text.write_to(&mut hash);
        hash.finish()
    }
}

/// A key as pymemcache hashes it.
#[derive(Clone, Copy)]
enum Text<'k> {
    /// One byte, one character.
    Bytes(&'k [u8]),
    /// Characters, of which some are not ASCII.
    Characters(&'k str),
}

impl<'k> Text<'k> {
    fn of(key: &'k [u8]) -> Self {
        if key.is_ascii() {
            return Self::Bytes(key);
        }
        str::from_utf8(key).map_or(Self::Bytes(key), Self::Characters)
    }

    #[inline]
    fn write_to(self, hash: &mut Murmur3) {
        match self {
            Self::Bytes(bytes) => hash.write(bytes),
            Self::Characters(text) => {
                for character in text.chars() {
                    hash.write_byte((u32::from(character) & 0xff) as u8);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_go_to_the_greater_text() {
        let members = ["a", "c", "b"].map(|host| Member::new(host, 1));
        let mut rendezvous = Rendezvous::new(&members);
        let order: Vec<_> = rendezvous.candidates.iter().map(|each| each.member).collect();
        assert_eq!(order, [1, 2, 0].map(MemberIdx::from));
        let prefix = rendezvous.candidates[0].prefix;
        rendezvous.candidates.iter_mut().for_each(|candidate| candidate.prefix = prefix);
        assert_eq!(rendezvous.pick(b"key", |_| true), Some(1.into()));
        assert_eq!(rendezvous.pick(b"key", |member| member != 1.into()), Some(2.into()));
    }

    #[test]
    fn a_character_is_one_byte_whatever_its_code_point() {
        let rendezvous = Rendezvous::new(&["a", "b", "c"].map(|host| Member::new(host, 1)));
        // Code points 161 and e9 end in the bytes 61 ('a') and e9.
        assert_eq!(rendezvous.score("š".as_bytes()), rendezvous.score(b"a"));
        assert_eq!(rendezvous.score("é".as_bytes()), rendezvous.score(b"\xe9"));
    }
}
