//! Who is compared: a real memcached, the proxy over another one and over three, and the embedded
//! server. All of them are asked the same, each from an empty cache.

use std::net::SocketAddr;
use std::time::Duration;

use evenkeel_core::config::ListenAddress;
use evenkeel_lab::store::StoreLimits;
use evenkeel_lab::{Config, Server};
use evenkeel_proxy::Proxy;
use evenkeel_rig::{Memcached, wait_until};

use crate::peer::{Control, Played, play};
use crate::sequence::Sequence;

/// Whose answers are compared with memcached's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The proxy over one memcached.
    Proxy,
    /// The proxy over three.
    ProxyOverThree,
    /// The embedded server.
    Embedded,
}

impl Subject {
    pub(crate) const ALL: [Self; 3] = [Self::Proxy, Self::ProxyOverThree, Self::Embedded];
}

/// All of them, running.
pub(crate) struct Arena {
    memcached: Peer,
    proxy: Peer,
    proxy_over_three: Peer,
    embedded: Peer,
    proxies: Vec<Proxy>,
    events_seen: [u64; 2],
    _server: Server,
    _servers: Vec<Memcached>,
}

/// One of them.
struct Peer {
    addr: SocketAddr,
    control: Control,
}

impl Arena {
    pub(crate) fn start() -> Self {
        let servers: Vec<_> = (0..5).map(|_| original()).collect();
        let over = |some: &[Memcached]| {
            let addresses: Vec<_> = some.iter().map(|it| format!("\"{}\"", it.address())).collect();
            proxy(&addresses.join(", "))
        };
        let proxies = vec![over(&servers[1..2]), over(&servers[2..])];
        servers[1..].iter().for_each(wait_for_canary);
        let limits = StoreLimits { memory_max: MEMORY_MAX, ..StoreLimits::default() };
        let server = Server::start(Config { limits, ..Config::default() });
        let server = server.expect("the server starts");
        let memcached = servers[0].address().parse().expect("an address");
        let [one, three] = [listens_at(&proxies[0]), listens_at(&proxies[1])];
        Self {
            memcached: Peer::new(memcached),
            proxy: Peer::new(one),
            proxy_over_three: Peer::new(three),
            embedded: Peer::new(server.addr()),
            proxies,
            events_seen: [0; 2],
            _server: server,
            _servers: servers,
        }
    }

    pub(crate) fn addr(&self, subject: Subject) -> SocketAddr {
        match subject {
            Subject::Proxy => self.proxy.addr,
            Subject::ProxyOverThree => self.proxy_over_three.addr,
            Subject::Embedded => self.embedded.addr,
        }
    }

    pub(crate) fn memcached(&self) -> SocketAddr {
        self.memcached.addr
    }

    /// Empties memcached and `subjects` for what is in `input`, and returns the CAS token that they
    /// have given out last.
    ///
    /// Servers number their items' CAS tokens each for itself: all begin at one number, but
    /// for three of them there is none.
    pub(crate) fn prepare(&mut self, subjects: &[Subject], input: &[u8]) -> u64 {
        let is_numbered = !subjects.contains(&Subject::ProxyOverThree);
        let mut peers = self.peers(subjects);
        let tokens: Vec<_> = peers.iter_mut().map(|peer| peer.control.reset(input)).collect();
        let base = tokens.iter().copied().max().expect("memcached is among them");
        if !is_numbered {
            return TOKEN_OF_NOBODY;
        }
        for (peer, token) in peers.iter_mut().zip(tokens) {
            peer.control.spend_tokens(base - token);
        }
        base
    }

    /// Plays a sequence on memcached and on `subjects`, each from an empty cache; memcached's
    /// answers come first.
    pub(crate) fn play(&mut self, sequence: &Sequence, subjects: &[Subject]) -> Vec<Played> {
        let base = self.prepare(subjects, &sequence.steps.concat());
        let input = sequence.render(base);
        let addrs: Vec<_> = self.peers(subjects).iter().map(|peer| peer.addr).collect();
        play(&addrs, &input, sequence.cuts(input.len()))
    }

