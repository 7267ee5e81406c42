//! libmemcached and the clients on it: what they do depends on the order of settings.

use evenkeel_core::distribution::{HashFunction, Scheme, Settings, Weight};
use serde_json::Value;

use super::{Config, Send, Setup, WhenDown};
use crate::{Case, text};

pub(super) fn libmemcached(case: &Case, config: &Config<'_>) -> Setup {
    let mut client = Client::new(case, AddingServers::OneByOne);
    for step in config.get("behaviors_in_order").unwrap().as_array().unwrap() {
        client.apply(&text(step));
    }
    client.setup()
}

pub(super) fn php_memcached(case: &Case, config: &Config<'_>) -> Setup {
    let mut client = Client::new(case, AddingServers::AsList);
    for option in config.get("options_in_order").unwrap().as_array().unwrap() {
        let option = text(option);
        match option.split_once('=').unwrap() {
            ("OPT_DISTRIBUTION", scheme) => client.apply(&format!("distribution={scheme}")),
            ("OPT_HASH", hash) => client.apply(&format!("hash={hash}")),
            ("OPT_LIBKETAMA_COMPATIBLE", "1") => client.apply("ketama_weighted=1"),
            ("OPT_LIBKETAMA_COMPATIBLE", "0") => {
                client.apply("hash=default");
                client.apply("distribution=modula");
            }
            ("OPT_PREFIX_KEY", prefix) => client.apply(&format!("prefix={prefix}")),
            ("OPT_HASH_WITH_PREFIX_KEY", is_on) => {
                client.apply(&format!("hash_with_prefix_key={is_on}"));
            }
            ("OPT_REMOVE_FAILED_SERVERS" | "OPT_AUTO_EJECT_HOSTS", is_on) => {
                client.apply(&format!("remove_failed_servers={is_on}"));
            }
            ("OPT_SORT_HOSTS", is_on) => client.apply(&format!("sort_hosts={is_on}")),
            ("OPT_SERVER_FAILURE_LIMIT" | "OPT_RETRY_TIMEOUT" | "OPT_CONNECT_TIMEOUT", _) => {}
            (key, value) => client.apply(&format!("{key}={value}")),
        }
    }
    client.setup()
}

/// pylibmc adds its servers first, then sets the hash, then what makes points.
pub(super) fn pylibmc(case: &Case, config: &Config<'_>) -> Setup {
    let mut client = Client::new(case, AddingServers::OneByOne);
    client.apply("servers=1");
    let behaviors = config.get("behaviors").unwrap().as_object().unwrap();
    let order =
        ["hash", "ketama", "ketama_weighted", "distribution", "remove_failed", "auto_eject"];
    let without_effect = ["failure_limit", "retry_timeout", "connect_timeout"];
    for name in behaviors.keys() {
        let is_known = order.iter().chain(&without_effect).any(|known| known == name);
        assert!(is_known, "{}: {name}, which this test does not know", case.name);
    }
    for name in order {
        match behaviors.get(name) {
            Some(Value::Bool(is_on)) => client.apply(&format!("{name}={}", u8::from(*is_on))),
            Some(Value::String(value)) => client.apply(&format!("{name}={value}")),
            Some(Value::Number(value)) => client.apply(&format!("{name}={value}")),
            Some(other) => config.unknown(name, other),
            None => {}
        }
    }
    client.setup()
}

/// A client while it is being set up.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch that the client has")]
struct Client<'c> {
    case: &'c Case,
    adding: AddingServers,
    has_servers: bool,
    sorts_hosts: bool,
    placement: Placement,
    is_weighted: bool,
    hash: HashFunction,
    /// The key hash when the points were last made.
    point_hash: HashFunction,
    prefix: String,
    hashes_prefix: bool,
    removes_failed: bool,
}

/// How servers are added.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AddingServers {
    /// A weight above 1 switches to weighted points while a consistent distribution is set.
    OneByOne,
    /// It switches always.
    AsList,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Placement {
    Modula,
    Consistent,
    ConsistentSpy,
}

