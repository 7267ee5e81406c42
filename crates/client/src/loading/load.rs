//! One load of one key, which several callers may wait for.
//!
//! It runs as a task of its own and not within the caller that began it: a load that was begun is
//! finished and stored though that caller gives up. Otherwise a database that has become slower
//! than its callers' patience would be asked the same again and again, and nothing would ever be
//! cached. Only while it still waits (for another process, for a permit) does it end when
//! nobody waits for it any more.
//!
//! However it ends (with its runtime, too), those who wait are told: [`Landing`]. A loader's panic is
//! caught, so that other processes can be told as well that nothing will come.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{Notify, SemaphorePermit, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::lookup::{Found, Told, Verdict};
use super::outcome::Storing;
use super::policy::LoadPolicy;
use crate::client::Client;
use crate::codec::EncodeError;
use crate::outcome::Unavailable;
use crate::value::{Cas, Value};

/// A load as those see it who wait for it.
#[derive(Debug)]
pub(super) struct Load<E> {
    ended: watch::Sender<Option<Ended<E>>>,
    phase: AtomicU8,
    /// For what a caller has been told to load who found this load waiting for others.
    told: Mutex<Option<Start>>,
    told_bell: Notify,
}

/// How far a load is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It looks for what another process loads.
    Peer,
    /// It waits for a permit.
    Queued,
    /// The loader runs, or what it brought is being stored.
    Running,
}

/// How a load has ended.
#[derive(Debug)]
pub(super) enum Ended<E> {
    /// The loader has brought a value, or that there is none.
    Loaded { value: Option<Value>, storing: Storing },
    /// Another process has stored one meanwhile.
    Found(Value),
    /// The loader has failed.
    Failed(Arc<E>),
    /// What it brought cannot be written.
    Unwritable(Arc<EncodeError>),
    /// The loader has panicked.
    Panicked,
    /// The loader took longer than `load_timeout`.
    TimedOut,
    /// It has not begun, or its runtime has ended: who still wants it begins anew.
    GivenUp,
}

impl<E> Clone for Ended<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Loaded { value, storing } => {
                Self::Loaded { value: value.clone(), storing: *storing }
            }
            Self::Found(value) => Self::Found(value.clone()),
            Self::Failed(error) => Self::Failed(Arc::clone(error)),
            Self::Unwritable(error) => Self::Unwritable(Arc::clone(error)),
            Self::Panicked => Self::Panicked,
            Self::TimedOut => Self::TimedOut,
            Self::GivenUp => Self::GivenUp,
        }
    }
}

/// Why a load is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// It is ours to load: it takes the place of what has this token, or of nothing.
    Ours(Option<Cas>),
    /// The same, and what has this token is the empty item that says so.
    Told(Cas),
    /// Another process has been told to load what is missing.
    Others(Option<Cas>),
    /// What is there is soon over, or is over: nobody waits.
    Renewal(Cas),
    /// The cache cannot say.
    Unavailable(Unavailable),
}

impl Start {
    /// For something that must be loaded by those who have been told to.
    pub(super) fn new(by: Told, cas: Option<Cas>, is_placeholder: bool) -> Self {
        match (by, cas) {
            (Told::Others, cas) => Self::Others(cas),
            (Told::Us, Some(cas)) if is_placeholder => Self::Told(cas),
            (Told::Us | Told::Nobody, cas) => Self::Ours(cas),
        }
    }
}

/// What a loader has brought, as it will be stored.
pub(super) type Brought<E> = Result<Option<Value>, Broken<E>>;

/// Why it has brought nothing.
#[derive(Debug)]
pub(super) enum Broken<E> {
    Failed(E),
    Unwritable(EncodeError),
}

