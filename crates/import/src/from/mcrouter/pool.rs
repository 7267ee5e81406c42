//! A leaf of mcrouter's tree: a pool, and how it is used there.

use std::time::Duration;

use evenkeel_core::config::{KeyPrefix, PoolConfig};

use super::super::{millis, seconds};
use super::{Handle, Tree};
use crate::place::Place;
use crate::plan::{MOVED, Origin, PoolPlan, ServerPlan, Timeout, bounded, written};
use crate::server::{is_socket, read_server};
use crate::value::{Entry, Value, shorten};

/// How a pool is used: one pool can be used in several ways, and is a pool for each here.
#[derive(Clone, Debug)]
pub(super) struct Use {
    pub(super) pool: String,
    pub(super) hash: Option<(Value, Place)>,
    pub(super) failover: Option<Failover>,
    pub(super) timeouts: Vec<(Timeout, Value, Place)>,
    pub(super) salt: Option<(Value, Place)>,
}

/// What stands in for a pool.
#[derive(Clone, Debug)]
pub(super) struct Failover {
    pub(super) used: Box<Use>,
    pub(super) place: Place,
    pub(super) exptime: Option<(Value, Place)>,
}

impl Use {
    /// With mcrouter's defaults.
    pub(super) fn plain(pool: &str) -> Self {
        let pool = pool.to_owned();
        Self { pool, hash: None, failover: None, timeouts: Vec::new(), salt: None }
    }
}

