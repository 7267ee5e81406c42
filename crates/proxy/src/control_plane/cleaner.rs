//! Brings misplaced keys home: carries out the steps that recovery names.
//!
//! For each server one task and one connection of its own: deletes go out in batches, the next when
//! all of the last have been answered, so that a server that has just returned is not flooded. A
//! batch without all its answers has failed as a whole; deleting twice does no harm.
//!
//! It decides nothing. What is safe to delete, and whether a step still counts when it is done, is
//! recovery's to say.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_core::failure::Failure;
use evenkeel_core::protocol::response::{Invalid, ParsedResponse, Status};
use evenkeel_core::protocol::{Expect, encode, parse_response};
use evenkeel_core::recovery::{Cleaning, RecoveryEvent};
use evenkeel_core::routing::{PoolId, ServerId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::shared::Shared;

/// Carries out the steps of all pools.
#[derive(Debug)]
pub(super) struct Cleaner {
    shared: Arc<Shared>,
    servers: BTreeMap<ServerId, mpsc::Sender<Batch>>,
}

/// Steps at one server.
#[derive(Debug)]
struct Batch {
    pool: PoolId,
    steps: Vec<Cleaning>,
}

/// Time between two looks at what there is to do while there is something.
const BUSY_INTERVAL: Duration = Duration::from_millis(10);
/// The same while no key is misplaced.
const IDLE_INTERVAL: Duration = Duration::from_millis(50);
/// Steps taken from a pool at one look: at most 25,600 deletes a second for each pool.
const STEPS_MAX: usize = 256;
/// How long a batch may take.
const BATCH_TIMEOUT: Duration = Duration::from_secs(1);
/// Batches that wait for a server. More steps are left for a later look.
const BATCHES_MAX: usize = 1;

impl Cleaner {
    /// Begins to look after all pools.
    pub(super) fn spawn(shared: Arc<Shared>) {
        tokio::spawn(Self { shared, servers: BTreeMap::new() }.run());
    }

    /// Ends with the runtime.
    async fn run(mut self) {
        loop {
            let mut is_busy = false;
            for pool in self.shared.misplaced.pools() {
                is_busy |= self.look(pool);
            }
            tokio::time::sleep(if is_busy { BUSY_INTERVAL } else { IDLE_INTERVAL }).await;
        }
    }

    /// Sends off what can be done now; true if there is anything misplaced.
    fn look(&mut self, pool: PoolId) -> bool {
        let now = self.shared.now();
        let table = self.shared.table.load_full();
        let mut steps = Vec::new();
        let (is_busy, events) = self.shared.misplaced.with(pool, |recovery| {
            recovery.poll_cleaning(now, pool, &table, STEPS_MAX, &mut steps);
            (!recovery.is_clear(), recovery.drain_events().collect::<Vec<_>>())
        });
        for event in events {
            self.log(&event);
        }
        let mut batches = BTreeMap::<ServerId, Vec<Cleaning>>::new();
        for step in steps {
            batches.entry(step.server).or_default().push(step);
        }
        for (server, steps) in batches {
            self.send(server, Batch { pool, steps });
        }
        is_busy
    }

    fn send(&mut self, server: ServerId, batch: Batch) {
        let shared = &self.shared;
        let task = self.servers.entry(server).or_insert_with(|| {
            let (sender, batches) = mpsc::channel(BATCHES_MAX);
            let task = ServerTask { shared: Arc::clone(shared), server, stream: None };
            tokio::spawn(task.run(batches));
            sender
        });
        // What does not fit is named again when its time is over.
        let _ = task.try_send(batch);
    }

    fn log(&self, event: &RecoveryEvent) {
        let name = |server: ServerId| self.shared.server(server).config.to_string();
        match *event {
            RecoveryEvent::Overflowed(keys) => {
                tracing::warn!(keys, "too many misplaced keys: servers that are away get flushed");
            }
            RecoveryEvent::FlushRequired(server) => {
                tracing::warn!(server = name(server), "server is to be flushed before it is used");
            }
            RecoveryEvent::Flushed(server) => {
                tracing::info!(server = name(server), "server has been flushed");
            }
        }
    }
}

/// One server's connection.
#[derive(Debug)]
struct ServerTask {
    shared: Arc<Shared>,
    server: ServerId,
    stream: Option<TcpStream>,
}

impl ServerTask {
    async fn run(mut self, mut batches: mpsc::Receiver<Batch>) {
        while let Some(Batch { pool, steps }) = batches.recv().await {
            let result = tokio::time::timeout(BATCH_TIMEOUT, self.exchange(&steps)).await;
            let is_done = matches!(result, Ok(Ok(())));
            if !is_done {
                self.stream = None;
            }
            self.shared.misplaced.with(pool, |recovery| {
                for step in &steps {
                    recovery.handle_cleaned(step, is_done);
                }
            });
        }
    }

    async fn exchange(&mut self, steps: &[Cleaning]) -> Result<(), Failure> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => self.stream.insert(connect(&self.shared, self.server).await?),
        };
        let mut requests = Vec::new();
        let write = |step: &Cleaning| match step.step.key() {
            Some(key) => encode::delete(key, &mut requests),
            None => encode::flush_all(&mut requests),
        };
        let expects: Vec<_> = steps.iter().map(write).collect();
        stream.write_all(&requests).await.map_err(|_| Failure::Reset)?;
        let mut answers = Vec::new();
        let mut at = 0;
        for expect in expects {
            loop {
                match judge(&answers[at..], expect)? {
                    Some(len) => {
                        at += len;
                        break;
                    }
                    None => match stream.read_buf(&mut answers).await {
                        Ok(0) => return Err(Failure::Closed),
                        Ok(_) => {}
                        Err(_) => return Err(Failure::Reset),
                    },
                }
            }
        }
        if at == answers.len() { Ok(()) } else { Err(Failure::Garbled(Invalid::Unasked)) }
    }
}

async fn connect(shared: &Shared, server: ServerId) -> Result<TcpStream, Failure> {
    let addr = shared.server(server).addr.load_full().ok_or(Failure::Unreachable)?;
    let stream = TcpStream::connect(*addr).await.map_err(|_| Failure::Refused)?;
    stream.set_nodelay(true).map_err(|_| Failure::Reset)?;
    Ok(stream)
}

/// How long the answer to a step is; `None` if it is not all there.
fn judge(answers: &[u8], expect: Expect) -> Result<Option<usize>, Failure> {
    match parse_response(answers, expect, b"") {
        ParsedResponse::Incomplete { .. } => Ok(None),
        ParsedResponse::Last { response, len } => match response.status {
            Status::Done | Status::NotFound => Ok(Some(len)),
            _ => Err(Failure::ServerError),
        },
        ParsedResponse::Value { .. } => Err(Failure::Garbled(Invalid::Unexpected)),
        ParsedResponse::Invalid(invalid) => Err(Failure::Garbled(invalid)),
    }
}
