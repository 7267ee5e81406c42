//! One call of somebody who wants a value: a look, and if need be a load to wait for.

use std::sync::Arc;

use evenkeel_core::config::OnUnavailable;
use tokio::time::{Instant, timeout_at};

use super::load::{self, Brought, Ended, Landing, Load, Phase, Start, Task};
use super::lookup::{Age, Found, Told, Verdict, is_absence};
use super::outcome::{LoadError, Loaded, Source};
use super::policy::LoadPolicy;
use super::{Absence, Limits, Shape, TIMEOUT_MAX};
use crate::client::Client;
use crate::register::{Joined, Looked};
use crate::value::{Cas, Value};

/// One call, until it has its value.
pub(super) struct Call<'a, S, F> {
    client: &'a Client,
    key: &'a [u8],
    policy: &'a LoadPolicy,
    shape: S,
    absence: Absence,
    deadline: Instant,
    /// Taken when the load is begun.
    loader: Option<F>,
}

/// What one look has come to.
enum Step<T, E> {
    Done(Result<Loaded<Option<T>>, LoadError<E>>),
    LookAgain,
}

/// It cannot be read: it is as good as none.
struct Unusable;

impl<'a, S, F> Call<'a, S, F> {
    pub(super) fn new(
        client: &'a Client,
        key: &'a [u8],
        policy: &'a LoadPolicy,
        (shape, absence): (S, Absence),
        brought: F,
    ) -> Self {
        let deadline = Instant::now() + policy.timeout.min(TIMEOUT_MAX);
        Self { client, key, policy, shape, absence, deadline, loader: Some(brought) }
    }

    pub(super) async fn run<T, E, Fut>(&mut self) -> Result<Loaded<Option<T>>, LoadError<E>>
    where
        S: Shape<T>,
        E: Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Brought<E>> + Send + 'static,
    {
        // Bounded by the deadline: each time a load has ended meanwhile, or has been given up.
        loop {
            if let Step::Done(result) = self.step().await {
                return result;
            }
            if Instant::now() >= self.deadline {
                return Err(LoadError::TimedOut { timeout: self.policy.timeout });
            }
            tokio::task::yield_now().await;
        }
    }

    async fn step<T, E, Fut>(&mut self) -> Step<T, E>
    where
        S: Shape<T>,
        E: Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Brought<E>> + Send + 'static,
    {
        let register = &self.client.inner.register;
        #[cfg(feature = "near")]
        if let Some(value) = register.near.as_ref().and_then(|near| near.find(self.key))
            && let Ok(value) = self.accept(value)
        {
            return Step::Done(Ok(Loaded { value, source: Source::Near }));
        }
        #[cfg(feature = "near")]
        let ticket = register.ticket(self.key);
        let mut looked = register.look(self.key);
        let found = timeout_at(self.deadline, self.client.find(self.key, self.policy)).await;
        let (start, stale) = match found {
            Err(_) => return self.timed_out(),
            Ok(Found::Unavailable(why)) => {
                if self.client.on_unavailable == OnUnavailable::Error {
                    return Step::Done(Err(LoadError::Unavailable(why)));
                }
                (Start::Unavailable(why), None)
            }
            Ok(Found::Nothing) => (Start::Ours(None), None),
            Ok(Found::Item(entry)) => {
                let cas = entry.cas;
                let verdict = entry.judge(self.policy, register.share(self.key));
                #[cfg(feature = "near")]
                if let Verdict::Give { value, age: Age::Fresh, fresh_for, .. } = &verdict
                    && let Some(ticket) = ticket
                {
                    register.keep(self.key, ticket, value, *fresh_for);
                }
                match verdict {
                    Verdict::Give { value, age, renew, .. } => match self.accept(value) {
                        Ok(value) => return self.give(value, age, renew, looked),
                        // It cannot be read: it is as good as none.
                        Err(Unusable) => (Start::Ours(cas), None),
                    },
                    Verdict::Load { by, cas, is_placeholder, stale } => {
                        if by == Told::Us {
                            // What another load has brought by now was there before.
                            looked = register.look(self.key);
                        }
                        (Start::new(by, cas, is_placeholder), stale)
                    }
                }
            }
        };
        self.load(start, stale, looked).await
    }

    /// Gives what is there, and has it renewed if that is due.
    fn give<T, E, Fut>(
        &mut self,
        value: Option<T>,
        age: Age,
        renew: Option<(Told, Cas)>,
        looked: Looked,
    ) -> Step<T, E>
    where
        E: Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Brought<E>> + Send + 'static,
    {
        if let Some((told, cas)) = renew {
            let register = &self.client.inner.register;
            let looked = if told == Told::Us { register.look(self.key) } else { looked };
            match register.join(self.key, looked, Load::<E>::new) {
                Joined::Own(load) => self.begin(&load, Start::Renewal(cas)),
                Joined::Other(load) => load.tell(Start::Ours(Some(cas))),
                Joined::LookAgain => {}
            }
        }
        let source = match age {
            Age::Fresh => Source::Cache,
            Age::Stale => Source::Stale,
        };
        Step::Done(Ok(Loaded { value, source }))
    }

