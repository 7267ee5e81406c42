//! What a memcached server says of itself, judged.

pub(crate) mod clock;
pub(crate) mod configuration;
pub(crate) mod connections;
pub(crate) mod errors;
pub(crate) mod figures;
pub(crate) mod hits;
pub(crate) mod load;
pub(crate) mod memory;
pub(crate) mod slabs;
pub(crate) mod version;

#[cfg(test)]
mod facts_by_hand;

use std::time::Duration;

use crate::facts::{MemcachedFacts, Sampled, ServerFacts};
use crate::words::{bytes, percent, span};

/// By how much a counter of `stats` grew between the samples; `None` after a restart in between,
/// where it began anew.
fn growth(facts: &MemcachedFacts, name: &str) -> Option<f64> {
    if facts.is_restarted() {
        return None;
    }
    facts.stats.growth(name)
}

/// The same by second, if at least so many were counted.
fn rate(facts: &MemcachedFacts, name: &str, least: f64) -> Option<f64> {
    let growth = growth(facts, name).filter(|it| *it >= least)?;
    Some(growth / facts.stats.apart.as_secs_f64())
}

/// A counter of `stats items` of each class: its growth between the samples.
fn growth_by_class<'a>(
    facts: &'a MemcachedFacts,
    name: &'a str,
) -> impl Iterator<Item = (&'a str, f64)> {
    let Sampled { first, last, .. } = &facts.items;
    let classes = last.beginning_with("items:").filter(move |_| !facts.is_restarted());
    classes.filter_map(move |(rest, value)| {
        let (class, field) = rest.split_once(':')?;
        if field != name {
            return None;
        }
        // A class that was not there before counts from zero.
        let before = first.number(&format!("items:{rest}")).unwrap_or(0.0);
        let growth = value.parse::<f64>().ok()? - before;
        (growth > 0.0).then_some((class, growth))
    })
}

/// What is typed to tell the server something.
fn told(facts: &ServerFacts, command: &str) -> String {
    let address = &facts.target.address;
    format!("printf '{command}\\r\\nquit\\r\\n' | nc {} {}", address.host(), address.port())
}

/// How long was looked, for evidence: `stats: evictions, over 2.0 s`.
fn over(facts: &MemcachedFacts, field: &str) -> String {
    format!("stats: {field}, over {:.1} s", seconds(facts.stats.apart))
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

const MEBIBYTE: f64 = 1_048_576.0;
const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;
const DAY: f64 = 86_400.0;
