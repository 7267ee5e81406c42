//! What was found, as it is printed: counts by server, their share, examples, what is unproven.

use std::net::SocketAddr;

use serde::Serialize;

use super::fit::{self, Fit, Known};
use super::key;
use super::row::Row;
use super::{Options, Placement};

/// Everything that is told of a verification.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MapReport {
    /// The version of this shape: `evenkeel-verify-map/1`. Fields may be added to it.
    pub schema: &'static str,
    /// The pool whose keys they are; the names of all of them if routes lead to several.
    pub pool: String,
    /// Which keys were looked at.
    pub way: Way,
    /// What it comes to.
    pub verdict: MapVerdict,
    /// How many in a hundred of the keys that are on some server would miss. Of servers that were
    /// not looked at as a whole, each counts by how many keys it says it has.
    pub would_miss_percent: f64,
    /// How many in a hundred may.
    pub allowed_percent: f64,
    /// How many keys were looked at.
    pub looked_at: u64,
    /// Found where they are looked for.
    pub at_home: u64,
    /// Found on another server.
    pub elsewhere: u64,
    /// Of those: the home has them as well, so that they would not miss.
    pub also_at_home: u64,
    /// Of those elsewhere: would miss.
    pub would_miss: u64,
    /// Found on no server; they miss today, too.
    pub not_found: u64,
    /// Not asked for: their home could not be asked.
    pub unasked: u64,
    /// By server, in the order of the configuration.
    pub servers: Vec<ServerRow>,
    /// Some of the keys that would miss.
    pub examples: Vec<Example>,
    /// Which other settings explain what was found, if hardly any key is at home and some do.
    pub hint: Option<Fit>,
    /// How many distributions were tried for it; 0 if none had to be.
    pub tried: usize,
    /// What could not be asked.
    pub unproven: Vec<Unproven>,
    /// What else there is to know about the figures.
    pub notes: Vec<String>,
}

/// Which keys were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Some of each server's, as it lists them.
    Sampled,
    /// All of each server's.
    All,
    /// Those that the caller gave.
    Given,
}

impl Way {
    pub(super) fn of(options: &Options) -> Self {
        if options.keys_max.is_some() { Self::Sampled } else { Self::All }
    }
}

/// What a verification comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MapVerdict {
    /// Every server was asked, and no more keys than allowed would miss.
    AtHome,
    /// More would.
    WouldMiss,
    /// Some server could not be asked, or no key was found at all, and no more than allowed of what
    /// was found would miss.
    Unproven,
}

/// One server's keys. In a dump they are those on the server, else those that belong there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServerRow {
    /// What the configuration calls it.
    pub server: String,
    /// How many keys it says it has; null if it was not asked.
    pub keys: Option<u64>,
    /// How many were looked at.
    pub looked_at: u64,
    /// Found where they are looked for.
    pub at_home: u64,
    /// Found on another server than that, or with a prefix that a route strips.
    pub elsewhere: u64,
    /// Of those: the home has them as well.
    pub also_at_home: u64,
    /// Of those elsewhere: would miss.
    pub would_miss: u64,
    /// The other server of most of those elsewhere: the home of what was dumped here, or where most
    /// of what belongs here was found.
    pub mostly: Option<String>,
    /// How many of them that are.
    pub mostly_keys: u64,
    /// Found on no server.
    pub not_found: u64,
    /// Not asked for.
    pub unasked: u64,
}

/// A key that would miss.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// The key, as [`key::text`] writes it.
    pub key: String,
    /// The server that has it.
    pub found_at: String,
    /// The server that would be asked for it.
    pub home: String,
    /// What it would be asked for, if not for the whole key: its route strips the rest.
    pub asked_as: Option<String>,
}

/// What could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unproven {
    /// The server.
    pub server: String,
    /// Why.
    pub why: String,
    /// What is not known therefore.
    pub leaves: String,
}

impl Unproven {
    pub(super) fn of(placement: &Placement, idx: usize, why: String, leaves: &str) -> Self {
        Self { server: placement.servers()[idx].name.clone(), why, leaves: leaves.to_owned() }
    }
}

/// What has been found so far.
pub(super) struct Survey<'p> {
    placement: &'p Placement,
    options: Options,
    way: Way,
    /// By server.
    pub(super) rows: Vec<Row>,
    /// Where each server was reached.
    pub(super) addrs: Vec<Option<SocketAddr>>,
    /// Keys, and the servers that have them.
    pub(super) pairs: Vec<(Box<[u8]>, usize)>,
    pub(super) unproven: Vec<Unproven>,
    pub(super) notes: Vec<String>,
    examples: Vec<Example>,
    /// How many examples there are of each row.
    shown: Vec<usize>,
}

/// A key that would miss.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'k> {
    pub(super) key: &'k [u8],
    pub(super) at: usize,
    pub(super) home: usize,
    /// What of it home is asked for.
    pub(super) sent: &'k [u8],
}

impl<'p> Survey<'p> {
    pub(super) fn new(placement: &'p Placement, options: Options, way: Way) -> Self {
        let len = placement.servers().len();
        Self {
            placement,
            options,
            way,
            rows: vec![Row::default(); len],
            addrs: vec![None; len],
            pairs: Vec::new(),
            unproven: Vec::new(),
            notes: Vec::new(),
            examples: Vec::new(),
            shown: vec![0; len],
        }
    }

