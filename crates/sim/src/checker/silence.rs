//! Changes without an answer of their own, and what becomes of them.
//!
//! | change | its end |
//! |---|---|
//! | quiet, no word of it | acknowledged when the next full request of its session is answered |
//! | quiet, and a quiet request of its batch was told of an error | given up then: the error may be its own |
//! | `noreply` | given up then: nobody would have said that it failed |
//! | of a session that is gone, not answered | given up a deadline after the worker let go of the session |
//!
//! A session's answers come in the order of its requests, so that an answer to a later request
//! shows that its worker has done with all before it. And no request outlives its deadline (P2),
//! whether anybody waits for it or not.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_core::Instant;

use super::chronicle::{Change, Ended, Fate};
use crate::network::LinkId;

/// The changes without an answer, by the link that the application holds.
#[derive(Debug)]
pub struct Silences {
    silences: BTreeMap<LinkId, Silence>,
    /// How long a worker may still be busy with the requests of a session that is gone.
    life_max: Duration,
}

#[derive(Debug, Default)]
struct Silence {
    /// Changes of which nothing was said.
    unspoken: Vec<Unspoken>,
    /// Some quiet request has been told of an error.
    is_in_doubt: bool,
    /// Changes of an application that has gone.
    abandoned: Vec<Change>,
    /// When the worker let go of the session.
    let_go_at: Option<Instant>,
}

/// A change of which nothing was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unspoken {
    /// What it is.
    pub change: Change,
    /// When a worker received it.
    pub began_at: Instant,
    /// What became of it if nobody speaks of an error.
    pub fate: Fate,
}

impl Silences {
    /// No session has sent anything yet. No request lives longer than `life_max`.
    pub fn new(life_max: Duration) -> Self {
        Self { silences: BTreeMap::new(), life_max }
    }

    fn of(&mut self, link: LinkId) -> &mut Silence {
        self.silences.entry(link).or_default()
    }

    /// Nothing was said of a change.
    pub fn note_unspoken(&mut self, link: LinkId, unspoken: Unspoken) {
        self.of(link).unspoken.push(unspoken);
    }

    /// A quiet request was told of an error. It may be that of another.
    pub fn note_doubt(&mut self, link: LinkId) {
        self.of(link).is_in_doubt = true;
    }

    /// A full request behind them was answered at `ended_at`: they have ended.
    pub fn resolve(&mut self, link: LinkId, ended_at: Instant) -> Vec<Ended> {
        let Some(silence) = self.silences.get_mut(&link) else { return Vec::new() };
        let is_in_doubt = std::mem::take(&mut silence.is_in_doubt);
        let end = |Unspoken { change, began_at, fate }| {
            let fate = if is_in_doubt { Fate::Failed } else { fate };
            Ended { change, began_at, ended_at, fate }
        };
        silence.unspoken.drain(..).map(end).collect()
    }

    /// The application is gone, and with it whoever would have read what became of `pending` and
    /// of what was unspoken. Those have ended that are certain to end.
    pub fn abandon(&mut self, link: LinkId, pending: impl Iterator<Item = Change>) -> Vec<Ended> {
        let silence = self.of(link);
        let unspoken = silence.unspoken.drain(..).map(|it| it.change);
        silence.abandoned.extend(unspoken.chain(pending));
        self.give_up(link)
    }

    /// The worker has let go of the session. Those have ended that are certain to end.
    pub fn note_let_go(&mut self, link: LinkId, now: Instant) -> Vec<Ended> {
        self.of(link).let_go_at = Some(now);
        self.give_up(link)
    }

    fn give_up(&mut self, link: LinkId) -> Vec<Ended> {
        let life_max = self.life_max;
        let silence = self.of(link);
        let Some(let_go_at) = silence.let_go_at else { return Vec::new() };
        let ended_at = let_go_at + life_max;
        let end = |change| Ended { change, began_at: let_go_at, ended_at, fate: Fate::Failed };
        silence.abandoned.drain(..).map(end).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Key;

    const LIFE_MAX: Duration = Duration::from_millis(350);
    const CHANGE: Change = Change::Delete(Key::shared(1));

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    fn link() -> LinkId {
        let mut network =
            crate::network::Network::new(crate::Options::calm().network, crate::dice::Dice::new(1));
        let peer = crate::network::Peer::Application(0);
        network.connect(&mut crate::agenda::Agenda::default(), peer, peer)
    }

    /// Silences in which a quiet change began at 1 ms.
    fn quiet() -> (Silences, LinkId) {
        let (mut silences, link) = (Silences::new(LIFE_MAX), link());
        let fate = Fate::Acknowledged;
        silences.note_unspoken(link, Unspoken { change: CHANGE, began_at: at(1), fate });
        (silences, link)
    }

    #[test]
    fn a_quiet_change_is_acknowledged_by_the_next_full_answer() {
        let (mut silences, link) = quiet();
        let fate = Fate::Acknowledged;
        let ended = Ended { change: CHANGE, began_at: at(1), ended_at: at(3), fate };
        assert_eq!(silences.resolve(link, at(3)), [ended]);
        assert_eq!(silences.resolve(link, at(4)), []);
    }

    #[test]
    fn an_error_to_one_quiet_change_puts_all_of_the_batch_in_doubt() {
        let (mut silences, link) = quiet();
        silences.note_doubt(link);
        assert_eq!(silences.resolve(link, at(3))[0].fate, Fate::Failed);
        let (fate, began_at) = (Fate::Acknowledged, at(4));
        silences.note_unspoken(link, Unspoken { change: CHANGE, began_at, fate });
        assert_eq!(silences.resolve(link, at(5))[0].fate, Fate::Acknowledged, "the next is not");
    }

    #[test]
    fn what_nobody_hears_of_ends_a_deadline_after_both_sides_have_let_go() {
        let ended = |fate| Ended { change: CHANGE, began_at: at(5), ended_at: at(355), fate };
        let (mut silences, link) = quiet();
        assert_eq!(silences.abandon(link, [CHANGE].into_iter()), []);
        assert_eq!(silences.note_let_go(link, at(5)), [ended(Fate::Failed); 2]);
        let (mut silences, link) = quiet();
        assert_eq!(silences.note_let_go(link, at(5)), []);
        assert_eq!(silences.abandon(link, [CHANGE].into_iter()), [ended(Fate::Failed); 2]);
    }
}
