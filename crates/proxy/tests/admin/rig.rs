//! A proxy before embedded servers, with an admin server, and a client that says what it likes.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use evenkeel_core::config::{
    AdminConfig, Config, ListenAddress, ListenerConfig, PoolConfig, ServerConfig,
};
use evenkeel_lab::server::{Config as LabConfig, Server};
use evenkeel_proxy::{Lab, Origin, Proxy};
use serde_json::Value;

/// Enough for anything here on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A header that says that no browser asks.
pub(crate) const NO_BROWSER: (&str, &str) = ("x-evenkeel", "1");

/// A proxy before servers `a` and `b`.
pub(crate) struct Rig {
    /// Stopped when dropped: `None` then.
    proxy: Option<Proxy>,
    pub(crate) servers: Vec<Server>,
    pub(crate) admin: SocketAddr,
}

impl Rig {
    pub(crate) fn start() -> Self {
        Self::start_with(AdminConfig::default())
    }

    /// With an admin server so configured, but for its port.
    pub(crate) fn start_with(admin: AdminConfig) -> Self {
        Self::start_before(admin, None)
    }

    /// Before servers that are this lab's, as it says.
    pub(crate) fn start_before(mut admin: AdminConfig, lab: Option<Box<dyn Lab>>) -> Self {
        admin.address.set_port(0);
        let servers = ["a", "b"].map(|_| Server::start(LabConfig::default()).expect("it starts"));
        let config = config(&servers, admin);
        let proxy =
            Proxy::start_from(&config, Origin::Code, lab).unwrap_or_else(|error| panic!("{error}"));
        let admin = proxy.admin_address().expect("one is configured");
        Self { proxy: Some(proxy), servers: servers.into(), admin }
    }

    /// Where applications connect.
    pub(crate) fn address(&self) -> SocketAddr {
        match self.proxy.as_ref().expect("it runs").addresses()[..] {
            [(_, ListenAddress::Tcp(address))] => address,
            _ => panic!("it has one listener, by TCP"),
        }
    }

    #[track_caller]
    pub(crate) fn ask(&self, path: &str) -> Answer {
        self.send("GET", path, &[])
    }

    /// Gives an order, as a program does.
    #[track_caller]
    pub(crate) fn order(&self, server: &str, order: &str) -> Answer {
        self.send("POST", &format!("/api/v1/pools/main/servers/{server}/{order}"), &[NO_BROWSER])
    }

    /// A request with these headers besides `Host`, which is ours unless they have one.
    #[track_caller]
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut stream = self.connect();
        request(&mut stream, method, path, headers).expect("it is read");
        Answer::read(stream)
    }

    #[track_caller]
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.admin).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("it is above 0");
        stream
    }

    /// The state that a server is said to be in.
    #[track_caller]
    pub(crate) fn state_of(&self, server: &str) -> String {
        let answer = self.ask(&format!("/api/v1/pools/main/servers/{server}")).json();
        answer["state"].as_str().expect("a state").to_owned()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(proxy) = self.proxy.take() {
            proxy.stop();
        }
    }
}

/// One pool of servers `a`, `b` and so on.
pub(crate) fn config(servers: &[Server], admin: AdminConfig) -> Config {
    let server = |(name, server): (char, &Server)| ServerConfig {
        name: Some(parsed(&name.to_string())),
        ..ServerConfig::new(parsed(&server.addr().to_string()))
    };
    let mut pool = PoolConfig::new(parsed("main"), ('a'..).zip(servers).map(server).collect());
    pool.health.ramp = Duration::ZERO;
    let listener = ListenerConfig::new(parsed("main"), parsed("127.0.0.1:0"), pool.name.clone());
    let mut config = Config {
        listeners: vec![listener],
        pools: vec![pool],
        admin: Some(admin),
        ..Config::default()
    };
    config.proxy.workers = 1;
    config.proxy.shutdown_timeout = Duration::ZERO;
    config
}

fn parsed<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("it is written as it must be")
}

/// Sends a request whose connection is closed after it.
pub(crate) fn request(
    stream: &mut TcpStream,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> io::Result<()> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        text.push_str("host: localhost\r\n");
    }
    for (name, value) in headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    text.push_str("\r\n");
    stream.write_all(text.as_bytes())
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Reads until the connection is closed.
    #[track_caller]
    pub(crate) fn read(mut stream: TcpStream) -> Self {
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer that ends");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
        Self { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Checks that it is a failure of this status and word.
    #[track_caller]
    pub(crate) fn check_failure(&self, status: u16, failure: &str) {
        assert_eq!((self.status, &self.json()["failure"]), (status, &failure.into()), "{self:?}");
        assert!(self.json()["message"].as_str().is_some_and(|it| it.len() > 10), "{self:?}");
    }
}

/// The status of the answer that comes next; the answer is then read as far as it has come.
pub(crate) fn status_of(stream: &mut TcpStream) -> Option<u16> {
    let mut bytes = [0; 4096];
    let len = stream.read(&mut bytes).ok()?;
    String::from_utf8_lossy(&bytes[..len]).split(' ').nth(1)?.parse().ok()
}

/// A stream of server-sent events.
pub(crate) struct Stream {
    lines: io::Lines<BufReader<TcpStream>>,
}

/// One of them: its id, its kind, its data.
pub(crate) type Sent = (u64, String, Value);

impl Stream {
    #[track_caller]
    pub(crate) fn open(rig: &Rig, query: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = rig.connect();
        request(&mut stream, "GET", &format!("/api/v1/events/stream{query}"), headers)
            .expect("it is read");
        let mut lines = BufReader::new(stream).lines();
        let status = lines.next().expect("an answer").expect("in time");
        assert_eq!(status, "HTTP/1.1 200 OK");
        let is_head = |line: &io::Result<String>| line.as_ref().is_ok_and(|it| !it.is_empty());
        while lines.next().is_some_and(|line| is_head(&line)) {}
        Self { lines }
    }

    #[track_caller]
    pub(crate) fn next(&mut self) -> Sent {
        let (mut id, mut kind, mut data) = (None, None, None);
        loop {
            let line = self.lines.next().expect("it goes on").expect("in time");
            if let Some(value) = line.strip_prefix("id: ") {
                id = value.parse().ok();
            } else if let Some(value) = line.strip_prefix("event: ") {
                kind = Some(value.to_owned());
            } else if let Some(value) = line.strip_prefix("data: ") {
                data = serde_json::from_str(value).ok();
            } else if let (true, Some(id), Some(kind), Some(data)) =
                (line.is_empty(), id, &kind, &data)
            {
                return (id, kind.clone(), Value::clone(data));
            }
        }
    }
}

/// Waits until `condition` holds.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A file with this text, which no other test uses.
pub(crate) fn scratch_file(text: &str) -> PathBuf {
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let name = format!("{}-{serial}.token", std::process::id());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).expect("the scratch folder is writable");
    path
}
