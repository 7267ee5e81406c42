//! P4 in the words of applications: what they ask and are answered, told to the [`Chronicle`].

use std::time::Duration;

use evenkeel_core::Instant;
use evenkeel_core::protocol::request::{MetaOp, StoreOp};

use super::chronicle::{Change, Chronicle, Ended, Fate, Stale};
use super::silence::{Silences, Unspoken};
use crate::application::{Ask, Found, Kind, Said, Voice};
use crate::network::LinkId;

/// Knows what was changed, and judges what is read. See [`super::chronicle`] for what is a breach.
#[derive(Debug)]
pub struct Staleness {
    chronicle: Chronicle,
    silences: Silences,
}

impl Staleness {
    /// Nothing was asked yet. No request lives longer than `life_max`.
    pub fn new(life_max: Duration) -> Self {
        Self { chronicle: Chronicle::default(), silences: Silences::new(life_max) }
    }

    /// An application sends a request.
    pub fn note_asked(&mut self, ask: &Ask) {
        if let Some(change) = ask.change() {
            self.chronicle.begin(change);
        }
    }

    /// A request that was received at `began_at` gets no answer.
    pub fn note_unanswered(&mut self, link: LinkId, ask: &Ask, began_at: Instant) {
        let Some(change) = ask.change() else { return };
        let fate = match ask.voice {
            Voice::Quiet => Fate::Acknowledged,
            Voice::Noreply | Voice::Full => Fate::Failed,
        };
        self.silences.note_unspoken(link, Unspoken { change, began_at, fate });
    }

    /// The application of a session is gone, with requests that were not answered.
    pub fn note_abandoned<'a>(
        &mut self,
        link: LinkId,
        pending: impl Iterator<Item = &'a Ask>,
    ) -> Result<(), Stale> {
        let ended = self.silences.abandon(link, pending.filter_map(Ask::change));
        self.end_all(ended)
    }

    /// A worker has let go of a session.
    pub fn note_let_go(&mut self, link: LinkId, now: Instant) -> Result<(), Stale> {
        let ended = self.silences.note_let_go(link, now);
        self.end_all(ended)
    }

    fn end_all(&mut self, ended: Vec<Ended>) -> Result<(), Stale> {
        ended.into_iter().try_for_each(|it| self.chronicle.end(it))
    }

    /// A request that was received at `began_at` was answered at `ended_at`.
    pub fn judge_answer(
        &mut self,
        now: Instant,
        link: LinkId,
        ask: &Ask,
        said: &Said,
        (began_at, ended_at): (Instant, Instant),
    ) -> Result<(), Stale> {
        let is_unsure = ask.voice == Voice::Quiet && matches!(said, Said::Failed(_));
        if is_unsure {
            self.silences.note_doubt(link);
            self.note_unanswered(link, ask, began_at);
            return Ok(());
        }
        if ask.voice == Voice::Full {
            let ended = self.silences.resolve(link, ended_at);
            self.end_all(ended)?;
        }
        self.judge_told(now, ask, said, (began_at, ended_at))
    }

    /// Nobody is told how a call ends that was submitted at `began_at`: it has no reply, or is
    /// given up. It is done, or not, by `ended_at`, when it would have been given up for its
    /// caller.
    pub fn note_unheard(
        &mut self,
        ask: &Ask,
        (began_at, ended_at): (Instant, Instant),
    ) -> Result<(), Stale> {
        let Some(change) = ask.change() else { return Ok(()) };
        self.chronicle.end(Ended { change, began_at, ended_at, fate: Fate::Failed })
    }

    /// A request that began at `began_at` had ended in what was said by `ended_at`.
    pub fn judge_told(
        &mut self,
        now: Instant,
        ask: &Ask,
        said: &Said,
        (began_at, ended_at): (Instant, Instant),
    ) -> Result<(), Stale> {
        self.judge_seen(now, ask, said, began_at)?;
        match ask.change() {
            Some(change) => {
                let fate = fate(change, said);
                self.chronicle.end(Ended { change, began_at, ended_at, fate })
            }
            None => Ok(()),
        }
    }

    /// Judges what an answer shows of the value that was held.
    fn judge_seen(
        &mut self,
        now: Instant,
        ask: &Ask,
        said: &Said,
        began_at: Instant,
    ) -> Result<(), Stale> {
        let chronicle = &mut self.chronicle;
        match (&ask.kind, said) {
            // What has no pool for long may be old.
            (Kind::Store { key, .. } | Kind::Touch(key, _) | Kind::Increment(key, _), _)
                if !key.is_settled() =>
            {
                Ok(())
            }
            (Kind::Meta(meta), _) if !meta.key.is_settled() => Ok(()),
            (_, Said::Values(found) | Said::Some(found, _)) => {
                found.iter().try_for_each(|it| judge_found(chronicle, now, it, began_at))
            }
            (Kind::Store { op: StoreOp::Cas(_), key, .. }, Said::Done) => match ask.token_of {
                Some(write) => chronicle.judge_read(now, key.item(), write, began_at),
                None => chronicle.judge_presence_for_write(key.item(), began_at),
            },
            (Kind::Store { op: StoreOp::Add, key, .. }, Said::NotDone)
            | (Kind::Store { op: StoreOp::Replace, key, .. }, Said::Done) => {
                chronicle.judge_presence_for_write(key.item(), began_at)
            }
            // A delete shows nothing: one that no server could take is said to be done.
            (Kind::Touch(key, _) | Kind::Increment(key, _), Said::Done)
            | (_, Said::Number(key, _)) => chronicle.judge_presence(key.item(), began_at),
            (Kind::Meta(meta), Said::Done)
                if meta.content.is_none() && meta.op != MetaOp::Delete =>
            {
                chronicle.judge_presence(meta.key.item(), began_at)
            }
            _ => Ok(()),
        }
    }
}

fn judge_found(
    chronicle: &mut Chronicle,
    now: Instant,
    found: &Found,
    began_at: Instant,
) -> Result<(), Stale> {
    match found.write_id() {
        _ if !found.key.is_settled() => Ok(()),
        Some(write) => chronicle.judge_read(now, found.key.item(), write, began_at),
        None => chronicle.judge_presence(found.key.item(), began_at),
    }
}

fn fate(change: Change, said: &Said) -> Fate {
    match (change, said) {
        (_, Said::Failed(_) | Said::Unavailable(_) | Said::Some(..)) => Fate::Failed,
        (Change::Write(..), Said::NotDone) => Fate::Refused,
        // A `delete` that finds nothing has nothing left to do.
        (_, Said::NotDone | Said::Done | Said::Values(_) | Said::Number(..)) => Fate::Acknowledged,
    }
}
