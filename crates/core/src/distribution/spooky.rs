//! `SpookyHashV2`, 32 bits.
//!
//! # Source
//! `SpookyV2.cpp` by Bob Jenkins, public domain; its published results are in the tests.

/// The hash of `bytes`.
pub(super) fn spooky32(bytes: &[u8], seed: u32) -> u32 {
    let seed = u64::from(seed);
    let hash = if bytes.len() < SHORT_LEN { short(bytes, seed) } else { long(bytes, seed) };
    low_half(hash)
}

fn short(bytes: &[u8], seed: u64) -> u64 {
    let mut state = [seed, seed, FILLER, FILLER];
    let (blocks, rest) = bytes.as_chunks::<32>();
    for block in blocks {
        let [w0, w1, w2, w3] = words(block);
        state[2] = state[2].wrapping_add(w0);
        state[3] = state[3].wrapping_add(w1);
        short_mix(&mut state);
        state[0] = state[0].wrapping_add(w2);
        state[1] = state[1].wrapping_add(w3);
    }
    let mut rest = rest;
    if let Some((half, after)) = rest.split_first_chunk::<16>() {
        let [w0, w1] = words(half);
        state[2] = state[2].wrapping_add(w0);
        state[3] = state[3].wrapping_add(w1);
        short_mix(&mut state);
        rest = after;
    }
    let [w0, w1] = if rest.is_empty() { [FILLER; 2] } else { words(rest) };
    state[2] = state[2].wrapping_add(w0);
    state[3] = state[3].wrapping_add((bytes.len() as u64) << 56).wrapping_add(w1);
    short_end(&mut state);
    state[0]
}

fn short_mix(state: &mut [u64; 4]) {
    for (step, bits) in (0..).zip([50, 52, 30, 41, 54, 48, 38, 37, 62, 34, 5, 36]) {
        // c, d, a, b, c, …
        let [at, next, after] = [step + 2, step + 3, step].map(|place| place % 4);
        state[at] = state[at].rotate_left(bits).wrapping_add(state[next]);
        state[after] ^= state[at];
    }
}

fn short_end(state: &mut [u64; 4]) {
    for (step, bits) in (0..).zip([15, 52, 26, 51, 28, 9, 47, 54, 32, 25, 63]) {
        // d by c, a by d, b by a, …
        let [at, before] = [step + 3, step + 2].map(|place| place % 4);
        state[at] ^= state[before];
        state[before] = state[before].rotate_left(bits);
        state[at] = state[at].wrapping_add(state[before]);
    }
}

fn long(bytes: &[u8], seed: u64) -> u64 {
    let mut state = std::array::from_fn(|at| if at % 3 == 2 { FILLER } else { seed });
    let (blocks, rest) = bytes.as_chunks::<BLOCK_LEN>();
    for block in blocks {
        mix(&mut state, &words(block));
    }
    let mut last = [0; BLOCK_LEN];
    last[..rest.len()].copy_from_slice(rest);
    last[BLOCK_LEN - 1] = u8::try_from(rest.len()).expect("less than a block is left");
    for (word, added) in state.iter_mut().zip(words::<12>(&last)) {
        *word = word.wrapping_add(added);
    }
    for _ in 0..3 {
        end(&mut state);
    }
    state[0]
}

fn mix(state: &mut [u64; 12], block: &[u64; 12]) {
    let bits = [11, 32, 43, 31, 17, 28, 39, 57, 55, 54, 22, 46];
    for (at, (bits, word)) in bits.into_iter().zip(block).enumerate() {
        let [next, second, tenth, last] = [1, 2, 10, 11].map(|after| (at + after) % 12);
        state[at] = state[at].wrapping_add(*word);
        state[second] ^= state[tenth];
        state[last] ^= state[at];
        state[at] = state[at].rotate_left(bits);
        state[last] = state[last].wrapping_add(state[next]);
    }
}

fn end(state: &mut [u64; 12]) {
    let bits = [44, 15, 34, 21, 38, 33, 10, 13, 38, 53, 42, 54];
    for (at, bits) in bits.into_iter().enumerate() {
        let [next, second, last] = [1, 2, 11].map(|after| (at + after) % 12);
        state[last] = state[last].wrapping_add(state[next]);
        state[second] ^= state[last];
        state[next] = state[next].rotate_left(bits);
    }
}

