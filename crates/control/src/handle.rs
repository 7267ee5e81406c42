//! What an operator can ask of a running control plane, from any thread.
//!
//! Orders go to the control plane and are carried out there, in the order in which they were
//! given; what became of them is in the events. Everything else only reads.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use evenkeel_core::Instant;
use evenkeel_core::config::nearest;
use evenkeel_core::event::Order;
use evenkeel_core::routing::ServerId;
use evenkeel_core::worker::Counters;
use tokio::sync::mpsc::UnboundedSender;

use crate::directory::ServerNames;
use crate::events::{EventReader, Events};
use crate::shared::Shared;
use crate::view::{PoolView, RouteView, ServerView};

/// A way to a running control plane; as many as wanted.
#[derive(Clone, Debug)]
pub struct Handle {
    shared: Arc<Shared>,
    orders: UnboundedSender<(ServerId, Order)>,
}

/// Why an order was not given. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// No server is known by this name.
    #[error("there is no server {name:?}; {remedy}")]
    UnknownServer {
        /// As it was given.
        name: String,
        /// The nearest one that there is, or all of them.
        remedy: String,
    },
    /// Servers of several pools are known by this name.
    #[error("several pools have a server {name:?}; write {}", .with_pools.join(" or "))]
    SeveralServers {
        /// As it was given.
        name: String,
        /// With their pools.
        with_pools: Vec<String>,
    },
    /// The control plane has ended: the process, or what used it, is being stopped.
    #[error("the control plane has ended")]
    Stopping,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>, orders: UnboundedSender<(ServerId, Order)>) -> Self {
        Self { shared, orders }
    }

    /// Takes a server out of use until it is readmitted.
    ///
    /// `server` is its name, or its address if it has none; with its pool and a slash before it
    /// (`main/10.0.0.1:11211`) if several pools have one of that name.
    pub fn drain(&self, server: &str) -> Result<(), OrderError> {
        self.order(server, Order::Drain)
    }

    /// The same as [`Handle::drain`], said of a server that something is wrong with.
    pub fn eject(&self, server: &str) -> Result<(), OrderError> {
        self.order(server, Order::Eject)
    }

    /// Takes [`Handle::drain`] or [`Handle::eject`] back, or ends the hold of a server that was
    /// ejected by a rule: it is used again as soon as its canaries are good.
    pub fn readmit(&self, server: &str) -> Result<(), OrderError> {
        self.order(server, Order::Readmit)
    }

    /// Empties a server before it is used again: it is passed over until it has been.
    pub fn flush(&self, server: &str) -> Result<(), OrderError> {
        self.order(server, Order::Flush)
    }

    /// Gives an order about a server.
    pub fn order(&self, server: &str, order: Order) -> Result<(), OrderError> {
        let id = self.find(server)?;
        self.orders.send((id, order)).map_err(|_| OrderError::Stopping)
    }

    /// The events from number `since` on, as far as they are kept. The first has number 0.
    pub fn events_since(&self, since: u64) -> Events {
        self.shared.events.since(since)
    }

    /// A reader of events that waits for those to come, from number `since` on.
    pub fn read_events(&self, since: u64) -> EventReader {
        EventReader::new(Arc::clone(&self.shared), since)
    }

    /// The number of the event that comes next.
    pub fn next_event_number(&self) -> u64 {
        self.shared.events.next_number()
    }

    /// The servers that are configured, pool by pool, as of now.
    pub fn servers(&self) -> Vec<ServerView> {
        let directory = self.shared.directory.load_full();
        let present = directory.present_servers();
        present.filter_map(|(id, server)| self.shared.view_server(id, server)).collect()
    }

    /// The pools that are configured, as of now.
    pub fn pools(&self) -> Vec<PoolView> {
        let directory = self.shared.directory.load_full();
        let present = directory.present_pools();
        present.map(|(id, pool)| self.shared.view_pool(id, pool)).collect()
    }

    /// Where a key goes now; `None` if there is no such pool.
    pub fn route(&self, pool: &str, key: &[u8]) -> Option<RouteView> {
        let pool = self.shared.directory.load().pool_named(pool)?;
        Some(self.shared.view_route(pool, key))
    }

    /// What a server is called.
    pub fn names_of(&self, server: ServerId) -> Arc<ServerNames> {
        Arc::clone(&self.shared.server(server).names)
    }

    /// The sum of what all workers have done.
    pub fn counters(&self) -> Counters {
        self.shared.counters()
    }

    /// Reports about servers that were given up because the control plane was behind.
    pub fn reports_dropped(&self) -> u64 {
        self.shared.reports_dropped.load(Ordering::Relaxed)
    }

    /// The time by the clock that events are stamped with.
    pub fn now(&self) -> Instant {
        self.shared.now()
    }

    /// What the clock on the wall showed then, if nobody has set it since.
    pub fn wall_time(&self, at: Instant) -> SystemTime {
        UNIX_EPOCH + self.shared.started_at + (at - Instant::ZERO)
    }

    fn find(&self, name: &str) -> Result<ServerId, OrderError> {
        let directory = self.shared.directory.load_full();
        let known: Vec<_> = directory
            .present_servers()
            .map(|(id, it)| (id, it.names.to_string(), &it.names))
            .collect();
        let is_it = |long: &str, names: &ServerNames| long == name || names.server == name;
        let found: Vec<_> = known.iter().filter(|(_, long, names)| is_it(long, names)).collect();
        match found[..] {
            [(id, ..)] => Ok(*id),
            [] => {
                let short: BTreeSet<_> =
                    known.iter().map(|(_, _, it)| it.server.as_str()).collect();
                let long = known.iter().map(|(_, long, _)| long.as_str());
                let all = || short.iter().copied().collect();
                let remedy = nearest::near_or_all(name, short.iter().copied().chain(long), all);
                Err(OrderError::UnknownServer { name: name.to_owned(), remedy })
            }
            _ => Err(OrderError::SeveralServers {
                name: name.to_owned(),
                with_pools: found.iter().map(|(_, long, _)| format!("{long:?}")).collect(),
            }),
        }
    }
}
