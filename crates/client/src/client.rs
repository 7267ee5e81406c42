//! What an application asks of its cache.

mod many;

mod results;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use evenkeel_control::Handle;
use evenkeel_control::setup::Stop;
use evenkeel_core::call::CallResult;
use evenkeel_core::config::OnUnavailable;
use evenkeel_core::protocol::request::{ArithmeticOp, Keys, Request, Retrieval, StoreOp};

pub(crate) use self::results::without_absence;
use self::results::{count, lookup, write};
use crate::builder::{BuildError, ClientBuilder};
use crate::engine::Engine;
use crate::item::Item;
use crate::loading::{Limits, MetaSupport};
use crate::outcome::{Count, Error, Lookup, Outcome, Write};
use crate::register::Register;
#[cfg(feature = "tracing")]
use crate::span;
use crate::typed::Typed;
use crate::value::Cas;
use crate::{Expiry, key};

/// A client of one pool of servers: cheap to clone, and shared by as many tasks as there are.
///
/// All clones have the same connections, one to each server, and the same opinion of each server's
/// health. When the last one is dropped the connections are closed.
///
/// # Outcomes
/// Every operation tells the truth: a value, a miss, or that no server could say, and why. With
/// `on_unavailable = miss`, the default, the last is an outcome like the others, so that `?` does
/// not turn an outage of the cache into one of the application; with `error` it is an
/// [`Error::Unavailable`]. Any other [`Error`] is a fault of the request.
///
/// # Cancellation
/// An operation may be dropped at any time. Its response, if it still comes, goes to nobody. A write
/// that is dropped may be carried out or not.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) on_unavailable: OnUnavailable,
}

/// What all clones share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) engine: Arc<Engine>,
    pub(crate) handle: Handle,
    /// Ends the control plane when it is dropped.
    pub(crate) _stop: Stop,
    pub(crate) item_size_max: usize,
    /// The pool's.
    pub(crate) deadline: Duration,
    pub(crate) register: Register,
    pub(crate) limits: Limits,
    pub(crate) meta: MetaSupport,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.engine.close();
    }
}

impl Client {
    /// A client to be described.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A client of these servers, `name:port` or `address:port` each, with every other setting at its default.
    ///
    /// # Errors
    /// As [`ClientBuilder::build`].
    pub async fn connect<S: AsRef<str>>(
        servers: impl IntoIterator<Item = S>,
    ) -> Result<Self, BuildError> {
        Self::builder().servers(servers).build().await
    }

    pub(crate) fn new(inner: Inner, on_unavailable: OnUnavailable) -> Self {
        let inner = Arc::new(inner);
        #[cfg(feature = "metrics")]
        inner.engine.runtime.spawn(crate::metrics::publish(Arc::downgrade(&inner)));
        Self { inner, deadline: None, on_unavailable }
    }

