//! A small memcached client that checks every byte and never waits without a bound.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// One connection to the proxy or to a server.
pub(crate) struct Session {
    reader: BufReader<TcpStream>,
}

impl Session {
    /// Connects; a refused connection fails the test.
    pub(crate) fn connect(address: &str) -> Self {
        Self::try_connect(address)
            .unwrap_or_else(|error| panic!("cannot connect to {address}: {error}"))
    }

    /// Connects, if anybody accepts.
    pub(crate) fn try_connect(address: &str) -> io::Result<Self> {
        Self::try_connect_within(address, TIMEOUT)
    }

    /// Connects, and waits no longer than this for that and for each answer.
    pub(crate) fn try_connect_within(address: &str, timeout: Duration) -> io::Result<Self> {
        let address = address.parse().map_err(io::Error::other)?;
        let stream = TcpStream::connect_timeout(&address, timeout)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        Ok(Self { reader: BufReader::new(stream) })
    }

    /// Does anybody accept connections there?
    pub(crate) fn can_connect(address: &str) -> bool {
        TcpStream::connect(address).is_ok()
    }

    /// Sends these bytes.
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).expect("the peer takes our bytes");
    }

    /// Sends these bytes; the peer may have closed.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// The next line, without its end.
    #[track_caller]
    pub(crate) fn read_line(&mut self) -> String {
        self.try_read_line().expect("a line comes in time").expect("the peer has not closed")
    }

    /// The next line, or nothing when the peer has closed.
    pub(crate) fn try_read_line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\r\n") {
            return Ok(None);
        }
        line.truncate(line.len() - 2);
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }

    /// Sends a request and expects exactly this response.
    #[track_caller]
    pub(crate) fn expect(&mut self, request: &[u8], response: &str) {
        self.send(request);
        let mut found = vec![0; response.len()];
        let result = self.reader.read_exact(&mut found);
        let found = String::from_utf8_lossy(&found);
        assert!(result.is_ok() && found == response, "{result:?}: {found:?}, not {response:?}");
    }

    /// Everything until the peer closes.
    pub(crate) fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.reader.read_to_end(&mut rest)?;
        Ok(rest)
    }

    /// Stores a value.
    #[track_caller]
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        let request = format!("set {key} 0 0 {}\r\n{value}\r\n", value.len());
        self.expect(request.as_bytes(), "STORED\r\n");
    }

    /// Reads a value, or nothing on a miss.
    #[track_caller]
    pub(crate) fn get(&mut self, key: &str) -> Option<String> {
        self.send(format!("get {key}\r\n").as_bytes());
        let head = self.read_line();
        if head == "END" {
            return None;
        }
        let len = head.rsplit(' ').next().and_then(|len| len.parse().ok());
        let mut value = vec![0; len.unwrap_or_else(|| panic!("{head:?} has no length"))];
        assert!(head.starts_with(&format!("VALUE {key} ")), "{head:?} answers get {key}");
        self.reader.read_exact(&mut value).expect("the announced value comes");
        assert_eq!((self.read_line().as_str(), self.read_line().as_str()), ("", "END"));
        Some(String::from_utf8_lossy(&value).into_owned())
    }
}

/// Longer than any answer may take, short enough to see a hang.
const TIMEOUT: Duration = Duration::from_secs(5);
