//! Drives one thread's share of a load.

use std::io;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Poll, Registry, Token};

use crate::connection::Connection;
use crate::content::Content;
use crate::draw::{Chooser, Kind};
use crate::generator::ThreadClock;
use crate::link::Due;
use crate::meter::{Loss, Meter};
use crate::timer::Timer;
use crate::timetable::{Timetable, TimetableEnd};
use crate::watch::Slot;
use crate::{End, Endpoint, Length, Pace, Report, RunError, Watch, Workload};

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
    pub(crate) warm_up: Duration,
    pub(crate) answer_timeout: Duration,
    pub(crate) watch: Option<&'a Watch>,
}

/// A lane with its connections, ready to run.
pub(crate) struct Driver<'a> {
    plan: &'a Plan<'a>,
    lane: Lane,
    poll: Poll,
    connections: Vec<Connection>,
    rhythm: Rhythm,
    meter: Meter,
    /// Runs from when measuring begins.
    clock: Option<ThreadClock>,
    phase: Phase,
    start: Instant,
    answer_timeout: Duration,
    sweep_at: Instant,
    /// Connections with something to send, so that each is written to once.
    unsent: Vec<usize>,
}

/// What makes the next request start.
enum Rhythm {
    /// The last answer of a batch.
    Closed { batch: usize, begun: u64, measured: u64 },
    /// The time.
    Open { timetable: Timetable, in_flight_max: usize, alarm: Alarm },
}

/// Ends the wait for answers when a request is due.
struct Alarm {
    timer: Timer,
    /// For which request it is set, by when that is due.
    due: Option<Duration>,
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Requests are begun.
    Sending,
    /// Answers to the last ones are awaited.
    Closing { since: Instant },
}

impl Lane {
    /// The number, among all requests, of this lane's request with this number.
    pub(crate) fn number(self, own: u64) -> u64 {
        own * self.count as u64 + self.idx as u64
    }

    /// How many of so many things are this lane's.
    pub(crate) fn share(self, all: u64) -> u64 {
        let (idx, count) = (self.idx as u64, self.count as u64);
        all / count + u64::from(idx < all % count)
    }
}

impl<'a> Driver<'a> {
    /// Opens the lane's connections.
    pub(crate) fn new(
        plan: &'a Plan<'a>,
        lane: Lane,
        slot: Option<Arc<Slot>>,
    ) -> Result<Self, RunError> {
        let poll = Poll::new()?;
        let mut connections = Vec::new();
        for number in (0..plan.workload.connections).skip(lane.idx).step_by(lane.count) {
            let token = Token(connections.len());
            let connection = Connection::open(plan.endpoint, poll.registry(), token);
            connections.push(connection.map_err(|source| RunError::Connect {
                endpoint: plan.endpoint.clone(),
                number: number + 1,
                connections: plan.workload.connections,
                source,
            })?);
        }
        let now = Instant::now();
        Ok(Self {
            plan,
            lane,
            rhythm: Rhythm::new(plan, lane, connections.len(), poll.registry())?,
            poll,
            connections,
            meter: Meter::new(slot),
            clock: None,
            phase: Phase::Sending,
            start: now,
            answer_timeout: plan.answer_timeout,
            sweep_at: now,
            unsent: Vec::new(),
        })
    }

