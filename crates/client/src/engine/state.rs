//! What the lock guards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use evenkeel_control::{Shared, peer};
use evenkeel_core::Instant;
use evenkeel_core::call::CallResult;
use evenkeel_core::connection::ConnectionId;
use evenkeel_core::id::ExchangeId;
use evenkeel_core::protocol::request::Request;
use evenkeel_core::routing::{PoolId, RoutingTable};
use evenkeel_core::worker::Worker;
use slotmap::{Key as _, SlotMap};
use tokio::net::tcp::OwnedWriteHalf;

use super::respite::Respite;

/// The worker, its connections, and where calls wait.
#[derive(Debug)]
pub(super) struct State {
    pub(super) worker: Worker,
    pub(super) table: Arc<RoutingTable>,
    pub(super) slots: SlotMap<SlotId, Slot>,
    pub(super) sockets: BTreeMap<ConnectionId, Socket>,
    /// Connections with something to write.
    pub(super) dirty: Vec<ConnectionId>,
    /// Connections that the driver is to make.
    pub(super) to_connect: Vec<ConnectionId>,
    /// When the driver looks next, rung or not.
    pub(super) driver_at: Option<Instant>,
    /// Since when the driver has been rung for and has not come.
    pub(super) rung_at: Option<Instant>,
    pub(super) respite: Respite,
    /// Buffers to be used again.
    pub(super) spare: Vec<Vec<u8>>,
    /// Nothing works any more.
    pub(super) is_closed: bool,
    #[cfg(feature = "metrics")]
    pub(super) meter: super::meter::Meter,
}

slotmap::new_key_type! {
    /// A slot, by which the worker names its call.
    pub(super) struct SlotId;
}

/// A call that has been submitted: its exchange, and where it waits.
pub(super) type Submitted = (ExchangeId, SlotId);

/// Where a call waits for its result.
#[derive(Debug)]
pub(super) enum Slot {
    Waiting(Option<Waker>),
    Done(CallResult),
}

#[derive(Debug)]
pub(super) struct Socket {
    /// `None` while it is being connected.
    pub(super) stream: Option<Arc<OwnedWriteHalf>>,
    pub(super) is_being_written_to: bool,
}

/// Bytes on their way to a connection.
#[derive(Debug)]
pub(crate) struct Output {
    pub(super) id: ConnectionId,
    pub(crate) stream: Arc<OwnedWriteHalf>,
    pub(crate) bytes: Vec<u8>,
}

/// The pool that a client's keys belong to; a gutter pool follows it.
pub(super) const POOL: PoolId = PoolId(0);

/// How many bytes are taken out at once.
const OUTPUT_LEN_MAX: usize = 256 * 1024;

/// How many buffers are kept, and how large they may be.
const SPARE_MAX: usize = 64;
const SPARE_LEN_MAX: usize = 64 * 1024;

impl State {
    pub(super) fn new(worker: Worker, table: Arc<RoutingTable>) -> Self {
        Self {
            #[cfg(feature = "metrics")]
            meter: super::meter::Meter::new(table.servers.len()),
            worker,
            table,
            slots: SlotMap::with_key(),
            sockets: BTreeMap::new(),
            dirty: Vec::new(),
            to_connect: Vec::new(),
            driver_at: None,
            rung_at: None,
            respite: Respite::default(),
            spare: Vec::new(),
            is_closed: false,
        }
    }

    /// Submits a request, if there is anybody to take it.
    pub(super) fn submit(
        &mut self,
        now: Instant,
        request: &Request<'_>,
        deadline: Option<Duration>,
    ) -> Option<Submitted> {
        if self.is_closed {
            return None;
        }
        let slot = self.slots.insert(Slot::Waiting(None));
        let id = self.worker.call(now, (POOL, slot.data().as_ffi()), request, deadline);
        Some((id, slot))
    }

    /// Whether the driver has something to do, or means to look later than the worker needs it.
    pub(super) fn needs_driver(&self) -> bool {
        let is_earlier = |needed| self.driver_at.is_none_or(|at| needed < at);
        !self.dirty.is_empty()
            || !self.to_connect.is_empty()
            || self.worker.next_timeout().is_some_and(is_earlier)
    }

    /// Whether our own loop has stood still.
    pub(super) fn note_stall(&mut self, shared: &Shared, now: Instant) -> bool {
        // Who is rung for comes at once.
        let due = self.driver_at.into_iter().chain(self.rung_at).min();
        let has_stalled = self.worker.handle_turn(now, due);
        if has_stalled {
            shared.workers[0].pace.note_stall(now);
        }
        has_stalled
    }

    pub(super) fn look_at_table(&mut self, shared: &Shared, now: Instant) {
        // A client has one worker.
        if let Some(table) = shared.newer_table(0, &self.table) {
            self.table = Arc::clone(&table);
            self.worker.handle_table(now, table);
        }
    }

    /// Takes out what is to be written to one connection.
    pub(super) fn take_output(&mut self) -> Option<Output> {
        loop {
            let id = self.dirty.pop()?;
            let Some(socket) = self.sockets.get_mut(&id) else { continue };
            let Some(stream) = socket.stream.as_ref().filter(|_| !socket.is_being_written_to)
            else {
                continue;
            };
            let mut bytes = self.spare.pop().unwrap_or_default();
            self.worker.take_connection_output(id, OUTPUT_LEN_MAX, &mut bytes);
            if bytes.is_empty() {
                self.spare.push(bytes);
                continue;
            }
            socket.is_being_written_to = true;
            return Some(Output { id, stream: Arc::clone(stream), bytes });
        }
    }

    pub(super) fn give_spare(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= SPARE_LEN_MAX && self.spare.len() < SPARE_MAX {
            buffer.clear();
            self.spare.push(buffer);
        }
    }

    /// Ends a connection by a reset: what its kernel has not sent yet must not be sent.
    pub(super) fn disconnect(&mut self, id: ConnectionId) {
        let Some(socket) = self.sockets.remove(&id) else { return };
        if let Some(stream) = socket.stream {
            peer::reset_when_closed((*stream).as_ref());
            // At once, though a task that is about to end may still hold it.
            let _ = rustix::net::connect_unspec((*stream).as_ref());
        }
    }
}
