//! Whether a server is fit to be used: one machine for each server, one mind for the process.
//!
//! # Intuition
//! Workers report what went wrong; they never conclude anything from it. The first failure makes
//! a server Suspect, and a canary goes out at once on a connection of its own: a `set`, `get`,
//! compare and `delete` of our own key, the path that requests take. The canary decides. A
//! server that refuses to be connected to is Down without further question. A Down server gets
//! no requests, is probed by canaries, and comes back when several in a row are good.
//!
//! # States and transitions
//! | from | event | to | rule |
//! |---|---|---|---|
//! | Up | a failure reported, or a canary failed | Suspect | `suspicion` |
//! | Up, Suspect | connection refused, or its address unreachable | Down | `refused` |
//! | Up, Suspect | `eject_after` timeouts in a row without a byte between | Down | `timeouts` |
//! | Suspect | a canary failed | Down | `canary` |
//! | Suspect | a good canary, and no failure for `suspect_clear` | Up | `cleared` |
//! | Down | `rise` good canaries in a row | Up | `canaries` |
//!
//! Requests are sent to Up and Suspect servers. `Returning` (a ramp between Down and Up),
//! `Drained`, and the rules that judge a window of time (error ratio, slowness, the write class
//! alone) have their places in this table and are not built yet.
//!
//! # Timers
//! | when | what |
//! |---|---|
//! | Up: every `canary_interval`, jittered | a canary |
//! | Suspect: at once, then `suspect_clear` after the last failure | a canary |
//! | Down: after `probe_interval_min`, growing to `probe_interval_max`, jittered | a canary |
//! | Down, after a good canary | the next at once |
//!
//! At most one canary on its way to a server counts: the newest. The driver bounds each by
//! `canary_timeout` and reports every one; no other goes out before that, unless the server's
//! state changes.
//!
//! # Hard cases
//! - A canary sent before the server became Suspect or Down says nothing about it now: its result
//!   is ignored.
//! - A server that hangs completes TCP handshakes. That is why a canary stores and reads.
//! - A short restart: the connection is lost, the server is Suspect, the reconnect and the canary
//!   are good, and the server was never out of use.
//! - Failures that follow from an ejection (`ejected`, `no-server`) or from our own limits
//!   (`overload`) are not evidence.
//!
//! # Rejected alternatives
//! - Counting failures and ejecting at N (twemproxy, spymemcached): a success between them resets
//!   the count, so a server that answers one request in ten is never ejected.
//! - Letting every worker judge for itself: N connections then retry and flap on N schedules.
//! - `version` as a probe: a server can answer it and serve nothing (PRIOR-ART: mcrouter).
//!
//! # Source
//! Suspicion before ejection is from SWIM (Das, Gupta, Motivala 2002).

use std::time::Duration;

use crate::config::HealthConfig;
use crate::failure::Failure;
use crate::random::Random;
use crate::time::Instant;

/// One server's health.
#[derive(Debug)]
pub struct Health {
    config: HealthConfig,
    state: State,
    /// Since when it has been in this state, by name.
    since: Instant,
    /// The canary that is on its way.
    canary: Option<CanaryId>,
    next_canary_id: u64,
    /// When the next canary goes out.
    canary_at: Instant,
    transitions: Vec<Transition>,
}

/// What a server is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Up,
    Suspect { last_failure_at: Instant, is_canary_good: bool },
    Down { good_canaries: u32, probe_interval: Duration },
}

/// What a server is taken for, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StateName {
    /// In use, nothing against it.
    Up,
    /// In use, and being looked at.
    Suspect,
    /// Not in use.
    Down,
}

impl StateName {
    /// One word, for logs, metrics, the API and the page.
    pub fn label(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Suspect => "suspect",
            Self::Down => "down",
        }
    }

    /// Whether requests are sent to a server in this state.
    pub fn is_usable(self) -> bool {
        match self {
            Self::Up | Self::Suspect => true,
            Self::Down => false,
        }
    }
}

