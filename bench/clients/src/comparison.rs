//! A row's measurements of several peers, in turn, and what they say of each other.

use std::error::Error;

use evenkeel_bench::spread::Spread;

use crate::client::Fault;
use crate::measure::{Figure, Measurement};
use crate::rows::{Peer, Row};
use crate::stage::Stage;

/// A row's rounds.
pub(crate) struct Comparison {
    pub(crate) row: Row,
    /// In each, every peer that suits the row once.
    rounds: Vec<Vec<(Peer, Measurement)>>,
    /// Rounds that were begun again because somebody was not served.
    pub(crate) repeated: usize,
}

impl Comparison {
    /// Measures all peers that suit the row, in turn; who begins rotates.
    pub(crate) fn make(row: Row, stage: &Stage, rounds: usize) -> Result<Self, Box<dyn Error>> {
        let mut this = Self { row, rounds: Vec::new(), repeated: 0 };
        while this.rounds.len() < rounds {
            let mut order = this.peers();
            let first = this.rounds.len() % order.len();
            order.rotate_left(first);
            match this.measure_round(&order, stage) {
                Ok(round) => this.rounds.push(round),
                Err((peer, Fault::NotServed(what))) if this.repeated < REPEATED_MAX => {
                    crate::say(&format!("{}: {what}; the round is begun again", peer.name()));
                    this.repeated += 1;
                }
                Err((peer, Fault::NotServed(what) | Fault::Wrong(what))) => {
                    return Err(format!("{}, {}: {what}", this.row.name, peer.name()).into());
                }
            }
        }
        Ok(this)
    }

    fn measure_round(
        &self,
        order: &[Peer],
        stage: &Stage,
    ) -> Result<Vec<(Peer, Measurement)>, (Peer, Fault)> {
        let mut round = Vec::new();
        for &peer in order {
            let measured = Measurement::take(peer, &self.row, stage);
            let measurement = measured.map_err(|fault| (peer, fault))?;
            let (number, name) = (self.rounds.len() + 1, peer.name());
            crate::say(&format!("{}, round {number}: {name}: {measurement}", self.row.name));
            round.push((peer, measurement));
        }
        Ok(round)
    }

    /// The peers that are measured, in a fixed order.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        Peer::ALL.into_iter().filter(|peer| self.row.suits(*peer)).collect()
    }

    /// Evenkeel's figure divided by the best of these peers' in the same round, over the rounds.
    pub(crate) fn ratio(&self, figure: Figure, to: &[Peer]) -> Option<Spread> {
        Spread::of(self.rounds.iter().filter_map(|round| {
            let figure_of = |peer| Some(figure.of(find(round, peer)?));
            let best = to.iter().filter_map(|peer| figure_of(*peer));
            let best = best.reduce(|one, other| figure.better(one, other))?;
            Some(figure_of(Peer::Evenkeel)? / best)
        }))
    }

    /// One peer's figure over the rounds.
    pub(crate) fn spread(&self, figure: Figure, peer: Peer) -> Option<Spread> {
        Spread::of(self.rounds.iter().filter_map(|round| Some(figure.of(find(round, peer)?))))
    }
}

fn find(round: &[(Peer, Measurement)], wanted: Peer) -> Option<&Measurement> {
    round.iter().find(|(peer, _)| *peer == wanted).map(|(_, measurement)| measurement)
}

/// A row that goes wrong more often has another reason than the machine.
const REPEATED_MAX: usize = 8;
