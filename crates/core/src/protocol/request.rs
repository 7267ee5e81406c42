//! The logical request: what a caller wants, whichever way it was written down.
//!
//! Borrowed from the buffer it was parsed from; nothing is copied and nothing is allocated.
//! What the rest of core asks of a request is here: its keys, its [`Class`], whether its caller
//! wants to hear the answer.

use crate::protocol::token::Tokens;

/// One request of the memcached protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// `get`, `gets`, `gat`, `gats`: one or more keys.
    Retrieve {
        /// Which of the four, with the expiry that `gat` and `gats` set.
        how: Retrieval,
        /// At least one key, each within [`super::KEY_LEN_MAX`].
        keys: Keys<'a>,
    },
    /// `set`, `add`, `replace`, `append`, `prepend`, `cas`.
    Store {
        /// Which of the six.
        op: StoreOp,
        /// The key.
        key: &'a [u8],
        /// The caller's flags, kept with the value.
        client_flags: u32,
        /// Seconds, or a Unix time if above 30 days; negative means "expired at once".
        exptime: i64,
        /// The value, without the closing CR LF.
        value: &'a [u8],
        /// The caller wants no answer.
        noreply: bool,
    },
    /// `delete`.
    Delete {
        /// The key.
        key: &'a [u8],
        /// The caller wants no answer.
        noreply: bool,
    },
    /// `incr`, `decr`.
    Arithmetic {
        /// Up or down.
        op: ArithmeticOp,
        /// The key.
        key: &'a [u8],
        /// The amount.
        delta: u64,
        /// The caller wants no answer.
        noreply: bool,
    },
    /// `touch`.
    Touch {
        /// The key.
        key: &'a [u8],
        /// As in [`Request::Store`].
        exptime: i64,
        /// The caller wants no answer.
        noreply: bool,
    },
    /// `mg`, `ms`, `md`, `ma`, `me`.
    Meta(MetaRequest<'a>),
    /// `flush_all`: for every server of the pool.
    FlushAll {
        /// Seconds to wait before flushing; 0 means at once.
        delay: i64,
        /// The caller wants no answer.
        noreply: bool,
    },
    /// `mn`: answered once all requests before it are.
    MetaNoop,
    /// `version`.
    Version,
    /// `verbosity`: accepted and without effect.
    Verbosity {
        /// The caller wants no answer.
        noreply: bool,
    },
    /// `stats` with what follows it on the line.
    Stats {
        /// Empty for plain `stats`.
        arg: &'a [u8],
    },
    /// `quit`: close the session once earlier answers are out.
    Quit,
}

/// What a request does to the data, as far as routing and recovery care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Looks only (`get`, `mg`, `me`). One that cannot be served is a miss.
    Read,
    /// Changes the value or its expiry. One that cannot be stored says so.
    Write,
    /// Removes the value. Safe to repeat anywhere, at any time.
    Delete,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Delete];

    /// One word, for logs, metrics, the API and the page.
    pub fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
        }
    }
}

/// How a retrieval was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retrieval {
    /// `get`.
    Get,
    /// `gets`: with the CAS token.
    Gets,
    /// `gat`: and set the expiry.
    Gat(i64),
    /// `gats`: with the CAS token, and set the expiry.
    Gats(i64),
}

impl Retrieval {
    /// Whether each value is followed by its CAS token.
    pub fn has_cas(self) -> bool {
        match self {
            Self::Gets | Self::Gats(_) => true,
            Self::Get | Self::Gat(_) => false,
        }
    }
}

/// Which store command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreOp {
    /// `set`.
    Set,
    /// `add`.
    Add,
    /// `replace`.
    Replace,
    /// `append`.
    Append,
    /// `prepend`.
    Prepend,
    /// `cas`, with the token the caller got from `gets`.
    Cas(u64),
}

impl StoreOp {
    /// The command word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Add => "add",
            Self::Replace => "replace",
            Self::Append => "append",
            Self::Prepend => "prepend",
            Self::Cas(_) => "cas",
        }
    }
}

/// Which arithmetic command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArithmeticOp {
    /// `incr`.
    Incr,
    /// `decr`.
    Decr,
}

