//! The embedded server: one thread, one listener, one store.
//!
//! It speaks what memcached 1.6.18 speaks ([`crate::answer`]) and can be broken by hand: paused
//! as by `SIGSTOP`, stopped as by a crash, started again empty on the same port, its clock moved
//! on. Finer faults are the business of [`crate::relay`].
//!
//! # Limits
//! Items in bytes ([`StoreLimits`]); connections ([`Config::connections_max`]), past which no more
//! are accepted until one ends; each connection's buffers, as `conversation` says.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot, watch};

use crate::answer::ServerFacts;
use crate::port::ReservedPort;
use crate::store::clock::UnixTime;
use crate::store::counters::Counters;
use crate::store::{Store, StoreLimits};

mod session;

mod conversation;

/// How a server is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where to listen. Port 0 is any free one. Default: port 0 of 127.0.0.1.
    pub addr: SocketAddr,
    /// How much memory items may take, and how large one may be. Default: 64 MiB and 1 MiB, as
    /// memcached.
    pub limits: StoreLimits,
    /// The most connections open at a time; more wait to be accepted. Default: 1024, as memcached.
    pub connections_max: usize,
    /// Whether meta commands are known. Default: they are.
    pub meta: MetaCommands,
}

/// Whether a server knows the commands `mg`, `ms`, `md`, `ma`, `me` and `mn`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetaCommands {
    /// As memcached since 1.6.
    #[default]
    Known,
    /// As memcached before 1.6: each line that begins with one is an `ERROR`, and what follows an `ms`
    /// is taken for the next command.
    Unknown,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            addr: (Ipv4Addr::LOCALHOST, 0).into(),
            limits: StoreLimits::default(),
            connections_max: 1024,
            meta: MetaCommands::Known,
        }
    }
}

/// A running server; stopped when dropped.
#[derive(Debug)]
pub struct Server {
    port: ReservedPort,
    config: Config,
    running: Option<Running>,
}

