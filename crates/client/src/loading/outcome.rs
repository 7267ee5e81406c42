//! What became of a wish for a value that is loaded if need be.

use std::sync::Arc;
use std::time::Duration;

use crate::codec::{DecodeError, EncodeError};
use crate::key::KeyError;
use crate::outcome::Unavailable;
use crate::value::Value;

/// A value, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loaded<T = Value> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub source: Source,
}

impl<T> Loaded<T> {
    /// The value.
    pub fn into_value(self) -> T {
        self.value
    }

    pub(crate) fn map<U>(self, f: impl FnOnce(T) -> U) -> Loaded<U> {
        Loaded { value: f(self.value), source: self.source }
    }
}

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A copy in this process (feature `near`).
    Near,
    /// memcached: it is fresh.
    Cache,
    /// memcached: it is older than its `ttl`, and is being loaded anew, or the loader has failed.
    Stale,
    /// The loader of this call.
    Loaded(Storing),
    /// The loader of another call in this process, which this one has waited for.
    Shared(Storing),
    /// Another process has loaded it while this call waited.
    Peer,
}

impl Source {
    /// One word, for logs and metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::Cache => "cache",
            Self::Stale => "stale",
            Self::Loaded(_) => "loaded",
            Self::Shared(_) => "shared",
            Self::Peer => "peer",
        }
    }
}

/// Whether what was loaded is cached now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storing {
    /// It is.
    Stored,
    /// There is none, and `absent_ttl` is zero.
    NotAsked,
    /// Another write or delete of the key came first (or memcached has evicted what was to be
    /// replaced): what was loaded may be older.
    Overtaken,
    /// No server takes it: it is too large.
    Refused,
    /// The cache was unavailable, when it was looked for or when it was to be stored.
    Unavailable(Unavailable),
}

/// Why there is no value. Nothing was stored, unless said otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError<E> {
    /// The loader failed, the one of this call or one that it waited for.
    #[error("the loader failed: {0}")]
    Loader(Arc<E>),
    /// The loader panicked, the one of this call or one that it waited for.
    #[error("the loader panicked")]
    Panicked,
    /// No permit for a load within the policy's `timeout`: too many are in progress. The
    /// loader has not run.
    #[error(
        "no load could begin within {timeout:?}: {loads_max} are in progress at most, \
         {loads_unavailable_max} while the cache is unavailable"
    )]
    Overloaded {
        /// How long this call has waited.
        timeout: Duration,
        /// The limit of the client.
        loads_max: usize,
        /// The lower one.
        loads_unavailable_max: usize,
    },
    /// The value did not come within the policy's `timeout`. A load that has begun goes on, and is
    /// stored.
    #[error("not loaded within {timeout:?}")]
    TimedOut {
        /// How long this call has waited.
        timeout: Duration,
    },
    /// The runtime that the load ran on has ended.
    #[error("the runtime that the load ran on has ended")]
    RuntimeEnded,
    /// The key is none that memcached takes. The loader has not run.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The cache is unavailable, and `on_unavailable` is `error`. The loader has not run.
    #[error("the cache is unavailable: {0}")]
    Unavailable(#[source] Unavailable),
    /// What was loaded cannot be written as the codec writes it.
    #[error("what was loaded cannot be written: {0}")]
    Encode(Arc<EncodeError>),
    /// What was loaded can be written and cannot be read again: a fault of the codec, or another call
    /// site loads the same key as another type. It may have been stored.
    #[error("what was loaded cannot be read again: {0}")]
    Decode(#[source] DecodeError),
}