    /// memcached, and `subjects` in their order.
    fn peers(&mut self, subjects: &[Subject]) -> Vec<&mut Peer> {
        let others = [
            (Subject::Proxy, &mut self.proxy),
            (Subject::ProxyOverThree, &mut self.proxy_over_three),
            (Subject::Embedded, &mut self.embedded),
        ];
        let others = others.into_iter().filter(|(subject, _)| subjects.contains(subject));
        [&mut self.memcached].into_iter().chain(others.map(|(_, peer)| peer)).collect()
    }
}

impl Arena {
    /// What the proxies have had to say so far.
    pub(crate) fn events(&self) -> Vec<String> {
        let events = self.proxies.iter().flat_map(|it| it.handle().events_since(0).events);
        events.map(|event| format!("{event:?}")).collect()
    }

    /// What they have held against servers' answers since this was last asked: nothing, if all is
    /// well.
    pub(crate) fn new_events(&mut self) -> Vec<String> {
        let mut new = Vec::new();
        for (proxy, since) in self.proxies.iter().zip(&mut self.events_seen) {
            let events = proxy.handle().events_since(*since);
            *since = events.next;
            let events = events.events.iter().map(|event| format!("{event:?}"));
            // That a busy machine is late is no answer's fault.
            new.extend(events.filter(|event| OF_ANSWERS.iter().any(|word| event.contains(word))));
        }
        new
    }

    /// Waits until what has been played has been judged, and every server is up.
    pub(crate) fn wait_until_calm(&mut self) {
        // Reports are taken every few milliseconds.
        std::thread::sleep(Duration::from_millis(60));
        wait_until(Duration::from_secs(20), "every server to be up", || {
            let servers = self.proxies.iter().flat_map(|proxy| proxy.handle().servers());
            servers.into_iter().all(|server| format!("{:?}", server.standing.state) == "Up")
        });
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.proxies.drain(..).for_each(Proxy::stop);
    }
}

impl Peer {
    fn new(addr: SocketAddr) -> Self {
        Self { addr, control: Control::new(addr) }
    }
}

/// A real memcached of the version that all others are to be like.
fn original() -> Memcached {
    // Its LRU thread holds on to items now and then, which shows in `decr`.
    let options = ["-m", "1024", "-o", "no_lru_maintainer,no_lru_crawler"];
    let memcached = Memcached::start_with(&options);
    let version = Control::new(memcached.address().parse().expect("an address")).version();
    assert_eq!(
        version,
        format!("VERSION {}", evenkeel_lab::answer::MEMCACHED_VERSION),
        "the comparison is with this version; run `make test`, which installs it",
    );
    memcached
}

/// Waits for a proxy's first canary, which takes a CAS token. The next comes in a minute.
fn wait_for_canary(server: &Memcached) {
    let mut control = Control::new(server.address().parse().expect("an address"));
    wait_until(Duration::from_secs(20), "the first canary", || control.has_deleted());
}

fn proxy(servers: &str) -> Proxy {
    // Canaries take CAS tokens, and a busy machine is no reason to answer anything else.
    let text = format!(
        "[proxy]\nworkers = 1\n[listener.main]\naddress = \"127.0.0.1:0\"\npool = \"main\"\n\
         [pool.main]\nservers = [{servers}]\ndeadline = \"20s\"\ntimeout = \"10s\"\n\
         [pool.main.health]\ncanary_interval = \"1m\"\n\
         canary_timeout = \"10s\"\nsuspect_after_min = \"10s\"\nslow_floor = \"10s\"\n"
    );
    let config = evenkeel_config_file::parse("differential", &text).expect("it has no faults");
    Proxy::start(&config).expect("the proxy starts")
}

fn listens_at(proxy: &Proxy) -> SocketAddr {
    match proxy.addresses().into_iter().next() {
        Some((_, ListenAddress::Tcp(addr))) => addr,
        other => panic!("{other:?} is no address of TCP"),
    }
}

/// What an event says that something else came than an answer.
const OF_ANSWERS: [&str; 4] = ["Garbled", "Unusable", "Closed", "Reset"];

/// Room for the largest values of many sequences, so that nobody evicts anything.
const MEMORY_MAX: usize = 1 << 30;

/// A CAS token that no server gives in the time of a test.
const TOKEN_OF_NOBODY: u64 = 1_000_000_000_000_000;
