//! A few applications that use a cache at a steady pace, and judge each value that they read.
//!
//! They are what people watch in `evenkeel lab`: enough requests for plots to live, too few to warm a
//! machine. Each writes keys of its own and reads all. What is not there is written back by the one
//! that may, as an application does that loads what it misses; so hits return after an outage at the
//! pace at which keys are asked for. A value is judged by [`Truth`]: one that is older than the last
//! write that was acknowledged is *stale*, one that was never written is *wrong*.
//!
//! They decide nothing about servers, and know of one address only.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use evenkeel_core::random::Random;
use tokio::sync::{Barrier, oneshot};
use tokio::time::{MissedTickBehavior, interval_at, sleep};

use crate::truth::{Judgement, Truth};

mod session;

use session::{Ask, Reply, Session};

/// Running applications; stopped when dropped.
#[derive(Debug)]
pub struct Applications {
    shared: Arc<Shared>,
    /// Dropped to stop the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What applications do.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Where they connect.
    pub addr: SocketAddr,
    /// Requests a second of all together, from 1.
    pub requests_per_second: u32,
    /// An answer that takes longer is late.
    pub late_after: Duration,
}

/// What became of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests that were sent.
    pub requests: u64,
    /// Reads that found the value.
    pub hits: u64,
    /// Reads that found none.
    pub misses: u64,
    /// Requests that were answered with an error.
    pub errors: u64,
    /// Requests that were not answered.
    pub lost: u64,
    /// Requests that took longer than [`Workload::late_after`].
    pub late: u64,
    /// Reads of a value older than the last write that was acknowledged before.
    pub stale: u64,
    /// Reads of a value that was never written to the key, and answers to something else than was
    /// asked.
    pub wrong: u64,
    /// The longest time that a request took.
    pub slowest: Duration,
    /// The first stale or wrong answer, in words.
    pub first_bad_answer: Option<String>,
}

/// What the applications and their owner both look at.
#[derive(Debug)]
struct Shared {
    workload: Workload,
    truth: Truth,
    /// For each application, its keys that somebody has missed.
    missed: [Mutex<VecDeque<usize>>; APPLICATIONS],
    tally: Mutex<Tally>,
}

/// How many applications there are.
const APPLICATIONS: usize = 8;

/// How many keys there are.
pub const KEYS: usize = 600;

/// Reads in a hundred requests, while nothing is missed.
const READS_PERCENT: u64 = 90;

/// How long to wait for every key to be written.
const FILL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an application waits before it connects again.
const RECONNECT_INTERVAL: Duration = Duration::from_millis(100);

impl Applications {
    /// Starts them. They have written every key once when this returns, unless that takes too long,
    /// and go on until this is dropped.
    ///
    /// # Errors
    /// No thread can be started. Nothing is running then.
    pub fn start(workload: Workload) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(workload));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (filled, is_filled) = mpsc::sync_channel(1);
        let thread = {
            let shared = Arc::clone(&shared);
            let name = "lab-applications".to_owned();
            std::thread::Builder::new().name(name).spawn(move || {
                // Dropping the runtime afterwards ends the applications where they are.
                runtime.block_on(async {
                    let barrier = Arc::new(Barrier::new(APPLICATIONS));
                    for idx in 0..APPLICATIONS {
                        let application = Application::new(idx, Arc::clone(&shared));
                        tokio::spawn(application.run(Arc::clone(&barrier), filled.clone()));
                    }
                    // It is dropped, not sent.
                    let _ = stopped.await;
                });
            })?
        };
        let applications = Self { shared, stop: Some(stop), thread: Some(thread) };
        // What cannot be written now is missed, and written then.
        let _ = is_filled.recv_timeout(FILL_TIMEOUT);
        Ok(applications)
    }

    /// What became of the requests that ended since this was last called.
    pub fn take(&self) -> Tally {
        mem::take(&mut *self.shared.tally())
    }

    /// The name of one of their keys, of [`KEYS`].
    pub fn key(&self, idx: usize) -> &str {
        self.shared.truth.key(idx)
    }
}

impl Drop for Applications {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // It can only have panicked, which it has said on the way.
            let _ = thread.join();
        }
    }
}

impl Tally {
    /// Adds what became of other requests.
    pub fn absorb(&mut self, other: Self) {
        self.requests += other.requests;
        self.hits += other.hits;
        self.misses += other.misses;
        self.errors += other.errors;
        self.lost += other.lost;
        self.late += other.late;
        self.stale += other.stale;
        self.wrong += other.wrong;
        self.slowest = self.slowest.max(other.slowest);
        self.first_bad_answer = self.first_bad_answer.take().or(other.first_bad_answer);
    }
}