/// Which meta command that names a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetaOp {
    /// `mg`.
    Get,
    /// `ms`.
    Set,
    /// `md`.
    Delete,
    /// `ma`.
    Arithmetic,
    /// `me`.
    Debug,
}

impl MetaOp {
    /// The command word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "mg",
            Self::Set => "ms",
            Self::Delete => "md",
            Self::Arithmetic => "ma",
            Self::Debug => "me",
        }
    }
}

/// A meta request.
///
/// Flags are kept as the caller wrote them: most of them are between the caller and the server.
/// The ones we act on are marked here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetaRequest<'a> {
    /// Which command.
    pub op: MetaOp,
    /// The key as written: base64 if `base64_key`.
    pub key: &'a [u8],
    /// The flags as written, words apart by spaces, without the leading one. May be empty.
    pub flags: &'a [u8],
    /// The value of `ms`, without the closing CR LF; `None` for the other commands.
    pub value: Option<&'a [u8]>,
    /// `b`: the key is base64 of the real key.
    pub base64_key: bool,
    /// `q`: the caller wants no answer in the ordinary case.
    pub quiet: bool,
    /// `k`: the caller wants the key in the response.
    pub returns_key: bool,
}

/// One or more keys, words apart by spaces, checked when they were parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys<'a> {
    raw: &'a [u8],
    len: usize,
}

impl<'a> Keys<'a> {
    /// Takes words that have been counted and checked.
    ///
    /// `raw` holds exactly `len` words apart by one space each, `len` at least 1, and no space before
    /// the first or behind the last.
    ///
    /// # Panics
    /// If `len` is 0.
    pub fn from_checked(raw: &'a [u8], len: usize) -> Self {
        assert!(len > 0, "a retrieval names at least one key");
        Self { raw, len }
    }

    /// The keys in the order they were asked for.
    pub fn iter(&self) -> Tokens<'a> {
        Tokens::new(self.raw)
    }

    /// How many keys; at least 1.
    #[expect(clippy::len_without_is_empty, reason = "there is always at least one key")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The key, if there is but one.
    pub fn only(&self) -> Option<&'a [u8]> {
        (self.len == 1).then_some(self.raw)
    }
}

impl<'a> IntoIterator for &Keys<'a> {
    type Item = &'a [u8];
    type IntoIter = Tokens<'a>;

    fn into_iter(self) -> Tokens<'a> {
        self.iter()
    }
}

impl Request<'_> {
    /// The one key it names, as it is written; `None` if it names none or several.
    pub fn key(&self) -> Option<&[u8]> {
        match self {
            Self::Retrieve { keys, .. } => keys.only(),
            Self::Store { key, .. }
            | Self::Delete { key, .. }
            | Self::Arithmetic { key, .. }
            | Self::Touch { key, .. } => Some(key),
            Self::Meta(meta) => Some(meta.key),
            Self::FlushAll { .. }
            | Self::MetaNoop
            | Self::Version
            | Self::Verbosity { .. }
            | Self::Stats { .. }
            | Self::Quit => None,
        }
    }

    /// What the request does to the data; `None` for commands that name no key.
    pub fn class(&self) -> Option<Class> {
        match self {
            // `gat` and `touch` change the expiry only. A read that fails is a miss either way,
            // so `gat` counts as a read; `touch` has no value to miss and counts as a write.
            Self::Retrieve { .. } => Some(Class::Read),
            Self::Store { .. } | Self::Arithmetic { .. } | Self::Touch { .. } => Some(Class::Write),
            Self::Delete { .. } => Some(Class::Delete),
            Self::Meta(meta) => Some(match meta.op {
                MetaOp::Get | MetaOp::Debug => Class::Read,
                MetaOp::Set | MetaOp::Arithmetic => Class::Write,
                MetaOp::Delete => Class::Delete,
            }),
            Self::FlushAll { .. }
            | Self::MetaNoop
            | Self::Version
            | Self::Verbosity { .. }
            | Self::Stats { .. }
            | Self::Quit => None,
        }
    }
}
