//! The servers of a run, the way to the one that is to break, and the breaking.

use std::thread;
use std::time::{Duration, Instant};

use evenkeel_lab::{Fault as RelayFault, Relay};

use crate::support::{Library, Memcached, Network, Proxy, Subject, Threads};

use super::fault::{Length, Reach, Trouble};
use super::{Tested, sleep_until};

/// Three servers behind what is under test; the first is the one that breaks.
pub(super) struct Stage {
    pub(super) servers: Vec<Memcached>,
    pub(super) subject: Subject,
    /// The servers as the subject names them.
    names: Vec<String>,
    way: Way,
    /// What the reader of the figures must know.
    pub(super) remark: Option<String>,
}

/// How the subject reaches the first server.
enum Way {
    Direct,
    Relay(Relay),
    Network(Network),
}

impl Stage {
    /// Starts the servers, the way to the first of them, and what is under test.
    pub(super) fn start(tested: Tested, reach: Reach) -> Self {
        match reach {
            Reach::Direct => Self::new(tested, servers_on_loopback(SERVERS), Way::Direct, None),
            Reach::Relay => Self::start_behind_relay(tested, None),
            Reach::Network => match Network::create() {
                Ok(network) => {
                    let mut servers = vec![Memcached::start_in(&network)];
                    servers.extend(servers_on_loopback(SERVERS - 1));
                    Self::new(tested, servers, Way::Network(network), None)
                }
                Err(why_not) => {
                    let remark = format!(
                        "no packet was lost: a relay swallowed all bytes instead ({why_not})"
                    );
                    Self::start_behind_relay(tested, Some(remark))
                }
            },
        }
    }

    fn start_behind_relay(tested: Tested, remark: Option<String>) -> Self {
        let servers = servers_on_loopback(SERVERS);
        let target = servers[0].address().parse().expect("a server has an address");
        let relay = Relay::start(target).expect("there is a free port");
        Self::new(tested, servers, Way::Relay(relay), remark)
    }

    fn new(tested: Tested, servers: Vec<Memcached>, way: Way, remark: Option<String>) -> Self {
        let mut names: Vec<_> = servers.iter().map(Memcached::address).collect();
        if let Way::Relay(relay) = &way {
            names[0] = relay.addr().to_string();
        }
        let subject = match tested {
            Tested::Proxy => Subject::Proxy(Proxy::start(&names)),
            Tested::Library(flavour) => Subject::Library(Library::start(&names, flavour)),
        };
        Self { servers, subject, names, way, remark }
    }

    /// The servers that this breaks: as indices, and as the subject names them.
    pub(super) fn faulty(&self, trouble: &Trouble) -> Vec<(usize, String)> {
        let count = match trouble {
            Trouble::KillAll | Trouble::HangSubject | Trouble::Block(_) => self.names.len(),
            Trouble::KillOne
            | Trouble::Hang
            | Trouble::LosePackets
            | Trouble::Relay(_)
            | Trouble::Flap => 1,
        };
        self.names.iter().take(count).cloned().enumerate().collect()
    }

    /// Breaks what is to break, waits, and mends it.
    pub(super) fn inflict(&mut self, trouble: &Trouble, length: Length) {
        let duration = trouble.duration(length);
        match trouble {
            Trouble::KillOne => self.kill(1, duration),
            Trouble::KillAll => self.kill(SERVERS, duration),
            Trouble::Hang => {
                self.servers[0].hang();
                thread::sleep(duration);
                self.servers[0].resume();
            }
            Trouble::HangSubject => self.hang_subject(duration),
            Trouble::Block(threads) => self.block(*threads, duration),
            Trouble::LosePackets => self.lose_packets(duration),
            Trouble::Relay(fault) => self.relay(fault, duration),
            Trouble::Flap => self.flap(duration, length.flap_half()),
        }
    }

    fn kill(&mut self, count: usize, duration: Duration) {
        let servers = &mut self.servers[..count];
        servers.iter_mut().for_each(Memcached::kill);
        thread::sleep(duration);
        servers.iter_mut().for_each(Memcached::restart);
    }

    fn hang_subject(&self, duration: Duration) {
        match &self.subject {
            Subject::Proxy(proxy) => {
                proxy.hang();
                thread::sleep(duration);
                proxy.resume();
            }
            Subject::Library(library) => library.hang(duration),
        }
    }

    fn block(&self, threads: Threads, duration: Duration) {
        let Subject::Library(library) = &self.subject else {
            panic!("the proxy has no runtime that others work on")
        };
        for _ in 0..duration.as_millis() / BLOCK_INTERVAL.as_millis() {
            let start = Instant::now();
            library.block(threads, BLOCK_DURATION);
            sleep_until(start + BLOCK_INTERVAL);
        }
    }

    fn lose_packets(&self, duration: Duration) {
        let Way::Network(network) = &self.way else {
            return self.relay(&RelayFault::Blackhole, duration);
        };
        network.lose_packets();
        thread::sleep(duration);
        network.keep_packets();
    }

    fn relay(&self, fault: &RelayFault, duration: Duration) {
        self.set_relay(fault);
        thread::sleep(duration);
        self.set_relay(&RelayFault::None);
    }

    fn flap(&self, duration: Duration, half: Duration) {
        let start = Instant::now();
        for turn in 0.. {
            let begin = half * 2 * turn;
            if begin + half > duration {
                break;
            }
            sleep_until(start + begin);
            self.set_relay(&RelayFault::Refuse);
            sleep_until(start + begin + half);
            self.set_relay(&RelayFault::None);
        }
    }

    fn set_relay(&self, fault: &RelayFault) {
        match &self.way {
            Way::Relay(relay) => relay.set(fault.clone()),
            Way::Direct | Way::Network(_) => panic!("no relay stands before the first server"),
        }
    }
}

fn servers_on_loopback(count: usize) -> Vec<Memcached> {
    (0..count).map(|_| Memcached::start()).collect()
}

const SERVERS: usize = 3;
pub(super) const BLOCK_DURATION: Duration = Duration::from_secs(1);
/// From one beginning to the next.
const BLOCK_INTERVAL: Duration = Duration::from_millis(1_500);
