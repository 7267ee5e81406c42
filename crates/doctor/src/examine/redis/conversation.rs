//! One connection to a Redis server: commands out, answers in, within a deadline and a size.
//!
//! Commands are encoded and answers decoded by the `redis` crate. Its connections are not used:
//! they drop what a server says unasked (`ERR max number of clients reached`, and then closes),
//! which is just what is to be told here, and they know no limit of an answer's size.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use combine::parser::combinator::AnySendSyncPartialState;
use combine::stream::{PointerOffset, decoder::Decoder};
use redis::{Cmd, RedisError, Value, parse_redis_value_async};
use tokio::io::{AsyncRead, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, timeout_at};

use crate::examine::dial::{Stream, WANTS_TLS};
use crate::facts::Outcome;

/// A connection. What has failed once fails at once from then on: its answers would be out of step.
pub(super) struct Conversation {
    stream: Bounded,
    decoder: Decoder<AnySendSyncPartialState, PointerOffset<[u8]>>,
    broken: Option<Broken>,
}

/// Why there is no answer that could be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// The server answered that it will not or cannot, in these words. The connection goes on.
    #[error("{0}")]
    Refused(String),
    /// No answer came. The connection is of no more use.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// Why an answer did not come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// It did not come in time.
    #[error("no answer in time")]
    TimedOut,
    /// The connection ended.
    #[error("{0}")]
    Closed(String),
    /// The encryption of the connection ended.
    #[error("{0}")]
    Tls(String),
    /// It is longer than any such answer.
    #[error("the answer is longer than any such answer")]
    TooLong,
    /// What came is no answer of the protocol.
    #[error("{0}")]
    Garbled(String),
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(words) => Self::Refused(words),
            Failure::Broken(Broken::TimedOut) => Self::TimedOut,
            Failure::Broken(Broken::Closed(words) | Broken::Tls(words)) => Self::Closed(words),
            Failure::Broken(Broken::Garbled(words)) => Self::Garbled(words),
            Failure::Broken(Broken::TooLong) => Self::Garbled(Broken::TooLong.to_string()),
        }
    }
}

impl Conversation {
    /// A conversation on a connection on which nothing has been said.
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream: Bounded::new(stream), decoder: Decoder::default(), broken: None }
    }

    /// Whether the server has ended it.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.broken, Some(Broken::Closed(_) | Broken::Tls(_)))
    }

    /// Sends a command and waits for its answer.
    pub(super) async fn ask(&mut self, command: &Cmd, deadline: Instant) -> Result<Value, Failure> {
        let commands = std::slice::from_ref(command);
        self.ask_all(commands, deadline).await.pop().expect("each command has an answer")
    }

    /// Sends commands together and waits for all their answers: one for each. `deadline` is when
    /// the last of them must have come.
    pub(super) async fn ask_all(
        &mut self,
        commands: &[Cmd],
        deadline: Instant,
    ) -> Vec<Result<Value, Failure>> {
        let mut answers = Vec::with_capacity(commands.len());
        if self.broken.is_none() {
            let exchange = timeout_at(deadline, self.exchange(commands, &mut answers)).await;
            self.broken = exchange.unwrap_or(Err(Broken::TimedOut)).err();
        }
        if let Some(broken) = &self.broken {
            answers.resize(commands.len(), Err(Failure::Broken(broken.clone())));
        }
        answers
    }

    async fn exchange(
        &mut self,
        commands: &[Cmd],
        answers: &mut Vec<Result<Value, Failure>>,
    ) -> Result<(), Broken> {
        let mut bytes = Vec::new();
        for command in commands {
            command.write_packed_command(&mut bytes);
        }
        // A server that has closed the connection may have said why before: what it said is read
        // even if nothing can be written any more.
        let written = self.stream.write(&bytes).await;
        for _ in commands {
            self.stream.begin_answer();
            let answer = parse_redis_value_async(&mut self.decoder, &mut self.stream).await;
            match answer {
                Ok(Value::ServerError(error)) => {
                    let words = match error.details() {
                        Some(details) => format!("{} {details}", error.code()),
                        None => error.code().to_owned(),
                    };
                    // What we told it follows, the password among it.
                    let words = words.split(ECHO).next().unwrap_or_default();
                    answers.push(Err(Failure::Refused(shortened(words))));
                }
                Ok(value) => answers.push(Ok(value)),
                Err(error) => {
                    return Err(match (self.stream.broken(&error), written) {
                        (Broken::Closed(_), Err(error)) => broken_by(&error),
                        (broken, _) => broken,
                    });
                }
            }
        }
        Ok(())
    }
}