    /// Runs to the end. `start` is the same for all lanes.
    pub(crate) fn run(mut self, start: Instant) -> Result<Report, RunError> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        self.start = start;
        self.meter.begin(start, start + self.plan.warm_up);
        self.handle_stop(start);
        for idx in 0..self.connections.len() {
            self.begin(idx);
            self.flush();
        }
        while self.phase == Phase::Sending || self.is_waiting() {
            let now = Instant::now();
            self.meter.handle_time(now);
            if self.clock.is_none() && now >= self.meter.measured_from() {
                self.clock = Some(ThreadClock::now());
            }
            self.begin_due(now);
            self.flush();
            if self.is_complete(now) {
                self.close(End::Complete, now);
            }
            if now >= self.sweep_at {
                self.sweep(now);
            }
            self.wait(&mut events)?;
            for event in &events {
                self.handle_ready(event);
                self.flush();
            }
        }
        Ok(self.into_report())
    }

    /// Waits for answers, but not past the next request that is due, nor the next sweep.
    fn wait(&mut self, events: &mut Events) -> Result<(), RunError> {
        let now = Instant::now();
        let mut timeout = self.sweep_at.saturating_duration_since(now);
        if let (Phase::Sending, Rhythm::Open { timetable, alarm, .. }) =
            (self.phase, &mut self.rhythm)
            && let Some(due) = timetable.next_due()
        {
            let due_in = (self.start + due).saturating_duration_since(now);
            if due_in <= SPIN_MAX {
                timeout = Duration::ZERO;
            } else if alarm.due != Some(due) {
                alarm.timer.set(due_in)?;
                alarm.due = Some(due);
            }
        }
        match self.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn handle_ready(&mut self, event: &Event) {
        let idx = event.token().0;
        if event.token() == TIMER {
            return;
        }
        let connection = &mut self.connections[idx];
        if !connection.is_open() {
            match connection.link().finish(Instant::now()) {
                Ok(true) => self.begin(idx),
                Ok(false) => {}
                Err(error) => self.meter.count_failed_connect(&error.to_string()),
            }
            return;
        }
        let is_closing = event.is_read_closed() || event.is_error();
        let result = connection
            .send(&mut self.meter)
            .and_then(|()| connection.receive(&self.plan.content, &mut self.meter, is_closing));
        match result {
            Ok(()) => self.begin(idx),
            Err(error) => self.lose(idx, Loss::Closed, &error.to_string()),
        }
    }

    /// The connection is of no more use. It is made again at once if it was any before: the
    /// target may have closed this one only.
    fn lose(&mut self, idx: usize, loss: Loss, why: &str) {
        let now = Instant::now();
        let connection = &mut self.connections[idx];
        connection.cut_off(loss, &mut self.meter, now);
        self.meter.count_lost_connection(why);
        if connection.is_proven() {
            self.reconnect(idx);
        }
    }

    fn reconnect(&mut self, idx: usize) {
        let connection = &mut self.connections[idx];
        if self.phase != Phase::Sending {
            return;
        }
        match connection.begin_connecting(self.plan.endpoint, self.poll.registry()) {
            // A unix socket is connected by now, and the poll says so at once.
            Ok(()) => {}
            Err(error) => self.meter.count_failed_connect(&error.to_string()),
        }
    }

    /// Looks after what no event tells: time that has passed.
    fn sweep(&mut self, now: Instant) {
        self.sweep_at = now + SWEEP_INTERVAL;
        for idx in 0..self.connections.len() {
            let connection = &mut self.connections[idx];
            let is_silent = connection.is_silent(self.answer_timeout, now);
            match connection.link().due(now) {
                Some(Due::Begin) => self.reconnect(idx),
                Some(Due::GiveUp) => {
                    connection.link().leave(now);
                    self.meter.count_failed_connect("no answer to the connection attempt");
                }
                None if is_silent => {
                    let why = format!("no answer for {:?}", self.answer_timeout);
                    self.lose(idx, Loss::Silent, &why);
                }
                None => {}
            }
        }
        self.meter.hand_over(self.connections.iter().map(|it| (it.is_open(), it.waiting_len())));
        let silence = now.saturating_duration_since(self.meter.last_answer_at);
        let is_endless = matches!(self.plan.length, Length::Requests(_));
        if is_endless && silence >= 2 * self.answer_timeout {
            self.close(End::NoAnswers, now);
        }
        self.handle_stop(now);
    }

    /// Begins nothing more if the watch says so, and awaits answers for a short time only.
    fn handle_stop(&mut self, now: Instant) {
        if self.plan.watch.is_some_and(Watch::is_stopped) {
            self.answer_timeout = self.answer_timeout.min(STOP_TIMEOUT);
            self.close(End::Stopped, now);
        }
    }

    /// Begins nothing more.
    fn close(&mut self, end: End, now: Instant) {
        if self.phase == Phase::Sending {
            self.phase = Phase::Closing { since: now };
            self.meter.report.end = end;
            self.meter.report.threads.extend(self.clock.map(|clock| clock.elapsed()));
        }
    }

    /// Begins what the connection can: its next batch (closed pace), or what was held back for
    /// it (open pace).
    fn begin(&mut self, idx: usize) {
        if self.phase != Phase::Sending || !self.connections[idx].is_open() {
            return;
        }
        let now = Instant::now();
        match self.rhythm {
            Rhythm::Closed { batch, .. } if self.connections[idx].waiting_len() == 0 => {
                for _ in 0..batch {
                    let Some(number) = self.next_of_batch(now) else { break };
                    self.push(idx, number, now, now);
                }
            }
            Rhythm::Closed { .. } => {}
            Rhythm::Open { .. } => self.catch_up(idx, now),
        }
    }

    /// The number of the next request, if there is one more (closed pace only).
    fn next_of_batch(&mut self, now: Instant) -> Option<u64> {
        let is_complete = self.is_complete(now);
        match &mut self.rhythm {
            Rhythm::Closed { begun, measured, .. } if !is_complete => {
                *begun += 1;
                *measured += u64::from(now >= self.meter.measured_from());
                Some(self.lane.number(*begun - 1))
            }
            Rhythm::Closed { .. } | Rhythm::Open { .. } => None,
        }
    }

    /// Begins every request whose time has come (open pace only).
    fn begin_due(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.start);
        while self.phase == Phase::Sending
            && let Rhythm::Open { timetable, .. } = &mut self.rhythm
            && let Some(idx) = timetable.poll_due(elapsed)
        {
            self.catch_up(idx, now);
        }
    }

    /// Begins what is due on the connection, as far as it has room (open pace only).
    fn catch_up(&mut self, idx: usize, now: Instant) {
        while self.connections[idx].is_open()
            && let Rhythm::Open { timetable, in_flight_max, .. } = &mut self.rhythm
            && self.connections[idx].waiting_len() < *in_flight_max
            && let Some(departure) = timetable.take(idx)
        {
            let due_at = self.start + departure.due;
            self.meter.count_start(due_at, now, departure.is_held_back);
            self.push(idx, departure.number, due_at, now);
        }
    }

    /// Appends the request with this number, which is meant to start `at`.
    fn push(&mut self, idx: usize, number: u64, at: Instant, now: Instant) {
        let (kind, mut draws) = self.plan.chooser.begin(number);
        let connection = &mut self.connections[idx];
        if connection.waiting_len() == 0 {
            connection.begin_silence(now);
        }
        if self.unsent.last() != Some(&idx) {
            self.unsent.push(idx);
        }
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

    /// Sends what was appended.
    fn flush(&mut self) {
        let mut unsent = mem::take(&mut self.unsent);
        for idx in unsent.drain(..) {
            if let Err(error) = self.connections[idx].send(&mut self.meter) {
                self.lose(idx, Loss::Closed, &error.to_string());
            }
        }
        self.unsent = unsent;
    }

    /// Is there nothing more to begin?
    fn is_complete(&self, now: Instant) -> bool {
        match (self.plan.length, &self.rhythm) {
            (Length::Time(time), _) => now >= self.meter.measured_from() + time,
            (Length::Requests(all), Rhythm::Closed { measured, .. }) => {
                *measured >= self.lane.share(all)
            }
            (Length::Requests(_), Rhythm::Open { timetable, .. }) => timetable.is_complete(),
        }
    }

    fn is_waiting(&self) -> bool {
        self.connections.iter().any(|connection| connection.waiting_len() > 0)
    }

    fn into_report(mut self) -> Report {
        let now = Instant::now();
        if let Rhythm::Open { timetable, .. } = &mut self.rhythm {
            for idx in 0..self.connections.len() {
                while let Some(departure) = timetable.take(idx) {
                    self.meter.count_unsent(self.start + departure.due, now);
                }
            }
        }
        let measured_from = self.meter.measured_from();
        let until = |instant: Instant| instant.saturating_duration_since(measured_from);
        let until_closing = match self.phase {
            Phase::Sending => until(now),
            Phase::Closing { since } => until(since),
        };
        let until_last_answer = until(self.meter.last_answer_at);
        let mut report = self.meter.into_report();
        report.elapsed = match (self.plan.length, report.end) {
            (Length::Requests(_), End::Complete) => until_last_answer,
            (Length::Time(time), End::Complete) => until_last_answer.max(time),
            (_, End::Stopped | End::NoAnswers) => until_last_answer.max(until_closing),
        };
        report
    }
}

impl Rhythm {
    fn new(
        plan: &Plan<'_>,
        lane: Lane,
        connections: usize,
        registry: &Registry,
    ) -> io::Result<Self> {
        match plan.workload.pace {
            Pace::Closed { batch } => Ok(Self::Closed { batch, begun: 0, measured: 0 }),
            Pace::Open { rate, in_flight_max } => {
                let end = match plan.length {
                    Length::Requests(all) => TimetableEnd::Requests(lane.share(all)),
                    Length::Time(time) => TimetableEnd::Time(time),
                };
                let timetable = Timetable::new(lane, rate, connections, plan.warm_up, end);
                let alarm = Alarm { timer: Timer::new(registry, TIMER)?, due: None };
                Ok(Self::Open { timetable, in_flight_max, alarm })
            }
        }
    }
}

const EVENTS_MAX: usize = 1024;
/// Between two looks at connections that nothing comes from.
const SWEEP_INTERVAL: Duration = Duration::from_millis(50);
/// What is due sooner is waited for without sleeping: a sleep takes longer.
const SPIN_MAX: Duration = Duration::from_micros(10);
/// How long answers are awaited when a run is stopped.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);
const TIMER: Token = Token(usize::MAX);
