//! Which other distribution, hash, or list of servers explains where keys lie.
//!
//! # Method
//! Every distribution of core with every hash it can have places the keys that were found, with the
//! servers as they are configured and in the other ways in which a client may have known them: with
//! all weights 1, with weights as their numbers of keys suggest, without names, with the port in their
//! text or without, by address instead of name.
//! Where a distribution goes by the order of the list, the order is not tried but read off: each
//! place in the list is given to the server on which most of its keys were found.
//!
//! All of this with the part of a key that is hashed by the configuration; if nothing explains it so,
//! with other parts ([`parts`]): on a few keys first, since these are many.
//!
//! The first that explains most is told, if it explains nearly all: keys placed by another
//! distribution than the one that is tried are spread at random over the servers, so that no wrong
//! one comes close.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use evenkeel_core::config::{PoolConfig, ServerConfig};
use evenkeel_core::distribution::{
    Distribution, HashFunction, Member, NameFormat, Scheme, Settings, Weight,
};
use serde::Serialize;

use super::part::{Part, parts};

/// Settings that explain where keys lie.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// The pool whose keys it explains.
    pub pool: String,
    /// The lines to write under the pool, in place of those that are there.
    pub settings: Vec<String>,
    /// How many in a hundred keys are at home with them.
    pub at_home_percent: f64,
    /// Of how many keys.
    pub keys: u64,
    /// Others that explain as many with the servers as they are written, if there are some: over
    /// this list of servers they are the same.
    pub also: Vec<String>,
}

/// What the survey knows of a server.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// Where it was reached.
    pub(super) addr: Option<SocketAddr>,
    /// How many keys it has.
    pub(super) keys: u64,
}

/// The best fit, if there is one, and how many were tried. `None` if there is nothing to explain, or
/// too little to go by.
pub(super) fn fit(
    pool: &PoolConfig,
    known: &[Known],
    pairs: &[(Box<[u8]>, usize)],
) -> Option<(Option<Fit>, usize)> {
    let servers = &pool.servers;
    if pairs.len() < KEYS_MIN || servers.len() < 2 {
        return None;
    }
    let current = pool.build_distribution().ok()?;
    let at_home = hits(&current, pairs);
    if share(at_home, pairs.len()) >= FINE_PERCENT {
        return None;
    }
    let begun_at = Instant::now();
    let variants = variants(servers, known);
    let some: Vec<_> = pairs.iter().step_by(pairs.len().div_ceil(SOME_KEYS)).cloned().collect();
    let mut tried = 0;
    for (idx, part) in parts(&pool.distribution, pairs).iter().enumerate() {
        let mut best = |pairs: &[_]| {
            let (best, more) = best_of(part, &variants, pairs, begun_at + TIME_MAX);
            tried += more;
            best
        };
        // There are many ways to cut keys: what a few keys refute is not asked of all.
        if idx > 0 && best(&some).is_none() {
            continue;
        }
        if let Some(fit) = best(pairs) {
            return Some((Some(Fit { pool: pool.name.as_str().to_owned(), ..fit }), tried));
        }
    }
    Some((None, tried))
}

/// What explains most if this part of keys is hashed, if it explains enough; and how many were tried.
fn best_of(
    part: &Part,
    variants: &[Variant],
    pairs: &[(Box<[u8]>, usize)],
    deadline: Instant,
) -> (Option<Fit>, usize) {
    let mut tried = 0;
    let mut best: Option<(usize, Fit)> = None;
    // Whether the best so far takes the servers as they are.
    let mut is_usual = true;
    for (idx, variant) in variants.iter().enumerate() {
        for settings in all_settings(&part.settings) {
            if Instant::now() > deadline {
                break;
            }
            tried += 1;
            let Some((explained, order)) = explain(&settings, &variant.members, pairs) else {
                continue;
            };
            let lines = [lines(&settings), part.lines.clone()].concat();
            match &mut best {
                Some((most, _)) if explained < *most => (),
                Some((most, fit)) if explained == *most => {
                    let text = lines.join(", ");
                    let is_new = fit.settings != lines && !fit.also.contains(&text);
                    let is_usual = is_usual && idx == 0 && order.is_none();
                    if is_usual && is_new && fit.also.len() < ALSO_MAX {
                        fit.also.push(text);
                    }
                }
                _ => {
                    is_usual = idx == 0 && order.is_none();
                    let fit = variant.fit(lines, order, explained, pairs.len());
                    best = Some((explained, fit));
                }
            }
        }
    }
    let best = best.filter(|(explained, _)| share(*explained, pairs.len()) >= EXPLAINED_PERCENT);
    (best.map(|(_, fit)| fit), tried)
}

