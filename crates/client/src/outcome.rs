//! What became of a request, in truth.

use evenkeel_core::failure::Failure;

use crate::value::Value;

/// What became of a read.
///
/// ```
/// # use evenkeel::Lookup;
/// # fn load() -> u32 { 7 }
/// # let lookup: Lookup<u32> = Lookup::Miss;
/// let value = lookup.hit().unwrap_or_else(load);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Lookup<T = Value> {
    /// There is a value.
    Hit(T),
    /// The server that the key belongs to says that it has none.
    Miss,
    /// No server can say: take it for a miss, and do not take it for the absence of the value.
    Unavailable(Unavailable),
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Write {
    /// It was carried out. A delete that no server could take is remembered, and nobody reads the
    /// old value again through this process.
    Done,
    /// `add` found a value, or `replace`, `append` or `prepend` found none.
    NotStored,
    /// `compare_and_swap` found a value that was written after the one it names.
    Exists,
    /// There is no value to change or to delete.
    NotFound,
    /// No server could take it. Unless the reason says that it was not sent, it may have been
    /// carried out all the same.
    Unavailable(Unavailable),
}

/// What became of `increment` or `decrement`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Count {
    /// The number that it is now.
    Now(u64),
    /// There is no value to count in.
    NotFound,
    /// As in [`Write::Unavailable`].
    Unavailable(Unavailable),
}

/// Why no server could answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub(crate) Failure);

/// Why a request was not answered as it was meant.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The key is none that memcached takes. Nothing was sent.
    #[error(transparent)]
    Key(#[from] crate::key::KeyError),
    /// The value is longer than `item_size_max`. Nothing was sent.
    #[error(
        "the value has {len} bytes, {max} is the most; store less, or raise item_size_max here and -I \
         at the servers"
    )]
    TooLarge {
        /// How long it is.
        len: usize,
        /// How long it may be.
        max: usize,
    },
    /// No server could answer, and `on_unavailable` is `error`.
    #[error("the cache is unavailable: {0}")]
    Unavailable(#[source] Unavailable),
    /// The server refuses the request for its own sake: the value is no number, for instance.
    #[error("the server refuses this: {0}")]
    Refused(String),
    /// The server has sent a value that is none of memcached's: with flags of more than 32 bits.
    #[error(transparent)]
    Value(#[from] crate::value::ValueError),
    /// A value cannot be written as the codec writes them. Nothing was sent.
    #[error(transparent)]
    Encode(#[from] crate::codec::EncodeError),
    /// The value that was found cannot be read by the codec.
    #[error(transparent)]
    Decode(#[from] Undecodable),
    /// The runtime that the client was built on has ended, and with it all its connections.
    #[error("the client's runtime has ended; build a client on the one that is to use it")]
    Closed,
}

/// A value that the codec cannot read.
/// It stays where it is.
#[derive(Debug, thiserror::Error)]
#[error("the value of {key:?} cannot be read: {source}")]
pub struct Undecodable {
    /// Its key; bytes that are no text are replaced.
    pub key: String,
    /// What is wrong with it.
    pub source: crate::codec::DecodeError,
}

impl<T> Lookup<T> {
    /// The value, if there is one; a miss and an unavailable cache are alike.
    pub fn hit(self) -> Option<T> {
        match self {
            Self::Hit(value) => Some(value),
            Self::Miss | Self::Unavailable(_) => None,
        }
    }

    /// Whether there is a value.
    pub fn is_hit(&self) -> bool {
        matches!(self, Self::Hit(_))
    }

    /// Whether no server could say.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// The same about what `f` makes of the value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Lookup<U> {
        match self {
            Self::Hit(value) => Lookup::Hit(f(value)),
            Self::Miss => Lookup::Miss,
            Self::Unavailable(why) => Lookup::Unavailable(why),
        }
    }

    /// The same for an `f` that may fail.
    pub fn try_map<U, E>(self, f: impl FnOnce(T) -> Result<U, E>) -> Result<Lookup<U>, E> {
        Ok(match self {
            Self::Hit(value) => Lookup::Hit(f(value)?),
            Self::Miss => Lookup::Miss,
            Self::Unavailable(why) => Lookup::Unavailable(why),
        })
    }
}

impl Write {
    /// Whether it was carried out.
    pub fn is_done(self) -> bool {
        self == Self::Done
    }

    /// Whether no server could take it.
    pub fn is_unavailable(self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl Count {
    /// The number, if there is one.
    pub fn now(self) -> Option<u64> {
        match self {
            Self::Now(number) => Some(number),
            Self::NotFound | Self::Unavailable(_) => None,
        }
    }
}

impl Unavailable {
    /// One word for it, the same as in events and metrics: `timeout`, `refused`, `no-server`.
    pub fn label(self) -> &'static str {
        self.0.label()
    }

    /// Whether the request has not been sent to any server: it is certain that nothing has come of
    /// it, nor will.
    pub fn is_unsent(self) -> bool {
        matches!(
            self.0,
            Failure::Refused
                | Failure::Unreachable
                | Failure::ConnectTimeout
                | Failure::NoServer
                | Failure::Misplaced
                | Failure::Overload
        )
    }
}

/// An outcome that may be that the cache is unavailable.
pub(crate) trait Outcome: Sized {
    /// Why it is, if it is.
    fn unavailable(&self) -> Option<Unavailable>;
}

impl<T> Outcome for Lookup<T> {
    fn unavailable(&self) -> Option<Unavailable> {
        match self {
            Self::Unavailable(why) => Some(*why),
            Self::Hit(_) | Self::Miss => None,
        }
    }
}

impl Outcome for Write {
    fn unavailable(&self) -> Option<Unavailable> {
        match self {
            Self::Unavailable(why) => Some(*why),
            Self::Done | Self::NotStored | Self::Exists | Self::NotFound => None,
        }
    }
}

impl Outcome for Count {
    fn unavailable(&self) -> Option<Unavailable> {
        match self {
            Self::Unavailable(why) => Some(*why),
            Self::Now(_) | Self::NotFound => None,
        }
    }
}
