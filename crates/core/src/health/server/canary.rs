//! A server's canaries: when they go out, and what is concluded from one that comes back.

use std::time::Duration;

use super::{Health, Peers, State, Writes};
use crate::event::{Evidence, Happening, Rule};
use crate::failure::Failure;
use crate::health::lineage::{Identity, Restarted};
use crate::health::probation::{JITTER_PERCENT, Progress};
use crate::random::Random;
use crate::time::Instant;

/// A canary of one server, told from those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanaryId(u64);

/// A canary to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canary {
    /// Its name.
    pub id: CanaryId,
    sent_at: Instant,
}

/// What became of a canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CanaryReport {
    /// Every answer was right.
    Good {
        /// How long it took, without asking who answered.
        latency: Duration,
        /// Who answered, if it was asked and said so.
        identity: Option<Identity>,
    },
    /// The `set` was answered `SERVER_ERROR`, and all else was right.
    WritesRefused {
        /// As above.
        latency: Duration,
        /// As above.
        identity: Option<Identity>,
    },
    /// It failed.
    Bad(Failure),
    /// It took too long, and so did our own loop: it proves nothing.
    Void,
}

impl CanaryReport {
    /// Whether the server has answered as it should, whatever it thinks of writes.
    pub fn is_answered(&self) -> bool {
        match self {
            Self::Good { .. } | Self::WritesRefused { .. } => true,
            Self::Bad(_) | Self::Void => false,
        }
    }
}

impl Health {
    /// A canary to send now; report it by [`Health::handle_canary`].
    pub fn poll_canary(&mut self, now: Instant) -> Option<Canary> {
        if self.canary.is_some() || self.next_canary_at() > now {
            return None;
        }
        let id = CanaryId(self.next_canary_id);
        self.next_canary_id += 1;
        self.canary_sent_at = now;
        self.canary = Some(Canary { id, sent_at: now });
        self.canary
    }

    pub(in crate::health) fn next_canary_at(&self) -> Instant {
        match self.writes {
            Writes::Ejected { canary_at, .. } if self.state().is_usable() => {
                canary_at.min(self.canary_at)
            }
            Writes::Ejected { .. } | Writes::Taken => self.canary_at,
        }
    }

    /// A canary has come back.
    pub fn handle_canary(
        &mut self,
        now: Instant,
        id: CanaryId,
        report: CanaryReport,
        peers: Peers,
        random: &mut Random,
    ) {
        let Some(canary) = self.canary.take_if(|canary| canary.id == id) else { return };
        match report {
            CanaryReport::Good { latency, identity } => {
                self.handle_answered(now, canary, latency, identity);
                self.handle_good_write(now, canary, latency, random);
                self.handle_good_canary(now, latency, peers, random);
                self.look_again(now, canary);
            }
            CanaryReport::WritesRefused { latency, identity } => {
                self.handle_answered(now, canary, latency, identity);
                self.handle_refused_write(now, latency, peers, random);
                self.look_again(now, canary);
            }
            CanaryReport::Bad(failure) => {
                if failure == Failure::Refused {
                    self.lineage.handle_refused(canary.sent_at);
                }
                self.handle_bad_canary(now, canary, failure, peers, random);
            }
            CanaryReport::Void => self.handle_void_canary(now, peers),
        }
    }

    /// What took too long after the canary was sent is not answered by it, and is reported once.
    fn look_again(&mut self, now: Instant, canary: Canary) {
        let is_in_doubt = matches!(self.state, State::Suspect { .. } | State::Returning { .. });
        if is_in_doubt && let Some(at) = self.stalled_at.filter(|at| *at > canary.sent_at) {
            self.hasten_canary(now);
            self.stalled_at = Some(at);
        }
    }

    /// The server is there, whatever it thinks of writes.
    fn handle_answered(
        &mut self,
        now: Instant,
        canary: Canary,
        latency: Duration,
        identity: Option<Identity>,
    ) {
        self.canary_latency = Some(latency);
        let restarted =
            identity.and_then(|identity| self.lineage.handle_identity(canary.sent_at, identity));
        if let Some(Restarted { lost_before }) = restarted {
            self.happenings.push((now, Happening::Restarted { lost_before }));
        }
    }

    fn handle_good_write(
        &mut self,
        now: Instant,
        canary: Canary,
        latency: Duration,
        random: &mut Random,
    ) {
        let Writes::Ejected { since, mut probation, .. } = self.writes else { return };
        if canary.sent_at < since {
            return;
        }
        match probation.handle_good(now, &self.config, random) {
            Progress::NextAt(canary_at) => {
                self.writes = Writes::Ejected { since, probation, canary_at };
            }
            Progress::Over(good_canaries) => {
                self.writes = Writes::Taken;
                let evidence = Evidence::GoodCanaries(good_canaries, latency);
                let what = Happening::WritesReadmitted(Rule::Canaries, evidence);
                self.happenings.push((now, what));
            }
        }
    }

