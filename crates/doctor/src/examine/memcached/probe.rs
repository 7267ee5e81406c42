//! Whether a memcached server really serves: canary keys over several connections.

use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;
use std::ops::ControlFlow;

use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep_until};

use super::conversation::Conversation;
use super::{Notes, shortened};
use crate::facts::{Lane, Outcome, Step, StepKind};

/// Runs the probe over so many connections at a time.
pub(super) async fn run(addr: SocketAddr, lanes: usize, notes: &Notes) -> Vec<Lane> {
    let run = CanaryKeys::new();
    let (step_timeout, deadline) = (notes.options.step_timeout, notes.deadline);
    let mut running = JoinSet::new();
    for lane in 0..lanes {
        let run = run.clone();
        let limits = Limits { step_timeout, deadline };
        running.spawn(async move { (lane, run_lane(addr, &run, lane, limits).await) });
    }
    let mut lanes = running.join_all().await;
    lanes.sort_unstable_by_key(|(number, _)| *number);
    lanes.into_iter().map(|(_, lane)| lane).collect()
}

/// Asks a new connection for no more than a greeting.
pub(super) async fn greet(addr: SocketAddr, notes: &Notes) -> Lane {
    let mut lane = Lane { connect: Ok(Duration::ZERO), steps: Vec::new() };
    match Conversation::open(addr, notes.step_deadline()).await {
        Ok((mut conversation, took)) => {
            lane.connect = Ok(took);
            let canary = CanaryKeys::new().canary(0, 0);
            let deadline = notes.step_deadline();
            let step = take(&mut conversation, StepKind::Greeting, &canary, deadline).await;
            lane.steps.push(step);
        }
        Err(error) => lane.connect = Err(error.to_string()),
    }
    lane
}

/// How long a step and how long all may take.
#[derive(Clone, Copy, Debug)]
struct Limits {
    step_timeout: Duration,
    deadline: Instant,
}

impl Limits {
    fn step_deadline(self) -> Instant {
        self.deadline.min(Instant::now() + self.step_timeout)
    }
}

async fn run_lane(addr: SocketAddr, keys: &CanaryKeys, number: usize, limits: Limits) -> Lane {
    let opened = Conversation::open(addr, limits.step_deadline()).await;
    let (mut conversation, connect) = match opened {
        Ok((conversation, took)) => (conversation, took),
        Err(error) => return Lane { connect: Err(error.to_string()), steps: Vec::new() },
    };
    let mut lane = Lane { connect: Ok(connect), steps: Vec::new() };
    let plan = (0..ROUNDS).flat_map(|round| ROUND.map(|kind| (kind, round)));
    let begun_at = Instant::now();
    for (kind, round) in [(StepKind::Greeting, 0)].into_iter().chain(plan) {
        if kind == ROUND[0] && round > 0 && begun_at.elapsed() > ROUNDS_TIME_MAX {
            break;
        }
        let canary = keys.canary(number, round);
        let step = take(&mut conversation, kind, &canary, limits.step_deadline()).await;
        let goes_on =
            !matches!(step.outcome, Outcome::Garbled(_) | Outcome::TimedOut | Outcome::Closed(_));
        lane.steps.push(step);
        if !goes_on {
            break;
        }
    }
    lane
}

/// A canary key whose expiry is watched. It has a connection at the beginning and one at the end,
/// and none in between.
#[derive(Debug)]
pub(super) struct Expiring {
    canary: Canary,
    set_at: Instant,
    lane: Lane,
}

impl Expiring {
    /// Stores the key.
    pub(super) async fn begin(addr: SocketAddr, notes: &Notes) -> Self {
        let canary = Canary { expiry_seconds: EXPIRING_SECONDS, ..CanaryKeys::new().canary(0, 0) };
        let mut lane = Lane { connect: Ok(Duration::ZERO), steps: Vec::new() };
        match Conversation::open(addr, notes.step_deadline()).await {
            Ok((mut conversation, took)) => {
                lane.connect = Ok(took);
                for kind in [StepKind::Set, StepKind::GetUnexpired] {
                    let deadline = notes.step_deadline();
                    lane.steps.push(take(&mut conversation, kind, &canary, deadline).await);
                    if conversation.broken().is_some() {
                        break;
                    }
                }
            }
            Err(error) => lane.connect = Err(error.to_string()),
        }
        Self { canary, set_at: Instant::now(), lane }
    }

