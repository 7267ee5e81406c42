//! What each peer's configuration is in ours, by the peer's own rules.

mod libmemcached;

use evenkeel_core::distribution::{Distribution, Member, NameFormat, Scheme, Settings};
use md5::{Digest, Md5};
use serde_json::Value;

use super::{Case, OfPeer};

/// Our settings for the configuration of a case. Panics if it has something unknown in it.
pub(crate) fn setup(case: &Case) -> Setup {
    let config = Config::of(case);
    let setup = match case.peer.as_str() {
        "twemproxy" => twemproxy(case, &config),
        "libmemcached" => libmemcached::libmemcached(case, &config),
        "php-memcached" => libmemcached::php_memcached(case, &config),
        "pylibmc" => libmemcached::pylibmc(case, &config),
        "spymemcached" => spymemcached(case, &config),
        "pecl-memcache" => pecl_memcache(case, &config),
        "pymemcache" => pymemcache(case, &config),
        "python-memcached" => python_memcached(case, &config),
        "emcache" => emcache(case, &config),
        "libmc" => libmc(case, &config),
        "gomemcache" => gomemcache(case, &config),
        "dalli" => dalli(case, &config),
        other => panic!("{}: a peer this test does not know: {other}", case.name),
    };
    config.assert_all_read();
    setup
}

/// What a peer's configuration is in ours.
pub(crate) struct Setup {
    pub(crate) settings: Settings,
    /// The servers as we would list them, each with its place in the peer's list.
    pub(crate) members: Vec<(usize, Member)>,
    /// What the peer sends for a key.
    pub(crate) send: Send,
    pub(crate) when_down: WhenDown,
    /// Whether home is the first of a failover order of the case.
    pub(crate) failover_begins_with_home: bool,
}

/// What a peer sends for a key of the file.
pub(crate) enum Send {
    /// It with this before it.
    Prefixed(String),
    /// It with this before it, or something shorter if that is too long.
    OfDalli(String),
}

/// What a peer does with the keys of a server that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenDown {
    /// It leaves them there.
    NothingMoves,
    /// It has an order of its own for each key.
    NextInOrder,
    /// It distributes anew over the servers left.
    BuiltAnew,
}

impl Setup {
    fn new(case: &Case, settings: Settings, when_down: WhenDown) -> Self {
        let members = case.servers.iter().map(|server| server.member.clone()).enumerate();
        Self {
            settings,
            members: members.collect(),
            send: Send::Prefixed(String::new()),
            when_down,
            failover_begins_with_home: true,
        }
    }

    /// The distribution when only these of the peer's servers are configured.
    pub(crate) fn distribution(&self, servers: &[usize]) -> OfPeer {
        let members = self.members.iter().filter(|(place, _)| servers.contains(place));
        let (places, members): (Vec<_>, Vec<_>) = members.cloned().unzip();
        OfPeer { distribution: Distribution::new(&self.settings, &members).unwrap(), places }
    }

    pub(crate) fn sent(&self, key: &str) -> Vec<u8> {
        match &self.send {
            Send::Prefixed(prefix) => format!("{prefix}{key}").into_bytes(),
            Send::OfDalli(namespace) => dalli_key(&format!("{namespace}{key}")).into_bytes(),
        }
    }

    /// Whether a distribution over the servers left differs from ours, which stays, by nothing but
    /// the slots or points of the failed server.
    ///
    /// A table gets shorter, so that all slots move. In a weighted ring the others' counts of points
    /// can change, because they depend on the number of servers and on the total weight.
    pub(crate) fn only_its_own_places_go(&self, down: usize) -> bool {
        match self.settings.scheme() {
            Scheme::TwemproxyModula | Scheme::LibmemcachedModula => false,
            Scheme::Ketama | Scheme::LibmemcachedKetama => {
                let left = || self.members.iter().filter(|(place, _)| *place != down);
                let counts_before = counts_of_points(self.members.iter());
                let counts_after = counts_of_points(left());
                let before_of_left = counts_before.iter().filter(|(place, _)| *place != down);
                before_of_left.eq(counts_after.iter())
            }
            _ => true,
        }
    }
}

