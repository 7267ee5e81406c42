//! What an operator can ask of a running control plane, from any thread.
//!
//! Orders go to the control plane and are carried out there, in the order in which they were
//! given; what became of them is in the events. Everything else only reads.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use evenkeel_core::Instant;
use evenkeel_core::config::{PoolName, nearest};
use evenkeel_core::event::{Order, StateName};
use evenkeel_core::routing::ServerId;
use tokio::sync::mpsc::UnboundedSender;

use crate::events::{EventReader, Events};
use crate::routes::server_id;
use crate::server::SharedServer;
use crate::shared::Shared;

/// A way to a running control plane; as many as wanted.
#[derive(Clone, Debug)]
pub struct Handle {
    shared: Arc<Shared>,
    orders: UnboundedSender<(ServerId, Order)>,
}

/// What a server is taken for at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its state.
    pub state: StateName,
    /// Since when.
    pub since: Instant,
    /// Whether it is sent writes, for as long as it is used at all.
    pub takes_writes: bool,
}

/// One server, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerStatus {
    /// Its pool.
    pub pool: PoolName,
    /// What it is known by: its name, or else its address.
    pub name: String,
    /// By what events name it.
    pub id: ServerId,
    /// What it is taken for.
    pub standing: Standing,
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

    /// The pool of a server that an event names, and what it is known by.
    pub fn names_of(&self, server: ServerId) -> (PoolName, String) {
        let server = self.shared.server(server);
        (self.shared.pools[usize::from(server.pool.0)].clone(), server.config.to_string())
    }

    /// What each server is taken for, in the order of the configuration.
    pub fn states(&self) -> Vec<ServerStatus> {
        let standings = self.shared.standings();
        let servers = self.shared.servers.iter().zip(standings).enumerate();
        let status = servers.map(|(idx, (server, standing))| ServerStatus {
            pool: self.shared.pools[usize::from(server.pool.0)].clone(),
            name: server.config.to_string(),
            id: server_id(idx),
            standing,
        });
        status.collect()
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
        let known: Vec<_> = self.shared.servers.iter().map(|server| self.names(server)).collect();
        let is_it = |names: &Names| names.with_pool == name || names.known_as == name;
        let found: Vec<_> = (0..known.len()).filter(|idx| is_it(&known[*idx])).collect();
        match found[..] {
            [idx] => Ok(server_id(idx)),
            [] => {
                let short: BTreeSet<_> = known.iter().map(|it| it.known_as.as_str()).collect();
                let long = known.iter().map(|it| it.with_pool.as_str());
                let all = || short.iter().copied().collect();
                let remedy = nearest::near_or_all(name, short.iter().copied().chain(long), all);
                Err(OrderError::UnknownServer { name: name.to_owned(), remedy })
            }
            _ => Err(OrderError::SeveralServers {
                name: name.to_owned(),
                with_pools: found
                    .iter()
                    .map(|idx| format!("{:?}", known[*idx].with_pool))
                    .collect(),
            }),
        }
    }

    fn names(&self, server: &SharedServer) -> Names {
        let known_as = server.config.to_string();
        let pool = &self.shared.pools[usize::from(server.pool.0)];
        Names { with_pool: format!("{pool}/{known_as}"), known_as }
    }
}

/// What a server may be called in an order.
struct Names {
    with_pool: String,
    known_as: String,
}
