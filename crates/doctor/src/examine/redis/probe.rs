//! Whether a Redis server really serves: canary keys over several connections.
//!
//! # Who is not written to
//! A read-only replica: it is only read. A server of a cluster that has no slots: it is only
//! greeted. Whoever gives our user no right to write, or to read, is asked for the rest, and there
//! is a gap; a right that we lack is no fault of the server's.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;

use redis::{Cmd, Value};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep_until};

use super::Ours;
use super::conversation::{Conversation, Failure, shortened};
use super::gather::command;
use super::login::Door;
use super::slots::Slots;
use crate::examine::Notes;
use crate::facts::{Lane, Outcome, Step, StepKind};

/// What may be asked of a server.
#[derive(Clone, Debug)]
struct Plan {
    keys: CanaryKeys,
    kinds: BTreeSet<StepKind>,
    /// A replica of a cluster answers reads only to those who say `READONLY`.
    is_cluster_replica: bool,
}

/// What is known of a server before the probe.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// Whether it answers `PING`, to us.
    pub(super) is_greeted: bool,
    /// Whether it is a replica that takes no writes.
    pub(super) is_read_only: bool,
    /// Its slots, in a cluster; `None` if keys can be anywhere.
    pub(super) slots: Option<Slots>,
    /// How many connections may be opened besides the one that is open.
    pub(super) room: usize,
}

impl Plan {
    /// Everything that this server can be asked.
    fn new(standing: &Standing) -> Self {
        let mut kinds = BTreeSet::new();
        let has_keys = standing.slots.as_ref().is_none_or(|slots| !slots.is_empty());
        let is_cluster_replica = standing.slots.as_ref().is_some_and(|slots| slots.is_replica);
        if standing.is_greeted {
            kinds.insert(StepKind::Greeting);
        }
        if has_keys {
            kinds.insert(StepKind::GetDeleted);
        }
        if has_keys && !standing.is_read_only && !is_cluster_replica {
            kinds.extend([StepKind::Set, StepKind::Get, StepKind::Delete]);
        }
        Self { keys: CanaryKeys::new(standing.slots.as_ref()), kinds, is_cluster_replica }
    }

    fn has(&self, kind: StepKind) -> bool {
        self.kinds.contains(&kind)
    }

    /// Does each kind of step once, and leaves out those that our user may not do, with a gap.
    async fn try_out(&mut self, conversation: &mut Conversation, notes: &mut Notes) {
        // It goes by itself even if we may not delete it.
        let canary = Canary { expiry_ms: EXPIRING_MS, ..self.canary(TRIAL_LANE, 0) };
        let kinds: Vec<_> = ROUND.into_iter().filter(|kind| self.has(*kind)).collect();
        let mut commands: Vec<_> = kinds.iter().map(|kind| request(*kind, &canary)).collect();
        if self.is_cluster_replica {
            // If it is refused, so are the reads, and that is told.
            commands.insert(0, command(&["READONLY"]));
        }
        let mut answers = conversation.ask_all(&commands, notes.step_deadline()).await;
        let answers = answers.split_off(commands.len() - kinds.len());
        for (kind, answer) in kinds.into_iter().zip(answers) {
            if let Err(Failure::Refused(words)) = answer
                && self.has(kind)
            {
                self.without(kind, &words, notes);
            }
        }
    }

    /// A key of ours, which goes soon by itself if we may not delete it.
    fn canary(&self, lane: usize, round: usize) -> Canary {
        let expiry_ms = if self.has(StepKind::Delete) { EXPIRY_MS } else { SHORT_EXPIRY_MS };
        Canary { expiry_ms, ..self.keys.canary(lane, round) }
    }

    /// Leaves out what must not be asked after this refusal.
    fn without(&mut self, kind: StepKind, words: &str, notes: &mut Notes) {
        let is_ours = words.starts_with("NOPERM ") || words.starts_with("ERR unknown command");
        let is_read_only = kind == StepKind::Set && words.starts_with("READONLY ");
        if !is_ours && !is_read_only {
            return;
        }
        let (what, without): (_, &[StepKind]) = match kind {
            StepKind::Set => ("SET", &[StepKind::Set, StepKind::Get, StepKind::Delete]),
            StepKind::Delete => ("DEL", &[StepKind::Delete, StepKind::GetDeleted]),
            _ => ("GET", &[StepKind::Get, StepKind::GetDeleted]),
        };
        for kind in without {
            self.kinds.remove(kind);
        }
        notes.gap(format!("{what} {KEY_START}:…"), &words);
    }
}

