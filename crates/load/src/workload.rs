//! What is asked for, and how fast.

use std::time::Duration;

/// A mix of requests over a number of connections.
///
/// Two runs of equal workloads send the same requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Connections, from 1.
    pub connections: usize,
    /// When requests are sent.
    pub pace: Pace,
    /// Reads in a hundred requests, from 0 to 100; the others are writes.
    pub reads_percent: u8,
    /// Keys in one read, from 1 to [`Workload::KEYS_PER_READ_MAX`]; all keys of a read are
    /// different.
    pub keys_per_read: usize,
    /// Different keys, at least [`Workload::keys_per_read`] and at most [`Workload::KEYS_MAX`].
    pub keys: usize,
    /// Which of them are asked for.
    pub key_choice: KeyChoice,
    /// What each key begins with: no blanks, no control characters.
    pub key_prefix: String,
    /// Bytes of a key: [`Workload::KEY_LEN_OWN`] more than its prefix has, to
    /// [`Workload::KEY_LEN_MAX`].
    pub key_len: usize,
    /// Bytes of the values.
    pub value_size: ValueSize,
    /// How long what is written lives, in whole seconds up to [`Workload::EXPIRY_MAX`]; zero is
    /// for ever.
    pub expiry: Duration,
    /// Where the choice of keys and kinds begins: another seed, other requests.
    pub seed: u64,
}

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Each connection sends this many requests at once, and the next when all are answered.
    Closed {
        /// Requests in one batch, from 1; 1 is no pipelining.
        batch: usize,
    },
    /// Requests are meant to start at even intervals, in turn on the connections.
    Open {
        /// Requests a second over all connections, from 1.
        rate: u64,
        /// Most requests that wait for answers on one connection, from 1. What is due beyond
        /// that starts late, and its latency counts from when it was due.
        in_flight_max: usize,
    },
}

/// Which keys are asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum KeyChoice {
    /// Each as often as any other.
    Uniform,
    /// A few very often: the n-th most popular with a frequency in proportion to 1/nˢ.
    Zipf {
        /// The s of the formula, from 0 (uniform) to [`Workload::ZIPF_EXPONENT_MAX`]; caches see
        /// 0.7 to 1.2.
        exponent: f64,
    },
}

/// Bytes of the values. A key's value has the same size always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueSize {
    /// All have this size, at most [`Workload::VALUE_SIZE_MAX`].
    Fixed(usize),
    /// Each size between the two, both included, is as frequent as any other.
    Uniform {
        /// The smallest.
        min: usize,
        /// The largest, at least `min` and at most [`Workload::VALUE_SIZE_MAX`].
        max: usize,
    },
    /// Sizes with their weights, at least one, none of them zero: so many parts of all keys
    /// have that size.
    Weighted(Vec<(usize, u32)>),
}

impl Workload {
    /// Bytes of a key beside its prefix, at least: what tells it from all others.
    pub const KEY_LEN_OWN: usize = 16;
    /// Bytes of the longest key that memcached takes.
    pub const KEY_LEN_MAX: usize = 250;
    /// Most keys: they are numbered with eight digits.
    pub const KEYS_MAX: usize = 100_000_000;
    /// Most keys in one read.
    pub const KEYS_PER_READ_MAX: usize = 1000;
    /// Bytes of the largest value: the largest item that memcached can be told to take.
    pub const VALUE_SIZE_MAX: usize = 1 << 30;
    /// The longest expiry: memcached takes greater numbers for dates.
    pub const EXPIRY_MAX: Duration = Duration::from_hours(30 * 24);
    /// The steepest distribution of keys; nearly all requests are for one key then.
    pub const ZIPF_EXPONENT_MAX: f64 = 10.0;

    /// Bytes that all items take in a memcached, about: what a target must have room for.
    pub fn items_len(&self) -> u64 {
        let item_len = self.value_size.mean() + self.key_len as u128 + ITEM_OVERHEAD;
        u64::try_from(item_len * self.keys as u128).unwrap_or(u64::MAX)
    }

    /// Panics unless the limits of the fields are kept.
    pub(crate) fn assert_valid(&self) {
        assert!(self.connections > 0, "a load needs a connection");
        assert!(self.reads_percent <= 100, "{} reads in a hundred", self.reads_percent);
        assert!((1..=self.keys).contains(&self.keys_per_read), "more keys in a read than keys");
        assert!(self.keys_per_read <= Self::KEYS_PER_READ_MAX, "keys in a read");
        assert!(self.keys <= Self::KEYS_MAX, "keys are numbered with eight digits");
        let key_len_min = self.key_prefix.len() + Self::KEY_LEN_OWN;
        assert!((key_len_min..=Self::KEY_LEN_MAX).contains(&self.key_len), "key length");
        let is_plain = |byte: u8| byte > b' ' && byte != 0x7f;
        assert!(self.key_prefix.bytes().all(is_plain), "memcached takes no blanks in keys");
        assert!(self.expiry <= Self::EXPIRY_MAX && self.expiry.subsec_nanos() == 0, "expiry");
        self.value_size.assert_valid();
        match self.key_choice {
            KeyChoice::Uniform => {}
            KeyChoice::Zipf { exponent } => {
                assert!((0.0..=Self::ZIPF_EXPONENT_MAX).contains(&exponent), "exponent");
            }
        }
        match self.pace {
            Pace::Closed { batch } => assert!(batch > 0, "an empty batch is never answered"),
            Pace::Open { rate, in_flight_max } => {
                assert!(rate > 0 && in_flight_max > 0, "no requests at all");
            }
        }
    }
}

impl Default for Workload {
    /// Fifty connections without pipelining, nine reads to one write, small values, for ever.
    fn default() -> Self {
        Self {
            connections: 50,
            pace: Pace::Closed { batch: 1 },
            reads_percent: 90,
            keys_per_read: 1,
            keys: 10_000,
            key_choice: KeyChoice::Uniform,
            key_prefix: "evenkeel:bench:".to_owned(),
            key_len: 32,
            value_size: ValueSize::Fixed(100),
            expiry: Duration::ZERO,
            seed: 1,
        }
    }
}

impl ValueSize {
    /// The largest of them.
    pub fn max(&self) -> usize {
        match self {
            Self::Fixed(size) => *size,
            Self::Uniform { max, .. } => *max,
            Self::Weighted(sizes) => sizes.iter().map(|(size, _)| *size).max().unwrap_or_default(),
        }
    }

    fn mean(&self) -> u128 {
        match self {
            Self::Fixed(size) => *size as u128,
            Self::Uniform { min, max } => u128::midpoint(*min as u128, *max as u128),
            Self::Weighted(sizes) => {
                let parts = sizes.iter().map(|(size, weight)| *size as u128 * u128::from(*weight));
                let weights = sizes.iter().map(|(_, weight)| u128::from(*weight)).sum::<u128>();
                parts.sum::<u128>() / weights.max(1)
            }
        }
    }

    fn assert_valid(&self) {
        assert!(self.max() <= Workload::VALUE_SIZE_MAX, "no memcached takes such values");
        match self {
            Self::Fixed(_) => {}
            Self::Uniform { min, max } => assert!(min <= max, "no size is from {min} to {max}"),
            Self::Weighted(sizes) => {
                let is_weighted = sizes.iter().all(|(_, weight)| *weight > 0);
                assert!(!sizes.is_empty() && is_weighted, "sizes need weights");
            }
        }
    }
}

/// Bytes that memcached keeps of an item beside its key and its value.
const ITEM_OVERHEAD: u128 = 56;
