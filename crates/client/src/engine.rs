//! One process's worker, shared by all tasks.
//!
//! # Intuition
//! A task that wants something locks the worker, submits its request and lets go: nothing is
//! waited for under the lock, and no system call is made. What is to be written is taken out and
//! written afterwards. With many tasks at work the driver writes, once they have all had their say:
//! the requests of many tasks are one write, and their responses one read. A task that is alone
//! writes for itself, so that nobody else has to be woken.
//!
//! # Hard cases
//! - A task stops waiting (its future is dropped): its exchange is dropped, its attempt stays in the
//!   connection until the response has come.
//! - Bytes that have been taken out to be written count as written: they may be, at any moment.
//! - Two tasks must not write to one connection at a time, or the bytes of one would stand amid
//!   the other's: a connection that is being written to is passed over, and looked at again when
//!   that has ended.
//! - The runtime that the engine lives on ends before its users: all calls fail, then and later.

mod call;

mod state;

mod respite;

#[cfg(feature = "metrics")]
pub(crate) mod meter;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use evenkeel_control::Shared;
use evenkeel_core::Instant;
use evenkeel_core::call::CallResult;
use evenkeel_core::connection::ConnectionId;
use evenkeel_core::failure::Failure;
use evenkeel_core::protocol::request::Request;
#[cfg(feature = "metrics")]
use evenkeel_core::worker::Counters;
use evenkeel_core::worker::{Action, Worker};
use slotmap::KeyData;
use smallvec::SmallVec;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;

pub(crate) use self::call::Call;
pub(crate) use self::state::Output;
use self::state::{POOL, Slot, Socket, State, Submitted};
use crate::connection;
use crate::driver::Driver;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) shared: Arc<Shared>,
    /// Where connections live.
    pub(crate) runtime: tokio::runtime::Handle,
    state: Mutex<State>,
    driver: Driver,
    /// Tells the driver that there is something to write, or that it must look sooner than it meant
    /// to.
    bell: Arc<Notify>,
}

impl Engine {
    /// An engine whose connections live on the runtime that this is called on.
    pub(crate) fn start(shared: Arc<Shared>, bell: Arc<Notify>) -> Arc<Self> {
        let table = shared.table.load_full();
        let (settings, recovery) = (shared.worker_settings(0), Arc::clone(&shared.misplaced));
        let worker = Worker::new(shared.now(), Arc::clone(&table), settings, recovery);
        let engine = Arc::new(Self {
            shared,
            runtime: tokio::runtime::Handle::current(),
            state: Mutex::new(State::new(worker, table)),
            bell,
            driver: Driver::default(),
        });
        engine.driver.start(&engine);
        engine
    }

    /// Where connections live.
    pub(crate) fn runtime(&self) -> &tokio::runtime::Handle {
        &self.runtime
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // For tasks.

    /// Submits a request.
    pub(crate) fn call(
        self: &Arc<Self>,
        request: &Request<'_>,
        deadline: Option<Duration>,
    ) -> Call<'_> {
        let mut state = self.lock();
        let now = self.shared.now();
        let waiting = state.submit(now, request, deadline);
        let is_alone = self.release(state);
        let mut call = self.wait(now, request, waiting);
        call.may_drive = is_alone;
        call
    }

    /// Submits several at once.
    pub(crate) fn call_all(
        self: &Arc<Self>,
        requests: &[Request<'_>],
        deadline: Option<Duration>,
    ) -> impl Iterator<Item = Call<'_>> {
        let mut state = self.lock();
        let now = self.shared.now();
        let waiting: Vec<_> =
            requests.iter().map(|request| state.submit(now, request, deadline)).collect();
        self.release(state);
        let waiting = requests.iter().zip(waiting);
        waiting.map(move |(request, waiting)| self.wait(now, request, waiting))
    }