/// Tries out what may be asked, on a connection of its own, and runs the probe. The key whose
/// expiry is watched is given, if there is one.
pub(super) async fn run(
    door: &Door,
    addr: SocketAddr,
    standing: &Standing,
    notes: &mut Notes,
    ours: &mut Ours,
) -> Option<Expiring> {
    if standing.room == 0 {
        notes.gap("the probe, SCAN, TTL", &"the server has no room for another connection");
        return None;
    }
    let mut plan = Plan::new(standing);
    let mut expiring = None;
    // If that connection cannot be had, neither can others, and they tell why.
    if let Ok(mut opened) = door.open(addr, notes.step_deadline()).await
        && let Ok(id) = door.enter_again(&mut opened.conversation, notes.step_deadline()).await
    {
        ours.note(opened.local_addr, id);
        plan.try_out(&mut opened.conversation, notes).await;
        expiring = Expiring::begin(&plan, opened.conversation, Limits::of(notes)).await;
    }
    // One is open already.
    let lanes = LANES.min(standing.room.saturating_sub(1));
    notes.probe.lanes = run_lanes(door, addr, &plan, lanes, notes, ours).await;
    expiring
}

/// Runs the probe over so many connections at a time.
async fn run_lanes(
    door: &Door,
    addr: SocketAddr,
    plan: &Plan,
    lanes: usize,
    notes: &Notes,
    ours: &mut Ours,
) -> Vec<Lane> {
    if plan.kinds.is_empty() {
        return Vec::new();
    }
    let limits = Limits::of(notes);
    let mut running = JoinSet::new();
    for number in 0..lanes {
        let (door, plan) = (door.clone(), plan.clone());
        running.spawn(async move {
            let mut ours = Ours::default();
            let lane = run_lane(&door, addr, &plan, number, limits, &mut ours).await;
            (number, lane, ours)
        });
    }
    let mut lanes = running.join_all().await;
    lanes.sort_unstable_by_key(|(number, ..)| *number);
    let lanes = lanes.into_iter().map(|(_, lane, its)| {
        ours.add(its);
        lane
    });
    lanes.collect()
}

/// How long a step and how long all may take.
#[derive(Clone, Copy, Debug)]
struct Limits {
    step_timeout: Duration,
    deadline: Instant,
}

impl Limits {
    fn of(notes: &Notes) -> Self {
        Self { step_timeout: notes.options.step_timeout, deadline: notes.deadline }
    }

    fn step_deadline(self) -> Instant {
        self.deadline.min(Instant::now() + self.step_timeout)
    }
}

async fn run_lane(
    door: &Door,
    addr: SocketAddr,
    plan: &Plan,
    number: usize,
    limits: Limits,
    ours: &mut Ours,
) -> Lane {
    let failed = |words: String| Lane { connect: Err(words), steps: Vec::new() };
    let mut opened = match door.open(addr, limits.step_deadline()).await {
        Ok(opened) => opened,
        Err(error) => return failed(error.to_string()),
    };
    let conversation = &mut opened.conversation;
    let entered_at = Instant::now();
    match door.enter_again(conversation, limits.step_deadline()).await {
        Ok(id) => ours.note(opened.local_addr, id),
        // It hangs from the first word on: the lane is that of a server that does not greet.
        Err(failure @ Failure::Broken(_)) if plan.has(StepKind::Greeting) => {
            let took = entered_at.elapsed();
            let greeting = step(StepKind::Greeting, took, failure.into(), limits);
            return Lane { connect: Ok(opened.connect), steps: greeting.into_iter().collect() };
        }
        Err(failure) => return failed(failure.to_string()),
    }
    if plan.is_cluster_replica {
        // If it is refused, so are the reads, and that is told.
        let _ = conversation.ask(&command(&["READONLY"]), limits.step_deadline()).await;
    }
    let mut lane = Lane { connect: Ok(opened.connect), steps: Vec::new() };
    let rounds = (0..ROUNDS).flat_map(|round| ROUND.map(|kind| (kind, round)));
    let steps = [(StepKind::Greeting, 0)].into_iter().chain(rounds);
    let rounds_end = Instant::now() + ROUNDS_TIME_MAX;
    let mut begun_round = 0;
    for (kind, round) in steps.filter(|(kind, _)| plan.has(*kind)) {
        // What is begun is finished, so that no key stays.
        if round > begun_round && Instant::now() > rounds_end {
            break;
        }
        begun_round = round;
        let canary = plan.canary(number, round);
        let conversation = &mut opened.conversation;
        let Some(step) = take(conversation, kind, &canary, limits).await else { break };
        let goes_on =
            !matches!(step.outcome, Outcome::Garbled(_) | Outcome::TimedOut | Outcome::Closed(_));
        lane.steps.push(step);
        if !goes_on {
            break;
        }
    }
    lane
}

