//! The checker: what was promised, and whether it was kept.
//!
//! It watches from outside. It knows what the applications asked and were answered, when a worker
//! took a request in and when the answer left it, and what was ever written; it knows nothing of
//! how core works. What it holds is checked as the run goes; the first breach ends the run.
//!
//! | promise | what is checked | where |
//! |---|---|---|
//! | P1 | one answer for each request, in order, of its shape; opaques and keys match | [`crate::application`] |
//! | P1 | a value was written, whole, under the key it is given for | [`History::judge_value`] |
//! | P2 | an answer leaves the worker before the request's deadline and one scheduling step | [`Ledger`] |
//! | P2 | when all is over nothing is unanswered, and everything works again | [`crate::world`] |
//! | P3 | a read is never an error where a miss was promised; to a caller it is unavailable | [`Checker::judge_answer`] |
//! | P4 | no value is older than the last acknowledged change of its key | [`chronicle`] |
//!
//! A call is a request that is received when it is submitted and answered when its result is
//! there: calls of one application that are outstanding together are in no order.
//!
//! P4 is judged where [`Options::judges_staleness`] says so and servers answer in order.

mod history;

mod ledger;

pub mod chronicle;

pub mod silence;

mod staleness;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use evenkeel_core::Instant;
use evenkeel_core::config::OnUnavailable;
use evenkeel_core::failure::Failure;
use evenkeel_core::protocol::request::Class;

pub use self::chronicle::Change;
use self::chronicle::Stale;
pub use self::history::History;
pub use self::ledger::{Ledger, Ledgers, Taken};
pub use self::staleness::Staleness;
use crate::application::{Ask, Demand, Said, Voice};
use crate::network::LinkId;
use crate::options::Options;

/// A promise of DESIGN's list that the checker holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// No cross-talk.
    P1,
    /// Bounded time.
    P2,
    /// A failure is a miss.
    P3,
    /// No stale reads.
    P4,
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P1 => "P1 (no cross-talk)",
            Self::P2 => "P2 (bounded time)",
            Self::P3 => "P3 (a failure is a miss, not an outage)",
            Self::P4 => "P4 (no stale reads)",
        })
    }
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub promise: Promise,
    /// When it was noticed.
    pub at: Instant,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} broken at {}: {}", self.promise, self.at, self.what)
    }
}

/// What applications were told, for the summary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests sent.
    pub asked: u64,
    /// Answers given.
    pub answered: u64,
    /// Values given.
    pub values: u64,
    /// Answers that said a request had failed.
    pub failed: u64,
    /// Calls given up by their callers.
    pub given_up: u64,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Checker {
    /// What was ever written.
    pub history: History,
    /// When requests were taken in, and when answers left.
    pub ledgers: Ledgers,
    /// What applications were told.
    pub tally: Tally,
    /// What is old, if that is judged.
    staleness: Option<Staleness>,
    /// What deadlines there are, and what a read that cannot be served is answered.
    options: Options,
    /// When the last request of a session must be answered: not before those before it.
    due_at: BTreeMap<LinkId, Instant>,
    /// How much later than its time a worker may do something.
    step: Duration,
    /// Nothing breaks, so nothing may fail. A server that joins is flushed first, and its keys may have
    /// nowhere else to go meanwhile.
    is_calm: bool,
    /// Servers answer in order, so that a bare number is the right one's.
    is_orderly: bool,
    violation: Option<Violation>,
}

impl Checker {
    /// A checker for a run with these options.
    pub fn new(options: &Options) -> Self {
        let life_max = options.deadline(&[]) + options.scheduling_step();
        let judges_staleness = options.judges_staleness && options.is_orderly();
        Self {
            history: History::default(),
            ledgers: Ledgers::default(),
            tally: Tally::default(),
            staleness: judges_staleness.then(|| Staleness::new(life_max)),
            options: options.clone(),
            due_at: BTreeMap::new(),
            step: options.scheduling_step(),
            is_calm: options.faults.kinds.is_empty() && options.membership.pause_max.is_none(),
            is_orderly: options.is_orderly(),
            violation: None,
        }
    }

    /// The first breach.
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// A promise is broken.
    pub fn report(&mut self, promise: Promise, at: Instant, what: String) {
        self.violation.get_or_insert(Violation { promise, at, what });
    }

    fn report_stale(&mut self, at: Instant, judged: Option<Result<(), Stale>>) {
        if let Some(Err(stale)) = judged {
            self.report(Promise::P4, at, stale.to_string());
        }
    }

    /// An application sends a request.
    pub fn note_asked(&mut self, ask: &Ask) {
        self.tally.asked += 1;
        if let Some(staleness) = &mut self.staleness {
            staleness.note_asked(ask);
        }
    }

    /// The oldest request of a session gets no answer.
    pub fn note_unanswered(&mut self, link: LinkId, ask: &Ask) {
        let received_at = self.ledgers.take_unanswered(link);
        if let Some(received_at) = received_at {
            self.due_at(link, ask, received_at);
        }
        if let (Some(staleness), Some(received_at)) = (&mut self.staleness, received_at) {
            staleness.note_unanswered(link, ask, received_at);
        }
    }

    /// An application has let go of its session, with requests that were not answered.
    pub fn forget(&mut self, now: Instant, link: LinkId, pending: &VecDeque<Ask>) {
        self.ledgers.forget(link);
        self.due_at.remove(&link);
        let staleness = self.staleness.as_mut();
        let judged = staleness.map(|it| it.note_abandoned(link, pending.iter()));
        self.report_stale(now, judged);
    }

