//! A row's measurements of several peers, in turn, and what they say of each other.

use std::error::Error;
use std::thread;
use std::time::Duration;

use evenkeel_bench::spread::Spread;
use evenkeel_load::{Limit, Load, RunError};

use crate::measure::{Figure, MeasureError, Measurement};
use crate::peer::{Peer, Target};
use crate::rows::Row;
use crate::stage::Stage;

/// A row's rounds.
pub(crate) struct Comparison {
    pub(crate) row: Row,
    /// In each, every peer once.
    rounds: Vec<Vec<(Peer, Measurement)>>,
    /// Rounds that were begun again because an answer was not right.
    pub(crate) repeated: usize,
}

impl Comparison {
    /// Measures all targets that suit the row, in turn; who begins rotates.
    pub(crate) fn make(
        row: Row,
        targets: &[Target],
        stage: &Stage,
        rounds: usize,
    ) -> Result<Self, Box<dyn Error>> {
        let targets: Vec<_> = targets.iter().filter(|target| row.suits(target.peer)).collect();
        let mut this = Self { row, rounds: Vec::new(), repeated: 0 };
        let mut is_filled = false;
        while this.rounds.len() < rounds {
            let mut order = targets.clone();
            order.rotate_left(this.rounds.len() % targets.len().max(1));
            let filled = if is_filled { Ok(()) } else { this.fill(&order, stage) };
            match filled.and_then(|()| this.measure_round(&order)) {
                Ok(round) => {
                    this.rounds.push(round);
                    is_filled = true;
                }
                Err(MeasureError::NotRight(what)) if this.repeated < REPEATED_MAX => {
                    crate::say(&format!("{what}; the round is begun again"));
                    this.repeated += 1;
                    // A proxy that took servers for lost may have moved keys, or deleted them.
                    thread::sleep(RETURN);
                    is_filled = false;
                }
                Err(MeasureError::NotRight(what)) => return Err(what.into()),
                Err(MeasureError::Failed(error)) => return Err(error),
            }
        }
        Ok(this)
    }

    /// Stores every key through every target: not all have the same server for a key.
    fn fill(&self, targets: &[&Target], stage: &Stage) -> Result<(), MeasureError> {
        stage.flush()?;
        for target in targets {
            match Load::new(&target.endpoint, &self.row.workload).fill() {
                Err(RunError::NotFilled { stored, keys, fault }) => {
                    let name = target.peer.name();
                    let what = format!("{}, {name}: {stored} of {keys} stored", self.row.name);
                    return Err(MeasureError::NotRight(format!("{what}: {fault}")));
                }
                result => result?,
            }
        }
        Ok(())
    }

    fn measure_round(&self, order: &[&Target]) -> Result<Vec<(Peer, Measurement)>, MeasureError> {
        let mut round = Vec::new();
        for target in order {
            let measurement = Measurement::take(&self.row, target)?;
            let (number, name) = (self.rounds.len() + 1, target.peer.name());
            crate::say(&format!("{}, round {number}: {name}: {measurement}", self.row.name));
            round.push((target.peer, measurement));
        }
        Ok(round)
    }

    /// The peers that were measured, in a fixed order.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        self.rounds
            .first()
            .map(|round| round.iter().map(|(peer, _)| *peer).collect())
            .unwrap_or_default()
    }

    /// One peer's figure divided by another's of the same round, over the rounds.
    pub(crate) fn ratio(&self, figure: Figure, of: Peer, to: Peer) -> Option<Spread> {
        self.over_rounds(figure, of, to, |of, to| of / to)
    }

    /// One peer's figure less another's of the same round, over the rounds.
    pub(crate) fn difference(&self, figure: Figure, of: Peer, to: Peer) -> Option<Spread> {
        self.over_rounds(figure, of, to, |of, to| of - to)
    }

    /// One peer's figure over the rounds.
    pub(crate) fn spread(
        &self,
        peer: Peer,
        value: impl Fn(&Measurement) -> Option<f64>,
    ) -> Option<Spread> {
        Spread::of(self.rounds.iter().filter_map(|round| value(find(round, peer)?)))
    }

    /// What kept the load from sending more to this peer, if something did in most rounds.
    pub(crate) fn limit(&self, peer: Peer) -> Option<Limit> {
        let limits = self.rounds.iter().filter_map(|round| find(round, peer)?.limit);
        let limits: Vec<_> = limits.collect();
        (2 * limits.len() > self.rounds.len()).then(|| limits[limits.len() / 2])
    }

    fn over_rounds(
        &self,
        figure: Figure,
        of: Peer,
        to: Peer,
        operation: impl Fn(f64, f64) -> f64,
    ) -> Option<Spread> {
        Spread::of(self.rounds.iter().filter_map(|round| {
            Some(operation(figure.of(find(round, of)?)?, figure.of(find(round, to)?)?))
        }))
    }
}

fn find(round: &[(Peer, Measurement)], wanted: Peer) -> Option<&Measurement> {
    round.iter().find(|(peer, _)| *peer == wanted).map(|(_, measurement)| measurement)
}

/// A row that goes wrong more often has another reason than the machine.
const REPEATED_MAX: usize = 8;
/// Longer than Evenkeel takes to use a server in full again.
const RETURN: Duration = Duration::from_secs(8);
