//! How long it takes to choose a server, for every distribution and hash: a table for
//! docs/routing.md.
//!
//! `cargo run --release -p evenkeel-gauge --example distributions`
//!
//! Keys have 20 bytes and there are 10 servers. Each figure is the best of several rounds, taken in
//! turn: what a machine with other work adds is left out.

#![expect(clippy::print_stdout, reason = "the table is what it is run for")]

use std::hint::black_box;
use std::time::Instant;

use evenkeel_core::distribution::{Distribution, Member, Scheme, Settings};

const SERVERS_LEN: u16 = 10;
const KEYS_LEN: u32 = 1024;
const ROUNDS: usize = 30;

fn main() {
    let keys: Vec<String> = (0..KEYS_LEN).map(|number| format!("user:{number:015}")).collect();
    let mut measured: Vec<_> =
        Scheme::NAMES.into_iter().flat_map(|(_, scheme)| all(scheme)).collect();
    for _ in 0..ROUNDS {
        for each in &mut measured {
            each.best_ns = each.best_ns.min(ns_per_key(&each.distribution, &keys));
        }
    }
    println!("| distribution | hash | ns |\n|---|---|---|");
    for each in measured {
        println!("| `{}` | {} | {:.0} |", each.scheme, each.hash, each.best_ns);
    }
}

struct Measured {
    scheme: Scheme,
    hash: String,
    distribution: Distribution,
    best_ns: f64,
}

/// The scheme with each of its hashes.
fn all(scheme: Scheme) -> Vec<Measured> {
    let members: Vec<_> =
        (1..=SERVERS_LEN).map(|number| Member::new(format!("10.0.0.{number}"), 11211)).collect();
    let measured = |settings: &Settings| Measured {
        scheme,
        hash: settings.hash_name().map(|name| format!("`{name}`")).unwrap_or_default(),
        distribution: Distribution::new(settings, &members).expect("members differ"),
        best_ns: f64::INFINITY,
    };
    let mut seen = Vec::new();
    let settings = scheme.hashes().iter().filter_map(|(_, hash)| {
        // Some have two names.
        let is_new = !seen.contains(hash);
        seen.push(*hash);
        is_new.then(|| Settings::new(scheme).with_hash(*hash).expect("it is the scheme's own"))
    });
    let settings: Vec<_> = settings.collect();
    match settings.as_slice() {
        [] => vec![measured(&Settings::new(scheme))],
        settings => settings.iter().map(measured).collect(),
    }
}

fn ns_per_key(distribution: &Distribution, keys: &[String]) -> f64 {
    let started = Instant::now();
    for key in keys {
        black_box(distribution.pick(black_box(key.as_bytes()), |_| true));
    }
    started.elapsed().as_secs_f64() * 1e9 / f64::from(KEYS_LEN)
}
