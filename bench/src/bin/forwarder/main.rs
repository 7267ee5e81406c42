//! The floor of what any proxy of this kind costs: a bare forwarder.
//!
//! One epoll loop reads, finds the ends of requests, picks a server by a trivial hash of the key,
//! forwards over one connection a server, and hands responses back in the order of each session's
//! requests: one write for each server and session a turn. It has no health, limits or timers; it
//! knows `get` of one key and `set`, and nothing else of the protocol; if a server is lost, it
//! ends. What Evenkeel costs beyond it is the price of everything it is there for.
//!
//! `forwarder LISTEN SERVER…`, each of the form `IP:PORT`.

#![expect(clippy::print_stderr, reason = "a program for a terminal")]

mod message;
mod session;
mod socket;

use std::collections::VecDeque;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use self::message::{Front, Request};
use self::session::Session;
use self::socket::{BUFFER_LEN, Socket};

fn main() -> ExitCode {
    let result = Forwarder::from_arguments().and_then(Forwarder::run);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("forwarder: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Forwarder {
    poll: Poll,
    listener: TcpListener,
    servers: Vec<Server>,
    /// By place; a session's token is its place behind the servers.
    sessions: Vec<Session>,
    /// Places that can be taken again.
    free: Vec<usize>,
    /// Sessions to be written to at the end of the turn.
    to_write: Vec<usize>,
    buffer: Box<[u8]>,
}

/// The one connection to a server.
struct Server {
    socket: Socket,
    /// Whose the responses to come are.
    in_flight: VecDeque<Owner>,
}

struct Owner {
    session: usize,
    request: usize,
}

/// Tokens: the listener, then servers, then sessions.
const LISTENER: Token = Token(0);
const SERVERS: usize = 1;

const EVENTS_MAX: usize = 1024;

impl Forwarder {
    fn from_arguments() -> Result<Self, Box<dyn Error>> {
        let addresses = std::env::args().skip(1).map(|argument| argument.parse());
        let addresses = addresses.collect::<Result<Vec<SocketAddr>, _>>()?;
        let [address, servers @ ..] = &addresses[..] else { return Err(USAGE.into()) };
        if servers.is_empty() {
            return Err(USAGE.into());
        }
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(*address)?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let mut this = Self {
            poll,
            listener,
            servers: Vec::new(),
            sessions: Vec::new(),
            free: Vec::new(),
            to_write: Vec::new(),
            buffer: vec![0; BUFFER_LEN].into_boxed_slice(),
        };
        for server in servers {
            let stream = std::net::TcpStream::connect(server)?;
            stream.set_nonblocking(true)?;
            let mut socket = Socket::new(TcpStream::from_std(stream))?;
            this.register(&mut socket, SERVERS + this.servers.len())?;
            this.servers.push(Server { socket, in_flight: VecDeque::new() });
        }
        Ok(this)
    }

    fn run(mut self) -> Result<(), Box<dyn Error>> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            }
            for event in &events {
                self.handle_event(event)?;
            }
            for server in &mut self.servers {
                server.socket.write()?;
            }
            while let Some(place) = self.to_write.pop() {
                if self.sessions[place].write().is_err() {
                    self.close_session(place);
                }
            }
        }
    }

    fn handle_event(&mut self, event: &Event) -> Result<(), Box<dyn Error>> {
        let Token(token) = event.token();
        let Some(idx) = token.checked_sub(SERVERS) else { return Ok(self.accept()?) };
        let Some(place) = idx.checked_sub(self.servers.len()) else {
            self.servers[idx].socket.handle_writable()?;
            return self.read_server(idx);
        };
        if self.sessions[place].is_open {
            let written = self.sessions[place].socket.handle_writable();
            let is_ending = event.is_read_closed() || event.is_error();
            let read = written.and_then(|()| self.read_session(place, is_ending));
            if read.is_err() {
                self.close_session(place);
            }
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let mut socket = Socket::new(stream)?;
            let place = self.free.pop().unwrap_or(self.sessions.len());
            self.register(&mut socket, SERVERS + self.servers.len() + place)?;
            let session = Session::new(socket);
            match self.sessions.get_mut(place) {
                Some(former) => *former = session,
                None => self.sessions.push(session),
            }
        }
    }

    fn register(&self, socket: &mut Socket, token: usize) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(socket.stream_mut(), Token(token), interest)
    }

    /// Reads until nothing is left; `is_ending`: the kernel will not tell again. An error: the
    /// session must be closed.
    fn read_session(&mut self, place: usize, is_ending: bool) -> io::Result<()> {
        let session = &mut self.sessions[place];
        loop {
            let (len, is_more) = match session.socket.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                result => result?,
            };
            let mut input = &self.buffer[..len];
            loop {
                match message::request(input) {
                    Front::Incomplete => break,
                    Front::Unknown => return Err(io::ErrorKind::InvalidData.into()),
                    Front::Whole(Request { key, len }) => {
                        let server = pick(key, self.servers.len());
                        let server = &mut self.servers[server];
                        server.socket.push(&input[..len]);
                        let request = session.push_request();
                        server.in_flight.push_back(Owner { session: place, request });
                        input = &input[len..];
                    }
                }
            }
            session.socket.keep(input);
            if !is_more && !is_ending {
                return Ok(());
            }
        }
    }

    /// Its place is free once nothing more comes for it.
    fn close_session(&mut self, place: usize) {
        let session = &mut self.sessions[place];
        if !session.is_open {
            return;
        }
        session.is_open = false;
        session.socket.close();
        if !session.is_waiting() {
            self.free.push(place);
        }
    }

    fn read_server(&mut self, idx: usize) -> Result<(), Box<dyn Error>> {
        let server = &mut self.servers[idx];
        loop {
            let (len, is_more) = match server.socket.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                result => result?,
            };
            let mut input = &self.buffer[..len];
            loop {
                match message::response(input) {
                    Front::Incomplete => break,
                    Front::Unknown => return Err("a server sent no response".into()),
                    Front::Whole(len) => {
                        let owner = server.in_flight.pop_front().ok_or("a response too many")?;
                        let session = &mut self.sessions[owner.session];
                        let is_first = session.push_response(owner.request, &input[..len]);
                        if session.is_open && is_first {
                            self.to_write.push(owner.session);
                        } else if !session.is_open && !session.is_waiting() {
                            self.free.push(owner.session);
                        }
                        input = &input[len..];
                    }
                }
            }
            server.socket.keep(input);
            if !is_more {
                return Ok(());
            }
        }
    }
}

/// One of `count` servers, by the key's first bytes.
fn pick(key: &[u8], count: usize) -> usize {
    let word = match key.first_chunk() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => key.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte)),
    };
    // The product's upper half depends on every byte.
    let spread = word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    usize::try_from((spread * count as u64) >> 32).expect("it is less than the count")
}

const USAGE: &str = "usage: forwarder LISTEN SERVER…, each of the form IP:PORT";
