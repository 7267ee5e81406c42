//! The machine of one server. Its table is the module's above.

mod canary;

mod order;

use std::time::Duration;

pub use self::canary::{Canary, CanaryId, CanaryReport};

use super::lineage::Lineage;
use super::probation::{Flap, Probation};
use crate::config::HealthConfig;
use crate::event::{Evidence, Happening, Rule, StateName, Transition};
use crate::failure::Failure;
use crate::protocol::request::Class;
use crate::routing::{Share, Usable};
use crate::time::{Instant, earliest};
use crate::window::{Tally, Window};

/// One server's health.
#[derive(Debug)]
pub struct Health {
    config: HealthConfig,
    /// How long an attempt may take: the bound on `suspect_after`.
    attempt_timeout: Duration,
    state: State,
    /// Since when it has been in this state, by name.
    since: Instant,
    flap: Flap,
    writes: Writes,
    writes_flap: Flap,
    /// The canary that is on its way.
    canary: Option<Canary>,
    next_canary_id: u64,
    /// When the next canary goes out.
    canary_at: Instant,
    /// When the last one did.
    canary_sent_at: Instant,
    /// The last good canary's latency, until it has been judged.
    canary_latency: Option<Duration>,
    lineage: Lineage,
    window: Window,
    suspect_after: Duration,
    /// Unusable responses since the first of them.
    unusable: Option<(Instant, u32)>,
    /// Since when it would have been Down, had soft evidence counted.
    withheld_since: Option<Instant>,
    /// When much of large responses last came from it.
    bulk_at: Option<Instant>,
    /// Since when its canaries have been late for reasons of ours, and none was good.
    excused_since: Option<Instant>,
    /// When something last took too long.
    stalled_at: Option<Instant>,
    happenings: Vec<(Instant, Happening)>,
}

/// What a server is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Up,
    Suspect {
        last_failure_at: Instant,
        is_canary_good: bool,
    },
    Down(Down),
    /// It is so far up the ramp.
    Returning {
        steps: u32,
    },
    Drained,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Down {
    probation: Probation,
    /// Nothing but soft evidence speaks against it.
    is_soft: bool,
    /// It was slow, and must no longer be.
    is_slow: bool,
    /// To be restored if the ejection is revoked.
    flap_before: Flap,
}

/// Whether it is sent writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writes {
    Taken,
    Ejected { since: Instant, probation: Probation, canary_at: Instant },
}

/// What the other servers of the pool say about evidence against one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peers {
    /// Whether soft evidence ejects.
    pub soft: Soft,
    /// A latency above this is slow; `None` if there is nobody to compare with.
    pub slow_above: Option<Duration>,
}

/// Whether soft evidence ejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Soft {
    /// It does.
    Ejects,
    /// So many others look bad that it does not.
    IsDoubted,
}

/// How many steps a ramp has.
const RAMP_STEPS: u32 = 20;

/// The part of responses that are not the slowest: a server is judged by those.
const SLOW_PERCENTILE: u32 = 95;

/// The same for what it may be silent.
const SILENCE_PERCENTILE: u32 = 99;

impl Health {
    /// A server taken to be Up until something is held against it. A canary goes out at once.
    ///
    /// `attempt_timeout` is the pool's `timeout`.
    pub fn new(now: Instant, config: HealthConfig, attempt_timeout: Duration) -> Self {
        Self {
            window: Window::new(config.window),
            suspect_after: config.suspect_after_min.min(attempt_timeout),
            config,
            attempt_timeout,
            state: State::Up,
            since: now,
            flap: Flap::default(),
            writes: Writes::Taken,
            writes_flap: Flap::default(),
            canary: None,
            next_canary_id: 0,
            canary_at: now,
            canary_sent_at: now,
            canary_latency: None,
            lineage: Lineage::default(),
            unusable: None,
            withheld_since: None,
            bulk_at: None,
            excused_since: None,
            stalled_at: None,
            happenings: Vec::new(),
        }
    }

