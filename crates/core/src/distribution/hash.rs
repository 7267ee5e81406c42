//! The hash functions of memcached clients: bytes in, a `u32` out.
//!
//! None is chosen for its quality. They are what twemproxy and libmemcached compute, quirks
//! included, because one other bit sends a key to another server.
//!
//! # Quirks
//! - C's `char` is signed on x86: where noted, a byte of 0x80 or above is sign-extended. Only
//!   keys that are not ASCII can tell.
//! - `crc32` keeps 15 bits. The usual CRC-32 is `crc32a`.
//! - `crc16` is never cut to 16 bits.
//! - `fnv1_64` and `fnv1a_64` are used as their low 32 bits; as multiplication carries upwards
//!   only, 32-bit arithmetic with the low halves of the constants gives the same.
//!
//! # Source
//! twemproxy 0.5.0 and libmemcached 1.1.4; checked by `tests/golden_distribution.rs`.

use std::fmt;
use std::str::FromStr;

use md5::{Digest, Md5};

use super::murmur3::Murmur3;

/// A hash function, called by the name twemproxy and libmemcached give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashFunction {
    /// Jenkins' one-at-a-time; libmemcached's default. Signed bytes.
    OneAtATime,
    /// The first four bytes of the MD5 digest, little-endian.
    Md5,
    /// CRC-16/XMODEM in a `u32` that is never cut. twemproxy's only.
    Crc16,
    /// Bits 16 to 30 of CRC-32; libmemcached calls it `crc`.
    Crc32,
    /// CRC-32 as everybody else has it. twemproxy's only.
    Crc32a,
    /// The low half of 64-bit FNV-1. Signed bytes.
    Fnv1_64,
    /// The low half of 64-bit FNV-1a; twemproxy's default. Signed bytes.
    Fnv1a64,
    /// 32-bit FNV-1. Signed bytes.
    Fnv1_32,
    /// 32-bit FNV-1a. Signed bytes.
    Fnv1a32,
    /// Hsieh's `SuperFastHash`, started at 0. twemproxy's only.
    Hsieh,
    /// `MurmurHash2`, started from the length.
    Murmur,
    /// `MurmurHash3`, seeded from the length. libmemcached's only.
    Murmur3,
    /// Jenkins' lookup3.
    Jenkins,
}

impl HashFunction {
    /// Every name a configuration may use, with what it stands for.
    pub const NAMES: [(&str, Self); 14] = [
        ("one_at_a_time", Self::OneAtATime),
        ("md5", Self::Md5),
        ("crc16", Self::Crc16),
        ("crc32", Self::Crc32),
        ("crc", Self::Crc32),
        ("crc32a", Self::Crc32a),
        ("fnv1_64", Self::Fnv1_64),
        ("fnv1a_64", Self::Fnv1a64),
        ("fnv1_32", Self::Fnv1_32),
        ("fnv1a_32", Self::Fnv1a32),
        ("hsieh", Self::Hsieh),
        ("murmur", Self::Murmur),
        ("murmur3", Self::Murmur3),
        ("jenkins", Self::Jenkins),
    ];

    /// The name in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneAtATime => "one_at_a_time",
            Self::Md5 => "md5",
            Self::Crc16 => "crc16",
            Self::Crc32 => "crc32",
            Self::Crc32a => "crc32a",
            Self::Fnv1_64 => "fnv1_64",
            Self::Fnv1a64 => "fnv1a_64",
            Self::Fnv1_32 => "fnv1_32",
            Self::Fnv1a32 => "fnv1a_32",
            Self::Hsieh => "hsieh",
            Self::Murmur => "murmur",
            Self::Murmur3 => "murmur3",
            Self::Jenkins => "jenkins",
        }
    }

    /// The hash of `bytes`. Linear in their length.
    pub fn hash(self, bytes: &[u8]) -> u32 {
        match self {
            Self::OneAtATime => one_at_a_time(bytes),
            Self::Md5 => md5_words(bytes)[0],
            Self::Crc16 => crc16(bytes),
            Self::Crc32 => (crc32(bytes) >> 16) & 0x7fff,
            Self::Crc32a => crc32(bytes),
            Self::Fnv1_64 => fnv1(FNV_64_LOW, bytes),
            Self::Fnv1a64 => fnv1a(FNV_64_LOW, bytes),
            Self::Fnv1_32 => fnv1(FNV_32, bytes),
            Self::Fnv1a32 => fnv1a(FNV_32, bytes),
            Self::Hsieh => hsieh(bytes),
            Self::Murmur => murmur2(bytes),
            Self::Murmur3 => murmur3(bytes),
            Self::Jenkins => jenkins(bytes),
        }
    }
}

impl FromStr for HashFunction {
    type Err = UnknownHash;

    fn from_str(name: &str) -> Result<Self, UnknownHash> {
        let known = Self::NAMES.into_iter().find(|(known, _)| *known == name);
        known.map(|(_, hash)| hash).ok_or_else(|| UnknownHash(name.to_owned()))
    }
}

