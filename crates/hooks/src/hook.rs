//! One hook's life: it reads events, and tells what it is to tell, one message at a time.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use evenkeel_api::{HookMessage, HookProcess};
use evenkeel_control::events::{EventReader, Numbered};
use evenkeel_core::config::{HookAction, HookConfig, WebhookAddress};
use evenkeel_core::random::Random;

use crate::command;
use crate::deliveries::Counts;
use crate::hooks::Describe;
use crate::message::message;
use crate::outbox::{Gathered, Outbox};
use crate::trigger::trigger_of;
use crate::webhook::{Request, RequestError, Secret};

/// One hook.
pub(crate) struct Hook {
    config: HookConfig,
    describe: Describe,
    process: HookProcess,
    outbox: Outbox,
    counts: Arc<Counts>,
    random: Random,
    /// How many messages in a row could not be delivered.
    failed_in_a_row: u64,
}

/// The pause before the first retry.
const BACKOFF_MIN: Duration = Duration::from_secs(1);

/// The longest pause before a retry, also if the receiver asks for a longer one.
const BACKOFF_MAX: Duration = Duration::from_mins(1);

/// How much shorter or longer a pause may be.
const BACKOFF_JITTER_PERCENT: u32 = 30;

/// Tells the messages of this process apart.
static SERIAL: AtomicU64 = AtomicU64::new(0);

/// Why a message was not delivered.
#[derive(Debug, thiserror::Error)]
enum DeliveryError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("the secret in {path} cannot be read: {source}")]
    Secret { path: String, source: std::io::Error },
    #[error(transparent)]
    Run(#[from] command::RunError),
}

impl Hook {
    pub(crate) fn new(
        config: HookConfig,
        describe: Describe,
        process: HookProcess,
        counts: Arc<Counts>,
    ) -> Self {
        // The one source of randomness that the standard library has.
        let random = Random::new(RandomState::new().build_hasher().finish());
        let outbox = Outbox::new(config.interval);
        Self { config, describe, process, outbox, counts, random, failed_in_a_row: 0 }
    }

    /// Tells what happens until nothing happens any more.
    pub(crate) async fn run(mut self, mut events: EventReader) {
        loop {
            let wait = async {
                match self.outbox.next_timeout() {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                told = events.next() => match told {
                    Some(told) => self.handle_event(&told),
                    None => return self.tell_the_last().await,
                },
                () = wait => {}
            }
            // Whatever else has happened by now belongs to the same message.
            while let Some(told) = what_is_there(&mut events).await {
                self.handle_event(&told);
            }
            if let Some(gathered) = self.outbox.poll(Instant::now()) {
                self.tell(gathered, self.config.retries).await;
            }
        }
    }

    fn handle_event(&mut self, told: &Numbered) {
        let now = Instant::now();
        if told.missed > 0 {
            self.counts.events_missed.fetch_add(told.missed, Ordering::Relaxed);
            self.outbox.handle_missed(now, told.missed);
        }
        let event = (self.describe)(told);
        if trigger_of(&event).is_some_and(|trigger| self.config.events.contains(&trigger)) {
            self.outbox.handle_event(now, event);
        }
    }

    /// What is left when the process ends is told without waiting for anything.
    async fn tell_the_last(&mut self) {
        let gathered = self.outbox.take_all();
        if !gathered.is_empty() {
            self.tell(gathered, 0).await;
        }
    }

    async fn tell(&mut self, gathered: Gathered, retries: usize) {
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let message = message(self.config.name.as_str(), &self.process, gathered, serial);
        let body: Arc<[u8]> = serde_json::to_vec(&message).expect("a message is plain data").into();
        let delivered = match self.config.action.clone() {
            HookAction::Webhook(address) => self.ask(address, &message, &body, retries).await,
            HookAction::Command { program, arguments } => {
                let command = (program.as_path(), &arguments[..]);
                let run = command::run(command, &message, &body, self.config.timeout).await;
                run.map_err(DeliveryError::from)
            }
        };
        self.note(delivered);
    }

    /// Makes a request until it is answered, refused, or has been made often enough.
    async fn ask(
        &mut self,
        address: WebhookAddress,
        message: &HookMessage,
        body: &Arc<[u8]>,
        retries: usize,
    ) -> Result<(), DeliveryError> {
        let mut backoff = BACKOFF_MIN;
        for attempt in 0.. {
            let request = Request {
                address: address.clone(),
                timeout: self.config.timeout,
                secret: read_secret(self.config.secret_file.as_deref())?,
                message_id: message.id.clone(),
                body: Arc::clone(body),
            };
            let error = match send(request).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if attempt >= retries || !error.is_transient() {
                return Err(error.into());
            }
            tracing::debug!(hook = %self.config.name, attempt, "no success: {error}");
            self.counts.retried.fetch_add(1, Ordering::Relaxed);
            // Hooks of many processes that failed at once must not all come back at once.
            let pause = self.random.jittered(backoff, BACKOFF_JITTER_PERCENT);
            let pause = pause.max(error.retry_after().unwrap_or_default());
            tokio::time::sleep(pause.min(BACKOFF_MAX)).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
        unreachable!("the last attempt returns")
    }

    /// Counts what became of a message; says so when it fails for the first time, and when it
    /// succeeds again.
    fn note(&mut self, delivered: Result<(), DeliveryError>) {
        let hook = self.config.name.as_str();
        match delivered {
            Ok(()) => {
                self.counts.delivered.fetch_add(1, Ordering::Relaxed);
                let failed = std::mem::take(&mut self.failed_in_a_row);
                if failed > 0 {
                    tracing::info!(hook, failed, "hook is told again what happens");
                }
            }
            Err(error) => {
                self.counts.failed.fetch_add(1, Ordering::Relaxed);
                self.failed_in_a_row += 1;
                if self.failed_in_a_row == 1 {
                    tracing::warn!(hook, to = %self.whom(), "hook could not be told: {error}");
                } else {
                    tracing::debug!(hook, "hook could not be told again: {error}");
                }
            }
        }
    }

    fn whom(&self) -> String {
        match &self.config.action {
            HookAction::Webhook(address) => address.to_string(),
            HookAction::Command { program, .. } => program.display().to_string(),
        }
    }
}

/// The next event, if it has happened.
async fn what_is_there(events: &mut EventReader) -> Option<Numbered> {
    tokio::select! {
        biased;
        told = events.next() => told,
        () = std::future::ready(()) => None,
    }
}

fn read_secret(path: Option<&Path>) -> Result<Option<Secret>, DeliveryError> {
    let Some(path) = path else { return Ok(None) };
    let unreadable = |source| DeliveryError::Secret { path: path.display().to_string(), source };
    Secret::read(path).map(Some).map_err(unreadable)
}

/// Makes a request on a thread where waiting is allowed.
async fn send(request: Request) -> Result<(), RequestError> {
    match tokio::task::spawn_blocking(move || request.send()).await {
        Ok(sent) => sent,
        Err(error) => Err(RequestError::NoAnswer(error.to_string())),
    }
}
