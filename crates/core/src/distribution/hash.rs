//! The hash functions of memcached clients: bytes in, a `u32` out.
//!
//! None is chosen for its quality. They are what the clients compute, quirks included, because one
//! other bit sends a key to another server. What a configuration calls them is the business of
//! [`super::Scheme`]: one name means different functions to different clients.
//!
//! # Quirks
//! - C's `char` is signed on x86: where noted, a byte of 0x80 or above is sign-extended. Only
//!   keys that are not ASCII can tell.
//! - [`HashFunction::Crc15`] is what libmemcached, twemproxy, spymemcached and python-memcached
//!   call CRC-32.
//! - `crc16` is never cut to 16 bits.
//! - `fnv1_64` and `fnv1a_64` are used as their low 32 bits; as multiplication carries upwards
//!   only, 32-bit arithmetic with the low halves of the constants gives the same.
//! - Java hashes UTF-16 code units. A key that is not UTF-8 cannot have come from spymemcached;
//!   each of its bytes is taken as one unit.
//!
//! # Source
//! twemproxy 0.5.0, libmemcached 1.1.4, spymemcached 2.12.3, PECL memcache 8.0, libmc 1.4.17;
//! checked by `tests/golden_distribution`.

use md5::{Digest, Md5};
use xxhash_rust::xxh64::xxh64;

use super::murmur3::Murmur3;

/// A hash function of some client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashFunction {
    /// Jenkins' one-at-a-time; libmemcached's default. Signed bytes.
    OneAtATime,
    /// The first four bytes of the MD5 digest, little-endian.
    Md5,
    /// CRC-16/XMODEM in a `u32` that is never cut. twemproxy's only.
    Crc16,
    /// Bits 16 to 30 of CRC-32.
    Crc15,
    /// CRC-32, whole.
    Crc32,
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
    /// 32-bit FNV-1. Unsigned bytes; libmc's.
    UnsignedFnv1_32,
    /// 32-bit FNV-1a. Unsigned bytes; libmc's.
    UnsignedFnv1a32,
    /// Java's `String.hashCode`, over UTF-16 code units.
    JavaNative,
    /// The low half of 64-bit FNV-1 over UTF-16 code units.
    JavaFnv1_64,
    /// The low half of 64-bit FNV-1a over UTF-16 code units.
    JavaFnv1a64,
    /// 32-bit FNV-1 over UTF-16 code units.
    JavaFnv1_32,
    /// 32-bit FNV-1a over UTF-16 code units.
    JavaFnv1a32,
    /// `XXH64` with seed 0.
    Xxh64,
}

impl HashFunction {
    /// The hash of `bytes`; of one of 64 bits, the lower half. Linear in their length.
    #[inline]
    pub fn hash(self, bytes: &[u8]) -> u32 {
        match self {
            Self::OneAtATime => one_at_a_time(bytes),
            Self::Md5 => md5_words(bytes)[0],
            Self::Crc16 => crc16(bytes),
            Self::Crc15 => (crc32(bytes) >> 16) & 0x7fff,
            Self::Crc32 => crc32(bytes),
            Self::Fnv1_64 => fnv1(FNV_64_LOW, signed(bytes)),
            Self::Fnv1a64 => fnv1a(FNV_64_LOW, signed(bytes)),
            Self::Fnv1_32 => fnv1(FNV_32, signed(bytes)),
            Self::Fnv1a32 => fnv1a(FNV_32, signed(bytes)),
            Self::Hsieh => hsieh(bytes),
            Self::Murmur => murmur2(bytes),
            Self::Murmur3 => murmur3(bytes),
            Self::Jenkins => jenkins(bytes),
            Self::UnsignedFnv1_32 => fnv1(FNV_32, unsigned(bytes)),
            Self::UnsignedFnv1a32 => fnv1a(FNV_32, unsigned(bytes)),
            Self::JavaNative => java_native(code_units(bytes)),
            Self::JavaFnv1_64 => fnv1(FNV_64_LOW, code_units(bytes)),
            Self::JavaFnv1a64 => fnv1a(FNV_64_LOW, code_units(bytes)),
            Self::JavaFnv1_32 => fnv1(FNV_32, code_units(bytes)),
            Self::JavaFnv1a32 => fnv1a(FNV_32, code_units(bytes)),
            Self::Xxh64 => low_half(xxh64(bytes, 0)),
        }
    }
}

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

