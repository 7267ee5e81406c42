//! What a relay can do to the bytes that pass through it.

use std::time::Duration;

use evenkeel_core::protocol::request::Class;
use evenkeel_core::protocol::{MetaOp, Request};

/// What a relay does to its connections. It holds for existing and for new ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: bytes are forwarded.
    #[default]
    None,
    /// Each chunk of response bytes waits this long. None overtakes another and many can wait at
    /// a time, so that throughput stays.
    Delay(Duration),
    /// Connections are accepted, and no byte goes anywhere, as with a server stopped by
    /// `SIGSTOP`. What waits goes on its way when the fault ends.
    Stall,
    /// Bytes of both directions are read and thrown away, and so is the end of a connection.
    /// Connections that lost bytes stay out of step when the fault ends.
    Blackhole,
    /// As [`Fault::Blackhole`], and connects are not answered either: the way to the server is cut.
    CutOff,
    /// Existing connections are reset and connects are refused, as with a server that is not
    /// running. The same port listens again when the fault ends.
    Refuse,
    /// Existing connections are reset, and each new one as soon as it is accepted.
    Reset,
    /// All connections are reset each time this much time has passed. In between bytes are
    /// forwarded.
    ResetEvery(Duration),
    /// In turn as [`Fault::Refuse`] and as [`Fault::None`], each for this long.
    Flap(Duration),
    /// A connection is closed when this many bytes of responses have been forwarded on it since
    /// the fault began: responses end in the middle.
    Truncate {
        /// How many bytes of responses each connection still carries.
        after_bytes: u64,
    },
    /// Each chunk of response bytes is replaced by as many random ones.
    Garbage,
    /// The first retrieval that begins on a connection after the fault did is sent to the server
    /// twice, and so answered twice: from then on each request is given the answer of the one
    /// before. Ending the fault does not put such a connection right; closing it does.
    OffByOne,
    /// Commands that touch no data (`version`, `mn`, `stats`, `verbosity`) are answered; all
    /// others are swallowed. A server that lies about its health. Of Redis' commands those that
    /// open a conversation are answered (`PING`, `HELLO`, `AUTH`, `SELECT`, `CLIENT`, `COMMAND`,
    /// `INFO`).
    OnlyVersion,
    /// Commands that touch data are answered with `SERVER_ERROR` and these words, without being
    /// carried out. The words must be one line.
    ServerError(String),
    /// As [`Fault::ServerError`] for writes only; retrievals and deletes are carried out.
    ServerErrorOnWrites(String),
}

/// What becomes of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Forward,
    ForwardTwice,
    /// It is not forwarded, and this is its answer.
    Answer(Vec<u8>),
    /// It is not forwarded and has no answer.
    Swallow,
}

impl Fault {
    /// Whether requests must be whole before it is known what becomes of them.
    pub(super) fn judges_requests(&self) -> bool {
        match self {
            Self::OffByOne
            | Self::OnlyVersion
            | Self::ServerError(_)
            | Self::ServerErrorOnWrites(_) => true,
            Self::None
            | Self::Delay(_)
            | Self::Stall
            | Self::Blackhole
            | Self::CutOff
            | Self::Refuse
            | Self::Reset
            | Self::ResetEvery(_)
            | Self::Flap(_)
            | Self::Truncate { .. }
            | Self::Garbage => false,
        }
    }

    /// What becomes of a command of Redis, by its name.
    pub(super) fn verdict_on_command(&self, name: &[u8]) -> Verdict {
        let is_harmless = REDIS_GREETINGS.iter().any(|it| name.eq_ignore_ascii_case(it));
        if *self == Self::OnlyVersion && !is_harmless { Verdict::Swallow } else { Verdict::Forward }
    }

    /// What becomes of `request`.
    pub(super) fn verdict(&self, request: &Request<'_>) -> Verdict {
        let is_write = request.class() == Some(Class::Write);
        match self {
            Self::OffByOne if is_answered_retrieval(request) => Verdict::ForwardTwice,
            Self::OnlyVersion if touches_data(request) => Verdict::Swallow,
            Self::ServerError(words) if touches_data(request) => refusal(words, request),
            Self::ServerErrorOnWrites(words) if is_write => refusal(words, request),
            _ => Verdict::Forward,
        }
    }

    /// Whether bytes are on their way at all.
    pub(super) fn lets_pass(&self) -> bool {
        *self != Self::Stall && !self.loses_bytes()
    }

    /// Whether bytes are read and thrown away.
    pub(super) fn loses_bytes(&self) -> bool {
        matches!(self, Self::Blackhole | Self::CutOff)
    }

    /// How long response bytes wait.
    pub(super) fn delay(&self) -> Duration {
        if let Self::Delay(delay) = self { *delay } else { Duration::ZERO }
    }
}

/// What a Redis server that lies about its health still answers.
const REDIS_GREETINGS: [&[u8]; 7] =
    [b"PING", b"HELLO", b"AUTH", b"SELECT", b"CLIENT", b"COMMAND", b"INFO"];

fn refusal(words: &str, request: &Request<'_>) -> Verdict {
    if is_noreply(request) {
        return Verdict::Swallow;
    }
    Verdict::Answer(format!("SERVER_ERROR {words}\r\n").into_bytes())
}

fn is_answered_retrieval(request: &Request<'_>) -> bool {
    match request {
        Request::Retrieve { .. } => true,
        Request::Meta(meta) => meta.op == MetaOp::Get && !meta.quiet,
        _ => false,
    }
}

fn touches_data(request: &Request<'_>) -> bool {
    request.class().is_some() || matches!(request, Request::FlushAll { .. })
}

/// Whether the caller hears of no error. (The quiet flag of meta requests leaves errors in.)
fn is_noreply(request: &Request<'_>) -> bool {
    match request {
        Request::Store { noreply, .. }
        | Request::Delete { noreply, .. }
        | Request::Arithmetic { noreply, .. }
        | Request::Touch { noreply, .. }
        | Request::FlushAll { noreply, .. }
        | Request::Verbosity { noreply } => *noreply,
        Request::Retrieve { .. }
        | Request::Meta(_)
        | Request::MetaNoop
        | Request::Version
        | Request::Stats { .. }
        | Request::Quit => false,
    }
}
