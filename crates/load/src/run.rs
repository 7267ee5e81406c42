//! Drives a workload's connections from one thread.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Interest, Poll, Token};

use crate::connection::Connection;
use crate::content::{Content, mix, pick};
use crate::{Endpoint, Pace, Report, Workload};

/// When a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// After so many requests; their answers are awaited.
    Requests(u64),
    /// After this time; what is unanswered then is awaited.
    Time(Duration),
}

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The target cannot be reached, or the system refuses a socket.
    #[error("cannot drive the load: {0}")]
    Io(#[from] io::Error),
    /// Not every key could be stored before the run.
    #[error("{stored} of {keys} keys were stored; first fault: {fault}")]
    NotFilled {
        /// Keys that were stored.
        stored: u64,
        /// Keys that should have been.
        keys: u64,
        /// What went wrong first.
        fault: String,
    },
    /// Answers that should have come did not, for this long.
    #[error("no answer for {STALL_TIMEOUT:?}, {waiting} requests wait")]
    Stalled {
        /// Requests sent and not answered.
        waiting: u64,
    },
}

/// Stores every key of the workload once, so that reads find them.
///
/// # Errors
/// When the target cannot be reached or does not store every key.
pub fn fill(endpoint: &Endpoint, workload: &Workload) -> Result<(), RunError> {
    let writes = Workload {
        connections: FILL_CONNECTIONS,
        pace: Pace::Closed { batch: FILL_BATCH },
        reads_percent: 0,
        ..workload.clone()
    };
    let keys = workload.keys as u64;
    let mut driver = Driver::new(endpoint, &writes, Length::Requests(keys))?;
    driver.order = Order::InTurn;
    let report = driver.run()?;
    if report.stored == keys {
        return Ok(());
    }
    let fault = report.faults.into_iter().next().unwrap_or_default();
    Err(RunError::NotFilled { stored: report.stored, keys, fault })
}

/// Runs the workload against the target at `endpoint`.
///
/// Lost connections are made again, and what was lost with them is counted.
///
/// # Errors
/// When the target cannot be reached at all, or stops answering.
///
/// # Panics
/// When the workload breaks a limit of its fields.
pub fn run(endpoint: &Endpoint, workload: &Workload, length: Length) -> Result<Report, RunError> {
    Driver::new(endpoint, workload, length)?.run()
}

/// Which keys are asked for.
enum Order {
    Random,
    InTurn,
}

struct Driver<'a> {
    endpoint: &'a Endpoint,
    workload: &'a Workload,
    content: Content,
    order: Order,
    length: Length,
    poll: Poll,
    connections: Vec<Connection>,
    report: Report,
    start: Instant,
    last_answer_at: Instant,
    /// Requests begun so far; the number of the next one.
    next: u64,
}

impl<'a> Driver<'a> {
    fn new(
        endpoint: &'a Endpoint,
        workload: &'a Workload,
        length: Length,
    ) -> Result<Self, RunError> {
        workload.assert_valid();
        let poll = Poll::new()?;
        let mut connections = Vec::with_capacity(workload.connections);
        for idx in 0..workload.connections {
            connections.push(open(endpoint, &poll, idx)?);
        }
        let now = Instant::now();
        Ok(Self {
            endpoint,
            workload,
            content: Content::new(workload),
            order: Order::Random,
            length,
            poll,
            connections,
            report: Report::new(),
            start: now,
            last_answer_at: now,
            next: 0,
        })
    }

