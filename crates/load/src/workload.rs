//! What is asked for, and how fast.

/// A mix of requests over a number of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Connections, from 1.
    pub connections: usize,
    /// When requests are sent.
    pub pace: Pace,
    /// Reads in a hundred requests, from 0 to 100; the others are writes.
    pub reads_percent: u64,
    /// Keys in one read, from 1; all keys of a read are different.
    pub keys_per_read: usize,
    /// Different keys, at least [`Workload::keys_per_read`] and at most 10⁸.
    pub keys: usize,
    /// Bytes of a key, from 16 to 250.
    pub key_len: usize,
    /// Bytes of a value.
    pub value_len: usize,
    /// Where the choice of keys and kinds begins: two runs with one seed ask for the same.
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
    },
}

impl Workload {
    /// Bytes of the shortest key.
    pub const KEY_LEN_MIN: usize = 16;
    /// Bytes of the longest key that memcached takes.
    pub const KEY_LEN_MAX: usize = 250;

    /// Panics unless the limits of the fields are kept.
    pub(crate) fn assert_valid(&self) {
        assert!(self.connections > 0, "a load needs a connection");
        assert!(self.reads_percent <= 100, "{} reads in a hundred", self.reads_percent);
        assert!((1..=self.keys).contains(&self.keys_per_read), "more keys in a read than keys");
        assert!(self.keys <= 100_000_000, "keys are numbered with eight digits");
        assert!((Self::KEY_LEN_MIN..=Self::KEY_LEN_MAX).contains(&self.key_len), "key length");
        match self.pace {
            Pace::Closed { batch } => assert!(batch > 0, "an empty batch is never answered"),
            Pace::Open { rate } => assert!(rate > 0, "no requests at all"),
        }
    }
}

impl Default for Workload {
    /// Fifty connections without pipelining, nine reads to one write, small values.
    fn default() -> Self {
        Self {
            connections: 50,
            pace: Pace::Closed { batch: 1 },
            reads_percent: 90,
            keys_per_read: 1,
            keys: 10_000,
            key_len: 20,
            value_len: 100,
            seed: 1,
        }
    }
}
