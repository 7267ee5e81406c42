//! Several servers that are broken by a word, and healed by another.
//!
//! Each stands behind a relay of its own, and all that happens to it happens there: the server keeps
//! its items, so that one that comes back comes back with its old values, which is the case that is
//! hard to get right. [`Tier::restart`] has it come back empty instead.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{Config, Fault, Relay, Server};

/// Running servers, each behind a relay; all stopped when dropped.
#[derive(Debug)]
pub struct Tier {
    places: Vec<Place>,
}

/// A server and the way to it.
#[derive(Debug)]
struct Place {
    relay: Relay,
    breakable: Mutex<Breakable>,
}

#[derive(Debug)]
struct Breakable {
    server: Server,
    trouble: Option<Trouble>,
}

/// What can be the matter with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Its process is gone: connections are reset and connects refused.
    Crash,
    /// Its process hangs, as by `SIGSTOP`: it accepts and answers nothing.
    Stop,
    /// Each of its responses takes this much longer.
    Slow(Duration),
    /// Random bytes take the place of its responses.
    Garble,
    /// Packets to and from it are lost, those of connects too.
    CutOff,
    /// It answers `version` and `stats`, and no request for data.
    Lie,
    /// It answers each write with `SERVER_ERROR out of memory storing object`.
    Full,
    /// It crashes and comes back, over and over.
    Flap,
}

impl Tier {
    /// Starts so many servers on free ports of 127.0.0.1. Nothing is the matter with them.
    ///
    /// # Errors
    /// There is no free port or no thread can be started. Nothing is running then.
    pub fn start(len: usize) -> io::Result<Self> {
        let places = (0..len).map(|_| Place::start()).collect::<io::Result<_>>()?;
        Ok(Self { places })
    }

    /// Where each server is reached, by way of its relay.
    pub fn addrs(&self) -> Vec<SocketAddr> {
        self.places.iter().map(|place| place.relay.addr()).collect()
    }

    /// What is the matter with a server.
    ///
    /// # Panics
    /// If there is no server of this number; so does every function that takes one.
    pub fn trouble(&self, idx: usize) -> Option<Trouble> {
        self.places[idx].breakable().trouble
    }

    /// Breaks a server. What was the matter with it before is over.
    pub fn inflict(&self, idx: usize, trouble: Trouble) {
        let place = &self.places[idx];
        let mut breakable = place.breakable();
        place.relay.set(trouble.fault());
        breakable.trouble = Some(trouble);
    }

    /// Mends a server. It holds all that it held.
    pub fn heal(&self, idx: usize) {
        let place = &self.places[idx];
        let mut breakable = place.breakable();
        place.relay.clear();
        breakable.trouble = None;
    }

    /// Mends a server and has it start anew: another process, without an item.
    ///
    /// # Errors
    /// No thread can be started. Nothing answers behind the relay then.
    pub fn restart(&self, idx: usize) -> io::Result<()> {
        let place = &self.places[idx];
        let mut breakable = place.breakable();
        // Nobody gets through while there is no server: a relay resets whom it cannot connect.
        place.relay.set(Fault::Refuse);
        let restarted = breakable.server.restart();
        place.relay.clear();
        breakable.trouble = None;
        restarted
    }

    /// How many items a server holds.
    pub fn item_count(&self, idx: usize) -> usize {
        self.places[idx].breakable().server.item_count()
    }
}

impl Place {
    fn start() -> io::Result<Self> {
        let server = Server::start(Config::default())?;
        let relay = Relay::start(server.addr())?;
        Ok(Self { relay, breakable: Mutex::new(Breakable { server, trouble: None }) })
    }

    fn breakable(&self) -> MutexGuard<'_, Breakable> {
        // Whoever panicked with it left a server that can be broken and healed as before.
        self.breakable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Crash,
        Self::Stop,
        Self::Slow(SLOW_DEFAULT),
        Self::Garble,
        Self::CutOff,
        Self::Lie,
        Self::Full,
        Self::Flap,
    ];

    /// One word, as it is asked for.
    pub fn label(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Stop => "stop",
            Self::Slow(_) => "slow",
            Self::Garble => "garble",
            Self::CutOff => "cut-off",
            Self::Lie => "lie",
            Self::Full => "full",
            Self::Flap => "flap",
        }
    }

    /// What a relay does for it.
    fn fault(self) -> Fault {
        match self {
            Self::Crash => Fault::Refuse,
            Self::Stop => Fault::Stall,
            Self::Slow(delay) => Fault::Delay(delay),
            Self::Garble => Fault::Garbage,
            Self::CutOff => Fault::CutOff,
            Self::Lie => Fault::OnlyVersion,
            Self::Full => Fault::ServerErrorOnWrites("out of memory storing object".to_owned()),
            Self::Flap => Fault::Flap(FLAP_INTERVAL),
        }
    }
}

/// Slow enough to be noticed beside servers that answer at once, too quick for any timeout.
pub const SLOW_DEFAULT: Duration = Duration::from_millis(60);

/// How long a flapping server is gone, and then how long it is there.
const FLAP_INTERVAL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    const BOUND: Duration = Duration::from_secs(5);

    /// One request and what comes of it, on a connection of its own.
    fn ask(tier: &Tier, request: &str) -> io::Result<String> {
        let mut client = TcpStream::connect(tier.addrs()[0])?;
        client.set_read_timeout(Some(BOUND))?;
        client.write_all(format!("{request}\r\nquit\r\n").as_bytes())?;
        let mut answer = String::new();
        client.read_to_string(&mut answer)?;
        Ok(answer)
    }

    #[test]
    fn a_server_that_is_healed_holds_what_it_held() {
        let tier = Tier::start(1).unwrap();
        assert_eq!(ask(&tier, "set a 0 0 1\r\nx").unwrap(), "STORED\r\n");
        tier.inflict(0, Trouble::Crash);
        assert_eq!(tier.trouble(0), Some(Trouble::Crash));
        assert_eq!(ask(&tier, "get a").unwrap_err().kind(), ErrorKind::ConnectionRefused);
        tier.heal(0);
        assert_eq!(tier.trouble(0), None);
        assert_eq!(ask(&tier, "get a").unwrap(), "VALUE a 0 1\r\nx\r\nEND\r\n");
    }

    #[test]
    fn a_server_that_is_restarted_is_empty() {
        let tier = Tier::start(1).unwrap();
        assert_eq!(ask(&tier, "set a 0 0 1\r\nx").unwrap(), "STORED\r\n");
        tier.inflict(0, Trouble::Crash);
        tier.restart(0).unwrap();
        assert_eq!(tier.trouble(0), None);
        assert_eq!(ask(&tier, "get a").unwrap(), "END\r\n");
        assert_eq!(tier.item_count(0), 0);
    }

    #[test]
    fn trouble_of_one_server_takes_the_place_of_the_one_before() {
        let tier = Tier::start(1).unwrap();
        for trouble in [Trouble::Crash, Trouble::CutOff, Trouble::Full] {
            tier.inflict(0, trouble);
        }
        assert_eq!(tier.trouble(0), Some(Trouble::Full));
        let answer = ask(&tier, "set a 0 0 1\r\nx").unwrap();
        assert_eq!(answer, "SERVER_ERROR out of memory storing object\r\n");
    }

    #[test]
    fn labels_are_different_words() {
        let labels: std::collections::BTreeSet<_> = Trouble::ALL.map(Trouble::label).into();
        assert_eq!(labels.len(), Trouble::ALL.len());
    }
}
