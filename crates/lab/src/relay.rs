//! A TCP relay that breaks things on purpose.
//!
//! It stands between a client (the proxy) and a server, and does to their connections what
//! [`Fault`] says, from the moment it is told to. It never changes a request's meaning and knows
//! nothing of keys or items.
//!
//! [`Fault::OnlyVersion`] is for Redis as well, and so are all that are about bytes and connections
//! rather than requests.
//!
//! Its target must be reachable: a connection whose target refuses is reset.
//!
//! # Source
//! The list of faults is the one that health checks are fooled by: a server that hangs
//! (`SIGSTOP`), is cut off, refuses, resets, flaps, is slow, answers `version` only, answers
//! `SERVER_ERROR`, or has lost step on a connection.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc as blocking;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep_until};

use crate::port::{FullListener, ReservedPort};

mod fault;

mod link;

mod requests;

mod resp;

mod responses;

mod noise;

pub use fault::Fault;
use link::Link;
use noise::Noise;

/// A running relay; stopped when dropped.
#[derive(Debug)]
pub struct Relay {
    addr: SocketAddr,
    counters: Arc<Counters>,
    /// Dropped to stop the thread.
    commands: Option<mpsc::UnboundedSender<Command>>,
    thread: Option<JoinHandle<()>>,
}

/// What has passed through a relay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayCounters {
    /// Connections accepted since the start.
    pub connections_total: u64,
    /// Connections open now.
    pub connections: u64,
    /// Bytes read from clients, forwarded or not.
    pub bytes_from_client: u64,
    /// Bytes read from the server, forwarded or not.
    pub bytes_from_server: u64,
}

/// The random bytes of [`Fault::Garbage`] unless another seed is given.
const SEED_DEFAULT: u64 = 0;

impl Relay {
    /// Starts a relay to `target` on a free port of 127.0.0.1. It forwards until told otherwise.
    ///
    /// # Errors
    /// There is no free port or no thread can be started. Nothing is running then.
    pub fn start(target: SocketAddr) -> io::Result<Self> {
        Self::start_with_seed(target, SEED_DEFAULT)
    }

    /// As [`Relay::start`]; what is random about it follows from `seed` and the order of
    /// connections.
    pub fn start_with_seed(target: SocketAddr, seed: u64) -> io::Result<Self> {
        let port = ReservedPort::new((Ipv4Addr::LOCALHOST, 0).into())?;
        let addr = port.addr();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = listen(&port, &runtime)?;
        let counters = Arc::new(Counters::default());
        let (commands, received) = mpsc::unbounded_channel();
        let thread = {
            let counters = Arc::clone(&counters);
            let name = format!("lab-relay-{}", addr.port());
            std::thread::Builder::new().name(name).spawn(move || {
                let control = Control::new(port, listener, Shared::new(target, seed, counters));
                // Dropping the tasks and the runtime afterwards closes every connection.
                LocalSet::new().block_on(&runtime, control.run(received));
            })?
        };
        Ok(Self { addr, counters, commands: Some(commands), thread: Some(thread) })
    }

    /// Where clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Puts a fault in force in place of the one before.
    ///
    /// When this returns, connections that the fault resets are reset, and no further chunk is
    /// treated by the fault before. A chunk that is being written still goes out.
    ///
    /// # Panics
    /// If the words of [`Fault::ServerError`] or [`Fault::ServerErrorOnWrites`] hold a line end.
    pub fn set(&self, fault: Fault) {
        if let Fault::ServerError(words) | Fault::ServerErrorOnWrites(words) = &fault {
            assert!(!words.contains(['\r', '\n']), "{words:?} is more than one line");
        }
        let (done, is_done) = blocking::channel();
        let commands =
            self.commands.as_ref().expect("there are commands until the relay is dropped");
        commands.send(Command { fault, done }).expect("the thread runs until commands are dropped");
        is_done.recv().expect("the thread answers every command");
    }

    /// Ends the fault in force: the same as setting [`Fault::None`].
    pub fn clear(&self) {
        self.set(Fault::None);
    }

    /// What has passed through so far.
    pub fn counters(&self) -> RelayCounters {
        self.counters.read()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // It can only have panicked, which it has said on the way.
            let _ = thread.join();
        }
    }
}

/// A fault to put in force, and whom to tell when it is.
#[derive(Debug)]
struct Command {
    fault: Fault,
    done: blocking::Sender<()>,
}

/// What every link is under.
#[derive(Clone, Debug, Default)]
struct Order {
    fault: Arc<Fault>,
    /// How often existing links have been reset. A link ends when it sees this change.
    resets: u64,
}

/// What the links of a relay share.
#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    order: watch::Sender<Order>,
    counters: Arc<Counters>,
    noise: Noise,
}

impl Shared {
    fn new(target: SocketAddr, seed: u64, counters: Arc<Counters>) -> Self {
        let order = watch::Sender::new(Order::default());
        Self { target, order, counters, noise: Noise::new(seed) }
    }
}

