//! What a run measured.

use std::time::Duration;

use crate::{Latencies, ThreadTime};

/// The figures of one run.
///
/// Every request after the warm-up is counted once: among [`Report::reads`] or [`Report::writes`] if it was
/// answered, else in `wrong`, `lost`, `timed_out` or `unsent`.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How the run ended.
    pub end: End,
    /// From the end of the warm-up to the last answer, or to the end of the run's time if that
    /// is later.
    pub elapsed: Duration,
    /// Latencies of answered reads.
    pub reads: Latencies,
    /// Latencies of answered writes.
    pub writes: Latencies,
    /// For how long requests had waited that were given up (`timed_out` and `unsent`): their latency would have been longer.
    pub given_up: Latencies,
    /// Keys read that had a value; each was checked.
    pub hits: u64,
    /// Keys read that had none.
    pub misses: u64,
    /// Writes that were acknowledged.
    pub stored: u64,
    /// Requests that were answered with `SERVER_ERROR`.
    pub server_errors: u64,
    /// Requests that were answered with `CLIENT_ERROR`.
    pub client_errors: u64,
    /// Requests that were answered with `ERROR`.
    pub unknown_commands: u64,
    /// Answers that were none to the request they came for, or had a wrong byte. Their
    /// connections were closed. Those of the warm-up count too.
    pub wrong: u64,
    /// Requests whose connection was closed before their answer came.
    pub lost: u64,
    /// Requests given up because nothing came on their connection for too long.
    pub timed_out: u64,
    /// Requests that were due and not yet begun when the time of the run was over, because their
    /// connection was full or away (open pace only).
    pub unsent: u64,
    /// Requests that began late because their connection was full or away (open pace only).
    pub held_back: u64,
    /// How late all others began: what this generator adds to their latencies
    /// (open pace only).
    pub lateness: Latencies,
    /// Connections that were closed by the target, or by us after a wrong answer or too long a
    /// silence.
    pub connections_lost: u64,
    /// Attempts to make a lost connection again that failed.
    pub connects_failed: u64,
    /// Bytes sent on all connections.
    pub bytes_sent: u64,
    /// Bytes received on all connections.
    pub bytes_received: u64,
    /// What each thread of the generator did.
    pub threads: Vec<ThreadTime>,
    /// The first few kinds of what went wrong, in words.
    pub faults: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// As it was told: after its time, or its number of requests.
    #[default]
    Complete,
    /// Early: it was stopped through its [`Watch`](crate::Watch).
    Stopped,
    /// Early: nothing had been answered for too long.
    NoAnswers,
}

impl Report {
    /// Requests that got an answer, be it an error.
    pub fn answered(&self) -> u64 {
        self.reads.len() + self.writes.len()
    }

    /// Requests that were answered with an error.
    pub fn errors(&self) -> u64 {
        self.server_errors + self.client_errors + self.unknown_commands
    }

    /// Requests that failed: with an error, a wrong answer, or none.
    pub fn failed(&self) -> u64 {
        self.errors() + self.wrong + self.lost + self.timed_out + self.unsent
    }

    /// Answers a second; 0 if no time has passed.
    #[expect(clippy::cast_precision_loss, reason = "no run has 2^52 answers")]
    pub fn rate(&self) -> f64 {
        if self.elapsed.is_zero() {
            return 0.0;
        }
        self.answered() as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that this share of all requests (0.5, 0.99) did not exceed.
    pub fn latency(&self, quantile: f64) -> Duration {
        self.latencies().quantile(quantile)
    }

    /// Latencies of all answered requests, and how long those had waited that were given up.
    pub fn latencies(&self) -> Latencies {
        let mut all = self.reads.clone();
        for other in [&self.writes, &self.given_up] {
            all.absorb(other);
        }
        all
    }

    /// Adds what another lane measured in the same run.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.end = self.end.max(other.end);
        self.elapsed = self.elapsed.max(other.elapsed);
        for (own, other) in [
            (&mut self.reads, other.reads),
            (&mut self.writes, other.writes),
            (&mut self.given_up, other.given_up),
            (&mut self.lateness, other.lateness),
        ] {
            own.absorb(&other);
        }
        for (own, other) in [
            (&mut self.hits, other.hits),
            (&mut self.misses, other.misses),
            (&mut self.stored, other.stored),
            (&mut self.server_errors, other.server_errors),
            (&mut self.client_errors, other.client_errors),
            (&mut self.unknown_commands, other.unknown_commands),
            (&mut self.wrong, other.wrong),
            (&mut self.lost, other.lost),
            (&mut self.timed_out, other.timed_out),
            (&mut self.unsent, other.unsent),
            (&mut self.held_back, other.held_back),
            (&mut self.connections_lost, other.connections_lost),
            (&mut self.connects_failed, other.connects_failed),
            (&mut self.bytes_sent, other.bytes_sent),
            (&mut self.bytes_received, other.bytes_received),
        ] {
            *own += other;
        }
        self.threads.extend(other.threads);
        other.faults.into_iter().for_each(|fault| self.add_fault(|| fault));
    }

    pub(crate) fn add_fault(&mut self, fault: impl FnOnce() -> String) {
        if self.faults.len() < FAULTS_MAX {
            let fault = fault();
            if !self.faults.contains(&fault) {
                self.faults.push(fault);
            }
        }
    }
}

const FAULTS_MAX: usize = 10;