impl<'s> Tree<'_, '_, 's> {
    /// The pool of that name.
    pub(super) fn pool(&self, name: &str) -> Option<&'s Entry> {
        self.root.entry("pools")?.value.entry(name)
    }

    /// Pools that no route leads to are not written.
    pub(super) fn say_unused_pools(&mut self) {
        let pools = self.root.entry("pools").and_then(|it| it.value.entries()).unwrap_or_default();
        for entry in pools {
            let said = format!("pools.{}", shorten(&entry.key));
            let is_used = self.work.plan.pools.iter().any(|pool| said_of(pool) == said);
            let is_wanted = entry.value.get("servers").is_some();
            if !is_used && is_wanted {
                let text = format!("no route leads to pool {:?}: left out.", shorten(&entry.key));
                self.work.needless(entry.line, text);
            }
        }
    }

    /// A pool that is used in several ways is several here, which know nothing of each other.
    pub(super) fn say_split_pools(&mut self) {
        let pools = self.root.entry("pools").and_then(|it| it.value.entries()).unwrap_or_default();
        for entry in pools {
            let said = format!("pools.{}", shorten(&entry.key));
            let made = self.work.plan.pools.iter().filter(|pool| said_of(pool) == said);
            let made: Vec<_> = made.map(|pool| pool.name.clone()).collect();
            if made.len() > 1 {
                let text = format!(
                    "pool {:?} is used in {} ways, and is as many pools here: {}. What one is \
                     told of a server or a key the others do not know: send reads and writes of \
                     the same keys to one of them.",
                    shorten(&entry.key),
                    made.len(),
                    made.join(", ")
                );
                self.work.differs(entry.line, text);
            }
        }
    }

    /// What `PoolRoute` or `HashRoute` says.
    pub(super) fn read_use(
        &mut self,
        handle: &Handle<'s>,
        failover: Option<&Failover>,
    ) -> Option<Use> {
        let named = handle.get("pool").or_else(|| handle.get("children"))?;
        let name = named.value.as_text().map(|it| it.strip_prefix("Pool|").unwrap_or(it));
        let Some(name) = name else {
            let text = "a pool that is written where it is used, or several, is not carried over: \
                        name it under `pools`.";
            self.lost(&named, text);
            return None;
        };
        let mut used = Use { failover: failover.cloned(), ..Use::plain(name) };
        for entry in handle.value.entries().unwrap_or_default() {
            let child = handle.child(&format!(".{}", shorten(&entry.key)), &entry.value);
            let place = self.at(&child);
            match entry.key.as_str() {
                "type" | "pool" | "children" | "name" => {}
                "hash" | "hash_func" | "weights" => {
                    // In a HashRoute what belongs to the hash stands beside it.
                    let is_beside = entry.key != "hash";
                    let value = if is_beside { handle.value } else { &entry.value };
                    used.hash = Some((value.clone(), place));
                }
                "salt" => used.salt = Some((entry.value.clone(), place)),
                "server_timeout" | "server_timeout_ms" => {
                    used.timeouts.push((Timeout::Answer, entry.value.clone(), place));
                }
                "connect_timeout" | "connect_timeout_ms" => {
                    used.timeouts.push((Timeout::Connect, entry.value.clone(), place));
                }
                "asynclog" if entry.value.as_bool() == Some(false) => {}
                "asynclog" => self.differs(
                    &child,
                    "deletes that a server missed are remembered in memory, not in a spool of \
                     files, and are made up for before it serves those keys again.",
                ),
                "shadows" => self.lost(&child, "shadow traffic has no counterpart."),
                "rates" => self.lost(&child, "rate limits have no counterpart."),
                "slow_warmup" | "jitter" | "max_outstanding" | "proxy" => {
                    self.needless(&child, "servers come back by a ramp; connections are bounded.");
                }
                _ => self.lost(&child, "it is not known to `evenkeel import`."),
            }
        }
        Some(used)
    }

    /// The NAME of the pool for this use: one that is there already, or a new one.
    pub(super) fn plan_pool(&mut self, handle: &Handle<'s>, used: &Use) -> Option<String> {
        let Some(entry) = self.pool(&used.pool) else {
            let text =
                format!("there is no pool {:?}: the route is left out.", shorten(&used.pool));
            self.lost(handle, text);
            return None;
        };
        let before = self.work.plan.notes.len();
        let mut pool = self.read_pool(entry);
        self.use_pool(&mut pool, used);
        if let Some(failover) = &used.failover {
            self.set_gutter(&mut pool, failover, entry);
        } else {
            let why = Origin::chosen("mcrouter's default: no FailoverRoute leads elsewhere");
            pool.set_text("failover", "none", why);
        }
        let same = self.work.plan.pools.iter().find(|it| is_alike(it, &pool));
        if let Some(same) = same.map(|it| it.name.clone()) {
            // What there is to say of it was said the first time.
            self.work.plan.notes.truncate(before);
            return Some(same);
        }
        let name = pool.name.clone();
        let gutter = used.failover.as_ref().filter(|_| pool.text_of("gutter").is_some());
        if let Some(failover) = gutter {
            self.add_gutter(&pool, failover);
        }
        self.work.plan.push_pool(pool).then_some(name)
    }

    /// What is said of a pool where it is used.
    fn use_pool(&mut self, pool: &mut PoolPlan, used: &Use) {
        self.place_keys(pool, used);
        for (which, value, place) in &used.timeouts {
            self.set_timeout(pool, *which, value, place);
        }
    }

    fn read_pool(&mut self, entry: &'s Entry) -> PoolPlan {
        let name = self.work.plan.pool_name(&entry.key);
        let said = format!("pools.{}", shorten(&entry.key));
        let mut pool = PoolPlan::new(name, self.work.origin(entry.line, said));
        let path = format!("$.pools.{}", shorten(&entry.key));
        let handle = Handle { value: &entry.value, path, depth: 0 };
        for server in self.servers_of(&handle) {
            self.read_server(&mut pool, &server);
        }
        for entry in entry.value.entries().unwrap_or_default() {
            let child = handle.child(&format!(".{}", shorten(&entry.key)), &entry.value);
            let place = self.at(&child);
            match entry.key.as_str() {
                "servers" | "server_list_from_pool" | "name" => {}
                "server_timeout" => {
                    self.set_timeout(&mut pool, Timeout::Answer, &entry.value, &place);
                }
                "connect_timeout" => {
                    self.set_timeout(&mut pool, Timeout::Connect, &entry.value, &place);
                }
                "protocol" if entry.value.as_text() == Some("ascii") => {}
                "protocol" => self.lost(&child, "servers are spoken to in the text protocol only."),
                "keep_routing_prefix" => self.lost(
                    &child,
                    "servers of this pool are sent keys with `/region/cluster/`: remove \
                     `strip_prefix` from its routes.",
                ),
                "security_mech" | "ssl" if entry.value.as_text() != Some("plain") => {
                    self.lost(&child, "Evenkeel has no TLS to servers yet.");
                }
                "security_mech" | "qos" | "use_ssl" | "pool_stats_config_name" => {
                    self.needless(&child, "it needs no setting.");
                }
                "inherit" => self.lost(&child, "what it inherits is not here."),
                _ => self.lost(&child, "it is not known to `evenkeel import`."),
            }
        }
        pool
    }

    /// The servers of a pool, or of the one that it takes them from.
    fn servers_of(&self, handle: &Handle<'s>) -> Vec<Handle<'s>> {
        let from = handle.value.get("server_list_from_pool").and_then(Value::as_text);
        let Some(from) = from.and_then(|name| self.pool(name)) else {
            return handle.children("servers");
        };
        let path = format!("$.pools.{}", shorten(&from.key));
        Handle { value: &from.value, path, depth: 0 }.children("servers")
    }

    fn read_server(&mut self, pool: &mut PoolPlan, handle: &Handle<'s>) {
        let text = handle.value.as_text().unwrap_or_default();
        let read = match text {
            "" => Err("it is no text".to_owned()),
            text if is_socket(text) => {
                Err("a server behind a Unix socket is not supported yet".to_owned())
            }
            text if text.contains(['%', '@']) => Err("macros are not expanded".to_owned()),
            text => read_access_point(text),
        };
        match read {
            Ok(mut server) => {
                server.origin = Origin::Source(self.at(handle), String::new());
                pool.push(server, self.work.plan);
            }
            Err(why) => {
                let text = shorten(text);
                let name = &pool.name;
                let text = format!("server {text:?} is left out of pool {name}: {why}. {MOVED}");
                self.lost(handle, text);
            }
        }
    }

    fn set_timeout(&mut self, pool: &mut PoolPlan, which: Timeout, value: &Value, place: &Place) {
        let time = millis(value).filter(|it| !it.is_zero());
        match time {
            Some(time) => {
                let origin = Origin::Source(place.clone(), value.shown());
                pool.set_timeout(which, time, &origin, self.work.plan);
            }
            None => self.work.plan.lost(place.clone(), "it is no number of milliseconds."),
        }
    }

    /// `hash`: a name, or an object with `hash_func`, `weights` and `salt`.
    fn place_keys(&mut self, pool: &mut PoolPlan, used: &Use) {
        let Some((hash, place)) = &used.hash else {
            pool.set_text(
                "distribution",
                "mcrouter-ch3",
                Origin::chosen("mcrouter's default: Ch3"),
            );
            self.set_salt(pool, used.salt.as_ref());
            return;
        };
        let said = hash.as_text().or_else(|| hash.get("hash_func")?.as_text());
        let is_silent = hash.entries().is_some() && hash.get("hash_func").is_none();
        let function = said.unwrap_or(if is_silent { "Ch3" } else { "" });
        let origin = Origin::Source(place.clone(), function.to_owned());
        match function {
            "Ch3" => pool.set_text("distribution", "mcrouter-ch3", origin),
            "Crc32" => pool.set_text("distribution", "mcrouter-crc32", origin),
            "WeightedCh3" => {
                pool.set_text("distribution", "mcrouter-weighted-ch3", origin);
                self.set_weights(pool, hash.get("weights"), place);
            }
            _ => {
                let text = format!(
                    "the hash `{}` cannot be matched: pool {} is given mcrouter's default, and \
                     starts with misses for most keys.",
                    said.map_or_else(|| hash.shown(), shorten),
                    pool.name
                );
                self.work.plan.lost(place.clone(), text);
                let why = Origin::chosen("in place of a hash that cannot be matched");
                pool.set_text("distribution", "mcrouter-ch3", why);
            }
        }
        let inner = hash.get("salt").map(|salt| (salt.clone(), place.clone()));
        self.set_salt(pool, inner.as_ref().or(used.salt.as_ref()));
        for entry in hash.entries().unwrap_or_default() {
            let is_of_hash_route = hash.get("type").is_some();
            if !is_of_hash_route && !["hash_func", "weights", "salt"].contains(&entry.key.as_str())
            {
                let text = format!("`{}` is not known to `evenkeel import`.", shorten(&entry.key));
                self.work.plan.lost(place.clone(), text);
            }
        }
    }

    fn set_salt(&mut self, pool: &mut PoolPlan, salt: Option<&(Value, Place)>) {
        let Some((salt, place)) = salt else { return };
        match salt.as_text() {
            Some("") => {}
            Some(text) if text.parse::<KeyPrefix>().is_ok() => {
                let origin = Origin::Source(place.clone(), format!("salt: {text}"));
                pool.set_text("salt", text, origin);
            }
            _ => self.work.plan.lost(place.clone(), "`salt` is no text that can be hashed."),
        }
    }

    /// mcrouter's weights are from 0 to 1; ours are whole numbers, and the smallest power of ten
    /// that is not below the largest stands for 1.
    fn set_weights(&mut self, pool: &mut PoolPlan, weights: Option<&Value>, place: &Place) {
        let texts: Vec<_> = weights
            .and_then(Value::items)
            .unwrap_or_default()
            .iter()
            .map(|it| it.as_scalar().unwrap_or_default())
            .collect();
        if let Some(weights) = whole_weights(&texts).filter(|it| it.len() == pool.servers.len()) {
            for (server, weight) in pool.servers.iter_mut().zip(weights) {
                server.weight = weight;
            }
        } else {
            let text = format!(
                "the weights of pool {} are not one for each server, above 0 and at most 1, \
                 with six decimals at most and one of them above 0.1: all are 1 here. \
                 {MOVED}",
                pool.name
            );
            self.work.plan.lost(place.clone(), text.replace("Without it k", "K"));
        }
    }

    fn set_gutter(&mut self, pool: &mut PoolPlan, failover: &Failover, main: &'s Entry) {
        let origin = Origin::Source(failover.place.clone(), shorten(&failover.used.pool));
        let gutter = self.pool(&failover.used.pool);
        let servers = |entry: &'s Entry| {
            let of = Handle { value: &entry.value, path: String::new(), depth: 0 };
            let servers = self.servers_of(&of).into_iter();
            servers.filter_map(|it| it.value.as_text()).collect::<Vec<_>>()
        };
        let main_servers = servers(main);
        let shares = gutter.is_none_or(|it| servers(it).iter().any(|of| main_servers.contains(of)));
        if shares {
            let text = format!(
                "the gutter of pool {} has servers of the pool itself: keys go to the next server \
                 in their order instead.",
                pool.name
            );
            self.work.plan.differs(failover.place.clone(), text);
            pool.set_text("failover", "next", origin);
            return;
        }
        pool.set_text("failover", "gutter", origin.clone());
        pool.set_text("gutter", &format!("{}-gutter", pool.name), origin);
        if let Some((value, place)) = &failover.exptime {
            if let Some(time) = seconds(value).filter(|it| !it.is_zero()) {
                let origin = Origin::Source(place.clone(), value.shown());
                let bounds = PoolConfig::FAILOVER_TTL;
                let key = "failover_ttl";
                let within = bounded(time, &bounds, key, Some(place), self.work.plan);
                pool.set_text(key, &written(within), origin);
            } else {
                let text = "`failover_exptime: 0` lets copies live on; here they live at most \
                        `failover_ttl`, a minute.";
                self.work.plan.differs(place.clone(), text);
            }
        } else {
            let why = Origin::chosen("mcrouter's default: failover_exptime: 60");
            let time = Duration::from_mins(1);
            pool.set_text("failover_ttl", &written(time), why);
        }
    }

    /// A gutter is one pool's alone here, so each pool has a copy of it.
    fn add_gutter(&mut self, pool: &PoolPlan, failover: &Failover) {
        let Some(entry) = self.pool(&failover.used.pool) else { return };
        let said = format!("pools.{}", shorten(&failover.used.pool));
        let is_shared = self.work.plan.pools.iter().any(|it| said_of(it) == said);
        let before = self.work.plan.notes.len();
        let mut gutter = self.read_pool(entry);
        self.use_pool(&mut gutter, &failover.used);
        if is_shared {
            self.work.plan.notes.truncate(before);
        }
        if let Some(name) = pool.text_of("gutter") {
            name.clone_into(&mut gutter.name);
        }
        self.work.plan.push_pool(gutter);
    }
}