/// One start of a server.
#[derive(Debug)]
struct Running {
    shared: Arc<Shared>,
    /// Dropped to stop the thread.
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// What the server's thread and its owner both look at.
#[derive(Debug)]
struct Shared {
    config: Config,
    store: Mutex<Store>,
    is_running: watch::Sender<bool>,
    /// Permits of connections that may still be accepted.
    places: Arc<Semaphore>,
    connections_total: AtomicU64,
    clock: Clock,
    pid: u32,
}

/// A memory budget must hold this many items of the largest size, or none would stay.
const ITEMS_MIN: usize = 4;

/// How long accepting rests after it has failed.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(10);

impl Server {
    /// Starts a server; it accepts connections when this returns.
    ///
    /// # Errors
    /// The address cannot be listened on, no thread can be started, or the limits contradict each
    /// other. Nothing is running then.
    pub fn start(config: Config) -> io::Result<Self> {
        let StoreLimits { memory_max, item_size_max } = config.limits;
        if memory_max / ITEMS_MIN < item_size_max {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "a memory limit of {memory_max} bytes for items of up to {item_size_max} \
                     bytes; at least {ITEMS_MIN} must fit"
                ),
            ));
        }
        let port = ReservedPort::new(config.addr)?;
        let running = Running::start(&port, config)?;
        Ok(Self { port, config, running: Some(running) })
    }

    /// Where the server listens, or would if it were not stopped.
    pub fn addr(&self) -> SocketAddr {
        self.port.addr()
    }

    /// Stops as a crash does: connections end, connects are refused, the items are gone.
    ///
    /// The port stays reserved. Does nothing if the server is stopped.
    pub fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop();
        }
    }

    /// Starts again, empty and on the same port; stops first if need be.
    ///
    /// # Errors
    /// As [`Server::start`]. The server is stopped then.
    pub fn restart(&mut self) -> io::Result<()> {
        self.stop();
        self.running = Some(Running::start(&self.port, self.config)?);
        Ok(())
    }

    /// Hangs as a process does on `SIGSTOP`: connects still succeed, bytes are still taken by the
    /// system, and nothing is answered. A batch of requests being answered is finished first.
    pub fn pause(&self) {
        self.set_running(false);
    }

    /// Goes on after [`Server::pause`] and answers what has come in since.
    pub fn resume(&self) {
        self.set_running(true);
    }

    /// Drops all items.
    pub fn flush(&self) {
        if let Some(mut store) = self.store() {
            store.flush(0);
        }
    }

    /// Moves the server's clock on, so that items expire without waiting. Whole seconds count.
    pub fn skip_time(&self, by: Duration) {
        if let Some(running) = &self.running {
            running.shared.clock.skip(by);
        }
    }

    /// How many items there are; 0 if stopped.
    pub fn item_count(&self) -> usize {
        self.store().map_or(0, |store| store.len())
    }

    /// Bytes that items take; 0 if stopped.
    pub fn memory_used(&self) -> u64 {
        self.store().map_or(0, |store| store.memory_used())
    }

    /// How many connections are open; 0 if stopped.
    pub fn connection_count(&self) -> usize {
        self.running.as_ref().map_or(0, |running| running.shared.facts().connections)
    }

    /// What has been done since the last start; all 0 if stopped.
    pub fn counters(&self) -> Counters {
        self.store().map_or_else(Counters::default, |store| *store.counters())
    }

    fn store(&self) -> Option<MutexGuard<'_, Store>> {
        let running = self.running.as_ref()?;
        Some(running.shared.store.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_running(&self, is_running: bool) {
        if let Some(running) = &self.running {
            running.shared.is_running.send_replace(is_running);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Running {
    fn start(port: &ReservedPort, config: Config) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = port.listen()?;
        let shared = Arc::new(Shared::new(config));
        let (stop, stopped) = oneshot::channel();
        let thread = {
            let shared = Arc::clone(&shared);
            let name = format!("lab-server-{}", port.addr().port());
            std::thread::Builder::new().name(name).spawn(move || {
                // Dropping the runtime afterwards closes every connection.
                runtime.block_on(async {
                    tokio::select! {
                        () = accept(listener, shared) => {}
                        _ = stopped => {}
                    }
                });
            })?
        };
        Ok(Self { shared, stop, thread })
    }

    fn stop(self) {
        drop(self.stop);
        // The thread can only have panicked, which it has said on the way.
        let _ = self.thread.join();
    }
}

impl Shared {
    fn new(config: Config) -> Self {
        let clock = Clock::new();
        Self {
            config,
            store: Mutex::new(Store::new(config.limits, clock.now())),
            is_running: watch::Sender::new(true),
            places: Arc::new(Semaphore::new(config.connections_max.min(Semaphore::MAX_PERMITS))),
            connections_total: AtomicU64::new(0),
            clock,
            pid: next_pid(),
        }
    }

    fn now(&self) -> UnixTime {
        self.clock.now()
    }

    fn facts(&self) -> ServerFacts {
        let connections_max = self.config.connections_max;
        ServerFacts {
            pid: self.pid,
            uptime: self.clock.uptime(),
            connections: connections_max.saturating_sub(self.places.available_permits()),
            connections_total: self.connections_total.load(Ordering::Relaxed),
            connections_max,
        }
    }
}

/// Accepts connections for ever.
async fn accept(listener: StdListener, shared: Arc<Shared>) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    let mut is_running = shared.is_running.subscribe();
    loop {
        session::wait_until_running(&mut is_running).await;
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: give some the time to become free.
            tokio::time::sleep(ACCEPT_RETRY_INTERVAL).await;
            continue;
        };
        let Ok(place) = Arc::clone(&shared.places).acquire_owned().await else {
            return;
        };
        // Without it answers are late, no more.
        let _ = stream.set_nodelay(true);
        shared.connections_total.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            session::serve(stream, shared).await;
            drop(place);
        });
    }
}

/// Whole seconds that pass as real ones do, whatever becomes of the system's date, and can be
/// skipped.
#[derive(Debug)]
struct Clock {
    started_at: Instant,
    started_unix: u64,
    skipped_seconds: AtomicU64,
}

impl Clock {
    fn new() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let skipped_seconds = AtomicU64::new(0);
        Self { started_at: Instant::now(), started_unix: since_epoch.as_secs(), skipped_seconds }
    }

    fn now(&self) -> UnixTime {
        UnixTime::from_seconds(self.started_unix + self.uptime().as_secs())
    }

    fn uptime(&self) -> Duration {
        let skipped = Duration::from_secs(self.skipped_seconds.load(Ordering::Relaxed));
        self.started_at.elapsed() + skipped
    }

    fn skip(&self, by: Duration) {
        self.skipped_seconds.fetch_add(by.as_secs(), Ordering::Relaxed);
    }
}

/// The process id for the first start of a server in this process, another number for each later
/// one.
fn next_pid() -> u32 {
    static STARTS: AtomicU32 = AtomicU32::new(0);
    std::process::id().wrapping_add(STARTS.fetch_add(1, Ordering::Relaxed))
}