    /// What can be set has been set anew. What it is taken for stays.
    pub fn set_config(&mut self, config: HealthConfig, attempt_timeout: Duration) {
        if config.window != self.config.window {
            self.window = Window::new(config.window);
        }
        self.config = config;
        self.attempt_timeout = attempt_timeout;
        let shortest = self.config.suspect_after_min.min(attempt_timeout);
        self.suspect_after = self.suspect_after.clamp(shortest, attempt_timeout);
    }

    // What it is taken for.

    /// What the server is taken for.
    pub fn state(&self) -> StateName {
        match self.state {
            State::Up => StateName::Up,
            State::Suspect { .. } => StateName::Suspect,
            State::Down(_) => StateName::Down,
            State::Returning { .. } => StateName::Returning,
            State::Drained => StateName::Drained,
        }
    }

    /// Since when.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// For which keys it may be used.
    pub fn usable(&self) -> Usable {
        match self.state {
            State::Down(_) | State::Drained => Usable::No,
            State::Up | State::Suspect { .. } => Usable::Yes,
            State::Returning { steps } => {
                let start = HealthConfig::RAMP_START_PERCENT;
                let percent = start + (100 - start) * steps / RAMP_STEPS;
                Usable::Share(Share::percent(percent))
            }
        }
    }

    /// Whether it may be sent writes.
    pub fn takes_writes(&self) -> bool {
        self.writes == Writes::Taken
    }

    /// How long a request may wait for it, with no byte since it was sent, before it is reported
    /// as overdue.
    pub fn suspect_after(&self) -> Duration {
        self.suspect_after
    }

    /// Whether only soft evidence keeps it out of use, or would.
    pub(super) fn is_softly_failing(&self) -> bool {
        match self.state {
            State::Down(down) => down.is_soft,
            State::Up | State::Suspect { .. } | State::Returning { .. } => {
                self.withheld_since.is_some()
            }
            State::Drained => false,
        }
    }

    // Evidence from workers.

    /// A request failed at this server. `timeouts_in_a_row` is how many timeouts had then
    /// followed one another on its connection.
    pub fn handle_failure(
        &mut self,
        now: Instant,
        failure: Failure,
        timeouts_in_a_row: u32,
        peers: Peers,
    ) {
        let evidence = Evidence::Request(failure, timeouts_in_a_row);
        if !self.state().is_usable() {
            return;
        }
        match failure {
            Failure::Ejected | Failure::NoServer | Failure::Misplaced | Failure::Overload => {}
            Failure::Refused | Failure::Unreachable => {
                self.go_down(now, Rule::Refused, evidence, false);
            }
            Failure::Timeout if timeouts_in_a_row >= self.config.eject_after => {
                self.go_down_softly(now, Rule::Timeouts, evidence, peers);
            }
            Failure::Garbled(_) => self.handle_unusable(now, evidence),
            Failure::Timeout | Failure::ConnectTimeout => {
                self.doubt(now, evidence);
                self.hasten_canary(now);
            }
            Failure::Reset | Failure::Closed | Failure::ServerError | Failure::WrongValue => {
                self.doubt(now, evidence);
            }
        }
    }

    fn handle_unusable(&mut self, now: Instant, evidence: Evidence) {
        let recent = self.unusable.filter(|(first_at, _)| now < *first_at + self.config.window);
        let (first_at, before) = recent.unwrap_or((now, 0));
        self.unusable = Some((first_at, before + 1));
        if before + 1 >= self.config.eject_after || matches!(self.state, State::Returning { .. }) {
            self.go_down(now, Rule::Garbled, Evidence::Unusable(before + 1), false);
        } else {
            self.doubt(now, evidence);
        }
    }

    /// The oldest request in flight has waited so long, and no byte has come since it was sent.
    pub fn handle_overdue(&mut self, now: Instant, waited: Duration) {
        if self.state().is_usable() {
            self.doubt(now, Evidence::Overdue(waited));
            self.hasten_canary(now);
        }
    }

    /// It has sent much of large responses.
    pub fn handle_bulk(&mut self, now: Instant) {
        self.bulk_at = Some(now);
    }