/// Whether a new pool is one that is there already: all but its name and its gutter's.
fn is_alike(there: &PoolPlan, new: &PoolPlan) -> bool {
    let gutter_of = |pool: &PoolPlan| {
        let setting = pool.settings.iter().find(|it| it.key == "gutter")?;
        Some(setting.origin.to_string().rsplit(' ').next().unwrap_or_default().to_owned())
    };
    said_of(there) == said_of(new) && gutter_of(there) == gutter_of(new) && there.is_same(new)
}

fn said_of(pool: &PoolPlan) -> &str {
    match &pool.origin {
        Origin::Source(_, said) => said,
        Origin::Chosen(_) => "",
    }
}

/// `host:port`, `[ipv6]:port`, and after it the protocol and the security: `:ascii:plain`.
fn read_access_point(text: &str) -> Result<ServerPlan, String> {
    let end = if text.starts_with('[') { text.find(']').unwrap_or(0) } else { 0 };
    let (bracketed, rest) = text.split_at(end);
    let mut parts = rest.split(':');
    let first = parts.next().unwrap_or_default();
    let port = parts.next();
    for part in parts {
        if !matches!(part, "ascii" | "plain" | "") {
            return Err(format!("it is spoken to by `{}`, not in plain text", shorten(part)));
        }
    }
    let address = match port {
        Some(port) => format!("{bracketed}{first}:{port}"),
        None => format!("{bracketed}{first}"),
    };
    let address = read_server(&address)?.address;
    Ok(ServerPlan { address, name: None, weight: 1, origin: Origin::chosen("") })
}

