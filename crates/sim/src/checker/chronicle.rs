//! When each change was received and answered, and what may therefore be read: P4.
//!
//! # Intuition
//! The tier is one thing that is changed and read. A *change* is a write, a `delete` or a
//! `flush_all`. It begins when a worker receives it and ends when its answer is there: then it is
//! acknowledged, refused (`NOT_STORED`, `EXISTS`, …) or failed (an error). Whatever could have
//! happened in either order is allowed; what could not is a breach.
//!
//! # What is a breach
//! A read that began at `r` and gave the value of write `W`, if
//!
//! - another change of the key was acknowledged before `r` and began after `W` had ended. That is
//!   both sentences of P4: `W` is older than the last acknowledged change, or `W` failed, and a
//!   later change was acknowledged;
//! - or `W` was refused before `r`: its caller was told that it changed nothing.
//!
//! A miss is never a breach: a cache may lose what it likes.
//!
//! | request | judged as |
//! |---|---|
//! | `get`, `gets`, `gat`, `mg v`, of one key or many | a read of each value given |
//! | `cas` that stores | a read, when the `cas` began, of the value that came with its token |
//! | `add` that does not store, `replace` that does, `delete`, `touch` or `incr` that finds its key, `mg` without `v`, a counter's value | a read of *some* value of the key |
//!
//! "Some value" is a breach if *every* write of the key would be one. So a lock made by `add` and
//! given back by `delete` must be free afterwards; and counters, whose numbers do not say which
//! write they come from, are judged as far as this goes.
//!
//! # Hard cases
//! - Two times that are equal say nothing of their order: a worker takes in and answers many
//!   requests in one turn.
//! - An application may read an answer long after it was given. What it says of a change is then
//!   held against the reads that were judged meanwhile ([`READS_KEPT_FOR`]).
//! - What becomes of a change without an answer of its own is found out in [`super::silence`].
//! - A call whose caller gave it up, and one without a reply, are changes without an answer: their
//!   caller was told nothing, so that they may show until the deadline at which one who waits would
//!   have been told that they failed, and are then hidden by whatever is acknowledged.
//! - A change that has not ended may show at any time, and hides nothing.
//! - A `touch` changes no value and hides none. A value that expires becomes a miss.
//! - `incr` is not taken for a change: which number a counter has is not judged.
//! - Two reads that see two concurrent writes in turn, back and forth, are not found: P4 does not
//!   speak of what was read before.
//! - Where servers let responses change places, an acknowledgement may be another request's.
//!   Nobody can know then what was stored, so such runs are not judged at all.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::Bound;
use std::time::Duration;

use evenkeel_core::Instant;

use crate::value::Key;

/// Something that is done to values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A value is written under a key. Counters' numbers are not told apart.
    Write(Key, Option<u32>),
    /// A key is deleted.
    Delete(Key),
    /// Everything is.
    Flush,
}

impl Change {
    /// The key that is changed, if it is one only.
    pub fn key(self) -> Option<Key> {
        match self {
            Self::Write(key, _) | Self::Delete(key) => Some(key),
            Self::Flush => None,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(_, Some(id)) => write!(f, "write #{id}"),
            Self::Write(_, None) => f.write_str("a write"),
            Self::Delete(_) => f.write_str("a delete"),
            Self::Flush => f.write_str("a flush_all"),
        }
    }
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its caller was told that it was done, or that nothing was left to do.
    Acknowledged,
    /// Its caller was told that it was not done, for reasons of the value held.
    Refused,
    /// Its caller was told that it failed, or nothing: it may have been done, or not.
    Failed,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Acknowledged => "acknowledged",
            Self::Refused => "refused",
            Self::Failed => "given up",
        })
    }
}

/// A change that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What it was.
    pub change: Change,
    /// When a worker received it.
    pub began_at: Instant,
    /// When its answer was there.
    pub ended_at: Instant,
    /// What that was.
    pub fate: Fate,
}

/// Something seen that should not have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale(String);

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All changes. See the module's documentation.
#[derive(Debug, Default)]
pub struct Chronicle {
    records: BTreeMap<Key, Record>,
    flushes: Acknowledged,
    /// By the write's number.
    ends: BTreeMap<u32, (Instant, Fate)>,
}

/// What is known of one key.
#[derive(Debug, Default)]
struct Record {
    acknowledged: Acknowledged,
    /// How many writes have been asked and have not ended.
    open_len: usize,
    /// When the last of the writes ended that may have been done.
    last_write_at: Option<Instant>,
    /// When the last write was refused.
    last_refusal_at: Option<Instant>,
    /// Reads that have been judged; the last judged is the last.
    reads: VecDeque<Seen>,
}

/// A value that was read.
#[derive(Clone, Copy, Debug)]
struct Seen {
    write: u32,
    began_at: Instant,
    judged_at: Instant,
}

/// How long reads are kept for news of changes that came before them.
pub const READS_KEPT_FOR: Duration = Duration::from_secs(2);

/// Acknowledged changes of one key, as far as they can matter: whoever was acknowledged later
/// also began later.
#[derive(Debug, Default)]
struct Acknowledged(Vec<Ended>);

