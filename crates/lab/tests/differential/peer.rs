//! Both sides of the comparison, as seen by a client.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use evenkeel_rig::Memcached;

/// A real memcached of the version that the embedded server is to be like.
pub(crate) struct Original {
    _memcached: Memcached,
    addr: SocketAddr,
}

impl Original {
    pub(crate) fn start() -> Self {
        // Its LRU thread holds on to items now and then, which shows in `decr`.
        let memcached = Memcached::start_with(&["-o", "no_lru_maintainer,no_lru_crawler"]);
        let addr = memcached.address().parse().expect("an address");
        let version = Peer::new(addr).ask(b"version\r\n");
        let expected = format!("VERSION {}\r\n", evenkeel_lab::answer::MEMCACHED_VERSION);
        assert_eq!(
            String::from_utf8_lossy(&version),
            expected,
            "the comparison is with this version; run `make test`, which installs it",
        );
        Self { _memcached: memcached, addr }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

/// A connection that is made again when it has been closed.
pub(crate) struct Peer {
    addr: SocketAddr,
    stream: Option<TcpStream>,
}

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// A request that no script makes, and its answer: what comes before is the step's own answer.
const FENCE: &[u8] = b"mg evenkeel:fence k\r\n";
const FENCE_ANSWER: &[u8] = b"EN kevenkeel:fence\r\n";

/// Stands for the rest of an answer that did not come in time.
pub(crate) const NO_END: &[u8] = b"<no end>";

impl Peer {
    pub(crate) fn new(addr: SocketAddr) -> Self {
        Self { addr, stream: None }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).expect("the server listens");
        stream.set_read_timeout(Some(ANSWER_TIMEOUT)).expect("the timeout is not zero");
        stream.set_nodelay(true).expect("the socket is connected");
        stream
    }

    /// Sends `step` and returns all bytes it is answered with, and then `<closed>` if the
    /// connection was closed.
    pub(crate) fn ask(&mut self, step: &[u8]) -> Vec<u8> {
        let mut stream = self.stream.take().unwrap_or_else(|| self.connect());
        // A server that has closed already may refuse to take it; then reading says so.
        let _ = stream.write_all(&[step, FENCE].concat());
        let mut answer = Vec::new();
        let mut chunk = vec![0; 64 * 1024];
        loop {
            match stream.read(&mut chunk) {
                Ok(0) => break answer.extend_from_slice(b"<closed>"),
                Ok(len) => answer.extend_from_slice(&chunk[..len]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                    break answer.extend_from_slice(b"<closed>");
                }
                Err(_) => break answer.extend_from_slice(NO_END),
            }
            if answer.ends_with(FENCE_ANSWER) {
                answer.truncate(answer.len() - FENCE_ANSWER.len());
                self.stream = Some(stream);
                break;
            }
        }
        answer
    }
}