impl<E> Load<E> {
    pub(super) fn new() -> Self {
        Self {
            ended: watch::Sender::new(None),
            phase: AtomicU8::new(Phase::Peer as u8),
            told: Mutex::new(None),
            told_bell: Notify::new(),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Peer,
            1 => Phase::Queued,
            _ => Phase::Running,
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// A caller has been told to load: that goes for this load, if it still waits for others.
    pub(super) fn tell(&self, start: Start) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(start);
        self.told_bell.notify_one();
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Option<Ended<E>>> {
        self.ended.subscribe()
    }
}

/// Waits until a load has ended.
pub(super) async fn wait<E>(mut waiting: watch::Receiver<Option<Ended<E>>>) -> Ended<E> {
    match waiting.wait_for(Option::is_some).await {
        Ok(ended) => ended.clone().expect("it was waited for"),
        // The load is told of by its guard; this is for the compiler.
        Err(_) => Ended::GivenUp,
    }
}

/// The outcome of a future; `None` if it panics. (The panic hook has had its say by then.)
async fn catch<F: Future>(future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    let poll = |context: &mut Context<'_>| {
        // After a panic it is not polled again, so that nobody sees what it left behind.
        let polled = AssertUnwindSafe(|| future.as_mut().poll(context));
        match catch_unwind(polled) {
            Ok(polled) => polled.map(Some),
            Err(_) => Poll::Ready(None),
        }
    };
    std::future::poll_fn(poll).await
}

/// What a load needs to know.
#[derive(Debug)]
pub(super) struct Task<E: Send + Sync + 'static> {
    pub(super) client: Client,
    pub(super) key: Box<[u8]>,
    pub(super) policy: LoadPolicy,
    pub(super) landing: Landing<E>,
}

/// Ends a load, however it ends.
#[derive(Debug)]
pub(super) struct Landing<E: Send + Sync + 'static> {
    client: Client,
    key: Box<[u8]>,
    load: Arc<Load<E>>,
    outcome: Ended<E>,
}

impl<E: Send + Sync + 'static> Landing<E> {
    pub(super) fn new(client: Client, key: Box<[u8]>, load: Arc<Load<E>>) -> Self {
        Self { client, key, load, outcome: Ended::GivenUp }
    }
}

impl<E: Send + Sync + 'static> Drop for Landing<E> {
    fn drop(&mut self) {
        // First nobody joins it any more, then those who did are told.
        self.client.inner.register.end_load(&self.key, &self.load);
        let outcome = std::mem::replace(&mut self.outcome, Ended::GivenUp);
        self.load.ended.send_replace(Some(outcome));
    }
}

/// How often one looks whether another process has stored a value, at first and at last.
const PEER_INTERVAL_MIN: Duration = Duration::from_millis(5);
const PEER_INTERVAL_MAX: Duration = Duration::from_millis(100);

