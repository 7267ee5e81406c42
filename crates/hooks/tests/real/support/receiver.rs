//! A real HTTP server that answers as it is told to, and keeps what it was sent.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use evenkeel_api::HookMessage;
use evenkeel_core::config::HookAction;

use super::PATIENCE;

/// What it does with one request.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    /// A status line, further header lines each with its end, and a body.
    Status(&'static str, &'static str, &'static str),
    /// Nothing, and it keeps the connection.
    Silence,
    /// Nothing, and it closes the connection.
    Close,
}

/// All is well.
pub(crate) const OK: Answer = Answer::Status("204 No Content", "", "");

/// A request as it was received.
pub(crate) struct Received {
    pub(crate) at: Instant,
    pub(crate) head: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    /// The body as what it should be.
    pub(crate) fn message(&self) -> HookMessage {
        serde_json::from_slice(&self.body).expect("the body is a message")
    }
}

/// The server.
pub(crate) struct HttpReceiver {
    addr: SocketAddr,
    received: Receiver<Received>,
}

impl HttpReceiver {
    /// One that answers so, and all further requests as the last.
    pub(crate) fn start(answers: &'static [Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let addr = listener.local_addr().expect("it is bound");
        let (sender, received) = channel();
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            for (idx, stream) in listener.incoming().enumerate() {
                let mut stream = stream.expect("a connection");
                if sender.send(receive(&stream)).is_err() {
                    return;
                }
                match answers[idx.min(answers.len() - 1)] {
                    Answer::Status(status, headers, body) => {
                        let len = body.len();
                        let answer = format!(
                            "HTTP/1.1 {status}\r\ncontent-length: {len}\r\n{headers}\r\n{body}"
                        );
                        // Who has given up does not read it.
                        let _ = stream.write_all(answer.as_bytes());
                    }
                    Answer::Silence => kept.push(stream),
                    Answer::Close => {}
                }
            }
        });
        Self { addr, received }
    }

    /// Where it is, with something secret in it.
    pub(crate) fn action(&self) -> HookAction {
        HookAction::Webhook(
            format!("http://{}/hooks/s3cret?a=b", self.addr).parse().expect("an address"),
        )
    }

    /// The next request.
    #[track_caller]
    pub(crate) fn next(&self) -> Received {
        self.received.recv_timeout(PATIENCE).expect("a request comes")
    }

    /// The next request, if it comes within this time.
    pub(crate) fn next_within(&self, time: Duration) -> Option<Received> {
        self.received.recv_timeout(time).ok()
    }
}

fn receive(stream: &TcpStream) -> Received {
    let mut reader = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    };
    let head = line();
    let lines = std::iter::from_fn(|| Some(line()).filter(|line| !line.is_empty()));
    let header = |line: String| {
        let (name, value) = line.split_once(':').expect("a header has a colon");
        (name.to_ascii_lowercase(), value.trim().to_owned())
    };
    let headers: BTreeMap<_, _> = lines.map(header).collect();
    let mut body = vec![0; headers["content-length"].parse().expect("a length")];
    reader.read_exact(&mut body).expect("a body");
    Received { at: Instant::now(), head, headers, body }
}