    fn handle_refused_write(
        &mut self,
        now: Instant,
        latency: Duration,
        peers: Peers,
        random: &mut Random,
    ) {
        match (self.writes, self.state) {
            // The next canary decides.
            (Writes::Taken, State::Up) => {
                return self.suspect(now, Rule::Suspicion, Evidence::CanaryRefused);
            }
            (Writes::Taken, _) => self.eject_writes(now, Evidence::CanaryRefused),
            (Writes::Ejected { since, mut probation, .. }, _) => {
                let canary_at = probation.handle_bad(now, &self.config, random);
                self.writes = Writes::Ejected { since, probation, canary_at };
            }
        }
        self.handle_good_canary(now, latency, peers, random);
    }

    fn handle_good_canary(
        &mut self,
        now: Instant,
        latency: Duration,
        peers: Peers,
        random: &mut Random,
    ) {
        self.excused_since = None;
        let next_at = now + random.jittered(self.config.canary_interval, JITTER_PERCENT);
        match self.state {
            State::Up | State::Returning { .. } | State::Drained => self.canary_at = next_at,
            State::Suspect { last_failure_at, is_canary_good } => {
                let clear_at = last_failure_at + self.config.suspect_clear;
                if is_canary_good && clear_at <= now {
                    let evidence = Evidence::GoodCanaries(2, latency);
                    self.change(now, State::Up, Rule::Cleared, evidence);
                    self.canary_at = next_at;
                } else {
                    self.state = State::Suspect { last_failure_at, is_canary_good: true };
                    self.canary_at = clear_at.max(now);
                }
            }
            State::Down(mut down) => {
                let is_slow = peers.slow_above.is_some_and(|bound| bound < latency);
                if down.is_slow && is_slow {
                    self.canary_at = down.probation.handle_bad(now, &self.config, random);
                    self.state = State::Down(down);
                    return;
                }
                match down.probation.handle_good(now, &self.config, random) {
                    Progress::NextAt(at) => {
                        self.canary_at = at;
                        self.state = State::Down(down);
                    }
                    Progress::Over(good_canaries) => {
                        self.return_to_use(now, Evidence::GoodCanaries(good_canaries, latency));
                        self.canary_at = next_at;
                    }
                }
            }
        }
    }

    /// A canary was late for a reason of ours. False if that has gone on for too long: requests wait
    /// in vain then, whoever is at fault.
    fn excuse(&mut self, now: Instant) -> bool {
        let since = *self.excused_since.get_or_insert(now);
        now < since + self.config.mass_failure_hold
    }

    /// A canary was held up by our own loop.
    fn handle_void_canary(&mut self, now: Instant, peers: Peers) {
        self.canary_at = now;
        let is_in_doubt = matches!(self.state, State::Suspect { .. } | State::Returning { .. });
        if is_in_doubt && !self.excuse(now) {
            let evidence = Evidence::BadCanary(Failure::Timeout);
            self.canary_at = now + self.config.probe_interval_min;
            self.go_down_softly(now, Rule::Canary, evidence, peers);
        }
    }

    fn handle_bad_canary(
        &mut self,
        now: Instant,
        canary: Canary,
        failure: Failure,
        peers: Peers,
        random: &mut Random,
    ) {
        let evidence = Evidence::BadCanary(failure);
        if let Writes::Ejected { probation, canary_at, .. } = &mut self.writes {
            *canary_at = probation.handle_bad(now, &self.config, random);
        }
        match (&mut self.state, failure) {
            (State::Down(down), _) => {
                self.canary_at = down.probation.handle_bad(now, &self.config, random);
                down.is_soft &= failure.is_soft();
            }
            (State::Drained, _) => {
                self.canary_at = now + random.jittered(self.config.canary_interval, JITTER_PERCENT);
            }
            (_, Failure::Refused | Failure::Unreachable) => {
                self.go_down(now, Rule::Refused, evidence, false);
            }
            (State::Up, _) => self.suspect(now, Rule::Suspicion, evidence),
            (State::Suspect { .. } | State::Returning { .. }, failure) if failure.is_soft() => {
                let is_behind_bulk = self.bulk_at.is_some_and(|at| canary.sent_at <= at);
                if is_behind_bulk && self.excuse(now) {
                    self.canary_at = now;
                    return self.doubt(now, evidence);
                }
                self.canary_at = now + self.config.probe_interval_min;
                self.go_down_softly(now, Rule::Canary, evidence, peers);
            }
            (State::Suspect { .. } | State::Returning { .. }, _) => {
                self.go_down(now, Rule::Canary, evidence, false);
            }
        }
    }
}
