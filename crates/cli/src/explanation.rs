//! A key's route in words, and in JSON.

use std::fmt;

use evenkeel_core::config::{Failover, PoolConfig, ServerConfig};
use evenkeel_core::distribution::{Explanation, MemberIdx, Place, Scheme};
use serde_json::{Value, json};

/// A key, its pool, and what the pool's distribution says of it.
pub(crate) struct Explained<'e> {
    pub(crate) pool: &'e PoolConfig,
    pub(crate) addresses: Addresses,
    pub(crate) key: &'e [u8],
    pub(crate) explanation: Explanation<'e>,
}

/// Whether the pool's addresses are those of its servers.
#[derive(Clone, Copy)]
pub(crate) enum Addresses {
    /// They are.
    Known,
    /// The servers are given ports when they start.
    Unknown,
}

impl Explained<'_> {
    /// One object: the key, what led to its home, and every server in its order.
    pub(crate) fn to_json(&self) -> Value {
        let order = self.explanation.order.iter().map(|&idx| {
            let server = self.server(idx);
            json!({ "server": server.to_string(), "address": self.address(server) })
        });
        json!({
            "key": String::from_utf8_lossy(self.key),
            "pool": self.pool.name.as_str(),
            "distribution": self.pool.distribution.scheme().name(),
            "hashed": String::from_utf8_lossy(self.explanation.hashed),
            "hash": self.hash_name(),
            "place": place(self.explanation.place),
            "home": self.server(self.explanation.home()).to_string(),
            "failover": self.pool.failover.name(),
            "order": order.collect::<Vec<_>>(),
        })
    }

    fn server(&self, idx: MemberIdx) -> &ServerConfig {
        &self.pool.servers[idx.as_usize()]
    }

    fn address(&self, server: &ServerConfig) -> Option<String> {
        match self.addresses {
            Addresses::Known => Some(server.address.to_string()),
            Addresses::Unknown => None,
        }
    }

    fn with_address(&self, server: &ServerConfig) -> String {
        match (&server.name, self.address(server)) {
            (Some(name), Some(address)) => format!("{name} ({address})"),
            (_, None) | (None, Some(_)) => server.to_string(),
        }
    }

    fn hash_name(&self) -> Option<&'static str> {
        self.pool.distribution.hash_name()
    }

    /// What was hashed, by what.
    fn with(&self) -> String {
        let hashed = String::from_utf8_lossy(self.explanation.hashed);
        let settings = &self.pool.distribution;
        let salt = settings.salt().map(|salt| format!(" and the salt {:?}", salt.as_str()));
        let salt = salt.unwrap_or_default();
        let hash = self.hash_name().unwrap_or_else(|| own_hash(settings.scheme()));
        format!("{hash} of {hashed:?}{salt}")
    }

    /// Where the hash came from and led to.
    fn why(&self) -> String {
        let with = self.with();
        match self.explanation.place {
            Place::Point { hash, point } if hash <= point => {
                format!("{with} is {hash}; the first point at or after it on the ring is {point}")
            }
            Place::Point { hash, point } => {
                format!("{with} is {hash}, past the last point of the ring; the first is {point}")
            }
            Place::PointBelow { hash, point } if point <= hash => {
                format!("{with} is {hash}; the last point at or before it on the ring is {point}")
            }
            Place::PointBelow { hash, point } => {
                format!("{with} is {hash}, before the first point of the ring; the last is {point}")
            }
            Place::Slot { hash, slot, slots_len } => {
                format!("{with} is {hash}; modulo {slots_len} that is slot {slot}")
            }
            Place::Choice { idx, len } => {
                format!("{with} gives number {idx} of {len}, counted from 0")
            }
            Place::Score(score) => {
                let hashed = String::from_utf8_lossy(self.explanation.hashed);
                format!("its score with {hashed:?}, {score}, is the highest")
            }
        }
    }

    /// Where the key goes while its home cannot be used.
    fn then(&self) -> String {
        let others = &self.explanation.order[1..];
        match (self.pool.failover, others) {
            (Failover::None, _) => "nowhere: failover is \"none\"".to_owned(),
            (Failover::Next, []) => "nowhere: there is no other server".to_owned(),
            (Failover::Gutter, _) => match &self.pool.gutter {
                Some(gutter) => format!("pool {gutter}"),
                None => "nowhere: gutter names no pool".to_owned(),
            },
            (Failover::Next, others) => {
                let shown: Vec<_> = others
                    .iter()
                    .take(SHOWN_MAX)
                    .map(|&idx| self.server(idx).to_string())
                    .collect();
                let hidden = others.len() - shown.len();
                let more = if hidden > 0 { format!(" and {hidden} more") } else { String::new() };
                format!("{}{more}", shown.join(", "))
            }
        }
    }
}

/// How many servers of the failover order are shown as text.
const SHOWN_MAX: usize = 10;

impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let home = self.server(self.explanation.home());
        writeln!(f, "{}", String::from_utf8_lossy(self.key))?;
        writeln!(f, "  home  {}", self.with_address(home))?;
        writeln!(f, "  why   {}", self.why())?;
        writeln!(f, "  then  {}", self.then())
    }
}

/// The hash of a scheme that has no other to choose.
fn own_hash(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::PythonMemcached => "bits 16 to 30 of crc32",
        Scheme::McrouterCh3 => "furc_hash",
        Scheme::McrouterWeightedCh3 => "furc_hash, by weight,",
        Scheme::McrouterCrc32 => "the lower 31 bits of crc32",
        Scheme::Gomemcache | Scheme::Dalli => "crc32",
        Scheme::Pymemcache | Scheme::PymemcacheBytes | Scheme::Emcache => "the score",
        Scheme::Ketama
        | Scheme::TwemproxyModula
        | Scheme::LibmemcachedModula
        | Scheme::LibmemcachedConsistent
        | Scheme::LibmemcachedKetama
        | Scheme::SpymemcachedArrayMod
        | Scheme::SpymemcachedKetama
        | Scheme::SpymemcachedWeightedKetama
        | Scheme::PeclStandard
        | Scheme::PeclConsistent
        | Scheme::Libmc
        | Scheme::Jump => "the hash",
    }
}

fn place(place: Place) -> Value {
    match place {
        Place::Point { hash, point } | Place::PointBelow { hash, point } => {
            json!({ "hash": hash, "point": point })
        }
        Place::Choice { idx, len } => json!({ "number": idx, "of": len }),
        Place::Slot { hash, slot, slots_len } => {
            json!({ "hash": hash, "slot": slot, "slots": slots_len })
        }
        Place::Score(score) => json!({ "score": score }),
    }
}
