//! One connection to a memcached server: lines out, lines in, within a deadline and a size.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::examine::dial;
use crate::facts::{Outcome, Unreachable};

/// A connection. What has failed once fails at once from then on: its answers would be out of step.
#[derive(Debug)]
pub(super) struct Conversation {
    stream: BufReader<TcpStream>,
    /// The line that is being read.
    line: Vec<u8>,
    broken: Option<Broken>,
}

/// Why an answer did not come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// It did not come in time.
    #[error("no answer in time")]
    TimedOut,
    /// What came is not text, and has no end.
    #[error("bytes that are no text: {0:?}")]
    Garbled(String),
    /// The connection ended.
    #[error("{0}")]
    Closed(String),
    /// It is longer than any such answer.
    #[error("the answer is longer than any such answer")]
    TooLong,
}

impl From<Broken> for Outcome {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::TimedOut => Self::TimedOut,
            Broken::Closed(words) => Self::Closed(words),
            Broken::Garbled(_) | Broken::TooLong => Self::Garbled(broken.to_string()),
        }
    }
}

impl Conversation {
    /// Connects. How long that took is given too.
    pub(super) async fn open(
        addr: SocketAddr,
        deadline: Instant,
    ) -> Result<(Self, Duration), Unreachable> {
        let (stream, took) = dial::connect(addr, deadline).await?;
        let stream = BufReader::new(stream);
        Ok((Self { stream, line: Vec::new(), broken: None }, took))
    }

    /// Our end of the connection, if it still has one.
    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        self.stream.get_ref().local_addr().ok()
    }

    /// How the connection ended, if it has.
    pub(super) fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    /// Sends `request` and reads lines, without their ends, up to one for which `is_last` holds.
    /// `deadline` is when the last of them must have come.
    pub(super) async fn ask(
        &mut self,
        request: &[u8],
        is_last: impl Fn(&str) -> bool,
        deadline: Instant,
    ) -> Result<Vec<String>, Broken> {
        let mut lines = Vec::new();
        let keep = |line: &str| {
            lines.push(line.to_owned());
            if is_last(line) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        self.ask_each(request, keep, ANSWER_LEN_MAX, deadline).await?;
        Ok(lines)
    }

    /// The same, with each line given to `take` as it comes, and none kept.
    pub(super) async fn ask_each(
        &mut self,
        request: &[u8],
        take: impl FnMut(&str) -> ControlFlow<()>,
        len_max: u64,
        deadline: Instant,
    ) -> Result<(), Broken> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let answer = timeout_at(deadline, self.exchange(request, take, len_max)).await;
        let answer = answer.unwrap_or_else(|_| Err(silence(&self.line)));
        self.broken = answer.as_ref().err().cloned();
        answer
    }

    async fn exchange(
        &mut self,
        request: &[u8],
        mut take: impl FnMut(&str) -> ControlFlow<()>,
        len_max: u64,
    ) -> Result<(), Broken> {
        let closed = |error: std::io::Error| Broken::Closed(error.to_string());
        // A server that turns us away says why and closes, before it has read anything: what it
        // said is there to read when nothing can be written any more.
        let written = self.stream.write_all(request).await.map_err(closed);
        let mut left = len_max;
        loop {
            let line = &mut self.line;
            line.clear();
            let read = (&mut self.stream).take(left).read_until(b'\n', line).await;
            let len = match (read, &written) {
                (Ok(0) | Err(_), Err(broken)) => return Err(broken.clone()),
                (read, _) => read.map_err(closed)?,
            };
            left -= u64::try_from(len).expect("it is at most what was left");
            if line.pop() != Some(b'\n') {
                return Err(match left {
                    0 => Broken::TooLong,
                    _ => Broken::Closed("the server closed the connection".to_owned()),
                });
            }
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            if take(&String::from_utf8_lossy(line)).is_break() {
                return Ok(());
            }
        }
    }
}

/// What it is that no whole line came in time: the beginning of one, or something else.
fn silence(begun: &[u8]) -> Broken {
    if begun.iter().all(|it| it.is_ascii_graphic() || it.is_ascii_whitespace()) {
        return Broken::TimedOut;
    }
    Broken::Garbled(super::shortened(&String::from_utf8_lossy(begun)))
}

/// What answers may have, in bytes: `stats conns` of some ten thousand clients.
const ANSWER_LEN_MAX: u64 = 4 << 20;
