//! The programs that are measured, and the servers behind them.

use std::env;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use evenkeel_load::Endpoint;

/// A memcached server of one thread; it ends with us.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    _program: Program,
}

/// A proxy before the servers; it ends with us.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    address: SocketAddr,
    program: Program,
}

/// A child process, killed when dropped.
struct Program(Child);

impl Server {
    pub(crate) fn start() -> io::Result<Self> {
        let address = free_address()?;
        let mut command = Command::new("memcached");
        command.args(["-l", "127.0.0.1", "-U", "0", "-t", "1", "-m", "512", "-c", "4096"]);
        command.arg("-p").arg(address.port().to_string());
        let is_root = fs::read_to_string("/proc/self/status")?.contains("\nUid:\t0\t");
        if is_root {
            command.args(["-u", "nobody"]);
        }
        Ok(Self { address, _program: Program::start(command, address)? })
    }
}

impl Target {
    /// twemproxy with its own defaults.
    pub(crate) fn start_twemproxy(servers: &[SocketAddr]) -> io::Result<Self> {
        let address = free_address()?;
        let servers: Vec<_> = servers.iter().map(|server| format!("   - {server}:1")).collect();
        let path = write_config(
            "twemproxy.yml",
            &format!(
                "main:\n  listen: {address}\n  hash: fnv1a_64\n  distribution: ketama\n  \
                 servers:\n{}\n",
                servers.join("\n")
            ),
        )?;
        let stats_port = free_address()?.port().to_string();
        let mut command = Command::new("nutcracker");
        command.args(["-a", "127.0.0.1", "-s", &stats_port, "-c"]).arg(path);
        Ok(Self { name: "twemproxy", address, program: Program::start(command, address)? })
    }

    /// A build of `evenkeel`: one worker, and the distribution that gives every key the server it
    /// has under twemproxy.
    pub(crate) fn start_evenkeel(
        name: &'static str,
        binary: &Path,
        servers: &[SocketAddr],
    ) -> io::Result<Self> {
        let address = free_address()?;
        let servers: Vec<_> = servers.iter().map(|server| format!("\"{server}\"")).collect();
        let path = write_config(
            &format!("{name}.toml"),
            &format!(
                "[proxy]\nworkers = 1\n[listener.main]\naddress = \"{address}\"\n\
                 pool = \"main\"\n[pool.main]\nservers = [{}]\ndistribution = \"ketama\"\nhash = \"fnv1a_64\"\n",
                servers.join(", ")
            ),
        )?;
        let mut command = Command::new(binary);
        command.arg("run").arg(path);
        Ok(Self { name, address, program: Program::start(command, address)? })
    }

    /// Where the load goes.
    pub(crate) fn endpoint(&self) -> Endpoint {
        self.address.into()
    }

    /// Processor time that all threads of the proxy have used so far, user and system.
    pub(crate) fn cpu_time(&self) -> io::Result<Duration> {
        let mut nanos = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.program.0.id()))? {
            let statistics = fs::read_to_string(thread?.path().join("schedstat"))?;
            let on_cpu = statistics.split(' ').next().and_then(|number| number.parse::<u64>().ok());
            nanos += on_cpu.ok_or_else(|| io::Error::other("schedstat has no numbers"))?;
        }
        if nanos == 0 {
            return Err(io::Error::other("this kernel keeps no schedstat"));
        }
        Ok(Duration::from_nanos(nanos))
    }
}

impl Program {
    /// Starts the program and waits until it accepts connections.
    fn start(mut command: Command, address: SocketAddr) -> io::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut program = Self(command.spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("cannot start {name}: {error}"))
        })?);
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = program.0.try_wait()? {
                return Err(io::Error::other(format!("{name} ended with {status}")));
            }
            if Instant::now() > deadline {
                return Err(io::Error::other(format!("{name} does not listen on {address}")));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(program)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // An error means that it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn write_config(name: &str, text: &str) -> io::Result<PathBuf> {
    let path = env::temp_dir().join(format!("evenkeel-compare-{}-{name}", std::process::id()));
    fs::write(&path, text)?;
    Ok(path)
}

const START_TIMEOUT: Duration = Duration::from_secs(10);