    /// Keeps a key that would miss as an example, if there are not enough.
    pub(super) fn show(&mut self, row: usize, found: Found<'_>) {
        let is_stripped = found.sent != found.key;
        if is_stripped && let Some(note) = self.placement.unstripped(found.key) {
            self.note(note);
        }
        if self.shown[row] == EXAMPLES_OF_SERVER || self.examples.len() == EXAMPLES_MAX {
            return;
        }
        self.shown[row] += 1;
        let name = |idx: usize| self.placement.servers()[idx].name.clone();
        let (found_at, home) = (name(found.at), name(found.home));
        let asked_as = is_stripped.then(|| key::text(found.sent));
        self.examples.push(Example { key: key::text(found.key), found_at, home, asked_as });
    }

    /// Says once that a server was asked by `get`.
    pub(super) fn note_get(&mut self, idx: usize) {
        let server = &self.placement.servers()[idx].name;
        let note = format!(
            "{server} does not know `me` and was asked by `get`: the keys it has count as used, \
             and in its hits"
        );
        self.note(note);
    }

    /// Says once that a server could not be asked for something.
    pub(super) fn leave_unproven(&mut self, idx: usize, why: &str, leaves: &str) {
        let unproven = Unproven::of(self.placement, idx, why.to_owned(), leaves);
        if !self.unproven.contains(&unproven) {
            self.unproven.push(unproven);
        }
    }

    /// Says something once, as far as there is room.
    pub(super) fn note(&mut self, note: String) {
        if self.notes.len() < NOTES_MAX && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// The report of it.
    pub(super) fn report(self) -> MapReport {
        let sum = |of: fn(&Row) -> u64| self.rows.iter().map(of).sum::<u64>();
        let (at_home, elsewhere) = (sum(|it| it.at_home), sum(|it| it.elsewhere));
        let would_miss = sum(Row::would_miss);
        let would_miss_percent = self.would_miss_percent();
        let allowed_percent = self.options.allowed_percent;
        let is_too_much = would_miss > 0 && would_miss_percent > allowed_percent;
        let verdict = match (is_too_much, self.unproven.is_empty() && at_home + elsewhere > 0) {
            (true, _) => MapVerdict::WouldMiss,
            (false, true) => MapVerdict::AtHome,
            (false, false) => MapVerdict::Unproven,
        };
        let (hint, tried) = self.fit();
        let pools = self.placement.pools().iter().map(|it| it.config.name.as_str());
        MapReport {
            schema: "evenkeel-verify-map/1",
            pool: pools.collect::<Vec<_>>().join(", "),
            way: self.way,
            verdict,
            would_miss_percent,
            allowed_percent,
            looked_at: sum(|it| it.looked_at),
            at_home,
            elsewhere,
            also_at_home: elsewhere - would_miss,
            would_miss,
            not_found: sum(|it| it.not_found),
            unasked: sum(|it| it.unasked),
            servers: self.server_rows(),
            examples: self.examples,
            hint,
            tried,
            unproven: self.unproven,
            notes: self.notes,
        }
    }

    /// What explains the keys of the first pool of which hardly any is at home.
    fn fit(&self) -> (Option<Fit>, usize) {
        let mut tried = 0;
        for (idx, pool) in self.placement.pools().iter().enumerate() {
            let pairs: Vec<_> = self
                .pairs
                .iter()
                .filter(|(key, at)| self.placement.home_of_found(key, *at).pool == idx)
                .filter_map(|(key, at)| {
                    let place = pool.servers.iter().position(|it| it == at)?;
                    Some((key.clone(), place))
                })
                .collect();
            let known = pool
                .servers
                .iter()
                .map(|it| Known { addr: self.addrs[*it], keys: self.rows[*it].held.unwrap_or(0) });
            match fit::fit(&pool.config, &known.collect::<Vec<_>>(), &pairs) {
                Some((Some(fit), more)) => return (Some(fit), tried + more),
                Some((None, more)) => tried += more,
                None => (),
            }
        }
        (None, tried)
    }

    #[expect(clippy::cast_precision_loss, reason = "shares of counts that people can hold")]
    fn would_miss_percent(&self) -> f64 {
        let (mut all, mut missing) = (0.0, 0.0);
        for row in self.rows.iter().filter(|row| row.found() > 0) {
            let weight = match (self.way, row.held) {
                (Way::Sampled, Some(held)) => held.max(row.found()),
                (Way::Sampled | Way::All | Way::Given, _) => row.found(),
            } as f64;
            all += weight;
            missing += weight * row.would_miss() as f64 / row.found() as f64;
        }
        if all > 0.0 { missing * 100.0 / all } else { 0.0 }
    }

    fn server_rows(&self) -> Vec<ServerRow> {
        let servers = self.placement.servers();
        let rows = servers.iter().zip(&self.rows).map(|(server, row)| ServerRow {
            server: server.name.clone(),
            keys: row.held,
            looked_at: row.looked_at,
            at_home: row.at_home,
            elsewhere: row.elsewhere,
            also_at_home: row.elsewhere - row.would_miss(),
            would_miss: row.would_miss(),
            mostly: row.mostly().map(|(idx, _)| servers[idx].name.clone()),
            mostly_keys: row.mostly().map_or(0, |(_, count)| count),
            not_found: row.not_found,
            unasked: row.unasked,
        });
        rows.collect()
    }
}

const EXAMPLES_OF_SERVER: usize = 3;
const EXAMPLES_MAX: usize = 12;
/// A note for each server of a usual pool.
const NOTES_MAX: usize = 100;