/// How many keys the settings explain, and the order of the servers for it if that is another.
fn explain(
    settings: &Settings,
    members: &[Member],
    pairs: &[(Box<[u8]>, usize)],
) -> Option<(usize, Option<Vec<usize>>)> {
    let distribution = Distribution::new(settings, members).ok()?;
    let len = members.len();
    if len > ORDERED_MAX {
        return Some((hits(&distribution, pairs), None));
    }
    let mut votes = vec![0_usize; len * len];
    for (key, at) in pairs {
        votes[distribution.home(key).as_usize() * len + at] += 1;
    }
    let direct = (0..len).map(|idx| votes[idx * len + idx]).sum();
    let order: Vec<_> = (0..len)
        .map(|place| {
            let row = &votes[place * len..(place + 1) * len];
            let most = (0..len).max_by_key(|at| (row[*at], usize::from(*at == place)));
            most.unwrap_or(place)
        })
        .collect();
    let is_order = order.iter().collect::<BTreeSet<_>>().len() == len;
    let ordered = order.iter().enumerate().map(|(place, at)| votes[place * len + at]).sum();
    if ordered > direct && is_order && goes_by_list(&distribution, settings, members, pairs) {
        return Some((ordered, Some(order)));
    }
    Some((direct, None))
}

/// Whether a key's place in the list is the same whoever is there.
fn goes_by_list(
    distribution: &Distribution,
    settings: &Settings,
    members: &[Member],
    pairs: &[(Box<[u8]>, usize)],
) -> bool {
    let reversed: Vec<_> = members.iter().rev().cloned().collect();
    Distribution::new(settings, &reversed).is_ok_and(|reversed| {
        let some = pairs.iter().take(KEYS_MIN);
        some.into_iter().all(|(key, _)| reversed.home(key) == distribution.home(key))
    })
}

fn hits(distribution: &Distribution, pairs: &[(Box<[u8]>, usize)]) -> usize {
    pairs.iter().filter(|(key, at)| distribution.home(key).as_usize() == *at).count()
}

/// Every distribution with every hash and format that it can have, what is usual first. Which part of
/// a key is hashed stays as it is.
fn all_settings(current: &Settings) -> Vec<Settings> {
    let mut all: Vec<_> = Scheme::NAMES.iter().map(|(_, it)| like(current, *it)).collect();
    for usual in all.clone() {
        let hashes = usual.scheme().hashes().iter().map(|(_, hash)| *hash);
        for hash in hashes {
            let Ok(base) = usual.clone().with_hash(hash) else { continue };
            let format = base.clone().with_name_format(NameFormat::Libmemcached);
            // A client that is told its hash after its servers has made their points before.
            let points = base.clone().with_point_hash(HashFunction::OneAtATime);
            for settings in [Some(base), format.ok(), points.ok()].into_iter().flatten() {
                if !all.contains(&settings) {
                    all.push(settings);
                }
            }
        }
    }
    all
}

/// A scheme with its defaults, that hashes the same part of a key.
fn like(current: &Settings, scheme: Scheme) -> Settings {
    let mut settings = Settings::new(scheme);
    if let Some(hash_tag) = current.hash_tag() {
        settings = settings.with_hash_tag(hash_tag);
    }
    if let Some(hash_stop) = current.hash_stop() {
        settings = settings.with_hash_stop(hash_stop.clone());
    }
    if let Some(prefix) = current.unhashed_prefix() {
        settings = settings.with_unhashed_prefix(prefix.clone());
    }
    match current.salt() {
        Some(salt) => settings.clone().with_salt(salt.clone()).unwrap_or(settings),
        None => settings,
    }
}

