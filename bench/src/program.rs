//! The programs that are started, and what the kernel says of them.
//!
//! They end with us whatever happens: when the run is over, by being killed; when we are killed
//! ourselves, because the kernel was asked for it (`setpriv --pdeathsig`).

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use evenkeel_load::Endpoint;

/// A memcached server of one thread.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    _program: Program,
}

/// A child process.
pub struct Program(Child);

/// Processor time of a process.
#[derive(Clone, Copy)]
pub struct Cpu {
    /// User and system time together, to the nanosecond.
    pub total: Duration,
    /// The kernel's estimate of both, by its ticks.
    pub user_ticks: u64,
    /// See [`Cpu::user_ticks`].
    pub system_ticks: u64,
}

impl Server {
    /// Starts one that listens on all these addresses, at one port.
    pub fn start(addresses: &[Ipv4Addr]) -> io::Result<Self> {
        let address = free_address()?;
        let port = address.port().to_string();
        let list: Vec<_> = addresses.iter().map(Ipv4Addr::to_string).collect();
        let list = list.join(",");
        let arguments = ["-l", &list, "-p", &port, "-U", "0", "-t", "1", "-m", "512", "-c", "4096"];
        let program = Program::start("memcached".as_ref(), &arguments, &Endpoint::Tcp(address))?;
        Ok(Self { address, _program: program })
    }
}

impl Program {
    /// Starts the program and waits until it accepts connections.
    pub fn start(path: &Path, arguments: &[&str], endpoint: &Endpoint) -> io::Result<Self> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if name == "memcached" && is_root()? {
            // It refuses to run as root, and changing the user by itself it would lose the signal.
            command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
        }
        command.arg(path).args(arguments.iter().map(OsStr::new));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let failed = |what| io::Error::other(format!("{name} {what}"));
        let child = command.spawn().map_err(|error| failed(format!("cannot start: {error}")))?;
        let mut program = Self(child);
        let deadline = Instant::now() + START_TIMEOUT;
        while !accepts(endpoint) {
            if let Some(status) = program.0.try_wait()? {
                return Err(failed(format!("ended with {status}; is it installed?")));
            }
            if Instant::now() > deadline {
                return Err(failed(format!("does not listen on {endpoint}")));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(program)
    }

    /// Processor time that all its threads have used so far.
    pub fn cpu(&self) -> io::Result<Cpu> {
        let mut nanos = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.0.id()))? {
            let statistics = fs::read_to_string(thread?.path().join("schedstat"))?;
            let on_cpu = statistics.split(' ').next().and_then(|number| number.parse::<u64>().ok());
            nanos += on_cpu.ok_or_else(|| io::Error::other("schedstat has no numbers"))?;
        }
        if nanos == 0 {
            return Err(io::Error::other("this kernel keeps no schedstat"));
        }
        let [user_ticks, system_ticks] = ticks(self.0.id())?;
        Ok(Cpu { total: Duration::from_nanos(nanos), user_ticks, system_ticks })
    }

    /// Bytes that are in memory.
    pub fn resident(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let kib = status.lines().find_map(|line| {
            line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok()
        });
        kib.map(|kib| kib * 1024).ok_or_else(|| io::Error::other("the status has no VmRSS"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // An error means that it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process's user and system time.
fn ticks(id: u32) -> io::Result<[u64; 2]> {
    let text = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The second word is a name that may hold anything; the third follows its bracket.
    let words = text.rsplit_once(") ").map(|(_, words)| words).unwrap_or_default();
    let numbers: Vec<_> = words.split(' ').skip(11).map_while(|word| word.parse().ok()).collect();
    match numbers[..] {
        [user, system, ..] => Ok([user, system]),
        _ => Err(io::Error::other("a process's stat has no times")),
    }
}

fn accepts(endpoint: &Endpoint) -> bool {
    match endpoint {
        Endpoint::Tcp(address) => TcpStream::connect(address).is_ok(),
        Endpoint::Unix(path) => UnixStream::connect(path).is_ok(),
    }
}

fn is_root() -> io::Result<bool> {
    Ok(fs::read_to_string("/proc/self/status")?.contains("\nUid:\t0\t"))
}

/// A loopback address that nobody listens on.
///
/// # Errors
/// The machine has none.
pub fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

const START_TIMEOUT: Duration = Duration::from_secs(10);
/// A user and group without rights.
const NOBODY: &str = "65534";