impl<'c> Client<'c> {
    fn new(case: &'c Case, adding: AddingServers) -> Self {
        Self {
            case,
            adding,
            has_servers: false,
            sorts_hosts: false,
            placement: Placement::Modula,
            is_weighted: false,
            hash: HashFunction::OneAtATime,
            point_hash: HashFunction::OneAtATime,
            prefix: String::new(),
            hashes_prefix: false,
            removes_failed: false,
        }
    }

    fn apply(&mut self, step: &str) {
        match step.split_once('=').unwrap() {
            ("servers", "1") => self.add_servers(),
            ("sort_hosts", "0") => self.sorts_hosts = false,
            ("sort_hosts", "1") => {
                self.sorts_hosts = true;
                self.make_points();
            }
            ("hash", "default") => self.hash = HashFunction::OneAtATime,
            ("hash", name) => {
                self.hash = Scheme::LibmemcachedConsistent.hash_named(name).unwrap();
            }
            ("distribution", "modula") | ("ketama" | "ketama_weighted", "0") => {
                self.place(Placement::Modula);
            }
            ("distribution", "consistent") | ("ketama", "1") => {
                self.is_weighted = false;
                self.place(Placement::Consistent);
            }
            ("distribution", "consistent_ketama_spy") => self.place(Placement::ConsistentSpy),
            ("ketama_weighted", "1") => {
                self.is_weighted = true;
                self.hash = HashFunction::Md5;
                self.place(Placement::Consistent);
            }
            ("prefix" | "prefix_key" | "namespace", prefix) => prefix.clone_into(&mut self.prefix),
            ("hash_with_prefix_key", is_on) => self.hashes_prefix = is_on == "1",
            ("remove_failed_servers" | "remove_failed" | "auto_eject", is_on) => {
                self.removes_failed = is_on != "0";
            }
            ("server_failure_limit" | "retry_timeout" | "connect_timeout", _) => {}
            other => panic!("{}: {other:?}, which this test does not know", self.case.name),
        }
    }

    fn add_servers(&mut self) {
        assert!(!self.has_servers, "servers are added once");
        self.has_servers = true;
        let is_heeded = self.adding == AddingServers::AsList || self.placement != Placement::Modula;
        let has_weights = self.case.servers.iter().any(|it| it.member.weight > Weight::ONE);
        if is_heeded && has_weights {
            self.is_weighted = true;
        }
        self.make_points();
    }

    fn place(&mut self, placement: Placement) {
        self.placement = placement;
        self.make_points();
    }

    fn make_points(&mut self) {
        self.point_hash = self.hash;
    }

    /// The servers are added at the end if they have not been.
    fn setup(mut self) -> Setup {
        if !self.has_servers {
            self.add_servers();
        }
        let when_down = match self.placement {
            Placement::Consistent | Placement::ConsistentSpy if self.removes_failed => {
                WhenDown::BuiltAnew
            }
            Placement::Modula | Placement::Consistent | Placement::ConsistentSpy => {
                WhenDown::NothingMoves
            }
        };
        let mut settings = self.settings();
        if !self.prefix.is_empty() && !self.hashes_prefix {
            settings = settings.with_unhashed_prefix(self.prefix.parse().unwrap());
        }
        let mut setup = Setup::new(self.case, settings, when_down);
        setup.send = Send::Prefixed(self.prefix.clone());
        if self.sorts_hosts {
            setup.members.sort_by(|(_, a), (_, b)| (&a.host, a.port).cmp(&(&b.host, b.port)));
        }
        if self.placement == Placement::ConsistentSpy {
            for (_, member) in &mut setup.members {
                member.name = Some(format!("/{}:{}", member.host, member.port));
            }
        }
        setup
    }

    fn settings(&self) -> Settings {
        let with_hash = |scheme| Settings::new(scheme).with_hash(self.hash).unwrap();
        match (self.placement, self.is_weighted) {
            (Placement::Modula, _) => with_hash(Scheme::LibmemcachedModula),
            (Placement::Consistent | Placement::ConsistentSpy, true) => {
                with_hash(Scheme::LibmemcachedKetama)
            }
            (Placement::Consistent | Placement::ConsistentSpy, false) => {
                let settings = with_hash(Scheme::LibmemcachedConsistent);
                settings.with_point_hash(self.point_hash).unwrap()
            }
        }
    }
}
