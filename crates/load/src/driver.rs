//! Drives one thread's share of a load.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Interest, Poll, Token};

use crate::connection::Connection;
use crate::content::Content;
use crate::draw::{Chooser, Kind};
use crate::{Endpoint, Length, Pace, Report, RunError, Workload};

/// One thread's part of a load: every `count`-th request from `idx` on, and as many connections.
#[derive(Clone, Copy)]
pub(crate) struct Lane {
    pub(crate) idx: usize,
    pub(crate) count: usize,
}

/// What the requests are.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    /// As the workload says.
    Drawn,
    /// A write of each key, from the first to the last.
    WritesInTurn,
}

/// What all lanes of a load have in common.
pub(crate) struct Plan<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) workload: &'a Workload,
    pub(crate) content: Content,
    pub(crate) chooser: Chooser,
    pub(crate) order: Order,
    pub(crate) length: Length,
}

/// A lane with its connections, ready to run.
pub(crate) struct Driver<'a> {
    plan: &'a Plan<'a>,
    lane: Lane,
    length: Length,
    poll: Poll,
    connections: Vec<Connection>,
    report: Report,
    start: Instant,
    last_answer_at: Instant,
    /// Requests of this lane begun so far.
    begun: u64,
}

impl Lane {
    /// The number, among all requests, of this lane's request with this number.
    fn number(self, own: u64) -> u64 {
        own * self.count as u64 + self.idx as u64
    }

    /// How many of so many things are this lane's.
    fn share(self, all: u64) -> u64 {
        let (idx, count) = (self.idx as u64, self.count as u64);
        all / count + u64::from(idx < all % count)
    }
}

impl<'a> Driver<'a> {
    /// Opens the lane's connections.
    pub(crate) fn new(plan: &'a Plan<'a>, lane: Lane) -> Result<Self, RunError> {
        let poll = Poll::new()?;
        let connections = (0..plan.workload.connections).skip(lane.idx).step_by(lane.count);
        let connections: io::Result<Vec<_>> =
            connections.enumerate().map(|(idx, _)| open(plan.endpoint, &poll, idx)).collect();
        let now = Instant::now();
        let length = match plan.length {
            Length::Requests(all) => Length::Requests(lane.share(all)),
            Length::Time(time) => Length::Time(time),
        };
        Ok(Self {
            plan,
            lane,
            length,
            poll,
            connections: connections?,
            report: Report::new(),
            start: now,
            last_answer_at: now,
            begun: 0,
        })
    }

    /// Runs to the end. `start` is the same for all lanes.
    pub(crate) fn run(mut self, start: Instant) -> Result<Report, RunError> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        self.start = start;
        self.last_answer_at = start;
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
            .and_then(|()| connection.receive(&self.plan.content, &mut self.report, is_closing));
        if let Err(error) = result {
            return self.reopen(idx, &error);
        }
        self.begin_batch(idx)
    }

    /// A lost connection is made again at once: the target may have closed this one only.
    fn reopen(&mut self, idx: usize, error: &io::Error) -> Result<(), RunError> {
        self.report.lost += self.connections[idx].waiting_len() as u64;
        self.report.add_fault(|| format!("connection lost: {error}"));
        self.connections[idx] = open(self.plan.endpoint, &self.poll, idx)?;
        self.begin_batch(idx)
    }

    fn begin_batches(&mut self) -> Result<(), RunError> {
        (0..self.connections.len()).try_for_each(|idx| self.begin_batch(idx))
    }

    /// Sends the connection's next batch, if the last one is answered (closed pace only).
    fn begin_batch(&mut self, idx: usize) -> Result<(), RunError> {
        let Pace::Closed { batch } = self.plan.workload.pace else { return Ok(()) };
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
            let idx = self.next_connection();
            self.push(idx, due_at);
            self.send(idx)?;
        }
        Ok(())
    }

    /// The connection of the next request (open pace only): each in turn.
    fn next_connection(&self) -> usize {
        let count = self.connections.len() as u64;
        usize::try_from(self.begun % count).expect("it is the index of a connection")
    }

    fn push(&mut self, idx: usize, at: Instant) {
        let number = self.lane.number(self.begun);
        self.begun += 1;
        let (kind, mut draws) = self.plan.chooser.begin(number);
        let connection = &mut self.connections[idx];
        match (self.plan.order, kind) {
            (Order::Drawn, Kind::Read) => connection.push_read(self.plan, &mut draws, at),
            (Order::Drawn, Kind::Write) => {
                connection.push_write(self.plan, self.plan.chooser.key(&mut draws), at);
            }
            (Order::WritesInTurn, _) => {
                let key = u32::try_from(number).expect("there are fewer keys than 2^32");
                connection.push_write(self.plan, key, at);
            }
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
            Length::Requests(count) => self.begun >= count,
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
        self.begun - self.report.answered() - self.report.lost
    }

    /// When the next request is meant to start (open pace only).
    fn due_at(&self) -> Option<Instant> {
        match self.plan.workload.pace {
            Pace::Closed { .. } => None,
            Pace::Open { rate, .. } => {
                let number = self.lane.number(self.begun);
                let seconds = Duration::from_secs(number / rate);
                let rest = Duration::from_nanos(number % rate * 1_000_000_000 / rate);
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

const EVENTS_MAX: usize = 1024;
const POLL_TIMEOUT: Duration = Duration::from_millis(100);
/// How long the open pace sleeps when nothing is to be done: the error of its latencies.
const NAP: Duration = Duration::from_micros(50);
/// A target that answers nothing for this long has failed the run.
pub(crate) const STALL_TIMEOUT: Duration = Duration::from_secs(20);