impl Shared {
    fn new(workload: Workload) -> Self {
        // Digits that look random: keys that differ in their last letters only may all belong to
        // one server, because `ketama` hashes as the clients do that it was taken from.
        let mut random = Random::new(0);
        let key = |_| format!("user:{:08x}", random.next_u64() >> 32);
        Self {
            workload,
            truth: Truth::new((0..KEYS).map(key)),
            missed: Default::default(),
            tally: Mutex::default(),
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn missed_of(&self, application: usize) -> MutexGuard<'_, VecDeque<usize>> {
        self.missed[application].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a key written back by the one that may.
    fn miss(&self, key_idx: usize) {
        let mut missed = self.missed_of(key_idx % APPLICATIONS);
        if !missed.contains(&key_idx) {
            missed.push_back(key_idx);
        }
    }
}

/// One application: a session, and its own keys, which are every [`APPLICATIONS`]th.
struct Application {
    idx: usize,
    shared: Arc<Shared>,
    random: Random,
    /// None after it was lost, until the next request.
    session: Option<Session>,
}

impl Application {
    fn new(idx: usize, shared: Arc<Shared>) -> Self {
        Self { idx, shared, random: Random::new(idx as u64), session: None }
    }

    async fn run(mut self, barrier: Arc<Barrier>, filled: SyncSender<()>) {
        for key_idx in (self.idx..KEYS).step_by(APPLICATIONS) {
            self.write(key_idx).await;
        }
        if barrier.wait().await.is_leader() {
            // What it took to begin is of no interest.
            mem::take(&mut *self.shared.tally());
            // There is room for it.
            let _ = filled.try_send(());
        }
        let per_second = self.shared.workload.requests_per_second.max(1);
        let pause = Duration::from_secs(APPLICATIONS as u64) / per_second;
        // At even intervals, not all at once.
        let offset = Duration::from_secs(self.idx as u64) / per_second;
        let mut ticks = interval_at(tokio::time::Instant::now() + offset, pause);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.request().await;
        }
    }

    async fn request(&mut self) {
        let missed = self.shared.missed_of(self.idx).pop_front();
        if let Some(key_idx) = missed {
            return self.write(key_idx).await;
        }
        if self.random.below(100) < READS_PERCENT {
            let key_idx = self.below(KEYS);
            return self.read(key_idx).await;
        }
        let key_idx = self.below(KEYS / APPLICATIONS) * APPLICATIONS + self.idx;
        self.write(key_idx).await;
    }

    async fn read(&mut self, key_idx: usize) {
        let shared = Arc::clone(&self.shared);
        let truth = &shared.truth;
        let acknowledged = truth.acknowledged(key_idx);
        let ask = Ask::Get { key: truth.key(key_idx), value_len: truth.value(key_idx, 0).len() };
        let reply = self.converse(&ask).await;
        match reply {
            Reply::Value(value) => {
                let judgement = truth.judge(key_idx, acknowledged, &value);
                let mut tally = shared.tally();
                tally.hits += 1;
                match judgement {
                    Judgement::Right => return,
                    Judgement::Stale => tally.stale += 1,
                    Judgement::Wrong => tally.wrong += 1,
                }
                let words = || format!("{value} is {judgement:?} after write {acknowledged}");
                tally.first_bad_answer.get_or_insert_with(words);
            }
            Reply::Miss => {
                shared.tally().misses += 1;
                shared.miss(key_idx);
            }
            Reply::Done | Reply::Error | Reply::Wrong(_) | Reply::Lost => {}
        }
    }

    async fn write(&mut self, key_idx: usize) {
        let shared = Arc::clone(&self.shared);
        let truth = &shared.truth;
        let (key, number) = (truth.key(key_idx), truth.begin_write(key_idx));
        let reply = if Truth::is_delete(number) {
            // What is deleted is soon missed.
            shared.miss(key_idx);
            self.converse(&Ask::Delete { key }).await
        } else {
            self.converse(&Ask::Set { key, value: truth.value(key_idx, number) }).await
        };
        if reply == Reply::Done {
            truth.acknowledge(key_idx, number);
        }
    }

    /// Sends a request, waits for what comes of it, and counts that.
    async fn converse(&mut self, ask: &Ask<'_>) -> Reply {
        if self.session.is_none() {
            self.session = Session::connect(self.shared.workload.addr).await.ok();
        }
        let started_at = Instant::now();
        let reply = if let Some(session) = &mut self.session {
            session.converse(ask).await
        } else {
            sleep(RECONNECT_INTERVAL).await;
            Reply::Lost
        };
        let took = started_at.elapsed();
        let mut tally = self.shared.tally();
        tally.requests += 1;
        tally.slowest = tally.slowest.max(took);
        tally.late += u64::from(took > self.shared.workload.late_after);
        tally.errors += u64::from(reply == Reply::Error);
        match &reply {
            Reply::Lost => tally.lost += 1,
            Reply::Wrong(answer) => {
                tally.wrong += 1;
                tally.first_bad_answer.get_or_insert_with(|| format!("{answer:?} to {ask:?}"));
            }
            Reply::Value(_) | Reply::Miss | Reply::Done | Reply::Error => return reply,
        }
        // What comes on it now could be the rest of that answer.
        self.session = None;
        reply
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.random.below(bound as u64)).expect("below a usize")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::{BufRead as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use crate::{Config, Fault, Relay, Server};

    use super::*;

    const BOUND: Duration = Duration::from_secs(10);

    /// Waits until what became of requests fits.
    #[track_caller]
    fn wait_until(applications: &Applications, fits: impl Fn(&Tally) -> bool) -> Tally {
        let deadline = Instant::now() + BOUND;
        let mut tally = Tally::default();
        while !fits(&tally) {
            assert!(Instant::now() < deadline, "in vain: {tally:?}");
            std::thread::sleep(Duration::from_millis(5));
            tally.absorb(applications.take());
        }
        tally
    }

    fn start(addr: SocketAddr) -> Applications {
        let (requests_per_second, late_after) = (2000, Duration::from_secs(1));
        Applications::start(Workload { addr, requests_per_second, late_after }).unwrap()
    }

    #[test]
    fn a_server_that_is_well_is_read_and_written() {
        let server = Server::start(Config::default()).unwrap();
        let applications = start(server.addr());
        let tally = wait_until(&applications, |tally| tally.hits > 500);
        assert_eq!((tally.errors, tally.lost, tally.stale, tally.wrong), (0, 0, 0, 0));
        assert!(tally.misses * 20 < tally.hits, "{tally:?}");
        assert_eq!(tally.first_bad_answer, None);
    }

    #[test]
    fn what_is_missed_is_written_back() {
        let server = Server::start(Config::default()).unwrap();
        let applications = start(server.addr());
        wait_until(&applications, |tally| tally.hits > 100);
        server.flush();
        wait_until(&applications, |tally| tally.misses > 300);
        let later = wait_until(&applications, |tally| tally.hits > 1000);
        assert_eq!(later.first_bad_answer, None);
    }

    /// A cache of one kind of mistake: it keeps the first value of each key.
    fn start_forgetful() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let items = Arc::new(Mutex::new(BTreeMap::new()));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let items = Arc::clone(&items);
                std::thread::spawn(move || forget(&stream.unwrap(), &items));
            }
        });
        addr
    }

    fn forget(mut stream: &TcpStream, items: &Mutex<BTreeMap<String, String>>) {
        let mut lines = io::BufReader::new(stream).lines().map_while(Result::ok);
        while let Some(line) = lines.next() {
            let key = line.split(' ').nth(1).unwrap().to_owned();
            let mut items = items.lock().unwrap();
            let answer = if line.starts_with("get") {
                let value = &items[&key];
                format!("VALUE {key} 0 {}\r\n{value}\r\nEND", value.len())
            } else if line.starts_with("set") {
                items.entry(key).or_insert(lines.next().unwrap());
                "STORED".to_owned()
            } else {
                "DELETED".to_owned()
            };
            drop(items);
            stream.write_all(format!("{answer}\r\n").as_bytes()).unwrap();
        }
    }

    #[test]
    fn a_value_from_before_the_last_write_is_stale() {
        let applications = start(start_forgetful());
        let tally = wait_until(&applications, |tally| tally.stale > 0);
        assert_eq!((tally.wrong, tally.errors, tally.lost), (0, 0, 0));
        let words = tally.first_bad_answer.unwrap();
        assert!(words.contains("is Stale after write"), "{words}");
    }

    #[test]
    fn an_answer_to_another_request_is_wrong() {
        let server = Server::start(Config::default()).unwrap();
        let relay = Relay::start(server.addr()).unwrap();
        let applications = start(relay.addr());
        wait_until(&applications, |tally| tally.hits > 100);
        relay.set(Fault::OffByOne);
        let tally = wait_until(&applications, |tally| tally.wrong > 0);
        assert!(tally.first_bad_answer.is_some());
    }

    #[test]
    fn an_application_without_a_server_loses_its_requests_and_goes_on() {
        let mut server = Server::start(Config::default()).unwrap();
        let applications = start(server.addr());
        wait_until(&applications, |tally| tally.hits > 100);
        server.stop();
        wait_until(&applications, |tally| tally.lost > 0);
        server.restart().unwrap();
        let tally = wait_until(&applications, |tally| tally.hits > 100);
        assert_eq!(tally.first_bad_answer, None);
    }
}
