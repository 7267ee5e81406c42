//! Brings misplaced keys home: carries out the steps that recovery names.
//!
//! For each server one task and one connection of its own: deletes go out in batches, the next when
//! all of the last have been answered, so that a server that has just returned is not flooded. Each
//! step is judged by its own answer; deleting twice does no harm.
//!
//! It decides nothing. What is safe to delete, and whether a step still counts when it is done, is
//! recovery's to say.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_core::failure::Failure;
use evenkeel_core::protocol::response::{Invalid, ParsedResponse, Status};
use evenkeel_core::protocol::{Expect, Request, encode, parse_response};
use evenkeel_core::recovery::{Cleaning, Taken};
use evenkeel_core::routing::{PoolId, ServerId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::announcement::announce_server;
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
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, servers: BTreeMap::new() }
    }

    /// Looks after all pools, and never ends by itself. When it is dropped, each server's task ends
    /// after the batch it is at.
    pub(super) async fn run(mut self) {
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
            announce_server(&self.shared, &event);
        }
        let directory = self.shared.directory.load();
        self.servers.retain(|server, _| !directory.server(*server).has_left);
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
            let mut taken = self.take(&steps).await;
            taken.resize(steps.len(), Taken::Unanswered);
            let now = self.shared.now();
            self.shared.misplaced.with(pool, |recovery| {
                for (step, taken) in steps.iter().zip(taken) {
                    recovery.handle_cleaned(now, step, taken);
                }
            });
        }
    }

    /// Takes the steps: what has become of each, as far as answers came.
    async fn take(&mut self, steps: &[Cleaning]) -> Vec<Taken> {
        let mut taken = Vec::new();
        // A connection that was kept may have ended with the process that it was made to.
        for is_last_try in [self.stream.is_none(), true] {
            let exchange = self.exchange(steps, &mut taken);
            let result = tokio::time::timeout(BATCH_TIMEOUT, exchange).await;
            if matches!(result, Ok(Ok(()))) {
                break;
            }
            self.stream = None;
            if is_last_try || !taken.is_empty() || result.is_err() {
                break;
            }
        }
        taken
    }

    async fn exchange(
        &mut self,
        steps: &[Cleaning],
        taken: &mut Vec<Taken>,
    ) -> Result<(), Failure> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => self.stream.insert(connect(&self.shared, self.server).await?),
        };
        let mut requests = Vec::new();
        let write = |step: &Cleaning| {
            if let Some(key) = step.step.key() {
                return encode::delete(key, &mut requests);
            }
            (Expect::FlushAll, encode::request(&FLUSH_ALL, &mut requests))
        };
        let expects: Vec<_> = steps.iter().map(write).collect();
        stream.write_all(&requests).await.map_err(|_| Failure::Reset)?;
        let mut answers = Vec::new();
        let mut at = 0;
        for (expect, key_at) in expects {
            loop {
                match judge(&answers[at..], expect, &requests[key_at.clone()])? {
                    Some((step_taken, len)) => {
                        taken.push(step_taken);
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
    let addr = shared.server(server).facts.addr.load_full().ok_or(Failure::Unreachable)?;
    let stream = TcpStream::connect(*addr).await.map_err(|_| Failure::Refused)?;
    stream.set_nodelay(true).map_err(|_| Failure::Reset)?;
    Ok(stream)
}

/// What the answer to a step says, and how long it is; `None` if it is not all there.
fn judge(answers: &[u8], expect: Expect, key: &[u8]) -> Result<Option<(Taken, usize)>, Failure> {
    match parse_response(answers, expect, key) {
        ParsedResponse::Incomplete { .. } => Ok(None),
        ParsedResponse::Last { response, len } => Ok(Some(match response.status {
            Status::Done | Status::NotFound => (Taken::Done, len),
            _ => (Taken::Refused, len),
        })),
        ParsedResponse::Value { .. } => Err(Failure::Garbled(Invalid::Unexpected)),
        ParsedResponse::Invalid(invalid) => Err(Failure::Garbled(invalid)),
    }
}

const FLUSH_ALL: Request<'_> = Request::FlushAll { delay: 0, noreply: false };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_judged_by_its_own_answer() {
        let delete = |answers: &[u8]| judge(answers, Expect::Delete, b"k");
        assert_eq!(delete(b"DELETED\r\nX"), Ok(Some((Taken::Done, 9))));
        assert_eq!(delete(b"NOT_FOUND\r\n"), Ok(Some((Taken::Done, 11))));
        assert_eq!(delete(b"CLIENT_ERROR bad\r\n"), Ok(Some((Taken::Refused, 18))));
        assert_eq!(delete(b"DELE"), Ok(None));
        assert_eq!(delete(b"STORED\r\n"), Err(Failure::Garbled(Invalid::Unexpected)));
        let refused = b"CLIENT_ERROR flush_all not allowed\r\n";
        assert_eq!(judge(refused, Expect::FlushAll, b""), Ok(Some((Taken::Refused, 36))));
    }

    #[test]
    fn a_key_that_text_cannot_hold_is_deleted_by_its_base64() {
        let mut requests = Vec::new();
        let (expect, key_at) = encode::delete(b"a b", &mut requests);
        assert_eq!(requests, b"md YSBi b k\r\n");
        let key = &requests[key_at];
        assert_eq!(judge(b"HD kYSBi b\r\n", expect, key), Ok(Some((Taken::Done, 12))));
        assert_eq!(judge(b"NF kYSBi b\r\n", expect, key), Ok(Some((Taken::Done, 12))));
        assert!(judge(b"HD kYSBj b\r\n", expect, key).is_err());
    }
}
