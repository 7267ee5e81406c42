//! Reading from the sockets that are ready, and writing to those that something waits for.
//!
//! All that are ready at one time are read from together, and all that have something to write are
//! written to together: where the kernel allows it that is one system call for many sockets
//! (`evenkeel_uring`).
//!
//! # Hard case
//! What is to be written lies in the worker and must be there, and be the same, when it is said how
//! much of it was written. So whatever is lost by writing is told to the worker after that.

use std::io;
use std::os::fd::AsFd as _;
use std::sync::atomic::Ordering;

use evenkeel_control::peer;
use evenkeel_core::Instant;
use evenkeel_core::connection::ConnectionId;
use evenkeel_core::failure::Failure;
use evenkeel_core::id::SessionId;
use evenkeel_uring::Calls;

use super::sockets::Socket;
use super::{DataPlane, Peer};

impl DataPlane {
    // Reading.

    /// Has the session read from, if there is something and the worker wants it.
    pub(super) fn mark_session_ready(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        if session.socket.is_readable && !session.is_ready && self.worker.wants_input(id) {
            session.is_ready = true;
            self.ready.push(Peer::Session(id));
        }
    }

    /// Has the connection read from, if there is something.
    pub(super) fn mark_server_ready(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.socket.is_readable && connection.open.is_some() && !connection.is_ready {
            connection.is_ready = true;
            self.ready.push(Peer::Server(id));
        }
    }

    /// Reads each ready socket once. Those that have more are ready again, for the next turn.
    pub(super) fn read_ready(&mut self, now: Instant) {
        let mut ready = std::mem::take(&mut self.ready);
        let mut calls = self.calls.take().expect("they are put back");
        for peers in ready.chunks(calls.receives_max()) {
            for peer in peers {
                self.unmark_ready(*peer);
            }
            calls.receive(peers.iter().enumerate().filter_map(|(idx, peer)| {
                let socket = self.readable(*peer)?;
                Some((idx, socket.as_fd()))
            }));
            for (idx, received) in calls.received() {
                match peers[idx] {
                    Peer::Session(id) => self.handle_session_received(now, id, received),
                    Peer::Server(id) => self.handle_server_received(now, id, received),
                }
            }
        }
        self.put_back(calls);
        ready.clear();
        // The list is kept for its room.
        ready.append(&mut self.ready);
        self.ready = ready;
    }

