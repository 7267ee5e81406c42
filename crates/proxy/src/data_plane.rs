//! One worker's sockets around `evenkeel_core::worker`.
//!
//! # One turn of the loop
//! Sleep until something is ready, read each ready socket once, let the worker deal with what has
//! run out of time, then write: one write for each connection and session that has something.
//! Where the kernel allows it, all these reads are one system call, and so are the writes.
//! The clock is read once a turn.
//!
//! Readiness is edge-triggered: a socket that has been told to be readable is so until a read
//! has found less than the buffer holds. One that has more goes to the back of the queue, so that
//! a busy session cannot starve the others.
//!
//! # What it never does
//! Decide anything. It moves bytes and carries out what the worker asks.

mod changes;
mod sockets;
mod tokens;
mod transfer;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use evenkeel_control::peer;
use evenkeel_control::server::OpenConnection;
use evenkeel_core::Instant;
use evenkeel_core::connection::ConnectionId;
use evenkeel_core::failure::Failure;
use evenkeel_core::id::SessionId;
use evenkeel_core::routing::RoutingTable;
use evenkeel_core::slow::SlowSettings;
use evenkeel_core::time::earliest;
use evenkeel_core::worker::{Action, Worker, WorkerSettings};
use evenkeel_uring::Calls;
use mio::event::Event;
use mio::{Events, Poll, Token};
use slotmap::{Key as _, KeyData, SecondaryMap};

use self::sockets::{Socket, Stream};
use self::tokens::{LISTENERS, SESSION_BIT, WAKER, connection_id, connection_token};
use crate::listeners::{Listener, ListenerShare, ListenerSocket};
use crate::shared::Shared;
use crate::stats;

/// One worker: its loop, its sockets, its share of the data plane.
#[derive(Debug)]
pub struct DataPlane {
    poll: Poll,
    shared: Arc<Shared>,
    idx: usize,
    worker: Worker,
    /// When the worker's next timer fires, as of the end of the last turn.
    worker_due: Option<Instant>,
    /// The table the worker has.
    table: Arc<RoutingTable>,
    /// By the number in their token.
    listeners: BTreeMap<usize, Listener>,
    /// The number that the next one gets.
    next_listener: usize,
    sessions: SecondaryMap<SessionId, SessionSocket>,
    connections: BTreeMap<ConnectionId, ConnectionSocket>,
    /// Sockets to read from; each at most once.
    ready: Vec<Peer>,
    /// Sockets to write to; each at most once.
    dirty: Vec<Peer>,
    /// `None` while they are in use.
    calls: Option<Calls>,
    /// When to go on accepting: at once after a full turn of it, or later if the process had run
    /// out of something.
    accept_at: Option<Instant>,
    shutdown_timeout: Duration,
    /// When a graceful stop ends, once it has begun.
    stop_deadline: Option<Instant>,
}

#[derive(Debug)]
struct SessionSocket {
    socket: Socket,
    listener: Arc<ListenerShare>,
    is_ready: bool,
    is_dirty: bool,
}

#[derive(Debug)]
struct ConnectionSocket {
    socket: Socket,
    /// Once it is connected.
    open: Option<OpenConnection>,
    is_ready: bool,
    is_dirty: bool,
}

/// Who is read from or written to.
#[derive(Clone, Copy, Debug)]
enum Peer {
    Session(SessionId),
    Server(ConnectionId),
}

/// How often each socket is read after a stall of our own before timers fire: 4 MiB of each.
const BACKLOG_READS_MAX: usize = 64;

/// How many sessions are accepted in one turn.
const ACCEPTS_MAX: usize = 256;

/// How many sockets one turn learns about.
const EVENTS_MAX: usize = 1024;

/// The pause after the process has run out of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What memcached says to a connection too many.
const TOO_MANY: &[u8] = b"ERROR Too many open connections\r\n";

impl DataPlane {
    /// Something that wakes the loop of `poll`.
    pub fn waker(poll: &Poll) -> io::Result<mio::Waker> {
        mio::Waker::new(poll.registry(), WAKER)
    }

    /// The worker at place `idx` of `shared`.
    pub fn new(
        poll: Poll,
        shared: Arc<Shared>,
        idx: usize,
        listeners: Vec<Listener>,
        calls: Calls,
        (shutdown_timeout, slow): (Duration, SlowSettings),
    ) -> io::Result<Self> {
        let control = &shared.control;
        let table = control.table.load_full();
        shared.workers[idx].is_on_io_uring.store(calls.are_together(), Ordering::Relaxed);
        let settings = WorkerSettings { slow, ..control.worker_settings(idx) };
        let recovery = Arc::clone(&control.misplaced);
        let worker = Worker::new(control.now(), Arc::clone(&table), settings, recovery);
        let mut data_plane = Self {
            poll,
            worker,
            worker_due: None,
            table,
            listeners: BTreeMap::new(),
            next_listener: LISTENERS,
            idx,
            sessions: SecondaryMap::new(),
            connections: BTreeMap::new(),
            ready: Vec::new(),
            dirty: Vec::new(),
            calls: Some(calls),
            accept_at: None,
            shutdown_timeout,
            stop_deadline: None,
            shared,
        };
        listeners.into_iter().try_for_each(|it| data_plane.listen(it))?;
        Ok(data_plane)
    }

