//! What an application asks, and how it writes that down.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evenkeel_core::protocol::request::{Class, MetaOp, Retrieval, StoreOp};

use crate::checker::Change;
use crate::value::{Key, Write};

/// One request of an application.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What is asked.
    pub kind: Kind,
    /// Whether an answer is wanted.
    pub voice: Voice,
    /// What the answer must be.
    pub demand: Demand,
    /// Of a `cas`: the write whose value came with its token.
    pub token_of: Option<u32>,
    /// Of a call: how long its caller waits, if not as long as the pool says.
    pub deadline: Option<Duration>,
}

/// Whether an answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// Always.
    Full,
    /// Never.
    Noreply,
    /// Unless it is the ordinary one (meta flag `q`).
    Quiet,
}

/// What the answer must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Any that fits.
    Anything,
    /// That it worked.
    Success,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Kind {
    /// `get` and its relatives.
    Retrieve {
        /// Which.
        how: Retrieval,
        /// At least one.
        keys: Vec<Key>,
    },
    /// `set` and its relatives.
    Store {
        /// Which.
        op: StoreOp,
        /// The key.
        key: Key,
        /// The value.
        content: Content,
        /// In how many seconds it expires; 0 for never.
        exptime: i64,
    },
    /// `delete`.
    Delete(Key),
    /// `incr`.
    Increment(Key, u64),
    /// `touch`.
    Touch(Key, i64),
    /// A meta request.
    Meta(MetaAsk),
    /// `flush_all`.
    FlushAll,
    /// `mn`, `version` and others that are answered in fixed words.
    Fixed(Fixed),
    /// `quit`.
    Quit,
}

/// A meta request.
#[derive(Clone, Debug)]
pub struct MetaAsk {
    /// Which.
    pub op: MetaOp,
    /// The key.
    pub key: Key,
    /// The value of `ms`.
    pub content: Option<Content>,
    /// In how many seconds it expires; 0 for never.
    pub exptime: i64,
    /// To be given back.
    pub opaque: Option<u32>,
    /// The key is written in base64.
    pub is_base64: bool,
    /// The key is to be given back.
    pub returns_key: bool,
    /// What else is to be given back, by its letters, `v` for the value among them.
    pub returned: &'static str,
}

/// What is stored.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// A value.
    Write(Write),
    /// A counter's number.
    Number(u64),
}

/// A request whose answer is always the same, and that answer's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// What is sent.
    pub sent: &'static [u8],
    /// What every answer starts with.
    pub answer: &'static [u8],
}

impl Fixed {
    /// `mn`.
    pub const NOOP: Self = Self { sent: b"mn\r\n", answer: b"MN\r\n" };

    /// What is asked of nobody's data.
    pub const PLAIN: [Self; 4] = [
        Self::NOOP,
        Self { sent: b"version\r\n", answer: b"VERSION " },
        Self { sent: b"verbosity 1\r\n", answer: b"OK\r\n" },
        Self { sent: b"stats\r\n", answer: b"END\r\n" },
    ];

    /// Bad input.
    pub const BAD: [Self; 9] = [
        Self { sent: b"bogus\r\n", answer: b"ERROR\r\n" },
        Self { sent: b"\r\n", answer: b"ERROR\r\n" },
        Self { sent: b"get\r\n", answer: b"ERROR\r\n" },
        Self { sent: b"set k0 0 0\r\n", answer: b"ERROR\r\n" },
        Self { sent: b"set k0 0 0 3\r\nabcd\n", answer: b"CLIENT_ERROR bad data chunk\r\n" },
        Self { sent: b"set k0 x 0 8\r\nget k0\r\n\r\n", answer: b"CLIENT_ERROR bad command line" },
        Self { sent: b"delete k0 5\r\n", answer: b"CLIENT_ERROR bad command line" },
        Self { sent: b"incr n0 abc\r\n", answer: b"CLIENT_ERROR invalid numeric" },
        Self { sent: b"mg k0 v v\r\n", answer: b"CLIENT_ERROR duplicate flag\r\n" },
    ];
}

impl Content {
    fn write_id(self) -> Option<u32> {
        match self {
            Self::Write(write) => Some(write.id),
            Self::Number(_) => None,
        }
    }

    fn client_flags(self) -> u32 {
        match self {
            Self::Write(write) => write.id,
            Self::Number(_) => 0,
        }
    }

    fn bytes(self, key: Key) -> Vec<u8> {
        match self {
            Self::Write(write) => write.value(key),
            Self::Number(number) => number.to_string().into_bytes(),
        }
    }
}

impl MetaAsk {
    /// The key as it stands in the request.
    pub fn key_text(&self) -> String {
        let text = self.key.text();
        if self.is_base64 { STANDARD.encode(text) } else { text }
    }

    fn encode(&self, voice: Voice, output: &mut Vec<u8>) {
        let mut line = format!("{} {}", self.op.name(), self.key_text());
        let value = self.content.map(|content| content.bytes(self.key));
        if let (Some(value), Some(content)) = (&value, self.content) {
            line = format!("{line} {} F{}", value.len(), content.client_flags());
        }
        if self.exptime != 0 {
            line = format!("{line} T{}", self.exptime);
        }
        for letter in self.returned.chars() {
            line.extend([' ', letter]);
        }
        if self.is_base64 {
            line += " b";
        }
        if let Some(opaque) = self.opaque {
            line = format!("{line} O{opaque}");
        }
        if self.returns_key {
            line += " k";
        }
        if voice == Voice::Quiet {
            line += " q";
        }
        output.extend_from_slice(line.as_bytes());
        output.extend_from_slice(b"\r\n");
        if let Some(value) = value {
            output.extend_from_slice(&value);
            output.extend_from_slice(b"\r\n");
        }
    }
}