impl fmt::Display for HashFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no hash function's.
///
/// The caller is at fault; nothing was built. [`HashFunction::NAMES`] has the known ones.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown hash function {0:?}")]
pub struct UnknownHash(pub String);

/// The MD5 digest of `bytes` as four little-endian words.
pub(super) fn md5_words(bytes: &[u8]) -> [u32; 4] {
    let digest: [u8; 16] = Md5::digest(bytes).into();
    let (words, _) = digest.as_chunks::<4>();
    std::array::from_fn(|word| u32::from_le_bytes(words[word]))
}

fn one_at_a_time(bytes: &[u8]) -> u32 {
    let mut hash = 0_u32;
    for &byte in bytes {
        hash = hash.wrapping_add(sign_extended(byte));
        hash = hash.wrapping_add(hash << 10);
        hash ^= hash >> 6;
    }
    hash = hash.wrapping_add(hash << 3);
    hash ^= hash >> 11;
    hash.wrapping_add(hash << 15)
}

fn crc16(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |crc: u32, &byte| {
        let idx = ((crc >> 8) ^ u32::from(byte)) & 0xff;
        (crc << 8) ^ CRC16_TABLE[idx as usize]
    })
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, &byte| {
        let idx = (crc ^ u32::from(byte)) & 0xff;
        (crc >> 8) ^ CRC32_TABLE[idx as usize]
    })
}

/// The two constants of an FNV hash.
#[derive(Clone, Copy)]
struct Fnv {
    start: u32,
    prime: u32,
}

fn fnv1(fnv: Fnv, bytes: &[u8]) -> u32 {
    bytes.iter().fold(fnv.start, |hash, &byte| hash.wrapping_mul(fnv.prime) ^ sign_extended(byte))
}

fn fnv1a(fnv: Fnv, bytes: &[u8]) -> u32 {
    bytes.iter().fold(fnv.start, |hash, &byte| (hash ^ sign_extended(byte)).wrapping_mul(fnv.prime))
}

fn hsieh(bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks::<4>();
    let mut hash = 0_u32;
    for word in words {
        hash = hash.wrapping_add(half_word(word[0], word[1]));
        hash = (hash << 16) ^ (half_word(word[2], word[3]) << 11) ^ hash;
        hash = hash.wrapping_add(hash >> 11);
    }
    match *rest {
        [a, b, c] => {
            hash = hash.wrapping_add(half_word(a, b));
            hash ^= hash << 16;
            hash ^= sign_extended(c) << 18;
            hash = hash.wrapping_add(hash >> 11);
        }
        [a, b] => {
            hash = hash.wrapping_add(half_word(a, b));
            hash ^= hash << 11;
            hash = hash.wrapping_add(hash >> 17);
        }
        [a] => {
            hash = hash.wrapping_add(u32::from(a));
            hash ^= hash << 10;
            hash = hash.wrapping_add(hash >> 1);
        }
        _ => {}
    }
    hash ^= hash << 3;
    hash = hash.wrapping_add(hash >> 5);
    hash ^= hash << 4;
    hash = hash.wrapping_add(hash >> 17);
    hash ^= hash << 25;
    hash.wrapping_add(hash >> 6)
}

fn murmur2(bytes: &[u8]) -> u32 {
    const FACTOR: u32 = 0x5bd1_e995;
    let len = len_u32(bytes);
    let (words, rest) = bytes.as_chunks::<4>();
    let mut hash = LENGTH_SEED.wrapping_mul(len) ^ len;
    for &word in words {
        let mut mixed = u32::from_le_bytes(word).wrapping_mul(FACTOR);
        mixed = (mixed ^ (mixed >> 24)).wrapping_mul(FACTOR);
        hash = hash.wrapping_mul(FACTOR) ^ mixed;
    }
    if !rest.is_empty() {
        hash = (hash ^ padded_word(rest)).wrapping_mul(FACTOR);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(FACTOR);
    hash ^ (hash >> 15)
}

fn murmur3(bytes: &[u8]) -> u32 {
    let mut murmur = Murmur3::new(LENGTH_SEED.wrapping_mul(len_u32(bytes)));
    murmur.write(bytes);
    murmur.finish()
}

fn jenkins(bytes: &[u8]) -> u32 {
    let start = LENGTH_SEED.wrapping_add(len_u32(bytes)).wrapping_add(13);
    let mut state = [start; 3];
    let mut rest = bytes;
    while let Some((block, after)) = rest.split_first_chunk::<12>() {
        if after.is_empty() {
            break;
        }
        jenkins_add(&mut state, block);
        jenkins_mix(&mut state);
        rest = after;
    }
    if !rest.is_empty() {
        jenkins_add(&mut state, rest);
        jenkins_final(&mut state);
    }
    state[2]
}

/// Adds at most 12 bytes to the state, word by word, as if zeros followed them.
fn jenkins_add(state: &mut [u32; 3], block: &[u8]) {
    for (part, word) in state.iter_mut().zip(block.chunks(4)) {
        *part = part.wrapping_add(padded_word(word));
    }
}

fn jenkins_mix([a, b, c]: &mut [u32; 3]) {
    *a = a.wrapping_sub(*c) ^ c.rotate_left(4);
    *c = c.wrapping_add(*b);
    *b = b.wrapping_sub(*a) ^ a.rotate_left(6);
    *a = a.wrapping_add(*c);
    *c = c.wrapping_sub(*b) ^ b.rotate_left(8);
    *b = b.wrapping_add(*a);
    *a = a.wrapping_sub(*c) ^ c.rotate_left(16);
    *c = c.wrapping_add(*b);
    *b = b.wrapping_sub(*a) ^ a.rotate_left(19);
    *a = a.wrapping_add(*c);
    *c = c.wrapping_sub(*b) ^ b.rotate_left(4);
    *b = b.wrapping_add(*a);
}

fn jenkins_final([a, b, c]: &mut [u32; 3]) {
    *c = (*c ^ *b).wrapping_sub(b.rotate_left(14));
    *a = (*a ^ *c).wrapping_sub(c.rotate_left(11));
    *b = (*b ^ *a).wrapping_sub(a.rotate_left(25));
    *c = (*c ^ *b).wrapping_sub(b.rotate_left(16));
    *a = (*a ^ *c).wrapping_sub(c.rotate_left(4));
    *b = (*b ^ *a).wrapping_sub(a.rotate_left(14));
    *c = (*c ^ *b).wrapping_sub(b.rotate_left(24));
}

/// A byte as C on x86 adds a `char` to an unsigned number.
fn sign_extended(byte: u8) -> u32 {
    i32::from(byte.cast_signed()).cast_unsigned()
}

/// Up to four bytes as a little-endian word, as if zeros followed them.
fn padded_word(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |word, &byte| (word << 8) | u32::from(byte))
}

