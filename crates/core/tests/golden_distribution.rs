//! Key → server maps taken from real clients, checked to the last key.
//!
//! Each file in `golden/distribution` holds one peer, its configuration, its servers, keys, and
//! the server the peer itself chose for each key. The README there says how they were taken.
//! Every file is read; one whose configuration we cannot express must be in [`NOT_EXPRESSIBLE`],
//! and one there that is expressible after all fails the test too.

#![expect(clippy::unwrap_used, reason = "a file that is not as described must fail the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use evenkeel_core::distribution::{
    Distribution, HashFunction, Member, MemberIdx, Scheme, Settings, Weight,
};
use evenkeel_core::protocol::KEY_LEN_MAX;
use serde_json::Value;

/// The files we do not reproduce, and why.
const NOT_EXPRESSIBLE: [(&str, &str); 2] = [
    ("php-memcached__libketama-prefix__default", "a prefix that is sent but not hashed"),
    ("pymemcache__rendezvous-bytes__default", "keys hashed as Python prints them, b'key'"),
];

/// The maps with a server down in which a peer does something else than both of ours (a
/// distribution of the members left, and the failover order), and what.
const DOWN_OTHERWISE: [(&str, &str); 1] =
    [("php-memcached__modula-eject__ips", "keys of the failed server do not move")];

/// Where our failover order sends the keys of a failed server elsewhere than the peer does.
const FAILOVER_ORDER_DIFFERS: [(&str, &str); 6] = [
    ("php-memcached__libketama-eject__wips", "counts of points change with the total weight"),
    ("php-memcached__modula-eject__ips", "keys of the failed server do not move"),
    ("twemproxy__ketama-fnv1a_64-eject__wips", "counts of points change with the total weight"),
    ("twemproxy__modula-crc32a-eject__wips", "a shorter table"),
    ("twemproxy__modula-fnv1a_64-eject__ips", "a shorter table"),
    ("twemproxy__modula-md5-eject__shuffled", "a shorter table"),
];

/// Keys that are longer than any server takes once their prefix is sent with them, and never
/// reach a proxy. (libmemcached hashes them as 0.)
const KEYS_TOO_LONG: [(&str, usize); 1] = [("php-memcached__libketama-prefix-hashed__default", 11)];

const FILES_LEN: usize = 156;

#[test]
fn every_key_of_every_peer_has_the_home_the_peer_chose() {
    let mut refused = BTreeSet::new();
    let mut too_long = Vec::new();
    let cases = Case::all();
    assert_eq!(cases.len(), FILES_LEN);
    for case in &cases {
        let Some(setup) = case.setup() else {
            refused.insert(case.name.as_str());
            continue;
        };
        let too_long_len = check_homes(case, &setup);
        if too_long_len > 0 {
            too_long.push((case.name.as_str(), too_long_len));
        }
    }
    assert_eq!(refused, names(&NOT_EXPRESSIBLE));
    assert_eq!(too_long, KEYS_TOO_LONG);
}

/// Fails unless every key that can be sent is where the peer has it; returns how many cannot be.
#[track_caller]
fn check_homes(case: &Case, setup: &Setup) -> usize {
    let all: Vec<usize> = (0..case.servers.len()).collect();
    let ours = setup.homes(&case.keys, &all);
    assert_eq!(ours.len(), case.homes.len(), "{}", case.name);
    let mut too_long_len = 0;
    for (key, (ours, theirs)) in case.keys.iter().zip(ours.iter().zip(&case.homes)) {
        if setup.sent(key).len() > KEY_LEN_MAX {
            too_long_len += 1;
        } else {
            assert_eq!(ours, theirs, "{}: home of {key:?}", case.name);
        }
    }
    too_long_len
}

#[test]
fn a_distribution_of_the_members_left_is_what_an_ejecting_peer_builds() {
    let mut otherwise = BTreeSet::new();
    for (case, setup, down) in cases_with_a_server_down() {
        let left: Vec<usize> = (0..case.servers.len()).filter(|&idx| idx != down.server).collect();
        if setup.homes(&case.keys, &left) != down.homes {
            otherwise.insert(case.name);
        }
    }
    assert_eq!(
        otherwise.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        names(&DOWN_OTHERWISE)
    );
}

