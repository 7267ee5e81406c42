//! Cache-aside: a value from the cache, or from a loader that is run once for all who miss it.
//!
//! # Intuition
//! Most applications do one thing with a cache: read, load what is missing, store it. What goes
//! wrong with that goes wrong here once and for all: many load the same value when it ends (one
//! does, in this process and among all), all keys end together (each is renewed at a moment of
//! its own), the cache is away and the database drowns (loads are limited), a load overtakes a
//! write and stores what is old (it replaces only what it found).
//!
//! # Shape
//! A caller looks for itself, so that what is cached is one request and no task: [`lookup`]. What has
//! to be loaded is a [`load`], of which there is one for a key; callers wait for it.
//! [`policy`] says how, [`outcome`] what became of it.
//!
//! # Hard cases
//! - **Memcached of before 1.6** does not know `mg`. The client then does without for a while:
//!   misses are still loaded once in this process, and nothing is stale or loaded early.
//! - **What is loaded is stored by `cas`**, which all versions know, and not by `ms`: a server that does not
//!   know that one would take its value for commands.
//! - **A cached value that cannot be read** (of an older version of the program, say) is loaded, and
//!   replaced.
//!
//! # Rejected alternatives
//! - **The loader within its caller's task**, with a waiter taking over when that is dropped. It could
//!   borrow, but see [`load`]; and nothing could be renewed in the background.
//! - **A lock under a key of its own** (`add`): one more round trip for each miss, and a lock that
//!   outlives its owner holds everybody up. The empty item goes with its time, with a `delete`,
//!   and with its replacement.
//! - **A wrapper around each value** that says how old it is: no other program could read it.

mod lookup;

mod policy;

mod outcome;

mod load;

mod call;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use evenkeel_core::failure::Failure;
use evenkeel_core::protocol::request::{MetaOp, MetaRequest, Request, Retrieval};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use self::call::Call;
use self::load::Broken;
pub(crate) use self::lookup::is_absence;
use self::lookup::{Found, Item as Entry};
pub use self::outcome::{LoadError, Loaded, Source, Storing};
pub use self::policy::LoadPolicy;
use crate::client::{Client, Inner};
use crate::codec::{DecodeError, EncodeError};
use crate::item::Item;
use crate::outcome::{Error, Lookup, Unavailable, Write};
use crate::value::{Cas, Value};
use crate::{Expiry, key};

/// How values of a type become what is stored, and come back.
pub(crate) trait Shape<T>: Clone + Send + 'static {
    fn encode(&self, value: &T) -> Result<Value, EncodeError>;
    fn decode(&self, value: Value) -> Result<T, DecodeError>;
}

/// Whether a caller can do with the answer that there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    Accepted,
    Refused,
}

/// Values as they are.
#[derive(Clone, Copy, Debug)]
struct Plain;

impl Shape<Value> for Plain {
    fn encode(&self, value: &Value) -> Result<Value, EncodeError> {
        Ok(value.clone())
    }

    fn decode(&self, value: Value) -> Result<Value, DecodeError> {
        Ok(value)
    }
}

/// How many loads there may be at a time.
#[derive(Debug)]
pub(crate) struct Limits {
    loads: Semaphore,
    unavailable: Semaphore,
    loads_max: usize,
    loads_unavailable_max: usize,
}

/// Loads of one client at a time, unless it is told otherwise.
pub(crate) const LOADS_MAX: usize = 64;

/// Of these, such as are begun because the cache is unavailable.
pub(crate) const LOADS_UNAVAILABLE_MAX: usize = 16;

impl Limits {
    pub(crate) fn new(loads_max: usize, loads_unavailable_max: usize) -> Self {
        let loads_max = loads_max.clamp(1, Semaphore::MAX_PERMITS);
        let loads_unavailable_max = loads_unavailable_max.clamp(1, loads_max);
        Self {
            loads: Semaphore::new(loads_max),
            unavailable: Semaphore::new(loads_unavailable_max),
            loads_max,
            loads_unavailable_max,
        }
    }
}

/// Whether the servers know meta commands.
#[derive(Debug)]
pub(crate) struct MetaSupport {
    since: std::time::Instant,
    /// Milliseconds from `since` until which one does without.
    avoided_until: AtomicU64,
}