/// Decimal weights as whole numbers with one scale, if a power of ten can stand for 1.
fn whole_weights(texts: &[&str]) -> Option<Vec<u32>> {
    let decimals = |text: &str| text.split_once('.').map_or(0, |(_, after)| after.len());
    let places = texts.iter().map(|it| decimals(it)).max()?.min(7);
    let whole = |text: &&str| {
        let (before, after) = text.split_once('.').unwrap_or((text, ""));
        let digits = format!("{before}{after:0<places$}");
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u32>().ok().filter(|_| is_plain)
    };
    let one = 10_u32.checked_pow(u32::try_from(places).ok()?)?;
    let weights: Vec<_> = texts.iter().map(whole).collect::<Option<_>>()?;
    let largest = *weights.iter().max()?;
    let is_good = weights.iter().all(|it| (1..=one.min(1_000_000)).contains(it));
    // What the largest is taken for must be what it was: the smallest power of ten not below it.
    let scale = (0..=6).map(|power| 10_u32.pow(power)).find(|it| *it >= largest)?;
    (is_good && scale == one).then_some(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_weights_become_whole_ones_of_the_same_scale() {
        assert_eq!(whole_weights(&["1.0", "0.3"]), Some(vec![10, 3]));
        assert_eq!(whole_weights(&["0.5", "0.25"]), Some(vec![50, 25]));
        assert_eq!(whole_weights(&["1", "1"]), Some(vec![1, 1]));
        assert_eq!(whole_weights(&["1", "0.000001"]), Some(vec![1_000_000, 1]));
    }

    #[test]
    fn weights_that_no_whole_numbers_can_stand_for_are_refused() {
        for texts in [&["0.05", "0.03"][..], &["0", "1"], &["2", "1"], &["-0.5"], &["x"], &[]] {
            assert_eq!(whole_weights(texts), None, "{texts:?}");
        }
        assert_eq!(whole_weights(&["1", "0.0000001"]), None);
    }

    #[test]
    fn an_access_point_says_how_it_is_spoken_to() {
        let address = |text| read_access_point(text).map(|it| it.address.to_string());
        assert_eq!(address("10.0.0.1:11211:ascii:plain"), Ok("10.0.0.1:11211".to_owned()));
        assert_eq!(address("[::1]:5000:ascii"), Ok("[::1]:5000".to_owned()));
        assert_eq!(address("cache"), Ok("cache:11211".to_owned()));
        assert!(address("10.0.0.1:11211:caret:ssl").is_err());
        assert!(address("[::1").is_err());
    }
}