    /// Runs until the proxy is stopped.
    ///
    /// # Panics
    /// If the kernel refuses to say which sockets are ready.
    pub fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS_MAX);
        self.flush(self.shared.control.now());
        while !self.is_done() {
            let sleep_time = self.sleep_time();
            match self.poll.poll(&mut events, sleep_time) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => panic!("epoll_wait: {error}"),
            }
            self.turn(self.shared.control.now(), &events);
        }
    }

    fn turn(&mut self, now: Instant, events: &Events) {
        let pace = &self.shared.control.workers[self.idx].pace;
        pace.begin_turn(now);
        let due = self.worker_due;
        let mut reads = 1;
        if self.worker.handle_turn(now, due) {
            pace.note_stall(now);
            // What came meanwhile came in time: timers must not find it unread.
            reads = BACKLOG_READS_MAX;
        }
        for event in events {
            self.handle_event(now, event);
        }
        if self.accept_at.is_some_and(|at| at <= now) {
            self.accept_at = None;
            self.accept_all(now);
        }
        for _ in 0..reads {
            self.read_ready(now);
        }
        if due.is_some_and(|at| at <= now) {
            self.worker.handle_timeout(now);
        }
        self.flush(now);
        self.publish_counters();
    }

    fn publish_counters(&self) {
        self.shared.control.workers[self.idx].counters.store(self.worker.counters());
        let sessions_open = &self.shared.workers[self.idx].sessions_open;
        sessions_open.store(self.worker.sessions_len(), Ordering::Relaxed);
    }

    fn sleep_time(&mut self) -> Option<Duration> {
        self.worker_due = self.worker.next_timeout();
        let now = self.shared.control.now();
        self.shared.control.workers[self.idx].pace.end_turn(now);
        if !self.ready.is_empty() {
            return Some(Duration::ZERO);
        }
        let at = earliest(self.worker_due, self.accept_at);
        let at = earliest(at, self.stop_deadline)?;
        Some(at.saturating_since(now))
    }

    fn is_done(&self) -> bool {
        self.stop_deadline.is_some_and(|deadline| {
            self.worker.sessions_len() == 0 || deadline <= self.shared.control.now()
        })
    }

    fn handle_event(&mut self, now: Instant, event: &Event) {
        match event.token() {
            WAKER => self.look_at_shared(now),
            Token(token) if token & SESSION_BIT != 0 => {
                self.handle_session_event(SessionId::from(KeyData::from_ffi(token as u64)), event);
            }
            Token(token) => match connection_id(token) {
                Some(id) => self.handle_server_event(now, id, event),
                None => self.accept(now, token),
            },
        }
    }

    /// The control plane has changed something.
    fn look_at_shared(&mut self, now: Instant) {
        if let Some(table) = self.shared.control.newer_table(self.idx, &self.table) {
            self.table = Arc::clone(&table);
            self.worker.handle_table(now, table);
        }
        for change in self.shared.workers[self.idx].take_changes() {
            self.change(now, change);
        }
        if self.shared.is_stopping.load(Ordering::Acquire) && self.stop_deadline.is_none() {
            self.stop_deadline = Some(now + self.shutdown_timeout);
            self.accept_all(now);
            self.listeners.clear();
            self.read_sessions(now);
            self.worker.handle_shutdown();
        }
    }

    /// Reads from every session once, whether or not it is known to have sent something.
    fn read_sessions(&mut self, now: Instant) {
        let ids: Vec<_> = self.sessions.keys().collect();
        for id in ids {
            self.sessions[id].socket.is_readable = true;
            self.mark_session_ready(id);
        }
        self.read_ready(now);
    }

    // Sessions.

    fn accept_all(&mut self, now: Instant) {
        let numbers: Vec<_> = self.listeners.keys().copied().collect();
        for number in numbers {
            self.accept(now, number);
        }
    }

    fn accept(&mut self, now: Instant, number: usize) {
        for _ in 0..ACCEPTS_MAX {
            let Some(listener) = self.listeners.get(&number) else { return };
            let stream = match &listener.socket {
                ListenerSocket::Tcp(it) => it.accept().map(|(stream, _)| Stream::Tcp(stream)),
                ListenerSocket::Unix(it) => it.accept().map(|(stream, _)| Stream::Unix(stream)),
            };
            match stream {
                Ok(stream) => self.open_session(Socket::new(stream), Arc::clone(&listener.share)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a session; trying again");
                    self.accept_at = Some(now + ACCEPT_PAUSE);
                    return;
                }
            }
        }
        // More may be waiting, and the kernel will not tell again: the next turn goes on.
        self.accept_at = Some(now);
    }

    fn open_session(&mut self, mut socket: Socket, listener: Arc<ListenerShare>) {
        if !listener.admit() {
            self.shared.sessions_refused.count();
            return socket.say(TOO_MANY);
        }
        let routes = Arc::clone(&listener.routes);
        let id = self.worker.handle_session_opened(routes, listener.limits);
        let token = usize::try_from(id.data().as_ffi()).expect("this runs on 64 bits");
        match socket.register(self.poll.registry(), Token(token)) {
            Ok(()) => {
                let session = SessionSocket { socket, listener, is_ready: false, is_dirty: false };
                self.sessions.insert(id, session);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot watch a session; closing it");
                listener.release();
                self.worker.handle_session_closed(id);
            }
        }
    }

    fn close_session(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.remove(id) {
            session.listener.release();
        }
    }

    fn handle_session_event(&mut self, id: SessionId, event: &Event) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        session.socket.handle_event(event);
        if event.is_writable() {
            self.mark_session_dirty(id);
        }
        self.mark_session_ready(id);
    }

    fn drop_session(&mut self, id: SessionId) {
        self.close_session(id);
        self.worker.handle_session_closed(id);
    }

    // Servers.

    fn connect(&mut self, now: Instant, id: ConnectionId) {
        match self.try_connect(id) {
            Ok(()) => {}
            Err(failure) => self.worker.handle_server_lost(now, id, failure),
        }
    }

    fn try_connect(&mut self, id: ConnectionId) -> Result<(), Failure> {
        let addr = self
            .shared
            .control
            .server(id.server)
            .facts
            .addr
            .load_full()
            .ok_or(Failure::Unreachable)?;
        let failed = |error: io::Error| peer::connect_failure(&error);
        let stream = mio::net::TcpStream::connect(*addr).map_err(failed)?;
        let mut socket = Socket::new(Stream::Tcp(stream));
        peer::watch(&socket);
        socket.register(self.poll.registry(), connection_token(id)).map_err(failed)?;
        let connection = ConnectionSocket { socket, open: None, is_ready: false, is_dirty: false };
        self.connections.insert(id, connection);
        Ok(())
    }

    fn handle_server_event(&mut self, now: Instant, id: ConnectionId, event: &Event) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.socket.handle_event(event);
        if connection.open.is_none() {
            match connection.socket.finish_connect() {
                Ok(true) => {
                    let server = self.shared.control.server(id.server);
                    connection.open = Some(server.facts.count_connection());
                    self.worker.handle_connected(now, id);
                }
                Ok(false) => return,
                Err(error) => {
                    let failure = peer::connect_failure(&error);
                    return self.worker.handle_server_lost(now, id, failure);
                }
            }
        }
        if event.is_writable() {
            self.mark_server_dirty(id);
        }
        self.mark_server_ready(id);
    }

    // What the worker wants.

    /// Carries out and writes all there is. Writing to a session may let it go on with requests
    /// it had sent, so this goes round until there is nothing more.
    fn flush(&mut self, now: Instant) {
        let mut is_something_done = true;
        while is_something_done {
            is_something_done = false;
            while let Some(action) = self.worker.poll_action() {
                is_something_done = true;
                self.act(now, action);
            }
            while let Some(id) = self.worker.poll_connection_to_write() {
                self.mark_server_dirty(id);
            }
            while let Some(id) = self.worker.poll_session_to_write(now) {
                is_something_done = true;
                self.mark_session_dirty(id);
                self.mark_session_ready(id);
            }
            is_something_done |= !self.dirty.is_empty();
            self.write_dirty(now);
        }
        for report in self.worker.drain_reports() {
            self.shared.control.report(report);
        }
    }

    fn act(&mut self, now: Instant, action: Action) {
        match action {
            Action::Connect(id) => self.connect(now, id),
            Action::Disconnect(id) => {
                if let Some(connection) = self.connections.remove(&id) {
                    connection.socket.reset();
                }
            }
            Action::CloseSession(id) => self.close_session(id),
            Action::Stats(exchange) => {
                self.publish_counters();
                self.worker.answer_stats(exchange, &stats::words(&self.shared));
            }
        }
    }
}