/// A canary key whose expiry is watched.
pub(super) struct Expiring {
    conversation: Conversation,
    canary: Canary,
    /// When it was surely stored.
    set_at: Instant,
    steps: Vec<Step>,
    is_deletable: bool,
}

impl Expiring {
    /// Stores the key, if keys can be stored.
    async fn begin(plan: &Plan, mut conversation: Conversation, limits: Limits) -> Option<Self> {
        if !plan.has(StepKind::Set) || !plan.has(StepKind::Get) {
            return None;
        }
        let canary = Canary { expiry_ms: EXPIRING_MS, ..plan.canary(TRIAL_LANE, 1) };
        let kinds = [StepKind::Set, StepKind::GetUnexpired];
        let begun_at = Instant::now();
        // Together, because the way there and back may take as long as the key lives.
        let commands = kinds.map(|kind| request(kind, &canary));
        let answers = conversation.ask_all(&commands, limits.step_deadline()).await;
        let set_at = Instant::now();
        let steps = kinds.into_iter().zip(answers);
        let steps = steps.filter_map(|(kind, answer)| {
            step(kind, set_at - begun_at, judge(kind, &canary, answer), limits)
        });
        let steps = steps.collect();
        let is_deletable = plan.has(StepKind::Delete);
        Some(Self { conversation, canary, set_at, steps, is_deletable })
    }

    /// Looks whether it is gone when it must be, and sees to it that it is.
    pub(super) async fn end(mut self, notes: &Notes) -> Lane {
        let limits = Limits::of(notes);
        if self.steps.first().is_some_and(|set| set.outcome == Outcome::Good) {
            let expired_at = self.set_at + EXPIRED_AFTER;
            sleep_until(expired_at.min(notes.deadline)).await;
            if Instant::now() >= expired_at {
                let kind = StepKind::GetExpired;
                let step = take(&mut self.conversation, kind, &self.canary, limits).await;
                self.steps.extend(step);
            }
        }
        if self.is_deletable {
            // Whatever became of it: it is not to stay. It is gone already if all is well.
            let delete = request(StepKind::Delete, &self.canary);
            let _ = self.conversation.ask(&delete, notes.step_deadline()).await;
        }
        Lane { connect: Ok(Duration::ZERO), steps: self.steps }
    }
}

/// `None` if it was cut short, because the examination must end: nobody knows then.
async fn take(
    conversation: &mut Conversation,
    kind: StepKind,
    canary: &Canary,
    limits: Limits,
) -> Option<Step> {
    let begun_at = Instant::now();
    let answer = conversation.ask(&request(kind, canary), limits.step_deadline()).await;
    let took = begun_at.elapsed();
    step(kind, took, judge(kind, canary, answer), limits)
}

/// `None` if it was cut short.
fn step(kind: StepKind, took: Duration, outcome: Outcome, limits: Limits) -> Option<Step> {
    let is_cut_short = outcome == Outcome::TimedOut && took < limits.step_timeout;
    (!is_cut_short).then_some(Step { kind, took, outcome })
}

fn request(kind: StepKind, canary: &Canary) -> Cmd {
    let Canary { key, value, expiry_ms } = canary;
    match kind {
        StepKind::Greeting => command(&["PING"]),
        StepKind::Set => command(&["SET", key, value, "PX", &expiry_ms.to_string()]),
        StepKind::Delete => command(&["DEL", key]),
        StepKind::Get | StepKind::GetDeleted | StepKind::GetUnexpired | StepKind::GetExpired => {
            command(&["GET", key])
        }
    }
}