    /// What a worker has counted.
    pub fn handle_tally(&mut self, now: Instant, tally: &Tally, peers: Peers) {
        if !self.state().is_usable() {
            return;
        }
        self.window.add(now, tally);
        let sum = self.window.sum(now);
        let mut reads = sum.of_class(Class::Read) + sum.of_class(Class::Delete);
        let mut writes = sum.of_class(Class::Write);
        let refused = std::mem::take(&mut writes.server_errors);
        for of_class in [&mut reads, &mut writes] {
            let (failed, attempts) = (of_class.failed(), of_class.attempts);
            let is_judged = attempts >= self.config.window_attempts_min;
            if !is_judged || !self.is_too_large(failed, attempts) {
                continue;
            }
            let evidence = Evidence::Failed { failed, attempts };
            let is_hard = self.is_too_large(failed - of_class.timeouts, attempts);
            if is_hard {
                return self.go_down(now, Rule::Ratio, evidence, false);
            }
            return self.go_down_softly(now, Rule::Ratio, evidence, peers);
        }
        let attempts = writes.attempts;
        if refused >= self.config.write_refusals_min && self.is_too_large(refused, attempts) {
            self.eject_writes(now, Evidence::WritesRefused { refused, attempts });
        }
    }

    fn is_too_large(&self, failed: u32, attempts: u32) -> bool {
        u64::from(failed) * 100 >= u64::from(self.config.eject_percent) * u64::from(attempts)
    }

    /// Something speaks against it.
    fn doubt(&mut self, now: Instant, evidence: Evidence) {
        match self.state {
            State::Up => self.suspect(now, Rule::Suspicion, evidence),
            State::Suspect { .. } => {
                self.state = State::Suspect { last_failure_at: now, is_canary_good: false };
                self.canary_at = self.canary_at.min(now + self.config.suspect_clear);
            }
            State::Returning { .. } => self.hasten_canary(now),
            State::Down(_) | State::Drained => {}
        }
    }

    /// A canary as soon as it would not be the second within `canary_timeout`.
    fn hasten_canary(&mut self, now: Instant) {
        self.stalled_at = Some(now);
        let soon = now.max(self.canary_sent_at + self.config.canary_timeout);
        self.canary_at = self.canary_at.min(soon);
    }

    // What only a pool can see.

    /// How slow it is: by its requests if there were enough within the window, or else by a canary
    /// since the last time; `None` if nothing is known or it is not in use.
    pub(super) fn latency(&mut self, now: Instant) -> Option<Duration> {
        if !self.state().is_usable() {
            return None;
        }
        let sum = self.window.sum(now);
        if sum.latencies().len() >= u64::from(self.config.window_attempts_min) {
            return sum.latencies().percentile(SLOW_PERCENTILE);
        }
        self.canary_latency.take()
    }

    /// Nobody else could take the keys that a ramp keeps from it: it gets them all.
    pub(super) fn end_ramp(&mut self, now: Instant) {
        if matches!(self.state, State::Returning { .. }) {
            self.change(now, State::Up, Rule::Ramp, Evidence::NobodyElse);
        }
    }

    /// A window has ended.
    pub(super) fn handle_window_end(&mut self, now: Instant) {
        let sum = self.window.sum(now);
        if sum.latencies().len() < u64::from(self.config.window_attempts_min) {
            return;
        }
        let Some(usual) = sum.latencies().percentile(SILENCE_PERCENTILE) else { return };
        let wanted = usual.saturating_mul(self.config.suspect_after_factor);
        self.suspect_after = wanted.max(self.config.suspect_after_min).min(self.attempt_timeout);
    }

    /// It is slower than the others.
    pub(super) fn eject_as_slow(&mut self, now: Instant, evidence: Evidence) {
        self.go_down(now, Rule::Slow, evidence, true);
    }

    /// What ejected it also speaks against so many others that it may be our own fault: it is used
    /// again if that was not long ago.
    pub(super) fn revoke(&mut self, now: Instant, evidence: Evidence) {
        let State::Down(down) = self.state else { return };
        if down.is_soft && now < self.since + self.config.window {
            self.flap = down.flap_before;
            self.suspect(now, Rule::MassFailure, evidence);
            self.withheld_since = Some(now);
        }
    }

    // Changes.

