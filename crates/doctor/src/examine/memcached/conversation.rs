//! One connection to a memcached server: lines out, lines in, within a deadline and a size.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::io::{
    AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, copy, sink,
};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::examine::dial;
use crate::facts::{Outcome, Unreachable};

/// A connection. What has failed once fails at once from then on: its answers would be out of step.
#[derive(Debug)]
pub(crate) struct Conversation {
    stream: BufReader<TcpStream>,
    /// The line that is being read.
    line: Vec<u8>,
    broken: Option<Broken>,
}

/// Why an answer did not come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
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
    pub(crate) async fn open(
        addr: SocketAddr,
        deadline: Instant,
    ) -> Result<(Self, Duration), Unreachable> {
        let (stream, took) = dial::connect(addr, deadline).await?;
        let stream = BufReader::new(stream);
        Ok((Self { stream, line: Vec::new(), broken: None }, took))
    }

    /// Our end of the connection, if it still has one.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        self.stream.get_ref().local_addr().ok()
    }

    /// How the connection ended, if it has.
    pub(crate) fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    /// Sends `request` and reads lines, without their ends, up to one for which `is_last` holds.
    /// `deadline` is when the last of them must have come.
    pub(crate) async fn ask(
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
    pub(crate) async fn ask_each(
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
            match self.read_line(left).await {
                Ok(len) => left -= len,
                // Where it could not be written either, that is why.
                Err(Broken::Closed(words)) => {
                    return Err(written.err().unwrap_or(Broken::Closed(words)));
                }
                Err(broken) => return Err(broken),
            }
            if take(&String::from_utf8_lossy(&self.line)).is_break() {
                return Ok(());
            }
        }
    }

    /// Sends `request` and gives each line to `take` as it comes, as long as it likes: for answers
    /// of any length. A line of more than [`LINE_LEN_MAX`] bytes breaks it, and so does a silence
    /// of `silence` and the end of `deadline`.
    pub(crate) async fn follow(
        &mut self,
        request: &[u8],
        take: impl FnMut(&str) -> ControlFlow<()>,
        silence: Duration,
        deadline: Instant,
    ) -> Result<(), Broken> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let answer = self.listen(request, take, silence, deadline).await;
        self.broken = answer.as_ref().err().cloned();
        answer
    }

    async fn listen(
        &mut self,
        request: &[u8],
        mut take: impl FnMut(&str) -> ControlFlow<()>,
        quiet_max: Duration,
        deadline: Instant,
    ) -> Result<(), Broken> {
        let soon = || deadline.min(Instant::now() + quiet_max);
        let written = timeout_at(soon(), self.stream.write_all(request)).await;
        let written = written.unwrap_or(Err(ErrorKind::TimedOut.into()));
        loop {
            // What has come already is read without asking for the time.
            let line = if self.stream.buffer().contains(&b'\n') && Instant::now() < deadline {
                self.read_line(LINE_LEN_MAX).await
            } else {
                let line = timeout_at(soon(), self.read_line(LINE_LEN_MAX)).await;
                line.unwrap_or_else(|_| Err(silence(&self.line)))
            };
            match (line, &written) {
                (Ok(_), _) => (),
                (Err(Broken::Closed(_)), Err(error)) => {
                    return Err(Broken::Closed(error.to_string()));
                }
                (Err(broken), _) => return Err(broken),
            }
            if take(&String::from_utf8_lossy(&self.line)).is_break() {
                return Ok(());
            }
        }
    }

    /// Reads one line of at most so many bytes and leaves it in `line` without its end; how many
    /// bytes it had.
    async fn read_line(&mut self, len_max: u64) -> Result<u64, Broken> {
        let line = &mut self.line;
        line.clear();
        let len = (&mut self.stream).take(len_max).read_until(b'\n', line).await;
        let len = len.map_err(|error| Broken::Closed(error.to_string()))?;
        let len = u64::try_from(len).expect("it is at most what it may be");
        if line.pop() != Some(b'\n') {
            return Err(match len_max - len {
                0 => Broken::TooLong,
                _ => Broken::Closed("the server closed the connection".to_owned()),
            });
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(len)
    }

    /// Reads so many bytes that nobody wants, and the line end behind them.
    pub(crate) async fn skip(&mut self, len: u64, deadline: Instant) -> Result<(), Broken> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let mut value = (&mut self.stream).take(len + 2);
        let skipped = timeout_at(deadline, copy(&mut value, &mut sink())).await;
        let answer = match skipped {
            Ok(Ok(skipped)) if skipped == len + 2 => Ok(()),
            Ok(Ok(_)) => Err(Broken::Closed("the server closed the connection".to_owned())),
            Ok(Err(error)) => Err(Broken::Closed(error.to_string())),
            Err(_) => Err(Broken::TimedOut),
        };
        self.broken = answer.as_ref().err().cloned();
        answer
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
/// What a line may have of an answer without a limit, in bytes: a key of a dump, each of its bytes
/// written as three, and what is said of it.
const LINE_LEN_MAX: u64 = 4 << 10;
