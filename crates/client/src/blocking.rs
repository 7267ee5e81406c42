//! The client for threads that wait.
//!
//! It is the same client, with the same operations. Its runtime has a thread of its own, where
//! connections are read and servers are watched; a thread that calls submits its request, writes it
//! itself if nobody else is at it, and sleeps until it is woken with the result. No call goes
//! through the runtime to be run.
//!
//! # Where it must not be used
//! Within async code: a call holds up its thread, and with it every task that would have run there,
//! for as long as its deadline at worst. Nothing locks up (the client's own runtime is on another
//! thread), and nothing can tell it from `spawn_blocking`, where waiting is right, so that it is not
//! refused. Use [`crate::Client`] there.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use evenkeel::blocking::Client;
//!
//! let cache = Client::connect(["10.0.0.1:11211", "10.0.0.2:11211"])?;
//! let _ = cache.set("greeting", "hello", Duration::from_secs(60))?;
//! assert!(cache.get("greeting")?.is_hit());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use evenkeel_control::Handle;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::builder::{BuildError, ClientBuilder};
use crate::codec::{Decode, Encode};
use crate::config::OnUnavailable;
use crate::outcome::{Count, Error, Lookup, Undecodable, Write};
use crate::servers::{PingError, ServerAnswer, ServerStats};
use crate::value::Cas;
use crate::{Expiry, Item, typed};

/// A client whose operations wait: cheap to clone, and shared by as many threads as there are.
///
/// When the last clone is dropped, its connections are closed and its thread ends.
#[derive(Clone, Debug)]
pub struct Client {
    inner: crate::Client,
    home: Arc<Home>,
}

/// A [`Client`] that reads and writes by a codec: [`Client::typed`].
#[derive(Debug)]
pub struct Typed<C> {
    inner: typed::Typed<C>,
    client: Client,
}

impl<C> Clone for Typed<C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), client: self.client.clone() }
    }
}

/// The thread of a client's runtime; dropped, it ends.
#[derive(Debug)]
struct Home {
    _stop: oneshot::Sender<()>,
}

impl ClientBuilder {
    /// Builds a client whose operations wait, with a thread of its own for its runtime.
    ///
    /// # Errors
    /// Something is wrong with the description, or there can be no such thread.
    pub fn build_blocking(self) -> Result<Client, BuildError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(BuildError::Thread)?;
        let (stop, stopped) = oneshot::channel();
        let (built_in, built) = mpsc::sync_channel(1);
        let live = async move {
            // Nobody waits for it only if the caller has panicked.
            let _ = built_in.send(self.build().await);
            let _ = stopped.await;
        };
        let thread = thread::Builder::new().name("evenkeel".to_owned());
        thread.spawn(move || runtime.block_on(live)).map_err(BuildError::Thread)?;
        let inner = built.recv().map_err(|_| BuildError::NoRuntime)??;
        Ok(Client { inner, home: Arc::new(Home { _stop: stop }) })
    }
}

/// Operations of the async client, each waited for.
macro_rules! operations {
    ($of:literal; $(
        $name:ident [$($generics:tt)*] ($($arg:ident: $type:ty),* $(,)?) -> $result:ty
        $(where $codec:ident: $bound:path)?;
    )*) => {$(
        #[doc = concat!("[`", $of, "::", stringify!($name), "`](crate::", $of, "::",
            stringify!($name), "), waited for.")]
        pub fn $name<$($generics)*>(&self, $($arg: $type),*) -> $result
        $(where $codec: $bound)?
        {
            self.wait(self.inner.$name($($arg),*))
        }
    )*};
}

impl Client {
    /// A client to be described; it ends in [`ClientBuilder::build_blocking`].
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A client of these servers, with every other setting at its default.
    ///
    /// # Errors
    /// As [`ClientBuilder::build_blocking`].
    pub fn connect<S: AsRef<str>>(
        servers: impl IntoIterator<Item = S>,
    ) -> Result<Self, BuildError> {
        Self::builder().servers(servers).build_blocking()
    }

    /// The client that does the work, for whatever has no method here: [`Client::wait`].
    pub fn client(&self) -> &crate::Client {
        &self.inner
    }