impl Acknowledged {
    fn add(&mut self, new: Ended) {
        let idx = self.0.partition_point(|it| it.ended_at <= new.ended_at);
        if idx.checked_sub(1).is_some_and(|before| self.0[before].began_at >= new.began_at) {
            return;
        }
        let hidden = self.0[idx..].iter().take_while(|it| it.began_at <= new.began_at).count();
        self.0.splice(idx..idx + hidden, [new]);
    }

    /// Of those acknowledged before `at`, the one that began last.
    fn latest_before(&self, at: Instant) -> Option<Ended> {
        let idx = self.0.partition_point(|it| it.ended_at < at).checked_sub(1)?;
        Some(self.0[idx])
    }
}

impl Chronicle {
    /// A change is about to be asked for.
    pub fn begin(&mut self, change: Change) {
        if let Change::Write(key, _) = change {
            self.records.entry(key).or_default().open_len += 1;
        }
    }

    /// A change has ended. Says which of the reads judged since then were wrong.
    pub fn end(&mut self, ended: Ended) -> Result<(), Stale> {
        if let Change::Write(key, id) = ended.change {
            let record = self.records.entry(key).or_default();
            record.open_len -= 1;
            let last_at = match ended.fate {
                Fate::Acknowledged | Fate::Failed => &mut record.last_write_at,
                Fate::Refused => &mut record.last_refusal_at,
            };
            *last_at = (*last_at).max(Some(ended.ended_at));
            if let Some(id) = id {
                self.ends.insert(id, (ended.ended_at, ended.fate));
            }
        }
        if ended.fate == Fate::Acknowledged {
            match ended.change.key() {
                Some(key) => self.records.entry(key).or_default().acknowledged.add(ended),
                None => self.flushes.add(ended),
            }
        }
        self.judge_again(ended)
    }

    fn judge_again(&self, ended: Ended) -> Result<(), Stale> {
        let keys = match ended.change.key() {
            Some(key) => (Bound::Included(key), Bound::Included(key)),
            None => (Bound::Unbounded, Bound::Unbounded),
        };
        for (key, record) in self.records.range(keys) {
            let since = record.reads.iter().rev();
            for seen in since.take_while(|seen| seen.judged_at > ended.ended_at) {
                self.judge(*key, seen.write, seen.began_at)?;
            }
        }
        Ok(())
    }

    /// A read that began at `began_at` gave the value of a write.
    pub fn judge_read(
        &mut self,
        now: Instant,
        key: Key,
        write: u32,
        began_at: Instant,
    ) -> Result<(), Stale> {
        let record = self.records.entry(key).or_default();
        let is_old = |seen: &mut Seen| seen.judged_at + READS_KEPT_FOR < now;
        while record.reads.pop_front_if(is_old).is_some() {}
        record.reads.push_back(Seen { write, began_at, judged_at: now });
        self.judge(key, write, began_at)
    }

    fn judge(&self, key: Key, write: u32, began_at: Instant) -> Result<(), Stale> {
        let Some(&(ended_at, fate)) = self.ends.get(&write) else { return Ok(()) };
        let text = key.text();
        let story = || format!("{text} had at {began_at} the value of write #{write}, {fate}");
        if fate == Fate::Refused && ended_at < began_at {
            return Err(Stale(format!("{} at {ended_at}", story())));
        }
        match self.hider(key, ended_at, began_at) {
            Some(hider) => Err(Stale(format!(
                "{} at {ended_at}, although {} that began at {} was acknowledged at {}",
                story(),
                hider.change,
                hider.began_at,
                hider.ended_at
            ))),
            None => Ok(()),
        }
    }

    /// The last change that hides, from a read that began at `read_at`, what ended at `ended_at`.
    fn hider(&self, key: Key, ended_at: Instant, read_at: Instant) -> Option<Ended> {
        let record = self.records.get(&key);
        let of_key = record.and_then(|record| record.acknowledged.latest_before(read_at));
        let of_all = self.flushes.latest_before(read_at);
        let latest = of_key.into_iter().chain(of_all).max_by_key(|it| it.began_at)?;
        (latest.began_at > ended_at).then_some(latest)
    }

    /// A request that began at `began_at` and is no write found that its key has a value.
    pub fn judge_presence(&self, key: Key, began_at: Instant) -> Result<(), Stale> {
        self.judge_presence_before(key, began_at, 0)
    }

    /// A write that began at `began_at` and has not ended found that its key had a value.
    pub fn judge_presence_for_write(&self, key: Key, began_at: Instant) -> Result<(), Stale> {
        self.judge_presence_before(key, began_at, 1)
    }

    /// `own_len` of the writes that have not ended are the request itself.
    fn judge_presence_before(
        &self,
        key: Key,
        began_at: Instant,
        own_len: usize,
    ) -> Result<(), Stale> {
        let Some(record) = self.records.get(&key) else { return Ok(()) };
        if record.open_len > own_len || record.last_refusal_at >= Some(began_at) {
            return Ok(());
        }
        let hider = match record.last_write_at {
            Some(at) => self.hider(key, at, began_at),
            None => return Ok(()),
        };
        let Some(Ended { change, began_at: hidden_at, ended_at, .. }) = hider else {
            return Ok(());
        };
        Err(Stale(format!(
            "{} had a value at {began_at}, although no write could have left one since {change} \
             that began at {hidden_at} and was acknowledged at {ended_at}",
            key.text()
        )))
    }
}

#[cfg(test)]
mod tests;
