//! Keys that the caller names: each home is asked whether it has them, and for those that it has
//! not, the other servers are.
//!
//! Keys come in any number and are worked on a few thousand at a time: the caller reads the next
//! ones when these are answered.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::ask::{Asker, Bounds, Manner};
use super::report::{Found, MapReport, Survey, Unproven, Way};
use super::sample::FIT_KEYS_MAX;
use super::{Options, Placement, key};

/// What is known so far of the keys that were given.
pub struct Given<'p> {
    placement: &'p Arc<Placement>,
    bounds: Bounds,
    lines: Vec<Line>,
    survey: Survey<'p>,
}

/// How one server is asked.
#[derive(Debug, Default)]
enum Line {
    /// It has not been.
    #[default]
    Idle,
    /// On this connection.
    Open(Box<Asker>),
    /// It cannot be.
    Failed,
}

/// A key that its home has not.
struct Lost {
    key: Vec<u8>,
    home: usize,
    /// How many of its first bytes its route strips.
    cut: usize,
}

/// What a server is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    /// What the route leaves of a key.
    Sent,
    /// All of it.
    Whole,
}

impl Lost {
    fn called(&self, name: Name) -> &[u8] {
        match name {
            Name::Sent => &self.key[self.cut..],
            Name::Whole => &self.key,
        }
    }
}

impl<'p> Given<'p> {
    /// Nothing is asked before the first keys are given.
    pub fn new(placement: &'p Arc<Placement>, options: Options) -> Self {
        let lines = placement.servers().iter().map(|_| Line::Idle).collect();
        let survey = Survey::new(placement, options, Way::Given);
        Self { placement, bounds: Bounds::of(&options, Instant::now()), lines, survey }
    }

    /// Asks for these keys: [`CHUNK`] of them at a time are best.
    pub async fn look_for(&mut self, keys: Vec<Vec<u8>>) {
        let mut by_home = vec![Vec::new(); self.placement.servers().len()];
        let mut names: Vec<Vec<(Vec<u8>, usize)>> = vec![Vec::new(); by_home.len()];
        for key in keys {
            let Some(home) = self.placement.home(&key) else {
                self.survey.note(format!(
                    "{} is nothing without the prefix of its route, and is refused",
                    key::text(&key)
                ));
                continue;
            };
            self.survey.rows[home.server].looked_at += 1;
            by_home[home.server].push(home.sent.to_vec());
            let (server, cut) = (home.server, key.len() - home.sent.len());
            names[server].push((key, cut));
        }
        let mut lost = Vec::new();
        for (home, keys, has) in self.ask(by_home).await {
            let Some(has) = has else {
                self.survey.rows[home].unasked += count(keys.len());
                continue;
            };
            let names = std::mem::take(&mut names[home]).into_iter();
            for ((sent, (key, cut)), has) in keys.into_iter().zip(names).zip(has) {
                let row = &mut self.survey.rows[home];
                match has {
                    Some(true) => {
                        row.at_home += 1;
                        self.remember(sent, home);
                    }
                    Some(false) => lost.push(Lost { key, home, cut }),
                    None => {
                        row.unasked += 1;
                        self.survey.leave_unproven(home, CANNOT_CARRY, LEAVES_BLANKS);
                    }
                }
            }
        }
        let lost = self.search(lost, Name::Sent).await;
        // Whoever stored it may have known no route.
        let (whole, gone): (Vec<_>, Vec<_>) = lost.into_iter().partition(|it| it.cut > 0);
        let gone = gone.into_iter().chain(self.search(whole, Name::Whole).await);
        for Lost { home, .. } in gone {
            self.survey.rows[home].not_found += 1;
        }
    }