/// A canary of one server, told from those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanaryId(u64);

/// A change of state, and why (P9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// When.
    pub at: Instant,
    /// From which state.
    pub from: StateName,
    /// To which state.
    pub to: StateName,
    /// By which rule.
    pub rule: Rule,
    /// On which evidence.
    pub evidence: Evidence,
}

/// Why a server changed its state: a row of the module's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A first failure.
    Suspicion,
    /// It cannot be connected to.
    Refused,
    /// So many timeouts in a row.
    Timeouts,
    /// A canary failed while it was Suspect.
    Canary,
    /// A canary was good and no failure followed.
    Cleared,
    /// So many canaries were good while it was Down.
    Canaries,
}

impl Rule {
    /// One word, for logs, metrics, the API and the page.
    pub fn label(self) -> &'static str {
        match self {
            Self::Suspicion => "suspicion",
            Self::Refused => "refused",
            Self::Timeouts => "timeouts",
            Self::Canary => "canary",
            Self::Cleared => "cleared",
            Self::Canaries => "canaries",
        }
    }
}

/// What a transition was concluded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// A request failed; so many timeouts had then followed one another.
    Request(Failure, u32),
    /// A canary failed.
    BadCanary(Failure),
    /// So many canaries were good in a row; the last took so long.
    GoodCanaries(u32, Duration),
}

impl std::fmt::Display for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Request(Failure::Timeout, in_a_row) => {
                write!(f, "request timed out, {in_a_row} in a row")
            }
            Self::Request(failure, _) => write!(f, "request failed: {failure}"),
            Self::BadCanary(failure) => write!(f, "canary failed: {failure}"),
            Self::GoodCanaries(len, latency) => {
                write!(f, "{len} good canaries, the last in {} us", latency.as_micros())
            }
        }
    }
}

impl Health {
    /// How much one interval may differ from the next, up and down.
    pub const JITTER_PERCENT: u32 = 20;

    /// A server taken to be Up until something is held against it. A canary goes out at once.
    pub fn new(now: Instant, config: HealthConfig) -> Self {
        Self {
            config,
            state: State::Up,
            since: now,
            canary: None,
            next_canary_id: 0,
            canary_at: now,
            transitions: Vec::new(),
        }
    }

    /// What the server is taken for.
    pub fn state(&self) -> StateName {
        match self.state {
            State::Up => StateName::Up,
            State::Suspect { .. } => StateName::Suspect,
            State::Down { .. } => StateName::Down,
        }
    }

    /// Since when.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// A request failed at this server. `timeouts_in_a_row` is how many timeouts had then
    /// followed one another on its connection.
    pub fn handle_failure(&mut self, now: Instant, failure: Failure, timeouts_in_a_row: u32) {
        let evidence = Evidence::Request(failure, timeouts_in_a_row);
        match (self.state, failure) {
            (_, Failure::Ejected | Failure::NoServer | Failure::Misplaced | Failure::Overload)
            | (State::Down { .. }, _) => {}
            (_, Failure::Refused | Failure::Unreachable) => {
                self.go_down(now, Rule::Refused, evidence);
            }
            (_, Failure::Timeout) if timeouts_in_a_row >= self.config.eject_after => {
                self.go_down(now, Rule::Timeouts, evidence);
            }
            (State::Up, _) => self.suspect(now, evidence),
            (State::Suspect { .. }, _) => {
                self.state = State::Suspect { last_failure_at: now, is_canary_good: false };
                self.canary_at = self.canary_at.min(now + self.config.suspect_clear);
            }
        }
    }

    /// A canary to send now; report it by [`Health::handle_canary`].
    pub fn poll_canary(&mut self, now: Instant) -> Option<CanaryId> {
        if self.canary.is_some() || self.canary_at > now {
            return None;
        }
        let id = CanaryId(self.next_canary_id);
        self.next_canary_id += 1;
        self.canary = Some(id);
        self.canary
    }

