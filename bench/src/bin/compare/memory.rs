//! What sessions and connections to servers cost in memory while they do nothing.

use std::error::Error;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use evenkeel_bench::program::{Program, Server, free_address};
use evenkeel_load::{Endpoint, Length, Load, Pace, ValueSize, Workload};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::peer::{Peer, Target, evenkeel_config};
use crate::stage::Stage;

/// The names that `--only` knows.
pub(crate) const SESSIONS: &str = "memory per idle session";
pub(crate) const CONNECTIONS: &str = "memory per connection to a server";

/// Bytes that an idle session costs.
pub(crate) struct SessionMemory {
    pub(crate) sessions: usize,
    pub(crate) evenkeel: f64,
    pub(crate) twemproxy: f64,
}

/// Bytes that a connection to a server costs at rest.
pub(crate) struct ConnectionMemory {
    /// Connections of the larger pool, over all workers.
    pub(crate) connections: u32,
    /// After pipelines of small values.
    pub(crate) after_small: f64,
    /// After pipelines of values of 10 KiB.
    pub(crate) after_large: f64,
}

impl SessionMemory {
    /// Opens sessions that each store and read one value, and leaves them open.
    pub(crate) fn measure(stage: &Stage, evenkeel: &Path) -> Result<Self, Box<dyn Error>> {
        let sessions = raise_descriptors().saturating_sub(DESCRIPTORS_SPARE).min(SESSIONS_MAX);
        let measure = |peer| {
            let target = Target::start(peer, stage, evenkeel)?;
            growth(&target, sessions)
        };
        let (evenkeel, twemproxy) = (measure(Peer::Evenkeel)?, measure(Peer::Twemproxy)?);
        Ok(Self { sessions, evenkeel, twemproxy })
    }
}

/// Bytes by which a target grows for each session.
fn growth(target: &Target, sessions: usize) -> Result<f64, Box<dyn Error>> {
    let Endpoint::Tcp(address) = target.endpoint else { return Err("not a TCP endpoint".into()) };
    // The first few find the buffers that all share.
    let first: Result<Vec<_>, _> = (0..10).map(|idx| open(address, idx)).collect();
    let first = first?;
    thread::sleep(REST);
    let before = target.resident()?.unwrap_or_default();
    let idle: Result<Vec<_>, _> = (0..sessions).map(|idx| open(address, idx)).collect();
    let idle = idle?;
    thread::sleep(REST);
    let after = target.resident()?.unwrap_or_default();
    drop((first, idle));
    Ok(per(after.saturating_sub(before), u32::try_from(sessions)?))
}

/// One session that has stored a value and read it.
fn open(address: std::net::SocketAddr, idx: usize) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    let value = "v".repeat(VALUE_LEN);
    let request = format!("set idle{idx} 0 0 {VALUE_LEN}\r\n{value}\r\nget idle{idx}\r\n");
    let expected = format!("STORED\r\nVALUE idle{idx} 0 {VALUE_LEN}\r\n{value}\r\nEND\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = vec![0; expected.len()];
    stream.read_exact(&mut answer)?;
    if answer != expected.as_bytes() {
        return Err(io::Error::other("an idle session was answered wrongly"));
    }
    Ok(stream)
}

impl ConnectionMemory {
    /// How much larger Evenkeel is with a large pool after a load than with a small one before
    /// any. That is the most that the connections can cost: what else the load left behind is
    /// counted as theirs. By default every worker has one to every server.
    pub(crate) fn measure(stage: &Stage, evenkeel: &Path) -> Result<Self, Box<dyn Error>> {
        let addresses: Vec<_> =
            (1..=SERVERS_MANY).map(|idx| Ipv4Addr::new(127, 0, 0, idx)).collect();
        // One process with as many addresses: Evenkeel cannot tell.
        let server = Server::start(&addresses)?;
        let port = server.address.port();
        let names: Vec<_> = addresses.iter().map(|ip| format!("\"{ip}:{port}\"")).collect();
        let start = |count: u8| {
            let endpoint = Endpoint::Tcp(free_address()?);
            let servers = names[..count.into()].join(", ");
            let path = stage.folder.join("servers.toml");
            fs::write(&path, evenkeel_config(&endpoint, WORKERS.into(), &servers))?;
            let program = Program::start(evenkeel, &["run", &path.to_string_lossy()], &endpoint)?;
            Ok::<_, io::Error>((program, endpoint))
        };
        let more = u32::from((SERVERS_MANY - SERVERS_FEW) * WORKERS);
        let after = |value_len| -> Result<f64, Box<dyn Error>> {
            let (small, _) = start(SERVERS_FEW)?;
            let (large, endpoint) = start(SERVERS_MANY)?;
            use_all(&endpoint, value_len)?;
            thread::sleep(REST);
            Ok(per(large.resident()?.saturating_sub(small.resident()?), more))
        };
        Ok(Self {
            connections: u32::from(SERVERS_MANY * WORKERS),
            after_small: after(100)?,
            after_large: after(10 * 1024)?,
        })
    }
}

/// Has values go to and from every server.
fn use_all(endpoint: &Endpoint, value_len: usize) -> Result<(), Box<dyn Error>> {
    let workload = Workload {
        pace: Pace::Closed { batch: 16 },
        key_len: 32,
        value_size: ValueSize::Fixed(value_len),
        keys: 5000,
        ..Workload::default()
    };
    let load = Load::new(endpoint, &workload);
    load.fill()?;
    let report = load.run(Length::Requests(50_000))?;
    if report.misses + report.failed() > 0 {
        crate::say(&format!("not all was right under {CONNECTIONS}: {:?}", report.faults));
    }
    Ok(())
}

/// As many descriptors as we are allowed.
fn raise_descriptors() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Refused, it stays as it was.
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile)
        .current
        .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

#[expect(clippy::cast_precision_loss, reason = "no process has 2^52 bytes")]
fn per(bytes: u64, count: u32) -> f64 {
    bytes as f64 / f64::from(count.max(1))
}

const SESSIONS_MAX: usize = 5000;
/// For everything else that is open.
const DESCRIPTORS_SPARE: usize = 200;
const VALUE_LEN: usize = 1000;
const SERVERS_FEW: u8 = 3;
const SERVERS_MANY: u8 = 40;
const WORKERS: u8 = 2;
/// Long enough for what is given back to be given back.
const REST: Duration = Duration::from_secs(2);
