//! A steady load that knows what it has written, so that every answer is judged.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::samples::{Answer, LoadReport, Op, Sample};
use super::stalls::StallMeter;
use super::truth::{Judgement, Truth};
use super::{Cluster, Session};

/// 2,000 requests a second over 8 connections, one write in ten, until it is stopped.
///
/// Each connection writes keys of its own and reads all. Half of the keys are *untouched*: written
/// once before the load begins.
pub(crate) struct Load {
    is_stopped: Arc<AtomicBool>,
    threads: Vec<JoinHandle<LoadReport>>,
    stall_meter: StallMeter,
}

/// One connection's part.
struct Worker {
    idx: usize,
    plan: Arc<Plan>,
    /// None after it was lost, until the next request.
    session: Option<Session>,
    report: LoadReport,
}

/// What all connections know.
struct Plan {
    address: String,
    truth: Truth,
    /// Each key's home.
    homes: Vec<usize>,
    started_at: Instant,
}

impl Load {
    /// Begins; every key is written once before this returns.
    pub(crate) fn start(cluster: &Cluster) -> Self {
        let (truth, address) = (Truth::new(KEYS), cluster.address());
        write_all_once(&truth, &address);
        let homes = homes(&truth, cluster);
        let plan = Arc::new(Plan { address, truth, homes, started_at: Instant::now() });
        let is_stopped = Arc::new(AtomicBool::new(false));
        let start = |idx| {
            let session = Some(Session::connect(&plan.address));
            let report = LoadReport::default();
            let worker = Worker { idx, plan: Arc::clone(&plan), session, report };
            let is_stopped = Arc::clone(&is_stopped);
            thread::spawn(move || worker.run(&is_stopped))
        };
        let threads = (0..CONNECTIONS).map(start).collect();
        Self { is_stopped, threads, stall_meter: StallMeter::start() }
    }

    /// Ends the load, reads every key once more, and hands over what became of it all.
    pub(crate) fn stop(self) -> LoadReport {
        self.is_stopped.store(true, Ordering::Relaxed);
        let mut sum = LoadReport::default();
        for thread in self.threads {
            let report = thread.join().expect("a load thread does not panic");
            sum.samples.extend(report.samples);
            sum.notes.extend(report.notes);
        }
        sum.stalls = self.stall_meter.stop();
        sum
    }
}

impl Worker {
    fn run(mut self, is_stopped: &AtomicBool) -> LoadReport {
        let offset = REQUEST_INTERVAL * u32_of(self.idx) / u32_of(CONNECTIONS);
        let mut due_at = self.plan.started_at + offset;
        for turn in 0.. {
            thread::sleep(due_at.saturating_duration_since(Instant::now()));
            // What was late does not make for a burst later.
            due_at = due_at.max(Instant::now()) + REQUEST_INTERVAL;
            if is_stopped.load(Ordering::Relaxed) {
                break;
            }
            if turn % TURNS_PER_WRITE == 0 {
                let key_idx = written_key(self.idx, turn / TURNS_PER_WRITE);
                self.request(Op::Write, key_idx);
            } else {
                // A stride that is prime to the number of keys visits them all.
                self.request(Op::Read, (turn * 37 + self.idx * 211) % KEYS);
            }
        }
        for key_idx in (self.idx..KEYS).step_by(CONNECTIONS) {
            self.request(Op::Read, key_idx);
        }
        self.report
    }

    fn request(&mut self, op: Op, key_idx: usize) {
        let plan = Arc::clone(&self.plan);
        let sent_at = Instant::now();
        let result = self.try_request(op, key_idx);
        let answered_at = Instant::now();
        let (answer, line) = result.unwrap_or_else(|error| (Answer::Lost, error.to_string()));
        match answer {
            Answer::Hit | Answer::Miss | Answer::Done => {}
            Answer::Failed | Answer::Stale => self.note(op, key_idx, answer, &line),
            Answer::Wrong | Answer::Lost => {
                self.note(op, key_idx, answer, &line);
                // What comes on it now could be the rest of that answer.
                self.session = None;
            }
        }
        let (home, is_untouched) = (plan.homes[key_idx], is_untouched(key_idx));
        self.report.samples.push(Sample { op, sent_at, answered_at, home, is_untouched, answer });
    }

    fn try_request(&mut self, op: Op, key_idx: usize) -> io::Result<(Answer, String)> {
        let session = match self.session.take() {
            Some(session) => session,
            None => Session::try_connect(&self.plan.address)?,
        };
        let session = self.session.insert(session);
        match op {
            Op::Read => read(session, &self.plan.truth, key_idx),
            Op::Write => write(session, &self.plan.truth, key_idx),
        }
    }

