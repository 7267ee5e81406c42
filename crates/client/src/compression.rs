//! Large values made smaller, with LZ4.
//!
//! Decides whether compressing a value is worth it, marks in its flags that it was done, and
//! never makes room for more than a value can honestly become.
//!
//! # Format
//! The length of the value as 32 bits, the lowest byte first, and one LZ4 block: what the
//! `lz4_flex` crate calls a block with its size prepended, and Python's `lz4.block` reads. The
//! flags carry our mark and the kind of what is beneath ([`Dialect`]).
//!
//! # Why LZ4 and not zstd
//! A cache is read much more often than written, and its client runs on the application's
//! processors: what counts is how little decompressing costs. By zstd's own comparison it makes
//! text smaller than LZ4 does (2.9 times instead of 2.1) and decompresses it 2.5 times as slowly.
//! LZ4 has a well-kept implementation in safe Rust without dependencies; zstd is a C library to
//! be built and linked, and what there is of it in Rust is made for decompressing.
//!
//! # Limits
//! Bytes from a server never make memory grow without bound: a value that says it becomes more
//! than [`decompressed_len_max`](Compression::decompressed_len_max), or more than 255 times its
//! length, which is what LZ4 can reach, is refused before anything is allocated.

use lz4_flex::block;

use crate::flags::Dialect;
use crate::value::Value;

/// Which values are compressed, and what may come out of them.
///
/// # Examples
/// ```
/// use evenkeel::{Compression, Dialect, Value};
///
/// let compression = Compression::default();
/// let text = "to and fro, ".repeat(200);
/// let (flags, bytes) = compression
///     .compress(16, text.as_bytes(), Dialect::default())
///     .expect("it is long, and repeats itself");
/// assert!(bytes.len() < text.len() / 10);
///
/// let value = compression.decompress(Value::new(flags, bytes), Dialect::default())?;
/// assert_eq!((value.flags(), &value.bytes()[..]), (16, text.as_bytes()));
/// # Ok::<(), evenkeel::DecompressError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    threshold: usize,
    saving_percent_min: u8,
    decompressed_len_max: usize,
}

impl Default for Compression {
    fn default() -> Self {
        Self {
            threshold: THRESHOLD,
            saving_percent_min: SAVING_PERCENT_MIN,
            decompressed_len_max: DECOMPRESSED_LEN_MAX,
        }
    }
}

impl Compression {
    /// The length in bytes from which a value is compressed. Default: 1,024.
    ///
    /// Below, there is little to save: the value fills one packet either way, and short values
    /// hardly repeat themselves. Lower it if servers run short of memory; raise it if the
    /// application runs short of processor time.
    pub fn threshold(self, threshold: usize) -> Self {
        Self { threshold, ..self }
    }

    /// How much smaller a value must become to be stored compressed, in percent, 0 to 100.
    /// Default: 10.
    ///
    /// What saves less (pictures, what is compressed already) is stored as it is: each later
    /// read is spared the decompressing. Values above 100 are as 100: nothing is compressed.
    pub fn saving_percent_min(self, percent: u8) -> Self {
        Self { saving_percent_min: percent, ..self }
    }

    /// How long a value may be when it is decompressed, in bytes. Default: 64 MiB.
    ///
    /// A longer one is not compressed in the first place. Everybody who shares the cache needs
    /// at least the limit of those who write.
    pub fn decompressed_len_max(self, len: usize) -> Self {
        Self { decompressed_len_max: len, ..self }
    }

    /// The value compressed, with the flags that say so; `None` if it is to be stored as it is:
    /// it is short, it would hardly become smaller, or its flags (another dialect's, or the
    /// application's own) leave no place to say so.
    ///
    /// # Cost
    /// One allocation of about the length of the value.
    pub fn compress(&self, flags: u32, bytes: &[u8], dialect: Dialect) -> Option<(u32, Vec<u8>)> {
        let flags = dialect.compressed(flags)?;
        let len = u32::try_from(bytes.len()).ok()?;
        if bytes.len() < self.threshold || bytes.len() > self.decompressed_len_max {
            return None;
        }
        let mut compressed = vec![0; LEN_LEN + block::get_maximum_output_size(bytes.len())];
        let (len_bytes, block_bytes) = compressed.split_at_mut(LEN_LEN);
        len_bytes.copy_from_slice(&len.to_le_bytes());
        let block_len = block::compress_into(bytes, block_bytes).ok()?;
        compressed.truncate(LEN_LEN + block_len);
        if !self.is_worth_it(bytes.len(), compressed.len()) {
            return None;
        }
        // What is kept until it is sent is not more than what is sent.
        compressed.shrink_to_fit();
        Some((flags, compressed))
    }