    /// The wait for a request that was submitted at `now`.
    #[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "nothing is timed"))]
    fn wait(
        self: &Arc<Self>,
        now: Instant,
        request: &Request<'_>,
        waiting: Option<Submitted>,
    ) -> Call<'_> {
        Call {
            engine: self,
            may_drive: false,
            waiting,
            #[cfg(feature = "metrics")]
            stopwatch: meter::Stopwatch::start(now, request.class()),
        }
    }

    /// Submits a request that wants no reply.
    pub(crate) fn cast(self: &Arc<Self>, request: &Request<'_>, deadline: Option<Duration>) {
        let mut state = self.lock();
        if !state.is_closed {
            // Nobody is told of it, whatever its name.
            state.worker.call(self.shared.now(), (POOL, 0), request, deadline);
            self.release(state);
        }
    }

    /// Lets go after something was submitted. True if nobody else waits for anything.
    fn release(self: &Arc<Self>, mut state: MutexGuard<'_, State>) -> bool {
        // Who submits does not wait yet: there is nobody to wake.
        self.settle(&mut state, &mut Vec::new());
        let is_alone = state.slots.len() <= 1;
        let mut outputs = SmallVec::<[Output; 4]>::new();
        while is_alone && let Some(output) = state.take_output() {
            outputs.push(output);
        }
        self.let_go(state);
        if !outputs.is_empty() {
            self.write(outputs);
        }
        is_alone
    }

    /// Gives back what a call of several keys was made of.
    pub(crate) fn recycle(&self, result: CallResult) {
        self.lock().worker.recycle(result);
    }

    fn write(self: &Arc<Self>, outputs: impl IntoIterator<Item = Output>) {
        let written: SmallVec<[_; 4]> = outputs
            .into_iter()
            .map(|output| {
                let written = output.stream.try_write(&output.bytes);
                (output, written)
            })
            .collect();
        let mut state = self.lock();
        for (output, written) in written {
            self.finish_write(&mut state, output, written);
        }
        self.let_go(state);
    }

    // For connections.

    /// A connection has been made. False if nobody wants it any more.
    pub(crate) fn handle_connected(
        self: &Arc<Self>,
        id: ConnectionId,
        stream: Arc<OwnedWriteHalf>,
    ) -> bool {
        let now = self.shared.now();
        let mut state = self.lock();
        let Some(socket) = state.sockets.get_mut(&id) else { return false };
        socket.stream = Some(stream);
        state.worker.handle_connected(now, id);
        self.settle_and_ring(state, &mut Vec::new());
        true
    }

    /// A server has sent `bytes`. `wakers` is room to be used.
    pub(crate) fn handle_bytes(
        self: &Arc<Self>,
        id: ConnectionId,
        bytes: &[u8],
        wakers: &mut Vec<Waker>,
    ) {
        let now = self.shared.now();
        let mut state = self.lock();
        state.note_stall(&self.shared, now);
        state.worker.handle_server_bytes(now, id, bytes);
        self.settle_and_ring(state, wakers);
    }

    /// A connection is lost, or could not be made.
    pub(crate) fn handle_lost(self: &Arc<Self>, id: ConnectionId, failure: Failure) {
        let now = self.shared.now();
        let mut state = self.lock();
        if state.sockets.remove(&id).is_some() {
            state.worker.handle_server_lost(now, id, failure);
        }
        self.settle_and_ring(state, &mut Vec::new());
    }

    /// Bytes that did not fit have been written, or never will be.
    pub(crate) fn handle_rest_written(
        self: &Arc<Self>,
        output: Output,
        written: io::Result<usize>,
    ) {
        let mut state = self.lock();
        self.finish_write(&mut state, output, written);
        self.let_go(state);
    }

    // What the worker wants.

    /// Does what the worker wants done, wakes who has got a result, and sees to it that what is
    /// to be written is.
    fn settle_and_ring(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        wakers: &mut Vec<Waker>,
    ) {
        self.settle(&mut state, wakers);
        self.let_go(state);
        wakers.drain(..).for_each(Waker::wake);
    }

    fn settle(self: &Arc<Self>, state: &mut State, wakers: &mut Vec<Waker>) {
        while let Some(action) = state.worker.poll_action() {
            match action {
                Action::Connect(id) => {
                    let socket = Socket { stream: None, is_being_written_to: false };
                    state.sockets.insert(id, socket);
                    state.to_connect.push(id);
                }
                Action::Disconnect(id) => state.disconnect(id),
                Action::CloseSession(_) | Action::Stats(_) => unreachable!("there are no sessions"),
            }
        }
        let State { worker, slots, dirty, .. } = state;
        while let Some(id) = worker.poll_connection_to_write() {
            dirty.push(id);
        }
        for (name, result) in worker.drain_settled() {
            let Some(slot) = slots.get_mut(KeyData::from_ffi(name).into()) else { continue };
            if let Slot::Waiting(Some(waker)) = std::mem::replace(slot, Slot::Done(result)) {
                wakers.push(waker);
            }
        }
        for report in worker.drain_reports() {
            #[cfg(feature = "metrics")]
            state.meter.note_report(&report);
            self.shared.report(report);
        }
    }

    /// Unlocks, and has the driver come if there is something for it to do.
    fn let_go(&self, mut state: MutexGuard<'_, State>) {
        let must_ring = state.rung_at.is_none() && state.needs_driver();
        if must_ring {
            state.rung_at = Some(self.shared.now());
        }
        // Whoever is woken may lock in turn.
        drop(state);
        if must_ring {
            self.bell.notify_one();
        }
    }

    fn finish_write(
        self: &Arc<Self>,
        state: &mut State,
        output: Output,
        written: io::Result<usize>,
    ) {
        let Some(socket) = state.sockets.get_mut(&output.id) else { return };
        match written {
            Ok(len) if len == output.bytes.len() => {
                socket.is_being_written_to = false;
                state.give_spare(output.bytes);
                if !state.worker.connection_output(output.id).is_empty() {
                    state.dirty.push(output.id);
                }
            }
            Ok(len) => self.write_rest(output, len),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.write_rest(output, 0),
            // Whoever reads from it learns of it too, and says so.
            Err(_) => {}
        }
    }

    fn write_rest(self: &Arc<Self>, output: Output, from: usize) {
        self.runtime.spawn(connection::write_rest(Arc::clone(self), output, from));
    }

    // For the driver.

    /// The driver's own task is polled.
    pub(crate) fn poll_as_own_task(&self, context: &Context<'_>) -> Poll<()> {
        self.driver.poll_as_own(context)
    }

    /// What the driver waits for, apart from its timer.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// One turn of the driver: timers, what the control plane has published, and all there is to
    /// write. Returns when the next turn is due at the latest, or nothing when the engine is closed.
    pub(crate) fn turn(self: &Arc<Self>, scratch: &mut Scratch) -> Option<Due> {
        let shared = &self.shared.workers[0];
        let now = self.shared.now();
        shared.pace.begin_turn(now);
        let Scratch { outputs, wakers, .. } = scratch;
        let mut state = self.lock();
        if state.is_closed {
            return None;
        }
        state.look_at_table(&self.shared, now);
        let has_stalled = state.note_stall(&self.shared, now);
        let put_off_until = state.respite.handle_turn(now, has_stalled);
        state.rung_at = None;
        let is_due = state.worker.next_timeout().is_some_and(|at| at <= now);
        if is_due && put_off_until.is_none() {
            state.worker.handle_timeout(now);
        }
        self.settle(&mut state, wakers);
        while let Some(output) = state.take_output() {
            outputs.push(output);
        }
        scratch.to_connect.append(&mut state.to_connect);
        let next = put_off_until.or_else(|| state.worker.next_timeout());
        state.driver_at = next;
        shared.counters.store(state.worker.counters());
        drop(state);
        wakers.drain(..).for_each(Waker::wake);
        if !outputs.is_empty() {
            self.write(outputs.drain(..));
        }
        shared.pace.end_turn(self.shared.now());
        Some(Due(next))
    }

    /// What was measured since this was last asked, and what has been counted since the start.
    #[cfg(feature = "metrics")]
    pub(crate) fn take_figures(&self) -> (meter::Meter, Counters) {
        let mut state = self.lock();
        (state.meter.take(), *state.worker.counters())
    }

    /// Whether nothing works any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Nothing works from here on: whoever waits is told so, and so is whoever comes.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        state.sockets.clear();
        let slots = std::mem::take(&mut state.slots);
        drop(state);
        self.driver.end();
        // For whoever is driving just now.
        self.bell.notify_one();
        for (_, slot) in slots {
            if let Slot::Waiting(Some(waker)) = slot {
                waker.wake();
            }
        }
    }
}

/// Room for one turn of the driver.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    outputs: Vec<Output>,
    wakers: Vec<Waker>,
    /// Connections to be made.
    pub(crate) to_connect: Vec<ConnectionId>,
}

/// When the next turn is due at the latest, if it is by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due(pub(crate) Option<Instant>);