/// The count of points by weight, rounded at every step to 32 bits, as in C.
#[expect(clippy::cast_precision_loss, reason = "as in C")]
fn counts_of_points<'m>(
    members: impl Iterator<Item = &'m (usize, Member)> + Clone,
) -> Vec<(usize, f32)> {
    let total: u32 = members.clone().map(|(_, member)| member.weight.as_u32()).sum();
    let len = members.clone().count() as f32;
    let count = |weight: u32| (weight as f32 / total as f32 * 160.0 / 4.0 * len).floor();
    members.map(|(place, member)| (*place, count(member.weight.as_u32()))).collect()
}

/// A peer's configuration, which has to be read to the last setting.
pub(crate) struct Config<'c> {
    case: &'c Case,
    read: std::cell::RefCell<Vec<&'static str>>,
}

impl<'c> Config<'c> {
    fn of(case: &'c Case) -> Self {
        Self { case, read: std::cell::RefCell::default() }
    }

    fn get(&self, key: &'static str) -> Option<&'c Value> {
        self.read.borrow_mut().push(key);
        self.case.config.get(key)
    }

    fn text(&self, key: &'static str) -> Option<&'c str> {
        self.get(key).map(|value| value.as_str().unwrap_or_else(|| self.unknown(key, value)))
    }

    fn required(&self, key: &'static str) -> &'c str {
        self.text(key).unwrap_or_else(|| panic!("{}: no {key}", self.case.name))
    }

    /// A setting that is on: true, or a number but 0. Off if it is not there.
    fn is_on(&self, key: &'static str) -> bool {
        match self.get(key) {
            None => false,
            Some(Value::Bool(is_on)) => *is_on,
            Some(Value::Number(number)) => number.as_u64() != Some(0),
            Some(other) => self.unknown(key, other),
        }
    }

    /// Settings that only say how soon something happens.
    fn ignore(&self, keys: &[&'static str]) {
        self.read.borrow_mut().extend(keys);
    }

    fn unknown(&self, key: &str, value: &dyn std::fmt::Debug) -> ! {
        panic!("{}: {key} is {value:?}, which this test does not know", self.case.name);
    }

    fn assert_all_read(&self) {
        let read = self.read.borrow();
        for (key, value) in self.case.config.as_object().unwrap() {
            if !read.contains(&key.as_str()) {
                self.unknown(key, value);
            }
        }
    }
}

fn with_hash(case: &Case, scheme: Scheme, hash: &str) -> Settings {
    let hash = scheme.hash_named(hash).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    Settings::new(scheme).with_hash(hash).unwrap()
}

fn twemproxy(case: &Case, config: &Config<'_>) -> Setup {
    let scheme = match config.required("distribution") {
        "ketama" => Scheme::Ketama,
        "modula" => Scheme::TwemproxyModula,
        other => config.unknown("distribution", &other),
    };
    let mut settings = with_hash(case, scheme, config.required("hash"));
    if let Some(tag) = config.text("hash_tag") {
        settings = settings.with_hash_tag(tag.parse().unwrap());
    }
    config.ignore(&["server_failure_limit", "server_retry_timeout"]);
    let ejects = config.is_on("auto_eject_hosts");
    Setup::new(case, settings, if ejects { WhenDown::BuiltAnew } else { WhenDown::NothingMoves })
}

fn spymemcached(case: &Case, config: &Config<'_>) -> Setup {
    let is_weighted = config.is_on("weighted");
    let scheme = match (config.required("locator"), is_weighted) {
        ("ArrayModNodeLocator", false) => Scheme::SpymemcachedArrayMod,
        ("KetamaNodeLocator", false) => Scheme::SpymemcachedKetama,
        ("KetamaNodeLocator", true) => Scheme::SpymemcachedWeightedKetama,
        other => config.unknown("locator", &other),
    };
    let hash = config.required("hash").strip_suffix("_HASH").unwrap().to_lowercase();
    let mut settings = with_hash(case, scheme, &hash);
    let format = config.text("format");
    match format {
        None => {}
        Some("SPYMEMCACHED") => {
            settings = settings.with_name_format(NameFormat::Spymemcached).unwrap();
        }
        Some("LIBMEMCACHED") => {
            settings = settings.with_name_format(NameFormat::Libmemcached).unwrap();
        }
        Some(other) => config.unknown("format", &other),
    }
    let mut setup = Setup::new(case, settings, WhenDown::NextInOrder);
    setup.failover_begins_with_home = scheme != Scheme::SpymemcachedArrayMod;
    if format == Some("SPYMEMCACHED") {
        // What an address looks like in Java once its name has been looked up.
        for (place, member) in &mut setup.members {
            if let Some(ip) = &case.servers[*place].ip {
                member.name = Some(format!("{}/{ip}:{}", member.host, member.port));
            }
        }
    }
    setup
}

fn pecl_memcache(case: &Case, config: &Config<'_>) -> Setup {
    let scheme = match config.required("memcache.hash_strategy") {
        "standard" => Scheme::PeclStandard,
        "consistent" => Scheme::PeclConsistent,
        other => config.unknown("memcache.hash_strategy", &other),
    };
    let settings = with_hash(case, scheme, config.required("memcache.hash_function"));
    let fails_over = config.is_on("memcache.allow_failover");
    // Fewer than ours matter only to a key whose every try meets the server that is down.
    config.ignore(&["memcache.max_failover_attempts"]);
    let when_down = if fails_over { WhenDown::NextInOrder } else { WhenDown::NothingMoves };
    Setup::new(case, settings, when_down)
}

fn pymemcache(case: &Case, config: &Config<'_>) -> Setup {
    assert_eq!(config.required("client"), "HashClient", "{}", case.name);
    assert_eq!(config.required("hasher"), "RendezvousHash", "{}", case.name);
    assert_eq!(config.required("hash"), "murmur3_32", "{}", case.name);
    assert_eq!(config.get("seed").and_then(Value::as_u64), Some(0), "{}", case.name);
    config.ignore(&["allow_unicode_keys"]);
    let scheme = match config.required("key_type") {
        "str" => Scheme::Pymemcache,
        "bytes" => Scheme::PymemcacheBytes,
        other => config.unknown("key_type", &other),
    };
    let mut setup = Setup::new(case, Settings::new(scheme), WhenDown::BuiltAnew);
    if let Some(prefix) = config.text("key_prefix").filter(|prefix| !prefix.is_empty()) {
        setup.settings = setup.settings.with_unhashed_prefix(prefix.parse().unwrap());
        setup.send = Send::Prefixed(prefix.to_owned());
    }
    setup
}

fn python_memcached(case: &Case, config: &Config<'_>) -> Setup {
    assert_eq!(config.required("client"), "memcache.Client", "{}", case.name);
    assert_eq!(config.required("hash"), "cmemcache_hash", "{}", case.name);
    Setup::new(case, Settings::new(Scheme::PythonMemcached), WhenDown::NextInOrder)
}

fn emcache(case: &Case, config: &Config<'_>) -> Setup {
    assert_eq!(config.required("hash"), "rendezvous", "{}", case.name);
    Setup::new(case, Settings::new(Scheme::Emcache), WhenDown::BuiltAnew)
}

fn libmc(case: &Case, config: &Config<'_>) -> Setup {
    let hash = config.required("hash_fn").strip_prefix("MC_HASH_").unwrap().to_lowercase();
    let settings = with_hash(case, Scheme::Libmc, &hash);
    let fails_over = config.is_on("failover");
    let has_names = config.is_on("names");
    assert_eq!(has_names, case.servers.iter().any(|server| server.member.name.is_some()));
    let when_down = if fails_over { WhenDown::NextInOrder } else { WhenDown::NothingMoves };
    Setup::new(case, settings, when_down)
}

fn gomemcache(case: &Case, config: &Config<'_>) -> Setup {
    assert_eq!(config.required("selector"), "ServerList", "{}", case.name);
    match config.text("weight") {
        None | Some("listed that many times, one after another") => {}
        Some(other) => config.unknown("weight", &other),
    }
    Setup::new(case, Settings::new(Scheme::Gomemcache), WhenDown::NothingMoves)
}

fn dalli(case: &Case, config: &Config<'_>) -> Setup {
    assert_eq!(config.required("ring"), "crc32 key, sha1 points", "{}", case.name);
    let namespace = config.text("namespace").map(|namespace| format!("{namespace}:"));
    let mut setup = Setup::new(case, Settings::new(Scheme::Dalli), WhenDown::NextInOrder);
    setup.send = Send::OfDalli(namespace.unwrap_or_default());
    setup
}

/// A key of more than 250 characters is cut.
fn dalli_key(key: &str) -> String {
    if key.chars().count() <= 250 {
        return key.to_owned();
    }
    let digest = u128::from_be_bytes(Md5::digest(key).into());
    let beginning: String = key.chars().take(213).collect();
    format!("{beginning}:md5:{digest:032x}")
}