fn fnv1(fnv: Fnv, units: impl Iterator<Item = u32>) -> u32 {
    units.fold(fnv.start, |hash, unit| hash.wrapping_mul(fnv.prime) ^ unit)
}

fn fnv1a(fnv: Fnv, units: impl Iterator<Item = u32>) -> u32 {
    units.fold(fnv.start, |hash, unit| (hash ^ unit).wrapping_mul(fnv.prime))
}

/// Java's `String.hashCode`.
fn java_native(units: impl Iterator<Item = u32>) -> u32 {
    units.fold(0, |hash: u32, unit| hash.wrapping_mul(31).wrapping_add(unit))
}

/// Bytes as Java and unsigned C have them.
fn unsigned(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.iter().map(|&byte| byte.into())
}

/// Bytes as C on x86 adds a `char` to an unsigned number.
fn signed(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.iter().map(|&byte| sign_extended(byte))
}

/// The text as Java holds it, in UTF-16; what is not UTF-8 as one unit a byte.
fn code_units(bytes: &[u8]) -> impl Iterator<Item = u32> {
    let text = if bytes.is_ascii() { None } else { str::from_utf8(bytes).ok() };
    let raw = if text.is_some() { &[] } else { bytes };
    text.unwrap_or_default().encode_utf16().map(u32::from).chain(unsigned(raw))
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

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is meant")]
fn low_half(hash: u64) -> u32 {
    hash as u32
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
    fn check(function: HashFunction, input: &str, hash: u32) {
        assert_eq!(function.hash(input.as_bytes()), hash, "{function:?} of {input:?}");
    }

    #[test]
    fn published_answers_hold() {
        check(HashFunction::OneAtATime, "a", 0xca2e_9442);
        let pangram = "The quick brown fox jumps over the lazy dog";
        check(HashFunction::OneAtATime, pangram, 0x519e_91f5);
        check(HashFunction::Md5, "", 0xd98c_1dd4);
        check(HashFunction::Crc32, "123456789", 0xcbf4_3926);
        check(HashFunction::Crc15, "123456789", 0x4bf4);
        for function in [HashFunction::Fnv1_32, HashFunction::UnsignedFnv1_32] {
            check(function, "foobar", 0x31f0_b262);
        }
        for function in [HashFunction::Fnv1a32, HashFunction::UnsignedFnv1a32] {
            check(function, "foobar", 0xbf9c_f968);
        }
        // The low halves of 340d8765a4dda9c2 and 85944171f73967e8.
        check(HashFunction::Fnv1_64, "foobar", 0xa4dd_a9c2);
        check(HashFunction::Fnv1a64, "foobar", 0xf739_67e8);
        // The low half of ef46db3751d8e999, from the specification of XXH64.
        check(HashFunction::Xxh64, "", 0x51d8_e999);
    }

    #[test]
    fn java_hashes_code_units() {
        // From the documentation of `String.hashCode`: s[0]*31^(n-1) + … + s[n-1].
        check(HashFunction::JavaNative, "Aa", 2112);
        check(HashFunction::JavaNative, "BB", 2112);
        check(HashFunction::JavaNative, "é", 0xe9);
        check(HashFunction::JavaNative, "€", 0x20ac);
        // A character of two code units.
        check(HashFunction::JavaNative, "😀", 0xd83d * 31 + 0xde00);
        let fnv1a_of_unit = |unit: u32| (0x811c_9dc5 ^ unit).wrapping_mul(0x0100_0193);
        check(HashFunction::JavaFnv1a32, "€", fnv1a_of_unit(0x20ac));
        // Not UTF-8: one unit a byte.
        assert_eq!(HashFunction::JavaNative.hash(b"\xff\x80"), 0xff * 31 + 0x80);
    }

    #[test]
    fn crc16_keeps_what_it_shifts_out() {
        assert_eq!(HashFunction::Crc16.hash(b"123456789") & 0xffff, 0x31c3);
        assert!(HashFunction::Crc16.hash(b"123456789") > 0xffff);
    }
}