    fn suspect(&mut self, now: Instant, rule: Rule, evidence: Evidence) {
        let state = State::Suspect { last_failure_at: now, is_canary_good: false };
        self.change(now, state, rule, evidence);
        // A canary that was already on its way was sent before the failure and proves less, but
        // waiting for it would prove nothing at all.
        self.canary_at = now;
    }

    /// Down, unless so many others look bad that soft evidence is no evidence.
    fn go_down_softly(&mut self, now: Instant, rule: Rule, evidence: Evidence, peers: Peers) {
        let held_long = |since: Instant| since + self.config.mass_failure_hold <= now;
        if peers.soft == Soft::Ejects || self.withheld_since.is_some_and(held_long) {
            return self.go_down(now, rule, evidence, true);
        }
        self.withheld_since.get_or_insert(now);
        self.doubt(now, evidence);
    }

    fn go_down(&mut self, now: Instant, rule: Rule, evidence: Evidence, is_soft: bool) {
        let flap_before = self.flap;
        let hold = self.flap.eject(now, &self.config);
        let (probation, canary_at) = Probation::begin(now, hold, &self.config);
        let is_slow = rule == Rule::Slow;
        let down = Down { probation, is_soft, is_slow, flap_before };
        self.change(now, State::Down(down), rule, evidence);
        self.canary_at = canary_at;
    }

    fn return_to_use(&mut self, now: Instant, evidence: Evidence) {
        self.change(now, State::Returning { steps: 0 }, Rule::Canaries, evidence);
        // Without a ramp it has arrived.
        self.handle_timeout(now);
    }

    fn eject_writes(&mut self, now: Instant, evidence: Evidence) {
        if self.writes != Writes::Taken {
            return;
        }
        let hold = self.writes_flap.eject(now, &self.config);
        let (probation, canary_at) = Probation::begin(now, hold, &self.config);
        self.writes = Writes::Ejected { since: now, probation, canary_at };
        self.window.clear_writes();
        self.happenings.push((now, Happening::WritesEjected(Rule::WritesRefused, evidence)));
    }

    fn change(&mut self, at: Instant, state: State, rule: Rule, evidence: Evidence) {
        let from = self.state();
        self.state = state;
        self.since = at;
        if !self.state().is_usable() {
            self.window.clear();
            self.unusable = None;
        }
        if !matches!(state, State::Suspect { .. } | State::Returning { .. }) {
            self.withheld_since = None;
            self.excused_since = None;
        }
        let is_checked_anew = matches!(state, State::Up | State::Returning { .. });
        if !is_checked_anew {
            self.canary = None;
        }
        let transition = Transition { from, to: self.state(), rule, evidence };
        self.happenings.push((at, Happening::State(transition)));
    }

    /// What has happened since the last call, oldest first.
    pub fn drain_happenings(&mut self) -> impl Iterator<Item = (Instant, Happening)> + '_ {
        self.happenings.drain(..)
    }

    // Time.

    /// How long a ramp takes to its step `steps`.
    fn ramp_until(&self, steps: u32) -> Duration {
        self.config.ramp * steps / RAMP_STEPS
    }

    /// Lets time take its course.
    pub fn handle_timeout(&mut self, now: Instant) {
        let State::Returning { mut steps } = self.state else { return };
        let passed = now - self.since;
        while steps < RAMP_STEPS && self.ramp_until(steps + 1) <= passed {
            steps += 1;
        }
        self.state = State::Returning { steps };
        if steps == RAMP_STEPS {
            self.change(now, State::Up, Rule::Ramp, Evidence::Time(passed));
        }
    }

    /// When to call [`Health::handle_timeout`] and [`Health::poll_canary`], and to look at
    /// [`Health::usable`], next; `None` while nothing but a canary's report is waited for.
    pub fn next_timeout(&self) -> Option<Instant> {
        let canary = self.canary.is_none().then(|| self.next_canary_at());
        let step = match self.state {
            State::Returning { steps } => Some(self.since + self.ramp_until(steps + 1)),
            State::Up | State::Suspect { .. } | State::Down(_) | State::Drained => None,
        };
        earliest(canary, step)
    }
}