#[test]
fn the_failover_order_is_the_peers_where_its_points_do_not_change() {
    let mut differs = BTreeSet::new();
    for (case, setup, down) in cases_with_a_server_down() {
        if setup.substitutes(&case.keys, down.server) != down.homes {
            differs.insert(case.name);
        }
    }
    assert_eq!(
        differs.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        names(&FAILOVER_ORDER_DIFFERS)
    );
}

fn names(list: &[(&'static str, &'static str)]) -> BTreeSet<&'static str> {
    list.iter().map(|(name, _reason)| *name).collect()
}

/// One golden file.
struct Case {
    name: String,
    peer: String,
    config: Value,
    servers: Vec<Member>,
    keys: Vec<String>,
    homes: Vec<usize>,
    down: Option<Down>,
}

/// The map after one server has gone.
struct Down {
    server: usize,
    homes: Vec<usize>,
}

impl Case {
    /// Every file, by name.
    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/distribution");
        let entries = fs::read_dir(folder).unwrap();
        let paths: BTreeSet<_> = entries.map(|entry| entry.unwrap().path()).collect();
        let files = paths.iter().filter(|path| path.extension().is_some_and(|end| end == "json"));
        files.map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let down = file.get("with_server_down").map(|down| Down {
            server: index(&down["down"]),
            homes: indices(&down["server_index"]),
        });
        Self {
            name: text(&file["case"]),
            peer: text(&file["peer"]),
            config: file["config"].clone(),
            servers: file["servers"].as_array().unwrap().iter().map(member).collect(),
            keys: file["keys"].as_array().unwrap().iter().map(text).collect(),
            homes: indices(&file["server_index"]),
            down,
        }
    }

    /// Our settings for the peer's configuration; `None` if we have none that match.
    fn setup(&self) -> Option<Setup> {
        match self.peer.as_str() {
            "twemproxy" => Some(self.twemproxy_setup()),
            "libmemcached" => Some(self.libmemcached_setup()),
            "php-memcached" => self.php_setup(),
            "pylibmc" => Some(self.pylibmc_setup()),
            "pymemcache" => self.pymemcache_setup(),
            other => panic!("{}: a peer this test does not know: {other}", self.name),
        }
    }

    fn twemproxy_setup(&self) -> Setup {
        let scheme = match self.config["distribution"].as_str().unwrap() {
            "ketama" => Scheme::Ketama,
            "modula" => Scheme::TwemproxyModula,
            other => panic!("{}: {other}", self.name),
        };
        let hash: HashFunction = self.config["hash"].as_str().unwrap().parse().unwrap();
        let mut settings = Settings::new(scheme).with_hash(hash).unwrap();
        if let Some(tag) = self.config.get("hash_tag") {
            settings = settings.with_hash_tag(tag.as_str().unwrap().parse().unwrap());
        }
        Setup::new(settings, &self.servers)
    }

    fn libmemcached_setup(&self) -> Setup {
        let mut client = Libmemcached::new(&self.servers);
        for step in self.config["behaviors_in_order"].as_array().unwrap() {
            client.apply(step.as_str().unwrap());
        }
        client.setup()
    }

    fn php_setup(&self) -> Option<Setup> {
        let mut client = Libmemcached::new(&self.servers);
        let options: Vec<_> =
            self.config["options_in_order"].as_array().unwrap().iter().map(text).collect();
        let hashes_prefix = options.iter().any(|option| option == "OPT_HASH_WITH_PREFIX_KEY=1");
        let mut sent_prefix = None;
        for option in &options {
            match option.split_once('=').unwrap() {
                ("servers", "1") => client.apply("servers=1"),
                ("OPT_DISTRIBUTION", scheme) => client.apply(&format!("distribution={scheme}")),
                ("OPT_HASH", hash) => client.apply(&format!("hash={hash}")),
                ("OPT_LIBKETAMA_COMPATIBLE", "1") => client.apply("ketama_weighted=1"),
                ("OPT_PREFIX_KEY", prefix) => sent_prefix = Some(prefix.to_owned()),
                // These do not move keys while all servers are up.
                (
                    "OPT_REMOVE_FAILED_SERVERS"
                    | "OPT_SERVER_FAILURE_LIMIT"
                    | "OPT_RETRY_TIMEOUT"
                    | "OPT_CONNECT_TIMEOUT"
                    | "OPT_HASH_WITH_PREFIX_KEY",
                    _,
                ) => {}
                other => panic!("{}: {other:?}", self.name),
            }
        }
        if !options.iter().any(|option| option == "servers=1") {
            client.apply("servers=1");
        }
        match sent_prefix {
            Some(_) if !hashes_prefix => None,
            // What is sent is what is hashed: a proxy sees the prefix as part of the key.
            prefix => Some(Setup { sent_prefix: prefix.unwrap_or_default(), ..client.setup() }),
        }
    }

    /// pylibmc adds its servers first, then sets the hash, then what makes points.
    fn pylibmc_setup(&self) -> Setup {
        let mut client = Libmemcached::new(&self.servers);
        client.apply("servers=1");
        let behaviors = self.config["behaviors"].as_object().unwrap();
        for name in ["hash", "ketama", "ketama_weighted", "distribution"] {
            match behaviors.get(name) {
                Some(Value::Bool(true)) => client.apply(&format!("{name}=1")),
                Some(Value::String(value)) => client.apply(&format!("{name}={value}")),
                Some(other) => panic!("{}: {name} is {other}", self.name),
                None => {}
            }
        }
        client.setup()
    }

    fn pymemcache_setup(&self) -> Option<Setup> {
        assert_eq!(self.config["hasher"], "RendezvousHash", "{}", self.name);
        match self.config["key_type"].as_str().unwrap() {
            "str" => Some(Setup::new(Settings::new(Scheme::Rendezvous), &self.servers)),
            "bytes" => None,
            other => panic!("{}: {other}", self.name),
        }
    }
}

