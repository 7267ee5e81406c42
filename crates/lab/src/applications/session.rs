//! One application's connection to its cache: a request, and what comes of it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A connection.
#[derive(Debug)]
pub(super) struct Session {
    stream: BufReader<TcpStream>,
}

/// A request.
#[derive(Debug)]
pub(super) enum Ask<'a> {
    /// Every value is so long.
    Get {
        key: &'a str,
        value_len: usize,
    },
    Set {
        key: &'a str,
        value: String,
    },
    Delete {
        key: &'a str,
    },
}

/// What came of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Value(String),
    /// There is no value, or no server could say.
    Miss,
    /// A write was carried out.
    Done,
    /// An error that says so.
    Error,
    /// What is no answer to this request. The session must not be used again.
    Wrong(String),
    /// No answer. The session must not be used again.
    Lost,
}

/// Far longer than any answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest line that may come.
const LINE_LEN_MAX: u64 = 4096;

impl Session {
    /// Connects.
    pub(super) async fn connect(addr: SocketAddr) -> io::Result<Self> {
        let stream = timeout(ANSWER_TIMEOUT, TcpStream::connect(addr)).await??;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a request and waits for what comes of it.
    pub(super) async fn converse(&mut self, ask: &Ask<'_>) -> Reply {
        match timeout(ANSWER_TIMEOUT, self.try_converse(ask)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) | Err(_) => Reply::Lost,
        }
    }

    async fn try_converse(&mut self, ask: &Ask<'_>) -> io::Result<Reply> {
        match ask {
            Ask::Get { key, value_len } => {
                self.send(&format!("get {key}\r\n")).await?;
                self.value(key, *value_len).await
            }
            Ask::Set { key, value } => {
                self.send(&format!("set {key} 0 0 {}\r\n{value}\r\n", value.len())).await?;
                self.word(&["STORED"]).await
            }
            Ask::Delete { key } => {
                self.send(&format!("delete {key}\r\n")).await?;
                self.word(&["DELETED", "NOT_FOUND"]).await
            }
        }
    }

    async fn send(&mut self, request: &str) -> io::Result<()> {
        self.stream.write_all(request.as_bytes()).await
    }

    async fn value(&mut self, key: &str, value_len: usize) -> io::Result<Reply> {
        let head = self.line().await?;
        if head == "END" {
            return Ok(Reply::Miss);
        }
        if head.starts_with(ERROR) {
            return Ok(Reply::Error);
        }
        if head != format!("VALUE {key} 0 {value_len}") {
            return Ok(Reply::Wrong(head));
        }
        let mut value = vec![0; value_len];
        self.stream.read_exact(&mut value).await?;
        let is_whole = self.line().await?.is_empty() && self.line().await? == "END";
        let value = String::from_utf8_lossy(&value).into_owned();
        Ok(if is_whole { Reply::Value(value) } else { Reply::Wrong(value) })
    }

    async fn word(&mut self, done: &[&str]) -> io::Result<Reply> {
        let line = self.line().await?;
        Ok(match line.as_str() {
            word if done.contains(&word) => Reply::Done,
            word if word.starts_with(ERROR) => Reply::Error,
            _ => Reply::Wrong(line),
        })
    }

    /// The next line, without its end.
    async fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        (&mut self.stream).take(LINE_LEN_MAX).read_until(b'\n', &mut line).await?;
        match line.strip_suffix(b"\r\n") {
            Some(line) => Ok(String::from_utf8_lossy(line).into_owned()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

const ERROR: &str = "SERVER_ERROR ";