    /// Joins a load, or begins one, and waits for it.
    async fn load<T, E, Fut>(
        &mut self,
        start: Start,
        stale: Option<Value>,
        looked: Looked,
    ) -> Step<T, E>
    where
        S: Shape<T>,
        E: Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Brought<E>> + Send + 'static,
    {
        let mut waiting = None;
        let joined = self.client.inner.register.join(self.key, looked, || {
            let load = Load::<E>::new();
            // Before anybody else can see it, so that it is not given up for want of waiters.
            waiting = Some(load.subscribe());
            load
        });
        let (load, is_own) = match joined {
            Joined::Own(load) => {
                self.begin(&load, start);
                (load, true)
            }
            Joined::Other(load) => {
                if let Start::Told(_) | Start::Ours(Some(_)) = start {
                    load.tell(start);
                }
                (load, false)
            }
            Joined::LookAgain => return Step::LookAgain,
        };
        let waiting = waiting.unwrap_or_else(|| load.subscribe());
        let ended = timeout_at(self.deadline, load::wait(waiting)).await.ok();
        self.conclude(ended, load.phase(), is_own, stale)
    }

    /// What the end of a load, or of one's patience, means for this call.
    fn conclude<T, E>(
        &self,
        ended: Option<Ended<E>>,
        phase: Phase,
        is_own: bool,
        stale: Option<Value>,
    ) -> Step<T, E>
    where
        S: Shape<T>,
    {
        let error = match ended {
            Some(Ended::Loaded { value: None, .. }) if self.absence == Absence::Refused => {
                // A call that accepts it has begun this load.
                return Step::LookAgain;
            }
            Some(Ended::Loaded { value, storing }) => {
                let source = if is_own { Source::Loaded(storing) } else { Source::Shared(storing) };
                return Step::Done(self.read_again(value, source));
            }
            Some(Ended::Found(value)) => match self.accept(value) {
                Ok(value) => return Step::Done(Ok(Loaded { value, source: Source::Peer })),
                Err(Unusable) => return Step::LookAgain,
            },
            Some(Ended::GivenUp) if self.loader.is_some() => return Step::LookAgain,
            Some(Ended::GivenUp) => LoadError::RuntimeEnded,
            Some(Ended::Failed(error)) => LoadError::Loader(error),
            Some(Ended::Unwritable(error)) => LoadError::Encode(error),
            Some(Ended::Panicked) => LoadError::Panicked,
            Some(Ended::TimedOut) => LoadError::TimedOut { timeout: self.policy.load_timeout },
            None if phase == Phase::Queued => {
                let Limits { loads_max, loads_unavailable_max, .. } = self.client.inner.limits;
                let timeout = self.policy.timeout;
                LoadError::Overloaded { timeout, loads_max, loads_unavailable_max }
            }
            None => LoadError::TimedOut { timeout: self.policy.timeout },
        };
        match stale.and_then(|value| self.accept(value).ok()) {
            Some(value) => Step::Done(Ok(Loaded { value, source: Source::Stale })),
            None => Step::Done(Err(error)),
        }
    }

    fn timed_out<T, E>(&self) -> Step<T, E> {
        Step::Done(Err(LoadError::TimedOut { timeout: self.policy.timeout }))
    }

    /// A value that was found, if it can be read, or that it says that there is none.
    fn accept<T>(&self, value: Value) -> Result<Option<T>, Unusable>
    where
        S: Shape<T>,
    {
        match (is_absence(&value), self.absence) {
            (true, Absence::Refused) => Err(Unusable),
            (true, Absence::Accepted) => Ok(None),
            (false, _) => self.shape.decode(value).map(Some).map_err(|_| Unusable),
        }
    }

    fn read_again<T, E>(
        &self,
        value: Option<Value>,
        source: Source,
    ) -> Result<Loaded<Option<T>>, LoadError<E>>
    where
        S: Shape<T>,
    {
        let value = value.map(|value| self.shape.decode(value)).transpose();
        Ok(Loaded { value: value.map_err(LoadError::Decode)?, source })
    }

    fn begin<E, Fut>(&mut self, load: &Arc<Load<E>>, start: Start)
    where
        E: Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Brought<E>> + Send + 'static,
    {
        // What it stores is told, not an error.
        let client = self.client.with_on_unavailable(OnUnavailable::Miss);
        let landing = Landing::new(client.clone(), self.key.into(), Arc::clone(load));
        let Some(loader) = self.loader.take() else { return };
        let task = Task { client, key: self.key.into(), policy: *self.policy, landing };
        tokio::spawn(task.run(start, loader));
    }
}
