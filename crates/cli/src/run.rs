//! `evenkeel run`: the proxy, in the foreground, until a signal ends it.
//!
//! Without a file it starts three embedded servers first, so that there is something to try.

use std::io::{self, Write};
use std::net::SocketAddr;

use evenkeel_config_file::LoadError;
use evenkeel_core::config::{Config, ListenAddress};
use evenkeel_lab::Server;
use evenkeel_proxy::admin::AdminError;
use evenkeel_proxy::{Origin, Proxy, StartError};

use crate::args::RunArgs;
use crate::lab_config::{Ports, SERVERS_LEN, lab_config};
use crate::log;
use crate::service;
use crate::signals::{Asked, EXIT_INTERRUPTED, Signals};
use crate::source::FileSource;

/// Why it did not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// The file cannot be read, or has faults.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The proxy could not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A port that can be chosen is not free.
    #[error(
        "something listens on {address} already; end it (another evenkeel?), or choose another \
         port with {option} (0: any free one)"
    )]
    PortTaken {
        /// Where.
        address: SocketAddr,
        /// How another is chosen.
        option: &'static str,
    },
    /// Something on this machine stood in the way.
    #[error("cannot {what}")]
    Machine {
        /// What was being done.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl RunError {
    /// Why a proxy did not start whose ports are chosen by options.
    pub(crate) fn of_ports(error: StartError) -> Self {
        let is_taken = |source: &io::Error| source.kind() == io::ErrorKind::AddrInUse;
        if let StartError::Bind { address: ListenAddress::Tcp(address), source, .. } = &error
            && is_taken(source)
        {
            return Self::PortTaken { address: *address, option: "--port" };
        }
        if let StartError::Admin(AdminError::Bind { address, source }) = &error
            && is_taken(source)
        {
            return Self::PortTaken { address: *address, option: "--admin-port" };
        }
        Self::Start(error)
    }
}

/// Runs until SIGINT or SIGTERM; a second one ends it at once. SIGHUP has the file read again, or
/// ends it if there is none.
pub(crate) fn run(args: &RunArgs) -> Result<(), RunError> {
    // Signals are caught before anything is started, so that none is missed.
    let mut signals = Signals::catch().map_err(machine("catch signals"))?;
    let source = args.file.as_deref().map(FileSource::new);
    let (config, origin, servers) = if let Some(source) = source {
        let beginning = source.begin(args.state_directory().as_deref())?;
        let config = beginning.loaded.config.clone();
        (config, Origin::Source(Box::new(source), Box::new(beginning)), Vec::new())
    } else {
        let (config, servers) = embedded(args.ports())?;
        let settings = evenkeel_config_file::write(&config);
        (config, Origin::Settings(settings), servers)
    };
    log::start(&config.log);
    let proxy = Proxy::start_from(&config, origin, None);
    let proxy = if servers.is_empty() { proxy? } else { proxy.map_err(RunError::of_ports)? };
    greet(&proxy, &servers).map_err(machine("write to standard output"))?;
    service::started(proxy.liveness());
    // Without a file there is nothing to read again: its terminal has been closed.
    while let (Asked::Reload, Some(reloader)) = (signals.wait(), proxy.reloader()) {
        reloader.request();
    }
    service::stopping();
    std::thread::spawn(move || {
        signals.wait_for_stop();
        std::process::exit(EXIT_INTERRUPTED.into());
    });
    proxy.stop();
    Ok(())
}

pub(crate) fn machine(what: &'static str) -> impl FnOnce(io::Error) -> RunError {
    move |source| RunError::Machine { what, source }
}

/// Three embedded servers, and a configuration that names them.
fn embedded(ports: Ports) -> Result<(Config, Vec<Server>), RunError> {
    let start = |_| Server::start(evenkeel_lab::Config::default());
    let servers: io::Result<Vec<_>> = (0..SERVERS_LEN).map(start).collect();
    let servers = servers.map_err(machine("start an embedded server"))?;
    let config = lab_config(ports, servers.iter().map(Server::addr));
    Ok((config, servers))
}

/// Says where it listens and, for a newcomer, what to try.
fn greet(proxy: &Proxy, servers: &[Server]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    for (name, address) in proxy.addresses() {
        writeln!(output, "evenkeel {}: listener {name} on {address}", env!("CARGO_PKG_VERSION"))?;
    }
    if let Some(address) = proxy.admin_address() {
        writeln!(output, "page, metrics and API on http://{address}/")?;
    }
    if let (false, Some((_, ListenAddress::Tcp(addr)))) =
        (servers.is_empty(), proxy.addresses().first())
    {
        let (ip, port) = (addr.ip(), addr.port());
        let embedded: Vec<_> = servers.iter().map(|it| it.addr().to_string()).collect();
        writeln!(
            output,
            "in front of {SERVERS_LEN} embedded servers to try it on: {}\n\
             \n\
             Try it:\n\
             \x20 printf 'set greeting 0 60 5\\r\\nhello\\r\\nget greeting\\r\\nquit\\r\\n' | nc {ip} {port}\n\
             or, after pip install pymemcache, in Python:\n\
             \x20 from pymemcache.client.base import Client\n\
             \x20 c = Client(\"{addr}\"); c.set(\"greeting\", \"hello\"); print(c.get(\"greeting\"))\n\
             \n\
             Servers that crash, hang and lie on command: evenkeel lab.\n\
             Your own servers: evenkeel run evenkeel.toml (evenkeel.example.toml is a start).\n\
             Ctrl-C ends it; what the embedded servers hold is then gone.",
            embedded.join(", "),
        )?;
    }
    output.flush()
}