impl<E: Send + Sync + 'static> Task<E> {
    /// Carries it out.
    pub(super) async fn run<F, Fut>(mut self, start: Start, loader: F)
    where
        F: FnOnce() -> Fut + Send,
        Fut: Future<Output = Brought<E>> + Send,
    {
        self.landing.outcome = self.carry_out(start, loader).await;
    }

    async fn carry_out<F, Fut>(&self, start: Start, loader: F) -> Ended<E>
    where
        F: FnOnce() -> Fut + Send,
        Fut: Future<Output = Brought<E>> + Send,
    {
        let load = &self.landing.load;
        let start = match start {
            Start::Others(cas) => match self.wait_for_others(cas).await {
                Ok(start) => start,
                Err(ended) => return ended,
            },
            Start::Ours(_) | Start::Told(_) | Start::Renewal(_) | Start::Unavailable(_) => start,
        };
        load.enter(Phase::Queued);
        let Some(permits) = self.permits(start).await else { return Ended::GivenUp };
        load.enter(Phase::Running);
        let brought = catch(async { loader().await });
        let brought = timeout(self.policy.load_timeout, brought).await;
        drop(permits);
        let ended = match brought {
            Ok(Some(Ok(value))) => {
                let storing = self.store(start, value.as_ref()).await;
                return Ended::Loaded { value, storing };
            }
            Ok(Some(Err(Broken::Failed(error)))) => Ended::Failed(Arc::new(error)),
            Ok(Some(Err(Broken::Unwritable(error)))) => Ended::Unwritable(Arc::new(error)),
            Ok(None) => Ended::Panicked,
            Err(_) => Ended::TimedOut,
        };
        self.release(start).await;
        ended
    }

    /// Looks from time to time whether another process has stored a value.
    async fn wait_for_others(&self, mut cas: Option<Cas>) -> Result<Start, Ended<E>> {
        let load = &self.landing.load;
        let until = Instant::now() + self.policy.peer_timeout.min(super::TIMEOUT_MAX);
        let share = self.client.inner.register.share(&self.key);
        let mut interval = PEER_INTERVAL_MIN;
        while Instant::now() < until {
            tokio::select! {
                () = load.ended.closed() => return Err(Ended::GivenUp),
                () = load.told_bell.notified() => {
                    let told = *load.told.lock().unwrap_or_else(PoisonError::into_inner);
                    return Ok(told.unwrap_or(Start::Ours(cas)));
                }
                // Processes that have missed at the same time look at different ones.
                () = sleep(interval.mul_f64(0.5 + share)) => {}
            }
            interval = (interval * 2).min(PEER_INTERVAL_MAX);
            let found = timeout_at(until, self.client.find(&self.key, &self.policy)).await;
            match found {
                Err(_) => break,
                Ok(Found::Unavailable(why)) => return Ok(Start::Unavailable(why)),
                Ok(Found::Nothing) => return Ok(Start::Ours(None)),
                Ok(Found::Item(item)) => match item.judge(&self.policy, share) {
                    Verdict::Give { value, .. } => return Err(Ended::Found(value)),
                    Verdict::Load { by: Told::Others, cas: found, .. } => cas = found,
                    Verdict::Load { by, cas, is_placeholder, .. } => {
                        return Ok(Start::new(by, cas, is_placeholder));
                    }
                },
            }
        }
        Ok(Start::Ours(cas))
    }

    /// The permits to ask the database, unless nobody waits any more.
    async fn permits(&self, start: Start) -> Option<Permits<'_>> {
        let limits = &self.client.inner.limits;
        match start {
            // Nobody waits: it is done when there is room, or by the next one who is told.
            Start::Renewal(_) => Some((None, limits.loads.try_acquire().ok()?)),
            Start::Ours(_) | Start::Told(_) | Start::Others(_) | Start::Unavailable(_) => {
                let is_unavailable = matches!(start, Start::Unavailable(_));
                let permits = async {
                    let low = if is_unavailable {
                        Some(limits.unavailable.acquire().await.ok()?)
                    } else {
                        None
                    };
                    Some((low, limits.loads.acquire().await.ok()?))
                };
                tokio::select! {
                    permits = permits => permits,
                    () = self.landing.load.ended.closed() => {
                        self.release(start).await;
                        None
                    }
                }
            }
        }
    }

    async fn store(&self, start: Start, value: Option<&Value>) -> Storing {
        let cas = match start {
            Start::Ours(cas) | Start::Others(cas) => cas,
            Start::Told(cas) | Start::Renewal(cas) => Some(cas),
            // Without a look at what is there, nobody knows what it would take the place of.
            Start::Unavailable(why) => return Storing::Unavailable(why),
        };
        if value.is_none() && self.policy.absent_ttl.is_zero() {
            self.release(start).await;
            return Storing::NotAsked;
        }
        let load = &self.landing.load;
        if !self.client.inner.register.is_current(&self.key, load) {
            return Storing::Overtaken;
        }
        self.client.store_loaded(&self.key, &self.policy, cas, value).await
    }

    /// Nothing will be stored: who waits for it is to know.
    async fn release(&self, start: Start) {
        match start {
            Start::Told(cas) => self.client.release(&self.key, cas).await,
            // What is there is still good for something, or not ours.
            Start::Ours(_) | Start::Others(_) | Start::Renewal(_) | Start::Unavailable(_) => {}
        }
    }
}

/// The one that is only needed while the cache is unavailable, and the one that every load needs.
type Permits<'a> = (Option<SemaphorePermit<'a>>, SemaphorePermit<'a>);
