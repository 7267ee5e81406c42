//! What happens to the servers, as it happens.
//!
//! Each change of a server's state is one event, with the rule and the evidence (P9). They are kept
//! in one place, the last 1,024 of them; a stream only remembers how far it has read. One that is
//! slow costs nobody anything, and is told how many events it has missed.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use evenkeel_control::Handle;
use evenkeel_control::events::{EventReader, Numbered};
use evenkeel_core::config::PoolName;
use evenkeel_core::event::Happening;

use crate::client::Client;

/// Something that happened to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerEvent {
    /// Its number; the first event of a client has 0.
    pub number: u64,
    /// How many events this stream has missed just before it, because they were no longer kept.
    pub missed: u64,
    /// When.
    pub at: SystemTime,
    /// The server's pool.
    pub pool: PoolName,
    /// The server's name, or else its address.
    pub server: String,
    /// What.
    pub what: Happening,
}

impl fmt::Display for ServerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}: {}", self.pool, self.server, self.what)
    }
}

/// The events of a client's servers: [`Client::events`].
///
/// It does not keep the client in being: it ends when the last clone of that is dropped, or the
/// client's runtime ends. It may be waited for on any runtime, or none. With the feature `stream`
/// it is a `futures_core::Stream`.
pub struct Events {
    handle: Handle,
    /// `None` while it is lent to `waiting`, and at the end.
    reader: Option<EventReader>,
    waiting: Option<Pin<Box<Waiting>>>,
}

/// Gives the reader back.
type Waiting = dyn Future<Output = (EventReader, Option<Numbered>)> + Send;

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Client {
    /// What happens to the servers from now on.
    ///
    /// ```no_run
    /// # async fn run(cache: evenkeel::Client) {
    /// let mut events = cache.events();
    /// tokio::spawn(async move {
    ///     while let Some(event) = events.next().await {
    ///         eprintln!("{event}"); // main/10.0.0.1:11211: up -> suspect (suspicion: …)
    ///     }
    /// });
    /// # }
    /// ```
    pub fn events(&self) -> Events {
        self.events_since(self.handle().next_event_number())
    }

    /// What has happened to the servers from event `number` on, as far as it is kept, and what
    /// happens to them. The first event has number 0.
    pub fn events_since(&self, number: u64) -> Events {
        let handle = self.handle().clone();
        Events { reader: Some(handle.read_events(number)), waiting: None, handle }
    }
}

impl Events {
    /// The next event, when it has happened; `None` at the end.
    ///
    /// It may be dropped, and no event is lost by it.
    pub async fn next(&mut self) -> Option<ServerEvent> {
        poll_fn(|context| self.poll_event(context)).await
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<ServerEvent>> {
        if let Some(mut reader) = self.reader.take() {
            self.waiting = Some(Box::pin(async {
                let told = reader.next().await;
                (reader, told)
            }));
        }
        let Some(waiting) = &mut self.waiting else { return Poll::Ready(None) };
        let (reader, told) = ready!(waiting.as_mut().poll(context));
        self.waiting = None;
        let Some(told) = told else { return Poll::Ready(None) };
        self.reader = Some(reader);
        match self.describe(&told) {
            Some(event) => Poll::Ready(Some(event)),
            // About the process, and no server.
            None => self.poll_event(context),
        }
    }

    fn describe(&self, told: &Numbered) -> Option<ServerEvent> {
        let Numbered { number, missed, event } = told;
        let (names, what) = event.what.server()?;
        Some(ServerEvent {
            number: *number,
            missed: *missed,
            at: self.handle.wall_time(event.at),
            pool: names.pool.clone(),
            server: names.server.clone(),
            what: *what,
        })
    }
}

#[cfg(feature = "stream")]
impl futures_core::Stream for Events {
    type Item = ServerEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(context)
    }
}
