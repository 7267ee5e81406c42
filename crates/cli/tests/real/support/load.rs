//! A steady load that knows what it has written, so that every answer is judged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use evenkeel_lab::{Judgement, Truth};

use super::samples::{Answer, LoadReport, Op, Sample};
use super::stalls::StallMeter;
use super::{Application, Ask, Memcached, Reply, Session, Subject, spread_key};

/// 2,000 requests a second of 8 applications, one write in ten, until it is stopped.
///
/// Each application writes keys of its own and reads all. Half of the keys are *untouched*: written
/// once before the load begins.
pub(crate) struct Load {
    is_stopped: Arc<AtomicBool>,
    reports: Receiver<LoadReport>,
    stall_meter: StallMeter,
}

/// One application's part.
struct Worker {
    idx: usize,
    plan: Arc<Plan>,
    application: Application,
    report: LoadReport,
}

/// What all applications know.
struct Plan {
    truth: Arc<Truth>,
    /// Each key's home.
    homes: Vec<usize>,
    started_at: Instant,
}

/// What a reply is judged by.
#[derive(Debug, Clone, Copy)]
enum Question {
    /// A read that was sent when the write of this number was the last acknowledged one.
    Read { acknowledged: u64 },
    /// The write of this number.
    Write { version: u64 },
}

impl Load {
    /// Begins; every key is written once before this returns.
    pub(crate) fn start(subject: &Subject, servers: &[Memcached]) -> Self {
        let truth = Arc::new(Truth::new((0..KEYS).map(|idx| spread_key("load", idx))));
        write_all_once(&truth, subject);
        let homes = homes(&truth, servers);
        let plan = Arc::new(Plan { truth, homes, started_at: Instant::now() });
        let is_stopped = Arc::new(AtomicBool::new(false));
        let (sender, reports) = mpsc::channel();
        for idx in 0..APPLICATIONS {
            let (plan, report) = (Arc::clone(&plan), LoadReport::default());
            let worker = Worker { idx, plan, application: subject.application(), report };
            let (is_stopped, sender) = (Arc::clone(&is_stopped), sender.clone());
            subject.spawn(async move {
                let report = worker.run(&is_stopped).await;
                sender.send(report).expect("the load is waited for");
            });
        }
        Self { is_stopped, reports, stall_meter: StallMeter::start() }
    }

    /// Ends the load, reads every key once more, and hands over what became of it all.
    pub(crate) fn stop(self) -> LoadReport {
        self.is_stopped.store(true, Ordering::Relaxed);
        let mut sum = LoadReport::default();
        for _ in 0..APPLICATIONS {
            let report = self.reports.recv().expect("an application of the load does not panic");
            sum.samples.extend(report.samples);
            sum.notes.extend(report.notes);
        }
        sum.stalls = self.stall_meter.stop();
        sum
    }
}

impl Worker {
    async fn run(mut self, is_stopped: &AtomicBool) -> LoadReport {
        let offset = REQUEST_INTERVAL * u32_of(self.idx) / u32_of(APPLICATIONS);
        let mut due_at = self.plan.started_at + offset;
        for turn in 0.. {
            self.application.wait_until(due_at).await;
            // What was late does not make for a burst later.
            due_at = due_at.max(Instant::now()) + REQUEST_INTERVAL;
            if is_stopped.load(Ordering::Relaxed) {
                break;
            }
            if turn % TURNS_PER_WRITE == 0 {
                let key_idx = written_key(self.idx, turn / TURNS_PER_WRITE);
                self.request(Op::Write, key_idx).await;
            } else {
                // A stride that is prime to the number of keys visits them all.
                self.request(Op::Read, (turn * 37 + self.idx * 211) % KEYS).await;
            }
        }
        for key_idx in (self.idx..KEYS).step_by(APPLICATIONS) {
            self.request(Op::Read, key_idx).await;
        }
        self.report
    }

    async fn request(&mut self, op: Op, key_idx: usize) {
        let plan = Arc::clone(&self.plan);
        let (ask, question) = ask(&plan.truth, op, key_idx);
        let sent_at = Instant::now();
        let reply = self.application.request(&ask).await;
        let answered_at = Instant::now();
        let answer = judge(&plan.truth, key_idx, question, &reply);
        match answer {
            Answer::Hit | Answer::Miss | Answer::Done => {}
            Answer::Failed | Answer::Stale | Answer::Wrong | Answer::Lost => {
                self.note(question, key_idx, answer, &reply);
            }
        }
        let (home, is_untouched) = (plan.homes[key_idx], is_untouched(key_idx));
        self.report.samples.push(Sample { op, sent_at, answered_at, home, is_untouched, answer });
    }

