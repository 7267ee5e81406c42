//! A pool that is to be written.

use std::time::Duration;

use evenkeel_core::config::{PoolConfig, ServerAddress, Setting as Bounds};

use super::{Literal, Origin, Plan, Setting, written};
use crate::place::Place;

/// A `[pool.NAME]`.
#[derive(Clone, Debug)]
pub(crate) struct PoolPlan {
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) servers: Vec<ServerPlan>,
    /// All but `servers`, in order; a key stands once.
    pub(crate) settings: Vec<Setting>,
}

/// A server of a pool.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ServerPlan {
    pub(crate) address: ServerAddress,
    pub(crate) name: Option<String>,
    pub(crate) weight: u32,
    pub(crate) origin: Origin,
}

/// Which time of the source a timeout was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timeout {
    /// Until an answer is there.
    Answer,
    /// Until a connection is there.
    Connect,
}

impl PoolPlan {
    pub(crate) fn new(name: String, origin: Origin) -> Self {
        Self { name, origin, servers: Vec::new(), settings: Vec::new() }
    }

    /// Adds a server, unless there are very many.
    pub(crate) fn push(&mut self, server: ServerPlan, plan: &mut Plan) {
        if self.servers.len() < SERVERS_MAX {
            self.servers.push(server);
        } else if let Some(place) = server.origin.place() {
            let text = format!(
                "pool {} is taken to have {SERVERS_MAX} servers; the others are left out.",
                self.name
            );
            let is_told = plan.notes.last().is_some_and(|last| last.text == text);
            if !is_told {
                plan.lost(place.clone(), text);
            }
        }
    }

    /// Sets, or sets anew.
    pub(crate) fn set(&mut self, key: &'static str, value: Literal, origin: Origin) {
        Setting::new(key, value, origin).put(&mut self.settings);
    }

    pub(crate) fn set_text(&mut self, key: &'static str, value: &str, origin: Origin) {
        self.set(key, Literal::Text(value.to_owned()), origin);
    }

    /// The text of a setting.
    pub(crate) fn text_of(&self, key: &str) -> Option<&str> {
        let setting = self.settings.iter().find(|it| it.key == key)?;
        match &setting.value {
            Literal::Text(text) => Some(text),
            Literal::Number(_) | Literal::Bool(_) | Literal::Words(_) => None,
        }
    }

    /// The distribution, or the client that it is compatible with.
    pub(crate) fn placing(&self) -> &str {
        self.text_of("distribution").or_else(|| self.text_of("compatible_with")).unwrap_or("ketama")
    }

    /// Whether both have the same servers and settings, wherever those come from. The name of a
    /// gutter is made of the pool's own, and does not count.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let server = |it: &ServerPlan, of: &ServerPlan| {
            it.address == of.address && it.name == of.name && it.weight == of.weight
        };
        let setting = |it: &Setting, of: &Setting| {
            it.key == of.key && (it.key == "gutter" || it.value == of.value)
        };
        self.servers.len() == other.servers.len()
            && self.settings.len() == other.settings.len()
            && self.servers.iter().zip(&other.servers).all(|(it, of)| server(it, of))
            && self.settings.iter().zip(&other.settings).all(|(it, of)| setting(it, of))
    }

    /// Sets a timeout, within what may be set, and the deadline that must not be below it.
    pub(crate) fn set_timeout(
        &mut self,
        which: Timeout,
        time: Duration,
        origin: &Origin,
        plan: &mut Plan,
    ) {
        let (key, bounds) = match which {
            Timeout::Answer => ("timeout", PoolConfig::TIMEOUT),
            Timeout::Connect => ("connect_timeout", PoolConfig::CONNECT_TIMEOUT),
        };
        let within = bounded(time, &bounds, key, origin.place(), plan);
        self.set_text(key, &written(within), origin.clone());
        if which == Timeout::Answer && within > PoolConfig::DEADLINE.default {
            let why = Origin::chosen("at least `timeout`");
            self.set_text("deadline", &written(within), why);
        }
    }
}

/// The most servers of a pool, here and in a configuration.
const SERVERS_MAX: usize = 4096;

/// The time, or the nearest that may be set, and a word on that.
pub(crate) fn bounded(
    time: Duration,
    bounds: &Bounds<Duration>,
    key: &str,
    place: Option<&Place>,
    plan: &mut Plan,
) -> Duration {
    let within = time.clamp(bounds.min, bounds.max);
    if let Some(place) = place.filter(|_| within != time) {
        let text = format!(
            "`{key}` can be {} to {} here, and is {}; it was {}.",
            written(bounds.min),
            written(bounds.max),
            written(within),
            written(time)
        );
        plan.differs(place.clone(), text);
    }
    within
}