fn judge(kind: StepKind, canary: &Canary, answer: Result<Value, Failure>) -> Outcome {
    match answer {
        Ok(value) => judge_value(kind, canary, &value),
        Err(failure) => failure.into(),
    }
}

fn judge_value(kind: StepKind, canary: &Canary, value: &Value) -> Outcome {
    let is_gone = matches!(kind, StepKind::GetDeleted | StepKind::GetExpired);
    match (kind, value) {
        (StepKind::Greeting, Value::SimpleString(word)) if word == "PONG" => Outcome::Good,
        (StepKind::Set, Value::Okay) | (StepKind::Delete, Value::Int(1)) => Outcome::Good,
        (StepKind::Delete, Value::Int(0)) => Outcome::Missing,
        (StepKind::Greeting | StepKind::Set | StepKind::Delete, other) => garbled(other),
        (_, Value::Nil) if is_gone => Outcome::Good,
        (_, Value::Nil) => Outcome::Missing,
        (_, Value::BulkString(bytes)) if *bytes == canary.value.as_bytes() => {
            if is_gone {
                Outcome::Wrong("the value is still there".to_owned())
            } else {
                Outcome::Good
            }
        }
        (_, Value::BulkString(bytes)) => {
            let got = shortened(&bytes.escape_ascii().to_string());
            Outcome::Wrong(format!("another value than was stored: {got}"))
        }
        (_, other) => garbled(other),
    }
}

fn garbled(value: &Value) -> Outcome {
    Outcome::Garbled(shortened(&format!("{value:?}")))
}

/// The keys of one run, which nobody else has.
#[derive(Clone, Debug)]
struct CanaryKeys {
    run: String,
}

/// One key and what is stored with it.
#[derive(Clone, Debug)]
struct Canary {
    key: String,
    value: String,
    expiry_ms: u64,
}

impl CanaryKeys {
    /// Keys that are in one of these slots.
    fn new(slots: Option<&Slots>) -> Self {
        // The standard library's randomness is enough to be nobody else's key.
        let run = RandomState::new().hash_one(0);
        let Some(slots) = slots.filter(|slots| !slots.is_empty()) else {
            return Self { run: format!("{run:016x}") };
        };
        // One slot of all is met once in 16,384 tries.
        let mut tags = (0..TAGS_MAX).map(|it| format!("{:016x}", run.wrapping_add(it)));
        let tag = tags.find(|tag| slots.has(tag));
        Self { run: format!("{{{}}}", tag.unwrap_or_else(|| format!("{run:016x}"))) }
    }

    fn canary(&self, lane: usize, round: usize) -> Canary {
        let key = format!("{KEY_START}:{}:{lane}:{round}", self.run);
        let value = format!("a canary of evenkeel doctor, {} {lane} {round}", self.run);
        Canary { key, value, expiry_ms: EXPIRY_MS }
    }
}

const KEY_START: &str = "evenkeel:doctor";
/// Connections at a time. Redis has one thread for commands, but may have several that read and
/// write, and what stands before it may give each connection to another server.
const LANES: usize = 10;
/// The number of the lane that tries out what our user may do.
const TRIAL_LANE: usize = LANES;
/// How often each connection stores, reads, deletes and misses a key.
const ROUNDS: usize = 5;
const ROUND: [StepKind; 4] = [StepKind::Set, StepKind::Get, StepKind::Delete, StepKind::GetDeleted];
/// The expiry of keys that are deleted soon: they are gone even if we are.
const EXPIRY_MS: u64 = 60_000;
/// The expiry of the key whose expiry is watched.
const EXPIRING_MS: u64 = 200;
/// The expiry of keys that we may not delete.
const SHORT_EXPIRY_MS: u64 = 2_000;
/// For how long a connection begins one more round: a slow server needs no more of them to be known
/// as one.
const ROUNDS_TIME_MAX: Duration = Duration::from_millis(500);
/// When it must be gone, after it is known to be stored.
const EXPIRED_AFTER: Duration = Duration::from_millis(250);
const TAGS_MAX: u64 = 1_000_000;