    /// Looks for keys on all servers that have not been asked for them. Those that are on none are
    /// left.
    async fn search(&mut self, lost: Vec<Lost>, name: Name) -> Vec<Lost> {
        if lost.is_empty() {
            return lost;
        }
        let is_asked = |it: &Lost, at: usize| name == Name::Whole || it.home != at;
        let by_server = (0..self.placement.servers().len()).map(|at| {
            let keys = lost.iter().filter(|it| is_asked(it, at));
            keys.map(|it| it.called(name).to_vec()).collect()
        });
        let mut found_at = vec![None; lost.len()];
        for (at, _, has) in self.ask(by_server.collect()).await {
            let asked = lost.iter().enumerate().filter(|(_, it)| is_asked(it, at));
            for ((idx, _), has) in asked.zip(has.unwrap_or_default()) {
                if has == Some(true) && found_at[idx].is_none() {
                    found_at[idx] = Some(at);
                }
            }
        }
        let mut left = Vec::new();
        for (lost, at) in lost.into_iter().zip(found_at) {
            let Some(at) = at else {
                left.push(lost);
                continue;
            };
            let row = &mut self.survey.rows[lost.home];
            row.elsewhere += 1;
            row.asked += 1;
            *row.others.entry(at).or_default() += 1;
            let (key, sent) = (lost.called(name), lost.called(Name::Sent));
            self.survey.show(lost.home, Found { key, at, home: lost.home, sent });
            // No distribution explains what is asked for under another name.
            if key == sent {
                self.remember(sent.to_vec(), at);
            }
        }
        left
    }

    /// Asks each server for the keys under its number, all servers at a time. `None` for a server
    /// that cannot be asked.
    async fn ask(&mut self, keys: Vec<Vec<Vec<u8>>>) -> Vec<Answer> {
        let mut running = JoinSet::new();
        for (idx, keys) in keys.into_iter().enumerate().filter(|(_, keys)| !keys.is_empty()) {
            let line = std::mem::take(&mut self.lines[idx]);
            let address = self.placement.servers()[idx].address.clone();
            let bounds = self.bounds;
            running.spawn(async move {
                let asker = match line {
                    Line::Open(asker) => Ok(asker),
                    Line::Idle => Asker::open(&address, bounds).await.map(Box::new),
                    Line::Failed => return (idx, keys, Line::Failed, Err(None::<String>)),
                };
                let answer = async {
                    let mut asker = asker?;
                    let has = asker.has(&keys).await?;
                    Ok((asker, has))
                };
                match answer.await {
                    Ok((asker, has)) => (idx, keys, Line::Open(asker), Ok(has)),
                    Err(why) => (idx, keys, Line::Failed, Err(Some(why))),
                }
            });
        }
        let mut answers = Vec::new();
        while let Some(done) = running.join_next().await {
            let done = done.unwrap_or_else(|it| std::panic::resume_unwind(it.into_panic()));
            let (idx, keys, line, has) = done;
            if let Line::Open(asker) = &line
                && asker.manner() == Manner::Get
            {
                self.survey.note_get(idx);
            }
            if let Err(Some(why)) = &has {
                let why = why.clone();
                self.survey.unproven.push(Unproven::of(self.placement, idx, why, LEAVES));
            }
            self.lines[idx] = line;
            answers.push((idx, keys, has.ok()));
        }
        answers.sort_by_key(|(idx, _, _)| *idx);
        answers
    }

    /// Keeps a key to try other distributions on.
    fn remember(&mut self, key: Vec<u8>, at: usize) {
        if self.survey.pairs.len() < FIT_KEYS_MAX * FIT_SERVERS {
            self.survey.pairs.push((key.into_boxed_slice(), at));
        }
    }

    /// What was found of all keys.
    pub fn report(self) -> MapReport {
        self.survey.report()
    }
}

/// A server, the keys that it was asked for, and whether it has them.
type Answer = (usize, Vec<Vec<u8>>, Option<Vec<Option<bool>>>);

fn count(len: usize) -> u64 {
    u64::try_from(len).expect("a list has less than 2^64 elements")
}

/// How many keys are best given at a time.
pub const CHUNK: usize = 5_000;
/// Other distributions are tried on as many keys as of so many servers that are dumped.
const FIT_SERVERS: usize = 8;
const LEAVES: &str = "whether it has the keys it was to be asked for";
const CANNOT_CARRY: &str = "its protocol carries no such keys";
const LEAVES_BLANKS: &str = "whether it has keys with blanks or control characters";
