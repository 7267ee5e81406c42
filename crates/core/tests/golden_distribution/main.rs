//! Key → server maps taken from real clients, checked to the last key.
//!
//! Each file in `golden/distribution` holds one peer, its configuration, its servers, keys, and
//! the server the peer itself chose for each key. The README there says how they were taken. Every
//! file of the folder is read, or of the one that `EVENKEEL_GOLDEN_DIR` names. Nothing here knows a
//! file by its name: [`peers`] turns a peer's configuration into ours by the peer's own rules, and a
//! peer or setting that it does not know fails the test.

#![expect(clippy::unwrap_used, reason = "a file that is not as described must fail the test")]

mod peers;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use evenkeel_core::distribution::{Distribution, Member, MemberIdx, Weight};
use evenkeel_core::protocol::KEY_LEN_MAX;
use serde_json::Value;

use self::peers::{Setup, WhenDown};

#[test]
fn every_key_of_every_peer_has_the_home_the_peer_chose() {
    for_each_case(|case, setup| {
        let all: Vec<usize> = (0..case.servers.len()).collect();
        let distribution = setup.distribution(&all);
        case.check("home", setup, &case.homes, |sent| {
            distribution.place_of(distribution.home(sent))
        });
    });
}

#[test]
fn a_failover_order_is_the_one_the_peer_has() {
    for_each_case(|case, setup| {
        let Some(orders) = &case.failover_orders else { return };
        let all: Vec<usize> = (0..case.servers.len()).collect();
        let distribution = setup.distribution(&all);
        case.check("tries", setup, orders, |sent| {
            let explanation = distribution.distribution.explain(sent);
            let home = setup.failover_begins_with_home.then_some(explanation.home());
            let tries = home.into_iter().chain(explanation.tries);
            tries.map(|member| distribution.place_of(member)).collect()
        });
        // And it is the order in which ours is used: each server where it comes first.
        let firsts = orders.iter().map(|order| {
            let mut seen = BTreeSet::new();
            order.iter().copied().filter(|place| seen.insert(*place)).collect::<Vec<_>>()
        });
        let firsts: Vec<_> = firsts.collect();
        let mut lens = firsts.iter().map(Vec::len);
        case.check("order", setup, &firsts, |sent| {
            let order = distribution.distribution.order(sent);
            let skipped = usize::from(!setup.failover_begins_with_home);
            let order = order.into_iter().skip(skipped).take(lens.next().unwrap());
            order.map(|member| distribution.place_of(member)).collect()
        });
    });
}

#[test]
fn with_a_server_down_keys_are_where_the_peer_sends_them() {
    for_each_case(|case, setup| {
        let Some(down) = &case.down else { return };
        let all: Vec<usize> = (0..case.servers.len()).collect();
        let left: Vec<usize> = all.iter().copied().filter(|&place| place != down.server).collect();
        let of_all = setup.distribution(&all);
        let is_up = |member| of_all.place_of(member) != down.server;
        let substitute =
            |sent: &[u8]| of_all.place_of(of_all.distribution.pick(sent, is_up).unwrap());
        match setup.when_down {
            WhenDown::NothingMoves => {
                case.check("home while one is down", setup, &down.homes, |sent| {
                    of_all.place_of(of_all.home(sent))
                });
            }
            WhenDown::NextInOrder => case.check("substitute", setup, &down.homes, substitute),
            WhenDown::BuiltAnew => {
                let of_left = setup.distribution(&left);
                case.check("home of those left", setup, &down.homes, |sent| {
                    of_left.place_of(of_left.home(sent))
                });
                // What is built anew is what our order gives, unless more than the failed server's
                // own places change by it.
                if setup.only_its_own_places_go(down.server) {
                    case.check("substitute", setup, &down.homes, substitute);
                }
            }
        }
    });
}

/// Every case, with what its configuration is in ours.
fn for_each_case(check: impl Fn(&Case, &Setup)) {
    let cases = Case::all();
    assert!(!cases.is_empty(), "no file in {}", folder().display());
    for case in &cases {
        check(case, &peers::setup(case));
    }
}