fn cases_with_a_server_down() -> Vec<(Case, Setup, Down)> {
    let cases = Case::all().into_iter().filter_map(|mut case| {
        let down = case.down.take()?;
        let setup = case.setup().expect("no refused file has a server down");
        Some((case, setup, down))
    });
    let cases: Vec<_> = cases.collect();
    assert_eq!(cases.len(), 15, "a file with a server down is missing");
    cases
}

/// What a peer's configuration is in ours.
struct Setup {
    settings: Settings,
    /// The servers as we would list them, each with its place in the peer's list.
    members: Vec<(usize, Member)>,
    /// Comes before each key of the file when it is sent.
    sent_prefix: String,
}

impl Setup {
    fn new(settings: Settings, servers: &[Member]) -> Self {
        let members = servers.iter().cloned().enumerate().collect();
        Self { settings, members, sent_prefix: String::new() }
    }

    /// The home of each key when only some of the peer's servers are configured.
    fn homes(&self, keys: &[String], servers: &[usize]) -> Vec<usize> {
        let members = self.members.iter().filter(|(place, _)| servers.contains(place));
        let (places, members): (Vec<_>, Vec<_>) = members.cloned().unzip();
        let distribution = Distribution::new(self.settings, &members).unwrap();
        let home = |key: &String| distribution.home(&self.sent(key));
        keys.iter().map(|key| places[home(key).as_usize()]).collect()
    }

    /// The server of each key when all are configured and one cannot be used.
    fn substitutes(&self, keys: &[String], down: usize) -> Vec<usize> {
        let (places, members): (Vec<_>, Vec<_>) = self.members.iter().cloned().unzip();
        let distribution = Distribution::new(self.settings, &members).unwrap();
        let usable = |member: MemberIdx| places[member.as_usize()] != down;
        let pick = |key: &String| distribution.pick(&self.sent(key), usable).unwrap();
        keys.iter().map(|key| places[pick(key).as_usize()]).collect()
    }

