//! A client of the admin API, one connection a request.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// What was answered.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    /// The status.
    pub(crate) status: u16,
    /// The body as text.
    pub(crate) body: String,
}

impl HttpAnswer {
    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// `GET` of a path.
#[track_caller]
pub(crate) fn http_get(address: &str, path: &str) -> HttpAnswer {
    let mut stream = TcpStream::connect(address).expect("the admin server listens");
    stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout above 0");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .expect("a request fits the socket");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer that ends, in time");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    HttpAnswer { status: status.expect("a status"), body: body.to_owned() }
}

const TIMEOUT: Duration = Duration::from_secs(10);
