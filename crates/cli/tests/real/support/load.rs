//! A steady load whose every answer is checked.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Session, spread_key};

/// 2,000 requests a second over 8 connections, one write in ten, until it is stopped.
pub(crate) struct Load {
    is_stopped: Arc<AtomicBool>,
    threads: Vec<JoinHandle<LoadReport>>,
    stall_meter: JoinHandle<Duration>,
}

/// What became of the requests.
#[derive(Debug, Default)]
pub(crate) struct LoadReport {
    pub(crate) hits: usize,
    pub(crate) misses: usize,
    pub(crate) stored: usize,
    /// Writes answered with an error.
    pub(crate) writes_failed: usize,
    /// The longest time from sending a request to its answer.
    pub(crate) slowest: Duration,
    /// The longest that a thread of ours overslept: what a busy machine may add to a time.
    pub(crate) stall: Duration,
    /// Reads of a value older than the last acknowledged one.
    pub(crate) stale: usize,
    /// What must never be: connections lost, reads failed, wrong values.
    pub(crate) faults: Vec<String>,
}

/// One connection's part. It alone writes its keys, so it knows what may be read.
struct Worker {
    session: Session,
    idx: usize,
    keys: Vec<Versions>,
    report: LoadReport,
}

/// A key's value is the number of its write.
#[derive(Clone, Copy, Default)]
struct Versions {
    sent: u64,
    acknowledged: u64,
}

impl Load {
    /// Begins; the keys are written once before this returns.
    pub(crate) fn start(address: &str) -> Self {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let workers: Vec<_> = (0..CONNECTIONS).map(|idx| Worker::prepare(address, idx)).collect();
        let threads = workers
            .into_iter()
            .map(|worker| {
                let is_stopped = Arc::clone(&is_stopped);
                thread::spawn(move || worker.run(&is_stopped))
            })
            .collect();
        let seen = Arc::clone(&is_stopped);
        let stall_meter = thread::spawn(move || longest_stall(&seen));
        Self { is_stopped, threads, stall_meter }
    }

    /// Ends the load and adds up what became of it.
    pub(crate) fn stop(self) -> LoadReport {
        self.is_stopped.store(true, Ordering::Relaxed);
        let stall = self.stall_meter.join().expect("the stall meter does not panic");
        let mut sum = LoadReport { stall, ..LoadReport::default() };
        for thread in self.threads {
            let report = thread.join().expect("a load thread does not panic");
            sum.hits += report.hits;
            sum.misses += report.misses;
            sum.stored += report.stored;
            sum.writes_failed += report.writes_failed;
            sum.stale += report.stale;
            sum.slowest = sum.slowest.max(report.slowest);
            sum.faults.extend(report.faults);
        }
        sum
    }
}

impl Worker {
    fn prepare(address: &str, idx: usize) -> Self {
        let keys = vec![Versions::default(); KEYS_PER_CONNECTION];
        let session = Session::connect(address);
        let mut worker = Self { session, idx, keys, report: LoadReport::default() };
        for key_idx in 0..KEYS_PER_CONNECTION {
            worker.write(key_idx).expect("the servers are healthy before the fault");
        }
        worker.report = LoadReport::default();
        worker
    }

    fn run(mut self, is_stopped: &AtomicBool) -> LoadReport {
        let start = Instant::now();
        for turn in 0.. {
            if is_stopped.load(Ordering::Relaxed) {
                break;
            }
            let due = REQUEST_INTERVAL * turn + REQUEST_INTERVAL / 8 * u32_of(self.idx);
            thread::sleep(due.saturating_sub(start.elapsed()));
            // A stride that is prime to the number of keys visits them all.
            let key_idx = turn as usize * 37 % KEYS_PER_CONNECTION;
            let sent_at = Instant::now();
            let result = if turn % 10 == 0 { self.write(key_idx) } else { self.read(key_idx) };
            self.report.slowest = self.report.slowest.max(sent_at.elapsed());
            if let Err(error) = result {
                self.report.faults.push(format!("connection {} lost: {error}", self.idx));
                break;
            }
        }
        self.report
    }

    fn write(&mut self, key_idx: usize) -> io::Result<()> {
        let version = self.keys[key_idx].sent + 1;
        self.keys[key_idx].sent = version;
        let request = format!("set {} 0 0 20\r\n{version:020}\r\n", self.key(key_idx));
        self.session.try_send(request.as_bytes())?;
        let answer = self.read_line()?;
        if answer == "STORED" {
            self.keys[key_idx].acknowledged = version;
            self.report.stored += 1;
        } else if answer.starts_with("SERVER_ERROR ") {
            self.report.writes_failed += 1;
        } else {
            self.report.faults.push(format!("a write is answered {answer:?}"));
        }
        Ok(())
    }

    fn read(&mut self, key_idx: usize) -> io::Result<()> {
        let key = self.key(key_idx);
        self.session.try_send(format!("get {key}\r\n").as_bytes())?;
        let head = self.read_line()?;
        if head == "END" {
            self.report.misses += 1;
            return Ok(());
        }
        if head != format!("VALUE {key} 0 20") {
            self.report.faults.push(format!("get {key} is answered {head:?}"));
            return Ok(());
        }
        let value = self.read_line()?;
        let end = self.read_line()?;
        let Versions { sent, acknowledged } = self.keys[key_idx];
        match value.parse() {
            Ok(found) if end == "END" && (acknowledged..=sent).contains(&found) => {
                self.report.hits += 1;
            }
            Ok(found) if end == "END" && (1..acknowledged).contains(&found) => {
                self.report.stale += 1;
            }
            Ok(_) | Err(_) => self.report.faults.push(format!("get {key} gives {value} {end}")),
        }
        Ok(())
    }

    fn read_line(&mut self) -> io::Result<String> {
        let line = self.session.try_read_line()?;
        line.ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "closed by the proxy"))
    }

    fn key(&self, key_idx: usize) -> String {
        spread_key("load", self.idx * KEYS_PER_CONNECTION + key_idx)
    }
}

fn longest_stall(is_stopped: &AtomicBool) -> Duration {
    let mut longest = Duration::ZERO;
    while !is_stopped.load(Ordering::Relaxed) {
        let start = Instant::now();
        thread::sleep(METER_INTERVAL);
        longest = longest.max(start.elapsed().saturating_sub(METER_INTERVAL));
    }
    longest
}

fn u32_of(idx: usize) -> u32 {
    u32::try_from(idx).expect("there are few connections")
}

const CONNECTIONS: usize = 8;
const KEYS_PER_CONNECTION: usize = 200;
/// 250 a second on each connection.
const REQUEST_INTERVAL: Duration = Duration::from_millis(4);
const METER_INTERVAL: Duration = Duration::from_millis(2);
