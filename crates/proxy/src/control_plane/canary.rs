//! One canary: store a value of our own, read it, compare, delete it.
//!
//! It takes the path that requests take, because `version` or a handshake proves nothing: a
//! stalled process completes handshakes in the kernel, and a server can answer `version` and
//! serve no request.
//!
//! It keeps a connection of its own for as long as it is good, so that a server that refuses
//! *further* connections is not taken for one that fails its requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_core::failure::Failure;
use evenkeel_core::protocol::response::{Invalid, ParsedResponse, Status};
use evenkeel_core::protocol::{Expect, parse_response};
use evenkeel_core::routing::ServerId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::shared::Shared;

/// What a canary needs to know.
#[derive(Debug)]
pub(super) struct Canary {
    pub(super) shared: Arc<Shared>,
    pub(super) server: ServerId,
    /// Tells this process's keys from any other's.
    pub(super) nonce: u64,
    /// Tells this canary's value from any other's.
    pub(super) serial: u64,
    /// The bound on all of it together.
    pub(super) timeout: Duration,
}

/// Seconds after which the server forgets a canary that was not deleted.
const EXPTIME: u32 = 10;

/// More than the three answers can take.
const ANSWERS_LEN_MAX: usize = 4096;

impl Canary {
    /// Sends it on `stream`, or on a new connection, and says how long it took.
    pub(super) async fn send(
        self,
        stream: Option<TcpStream>,
    ) -> Result<(Duration, TcpStream), Failure> {
        let started = self.shared.now();
        let timeout = self.timeout;
        let mut is_connected = stream.is_some();
        let steps = async {
            let mut stream = match stream {
                Some(stream) => stream,
                None => self.connect().await?,
            };
            is_connected = true;
            self.exchange(&mut stream).await?;
            Ok(stream)
        };
        match tokio::time::timeout(timeout, steps).await {
            Ok(result) => result.map(|stream| (self.shared.now() - started, stream)),
            Err(_) if is_connected => Err(Failure::Timeout),
            Err(_) => Err(Failure::ConnectTimeout),
        }
    }

    async fn connect(&self) -> Result<TcpStream, Failure> {
        let addr = self.resolve().await?;
        let stream = TcpStream::connect(addr).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::ConnectionRefused => Failure::Refused,
            _ => Failure::Unreachable,
        })?;
        stream.set_nodelay(true).map_err(|_| Failure::Reset)?;
        Ok(stream)
    }

    /// Looks the server's name up, and tells the workers if it is somewhere else now.
    async fn resolve(&self) -> Result<SocketAddr, Failure> {
        let server = self.shared.server(self.server);
        let address = &server.config.address;
        let mut all = tokio::net::lookup_host((address.host(), address.port()))
            .await
            .map_err(|_| Failure::Unreachable)?;
        let found = all.next().ok_or(Failure::Unreachable)?;
        if server.addr.load().as_deref() != Some(&found) {
            server.addr.store(Some(Arc::new(found)));
        }
        Ok(found)
    }

    async fn exchange(&self, stream: &mut TcpStream) -> Result<(), Failure> {
        let key = format!("evenkeel:canary:{:x}:{}", self.nonce, self.server.0);
        let value = format!("{:016x}", self.serial);
        let len = value.len();
        let requests =
            format!("set {key} 0 {EXPTIME} {len}\r\n{value}\r\nget {key}\r\ndelete {key}\r\n");
        stream.write_all(requests.as_bytes()).await.map_err(|_| Failure::Reset)?;
        let mut answers = Vec::new();
        while !is_all_there(&answers, &key, &value)? {
            match stream.read_buf(&mut answers).await {
                Ok(0) => return Err(Failure::Closed),
                Ok(_) if answers.len() <= ANSWERS_LEN_MAX => {}
                Ok(_) => return Err(Failure::Garbled(Invalid::Unasked)),
                Err(_) => return Err(Failure::Reset),
            }
        }
        Ok(())
    }
}

/// Whether the three answers are there; an error if one of them is not what it must be.
fn is_all_there(answers: &[u8], key: &str, value: &str) -> Result<bool, Failure> {
    let mut rest = answers;
    let mut is_found = false;
    let get = Expect::Retrieval { has_cas: false };
    for expect in [Expect::Store, get, get, Expect::Delete] {
        // Values and their end are two steps of the same response.
        if expect == get && is_found && rest.is_empty() {
            return Ok(false);
        }
        match parse_response(rest, expect, key.as_bytes()) {
            ParsedResponse::Incomplete { .. } => return Ok(false),
            ParsedResponse::Value { key: named, len } => {
                let is_ours =
                    named == key.as_bytes() && rest[..len].ends_with(ending(value).as_bytes());
                if !is_ours {
                    return Err(Failure::WrongValue);
                }
                is_found = true;
                rest = &rest[len..];
            }
            ParsedResponse::Last { response, len } => {
                judge(expect, response.status, is_found)?;
                rest = &rest[len..];
            }
            ParsedResponse::Invalid(invalid) => return Err(Failure::Garbled(invalid)),
        }
    }
    if rest.is_empty() { Ok(true) } else { Err(Failure::Garbled(Invalid::Unasked)) }
}

fn ending(value: &str) -> String {
    format!("\r\n{value}\r\n")
}

fn judge(expect: Expect, status: Status, is_found: bool) -> Result<(), Failure> {
    match (expect, status) {
        (_, Status::Error(_)) => Err(Failure::ServerError),
        (Expect::Store, Status::Done) | (Expect::Delete, Status::Done | Status::NotFound) => Ok(()),
        (Expect::Retrieval { .. }, Status::End) if is_found => Ok(()),
        _ => Err(Failure::WrongValue),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[u8] = b"STORED\r\nVALUE k 0 2\r\nxy\r\nEND\r\nDELETED\r\n";

    #[test]
    fn a_server_that_stores_and_returns_is_good() {
        assert_eq!(is_all_there(GOOD, "k", "xy"), Ok(true));
        for split in 0..GOOD.len() {
            assert_eq!(is_all_there(&GOOD[..split], "k", "xy"), Ok(false), "split {split}");
        }
    }

    #[test]
    fn a_server_that_does_not_return_what_was_stored_is_bad() {
        let check = |answers: &[u8], failure| {
            assert_eq!(is_all_there(answers, "k", "xy"), Err(failure));
        };
        check(b"STORED\r\nEND\r\nDELETED\r\n", Failure::WrongValue);
        check(b"STORED\r\nVALUE k 0 2\r\nxx\r\nEND\r\nDELETED\r\n", Failure::WrongValue);
        check(b"STORED\r\nVALUE j 0 2\r\nxy\r\nEND\r\nDELETED\r\n", Failure::WrongValue);
        check(b"SERVER_ERROR out of memory storing object\r\n", Failure::ServerError);
        check(b"NOT_STORED\r\n", Failure::WrongValue);
        check(b"VERSION 1.6.18\r\n", Failure::Garbled(Invalid::Unexpected));
        check(b"STORED\r\nVALUE k 0 2\r\nxy\r\nEND\r\nDELETED\r\nEND\r\n", {
            Failure::Garbled(Invalid::Unasked)
        });
    }
}