    /// Waits for anything that the library does.
    ///
    /// ```no_run
    /// # fn run(cache: evenkeel::blocking::Client) {
    /// let mut events = cache.client().events();
    /// while let Some(event) = cache.wait(events.next()) {
    ///     println!("{event}");
    /// }
    /// # }
    /// ```
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        // For what needs timers.
        let _entered = self.inner.inner.engine.runtime.enter();
        wait(future)
    }

    /// The same client with another deadline for each request than the pool's.
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self { inner: self.inner.with_deadline(deadline), home: Arc::clone(&self.home) }
    }

    /// The same client, for which an unavailable cache is an error, or is not.
    pub fn with_on_unavailable(&self, on_unavailable: OnUnavailable) -> Self {
        Self { inner: self.inner.with_on_unavailable(on_unavailable), home: Arc::clone(&self.home) }
    }

    /// The same client for values of the program's own, written and read by a codec.
    pub fn typed<C>(&self, codec: C) -> Typed<C> {
        Typed { inner: self.inner.typed(codec), client: self.clone() }
    }

    /// What operators ask: states of the servers, events, draining, flushing.
    pub fn handle(&self) -> &Handle {
        self.inner.handle()
    }

    /// Whether any server is in use at the moment: [`crate::Client::available`].
    pub fn available(&self) -> bool {
        self.inner.available()
    }

    operations! { "Client";
        get [] (key: impl AsRef<[u8]>) -> Result<Lookup, Error>;
        gets [] (key: impl AsRef<[u8]>) -> Result<Lookup, Error>;
        get_and_touch [] (key: impl AsRef<[u8]>, expiry: impl Into<Expiry>) -> Result<Lookup, Error>;
        get_many [K: AsRef<[u8]>] (
            keys: impl IntoIterator<Item = K>,
        ) -> Result<Vec<Lookup>, Error>;
        set ['a] (
            key: impl AsRef<[u8]>, item: impl Into<Item<'a>>, expiry: impl Into<Expiry>,
        ) -> Result<Write, Error>;
        add ['a] (
            key: impl AsRef<[u8]>, item: impl Into<Item<'a>>, expiry: impl Into<Expiry>,
        ) -> Result<Write, Error>;
        replace ['a] (
            key: impl AsRef<[u8]>, item: impl Into<Item<'a>>, expiry: impl Into<Expiry>,
        ) -> Result<Write, Error>;
        append [] (key: impl AsRef<[u8]>, bytes: impl AsRef<[u8]>) -> Result<Write, Error>;
        prepend [] (key: impl AsRef<[u8]>, bytes: impl AsRef<[u8]>) -> Result<Write, Error>;
        compare_and_swap ['a] (
            key: impl AsRef<[u8]>, item: impl Into<Item<'a>>, expiry: impl Into<Expiry>, cas: Cas,
        ) -> Result<Write, Error>;
        set_many ['a, K: AsRef<[u8]>, I: Into<Item<'a>>] (
            items: impl IntoIterator<Item = (K, I)>, expiry: impl Into<Expiry>,
        ) -> Result<Vec<Write>, Error>;
        delete [] (key: impl AsRef<[u8]>) -> Result<Write, Error>;
        delete_many [K: AsRef<[u8]>] (
            keys: impl IntoIterator<Item = K>,
        ) -> Result<Vec<Write>, Error>;
        touch [] (key: impl AsRef<[u8]>, expiry: impl Into<Expiry>) -> Result<Write, Error>;
        increment [] (key: impl AsRef<[u8]>, delta: u64) -> Result<Count, Error>;
        decrement [] (key: impl AsRef<[u8]>, delta: u64) -> Result<Count, Error>;
        flush_all [] () -> Result<Write, Error>;
        ping [] () -> Result<(), PingError>;
        version [] () -> Result<Vec<ServerAnswer<String>>, Error>;
        stats [] () -> Result<Vec<ServerAnswer<ServerStats>>, Error>;
    }

    /// Stores a value, and does not wait: [`crate::Client::set_noreply`].
    pub fn set_noreply<'a>(
        &self,
        key: impl AsRef<[u8]>,
        item: impl Into<Item<'a>>,
        expiry: impl Into<Expiry>,
    ) -> Result<(), Error> {
        self.inner.set_noreply(key, item, expiry)
    }

    /// Deletes a value, and does not wait: [`crate::Client::delete_noreply`].
    pub fn delete_noreply(&self, key: impl AsRef<[u8]>) -> Result<(), Error> {
        self.inner.delete_noreply(key)
    }
}

