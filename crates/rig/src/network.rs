//! A network for one server, in which packets can be lost.

use std::process::{self, Command};

/// A server's network namespace, and a router between it and us that can lose every packet of
/// both directions. Neither end is told: no reset, no unreachable, no loss of carrier.
///
/// Needs root and iproute2. Removed when dropped.
pub struct Network {
    /// Which of our networks it is.
    number: u32,
}

impl Network {
    /// Makes one, or says why not.
    pub fn create() -> Result<Self, String> {
        let first = process::id() % NETWORKS;
        let numbers = (0..NETWORKS).map(|step| (first + step) % NETWORKS);
        let mut why_not = String::new();
        for number in numbers.take(CREATE_ATTEMPTS) {
            // Fails where somebody else has taken the number, and changes nothing then.
            match ip(&format!("netns add {}", router(number))) {
                Ok(()) => {
                    let network = Self { number };
                    network.connect()?;
                    return Ok(network);
                }
                Err(error) => why_not = error,
            }
        }
        Err(why_not)
    }

    /// The server's address.
    pub fn ip(&self) -> String {
        format!("198.19.{}.2", self.number)
    }

    /// The server's network namespace.
    pub fn namespace(&self) -> String {
        format!("evenkeel-server-{}", self.number)
    }

    /// From now on the router loses every packet, of both directions.
    pub fn lose_packets(&self) {
        self.change_routes("add");
    }

    /// Ends [`Self::lose_packets`].
    pub fn keep_packets(&self) {
        self.change_routes("del");
    }

    fn change_routes(&self, how: &str) {
        let (router, number) = (router(self.number), self.number);
        for target in [format!("198.18.{number}.1"), self.ip()] {
            ip(&format!("-n {router} route {how} blackhole {target}/32"))
                .expect("our own router does as it is told");
        }
    }

    fn connect(&self) -> Result<(), String> {
        let (router, server, number) = (router(self.number), self.namespace(), self.number);
        let link = link(number);
        for command in [
            format!("netns add {server}"),
            format!("link add {link} type veth peer name near netns {router}"),
            format!("link add far netns {router} type veth peer name eth0 netns {server}"),
            format!("addr add 198.18.{number}.1/30 dev {link}"),
            format!("-n {router} addr add 198.18.{number}.2/30 dev near"),
            format!("-n {router} addr add 198.19.{number}.1/30 dev far"),
            format!("-n {server} addr add 198.19.{number}.2/30 dev eth0"),
            format!("-n {router} link set near up"),
            format!("-n {router} link set far up"),
            format!("-n {server} link set eth0 up"),
            format!("link set {link} up"),
            format!("route add 198.19.{number}.0/30 via 198.18.{number}.2"),
            format!("-n {server} route add default via 198.19.{number}.1"),
        ] {
            ip(&command)?;
        }
        let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
        run(Command::new("ip").args(["netns", "exec", &router, "sh", "-c", forward]))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // A network that was made in part is removed in part.
        let _ = ip(&format!("link del {}", link(self.number)));
        let _ = ip(&format!("netns del {}", self.namespace()));
        let _ = ip(&format!("netns del {}", router(self.number)));
    }
}

fn ip(arguments: &str) -> Result<(), String> {
    run(Command::new("ip").args(arguments.split_whitespace()))
}

/// Runs a command to its end; what it said if it failed.
fn run(command: &mut Command) -> Result<(), String> {
    let said = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if said.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&said.stderr).trim()))
}

fn router(number: u32) -> String {
    format!("evenkeel-router-{number}")
}

fn link(number: u32) -> String {
    format!("evenkeel{number}")
}

/// 198.18.0.0/15 is kept for tests of networks (RFC 2544): one number of each half for us.
const NETWORKS: u32 = 250;
const CREATE_ATTEMPTS: usize = 20;