    /// Looks whether it is gone when it must be, and sees to it that it is.
    pub(super) async fn end(mut self, addr: SocketAddr, notes: &Notes) -> Lane {
        let steps = &self.lane.steps;
        if steps.first().is_none_or(|it| it.outcome != Outcome::Good) {
            // It is gone by itself if it was stored after all.
            return self.lane;
        }
        if steps.iter().all(|it| it.outcome == Outcome::Good) {
            sleep_until((self.set_at + EXPIRED_AFTER).min(notes.deadline)).await;
        }
        if Instant::now() >= notes.deadline {
            return self.lane;
        }
        match Conversation::open(addr, notes.step_deadline()).await {
            Ok((mut conversation, _)) => {
                if self.set_at.elapsed() >= EXPIRED_AFTER {
                    let (kind, deadline) = (StepKind::GetExpired, notes.step_deadline());
                    let step = take(&mut conversation, kind, &self.canary, deadline).await;
                    self.lane.steps.push(step);
                }
                // Whatever became of it: it is not to stay. It is gone already if all is well.
                let request = format!("delete {}\r\n", self.canary.key);
                let deadline = notes.step_deadline();
                let _ = conversation.ask(request.as_bytes(), |_| true, deadline).await;
            }
            Err(error) => self.lane.connect = Err(error.to_string()),
        }
        self.lane
    }
}