fn folder() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/distribution");
    let folder = env::var_os("EVENKEEL_GOLDEN_DIR").map_or_else(own, PathBuf::from);
    // Or the one above it.
    let within = folder.join("distribution");
    if within.is_dir() { within } else { folder }
}

/// One golden file.
struct Case {
    name: String,
    peer: String,
    config: Value,
    servers: Vec<Server>,
    keys: Vec<String>,
    homes: Vec<usize>,
    failover_orders: Option<Vec<Vec<usize>>>,
    down: Option<Down>,
}

/// A server as the peer was told of it.
#[derive(Clone)]
struct Server {
    member: Member,
    /// The address that its host name stands for.
    ip: Option<String>,
}

/// The map after one server has gone.
struct Down {
    server: usize,
    homes: Vec<usize>,
}

impl Case {
    /// Every file, by name.
    fn all() -> Vec<Self> {
        let entries = fs::read_dir(folder()).unwrap();
        let paths: BTreeSet<_> = entries.map(|entry| entry.unwrap().path()).collect();
        let files = paths.iter().filter(|path| path.extension().is_some_and(|end| end == "json"));
        files.map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        for field in file.as_object().unwrap().keys() {
            assert!(FIELDS.contains(&field.as_str()), "{}: {field}", path.display());
        }
        let down = file.get("with_server_down").map(|down| Down {
            server: index(&down["down"]),
            homes: indices(&down["server_index"]),
        });
        let orders = file.get("failover_order").map(|orders| {
            let orders = orders.as_array().unwrap().iter();
            orders.map(indices).collect()
        });
        Self {
            name: text(&file["case"]),
            peer: text(&file["peer"]),
            config: file["config"].clone(),
            servers: file["servers"].as_array().unwrap().iter().map(server).collect(),
            keys: file["keys"].as_array().unwrap().iter().map(text).collect(),
            homes: indices(&file["server_index"]),
            failover_orders: orders,
            down,
        }
    }

    /// Fails unless `ours` gives for each key that can be sent what the peer has.
    fn check<T: PartialEq + std::fmt::Debug>(
        &self,
        what: &str,
        setup: &Setup,
        theirs: &[T],
        mut ours: impl FnMut(&[u8]) -> T,
    ) {
        assert_eq!(self.keys.len(), theirs.len(), "{}", self.name);
        for (key, theirs) in self.keys.iter().zip(theirs) {
            let sent = setup.sent(key);
            let ours = ours(&sent);
            // Longer ones no server takes; libmemcached hashes them as 0.
            if sent.len() <= KEY_LEN_MAX {
                assert_eq!(ours, *theirs, "{}: {what} of {key:?}", self.name);
            }
        }
    }
}

const FIELDS: [&str; 10] = [
    "case",
    "peer",
    "version",
    "config",
    "method",
    "servers",
    "keys",
    "server_index",
    "failover_order",
    "with_server_down",
];

/// A distribution over some of a peer's servers.
struct OfPeer {
    distribution: Distribution,
    /// The place in the peer's list of each of our members.
    places: Vec<usize>,
}

impl OfPeer {
    fn home(&self, sent: &[u8]) -> MemberIdx {
        self.distribution.home(sent)
    }

    fn place_of(&self, member: MemberIdx) -> usize {
        self.places[member.as_usize()]
    }
}

fn server(server: &Value) -> Server {
    for field in server.as_object().unwrap().keys() {
        assert!(["host", "port", "weight", "name", "ip"].contains(&field.as_str()), "{field}");
    }
    let port = u16::try_from(index(&server["port"])).unwrap();
    let weight = u32::try_from(index(&server["weight"])).unwrap();
    // Weight 0 counts as 1 in libmemcached.
    let weight = Weight::try_from(weight.max(1)).unwrap();
    let member = Member::new(text(&server["host"]), port).with_weight(weight);
    let member = match server.get("name") {
        Some(name) => member.with_name(text(name)),
        None => member,
    };
    Server { member, ip: server.get("ip").map(text) }
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
