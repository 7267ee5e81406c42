//! One canary: store a value of our own, read it, compare, delete it.
//!
//! It takes the path that requests take, because `version` or a handshake proves nothing: a
//! stalled process completes handshakes in the kernel, and a server can answer `version` and
//! serve no request.
//!
//! It keeps a connection of its own for as long as it is good, so that a server that refuses
//! *further* connections is not taken for one that fails its requests. A kept connection that turns
//! out to be lost says no more than a lost connection does: the canary goes on on a new one.
//!
//! On a new connection it asks who answers (`stats`), after the rest and outside the measured time:
//! a process that has ended has closed all its connections. A server that does not say so has no
//! identity, and is none the worse for it.
//!
//! # Self-doubt
//! A canary that took longer than its timeout allows, good or bad, was held up by this process: the
//! timeout would have ended it. It proves nothing. Nor does one that was late while one of our
//! workers stood still: the machine is short of processors, and the server may be on it. One that was
//! late is therefore not reported before each worker has turned its loop once more: what the server
//! sent meanwhile is then known, too.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_core::Instant;
use evenkeel_core::failure::Failure;
use evenkeel_core::health::{CanaryReport, Identity};
use evenkeel_core::report::LATENESS_MAX;
use evenkeel_core::routing::ServerId;
use tokio::net::TcpStream;

use crate::asking::{self, Verdict};
use crate::shared::Shared;

/// What a canary needs to know.
#[derive(Debug)]
pub(super) struct Canary {
    pub(super) shared: Arc<Shared>,
    pub(super) server: ServerId,
    /// Tells this process's keys from any other's.
    pub(super) nonce: u64,
    /// Tells this canary's value from any other's.
    pub(super) serial: u64,
    /// The bound on all of it together, but for asking who answered, which has as much again.
    pub(super) timeout: Duration,
}

/// How often to look whether workers have turned their loops.
const TURN_POLL_INTERVAL: Duration = Duration::from_millis(1);

impl Canary {
    /// Sends it on `stream`, or on a new connection. Returns what became of it, and the connection
    /// if it is good for another.
    pub(super) async fn send(self, stream: Option<TcpStream>) -> (CanaryReport, Option<TcpStream>) {
        let started_at = self.shared.now();
        let mut is_connected = stream.is_some();
        let steps = self.ask_on_any(stream, &mut is_connected);
        let result = tokio::time::timeout(self.timeout, steps).await;
        let latency = self.shared.now() - started_at;
        if latency > self.timeout + LATENESS_MAX {
            return (CanaryReport::Void, None);
        }
        if result.is_err() && self.is_our_fault(started_at).await {
            return (CanaryReport::Void, None);
        }
        match result {
            Ok(Ok((mut stream, verdict, is_new))) => {
                let identity = if is_new { self.identify(&mut stream).await } else { Ok(None) };
                // What may still be said on it would be taken for an answer to the next.
                let stream = identity.is_ok().then_some(stream);
                let identity = identity.unwrap_or_default();
                let report = match verdict {
                    Verdict::Good => CanaryReport::Good { latency, identity },
                    Verdict::WriteRefused => CanaryReport::WritesRefused { latency, identity },
                };
                (report, stream)
            }
            Ok(Err(failure)) => (CanaryReport::Bad(failure), None),
            Err(_) if is_connected => (CanaryReport::Bad(Failure::Timeout), None),
            Err(_) => (CanaryReport::Bad(Failure::ConnectTimeout), None),
        }
    }

    /// Whether one of our workers stands still, or has since then. When this is false, every worker
    /// has reported what had come by now.
    async fn is_our_fault(&self, since: Instant) -> bool {
        let workers = &self.shared.workers;
        let asked_at = self.shared.now();
        self.shared.wake_workers();
        while !workers.iter().all(|it| it.pace.has_turned_since(asked_at)) {
            if asked_at + LATENESS_MAX < self.shared.now() {
                return true;
            }
            tokio::time::sleep(TURN_POLL_INTERVAL).await;
        }
        workers.iter().any(|it| it.pace.has_stalled_since(since))
    }

    /// On the connection there is, or if that is lost on a new one; and whether it is a new one.
    async fn ask_on_any(
        &self,
        stream: Option<TcpStream>,
        is_connected: &mut bool,
    ) -> Result<(TcpStream, Verdict, bool), Failure> {
        if let Some(mut stream) = stream {
            match self.ask(&mut stream).await {
                Ok(verdict) => return Ok((stream, verdict, false)),
                Err(Failure::Reset | Failure::Closed) => *is_connected = false,
                Err(failure) => return Err(failure),
            }
        }
        let mut stream = self.connect().await?;
        *is_connected = true;
        let verdict = self.ask(&mut stream).await?;
        Ok((stream, verdict, true))
    }

    async fn connect(&self) -> Result<TcpStream, Failure> {
        asking::connect(&self.shared.server(self.server)).await
    }

    async fn ask(&self, stream: &mut TcpStream) -> Result<Verdict, Failure> {
        let key = format!("evenkeel:canary:{:x}:{}", self.nonce, self.server.0);
        asking::prove(stream, &key, &format!("{:016x}", self.serial)).await
    }

    /// Who answers; an error if it does not say so in time and in memcached's way.
    async fn identify(&self, stream: &mut TcpStream) -> Result<Option<Identity>, Failure> {
        let steps = async { Ok(Identity::from_stats(&asking::raw_stats(stream).await?)) };
        tokio::time::timeout(self.timeout, steps).await.unwrap_or(Err(Failure::Timeout))
    }
}