    /// Notes the first answer of each kind.
    fn note(&mut self, op: Op, key_idx: usize, answer: Answer, line: &str) {
        if self.report.samples.iter().any(|sample| sample.op == op && sample.answer == answer) {
            return;
        }
        let Plan { truth, homes, started_at, .. } = &*self.plan;
        let (key, home, at) = (truth.key(key_idx), homes[key_idx], started_at.elapsed());
        let note = format!("{at:.3?}: {op:?} of {key} (home {home}) is {answer:?}: {line}");
        self.report.notes.push(note);
    }
}

/// Sends the next write of a key: how it was answered, and in which words.
fn write(session: &mut Session, truth: &Truth, key_idx: usize) -> io::Result<(Answer, String)> {
    let version = truth.begin_write(key_idx);
    let (key, is_delete) = (truth.key(key_idx), Truth::is_delete(version));
    let request = if is_delete {
        format!("delete {key}\r\n")
    } else {
        let value = truth.value(key_idx, version);
        format!("set {key} 0 0 {}\r\n{value}\r\n", value.len())
    };
    session.try_send(request.as_bytes())?;
    let line = line(session)?;
    let answer = match (line.as_str(), is_delete) {
        ("STORED", false) | ("DELETED" | "NOT_FOUND", true) => {
            truth.acknowledge(key_idx, version);
            Answer::Done
        }
        _ if line.starts_with("SERVER_ERROR ") => Answer::Failed,
        _ => Answer::Wrong,
    };
    Ok((answer, line))
}

/// Sends a read of a key: what the answer is worth, and its words.
fn read(session: &mut Session, truth: &Truth, key_idx: usize) -> io::Result<(Answer, String)> {
    let (key, acknowledged) = (truth.key(key_idx), truth.acknowledged(key_idx));
    session.try_send(format!("get {key}\r\n").as_bytes())?;
    let head = line(session)?;
    if head == "END" {
        return Ok((Answer::Miss, head));
    }
    if head.starts_with("SERVER_ERROR ") {
        return Ok((Answer::Failed, head));
    }
    if head != format!("VALUE {key} 0 {}", truth.value(key_idx, 0).len()) {
        return Ok((Answer::Wrong, head));
    }
    let (value, end) = (line(session)?, line(session)?);
    let answer = match truth.judge(key_idx, acknowledged, &value) {
        Judgement::Right if end == "END" => Answer::Hit,
        Judgement::Stale if end == "END" => Answer::Stale,
        Judgement::Right | Judgement::Stale | Judgement::Wrong => Answer::Wrong,
    };
    Ok((answer, format!("{value} {end}, {acknowledged} was acknowledged")))
}

fn line(session: &mut Session) -> io::Result<String> {
    let line = session.try_read_line()?;
    line.ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "closed by the proxy"))
}

fn write_all_once(truth: &Truth, address: &str) {
    let mut session = Session::connect(address);
    for key_idx in 0..truth.len() {
        let (answer, line) = write(&mut session, truth, key_idx).expect("the proxy answers");
        assert_eq!(answer, Answer::Done, "the servers are healthy before the fault: {line}");
    }
}

/// Which server has each key, asked of the servers themselves.
fn homes(truth: &Truth, cluster: &Cluster) -> Vec<usize> {
    let servers = cluster.servers.iter().map(|server| Session::connect(&server.address()));
    let mut servers: Vec<_> = servers.collect();
    let mut home = |key_idx| {
        let mut holds = |server: &mut Session| server.get(truth.key(key_idx)).is_some();
        servers.iter_mut().position(&mut holds).expect("what was stored is at some server")
    };
    (0..truth.len()).map(&mut home).collect()
}

/// A connection writes every second of the keys that are its own.
fn written_key(worker_idx: usize, serial: usize) -> usize {
    worker_idx + (serial * 2 + 1) * CONNECTIONS % KEYS
}

fn is_untouched(key_idx: usize) -> bool {
    (key_idx / CONNECTIONS).is_multiple_of(2)
}

fn u32_of(number: usize) -> u32 {
    u32::try_from(number).expect("a load has few connections and lasts minutes")
}

const CONNECTIONS: usize = 8;
/// For each connection a hundred that it writes, and as many that are untouched.
const KEYS: usize = CONNECTIONS * 200;
/// 250 a second on each connection.
const REQUEST_INTERVAL: Duration = Duration::from_millis(4);
const TURNS_PER_WRITE: usize = 10;
