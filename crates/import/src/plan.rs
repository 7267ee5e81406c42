//! What is to be written: listeners, routes and pools, each setting with its origin; and notes.
//!
//! It knows which settings Evenkeel has and what they may be, and nothing of where they come from.
//! [`finish`](Plan::finish) makes it whole: what could not be used whole is taken out and said.

mod finish;
mod pool;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::note::{Note, NoteKind};
use super::place::Place;
use super::value::shorten;

pub(crate) use finish::MOVED;
pub(crate) use pool::{PoolPlan, ServerPlan, Timeout, bounded};

/// All that is to be written.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) listeners: Vec<ListenerPlan>,
    pub(crate) routes: Vec<RoutePlan>,
    pub(crate) pools: Vec<PoolPlan>,
    /// Where `[admin]` listens; chosen at the end.
    pub(crate) admin: Option<SocketAddr>,
    pub(crate) notes: Vec<Note>,
}

/// A `[listener.NAME]`.
#[derive(Debug)]
pub(crate) struct ListenerPlan {
    pub(crate) name: String,
    /// None if the source says none: one is chosen.
    pub(crate) address: Option<(String, Origin)>,
    /// The NAME of its pool, and why that.
    pub(crate) pool: (String, Origin),
    pub(crate) settings: Vec<Setting>,
}

/// A `[[route]]`.
#[derive(Debug)]
pub(crate) struct RoutePlan {
    pub(crate) pool: String,
    pub(crate) origin: Origin,
    pub(crate) settings: Vec<Setting>,
}

/// One `key = value`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setting {
    pub(crate) key: &'static str,
    pub(crate) value: Literal,
    pub(crate) origin: Origin,
}

/// A value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Literal {
    Text(String),
    Number(u64),
    Bool(bool),
    Words(Vec<String>),
}

/// Where a line of the configuration comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Origin {
    /// A line of the source, and what it says.
    Source(Place, String),
    /// Chosen here, for a reason.
    Chosen(String),
}

impl Origin {
    pub(crate) fn chosen(why: impl Into<String>) -> Self {
        Self::Chosen(why.into())
    }

    /// Where it comes from, if from a line.
    pub(crate) fn place(&self) -> Option<&Place> {
        match self {
            Self::Source(place, _) => Some(place),
            Self::Chosen(_) => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(place, said) if said.is_empty() => place.fmt(f),
            Self::Source(place, said) => write!(f, "{place} {}", shorten(said)),
            Self::Chosen(why) => f.write_str(why),
        }
    }
}

impl Plan {
    pub(crate) fn note(&mut self, kind: NoteKind, place: Option<Place>, text: impl Into<String>) {
        self.notes.push(Note { kind, place, text: text.into() });
    }

    pub(crate) fn lost(&mut self, place: Place, text: impl Into<String>) {
        self.note(NoteKind::Lost, Some(place), text);
    }

    pub(crate) fn differs(&mut self, place: Place, text: impl Into<String>) {
        self.note(NoteKind::Differs, Some(place), text);
    }

    pub(crate) fn chosen(&mut self, place: Place, text: impl Into<String>) {
        self.note(NoteKind::Chosen, Some(place), text);
    }

    pub(crate) fn needless(&mut self, place: Place, text: impl Into<String>) {
        self.note(NoteKind::Needless, Some(place), text);
    }

    /// A pool's NAME that no other has, near to what the source calls it.
    pub(crate) fn pool_name(&self, wanted: &str) -> String {
        if self.pools.len() >= POOLS_MAX {
            return "too-many".to_owned();
        }
        free_name(wanted, |name| self.pools.iter().any(|pool| pool.name == name))
    }

    /// A listener's NAME that no other has.
    pub(crate) fn listener_name(&self, wanted: &str) -> String {
        free_name(wanted, |name| self.listeners.iter().any(|it| it.name == name))
    }

    /// A pool with a listener of its own, called alike.
    pub(crate) fn add(
        &mut self,
        pool: PoolPlan,
        address: Option<(String, Origin)>,
        settings: Vec<Setting>,
    ) {
        let of = (pool.name.clone(), pool.origin.clone());
        if self.push_pool(pool) {
            let name = self.listener_name(&of.0);
            self.listeners.push(ListenerPlan { name, address, pool: of, settings });
        }
    }

    /// Adds a pool, unless there are very many, or very many servers in them.
    pub(crate) fn push_pool(&mut self, pool: PoolPlan) -> bool {
        let servers: usize = self.pools.iter().map(|it| it.servers.len()).sum();
        let fits = self.pools.len() < POOLS_MAX && servers + pool.servers.len() <= SERVERS_MAX;
        if fits {
            self.pools.push(pool);
        } else {
            let text = format!(
                "there are more than {POOLS_MAX} pools, or {SERVERS_MAX} servers: the others are \
                 left out."
            );
            if self.notes.last().is_none_or(|last| last.text != text) {
                self.note(NoteKind::Lost, pool.origin.place().cloned(), text);
            }
        }
        fits
    }
}

impl Setting {
    pub(crate) fn new(key: &'static str, value: Literal, origin: Origin) -> Self {
        Self { key, value, origin }
    }

    pub(crate) fn text(key: &'static str, value: impl Into<String>, origin: Origin) -> Self {
        Self::new(key, Literal::Text(value.into()), origin)
    }

    /// Adds it to those of a table, in place of an earlier one: of what a source says twice, the last
    /// counts.
    pub(crate) fn put(self, settings: &mut Vec<Self>) {
        settings.retain(|it| it.key != self.key);
        settings.push(self);
    }
}

/// The most pools of one configuration that are made here.
const POOLS_MAX: usize = 500;

/// The most servers of all pools together.
const SERVERS_MAX: usize = 20_000;

/// A name as tables may have: 1 to 64 of `A-Z a-z 0-9 _ -`, and not taken.
fn free_name(wanted: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-');
    let plain: String =
        wanted.chars().map(|char| if is_plain(char) { char } else { '-' }).take(56).collect();
    let plain = plain.trim_matches('-');
    let plain = if plain.is_empty() { "main" } else { plain };
    let mut name = plain.to_owned();
    let mut number = 1_u32;
    while is_taken(&name) {
        number += 1;
        name = format!("{plain}-{number}");
    }
    name
}

/// A duration as the configuration writes it.
pub(crate) fn written(time: Duration) -> String {
    let micros = time.as_micros();
    if micros.is_multiple_of(1_000_000) {
        format!("{}s", micros / 1_000_000)
    } else if micros.is_multiple_of(1000) {
        format!("{}ms", micros / 1000)
    } else {
        format!("{micros}us")
    }
}