impl<C> Typed<C> {
    /// The client that this was made of.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The same with flags as another client library writes and reads them.
    pub fn dialect(self, dialect: crate::Dialect) -> Self {
        Self { inner: self.inner.dialect(dialect), ..self }
    }

    /// The same with large values compressed, and with those that were compressed so readable.
    #[cfg(feature = "lz4")]
    pub fn compression(self, compression: crate::Compression) -> Self {
        Self { inner: self.inner.compression(compression), ..self }
    }

    fn wait<F: Future>(&self, future: F) -> F::Output {
        self.client.wait(future)
    }

    operations! { "Typed";
        get [T] (key: impl AsRef<[u8]>) -> Result<Lookup<T>, Error> where C: Decode<T>;
        gets [T] (key: impl AsRef<[u8]>) -> Result<Lookup<(T, Cas)>, Error> where C: Decode<T>;
        get_and_touch [T] (
            key: impl AsRef<[u8]>, expiry: impl Into<Expiry>,
        ) -> Result<Lookup<T>, Error> where C: Decode<T>;
        get_many [T, K: AsRef<[u8]>] (
            keys: impl IntoIterator<Item = K>,
        ) -> Result<Vec<Result<Lookup<T>, Undecodable>>, Error> where C: Decode<T>;
        set [T: ?Sized] (
            key: impl AsRef<[u8]>, value: &T, expiry: impl Into<Expiry>,
        ) -> Result<Write, Error> where C: Encode<T>;
        add [T: ?Sized] (
            key: impl AsRef<[u8]>, value: &T, expiry: impl Into<Expiry>,
        ) -> Result<Write, Error> where C: Encode<T>;
        replace [T: ?Sized] (
            key: impl AsRef<[u8]>, value: &T, expiry: impl Into<Expiry>,
        ) -> Result<Write, Error> where C: Encode<T>;
        compare_and_swap [T: ?Sized] (
            key: impl AsRef<[u8]>, value: &T, expiry: impl Into<Expiry>, cas: Cas,
        ) -> Result<Write, Error> where C: Encode<T>;
        set_many ['a, T: ?Sized + 'a, K: AsRef<[u8]>] (
            values: impl IntoIterator<Item = (K, &'a T)>, expiry: impl Into<Expiry>,
        ) -> Result<Vec<Write>, Error> where C: Encode<T>;
    }
}

/// A thread that waits for one future.
struct Waiting {
    thread: Thread,
    is_woken: AtomicBool,
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_woken.swap(true, Ordering::Release) {
            self.thread.unpark();
        }
    }
}

fn wait<F: Future>(future: F) -> F::Output {
    // For each wait its own: one within another must not take its wake-up away.
    let waiting = Waiting { thread: thread::current(), is_woken: AtomicBool::new(false) };
    let waiting = Arc::new(waiting);
    let waker = Waker::from(Arc::clone(&waiting));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        while !waiting.is_woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_within_a_wait_takes_nothing_from_it() {
        let (sender, receiver) = oneshot::channel();
        let outer = async {
            let (inner_sender, inner_receiver) = oneshot::channel();
            let thread = thread::spawn(move || {
                sender.send(1).expect("it is waited for");
                inner_sender.send(2).expect("it is waited for");
            });
            let inner = wait(inner_receiver).expect("it is sent");
            thread.join().expect("it does not panic");
            (receiver.await.expect("it is sent"), inner)
        };
        assert_eq!(wait(outer), (1, 2));
    }

    #[test]
    fn a_wake_that_comes_before_the_wait_counts() {
        let mut polls = 0;
        wait(std::future::poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            if polls < 3 { Poll::Pending } else { Poll::Ready(()) }
        }));
        assert_eq!(polls, 3);
    }
}