    /// The same client with another deadline for each request than the pool's.
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self.clone() }
    }

    /// The same client, for which an unavailable cache is an error, or is not.
    pub fn with_on_unavailable(&self, on_unavailable: OnUnavailable) -> Self {
        Self { on_unavailable, ..self.clone() }
    }

    /// The same client for values of the program's own, written and read by a codec.
    ///
    /// ```no_run
    /// # use evenkeel::{Client, codec::Integer};
    /// # async fn run(cache: Client) -> Result<(), evenkeel::Error> {
    /// let scores = cache.typed(Integer);
    /// let score: Option<u32> = scores.get("score:7").await?.hit();
    /// # Ok(())
    /// # }
    /// ```
    pub fn typed<C>(&self, codec: C) -> Typed<C> {
        Typed::new(self.clone(), codec)
    }

    /// What operators ask: states of the servers, events, draining, flushing.
    pub fn handle(&self) -> &Handle {
        &self.inner.handle
    }

    // Reads.

    /// Reads a value.
    ///
    /// # Errors
    /// The key is invalid; or as the type says.
    pub async fn get(&self, key: impl AsRef<[u8]>) -> Result<Lookup, Error> {
        #[cfg(feature = "near")]
        if self.inner.register.near.is_some() {
            return self.get_near(key.as_ref()).await;
        }
        self.look_up(key.as_ref(), Retrieval::Get).await
    }

    /// Reads a value with its token for [`Client::compare_and_swap`].
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn gets(&self, key: impl AsRef<[u8]>) -> Result<Lookup, Error> {
        self.look_up(key.as_ref(), Retrieval::Gets).await
    }

    /// Reads a value, and has it live for that long from now on.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn get_and_touch(
        &self,
        key: impl AsRef<[u8]>,
        expiry: impl Into<Expiry>,
    ) -> Result<Lookup, Error> {
        let key = checked(key.as_ref())?;
        let _writing = self.inner.register.begin_write(key);
        self.look_up(key, Retrieval::Gat(exptime(expiry))).await
    }

    pub(crate) async fn look_up(&self, key: &[u8], how: Retrieval) -> Result<Lookup, Error> {
        let key = checked(key)?;
        self.settle(without_absence(self.look_up_raw(key, how).await?))
    }

    pub(crate) async fn look_up_raw(&self, key: &[u8], how: Retrieval) -> Result<Lookup, Error> {
        let keys = Keys::from_checked(key, 1);
        lookup(self.call(&Request::Retrieve { how, keys }).await?)
    }

    // Writes.

    /// Stores a value.
    ///
    /// # Errors
    /// The key is invalid, or the value too large; or as the type says.
    pub async fn set<'a>(
        &self,
        key: impl AsRef<[u8]>,
        item: impl Into<Item<'a>>,
        expiry: impl Into<Expiry>,
    ) -> Result<Write, Error> {
        self.store(StoreOp::Set, key.as_ref(), item.into(), exptime(expiry)).await
    }

    /// Stores a value if there is none: [`Write::NotStored`] if there is.
    ///
    /// # Errors
    /// As [`Client::set`].
    pub async fn add<'a>(
        &self,
        key: impl AsRef<[u8]>,
        item: impl Into<Item<'a>>,
        expiry: impl Into<Expiry>,
    ) -> Result<Write, Error> {
        self.store(StoreOp::Add, key.as_ref(), item.into(), exptime(expiry)).await
    }

    /// Stores a value if there is one: [`Write::NotStored`] if there is none.
    ///
    /// # Errors
    /// As [`Client::set`].
    pub async fn replace<'a>(
        &self,
        key: impl AsRef<[u8]>,
        item: impl Into<Item<'a>>,
        expiry: impl Into<Expiry>,
    ) -> Result<Write, Error> {
        self.store(StoreOp::Replace, key.as_ref(), item.into(), exptime(expiry)).await
    }

    /// Adds bytes behind a value; its flags and its expiry stay.
    ///
    /// # Errors
    /// As [`Client::set`].
    pub async fn append(
        &self,
        key: impl AsRef<[u8]>,
        bytes: impl AsRef<[u8]>,
    ) -> Result<Write, Error> {
        self.store(StoreOp::Append, key.as_ref(), Item::from(bytes.as_ref()), 0).await
    }

    /// Adds bytes before a value; its flags and its expiry stay.
    ///
    /// # Errors
    /// As [`Client::set`].
    pub async fn prepend(
        &self,
        key: impl AsRef<[u8]>,
        bytes: impl AsRef<[u8]>,
    ) -> Result<Write, Error> {
        self.store(StoreOp::Prepend, key.as_ref(), Item::from(bytes.as_ref()), 0).await
    }

    /// Stores a value in place of the one that the token was given with: [`Write::Exists`] if
    /// another has been stored since, [`Write::NotFound`] if it is gone.
    ///
    /// # Errors
    /// As [`Client::set`].
    pub async fn compare_and_swap<'a>(
        &self,
        key: impl AsRef<[u8]>,
        item: impl Into<Item<'a>>,
        expiry: impl Into<Expiry>,
        cas: Cas,
    ) -> Result<Write, Error> {
        let op = StoreOp::Cas(cas.to_raw());
        self.store(op, key.as_ref(), item.into(), exptime(expiry)).await
    }

    /// Deletes a value: [`Write::NotFound`] if there is none.
    ///
    /// # Errors
    /// The key is invalid; or as the type says.
    pub async fn delete(&self, key: impl AsRef<[u8]>) -> Result<Write, Error> {
        let key = checked(key.as_ref())?;
        self.write(&Request::Delete { key, noreply: false }).await
    }

    /// Has a value live for that long from now on.
    ///
    /// # Errors
    /// As [`Client::delete`].
    pub async fn touch(
        &self,
        key: impl AsRef<[u8]>,
        expiry: impl Into<Expiry>,
    ) -> Result<Write, Error> {
        let key = checked(key.as_ref())?;
        self.write(&Request::Touch { key, exptime: exptime(expiry), noreply: false }).await
    }

    /// Counts up a value that is a decimal number; past the largest `u64` it starts at 0 again.
    ///
    /// # Errors
    /// The key is invalid; or the value is no number ([`Error::Refused`]); or as the type says.
    pub async fn increment(&self, key: impl AsRef<[u8]>, delta: u64) -> Result<Count, Error> {
        self.count(ArithmeticOp::Incr, key.as_ref(), delta).await
    }

    /// Counts down a value that is a decimal number, to 0 at the lowest.
    ///
    /// # Errors
    /// As [`Client::increment`].
    pub async fn decrement(&self, key: impl AsRef<[u8]>, delta: u64) -> Result<Count, Error> {
        self.count(ArithmeticOp::Decr, key.as_ref(), delta).await
    }

    /// Empties all servers. One that cannot be reached is emptied before it is used again.
    ///
    /// # Errors
    /// As the type says.
    pub async fn flush_all(&self) -> Result<Write, Error> {
        self.write(&Request::FlushAll { delay: 0, noreply: false }).await
    }

    // Writes that nobody waits for.

    /// Stores a value, and does not wait. What became of it is only counted.
    ///
    /// # Errors
    /// The key is invalid, or the value too large.
    pub fn set_noreply<'a>(
        &self,
        key: impl AsRef<[u8]>,
        item: impl Into<Item<'a>>,
        expiry: impl Into<Expiry>,
    ) -> Result<(), Error> {
        let mut request = self.storing(StoreOp::Set, key.as_ref(), item.into(), exptime(expiry))?;
        if let Request::Store { noreply, .. } = &mut request {
            *noreply = true;
        }
        let _writing = self.inner.register.begin_write(key.as_ref());
        self.inner.engine.cast(&request, self.deadline);
        Ok(())
    }

    /// Deletes a value, and does not wait.
    ///
    /// # Errors
    /// The key is invalid.
    pub fn delete_noreply(&self, key: impl AsRef<[u8]>) -> Result<(), Error> {
        let key = checked(key.as_ref())?;
        let _writing = self.inner.register.begin_write(key);
        self.inner.engine.cast(&Request::Delete { key, noreply: true }, self.deadline);
        Ok(())
    }

    // Calls.

    async fn store(
        &self,
        op: StoreOp,
        key: &[u8],
        item: Item<'_>,
        exptime: i64,
    ) -> Result<Write, Error> {
        self.write(&self.storing(op, key, item, exptime)?).await
    }

    fn storing<'a>(
        &self,
        op: StoreOp,
        key: &'a [u8],
        item: Item<'a>,
        exptime: i64,
    ) -> Result<Request<'a>, Error> {
        let key = checked(key)?;
        let (len, max) = (item.bytes.len(), self.inner.item_size_max);
        if len > max {
            return Err(Error::TooLarge { len, max });
        }
        let Item { bytes: value, flags: client_flags } = item;
        Ok(Request::Store { op, key, client_flags, exptime, value, noreply: false })
    }

    async fn count(&self, op: ArithmeticOp, key: &[u8], delta: u64) -> Result<Count, Error> {
        let key = checked(key)?;
        let _writing = self.inner.register.begin_write(key);
        let result = self.call(&Request::Arithmetic { op, key, delta, noreply: false }).await?;
        self.settle(count(result)?)
    }

    async fn write(&self, request: &Request<'_>) -> Result<Write, Error> {
        let register = &self.inner.register;
        let _writing = request.key().map(|key| register.begin_write(key));
        let _flushing = request.key().is_none().then(|| register.begin_flush());
        self.settle(self.write_raw(request).await?)
    }

    /// As [`Client::write`], of a write that has been entered already.
    async fn write_raw(&self, request: &Request<'_>) -> Result<Write, Error> {
        write(self.call(request).await?)
    }

    /// Stores what was loaded: in the place of what has this token, or of nothing.
    pub(crate) async fn store_raw(
        &self,
        key: &[u8],
        item: Item<'_>,
        expiry: Expiry,
        cas: Option<Cas>,
    ) -> Result<Write, Error> {
        let op = cas.map_or(StoreOp::Add, |cas| StoreOp::Cas(cas.to_raw()));
        self.write_raw(&self.storing(op, key, item, exptime(expiry))?).await
    }

    pub(crate) async fn call(&self, request: &Request<'_>) -> Result<CallResult, Error> {
        // What is answered at once never waits: without this a loop of such would keep everybody else
        // from running, the control plane among them.
        tokio::task::coop::consume_budget().await;
        #[cfg(feature = "tracing")]
        let span = span::open(std::slice::from_ref(request));
        let call = self.inner.engine.call(request, self.deadline);
        #[cfg(feature = "tracing")]
        let call = span::within(span, call, |span, result| span::note(span, result.as_ref()));
        call.await.ok_or(Error::Closed)
    }

    fn settle<T: Outcome>(&self, outcome: T) -> Result<T, Error> {
        match outcome.unavailable() {
            Some(why) if self.on_unavailable == OnUnavailable::Error => {
                Err(Error::Unavailable(why))
            }
            Some(_) | None => Ok(outcome),
        }
    }
}

fn exptime(expiry: impl Into<Expiry>) -> i64 {
    expiry.into().exptime(SystemTime::now())
}

fn checked(key: &[u8]) -> Result<&[u8], Error> {
    key::check(key)?;
    Ok(key)
}
