//! pymemcache's `HashClient`: each server scores each key, and the highest score has it.
//!
//! | | `pymemcache` | `pymemcache-bytes` |
//! |---|---|---|
//! | text | [`Member::full_text`] | the same |
//! | score | `MurmurHash3`, 32 bits, seed 0, of `text-key` | the same, of `text-b'key'` |
//! | ties | the greater text | the same |
//! | failover order | the next highest score | the same |
//!
//! So a member that joins or leaves moves its own keys only. The price is one hash a member for
//! each key; the member's part of it is hashed beforehand.
//!
//! # Hard cases
//! - A key that is not ASCII: pymemcache hashes the characters' code points, each cut to one
//!   byte, not the bytes it sends. A key that is not UTF-8 either is hashed as it is.
//! - A key given as `bytes` is hashed as Python prints it. From the wire this cannot be told from a
//!   `str`: it is a scheme of its own.
//!
//! # Source
//! `RendezvousHash` of pymemcache 4.0.0; `bytes.__repr__` of Python 3.

use smallvec::SmallVec;

use super::MemberIdx;
use super::member::Member;
use super::murmur3::Murmur3;
use super::scoring::Scoring;

/// The members in order of preference between equal scores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pymemcache {
    keys: Keys,
    /// Invariant: not empty; sorted by text, greatest first.
    candidates: Box<[Candidate]>,
}

/// The type that keys have in Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    Str,
    Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Candidate {
    /// The hash of `text-`, to which a key is added.
    prefix: Murmur3,
    member: MemberIdx,
}

impl Pymemcache {
    pub(super) fn new(members: &[Member], keys: Keys) -> Self {
        let texts = members.iter().map(Member::full_text);
        let mut sorted: Vec<_> = texts.zip(MemberIdx::first(members.len())).collect();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        let candidates = sorted.into_iter().map(|(text, member)| {
            let mut prefix = Murmur3::new(0);
            prefix.write(&characters(text.as_bytes()));
            prefix.write_byte(b'-');
            Candidate { prefix, member }
        });
        Self { keys, candidates: candidates.collect() }
    }

    /// What is hashed of a key.
    fn text(&self, key: &[u8]) -> Text {
        match self.keys {
            Keys::Str => characters(key),
            Keys::Bytes => printed(key),
        }
    }
}

impl Scoring for Pymemcache {
    fn scores(&self, hashed: &[u8]) -> impl Iterator<Item = (u32, MemberIdx)> {
        let text = self.text(hashed);
        self.candidates.iter().map(move |it| (it.score(&text), it.member))
    }
}

impl Candidate {
    #[inline]
    fn score(&self, text: &[u8]) -> u32 {
        let mut hash = self.prefix;
        hash.write(text);
        hash.finish()
    }
}

/// On the stack for every key that can be sent, which as `bytes` can be printed four times as long.
type Text = SmallVec<[u8; 1024]>;

/// One byte for each character.
fn characters(key: &[u8]) -> Text {
    if !key.is_ascii()
        && let Ok(text) = str::from_utf8(key)
    {
        return text.chars().map(|character| (u32::from(character) & 0xff) as u8).collect();
    }
    Text::from_slice(key)
}

/// `b'key'`, as Python prints it.
fn printed(key: &[u8]) -> Text {
    let quote = if key.contains(&b'\'') && !key.contains(&b'"') { b'"' } else { b'\'' };
    let mut text = Text::from_slice(&[b'b', quote]);
    for &byte in key {
        match byte {
            b'\t' => text.extend_from_slice(b"\\t"),
            b'\n' => text.extend_from_slice(b"\\n"),
            b'\r' => text.extend_from_slice(b"\\r"),
            b'\\' => text.extend_from_slice(b"\\\\"),
            byte if byte == quote => text.extend_from_slice(&[b'\\', byte]),
            b' '..=b'~' => text.push(byte),
            other => {
                text.extend_from_slice(b"\\x");
                text.extend([other >> 4, other & 15].map(hex_digit));
            }
        }
    }
    text.push(quote);
    text
}

fn hex_digit(value: u8) -> u8 {
    b"0123456789abcdef"[usize::from(value)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::placing::Placing;

    fn of(hosts: [&str; 3]) -> Pymemcache {
        Pymemcache::new(&hosts.map(|host| Member::new(host, 1)), Keys::Str)
    }

    #[test]
    fn equal_scores_go_to_the_greater_text() {
        let mut pymemcache = of(["a", "c", "b"]);
        let order: Vec<_> = pymemcache.candidates.iter().map(|each| each.member).collect();
        assert_eq!(order, [1, 2, 0].map(MemberIdx::from));
        let prefix = pymemcache.candidates[0].prefix;
        pymemcache.candidates.iter_mut().for_each(|candidate| candidate.prefix = prefix);
        assert_eq!(pymemcache.pick(b"key", &mut |_| true), Some(1.into()));
        assert_eq!(pymemcache.pick(b"key", &mut |member| member != 1.into()), Some(2.into()));
    }

    #[test]
    fn a_character_is_one_byte_whatever_its_code_point() {
        // Code points 161 and e9 end in the bytes 61 ('a') and e9.
        assert_eq!(*characters("š".as_bytes()), *b"a");
        assert_eq!(*characters("é".as_bytes()), *b"\xe9");
        assert_eq!(*characters(b"\xe9"), *b"\xe9", "not UTF-8");
    }

    #[test]
    fn bytes_are_hashed_as_python_prints_them() {
        // Each from `repr(key)` of Python 3.11.
        for (key, expected) in [
            (&b"key"[..], "b'key'"),
            (b"it's", "b\"it's\""),
            (b"it's \"it\"", "b'it\\'s \"it\"'"),
            (b"\"", "b'\"'"),
            (b"a\\b\t\n\r", "b'a\\\\b\\t\\n\\r'"),
            (b"\x00\x1f\x7f\x80\xff~ ", "b'\\x00\\x1f\\x7f\\x80\\xff~ '"),
        ] {
            assert_eq!(str::from_utf8(&printed(key)), Ok(expected));
        }
    }
}