    /// The value as it was before it was compressed; unchanged if its flags do not say that we
    /// compressed it.
    ///
    /// # Errors
    /// It is longer than allowed, or not what its flags say. The value is dropped.
    pub fn decompress(&self, value: Value, dialect: Dialect) -> Result<Value, DecompressError> {
        let Some(flags) = dialect.decompressed(value.flags()) else {
            return Ok(value);
        };
        let stored = value.bytes();
        let (len, block) = stored.split_first_chunk().ok_or(DecompressError::Malformed)?;
        let len = usize::try_from(u32::from_le_bytes(*len)).unwrap_or(usize::MAX);
        if len > self.decompressed_len_max {
            return Err(DecompressError::TooLong { len, max: self.decompressed_len_max });
        }
        if len > block.len().saturating_mul(EXPANSION_MAX) {
            return Err(DecompressError::Malformed);
        }
        let mut bytes = vec![0; len];
        match block::decompress_into(block, &mut bytes) {
            Ok(found) if found == len => Ok(value.with_content(flags, bytes)),
            Ok(_) | Err(_) => Err(DecompressError::Malformed),
        }
    }

    fn is_worth_it(&self, len: usize, compressed_len: usize) -> bool {
        let percent = u64::from(self.saving_percent_min.min(100));
        let saved = len.saturating_sub(compressed_len) as u64;
        // At least a byte: 0 % must not make values larger.
        saved > 0 && saved * 100 >= len as u64 * percent
    }
}

/// Why a value cannot be decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecompressError {
    /// It says that it becomes longer than this client allows: its writer allows more, or it is
    /// garbage.
    /// The stored value is unchanged; nothing was allocated.
    #[error(
        "the value would have {len} bytes decompressed, {max} at most: raise decompressed_len_max"
    )]
    TooLong {
        /// Bytes it says it has when decompressed.
        len: usize,
        /// The limit that was set.
        max: usize,
    },
    /// Its flags say that it was compressed here, and its bytes are something else.
    /// The stored value is unchanged.
    #[error("the value is marked as compressed with LZ4 and is not")]
    Malformed,
}

const THRESHOLD: usize = 1024;

const SAVING_PERCENT_MIN: u8 = 10;

const DECOMPRESSED_LEN_MAX: usize = 64 << 20;

/// Bytes of the length before the block.
const LEN_LEN: usize = size_of::<u32>();