    /// Notes the first answer of each kind.
    fn note(&mut self, question: Question, key_idx: usize, answer: Answer, reply: &Reply) {
        let op = question.op();
        if self.report.samples.iter().any(|sample| sample.op == op && sample.answer == answer) {
            return;
        }
        let Plan { truth, homes, started_at } = &*self.plan;
        let (key, home, at) = (truth.key(key_idx), homes[key_idx], started_at.elapsed());
        let words = reply.words();
        let note = format!("{at:.3?}: {question:?} of {key} (home {home}) is {answer:?}: {words}");
        self.report.notes.push(note);
    }
}

impl Question {
    fn op(self) -> Op {
        match self {
            Self::Read { .. } => Op::Read,
            Self::Write { .. } => Op::Write,
        }
    }
}

/// A read of a key, or its next write.
fn ask(truth: &Truth, op: Op, key_idx: usize) -> (Ask<'_>, Question) {
    let key = truth.key(key_idx);
    match op {
        Op::Read => {
            let value_len = truth.value(key_idx, 0).len();
            let acknowledged = truth.acknowledged(key_idx);
            (Ask::Get { key, value_len }, Question::Read { acknowledged })
        }
        Op::Write => {
            let version = truth.begin_write(key_idx);
            let ask = if Truth::is_delete(version) {
                Ask::Delete { key }
            } else {
                Ask::Set { key, value: truth.value(key_idx, version) }
            };
            (ask, Question::Write { version })
        }
    }
}

/// What a reply is worth. A write that was done is acknowledged from here on.
fn judge(truth: &Truth, key_idx: usize, question: Question, reply: &Reply) -> Answer {
    match (reply, question) {
        (Reply::Value(value), Question::Read { acknowledged }) => {
            match truth.judge(key_idx, acknowledged, value) {
                Judgement::Right => Answer::Hit,
                Judgement::Stale => Answer::Stale,
                Judgement::Wrong => Answer::Wrong,
            }
        }
        (Reply::Miss, Question::Read { .. }) => Answer::Miss,
        (Reply::Done, Question::Write { version }) => {
            truth.acknowledge(key_idx, version);
            Answer::Done
        }
        (Reply::Failed(_), _) => Answer::Failed,
        (Reply::Lost(_), _) => Answer::Lost,
        (Reply::Value(_) | Reply::Miss | Reply::Done | Reply::Wrong(_), _) => Answer::Wrong,
    }
}

fn write_all_once(truth: &Arc<Truth>, subject: &Subject) {
    let (truth, mut application) = (Arc::clone(truth), subject.application());
    let (sender, receiver) = mpsc::channel();
    subject.spawn(async move {
        for key_idx in 0..truth.len() {
            let (ask, question) = ask(&truth, Op::Write, key_idx);
            let reply = application.request(&ask).await;
            let answer = judge(&truth, key_idx, question, &reply);
            assert_eq!(answer, Answer::Done, "the servers are healthy before the fault: {reply:?}");
        }
        sender.send(()).expect("it is waited for");
    });
    receiver.recv().expect("every key can be written");
}

/// Which server has each key, asked of the servers themselves.
fn homes(truth: &Truth, servers: &[Memcached]) -> Vec<usize> {
    let servers = servers.iter().map(|server| Session::connect(&server.address()));
    let mut servers: Vec<_> = servers.collect();
    let mut home = |key_idx| {
        let mut holds = |server: &mut Session| server.get(truth.key(key_idx)).is_some();
        servers.iter_mut().position(&mut holds).expect("what was stored is at some server")
    };
    (0..truth.len()).map(&mut home).collect()
}

/// An application writes every second of the keys that are its own.
fn written_key(worker_idx: usize, serial: usize) -> usize {
    worker_idx + (serial * 2 + 1) * APPLICATIONS % KEYS
}

fn is_untouched(key_idx: usize) -> bool {
    (key_idx / APPLICATIONS).is_multiple_of(2)
}

fn u32_of(number: usize) -> u32 {
    u32::try_from(number).expect("a load has few connections and lasts minutes")
}

const APPLICATIONS: usize = 8;
/// For each application a hundred that it writes, and as many that are untouched.
const KEYS: usize = APPLICATIONS * 200;
/// 250 a second of each application.
const REQUEST_INTERVAL: Duration = Duration::from_millis(4);
const TURNS_PER_WRITE: usize = 10;