    fn run(mut self) -> Result<Report, RunError> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        self.start = Instant::now();
        self.last_answer_at = self.start;
        self.begin_batches()?;
        loop {
            self.send_due()?;
            if self.is_over() && self.in_flight() == 0 {
                break;
            }
            self.wait(&mut events)?;
            let answered_before = self.report.answered();
            for event in &events {
                self.handle_ready(event)?;
            }
            self.note_progress(answered_before)?;
        }
        self.report.elapsed = self.last_answer_at - self.start;
        Ok(self.report)
    }

    /// Waits for answers, but not past the next request that is due.
    fn wait(&mut self, events: &mut Events) -> Result<(), RunError> {
        let due_in = match self.due_at() {
            Some(due_at) if !self.is_over() => due_at.saturating_duration_since(Instant::now()),
            Some(_) | None => POLL_TIMEOUT,
        };
        // The poll's clock ticks in milliseconds. Near a due time it is asked without waiting.
        let is_near = due_in < Duration::from_millis(2);
        let timeout = if is_near { Duration::ZERO } else { POLL_TIMEOUT.min(due_in / 2) };
        match self.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
        if is_near && events.is_empty() {
            thread::sleep(due_in.min(NAP));
        }
        Ok(())
    }

    fn handle_ready(&mut self, event: &Event) -> Result<(), RunError> {
        let idx = event.token().0;
        let is_closing = event.is_read_closed() || event.is_error();
        let connection = &mut self.connections[idx];
        let result = connection
            .send()
            .and_then(|()| connection.receive(&self.content, &mut self.report, is_closing));
        if let Err(error) = result {
            return self.reopen(idx, &error);
        }
        self.begin_batch(idx)
    }

    /// A lost connection is made again at once: the target may have closed this one only.
    fn reopen(&mut self, idx: usize, error: &io::Error) -> Result<(), RunError> {
        self.report.lost += self.connections[idx].waiting_len() as u64;
        self.report.add_fault(|| format!("connection lost: {error}"));
        self.connections[idx] = open(self.endpoint, &self.poll, idx)?;
        self.begin_batch(idx)
    }

    fn begin_batches(&mut self) -> Result<(), RunError> {
        (0..self.connections.len()).try_for_each(|idx| self.begin_batch(idx))
    }

    /// Sends the connection's next batch, if the last one is answered (closed pace only).
    fn begin_batch(&mut self, idx: usize) -> Result<(), RunError> {
        let Pace::Closed { batch } = self.workload.pace else { return Ok(()) };
        if self.connections[idx].waiting_len() > 0 {
            return Ok(());
        }
        let now = Instant::now();
        for _ in 0..batch {
            if self.is_over() {
                break;
            }
            self.push(idx, now);
        }
        self.send(idx)
    }

    /// Sends every request whose time has come (open pace only).
    fn send_due(&mut self) -> Result<(), RunError> {
        let now = Instant::now();
        while let Some(due_at) = self.due_at().filter(|due_at| *due_at <= now && !self.is_over()) {
            let idx = pick(self.next, self.connections.len());
            self.push(idx, due_at);
            self.send(idx)?;
        }
        Ok(())
    }

    fn push(&mut self, idx: usize, at: Instant) {
        let random = mix(self.workload.seed.wrapping_add(self.next));
        let first = match self.order {
            Order::Random => pick(random, self.content.keys_count()),
            Order::InTurn => pick(self.next, self.content.keys_count()),
        };
        self.next += 1;
        let connection = &mut self.connections[idx];
        if mix(random) % 100 < self.workload.reads_percent {
            connection.push_read(&self.content, first, self.workload.keys_per_read, at);
        } else {
            connection.push_write(&self.content, first, at);
        }
    }

    fn send(&mut self, idx: usize) -> Result<(), RunError> {
        match self.connections[idx].send() {
            Ok(()) => Ok(()),
            Err(error) => self.reopen(idx, &error),
        }
    }

    /// Have all requests been begun?
    fn is_over(&self) -> bool {
        match self.length {
            Length::Requests(count) => self.next >= count,
            Length::Time(time) => self.start.elapsed() >= time,
        }
    }

    fn note_progress(&mut self, answered_before: u64) -> Result<(), RunError> {
        let waiting = self.in_flight();
        if self.report.answered() > answered_before || waiting == 0 {
            self.last_answer_at = Instant::now();
        } else if self.last_answer_at.elapsed() > STALL_TIMEOUT {
            return Err(RunError::Stalled { waiting });
        }
        Ok(())
    }

    /// Requests begun that have neither their answer nor lost their connection.
    fn in_flight(&self) -> u64 {
        self.next - self.report.answered() - self.report.lost
    }

    /// When the next request is meant to start (open pace only).
    fn due_at(&self) -> Option<Instant> {
        match self.workload.pace {
            Pace::Closed { .. } => None,
            Pace::Open { rate } => {
                let seconds = Duration::from_secs(self.next / rate);
                let rest = Duration::from_nanos(self.next % rate * 1_000_000_000 / rate);
                Some(self.start + seconds + rest)
            }
        }
    }
}

fn open(endpoint: &Endpoint, poll: &Poll, idx: usize) -> io::Result<Connection> {
    let mut connection = Connection::open(endpoint)?;
    let interest = Interest::READABLE | Interest::WRITABLE;
    poll.registry().register(connection.stream_mut(), Token(idx), interest)?;
    Ok(connection)
}

const FILL_CONNECTIONS: usize = 4;
const FILL_BATCH: usize = 16;
const EVENTS_MAX: usize = 1024;
const POLL_TIMEOUT: Duration = Duration::from_millis(100);
/// How long the open pace sleeps when nothing is to be done: the error of its latencies.
const NAP: Duration = Duration::from_micros(50);
/// A target that answers nothing for this long has failed the run.
const STALL_TIMEOUT: Duration = Duration::from_secs(20);