/// Little-endian words, as if zeros followed the bytes.
fn words<const LEN: usize>(bytes: &[u8]) -> [u64; LEN] {
    let mut words = [0; LEN];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks(8)) {
        let mut padded = [0; 8];
        padded[..bytes.len()].copy_from_slice(bytes);
        *word = u64::from_le_bytes(padded);
    }
    words
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is meant")]
fn low_half(hash: u64) -> u32 {
    hash as u32
}

const BLOCK_LEN: usize = 96;

/// Shorter ones are hashed another way.
const SHORT_LEN: usize = 2 * BLOCK_LEN;

/// `deadbeef` twice.
const FILLER: u64 = 0xdead_beef * ((1 << 32) + 1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::hash::HashFunction;

    #[test]
    fn the_published_results_hold() {
        // From `TestResults` in `TestSpookyV2.cpp`, of the bytes 128, 129, … in these lengths.
        let bytes: Vec<u8> = (0x80..=0xff).chain(0..=0x7f).cycle().take(512).collect();
        for (first_len, hashes) in
            [(0, &SHORT_RESULTS[..]), (188, &RESULTS_AROUND_192[..]), (504, &LONG_RESULTS[..])]
        {
            for (len, &hash) in (first_len..).zip(hashes) {
                assert_eq!(spooky32(&bytes[..len], 0), hash, "{len} bytes");
            }
        }
    }

    #[track_caller]
    fn check_every_length(seed: u32, crc32: u32) {
        let bytes: Vec<u8> = (0x80..=0xff).chain(0..=0x7f).cycle().take(511).collect();
        let hashes = (0..512).flat_map(|len| spooky32(&bytes[..len], seed).to_le_bytes());
        assert_eq!(HashFunction::Crc32.hash(&hashes.collect::<Vec<_>>()), crc32);
    }

    #[test]
    fn every_length_gives_what_the_original_gives() {
        // CRC-32 of what the Python package spookyhash 2.1.1 gives, which wraps the original, as
        // little-endian words.
        check_every_length(0, 0xb61d_1c31);
        check_every_length(0xface_2014, 0x7de1_fb4b);
    }

    const SHORT_RESULTS: [u32; 36] = [
        0x6bf5_0919,
        0x70de_1d26,
        0xa2b3_7298,
        0x35bc_5fbf,
        0x8223_b279,
        0x5bcb_315e,
        0x53fe_88a1,
        0xf9f1_a233,
        0xee19_3982,
        0x54f8_6f29,
        0xc877_2d36,
        0x9ed6_0886,
        0x5f23_d1da,
        0x1ed9_f474,
        0xf2ef_0c89,
        0x83ec_01f9,
        0xf274_736c,
        0x7e9a_c0df,
        0xc7ae_d250,
        0xb101_5811,
        0xe234_70f5,
        0x48ac_20c4,
        0xe2ab_3cd5,
        0x608f_8363,
        0xd063_9e68,
        0xc4e8_e7ab,
        0x863c_7c5b,
        0x4ea6_3579,
        0x99ae_8622,
        0x170c_658b,
        0x149b_a493,
        0x027b_ca7c,
        0xe5cf_c8b6,
        0xce01_d9d7,
        0x1110_3330,
        0x5d1f_5ed4,
    ];

    const RESULTS_AROUND_192: [u32; 8] = [
        0xe715_b13a,
        0x0394_c3b2,
        0x11ef_bbae,
        0xe13d_9e19,
        0x77e0_12bd,
        0x2d05_114c,
        0xaecf_2ddd,
        0xb2a2_b4aa,
    ];

    const LONG_RESULTS: [u32; 8] = [
        0x27c2_e04b,
        0x0b75_23bd,
        0x0730_5776,
        0xc6be_7503,
        0x918f_a7c9,
        0xaf2e_2cd9,
        0x8204_6f8e,
        0xcc1c_8250,
    ];
}