    fn sent(&self, key: &str) -> Vec<u8> {
        [self.sent_prefix.as_bytes(), key.as_bytes()].concat()
    }
}

/// A libmemcached client while it is being set up: what it does depends on the order of steps.
struct Libmemcached<'a> {
    servers: &'a [Member],
    has_servers: bool,
    sorts_hosts: bool,
    placement: LibmemcachedPlacement,
    is_weighted: bool,
    hash: HashFunction,
    /// The key hash when the points were last made.
    point_hash: HashFunction,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LibmemcachedPlacement {
    Modula,
    Consistent,
    ConsistentSpy,
}

impl<'a> Libmemcached<'a> {
    fn new(servers: &'a [Member]) -> Self {
        Self {
            servers,
            has_servers: false,
            sorts_hosts: false,
            placement: LibmemcachedPlacement::Modula,
            is_weighted: false,
            hash: HashFunction::OneAtATime,
            point_hash: HashFunction::OneAtATime,
        }
    }

    fn apply(&mut self, step: &str) {
        match step.split_once('=').unwrap() {
            ("servers", "1") => self.add_servers(),
            ("sort_hosts", "1") => self.sorts_hosts = true,
            ("hash", "default") => self.hash = HashFunction::OneAtATime,
            ("hash", name) => self.hash = name.parse().unwrap(),
            ("distribution", "modula") => self.placement = LibmemcachedPlacement::Modula,
            ("distribution", "consistent") | ("ketama", "1") => {
                self.is_weighted = false;
                self.place_on_ring(LibmemcachedPlacement::Consistent);
            }
            ("distribution", "consistent_ketama_spy") => {
                self.place_on_ring(LibmemcachedPlacement::ConsistentSpy);
            }
            ("ketama_weighted", "1") => {
                self.is_weighted = true;
                self.hash = HashFunction::Md5;
                self.place_on_ring(LibmemcachedPlacement::Consistent);
            }
            other => panic!("a step this test does not know: {other:?}"),
        }
    }

    fn add_servers(&mut self) {
        assert!(!self.has_servers, "servers are added once");
        self.has_servers = true;
        let is_ring = self.placement != LibmemcachedPlacement::Modula;
        if is_ring && self.servers.iter().any(|server| server.weight > Weight::ONE) {
            self.is_weighted = true;
        }
        self.point_hash = self.hash;
    }

    fn place_on_ring(&mut self, placement: LibmemcachedPlacement) {
        self.placement = placement;
        self.point_hash = self.hash;
    }

    fn setup(&self) -> Setup {
        assert!(self.has_servers);
        let mut setup = Setup::new(self.settings(), self.servers);
        if self.sorts_hosts {
            setup.members.sort_by(|(_, a), (_, b)| (&a.host, a.port).cmp(&(&b.host, b.port)));
        }
        if self.placement == LibmemcachedPlacement::ConsistentSpy {
            for (_, member) in &mut setup.members {
                member.name = Some(format!("/{}:{}", member.host, member.port));
            }
        }
        setup
    }

    fn settings(&self) -> Settings {
        let with_hash = |scheme| Settings::new(scheme).with_hash(self.hash).unwrap();
        match self.placement {
            LibmemcachedPlacement::Modula => with_hash(Scheme::Modula),
            LibmemcachedPlacement::Consistent | LibmemcachedPlacement::ConsistentSpy => {
                if self.is_weighted {
                    with_hash(Scheme::Ketama)
                } else {
                    with_hash(Scheme::Consistent).with_point_hash(self.point_hash).unwrap()
                }
            }
        }
    }
}

fn member(server: &Value) -> Member {
    let port = u16::try_from(index(&server["port"])).unwrap();
    let weight = u32::try_from(index(&server["weight"])).unwrap();
    // Weight 0 counts as 1 in libmemcached.
    let weight = Weight::try_from(weight.max(1)).unwrap();
    let member = Member::new(text(&server["host"]), port).with_weight(weight);
    match server.get("name") {
        Some(name) => member.with_name(text(name)),
        None => member,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn index(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

fn indices(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(index).collect()
}
