//! A real redis-server on loopback.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::port::on_free_port;
use crate::{Program, ScratchFolder, free_port, make_certificates};

/// One redis-server process; it is killed when dropped.
pub struct Redis {
    // Dropped in this order: the process has ended when its folder goes.
    program: Program,
    place: Place,
}

/// Where a server runs, and as what.
struct Place {
    port: u16,
    tls_port: Option<u16>,
    folder: ScratchFolder,
    arguments: Vec<String>,
}

impl Redis {
    /// Starts a server on a free port, which saves nothing, and waits until it answers.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with further arguments, such as `["--maxmemory", "2mb"]`. They win over ours:
    /// `--save "" --appendonly no`.
    pub fn start_with(arguments: &[&str]) -> Self {
        Self::start_as(|| None, arguments)
    }

    /// The same, listening for TLS as well, with a certificate of [`Self::ca_path`]'s.
    pub fn start_tls() -> Self {
        Self::start_as(|| Some(free_port()), &[])
    }

    fn start_as(tls_port: impl Fn() -> Option<u16>, arguments: &[&str]) -> Self {
        on_free_port(|port| {
            let arguments = arguments.iter().map(ToString::to_string).collect();
            let folder = ScratchFolder::create();
            let place = Place { port, tls_port: tls_port(), folder, arguments };
            if place.tls_port.is_some() {
                make_certificates(place.folder.path());
            }
            Ok(Self { program: place.start(|answer| !is_loading(answer))?, place })
        })
    }

    /// Starts the server again on its ports, and waits until it has loaded what it had saved.
    pub fn restart(&mut self) {
        self.restart_until(|answer| !is_loading(answer));
    }

    /// Starts the server again on its ports, and waits until it says that it is loading. For that
    /// it must have saved more than it can load at once.
    pub fn restart_loading(&mut self) {
        self.restart_until(is_loading);
    }

    fn restart_until(&mut self, is_ready: fn(&str) -> bool) {
        self.program.kill();
        self.program = self.place.start(is_ready).unwrap_or_else(|why_not| panic!("{why_not}"));
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.program.kill();
    }

    /// Makes the server hang: its sockets stay open and nothing is answered.
    pub fn hang(&self) {
        self.program.stop();
    }

    /// Ends [`Self::hang`].
    pub fn resume(&self) {
        self.program.signal("CONT");
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        self.place.address()
    }

    /// Where it listens for TLS.
    ///
    /// # Panics
    /// It was not started by [`Self::start_tls`].
    pub fn tls_address(&self) -> String {
        let port = self.place.tls_port.expect("it was started by start_tls");
        format!("127.0.0.1:{port}")
    }

    /// The certificate authority to trust, as PEM.
    pub fn ca_path(&self) -> PathBuf {
        self.folder().join("ca.pem")
    }

    /// Where it saves what it is told to save.
    pub fn folder(&self) -> &Path {
        self.place.folder.path()
    }

    /// The number of its process.
    pub fn process_id(&self) -> u32 {
        self.program.id()
    }

    /// What it has said so far.
    pub fn output(&self) -> String {
        self.program.output()
    }

    /// Sends a command over a connection of its own and waits for its answer, which it gives as
    /// it came: `"+OK\r\n"`, `"$5\r\nvalue\r\n"`. A password that it was started with
    /// (`--requirepass`) is given first.
    #[track_caller]
    pub fn command(&self, command: &[&str]) -> String {
        self.place.ask(command, ANSWER_TIMEOUT).unwrap_or_else(|error| {
            panic!("{command:?} at {}: {error}\n{}", self.address(), self.output())
        })
    }

    /// Sends a command, as [`Self::command`] does, and waits for nothing: for one that takes long,
    /// or a client that does nothing more. It ends with
    /// its connection, of which a read waits 10 s at most.
    #[track_caller]
    pub fn send(&self, command: &[&str]) -> TcpStream {
        let sent = self.place.send(&[command], ANSWER_TIMEOUT);
        sent.unwrap_or_else(|error| panic!("{command:?} at {}: {error}", self.address()))
    }
}

impl Place {
    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts the server and waits until its answer, whatever it is (there may be a password that
    /// we do not know), is that of a server that is ready.
    fn start(&self, is_ready: fn(&str) -> bool) -> Result<Program, String> {
        let mut command = Command::new("redis-server");
        command.current_dir(self.folder.path());
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string()]);
        command.args(["--save", "", "--appendonly", "no"]);
        if let Some(port) = self.tls_port {
            command.args(["--tls-port", &port.to_string(), "--tls-auth-clients", "no"]);
            command.args(["--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem"]);
            command.args(["--tls-ca-cert-file", "ca.pem"]);
        }
        Program::start_server(command.args(&self.arguments), || {
            let answer = self.ask(&["DBSIZE"], READY_TIMEOUT);
            answer.is_ok_and(|answer| !answer.is_empty() && is_ready(&answer))
        })
    }

    fn ask(&self, command: &[&str], timeout: Duration) -> io::Result<String> {
        // The last command has the server close the connection behind its answers, whatever the
        // state it is in, so that nobody needs to parse them to know their end.
        let mut stream = self.send(&[command, &["QUIT"]], timeout)?;
        let mut answers = Vec::new();
        stream.read_to_end(&mut answers)?;
        let answers = String::from_utf8_lossy(&answers);
        let answers = answers.strip_suffix("+OK\r\n").unwrap_or(&answers);
        let answer = match self.password() {
            Some(_) => answers.strip_prefix("+OK\r\n").unwrap_or(answers),
            None => answers,
        };
        Ok(answer.to_owned())
    }

    fn send(&self, commands: &[&[&str]], timeout: Duration) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.address())?;
        stream.set_read_timeout(Some(timeout))?;
        let password = self.password().map(|password| encode(&["AUTH", password]));
        let commands = commands.iter().map(|command| encode(command));
        let text: String = password.into_iter().chain(commands).collect();
        stream.write_all(text.as_bytes())?;
        Ok(stream)
    }

    fn password(&self) -> Option<&str> {
        let at = self.arguments.iter().position(|argument| argument == "--requirepass")?;
        self.arguments.get(at + 1).map(String::as_str)
    }
}

fn is_loading(answer: &str) -> bool {
    answer.starts_with("-LOADING ")
}

/// A command as an array of RESP.
fn encode(command: &[&str]) -> String {
    let words = command.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
    format!("*{}\r\n{}", command.len(), words.collect::<String>())
}

const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Who has no answer by then asks again.
const READY_TIMEOUT: Duration = Duration::from_millis(500);