impl Ask {
    /// A request of which any answer will do that fits.
    pub fn new(kind: Kind) -> Self {
        let (voice, demand) = (Voice::Full, Demand::Anything);
        Self { kind, voice, demand, token_of: None, deadline: None }
    }

    /// A request that must succeed.
    pub fn demanding(kind: Kind) -> Self {
        Self { demand: Demand::Success, ..Self::new(kind) }
    }

    /// What it does to the data.
    pub fn class(&self) -> Option<Class> {
        Some(match &self.kind {
            Kind::Retrieve { .. } => Class::Read,
            Kind::Store { .. } | Kind::Increment(..) | Kind::Touch(..) => Class::Write,
            Kind::Delete(_) => Class::Delete,
            Kind::Meta(meta) => match meta.op {
                MetaOp::Get | MetaOp::Debug => Class::Read,
                MetaOp::Set | MetaOp::Arithmetic => Class::Write,
                MetaOp::Delete => Class::Delete,
            },
            Kind::FlushAll | Kind::Fixed(_) | Kind::Quit => return None,
        })
    }

    /// The keys that it names.
    pub fn keys(&self) -> &[Key] {
        match &self.kind {
            Kind::Retrieve { keys, .. } => keys,
            Kind::Store { key, .. }
            | Kind::Delete(key)
            | Kind::Increment(key, _)
            | Kind::Touch(key, _) => std::slice::from_ref(key),
            Kind::Meta(meta) => std::slice::from_ref(&meta.key),
            Kind::FlushAll | Kind::Fixed(_) | Kind::Quit => &[],
        }
    }

    /// What it changes of the values held, if it succeeds: of which item, whatever its name. Of what
    /// has no pool for long nothing is known.
    pub fn change(&self) -> Option<Change> {
        if !self.keys().iter().all(|key| key.is_settled()) {
            return None;
        }
        match &self.kind {
            Kind::Store { key, content, .. } => Some(Change::Write(key.item(), content.write_id())),
            Kind::Delete(key) => Some(Change::Delete(key.item())),
            Kind::FlushAll => Some(Change::Flush),
            Kind::Meta(meta) => match (meta.op, meta.content) {
                (MetaOp::Delete, _) => Some(Change::Delete(meta.key.item())),
                (_, Some(content)) => Some(Change::Write(meta.key.item(), content.write_id())),
                (_, None) => None,
            },
            Kind::Retrieve { .. }
            | Kind::Increment(..)
            | Kind::Touch(..)
            | Kind::Fixed(_)
            | Kind::Quit => None,
        }
    }

    /// Whether it deletes a key.
    pub fn is_delete(&self) -> bool {
        self.class() == Some(Class::Delete)
    }

    /// Whether the session is over once it has been read.
    pub fn is_last(&self) -> bool {
        matches!(self.kind, Kind::Quit)
    }

    /// Whether it may go without an answer.
    pub fn may_be_silent(&self) -> bool {
        self.voice != Voice::Full || self.is_last()
    }

    /// Appends it as it is sent.
    pub fn encode(&self, output: &mut Vec<u8>) {
        let noreply = if self.voice == Voice::Noreply { " noreply" } else { "" };
        match &self.kind {
            Kind::Retrieve { how, keys } => {
                output.extend_from_slice(retrieval_word(*how).as_bytes());
                for key in keys {
                    output.extend_from_slice(format!(" {}", key.text()).as_bytes());
                }
                output.extend_from_slice(b"\r\n");
            }
            Kind::Store { op, key, content, exptime } => {
                let (value, flags) = (content.bytes(*key), content.client_flags());
                let cas =
                    if let StoreOp::Cas(cas) = op { format!(" {cas}") } else { String::new() };
                let (op, key, len) = (op.name(), key.text(), value.len());
                let line = format!("{op} {key} {flags} {exptime} {len}{cas}{noreply}\r\n");
                output.extend_from_slice(line.as_bytes());
                output.extend_from_slice(&value);
                output.extend_from_slice(b"\r\n");
            }
            Kind::Delete(key) => push_line(output, &format!("delete {}{noreply}", key.text())),
            Kind::Increment(key, delta) => {
                push_line(output, &format!("incr {} {delta}{noreply}", key.text()));
            }
            Kind::Touch(key, exptime) => {
                push_line(output, &format!("touch {} {exptime}{noreply}", key.text()));
            }
            Kind::Meta(meta) => meta.encode(self.voice, output),
            Kind::FlushAll => push_line(output, &format!("flush_all{noreply}")),
            Kind::Fixed(fixed) => output.extend_from_slice(fixed.sent),
            Kind::Quit => push_line(output, "quit"),
        }
    }
}

fn retrieval_word(how: Retrieval) -> String {
    match how {
        Retrieval::Get => "get".to_owned(),
        Retrieval::Gets => "gets".to_owned(),
        Retrieval::Gat(exptime) => format!("gat {exptime}"),
        Retrieval::Gats(exptime) => format!("gats {exptime}"),
    }
}

fn push_line(output: &mut Vec<u8>, line: &str) {
    output.extend_from_slice(line.as_bytes());
    output.extend_from_slice(b"\r\n");
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut encoded = Vec::new();
        self.encode(&mut encoded);
        write!(f, "`{}`", crate::trace::shortened(encoded.trim_ascii_end()))
    }
}