async fn take(
    conversation: &mut Conversation,
    kind: StepKind,
    canary: &Canary,
    deadline: Instant,
) -> Step {
    let Canary { key, value, expiry_seconds } = canary;
    let request = match kind {
        StepKind::Greeting => "version\r\n".to_owned(),
        StepKind::Set => {
            format!("set {key} 0 {expiry_seconds} {}\r\n{value}\r\n", value.len())
        }
        StepKind::Delete => format!("delete {key}\r\n"),
        StepKind::Get | StepKind::GetDeleted | StepKind::GetUnexpired | StepKind::GetExpired => {
            format!("get {key}\r\n")
        }
    };
    let begun_at = Instant::now();
    let mut lines = Vec::new();
    let keep = |line: &str| {
        lines.push(line.to_owned());
        if is_end_of_answer(line) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let answer = conversation.ask_each(request.as_bytes(), keep, ANSWER_LEN_MAX, deadline).await;
    let took = begun_at.elapsed();
    let outcome = match answer {
        Ok(()) => judge(kind, canary, &lines),
        Err(broken) => broken.into(),
    };
    Step { kind, took, outcome }
}

/// Whether a line ends an answer to what the probe asks. What follows `VALUE` is the value, and
/// then `END`. A line that is none of these ends the answer too: it is no answer.
fn is_end_of_answer(line: &str) -> bool {
    !line.starts_with("VALUE ") && !line.starts_with(VALUE_START)
}

fn judge(kind: StepKind, canary: &Canary, lines: &[String]) -> Outcome {
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let head = format!("VALUE {} 0 {}", canary.key, canary.value.len());
    let is_gone = matches!(kind, StepKind::GetDeleted | StepKind::GetExpired);
    match (kind, lines.as_slice()) {
        (_, [refused]) if is_refusal(refused) => Outcome::Refused(shortened(refused)),
        (StepKind::Greeting, [line]) if line.starts_with("VERSION ") => Outcome::Good,
        (StepKind::Set, ["STORED"]) | (StepKind::Delete, ["DELETED"]) => Outcome::Good,
        (StepKind::Set, ["NOT_STORED"]) => Outcome::Refused("NOT_STORED".to_owned()),
        (StepKind::Delete, ["NOT_FOUND"]) => Outcome::Missing,
        (StepKind::Greeting | StepKind::Set | StepKind::Delete, _) => garbled(&lines),
        (_, ["END"]) if is_gone => Outcome::Good,
        (_, ["END"]) => Outcome::Missing,
        (_, [first, value, "END"]) if *first == head && *value == canary.value => {
            if is_gone {
                Outcome::Wrong("the value is still there".to_owned())
            } else {
                Outcome::Good
            }
        }
        (_, [first, _, "END"]) if first.starts_with("VALUE ") => {
            Outcome::Wrong(format!("another value than was stored: {}", shortened(first)))
        }
        _ => garbled(&lines),
    }
}

fn is_refusal(line: &str) -> bool {
    line == "ERROR"
        || ["ERROR ", "SERVER_ERROR ", "CLIENT_ERROR "].iter().any(|it| line.starts_with(it))
}

fn garbled(lines: &[&str]) -> Outcome {
    Outcome::Garbled(shortened(&lines.join(" ")))
}

/// The keys of one run, which nobody else has.
#[derive(Clone, Debug)]
struct CanaryKeys {
    run: u64,
}

/// One key and what is stored with it.
#[derive(Clone, Debug)]
struct Canary {
    key: String,
    value: String,
    expiry_seconds: u32,
}

impl CanaryKeys {
    fn new() -> Self {
        // The standard library's randomness is enough to be nobody else's key.
        Self { run: RandomState::new().hash_one(0) }
    }

    fn canary(&self, lane: usize, round: usize) -> Canary {
        let key = format!("{KEY_START}{:016x}:{lane}:{round}", self.run);
        let value = format!("{VALUE_START}{:016x} {lane} {round}", self.run);
        Canary { key, value, expiry_seconds: EXPIRY_SECONDS }
    }
}

/// What an answer may have, in bytes: a line, a canary's value, or a refusal in many words. Ten
/// connections are read at a time, of many servers.
const ANSWER_LEN_MAX: u64 = 4 << 10;
/// Connections at a time: more than twice memcached's default number of threads (4), which take
/// connections in turn.
pub(super) const LANES: usize = 10;
/// How canary keys begin.
pub(super) const KEY_START: &str = "evenkeel:doctor:";
/// How often each connection stores, reads, deletes and misses a key.
const ROUNDS: usize = 5;
const ROUND: [StepKind; 4] = [StepKind::Set, StepKind::Get, StepKind::Delete, StepKind::GetDeleted];
/// No round is begun after this: a slow server is known to be slow by then.
const ROUNDS_TIME_MAX: Duration = Duration::from_millis(500);
/// The expiry of keys that are deleted soon: they are gone even if we are.
const EXPIRY_SECONDS: u32 = 60;
/// The expiry of the key whose expiry is watched: memcached counts in whole seconds, so that it is
/// there for one second at least and gone after two.
const EXPIRING_SECONDS: u32 = 2;
/// When it must be gone: two seconds, and something for a clock that ticks once a second.
const EXPIRED_AFTER: Duration = Duration::from_millis(2_250);
const VALUE_START: &str = "a canary of evenkeel doctor, ";

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn an_answer_that_is_too_long_is_read_no_further() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
        let addr = listener.local_addr().expect("it is bound");
        let serving = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("it is connected to");
            stream.write_all(&b"VALUE \r\n".repeat(8 << 10)).expect("the other end is open");
            // It neither ends its answer nor the connection.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let step = runtime.expect("a runtime needs a few files").block_on(async {
            let deadline = Instant::now() + Duration::from_secs(1);
            let opened = Conversation::open(addr, deadline).await;
            let (mut conversation, _) = opened.expect("it listens");
            take(&mut conversation, StepKind::Get, &CanaryKeys::new().canary(0, 0), deadline).await
        });
        assert!(matches!(step.outcome, Outcome::Garbled(_)), "{:?}", step.outcome);
        serving.join().expect("it ends with the connection");
    }
}
