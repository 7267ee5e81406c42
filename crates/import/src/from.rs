//! What a source says → what Evenkeel is to be told, one module a kind of source.
//!
//! Each says what becomes of everything that it meets: a setting, or a note. None of them knows
//! how a source or a configuration is written.

mod django;
mod list;
mod mcrouter;
mod php;
mod rails;
mod twemproxy;

use std::rc::Rc;
use std::time::Duration;

use evenkeel_core::config::KeyPrefix;

use super::place::Place;
use super::plan::{Origin, Plan, PoolPlan, ServerPlan};
use super::read::Found;
use super::secret::without_texts;
use super::server::read_server;
use super::value::{Entry, Value, shorten};

pub(crate) use django::plan_django;
pub(crate) use list::plan_list;
pub(crate) use mcrouter::plan_mcrouter;
pub(crate) use php::{plan_php, plan_php_text};
pub(crate) use rails::plan_rails;
pub(crate) use twemproxy::plan_twemproxy;

/// What every kind needs: the source's name, and what has become of it so far.
pub(crate) struct Work<'p> {
    pub(crate) file: Rc<str>,
    pub(crate) plan: &'p mut Plan,
    /// Servers for pools whose own are known at run time only.
    pub(crate) servers: Option<&'p str>,
}

impl Work<'_> {
    fn at(&self, line: usize) -> Place {
        Place::new(&self.file, line)
    }

    fn origin(&self, line: usize, said: impl Into<String>) -> Origin {
        Origin::Source(self.at(line), said.into())
    }

    fn of(&self, entry: &Entry) -> Origin {
        self.origin(entry.line, entry.shown())
    }

    fn lost(&mut self, line: usize, text: impl Into<String>) {
        self.plan.lost(self.at(line), text);
    }

    fn differs(&mut self, line: usize, text: impl Into<String>) {
        self.plan.differs(self.at(line), text);
    }

    fn chosen(&mut self, line: usize, text: impl Into<String>) {
        self.plan.chosen(self.at(line), text);
    }

    fn needless(&mut self, line: usize, text: impl Into<String>) {
        self.plan.needless(self.at(line), text);
    }

    /// A setting that nothing here knows. Its value is not told: it may be a secret.
    fn unknown(&mut self, entry: &Entry) {
        let text = format!("`{}` is not known to `evenkeel import`.", shorten(&entry.key));
        self.lost(entry.line, text);
    }

    /// A setting whose value is not one that it can have.
    fn unusable(&mut self, entry: &Entry, should: &str) {
        let (key, text) = (shorten(&entry.key), entry.value.shown());
        let text = match &entry.value.data {
            super::value::Data::Dynamic(_) => {
                format!("`{key}` is known at run time only: `{text}`. It is not set here.")
            }
            _ => format!("`{key}` is {text:?}, which is not {should}. It is not set here."),
        };
        self.lost(entry.line, text);
    }

    /// Adds a server as lists write it, or says why not.
    fn add_server(&mut self, pool: &mut PoolPlan, text: &str, line: usize) {
        match read_server(text) {
            Ok(listed) => {
                let origin = self.origin(line, text);
                let (address, weight) = (listed.address, listed.weight);
                let server = ServerPlan { address, name: None, weight, origin };
                pool.push(server, self.plan);
            }
            Err(why) => {
                let text = format!(
                    "server {:?} is left out of pool {}: {why}. {}",
                    shorten(text),
                    pool.name,
                    super::plan::MOVED
                );
                self.lost(line, text);
            }
        }
    }

    /// Servers that are known at run time only: those of `--servers`, or a word on it.
    fn dynamic_servers(&mut self, pool: &mut PoolPlan, line: usize, source: &str) {
        let source = shorten(&without_texts(source));
        if let Some(servers) = self.servers {
            for text in parts(servers) {
                self.add_server(pool, text, line);
            }
            let text = format!(
                "the servers of pool {} are known at run time only: `{source}`. Those of \
                 --servers stand for it.",
                pool.name
            );
            self.chosen(line, text);
        } else {
            let text = format!(
                "the servers of pool {} are known at run time only: `{source}`. Give them \
                 with --servers.",
                pool.name
            );
            self.lost(line, text);
        }
    }
}

/// What may never be done is carried over as if it were, and said.
fn say_conditions(work: &mut Work, found: &[Found]) {
    for Found { entry, .. } in found.iter().filter(|it| it.is_conditional) {
        let text = format!(
            "`{}` stands under a condition: whether it counts is known at run time only. It is \
             taken to.",
            shorten(&entry.key)
        );
        work.differs(entry.line, text);
    }
}

/// What begins every key: sent, and not hashed.
fn set_unhashed_prefix(work: &mut Work, pool: &mut PoolPlan, entry: &Entry) {
    match entry.value.as_text() {
        Some("") => {}
        Some(prefix) if prefix.parse::<KeyPrefix>().is_ok() => {
            pool.set_text("unhashed_prefix", prefix, work.of(entry));
        }
        _ => work.unusable(entry, "what a key can begin with"),
    }
}

/// A list's parts, between commas, semicolons or blanks.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ';', ' ', '\t', '\n', '\r']).filter(|part| !part.is_empty())
}

/// A time that a source gives as a number of seconds.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value.as_decimal()?;
    Duration::try_from_secs_f64(seconds).ok().map(to_micros)
}

/// A time that a source gives as a number of milliseconds.
fn millis(value: &Value) -> Option<Duration> {
    let millis = value.as_decimal()?;
    Duration::try_from_secs_f64(millis / 1000.0).ok().map(to_micros)
}

/// What no unit can write is left out.
fn to_micros(time: Duration) -> Duration {
    Duration::from_micros(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}