/// Each further byte of a block gives at most this many bytes of the value.
const EXPANSION_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    use Dialect::{Evenkeel, PhpMemcached};

    /// Bytes in which nothing repeats.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let mut step = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        (0..len).map(|_| step()).collect()
    }

    fn compress(bytes: &[u8]) -> Option<(u32, Vec<u8>)> {
        Compression::default().compress(0, bytes, Evenkeel)
    }

    fn decompress(flags: u32, bytes: &[u8]) -> Result<Value, DecompressError> {
        Compression::default().decompress(Value::new(flags, bytes.to_vec()), Evenkeel)
    }

    #[test]
    fn what_is_compressed_becomes_what_it_was() {
        for len in [1024, 1025, 4096, 65_535, 65_536, 1 << 20] {
            let bytes: Vec<u8> = noise(64).into_iter().cycle().take(len).collect();
            for flags in [0, 2, 16, 0x454b_0060, 0x454b_0080] {
                let (marked, compressed) =
                    Compression::default().compress(flags, &bytes, Evenkeel).unwrap();
                assert!(compressed.len() < len);
                assert_eq!(decompress(marked, &compressed), Ok(Value::new(flags, bytes.clone())));
            }
        }
    }

    #[test]
    fn a_block_that_pythons_lz4_wrote_is_read() {
        // python-lz4 4.4.5: lz4.block.compress(b"ab" * 2000)
        let mut block = b"\xa0\x0f\x00\x00/ab\x02\x00".to_vec();
        block.extend_from_slice(&[255; 15]);
        block.extend_from_slice(b"\x95Pbabab");
        assert_eq!(decompress(0x454b_0120, &block), Ok(Value::new(16, "ab".repeat(2000))));
    }

    #[test]
    fn values_below_the_threshold_stay_as_they_are() {
        assert_eq!(compress(&[0; 1023]), None);
        assert!(compress(&[0; 1024]).is_some());
        let all = Compression::default().threshold(0);
        assert_eq!(all.compress(0, b"", Evenkeel), None);
        assert!(all.compress(0, &[0; 64], Evenkeel).is_some());
    }

    #[test]
    fn values_that_hardly_become_smaller_stay_as_they_are() {
        assert_eq!(compress(&noise(4096)), None);
        let tail_of_zeros = |zeros: usize| {
            let mut bytes = noise(10_000 - zeros);
            bytes.resize(10_000, 0);
            bytes
        };
        assert_eq!(compress(&tail_of_zeros(950)), None);
        assert!(compress(&tail_of_zeros(1_150)).is_some());
        // At 0 % any byte that is saved counts, and none that is lost.
        let any = Compression::default().saving_percent_min(0);
        assert!(any.compress(0, &tail_of_zeros(500), Evenkeel).is_some());
        assert_eq!(any.compress(0, &noise(4096), Evenkeel), None);
        for percent in [100, 255] {
            let none = Compression::default().saving_percent_min(percent);
            assert_eq!(none.compress(0, &[0; 4096], Evenkeel), None);
        }
    }

    #[test]
    fn flags_that_could_not_say_it_leave_a_value_as_it_is() {
        let compression = Compression::default();
        assert_eq!(compression.compress(0, &[0; 4096], PhpMemcached), None);
        assert_eq!(compression.compress(1 << 16, &[0; 4096], Evenkeel), None);
        let (flags, compressed) = compress(&[0; 4096]).unwrap();
        assert_eq!(compression.compress(flags, &compressed, Evenkeel), None, "not twice");
        let value = Value::new(flags, compressed);
        assert_eq!(compression.decompress(value.clone(), PhpMemcached), Ok(value));
    }

    #[test]
    fn a_value_that_is_not_compressed_passes_unchanged() {
        for flags in [0, 1, 16, 0x454b_0060, u32::MAX] {
            assert_eq!(decompress(flags, b"x"), Ok(Value::new(flags, "x")));
        }
    }

    #[test]
    fn the_token_of_a_value_outlives_its_decompression() {
        let (flags, compressed) = compress(&[7; 2048]).unwrap();
        let line = format!("VALUE k {flags} {} 5\r\n", compressed.len());
        let response = [line.as_bytes(), &compressed, b"\r\n"].concat();
        let value = Value::from_response(response).unwrap();
        let value = Compression::default().decompress(value, Evenkeel).unwrap();
        assert_eq!(value.cas().map(crate::Cas::to_raw), Some(5));
        assert_eq!(&value.bytes()[..], [7; 2048]);
    }

    #[test]
    fn no_value_makes_room_for_more_than_it_can_become() {
        let (flags, compressed) = compress(&[0; 4096]).unwrap();
        let claim = |len: u32| {
            let mut bytes = compressed.clone();
            bytes[..4].copy_from_slice(&len.to_le_bytes());
            decompress(flags, &bytes)
        };
        let max = 64 << 20;
        let too_long = DecompressError::TooLong { len: u32::MAX as usize, max };
        assert_eq!(claim(u32::MAX), Err(too_long));
        assert!(too_long.to_string().contains("4294967295 bytes decompressed, 67108864 at most"));
        // Within the limit, and still more than these few bytes can become.
        assert_eq!(claim(64 << 20), Err(DecompressError::Malformed));
        assert_eq!(claim(4097), Err(DecompressError::Malformed));
        assert_eq!(claim(4095), Err(DecompressError::Malformed));
        assert_eq!(claim(0), Err(DecompressError::Malformed));
        assert!(claim(4096).is_ok());
    }

    #[test]
    fn the_limit_holds_for_writing_and_for_reading() {
        let limited = Compression::default().decompressed_len_max(4096);
        assert_eq!(limited.compress(0, &[0; 4097], Evenkeel), None);
        let (flags, compressed) = limited.compress(0, &[0; 4096], Evenkeel).unwrap();
        assert!(limited.decompress(Value::new(flags, compressed), Evenkeel).is_ok());
        let (flags, compressed) = compress(&[0; 4097]).unwrap();
        assert_eq!(
            limited.decompress(Value::new(flags, compressed), Evenkeel),
            Err(DecompressError::TooLong { len: 4097, max: 4096 })
        );
    }

    #[test]
    fn the_most_that_a_block_can_become_is_within_the_bound() {
        let all = Compression::default().threshold(0);
        for len in [16, 64, 1 << 10, 1 << 20, 16 << 20] {
            let Some((flags, compressed)) = all.compress(0, &vec![0; len], Evenkeel) else {
                continue;
            };
            assert!(all.decompress(Value::new(flags, compressed), Evenkeel).is_ok(), "{len}");
        }
    }

    #[test]
    fn garbage_is_an_error_and_never_a_panic() {
        let (flags, compressed) = compress(&noise(64).repeat(64)).unwrap();
        for len in 0..compressed.len() {
            assert!(decompress(flags, &compressed[..len]).is_err(), "{len}");
        }
        for at in 0..compressed.len() {
            let mut garbled = compressed.clone();
            garbled[at] ^= 0xff;
            if let Ok(value) = decompress(flags, &garbled) {
                assert_eq!(value.bytes().len(), 4096, "{at}");
            }
        }
    }
}
