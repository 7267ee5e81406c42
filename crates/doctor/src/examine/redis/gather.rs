//! What a Redis server says of itself: each question by itself, so that what is refused is a gap
//! and nothing else fails.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::{Cmd, Value};
use tokio::time::{Instant, sleep_until};

use super::answers;
use super::conversation::{Conversation, Failure};
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

/// All but the samples and the clients: what is asked once.
pub(super) async fn once(asker: &mut Asker<'_>, facts: &mut RedisFacts, is_cluster: bool) {
    let clock = clock(asker).await;
    facts.clock_ahead_seconds = clock.map(|clock| clock.ahead_seconds);
    if let Some(value) = asker.ask(&["CONFIG", "GET", "*"]).await {
        (facts.config, facts.has_password) = answers::config(value);
    }
    if is_cluster && let Some(value) = asker.ask(&["CLUSTER", "INFO"]).await {
        facts.cluster = answers::text(&value).map(|it| answers::figures(&it)).unwrap_or_default();
    }
    if let Some(value) = asker.ask(&["DBSIZE"]).await {
        facts.database_keys = answers::number(&value);
    }
    let now = clock.map_or_else(our_seconds, |clock| clock.server_seconds);
    if let Some(value) = asker.ask(&["SLOWLOG", "GET", "32"]).await {
        facts.slow_log = answers::slow_log(&value, now);
    }
    if let Some(value) = asker.ask(&["SLOWLOG", "LEN"]).await {
        facts.slow_log_len = answers::number(&value);
    }
    if let Some(value) = asker.ask(&["LATENCY", "LATEST"]).await {
        facts.latency_events = answers::latency_events(&value, now);
    }
}

/// `INFO` twice, as far apart as is wanted. What was said `at_first`, if it goes unanswered now.
pub(super) async fn samples(asker: &mut Asker<'_>, at_first: Figures) -> Sampled {
    let sampled_at = Instant::now();
    let once =
        |figures: Figures| Sampled { first: figures.clone(), last: figures, apart: Duration::ZERO };
    let first = asker.info().await;
    if first.is_empty() {
        return once(at_first);
    }
    let (interval, deadline) = (asker.notes.options.interval, asker.notes.deadline);
    sleep_until((sampled_at + interval).min(deadline)).await;
    let apart = sampled_at.elapsed();
    let last = asker.info().await;
    if last.is_empty() {
        return once(first);
    }
    Sampled { first, last, apart }
}

/// `CLIENT LIST`. Asked last: it may be too long, and then the connection is of no more use.
pub(super) async fn clients(
    asker: &mut Asker<'_>,
    facts: &mut RedisFacts,
    our_ids: &[i64],
    our_addrs: &[SocketAddr],
) {
    let value = asker.ask(&["CLIENT", "LIST"]).await;
    let text = value.as_ref().and_then(answers::text);
    facts.clients = text.map(|it| answers::clients(&it, our_ids, our_addrs));
}

/// The server's clock.
#[derive(Clone, Copy, Debug)]
struct Clock {
    server_seconds: u64,
    ahead_seconds: f64,
}

async fn clock(asker: &mut Asker<'_>) -> Option<Clock> {
    let (our_time, asked_at) = (SystemTime::now(), Instant::now());
    let value = asker.ask(&["TIME"]).await?;
    // The server looked at its clock somewhere on the way there and back.
    let half_way = our_time + asked_at.elapsed() / 2;
    let ours = half_way.duration_since(UNIX_EPOCH).ok()?.as_secs_f64();
    let theirs = answers::time(&value)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "seconds since 1970"
    )]
    Some(Clock { server_seconds: theirs as u64, ahead_seconds: theirs - ours })
}

fn our_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
}

pub(super) fn command(words: &[&str]) -> Cmd {
    let mut command = Cmd::new();
    command.arg(words);
    command
}