/// The relay's own loop: accepts, and does what it is told.
struct Control {
    port: ReservedPort,
    /// `None` while connects are refused.
    listener: Option<TcpListener>,
    /// In the listener's place while connects are not answered.
    full: Option<FullListener>,
    shared: Rc<Shared>,
    fault: Arc<Fault>,
    /// When the fault turns the next time, if it is one that turns.
    turn_at: Option<Instant>,
}

/// The shortest time between two turns of a fault.
const TURN_INTERVAL_MIN: Duration = Duration::from_millis(1);

/// How long accepting rests after it has failed.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(10);

impl Control {
    fn new(port: ReservedPort, listener: TcpListener, shared: Shared) -> Self {
        let (listener, shared) = (Some(listener), Rc::new(shared));
        Self { port, listener, full: None, shared, fault: Arc::default(), turn_at: None }
    }

    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        loop {
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(Command { fault, done }) => {
                        self.set(fault).await;
                        // Whoever asked may have stopped waiting.
                        let _ = done.send(());
                    }
                    None => return,
                },
                () = wait_until(self.turn_at) => self.turn().await,
                client = accept(self.listener.as_ref()) => self.link(client),
            }
        }
    }

    async fn set(&mut self, fault: Fault) {
        self.turn_at = None;
        self.full = None;
        self.fault = Arc::new(fault);
        self.shared.order.send_modify(|order| order.fault = Arc::clone(&self.fault));
        match &*self.fault {
            Fault::Refuse => self.refuse().await,
            Fault::CutOff => {
                self.listener = None;
                let full = self.port.listen_in_vain();
                self.full = Some(full.expect("the port is reserved for this"));
            }
            Fault::Flap(interval) => {
                self.turn_after(*interval);
                self.refuse().await;
            }
            Fault::Reset => {
                self.listen();
                self.reset_links();
                self.wait_for_links_to_end().await;
            }
            Fault::ResetEvery(interval) => {
                self.turn_after(*interval);
                self.listen();
            }
            _ => self.listen(),
        }
    }

    /// It is time for what a fault does again and again.
    async fn turn(&mut self) {
        match &*self.fault {
            Fault::ResetEvery(interval) => {
                self.turn_after(*interval);
                self.reset_links();
            }
            Fault::Flap(interval) => {
                self.turn_after(*interval);
                if self.listener.is_some() {
                    self.refuse().await;
                } else {
                    self.listen();
                }
            }
            _ => self.turn_at = None,
        }
    }

    fn turn_after(&mut self, interval: Duration) {
        self.turn_at = Some(Instant::now() + interval.max(TURN_INTERVAL_MIN));
    }

    async fn refuse(&mut self) {
        self.listener = None;
        self.reset_links();
        self.wait_for_links_to_end().await;
    }

    fn listen(&mut self) {
        if self.listener.is_none() {
            let listener = self.port.listen().and_then(TcpListener::from_std);
            self.listener = Some(listener.expect("the port is reserved for this"));
        }
    }

    fn reset_links(&self) {
        self.shared.order.send_modify(|order| order.resets += 1);
    }

    /// Links end on their own once they are told; nothing else is accepted meanwhile.
    async fn wait_for_links_to_end(&self) {
        while self.shared.counters.connections.load(Ordering::Relaxed) > 0 {
            tokio::task::yield_now().await;
        }
    }

    fn link(&self, client: TcpStream) {
        let counters = &self.shared.counters;
        let number = counters.connections_total.fetch_add(1, Ordering::Relaxed);
        if *self.fault == Fault::Reset {
            // Closing it now sends a reset.
            let _ = client.set_zero_linger();
            return;
        }
        counters.connections.fetch_add(1, Ordering::Relaxed);
        let link = Link::new(Rc::clone(&self.shared), number);
        let shared = Rc::clone(&self.shared);
        tokio::task::spawn_local(async move {
            link.run(client).await;
            shared.counters.connections.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

fn listen(port: &ReservedPort, runtime: &tokio::runtime::Runtime) -> io::Result<TcpListener> {
    let _inside = runtime.enter();
    TcpListener::from_std(port.listen()?)
}

/// The next connection; never, without a listener.
async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    loop {
        match listener.accept().await {
            Ok((client, _)) => return client,
            // Out of file descriptors, most likely: give some the time to become free.
            Err(_) => tokio::time::sleep(ACCEPT_RETRY_INTERVAL).await,
        }
    }
}

/// Never, without a time.
async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// [`RelayCounters`] as they are kept.
#[derive(Debug, Default)]
struct Counters {
    connections_total: AtomicU64,
    connections: AtomicU64,
    bytes_from_client: AtomicU64,
    bytes_from_server: AtomicU64,
}

impl Counters {
    fn add_from_client(&self, len: usize) {
        self.bytes_from_client.fetch_add(len as u64, Ordering::Relaxed);
    }

    fn add_from_server(&self, len: usize) {
        self.bytes_from_server.fetch_add(len as u64, Ordering::Relaxed);
    }

    fn read(&self) -> RelayCounters {
        RelayCounters {
            connections_total: self.connections_total.load(Ordering::Relaxed),
            connections: self.connections.load(Ordering::Relaxed),
            bytes_from_client: self.bytes_from_client.load(Ordering::Relaxed),
            bytes_from_server: self.bytes_from_server.load(Ordering::Relaxed),
        }
    }
}
