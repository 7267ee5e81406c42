//! Who is compared.

use std::fs;
use std::io;
use std::path::Path;

use evenkeel_bench::program::{Cpu, Program, free_address};
use evenkeel_load::Endpoint;

use crate::stage::Stage;

/// A way from the load to the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Evenkeel with one worker.
    Evenkeel,
    /// twemproxy with its own defaults.
    Twemproxy,
    /// The bare forwarder: the floor of what such a proxy costs.
    Forwarder,
    /// haproxy in TCP mode before one server: the floor of any proxy at all.
    Haproxy,
    /// No proxy: one server.
    Direct,
    /// Evenkeel with two workers.
    TwoWorkers,
    /// Evenkeel with one worker, reached through a unix socket.
    UnixSocket,
    /// Another build of Evenkeel.
    OtherBuild,
    /// twemproxy once more.
    SecondTwemproxy,
}

/// A peer that runs; it ends with us.
pub(crate) struct Target {
    pub(crate) peer: Peer,
    pub(crate) endpoint: Endpoint,
    /// None when going direct.
    program: Option<Program>,
}

impl Peer {
    /// Those that are compared with each other, the one that ratios are to first.
    pub(crate) const PROXIES: [Self; 5] =
        [Self::Twemproxy, Self::Evenkeel, Self::Forwarder, Self::Haproxy, Self::Direct];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Evenkeel => "evenkeel",
            Self::Twemproxy => "twemproxy",
            Self::Forwarder => "forwarder",
            Self::Haproxy => "haproxy",
            Self::Direct => "direct",
            Self::TwoWorkers => "evenkeel, two workers",
            Self::UnixSocket => "evenkeel, unix socket",
            Self::OtherBuild => "the other build",
            Self::SecondTwemproxy => "twemproxy again",
        }
    }
}

impl Target {
    /// Starts the peer. `evenkeel` is the binary of Evenkeel.
    pub(crate) fn start(peer: Peer, stage: &Stage, evenkeel: &Path) -> io::Result<Self> {
        match peer {
            Peer::Twemproxy | Peer::SecondTwemproxy => Self::start_twemproxy(peer, stage),
            Peer::Evenkeel | Peer::OtherBuild | Peer::UnixSocket => {
                Self::start_evenkeel(peer, stage, evenkeel, 1)
            }
            Peer::TwoWorkers => Self::start_evenkeel(peer, stage, evenkeel, 2),
            Peer::Forwarder => Self::start_forwarder(stage),
            Peer::Haproxy => Self::start_haproxy(stage),
            Peer::Direct => {
                let endpoint = Endpoint::Tcp(stage.servers[0].address);
                Ok(Self { peer, endpoint, program: None })
            }
        }
    }

    /// Processor time that all threads of the proxy have used so far; none when going direct.
    pub(crate) fn cpu(&self) -> io::Result<Option<Cpu>> {
        self.program.as_ref().map(Program::cpu).transpose()
    }

    /// Bytes of the proxy that are in memory; none when going direct.
    pub(crate) fn resident(&self) -> io::Result<Option<u64>> {
        self.program.as_ref().map(Program::resident).transpose()
    }

    /// twemproxy with its own defaults.
    fn start_twemproxy(peer: Peer, stage: &Stage) -> io::Result<Self> {
        let address = free_address()?;
        let servers: Vec<_> =
            stage.servers.iter().map(|server| format!("   - {}:1", server.address)).collect();
        let servers = servers.join("\n");
        let config = format!(
            "main:\n  listen: {address}\n  hash: fnv1a_64\n  distribution: ketama\n  servers:\n{servers}\n"
        );
        let path = stage.folder.join(format!("{}.yml", peer.name()));
        fs::write(&path, config)?;
        let stats_port = free_address()?.port().to_string();
        let arguments = ["-a", "127.0.0.1", "-s", &stats_port, "-c", &path.to_string_lossy()];
        let endpoint = Endpoint::Tcp(address);
        let program = Program::start("nutcracker".as_ref(), &arguments, &endpoint)?;
        Ok(Self { peer, endpoint, program: Some(program) })
    }

    /// Evenkeel with the distribution that gives every key the server it has under twemproxy, and
    /// defaults for all else.
    fn start_evenkeel(
        peer: Peer,
        stage: &Stage,
        binary: &Path,
        workers: usize,
    ) -> io::Result<Self> {
        let endpoint = match peer {
            Peer::UnixSocket => Endpoint::Unix(stage.folder.join("evenkeel.sock")),
            _ => Endpoint::Tcp(free_address()?),
        };
        let servers: Vec<_> =
            stage.servers.iter().map(|server| format!("\"{}\"", server.address)).collect();
        let config = evenkeel_config(&endpoint, workers, &servers.join(", "));
        let path = stage.folder.join(format!("{}.toml", peer.name()));
        fs::write(&path, config)?;
        let program = Program::start(binary, &["run", &path.to_string_lossy()], &endpoint)?;
        Ok(Self { peer, endpoint, program: Some(program) })
    }

    fn start_forwarder(stage: &Stage) -> io::Result<Self> {
        let endpoint = Endpoint::Tcp(free_address()?);
        let servers = stage.servers.iter().map(|server| server.address.to_string());
        let arguments: Vec<_> = [endpoint.to_string()].into_iter().chain(servers).collect();
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let binary = std::env::current_exe()?.with_file_name("forwarder");
        let program = Program::start(&binary, &arguments, &endpoint)?;
        Ok(Self { peer: Peer::Forwarder, endpoint, program: Some(program) })
    }

    /// One thread that passes bytes on, from one connection to one.
    fn start_haproxy(stage: &Stage) -> io::Result<Self> {
        let endpoint = Endpoint::Tcp(free_address()?);
        let config = format!(
            "global\n  nbthread 1\n  maxconn 4096\ndefaults\n  mode tcp\n  timeout connect 5s\n  \
             timeout client 1h\n  timeout server 1h\nlisten main\n  bind {endpoint}\n  \
             server one {}\n",
            stage.servers[0].address
        );
        let path = stage.folder.join("haproxy.cfg");
        fs::write(&path, config)?;
        let arguments = ["-db", "-f", &path.to_string_lossy()];
        let program = Program::start("haproxy".as_ref(), &arguments, &endpoint)?;
        Ok(Self { peer: Peer::Haproxy, endpoint, program: Some(program) })
    }
}

/// A configuration of Evenkeel for these servers, quoted and separated by commas.
pub(crate) fn evenkeel_config(endpoint: &Endpoint, workers: usize, servers: &str) -> String {
    format!(
        "[proxy]\nworkers = {workers}\n[listener.main]\naddress = \"{endpoint}\"\npool = \"main\"\n\
         [pool.main]\nservers = [{servers}]\ndistribution = \"ketama\"\nhash = \"fnv1a_64\"\n"
    )
}
