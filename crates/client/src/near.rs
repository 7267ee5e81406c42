//! Copies of values in this process, for a short time.
//!
//! A read that finds one asks no server. What is kept is bounded in bytes, and each copy in time.
//! Which copies may be kept, and when one must go because its key is written, is for the register
//! (`register.rs`) to say.
//!
//! # Rejected alternatives
//! `moka` brings time to live of its own, and with it a clock, housekeeping on callers' threads
//! and a dozen crates. Here a copy's end is a moment beside it, looked at when it is found;
//! copies that are over go when their room is needed. `quick_cache` is in the workspace already:
//! a map with sharded locks, weighed by bytes.

use std::time::{Duration, Instant};

use bytes::Bytes;
use evenkeel_core::config::ByteSize;
use evenkeel_core::protocol::request::Retrieval;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::client::{Client, without_absence};
use crate::key;
use crate::loading::may_be_placeholder;
use crate::outcome::{Error, Lookup};
use crate::value::Value;

/// What near copies may take: room and time.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use evenkeel::{Client, NearConfig};
///
/// let near = NearConfig { ttl: Duration::from_millis(500), ..NearConfig::default() };
/// let builder = Client::builder().server("10.0.0.1:11211").near(near);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NearConfig {
    /// The room for all copies with their keys and bookkeeping. Default: 32 MiB.
    /// A value that takes more than a sixteenth of it is not kept.
    pub bytes_max: ByteSize,
    /// How long a copy may be used: how long this process may miss what others write.
    /// Default: 1 s. Zero keeps nothing.
    pub ttl: Duration,
}

impl Default for NearConfig {
    fn default() -> Self {
        Self { bytes_max: ByteSize::from_mib(32), ttl: Duration::from_secs(1) }
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Near {
    copies: Cache<Box<[u8]>, Kept, ByBytes>,
    config: NearConfig,
}

#[derive(Clone, Debug)]
struct Kept {
    value: Value,
    ends_at: Instant,
}

/// Bytes that a copy costs beside key and value: the entry, and two allocations.
const OVERHEAD: usize = size_of::<Kept>() + size_of::<Box<[u8]>>() + 80;

/// A guess at how large copies are on average. Only sizes the first table.
const COPY_LEN_EXPECTED: usize = 1024;

/// No copy may push out most of the others.
const COPIES_MIN: usize = 16;

/// What is as good as for ever, and can still be added to a moment.
const TTL_MAX: Duration = Duration::from_hours(24 * 365);

impl Near {
    pub(crate) fn new(config: NearConfig) -> Self {
        let len_max = config.bytes_max.as_len();
        let copies = Cache::with_weighter(len_max / COPY_LEN_EXPECTED, len_max as u64, ByBytes);
        Self { copies, config }
    }

    /// The copy of `key`, unless it is over.
    pub(crate) fn find(&self, key: &[u8]) -> Option<Value> {
        let kept = self.copies.get(key)?;
        (kept.ends_at > Instant::now()).then_some(kept.value)
    }

    /// Keeps a copy, for `ttl_max` at most.
    pub(super) fn put(&self, key: &[u8], value: &Value, ttl_max: Option<Duration>) {
        let ttl = ttl_max.unwrap_or(TTL_MAX).min(TTL_MAX).min(self.config.ttl);
        let len = key.len() + value.bytes().len() + OVERHEAD;
        if ttl.is_zero() || len > self.config.bytes_max.as_len() / COPIES_MIN {
            return;
        }
        // The bytes alone: what they came in may be larger, and is not counted. No token: it is
        // for who asked a server.
        let value = Value::new(value.flags(), Bytes::copy_from_slice(value.bytes()));
        self.copies.insert(key.into(), Kept { value, ends_at: Instant::now() + ttl });
    }

    pub(super) fn remove(&self, key: &[u8]) {
        self.copies.remove(key);
    }

    pub(super) fn clear(&self) {
        self.copies.clear();
    }
}

impl Client {
    /// What [`Client::get`] does if there are near copies.
    pub(crate) async fn get_near(&self, key: &[u8]) -> Result<Lookup, Error> {
        key::check(key)?;
        let register = &self.inner.register;
        if let Some(value) = register.near.as_ref().and_then(|near| near.find(key)) {
            return Ok(without_absence(Lookup::Hit(value)));
        }
        let ticket = register.ticket(key);
        let lookup = self.look_up(key, Retrieval::Get).await?;
        if let (Some(ticket), Lookup::Hit(value)) = (ticket, &lookup)
            && !may_be_placeholder(value)
        {
            register.keep(key, ticket, value, None);
        }
        Ok(lookup)
    }
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<Box<[u8]>, Kept> for ByBytes {
    fn weight(&self, key: &Box<[u8]>, kept: &Kept) -> u64 {
        (key.len() + kept.value.bytes().len() + OVERHEAD) as u64
    }
}