    fn unmark_ready(&mut self, peer: Peer) {
        match peer {
            Peer::Session(id) => {
                if let Some(session) = self.sessions.get_mut(id) {
                    session.is_ready = false;
                }
            }
            Peer::Server(id) => {
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.is_ready = false;
                }
            }
        }
    }

    fn readable(&self, peer: Peer) -> Option<&Socket> {
        match peer {
            Peer::Session(id) if !self.worker.wants_input(id) => None,
            Peer::Session(id) => self.sessions.get(id).map(|it| &it.socket),
            Peer::Server(id) => self.connections.get(&id).map(|it| &it.socket),
        }
    }

    fn handle_session_received(
        &mut self,
        now: Instant,
        id: SessionId,
        received: io::Result<&[u8]>,
    ) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        match session.socket.note_received(received) {
            Ok(Some([])) => self.worker.handle_session_eof(id),
            Ok(Some(bytes)) => {
                self.worker.handle_session_bytes(now, id, bytes);
                self.mark_session_ready(id);
            }
            Ok(None) => self.mark_session_ready(id),
            Err(_) => self.drop_session(id),
        }
    }

    fn handle_server_received(
        &mut self,
        now: Instant,
        id: ConnectionId,
        received: io::Result<&[u8]>,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match connection.socket.note_received(received) {
            Ok(Some([])) => self.worker.handle_server_lost(now, id, Failure::Closed),
            Ok(Some(bytes)) => {
                self.worker.handle_server_bytes(now, id, bytes);
                self.mark_server_ready(id);
            }
            Ok(None) => self.mark_server_ready(id),
            Err(error) => {
                self.worker.handle_server_lost(now, id, peer::failure(&error));
            }
        }
    }

    // Writing.

    /// Has the session written to, if something waits for it.
    pub(super) fn mark_session_dirty(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        if session.socket.is_writable && !session.is_dirty {
            session.is_dirty = true;
            self.dirty.push(Peer::Session(id));
        }
    }

    /// Has the connection written to, if something waits for it.
    pub(super) fn mark_server_dirty(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.socket.is_writable && !connection.is_dirty {
            connection.is_dirty = true;
            self.dirty.push(Peer::Server(id));
        }
    }

    /// Writes once to each socket that something waits for.
    pub(super) fn write_dirty(&mut self, now: Instant) {
        let mut dirty = std::mem::take(&mut self.dirty);
        let mut calls = self.calls.take().expect("they are put back");
        for peer in &dirty {
            self.unmark_dirty(*peer);
        }
        calls.send(dirty.iter().enumerate().filter_map(|(idx, peer)| {
            let (socket, bytes) = self.output(*peer)?;
            (!bytes.is_empty()).then_some((idx, socket.as_fd(), bytes))
        }));
        // Empty unless a peer is lost.
        let mut failed = Vec::new();
        for (idx, sent) in calls.sent() {
            if let Err(error) = self.handle_sent(dirty[idx], sent) {
                failed.push((dirty[idx], error));
            }
        }
        for (peer, error) in failed {
            match peer {
                Peer::Session(id) => self.drop_session(id),
                Peer::Server(id) => {
                    self.worker.handle_server_lost(now, id, peer::failure(&error));
                }
            }
        }
        self.put_back(calls);
        dirty.clear();
        // The list is kept for its room.
        dirty.append(&mut self.dirty);
        self.dirty = dirty;
    }

    fn unmark_dirty(&mut self, peer: Peer) {
        match peer {
            Peer::Session(id) => {
                if let Some(session) = self.sessions.get_mut(id) {
                    session.is_dirty = false;
                }
            }
            Peer::Server(id) => {
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.is_dirty = false;
                }
            }
        }
    }

    fn output(&self, peer: Peer) -> Option<(&Socket, &[u8])> {
        match peer {
            Peer::Session(id) => {
                Some((&self.sessions.get(id)?.socket, self.worker.session_output(id)))
            }
            Peer::Server(id) => {
                Some((&self.connections.get(&id)?.socket, self.worker.connection_output(id)))
            }
        }
    }

    fn handle_sent(&mut self, peer: Peer, sent: io::Result<usize>) -> io::Result<()> {
        match peer {
            Peer::Session(id) => {
                let len = self.worker.session_output(id).len();
                let Some(session) = self.sessions.get_mut(id) else { return Ok(()) };
                let sent = session.socket.note_sent(len, sent)?;
                self.worker.handle_session_written(id, sent);
                if sent < len {
                    self.mark_session_dirty(id);
                }
                self.mark_session_ready(id);
            }
            Peer::Server(id) => {
                let len = self.worker.connection_output(id).len();
                let Some(connection) = self.connections.get_mut(&id) else { return Ok(()) };
                let sent = connection.socket.note_sent(len, sent)?;
                self.worker.handle_server_written(id, sent);
                if sent < len {
                    self.mark_server_dirty(id);
                }
            }
        }
        Ok(())
    }

    fn put_back(&mut self, calls: Calls) {
        let is_on_io_uring = &self.shared.workers[self.idx].is_on_io_uring;
        if is_on_io_uring.load(Ordering::Relaxed) && !calls.are_together() {
            is_on_io_uring.store(false, Ordering::Relaxed);
            tracing::warn!(worker = self.idx, "io_uring has failed; a system call for each socket");
        }
        self.calls = Some(calls);
    }
}