    /// A worker has let go of a session.
    pub fn note_let_go(&mut self, now: Instant, link: LinkId) {
        let judged = self.staleness.as_mut().map(|it| it.note_let_go(link, now));
        self.report_stale(now, judged);
    }

    /// An application has been given an answer. `taken` says when its request and its answer
    /// passed the worker.
    pub fn judge_answer(
        &mut self,
        now: Instant,
        link: LinkId,
        ask: &Ask,
        said: &Said,
        taken: Taken,
    ) {
        self.judge_told(now, ask, said);
        if let Some(received_at) = taken.received_at {
            let due_at = self.due_at(link, ask, received_at);
            self.judge_time(now, ask, said, (received_at, taken.answered_at, due_at));
        } else {
            let what = format!("{ask} is answered before it was read");
            self.report(Promise::P1, now, what);
        }
        if let (Some(staleness), Some(received_at)) = (&mut self.staleness, taken.received_at) {
            let times = (received_at, taken.answered_at);
            let judged = staleness.judge_answer(now, link, ask, said, times);
            self.report_stale(now, Some(judged));
        }
    }

    /// A call that was submitted at `submitted_at` has ended now.
    pub fn judge_call(&mut self, now: Instant, ask: &Ask, said: &Said, submitted_at: Instant) {
        self.judge_told(now, ask, said);
        self.judge_time(now, ask, said, (submitted_at, now, submitted_at + self.life_max(ask)));
        let staleness = self.staleness.as_mut();
        let judged = staleness.map(|it| it.judge_told(now, ask, said, (submitted_at, now)));
        self.report_stale(now, judged);
    }

    /// Nobody is told how a call ends that was submitted at `submitted_at`.
    pub fn note_unheard(&mut self, ask: &Ask, submitted_at: Instant) {
        let times = (submitted_at, submitted_at + self.life_max(ask));
        let judged = self.staleness.as_mut().map(|it| it.note_unheard(ask, times));
        self.report_stale(submitted_at, judged);
    }

    /// A caller gives up a call that was submitted at `submitted_at`.
    pub fn note_given_up(&mut self, ask: &Ask, submitted_at: Instant) {
        self.tally.given_up += 1;
        self.note_unheard(ask, submitted_at);
    }

    fn judge_told(&mut self, now: Instant, ask: &Ask, said: &Said) {
        self.tally.answered += 1;
        if let Err(what) = self.judge_said(ask, said) {
            self.report(Promise::P1, now, what);
        }
        if let Said::Failed(words) = said {
            self.tally.failed += 1;
            self.judge_failure(now, ask, words);
        }
        if let Said::Unavailable(failure) | Said::Some(_, failure) = said {
            self.tally.failed += 1;
            self.judge_unavailable(now, ask, *failure);
        }
        if ask.demand == Demand::Success && !said.is_success_of(ask) {
            let what = format!("all is well, and yet {ask} is answered {said:?}");
            self.report(Promise::P2, now, what);
        }
        if matches!(said, Said::Done)
            && let Some(key) = ask.change().and_then(Change::key)
        {
            self.history.last_changed = Some(key);
        }
    }

    fn judge_said(&mut self, ask: &Ask, said: &Said) -> Result<(), String> {
        match said {
            Said::Values(found) | Said::Some(found, _) => {
                self.tally.values += found.len() as u64;
                found.iter().try_for_each(|it| self.history.judge_value(it))
            }
            Said::Number(key, number) if self.is_orderly && !key.owns_number(*number) => {
                Err(format!("{ask} is answered with another counter's number, {number}"))
            }
            _ => Ok(()),
        }
    }

    fn judge_failure(&mut self, now: Instant, ask: &Ask, words: &str) {
        let is_read = ask.class() == Some(Class::Read);
        if is_read && self.options.on_unavailable(ask.keys()) == OnUnavailable::Miss {
            self.report(Promise::P3, now, format!("{ask} is answered {words:?}"));
        } else if self.is_calm {
            let what = format!("nothing is broken, and yet {ask} is answered {words:?}");
            self.report(Promise::P2, now, what);
        }
    }

    fn judge_unavailable(&mut self, now: Instant, ask: &Ask, failure: Failure) {
        // A caller in a hurry may be too much so.
        if self.is_calm && ask.deadline.is_none() {
            let what = format!("nothing is broken, and yet {ask} is unavailable: {failure}");
            self.report(Promise::P2, now, what);
        }
    }

    fn life_max(&self, ask: &Ask) -> Duration {
        ask.deadline.unwrap_or_else(|| self.options.deadline(ask.keys())) + self.step
    }

    /// When a session's request is answered at the latest: its answer comes behind those before it,
    /// and they may be given more time by their pools.
    fn due_at(&mut self, link: LinkId, ask: &Ask, received_at: Instant) -> Instant {
        let own = received_at + self.life_max(ask);
        let due_at = self.due_at.entry(link).or_insert(own);
        *due_at = (*due_at).max(own);
        *due_at
    }

    fn judge_time(
        &mut self,
        now: Instant,
        ask: &Ask,
        said: &Said,
        (received_at, answered_at, due_at): (Instant, Instant, Instant),
    ) {
        if ask.voice == Voice::Quiet && matches!(said, Said::Failed(_)) {
            // It may be the error of a later quiet request; `mn` behind them is judged.
            return;
        }
        let life = answered_at.saturating_since(received_at);
        if answered_at > due_at {
            let life_max = due_at.saturating_since(received_at);
            let what = format!(
                "{ask}, received at {received_at}, is answered after {life:?} (at most {life_max:?})"
            );
            self.report(Promise::P2, now, what);
        }
    }
}
