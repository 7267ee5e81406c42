//! What the tasks of a row do, and for how long each of them waits.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Client, Fault};
use crate::items::{Items, KEYS};
use crate::rows::{MANY, Work};

/// How long an operation took, in nanoseconds; 4 s at most. Small, because there are many.
pub(crate) type Nanos = u32;

/// Tasks that go on where they left off.
pub(crate) struct Crew<C> {
    clients: Vec<C>,
    items: Arc<Items>,
    work: Work,
}

/// One task, and what it is to do.
struct Hand<C> {
    client: C,
    items: Arc<Items>,
    work: Work,
    first: usize,
}

impl<C: Client> Crew<C> {
    pub(crate) fn new(clients: Vec<C>, work: Work) -> Self {
        Self { clients, items: Arc::new(Items::new()), work }
    }

    /// Stores every value.
    pub(crate) async fn fill(&mut self) -> Result<(), Fault> {
        let client = self.clients.first_mut().expect("there is a task");
        for number in 0..KEYS {
            let (key, value) = self.items.item(number);
            client.set(key, value).await?;
        }
        Ok(())
    }

    /// Has tasks work for so long; how long each operation took.
    pub(crate) async fn run_tasks(&mut self, time: Duration) -> Result<Vec<Nanos>, Fault> {
        let end_at = Instant::now() + time;
        let tasks: Vec<_> =
            self.hands().map(|hand| tokio::spawn(hand.work_until(end_at))).collect();
        let mut all = Vec::new();
        for task in tasks {
            let (client, latencies) = task.await.expect("no task panics")?;
            self.clients.push(client);
            all.extend(latencies);
        }
        Ok(all)
    }

    /// The same with a thread for each, for clients that block.
    pub(crate) fn run_threads(&mut self, time: Duration) -> Result<Vec<Nanos>, Fault> {
        let end_at = Instant::now() + time;
        let run = |hand: Hand<C>| thread::spawn(move || ready(hand.work_until(end_at)));
        let threads: Vec<_> = self.hands().map(run).collect();
        let mut all = Vec::new();
        for thread in threads {
            let (client, latencies) = thread.join().expect("no thread panics")?;
            self.clients.push(client);
            all.extend(latencies);
        }
        Ok(all)
    }

    fn hands(&mut self) -> impl Iterator<Item = Hand<C>> {
        let clients = std::mem::take(&mut self.clients).into_iter().enumerate();
        // Tasks begin at different keys.
        clients.map(|(idx, client)| Hand {
            client,
            items: Arc::clone(&self.items),
            work: self.work,
            first: idx * STRIDE,
        })
    }
}

impl<C: Client> Hand<C> {
    async fn work_until(mut self, end_at: Instant) -> Result<(C, Vec<Nanos>), Fault> {
        let mut latencies = Vec::new();
        for number in self.first.. {
            let started_at = Instant::now();
            if started_at >= end_at {
                break;
            }
            self.step(number).await?;
            latencies.push(started_at.elapsed().as_nanos().try_into().unwrap_or(Nanos::MAX));
        }
        Ok((self.client, latencies))
    }

    async fn step(&mut self, number: usize) -> Result<(), Fault> {
        let (key, value) = self.items.item(number);
        match self.work {
            Work::Get => self.client.get(key, value).await,
            Work::GetAndSet if number.is_multiple_of(2) => self.client.get(key, value).await,
            Work::GetAndSet => self.client.set(key, value).await,
            Work::GetMany => self.client.get_many(self.items.window(number, MANY)).await,
        }
    }
}

/// What comes of a future that never waits.
///
/// # Panics
/// When it does.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a client that blocks has waited"),
    }
}

/// Shares no divisor with the number of keys.
const STRIDE: usize = 31;
