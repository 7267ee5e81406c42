//! What a Redis server says of itself: each question by itself, so that what is refused is a gap
//! and nothing else fails.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::{Cmd, Value};
use tokio::time::{Instant, sleep_until};

use super::conversation::{Conversation, Failure};
use super::{Ours, answers};
use crate::examine::Notes;
use crate::facts::{Figures, RedisFacts, Sampled};

/// Asks questions over one connection and notes what is not answered.
pub(super) struct Asker<'a> {
    pub(super) conversation: &'a mut Conversation,
    pub(super) notes: &'a mut Notes,
}

impl Asker<'_> {
    /// The answer, or a gap.
    pub(super) async fn ask(&mut self, words: &[&str]) -> Option<Value> {
        match self.try_ask(words).await {
            Ok(value) => Some(value),
            Err(failure) => {
                self.notes.gap(words.join(" "), &failure);
                None
            }
        }
    }

    /// The answers, each or a gap, to what is asked together.
    async fn ask_all(&mut self, questions: &[Question]) -> Vec<Option<Value>> {
        let commands: Vec<_> = questions.iter().map(|words| command(words)).collect();
        let answers = self.conversation.ask_all(&commands, self.notes.step_deadline()).await;
        let answers = questions.iter().zip(answers).map(|(words, answer)| {
            answer.map_err(|failure| self.notes.gap(words.join(" "), &failure)).ok()
        });
        answers.collect()
    }

    async fn try_ask(&mut self, words: &[&str]) -> Result<Value, Failure> {
        self.conversation.ask(&command(words), self.notes.step_deadline()).await
    }

    /// `INFO`, as much of it as the server knows: all sections, the usual ones, or the default.
    pub(super) async fn info(&mut self) -> Figures {
        let mut why = Failure::Refused("an empty answer".to_owned());
        for words in [&["INFO", "everything"][..], &["INFO", "all"], &["INFO"]] {
            match self.try_ask(words).await {
                Ok(value) => {
                    let figures = answers::text(&value).map(|it| answers::figures(&it));
                    if let Some(figures) = figures.filter(|it| !it.is_empty()) {
                        return figures;
                    }
                }
                Err(failure) => why = failure,
            }
        }
        self.notes.gap("INFO", &why);
        Figures::default()
    }
}

/// All but the samples and the clients: what is asked once, all together.
pub(super) async fn once(asker: &mut Asker<'_>, facts: &mut RedisFacts, is_cluster: bool) {
    let (our_time, asked_at) = (SystemTime::now(), Instant::now());
    let mut questions = QUESTIONS.to_vec();
    if is_cluster {
        questions.push(CLUSTER_INFO);
    }
    let mut answers = asker.ask_all(&questions).await;
    // The server looked at its clock somewhere on the way there and back.
    let half_way = our_time + asked_at.elapsed() / 2;
    let mut answer = |question| {
        let idx = questions.iter().position(|it| *it == question)?;
        answers[idx].take()
    };
    let clock = answer(TIME).and_then(|value| Clock::between(&value, half_way));
    let now = clock.map_or_else(our_seconds, |clock| clock.server_seconds);
    facts.clock_ahead_seconds = clock.map(|clock| clock.ahead_seconds);
    if let Some(value) = answer(CONFIG) {
        (facts.config, facts.has_password) = answers::config(value);
    }
    facts.database_keys = answer(DBSIZE).as_ref().and_then(answers::number);
    let slow_log = answer(SLOWLOG_GET);
    facts.slow_log = slow_log.map(|it| answers::slow_log(&it, now)).unwrap_or_default();
    facts.slow_log_len = answer(SLOWLOG_LEN).as_ref().and_then(answers::number);
    let events = answer(LATENCY);
    facts.latency_events = events.map(|it| answers::latency_events(&it, now)).unwrap_or_default();
    let cluster = answer(CLUSTER_INFO).as_ref().and_then(answers::text);
    facts.cluster = cluster.map(|it| answers::figures(&it)).unwrap_or_default();
}

type Question = &'static [&'static str];

const TIME: Question = &["TIME"];
const CONFIG: Question = &["CONFIG", "GET", "*"];
const DBSIZE: Question = &["DBSIZE"];
const SLOWLOG_GET: Question = &["SLOWLOG", "GET", "32"];
const SLOWLOG_LEN: Question = &["SLOWLOG", "LEN"];
const LATENCY: Question = &["LATENCY", "LATEST"];
const CLUSTER_INFO: Question = &["CLUSTER", "INFO"];
/// What every server is asked. The clock first, so that nothing else delays it.
const QUESTIONS: [Question; 6] = [TIME, CONFIG, DBSIZE, SLOWLOG_GET, SLOWLOG_LEN, LATENCY];

/// `INFO` twice, as far apart as is wanted and there is time. What was said `at_first`, if it goes
/// unanswered now.
pub(super) async fn samples(asker: &mut Asker<'_>, at_first: Figures) -> Sampled {
    let sampled_at = Instant::now();
    let once =
        |figures: Figures| Sampled { first: figures.clone(), last: figures, apart: Duration::ZERO };
    let first = asker.info().await;
    if first.is_empty() {
        return once(at_first);
    }
    // What takes long the first time does so again, and the clients are still to be asked.
    let reserved = (sampled_at.elapsed() * 4).min(asker.notes.options.budget);
    let interval_end = sampled_at + asker.notes.options.interval;
    sleep_until(interval_end.min(asker.notes.deadline - reserved)).await;
    let apart = sampled_at.elapsed();
    let last = asker.info().await;
    if last.is_empty() { once(first) } else { Sampled { first, last, apart } }
}

/// The second sample on another connection than the first.
pub(super) async fn last_sample(asker: &mut Asker<'_>, info: &mut Sampled, sampled_at: Instant) {
    let last = asker.info().await;
    if !last.is_empty() {
        *info = Sampled { first: info.first.clone(), last, apart: sampled_at.elapsed() };
    }
}

/// `CLIENT LIST`. Asked last: it may be too long, and then the connection is of no more use.
pub(super) async fn clients(asker: &mut Asker<'_>, facts: &mut RedisFacts, ours: &Ours) {
    let commands = [command(&["CLIENT", "ID"]), command(&["CLIENT", "LIST"])];
    let deadline = asker.notes.step_deadline();
    let mut answers = asker.conversation.ask_all(&commands, deadline).await;
    let mut ids = ours.ids.clone();
    match answers.pop().expect("each command has an answer") {
        Ok(value) => {
            if let Some(Ok(Value::Int(id))) = answers.pop() {
                ids.push(id);
            }
            let text = answers::text(&value);
            facts.clients = text.map(|it| answers::clients(&it, &ids, &ours.addrs));
        }
        Err(failure) => asker.notes.gap("CLIENT LIST", &failure),
    }
}

/// The server's clock.
#[derive(Clone, Copy, Debug)]
struct Clock {
    server_seconds: u64,
    ahead_seconds: f64,
}

impl Clock {
    /// From `TIME`, which was answered when ours was `our_time`.
    fn between(value: &Value, our_time: SystemTime) -> Option<Self> {
        let ours = our_time.duration_since(UNIX_EPOCH).ok()?.as_secs_f64();
        let theirs = answers::time(value)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds since 1970"
        )]
        Some(Self { server_seconds: theirs as u64, ahead_seconds: theirs - ours })
    }
}

fn our_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
}

pub(super) fn command(words: &[&str]) -> Cmd {
    let mut command = Cmd::new();
    command.arg(words);
    command
}