/// The settings as lines of a configuration.
fn lines(settings: &Settings) -> Vec<String> {
    let mut lines = vec![format!("distribution = \"{}\"", settings.scheme())];
    lines.extend(settings.hash_name().map(|hash| format!("hash = \"{hash}\"")));
    if settings.point_hash() != settings.hash() {
        lines.extend(settings.point_hash_name().map(|hash| format!("point_hash = \"{hash}\"")));
    }
    let format = settings.name_format().filter(|it| *it != NameFormat::default());
    lines.extend(format.map(|it| format!("name_format = \"{}\"", it.name())));
    lines
}

/// One way in which a client may have known the servers.
struct Variant {
    members: Vec<Member>,
    /// The servers, written so that they are known in this way; `None` if they are already.
    servers: Option<Vec<ServerText>>,
    addresses: Vec<String>,
}

/// A server as the configuration would have it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ServerText {
    address: String,
    name: Option<String>,
    weight: Weight,
}

impl Variant {
    fn fit(
        &self,
        mut lines: Vec<String>,
        order: Option<Vec<usize>>,
        explained: usize,
        keys: usize,
    ) -> Fit {
        let texts: Vec<_> = match &self.servers {
            Some(servers) => servers.iter().map(ServerText::written).collect(),
            None => self.addresses.iter().map(|it| format!("\"{it}\"")).collect(),
        };
        let listed = |texts: Vec<String>| format!("servers = [{}]", texts.join(", "));
        match order {
            Some(order) => {
                lines.push(listed(order.iter().map(|at| texts[*at].clone()).collect()));
            }
            None if self.servers.is_some() => lines.push(listed(texts)),
            None => (),
        }
        let keys_count = u64::try_from(keys).unwrap_or(u64::MAX);
        Fit {
            pool: String::new(),
            settings: lines,
            at_home_percent: share(explained, keys),
            keys: keys_count,
            also: Vec::new(),
        }
    }
}

impl ServerText {
    fn written(&self) -> String {
        let mut fields = vec![format!("address = \"{}\"", self.address)];
        fields.extend(self.name.iter().map(|name| format!("name = \"{name}\"")));
        if self.weight != Weight::ONE {
            fields.push(format!("weight = {}", self.weight));
        }
        match fields.as_slice() {
            [_] => format!("\"{}\"", self.address),
            fields => format!("{{ {} }}", fields.join(", ")),
        }
    }
}

/// Every way that is different from those before it.
fn variants(servers: &[ServerConfig], known: &[Known]) -> Vec<Variant> {
    let addresses: Vec<_> = servers.iter().map(|it| it.address.to_string()).collect();
    let mut all =
        vec![Variant { members: members(servers), servers: None, addresses: addresses.clone() }];
    let mut add = |change: &dyn Fn(usize, &mut Member)| {
        let mut changed = members(servers);
        for (idx, member) in changed.iter_mut().enumerate() {
            change(idx, member);
        }
        if all.iter().any(|it| it.members == changed) {
            return;
        }
        let texts = changed.iter().zip(&addresses).map(|(member, address)| ServerText {
            address: address.clone(),
            name: member.name.clone(),
            weight: member.weight,
        });
        let texts = texts.collect();
        all.push(Variant { members: changed, servers: Some(texts), addresses: addresses.clone() });
    };
    add(&|_, member| member.name = None);
    add(&|_, member| member.weight = Weight::ONE);
    add(&|_, member| member.name = Some(format!("{}:{}", member.host, member.port)));
    add(&|_, member| member.name = Some(member.host.clone()));
    let keys: Vec<_> = known.iter().map(|it| it.keys).collect();
    for least in 1..=LEAST_WEIGHT_MAX {
        if let Some(weights) = weights(&keys, least).filter(|it| it.len() == servers.len()) {
            add(&|idx, member| member.weight = weights[idx]);
        }
    }
    // By the address that its name has, in the three ways in which clients write that.
    let ip = |idx: usize| known.get(idx).and_then(|it| it.addr).map(|addr| addr.ip());
    for written in [
        |_: &str, ip: IpAddr, _: u16| ip.to_string(),
        |_: &str, ip: IpAddr, port: u16| format!("{ip}:{port}"),
        |host: &str, ip: IpAddr, port: u16| format!("{host}/{ip}:{port}"),
    ] {
        add(&|idx, member| {
            if let Some(ip) = ip(idx).filter(|ip| ip.to_string() != member.host) {
                member.name = Some(written(&member.host, ip, member.port));
            }
        });
    }
    all
}