/// How long one does without after a server has refused a meta command. Servers are brought up to
/// date now and then.
const META_AVOIDED: Duration = Duration::from_mins(1);

impl MetaSupport {
    pub(crate) fn new() -> Self {
        Self { since: std::time::Instant::now(), avoided_until: AtomicU64::new(0) }
    }

    fn is_assumed(&self) -> bool {
        self.now() >= self.avoided_until.load(Ordering::Relaxed)
    }

    fn note_refusal(&self) {
        let until = self.now() + u64::try_from(META_AVOIDED.as_millis()).unwrap_or(u64::MAX);
        self.avoided_until.store(until, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Client {
    /// The value of a key: from the cache, or from `loader`, which then is stored.
    ///
    /// There is one load of a key at a time: in this process all callers share its value and its
    /// error, each within its own [`LoadPolicy::timeout`]; of several processes one loads, and the others
    /// wait a little for what it stores. A value that is soon over is renewed in the background by
    /// one caller of all.
    ///
    /// The cache's own trouble is no error, unless `on_unavailable` is: without it the loader
    /// is run, within a limit, and what it brings is returned ([`Source`] says whether it was stored).
    ///
    /// A key that is loaded should be read by this alone. While it is loaded for the first time a
    /// plain [`Client::get`] sees an empty value with flags 0 (but for [`LoadPolicy::alone`]).
    ///
    /// # Cancellation
    /// Dropping this gives up waiting. A load that has begun goes on and is stored, which is why
    /// `loader` owns what it needs: clone a pool, an `Arc`.
    ///
    /// # Errors
    /// [`LoadError`]; with `stale_on_error` a stale value comes in the place of the loader's.
    ///
    /// # Examples
    /// ```no_run
    /// # use std::time::Duration;
    /// # use evenkeel::{Client, LoadPolicy, LoadError};
    /// # struct Db;
    /// # impl Db {
    /// #     async fn user(&self, id: u64) -> Result<Vec<u8>, std::io::Error> { Ok(vec![]) }
    /// # }
    /// # async fn run(cache: Client, db: std::sync::Arc<Db>) -> Result<(), LoadError<std::io::Error>> {
    /// let policy = LoadPolicy::new(Duration::from_secs(300))
    ///     .stale_on_error(Duration::from_secs(3600));
    /// let user = cache.get_or_load("user:42", policy, move || async move { db.user(42).await }).await?;
    /// println!("{:?} from {}", user.value.bytes(), user.source.label());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_or_load<V, E, F, Fut>(
        &self,
        key: impl AsRef<[u8]>,
        policy: impl Into<LoadPolicy>,
        loader: F,
    ) -> Result<Loaded, LoadError<E>>
    where
        V: Into<Value>,
        E: Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<V, E>> + Send + 'static,
    {
        let policy = policy.into();
        let loader = || async { loader().await.map(|value| Some(value.into())) };
        let found = self.load_as(key.as_ref(), &policy, (Plain, Absence::Refused), loader).await?;
        Ok(found.map(|value| value.expect("absence is neither loaded nor accepted")))
    }

    /// As [`Client::get_or_load`], where there may be none: that is cached too, for
    /// [`LoadPolicy::absent_ttl`].
    ///
    /// # Errors
    /// As [`Client::get_or_load`].
    pub async fn get_or_load_option<V, E, F, Fut>(
        &self,
        key: impl AsRef<[u8]>,
        policy: impl Into<LoadPolicy>,
        loader: F,
    ) -> Result<Loaded<Option<Value>>, LoadError<E>>
    where
        V: Into<Value>,
        E: Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Option<V>, E>> + Send + 'static,
    {
        let loader = || async { loader().await.map(|value| value.map(Into::into)) };
        let policy = policy.into();
        self.load_as(key.as_ref(), &policy, (Plain, Absence::Accepted), loader).await
    }

    /// What both of these do, for values of any type. A caller that does not accept absence is never
    /// given any, and must not bring any.
    pub(crate) async fn load_as<T, E, S, F, Fut>(
        &self,
        key: &[u8],
        policy: &LoadPolicy,
        (shape, absence): (S, Absence),
        loader: F,
    ) -> Result<Loaded<Option<T>>, LoadError<E>>
    where
        S: Shape<T>,
        E: Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Option<T>, E>> + Send + 'static,
    {
        key::check(key)?;
        let policy = &match absence {
            Absence::Accepted => *policy,
            Absence::Refused => policy.absent_ttl(Duration::ZERO),
        };
        let writer = shape.clone();
        let brought = move || async move {
            match loader().await {
                Ok(None) => Ok(None),
                Ok(Some(value)) => match writer.encode(&value) {
                    Ok(value) => Ok(Some(value)),
                    Err(error) => Err(Broken::Unwritable(error)),
                },
                Err(error) => Err(Broken::Failed(error)),
            }
        };
        let mut call = Call::new(self, key, policy, (shape, absence), brought);
        // Outside of any runtime the client's own keeps the time.
        let runtime = Handle::try_current().is_err().then(|| self.inner.engine.runtime());
        let mut result = std::pin::pin!(call.run());
        std::future::poll_fn(|context| {
            let _entered = runtime.map(Handle::enter);
            result.as_mut().poll(context)
        })
        .await
    }
}

/// What is as good as for ever, and can still be added to a moment.
const TIMEOUT_MAX: Duration = Duration::from_hours(24 * 365);

/// Whether a value that a plain `get` has brought may be the empty item that says that somebody loads.
#[cfg(feature = "near")]
pub(crate) fn may_be_placeholder(value: &Value) -> bool {
    value.bytes().is_empty() && value.flags() == 0
}

// What is asked of memcached.
impl Client {
    /// Looks for a value.
    async fn find(&self, key: &[u8], policy: &LoadPolicy) -> Found {
        let Inner { register, meta, .. } = &*self.inner;
        if meta.is_assumed() {
            let flags = lookup::flags(policy, register.share(key));
            let request = Request::Meta(MetaRequest {
                op: MetaOp::Get,
                key,
                flags: &flags,
                value: None,
                base64_key: false,
                quiet: false,
                returns_key: false,
            });
            let Ok(result) = self.call(&request).await else {
                return Found::Unavailable(Unavailable(Failure::NoServer));
            };
            match lookup::read(result) {
                Ok(found) => return found,
                Err(lookup::NotUnderstood) => meta.note_refusal(),
            }
        }
        match self.look_up_raw(key, Retrieval::Get).await {
            Ok(Lookup::Hit(value)) => Found::Item(Entry::plain(value)),
            Ok(Lookup::Miss) => Found::Nothing,
            Ok(Lookup::Unavailable(why)) | Err(Error::Unavailable(why)) => Found::Unavailable(why),
            Err(_) => Found::Unavailable(Unavailable(Failure::NoServer)),
        }
    }

    /// Stores what was loaded in the place of what has this token, or of nothing.
    async fn store_loaded(
        &self,
        key: &[u8],
        policy: &LoadPolicy,
        cas: Option<Cas>,
        value: Option<&Value>,
    ) -> Storing {
        let absence = Value::new(lookup::ABSENT_FLAGS, Vec::new());
        let (value, live) = match value {
            Some(value) if self.inner.meta.is_assumed() => (value, policy.kept()),
            // Its age will not be known.
            Some(value) => (value, policy.ttl),
            None => (&absence, policy.absent_ttl),
        };
        let (item, expiry) = (Item::from(value), Expiry::After(live));
        let writing = self.inner.register.begin_store(key);
        let written = self.store_raw(key, item, expiry, cas).await;
        drop(writing);
        match written {
            Ok(Write::Done) => Storing::Stored,
            Ok(Write::NotStored | Write::Exists | Write::NotFound) => Storing::Overtaken,
            Ok(Write::Unavailable(why)) | Err(Error::Unavailable(why)) => Storing::Unavailable(why),
            Err(Error::Closed) => Storing::Unavailable(Unavailable(Failure::NoServer)),
            Err(_) => Storing::Refused,
        }
    }

    /// Takes away the empty item that said that this process loads.
    async fn release(&self, key: &[u8], cas: Cas) {
        let flags = format!("C{}", cas.to_raw());
        let request = Request::Meta(MetaRequest {
            op: MetaOp::Delete,
            key,
            flags: flags.as_bytes(),
            value: None,
            base64_key: false,
            quiet: false,
            returns_key: false,
        });
        // If it fails, the item goes with its time.
        let _ = self.call(&request).await;
    }
}

#[cfg(test)]
mod tests;
