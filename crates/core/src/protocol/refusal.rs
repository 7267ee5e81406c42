//! Why bad input is refused, in memcached's own words.

use crate::protocol::{KEY_LEN_MAX, token};

/// Why input was refused. [`Refusal::answer`] has memcached's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such command, or one with too few or too many words.
    UnknownCommand,
    /// A word is missing, too long, or not what it must be.
    BadFormat,
    /// The value is not followed by CR LF where its announced length ends.
    BadDataChunk,
    /// The value is longer than [`super::ParseLimits::item_size_max`].
    TooLarge,
    /// The expiry is no number.
    BadExptime,
    /// The amount of `incr` or `decr` is no unsigned number.
    BadDelta,
    /// `delete` with a word that is neither `0` nor `noreply`.
    DeleteUsage,
    /// A meta flag that memcached does not know, before one that comes twice.
    BadFlag,
    /// A meta flag given twice.
    DuplicateFlag,
    /// Either of the two, on a command for which memcached has the same words for both.
    BadOrDuplicateFlag,
    /// More flags than memcached counts, on `mg`.
    TooManyFlagsOfGet,
    /// The same on any other meta command.
    TooManyFlags,
    /// A meta flag whose argument is no number: `C`, `N`, `R`, `T`.
    BadToken,
    /// The same of `J`.
    BadInitial,
    /// The same of `D`.
    BadDeltaFlag,
    /// A mode that is not one letter.
    BadModeLength,
    /// A mode of `ms` that there is not.
    BadMode,
    /// A meta key that is no base64 although flag `b` says so.
    BadBase64,
    /// An opaque flag of more than 32 bytes, with its letter.
    OpaqueTooLong,
    /// A retrieval that names no key after its expiry. It is none to memcached: nothing is found.
    NoKeys,
    /// A request of HTTP. The session must be closed, and says nothing.
    Http,
    /// More keys than [`super::ParseLimits::keys_per_get_max`].
    TooManyKeys,
    /// A line longer than [`super::parse::LINE_LEN_MAX`], or than the keys limit allows for a
    /// retrieval. The session must be closed: a value may follow.
    LineTooLong,
    /// A command that concerns one server, not a pool.
    PerServer,
    /// The binary protocol, which a first byte gives away that no command begins with. The session
    /// must be closed: its application waits for an answer that no text can be.
    BinaryProtocol,
}

impl Refusal {
    /// Whether nothing that follows on the session can be understood.
    pub fn ends_session(self) -> bool {
        matches!(self, Self::LineTooLong | Self::BinaryProtocol | Self::Http)
    }

    /// The line to answer, with its end.
    pub fn answer(self) -> &'static [u8] {
        match self {
            Self::UnknownCommand => b"ERROR\r\n",
            Self::BadFormat => b"CLIENT_ERROR bad command line format\r\n",
            Self::BadDataChunk => b"CLIENT_ERROR bad data chunk\r\n",
            Self::TooLarge => b"SERVER_ERROR object too large for cache\r\n",
            Self::BadExptime => b"CLIENT_ERROR invalid exptime argument\r\n",
            Self::BadDelta => b"CLIENT_ERROR invalid numeric delta argument\r\n",
            Self::DeleteUsage => {
                b"CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n"
            }
            Self::BadFlag => b"CLIENT_ERROR invalid flag\r\n",
            Self::DuplicateFlag => b"CLIENT_ERROR duplicate flag\r\n",
            Self::BadOrDuplicateFlag => b"CLIENT_ERROR invalid or duplicate flag\r\n",
            Self::TooManyFlagsOfGet => b"CLIENT_ERROR options flags are too long\r\n",
            Self::TooManyFlags => b"CLIENT_ERROR options flags too long\r\n",
            Self::BadToken => b"CLIENT_ERROR bad token in command line format\r\n",
            Self::BadInitial => b"CLIENT_ERROR invalid numeric initial value\r\n",
            Self::BadDeltaFlag => b"CLIENT_ERROR invalid numeric delta value\r\n",
            Self::BadModeLength => b"CLIENT_ERROR incorrect length for M token\r\n",
            Self::BadMode => b"CLIENT_ERROR invalid mode for ms M token\r\n",
            Self::BadBase64 => b"CLIENT_ERROR error decoding key\r\n",
            Self::OpaqueTooLong => b"CLIENT_ERROR opaque token too long\r\n",
            Self::NoKeys => b"END\r\n",
            Self::Http => b"",
            Self::TooManyKeys => b"CLIENT_ERROR too many keys in one request\r\n",
            Self::LineTooLong => b"CLIENT_ERROR line too long\r\n",
            Self::PerServer => {
                b"CLIENT_ERROR this command is for one server: connect to that server\r\n"
            }
            Self::BinaryProtocol => b"CLIENT_ERROR the binary protocol is not spoken here\r\n",
        }
    }
}

/// A key that memcached would take.
pub(super) fn key(word: &[u8]) -> Result<&[u8], Refusal> {
    if word.is_empty() || word.len() > KEY_LEN_MAX || token::find(0, word).is_some() {
        return Err(Refusal::BadFormat);
    }
    Ok(word)
}
