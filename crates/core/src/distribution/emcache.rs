//! emcache: each server scores each key, and the highest score has it.
//!
//! | | |
//! |---|---|
//! | text | host, then port, nothing between them; or the name |
//! | score | from the first four bytes of `MurmurHash3` x64 (128 bits, seed 0) of key and text |
//! | ties | the greater score of the text alone, then the first listed |
//! | failover order | the next highest score |
//!
//! emcache takes each byte as a signed number of 32 bits, masks it where it is and joins them by
//! "or": of three bytes only the sign is left, and equal scores are common.
//!
//! # Source
//! `emcache/_cython/rendezvous_hashing.pyx` of emcache 1.3.3.

use super::MemberIdx;
use super::member::Member;
use super::murmur3_x64::Murmur3X64;
use super::scoring::Scoring;

/// The members in order of preference between equal scores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Emcache {
    /// Invariant: not empty.
    candidates: Box<[Candidate]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Candidate {
    text: Box<str>,
    member: MemberIdx,
}

impl Emcache {
    pub(super) fn new(members: &[Member]) -> Self {
        let members = members.iter().zip(MemberIdx::first(members.len()));
        let candidates = members.map(|(member, idx)| Candidate { text: text(member), member: idx });
        let mut candidates: Box<[_]> = candidates.collect();
        let own_score = |candidate: &Candidate| score(&Murmur3X64::of(b""), &candidate.text);
        candidates.sort_by_key(|candidate| std::cmp::Reverse(own_score(candidate)));
        Self { candidates }
    }
}

impl Scoring for Emcache {
    fn scores(&self, hashed: &[u8]) -> impl Iterator<Item = (u32, MemberIdx)> {
        let key = Murmur3X64::of(hashed);
        self.candidates.iter().map(move |it| (score(&key, &it.text), it.member))
    }
}

fn text(member: &Member) -> Box<str> {
    match &member.name {
        Some(name) => name.as_str().into(),
        None => format!("{}{}", member.host, member.port).into(),
    }
}

/// The score of what was hashed so far, followed by a member's text.
fn score(begun: &Murmur3X64, text: &str) -> u32 {
    let [byte0, byte1, byte2, byte3, ..] = begun.finish_with(text.as_bytes()).to_le_bytes();
    let extended = |byte: u8| i32::from(byte.cast_signed()).cast_unsigned();
    (extended(byte3) & 0xff00_0000)
        | (extended(byte2) & 0xffff_0000)
        | (extended(byte1) & 0xffff_ff00)
        | extended(byte0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_host_and_port_or_its_name() {
        let member = Member::new("10.0.0.1", 11211);
        assert_eq!(*text(&member), *"10.0.0.111211");
        assert_eq!(*text(&member.with_name("a")), *"a");
    }
}