fn half_word(low: u8, high: u8) -> u32 {
    u32::from(u16::from_le_bytes([low, high]))
}

#[expect(clippy::cast_possible_truncation, reason = "the C code keeps 32 bits of the length")]
fn len_u32(bytes: &[u8]) -> u32 {
    bytes.len() as u32
}

/// What several of the C functions start from, mixed with the length.
const LENGTH_SEED: u32 = 0xdead_beef;

const FNV_32: Fnv = Fnv { start: 0x811c_9dc5, prime: 0x0100_0193 };

/// The low halves of cbf29ce484222325 and 100000001b3.
const FNV_64_LOW: Fnv = Fnv { start: 0x8422_2325, prime: 0x0000_01b3 };

/// Polynomial 1021, most significant bit first.
static CRC16_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut idx = 0_u32;
    while idx < 256 {
        let mut crc = idx << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc << 1) ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 };
            bit += 1;
        }
        table[idx as usize] = crc & 0xffff;
        idx += 1;
    }
    table
};

/// Polynomial 04c11db7, least significant bit first.
static CRC32_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut idx = 0_u32;
    while idx < 256 {
        let mut crc = idx;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ if crc & 1 == 0 { 0 } else { 0xedb8_8320 };
            bit += 1;
        }
        table[idx as usize] = crc;
        idx += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, input: &str, hash: u32) {
        let function: HashFunction = name.parse().unwrap();
        assert_eq!(function.hash(input.as_bytes()), hash, "{name} of {input:?}");
    }

    #[test]
    fn published_answers_hold() {
        check("one_at_a_time", "a", 0xca2e_9442);
        check("one_at_a_time", "The quick brown fox jumps over the lazy dog", 0x519e_91f5);
        check("md5", "", 0xd98c_1dd4);
        check("crc32a", "123456789", 0xcbf4_3926);
        check("crc32", "123456789", 0x4bf4);
        check("fnv1_32", "foobar", 0x31f0_b262);
        check("fnv1a_32", "foobar", 0xbf9c_f968);
        // The low halves of 340d8765a4dda9c2 and 85944171f73967e8.
        check("fnv1_64", "foobar", 0xa4dd_a9c2);
        check("fnv1a_64", "foobar", 0xf739_67e8);
    }

    #[test]
    fn crc16_keeps_what_it_shifts_out() {
        assert_eq!(HashFunction::Crc16.hash(b"123456789") & 0xffff, 0x31c3);
        assert!(HashFunction::Crc16.hash(b"123456789") > 0xffff);
    }

    #[test]
    fn every_name_is_parsed_and_printed() {
        for (name, function) in HashFunction::NAMES {
            assert_eq!(name.parse(), Ok(function));
            assert_eq!(function.name().parse(), Ok(function));
        }
        let error = "fnv1a_46".parse::<HashFunction>().unwrap_err();
        assert_eq!(error.to_string(), "unknown hash function \"fnv1a_46\"");
    }

    #[test]
    fn no_length_of_input_panics() {
        let bytes: Vec<u8> = (0..=255).cycle().take(600).collect();
        for (_, function) in HashFunction::NAMES {
            for len in 0..bytes.len() {
                function.hash(&bytes[..len]);
            }
        }
    }
}