/// A connection's bytes, of which one answer may have so many and no more.
struct Bounded {
    stream: Stream,
    /// The first bytes of the answer that is coming in.
    head: Vec<u8>,
    /// How many bytes of it may still come.
    left: usize,
    /// Why nothing comes any more.
    failure: Option<Broken>,
}

impl Bounded {
    fn new(stream: Stream) -> Self {
        Self { stream, head: Vec::new(), left: LIST_LEN_MAX, failure: None }
    }

    fn begin_answer(&mut self) {
        self.head.clear();
        self.left = LIST_LEN_MAX;
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// What was wrong, when decoding has ended with this error.
    fn broken(&mut self, error: &RedisError) -> Broken {
        match self.failure.take() {
            Some(failure) => failure,
            None if self.head.starts_with(TLS_ALERT) => Broken::Tls(WANTS_TLS.to_owned()),
            None if self.head.is_empty() => Broken::Garbled(shortened(&error.to_string())),
            None => {
                let head = String::from_utf8_lossy(&self.head);
                Broken::Garbled(shortened(head.lines().next().unwrap_or_default()))
            }
        }
    }
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            self.failure = Some(Broken::TooLong);
            return Poll::Ready(Err(io::Error::other(Broken::TooLong)));
        }
        let len_before = buffer.filled().len();
        let polled = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        let bytes = &buffer.filled()[len_before..];
        match &polled {
            Err(error) => self.failure = Some(broken_by(error)),
            Ok(()) if bytes.is_empty() => {
                let words = "the server closed the connection".to_owned();
                self.failure = Some(Broken::Closed(words));
            }
            Ok(()) => {}
        }
        if self.head.is_empty() && bytes.first() == Some(&b'$') {
            self.left = TEXT_LEN_MAX;
        }
        let head_len = bytes.len().min(HEAD_LEN_MAX - self.head.len());
        self.head.extend_from_slice(&bytes[..head_len]);
        self.left = self.left.saturating_sub(bytes.len());
        Poll::Ready(polled)
    }
}

fn broken_by(error: &io::Error) -> Broken {
    match error.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>()) {
        Some(error) => Broken::Tls(error.to_string()),
        None => Broken::Closed(error.to_string()),
    }
}

/// What fits a line, and moves no terminal's cursor.
pub(super) fn shortened(text: &str) -> String {
    printable(text).chars().take(WORDS_LEN_MAX).collect()
}

/// The text with something else in place of what controls terminals.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { '\u{fffd}' } else { it }).collect()
}

/// What an answer may have in bytes if it is one text: `CLIENT LIST` of some twenty thousand.
const TEXT_LEN_MAX: usize = 8 << 20;
/// What any other may have. Its values take up to 20 times as much once they are decoded.
const LIST_LEN_MAX: usize = 512 << 10;
/// How much of an answer is kept to be shown if it is none.
const HEAD_LEN_MAX: usize = 200;
/// The most of a server's words that is kept, in characters.
const WORDS_LEN_MAX: usize = 200;
/// What comes before the words of a command that a server does not know, as it repeats them.
const ECHO: &str = ", with args beginning with";
/// How an alert of TLS 1.0 to 1.3 begins.
const TLS_ALERT: &[u8] = &[0x15, 0x03];