/// The weights that go with so many keys on each server, if the smallest is `least`.
fn weights(keys: &[u64], least: u64) -> Option<Vec<Weight>> {
    let fewest = keys.iter().copied().min().filter(|it| *it > 0)?;
    let weight = |keys: &u64| {
        let weight = keys.saturating_mul(least).saturating_add(fewest / 2) / fewest;
        Weight::try_from(u32::try_from(weight).ok()?).ok()
    };
    keys.iter().map(weight).collect()
}

fn members(servers: &[ServerConfig]) -> Vec<Member> {
    servers.iter().map(ServerConfig::member).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a share of some thousand keys")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 * 100.0 / whole as f64
}

/// Fewer keys than this are at home by chance too often.
const KEYS_MIN: usize = 20;
/// Where so many are at home the settings are right, and something else is not.
const FINE_PERCENT: f64 = 90.0;
/// What explains fewer is no explanation.
const EXPLAINED_PERCENT: f64 = 90.0;
/// Other parts of keys are tried on so many keys first.
const SOME_KEYS: usize = 200;
/// Weights of 2 and 3 are as usual as those of 1 and 2; others are not.
const LEAST_WEIGHT_MAX: u64 = 2;
/// Longer lists are tried in their own order only.
const ORDERED_MAX: usize = 64;
/// How many others are named.
const ALSO_MAX: usize = 4;
/// Rings of thousands of servers take their time.
const TIME_MAX: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use evenkeel_core::config::PoolName;

    use super::*;

    fn pool(servers: &[&str]) -> PoolConfig {
        let servers = servers.iter().map(|it| ServerConfig::new(it.parse().unwrap())).collect();
        PoolConfig::new("main".parse::<PoolName>().unwrap(), servers)
    }

    /// Keys where these settings put them on these servers, by their places in the pool's list.
    fn pairs(settings: &Settings, members: &[Member], places: &[usize]) -> Vec<(Box<[u8]>, usize)> {
        let distribution = Distribution::new(settings, members).unwrap();
        let keys = (0..600).map(|number| format!("user:{number}").into_bytes());
        let pairs = keys.map(|key| {
            let at = places[distribution.home(&key).as_usize()];
            (key.into_boxed_slice(), at)
        });
        pairs.collect()
    }

    const SERVERS: [&str; 3] = ["10.0.0.1:11211", "10.0.0.2:11211", "10.0.0.3:11211"];

    #[track_caller]
    fn check(pairs: &[(Box<[u8]>, usize)], expected: &[&str]) {
        let (fit, tried) = fit(&pool(&SERVERS), &[], pairs).expect("most are elsewhere");
        let fit = fit.unwrap_or_else(|| panic!("none of {tried} fits"));
        assert_eq!(fit.settings, expected);
        assert!((fit.at_home_percent - 100.0).abs() < 1e-9, "{fit:?}");
    }

    #[test]
    fn what_fits_already_needs_no_hint() {
        let pool = pool(&SERVERS);
        let fitting = pairs(&pool.distribution, &members(&pool.servers), &[0, 1, 2]);
        assert_eq!(fit(&pool, &[], &fitting), None);
        assert_eq!(fit(&pool, &[], &fitting[..KEYS_MIN - 1]), None);
    }

    #[test]
    fn another_distribution_and_hash_are_found() {
        let servers = pool(&SERVERS).servers;
        for (scheme, hash, name) in [
            (Scheme::Ketama, HashFunction::Murmur, "murmur"),
            (Scheme::LibmemcachedModula, HashFunction::OneAtATime, "one_at_a_time"),
            (Scheme::LibmemcachedConsistent, HashFunction::Murmur, "murmur"),
            (Scheme::SpymemcachedKetama, HashFunction::JavaNative, "native"),
            (Scheme::PeclStandard, HashFunction::Fnv1a32, "fnv"),
        ] {
            let settings = Settings::new(scheme).with_hash(hash).unwrap();
            let lines = [format!("distribution = \"{scheme}\""), format!("hash = \"{name}\"")];
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            check(&pairs(&settings, &members(&servers), &[0, 1, 2]), &lines);
        }
        for scheme in [Scheme::Pymemcache, Scheme::Dalli, Scheme::McrouterCh3] {
            let found = pairs(&Settings::new(scheme), &members(&servers), &[0, 1, 2]);
            check(&found, &[&format!("distribution = \"{scheme}\"")]);
        }
    }

    /// Which settings explain these keys where these settings put them.
    fn explained(pool: &PoolConfig, settings: &Settings, keys: &[String]) -> Vec<String> {
        let distribution = Distribution::new(settings, &members(&pool.servers)).unwrap();
        let pairs = keys.iter().map(|key| {
            let at = distribution.home(key.as_bytes()).as_usize();
            (key.as_bytes().into(), at)
        });
        let pairs: Vec<_> = pairs.collect();
        let (fit, tried) = fit(pool, &[], &pairs).expect("most are elsewhere");
        fit.unwrap_or_else(|| panic!("none of {tried} fits")).settings
    }

    #[test]
    fn another_part_of_keys_that_is_hashed_is_found() {
        let pool = pool(&SERVERS);
        let modula = Settings::new(Scheme::LibmemcachedModula);
        let keys: Vec<_> = (0..600).map(|number| format!("shop:user:{number}")).collect();
        let prefixed = modula.clone().with_unhashed_prefix("shop:".parse().unwrap());
        let modula_lines = ["distribution = \"libmemcached-modula\"", "hash = \"one_at_a_time\""];
        assert_eq!(
            explained(&pool, &prefixed, &keys),
            [&modula_lines[..], &["unhashed_prefix = \"shop:\""]].concat()
        );
        // One that ends in the middle of what keys have in common.
        let ended = Settings::new(Scheme::Pymemcache);
        let ended = ended.with_unhashed_prefix("shop:us".parse().unwrap());
        assert_eq!(
            explained(&pool, &ended, &keys),
            ["distribution = \"pymemcache\"", "unhashed_prefix = \"shop:us\""]
        );
        let tags: Vec<_> = (0..600).map(|number| format!("x{number}<{}>", number / 3)).collect();
        assert_eq!(
            explained(&pool, &modula.clone().with_hash_tag("<>".parse().unwrap()), &tags),
            [&modula_lines[..], &["hash_tag = \"<>\""]].concat()
        );
        // What is configured is of no use.
        let mut wrong = pool.clone();
        wrong.distribution = prefixed.with_hash_tag("{}".parse().unwrap());
        let lines = explained(&wrong, &modula, &keys);
        assert_eq!(lines[2..], ["# without unhashed_prefix", "# without hash_tag"]);
    }

    #[test]
    fn nothing_is_the_same_as_itself() {
        let servers = pool(&SERVERS).servers;
        let settings = Settings::new(Scheme::LibmemcachedConsistent);
        let found = pairs(&settings, &members(&servers), &[0, 1, 2]);
        let (fit, _) = fit(&pool(&SERVERS), &[], &found).expect("most are elsewhere");
        assert_eq!(fit.expect("it fits").also, [""; 0]);
    }

    #[test]
    fn what_is_the_same_over_these_servers_is_named_too() {
        let servers = pool(&SERVERS).servers;
        let settings = Settings::new(Scheme::LibmemcachedModula);
        let settings = settings.with_hash(HashFunction::Crc15).unwrap();
        let found = pairs(&settings, &members(&servers), &[0, 1, 2]);
        let (fit, _) = fit(&pool(&SERVERS), &[], &found).expect("most are elsewhere");
        let fit = fit.expect("several fit");
        let all = fit.settings.join(", ") + &fit.also.join("; ");
        assert!(all.contains("libmemcached-modula"), "{fit:?}");
        assert!(all.contains("twemproxy-modula"), "{fit:?}");
        let mut known = fit.also.clone();
        known.push(fit.settings.join(", "));
        known.sort();
        known.dedup();
        assert_eq!(known.len(), fit.also.len() + 1, "none is named twice: {fit:?}");
    }

    #[test]
    fn another_order_is_read_off() {
        let servers = pool(&SERVERS).servers;
        let found =
            pairs(&Settings::new(Scheme::LibmemcachedModula), &members(&servers), &[2, 0, 1]);
        let lines = [
            "distribution = \"libmemcached-modula\"",
            "hash = \"one_at_a_time\"",
            "servers = [\"10.0.0.3:11211\", \"10.0.0.1:11211\", \"10.0.0.2:11211\"]",
        ];
        check(&found, &lines);
    }

    #[test]
    fn a_port_in_the_text_is_found() {
        let named = SERVERS.map(|text| {
            let (host, _) = text.split_once(':').unwrap();
            Member::new(host, 11211).with_name(text)
        });
        let settings = Settings::new(Scheme::LibmemcachedConsistent);
        let found = pairs(&settings, &named, &[0, 1, 2]);
        let written =
            SERVERS.map(|text| format!("{{ address = \"{text}\", name = \"{text}\" }}")).join(", ");
        let lines = [
            "distribution = \"libmemcached-consistent\"",
            "hash = \"one_at_a_time\"",
            &format!("servers = [{written}]"),
        ];
        check(&found, &lines);
    }

    #[test]
    fn an_address_in_place_of_a_name_is_found() {
        let pool = pool(&["cache-a:11211", "cache-b:11211", "cache-c:11211"]);
        let addresses = SERVERS.map(|text| Member::new(text.split_once(':').unwrap().0, 11211));
        let found = pairs(&Settings::new(Scheme::Pymemcache), &addresses, &[0, 1, 2]);
        let known = SERVERS.map(|it| Known { addr: it.parse().ok(), keys: 0 });
        let (fit, _) = fit(&pool, &known, &found).expect("most are elsewhere");
        let fit = fit.expect("addresses explain it");
        assert_eq!(fit.settings[0], "distribution = \"pymemcache\"");
        assert!(
            fit.settings[1].contains("{ address = \"cache-a:11211\", name = \"10.0.0.1"),
            "{fit:?}"
        );
    }

    #[test]
    fn weights_are_told_by_how_many_keys_the_servers_have() {
        let pool = pool(&SERVERS);
        let mut weighted = members(&pool.servers);
        weighted[2].weight = Weight::try_from(2).unwrap();
        let found = pairs(&Settings::new(Scheme::Dalli), &weighted, &[0, 1, 2]);
        let known = [0, 1, 2].map(|at| {
            let keys = found.iter().filter(|(_, it)| *it == at).count();
            Known { addr: None, keys: u64::try_from(keys).unwrap() }
        });
        let (fit, _) = fit(&pool, &known, &found).expect("most are elsewhere");
        let expected = [
            "distribution = \"dalli\"",
            "servers = [\"10.0.0.1:11211\", \"10.0.0.2:11211\", \
             { address = \"10.0.0.3:11211\", weight = 2 }]",
        ];
        assert_eq!(fit.expect("the weights explain it").settings, expected);
    }

    #[test]
    fn numbers_of_keys_are_rounded_to_small_weights() {
        let check = |keys: &[u64], least, expected: Option<&[u32]>| {
            let found = weights(keys, least);
            let expected: Option<Vec<_>> =
                expected.map(|it| it.iter().map(|it| Weight::try_from(*it).unwrap()).collect());
            assert_eq!(found, expected, "{keys:?}");
        };
        check(&[499, 468, 1_033], 1, Some(&[1, 1, 2]));
        check(&[200, 310], 2, Some(&[2, 3]));
        check(&[0, 10], 1, None);
        check(&[], 1, None);
        check(&[1, u64::MAX], 2, None);
    }

    #[test]
    fn keys_that_lie_anywhere_have_no_explanation() {
        let settings = Settings::new(Scheme::Ketama).with_hash(HashFunction::Md5).unwrap();
        let mut found = pairs(&settings, &members(&pool(&SERVERS).servers), &[0, 1, 2]);
        for (idx, (_, at)) in found.iter_mut().enumerate() {
            *at = idx / 7 % 3;
        }
        let (fit, tried) = fit(&pool(&SERVERS), &[], &found).expect("most are elsewhere");
        assert_eq!(fit, None);
        assert!(tried > 50, "{tried}");
    }
}