    /// A canary has come back: how long it took, or what was wrong.
    pub fn handle_canary(
        &mut self,
        now: Instant,
        id: CanaryId,
        result: Result<Duration, Failure>,
        random: &mut Random,
    ) {
        if self.canary != Some(id) {
            return;
        }
        self.canary = None;
        match result {
            Ok(latency) => self.handle_good_canary(now, latency, random),
            Err(failure) => self.handle_bad_canary(now, failure, random),
        }
    }

    fn handle_good_canary(&mut self, now: Instant, latency: Duration, random: &mut Random) {
        match self.state {
            State::Up => {
                self.canary_at =
                    now + random.jittered(self.config.canary_interval, Self::JITTER_PERCENT);
            }
            State::Suspect { last_failure_at, is_canary_good } => {
                let clear_at = last_failure_at + self.config.suspect_clear;
                if is_canary_good && clear_at <= now {
                    let evidence = Evidence::GoodCanaries(2, latency);
                    self.change(now, State::Up, Rule::Cleared, evidence);
                    self.canary_at =
                        now + random.jittered(self.config.canary_interval, Self::JITTER_PERCENT);
                } else {
                    self.state = State::Suspect { last_failure_at, is_canary_good: true };
                    self.canary_at = clear_at.max(now);
                }
            }
            State::Down { good_canaries, probe_interval } => {
                let good_canaries = good_canaries + 1;
                self.canary_at = now;
                if good_canaries >= self.config.rise {
                    let evidence = Evidence::GoodCanaries(good_canaries, latency);
                    self.change(now, State::Up, Rule::Canaries, evidence);
                    self.canary_at =
                        now + random.jittered(self.config.canary_interval, Self::JITTER_PERCENT);
                } else {
                    self.state = State::Down { good_canaries, probe_interval };
                }
            }
        }
    }

    fn handle_bad_canary(&mut self, now: Instant, failure: Failure, random: &mut Random) {
        let evidence = Evidence::BadCanary(failure);
        match (self.state, failure) {
            (State::Up | State::Suspect { .. }, Failure::Refused | Failure::Unreachable) => {
                self.go_down(now, Rule::Refused, evidence);
            }
            (State::Up, _) => self.suspect(now, evidence),
            (State::Suspect { .. }, _) => self.go_down(now, Rule::Canary, evidence),
            (State::Down { probe_interval, .. }, _) => {
                self.canary_at = now + random.jittered(probe_interval, Self::JITTER_PERCENT);
                let probe_interval =
                    probe_interval * HealthConfig::PROBE_INTERVAL_GROWTH_PERCENT / 100;
                let probe_interval = probe_interval.min(self.config.probe_interval_max);
                self.state = State::Down { good_canaries: 0, probe_interval };
            }
        }
    }

    fn suspect(&mut self, now: Instant, evidence: Evidence) {
        let state = State::Suspect { last_failure_at: now, is_canary_good: false };
        self.change(now, state, Rule::Suspicion, evidence);
        // A canary already on its way was sent before the failure and proves less, but waiting
        // for it would prove nothing at all.
        self.canary = None;
        self.canary_at = now;
    }

    fn go_down(&mut self, now: Instant, rule: Rule, evidence: Evidence) {
        let probe_interval = self.config.probe_interval_min;
        self.change(now, State::Down { good_canaries: 0, probe_interval }, rule, evidence);
        self.canary = None;
        self.canary_at = now + probe_interval;
    }

    fn change(&mut self, at: Instant, state: State, rule: Rule, evidence: Evidence) {
        let from = self.state();
        self.state = state;
        self.since = at;
        self.transitions.push(Transition { at, from, to: self.state(), rule, evidence });
    }

    /// Changes of state since the last call, oldest first.
    pub fn drain_transitions(&mut self) -> impl Iterator<Item = Transition> + '_ {
        self.transitions.drain(..)
    }

    /// When to call [`Health::poll_canary`] next; `None` while a canary is on its way.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.canary.is_none().then_some(self.canary_at)
    }
}

#[cfg(test)]
mod tests;
