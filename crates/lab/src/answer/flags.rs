//! The flags of a meta request, read as the server that acts on them.
//!
//! The parser has seen to it that there are not too many and that none comes twice. What a flag
//! must be is decided here.

use evenkeel_core::protocol::meta::DecodedKey;
use evenkeel_core::protocol::number;
use evenkeel_core::protocol::token::Tokens;

/// What the flags of a meta request ask for, beside what is put into the response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MetaFlags {
    /// `C`.
    pub(super) cas: Option<u64>,
    /// `D`.
    pub(super) delta: Option<u64>,
    /// `F`.
    pub(super) client_flags: u32,
    /// `I`.
    pub(super) is_invalidation: bool,
    /// `J`.
    pub(super) initial: u64,
    /// `M`.
    pub(super) mode: Option<u8>,
    /// `N`.
    pub(super) vivify_exptime: Option<i64>,
    /// `O` with more than is taken.
    pub(super) opaque: Opaque,
    /// `R`.
    pub(super) recache_exptime: Option<i64>,
    /// `T`.
    pub(super) exptime: Option<i64>,
    /// `u`.
    pub(super) is_unnoticed: bool,
    /// `v`.
    pub(super) wants_value: bool,
}

/// Whether an opaque is taken. It is looked at only when its turn comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Opaque {
    /// It is, or there is none.
    #[default]
    Fits,
    /// It is not.
    TooLong,
}

/// Why flags cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadFlags {
    /// No such flag.
    Unknown,
    /// A flag that begins with a byte above 126: memcached says that it came twice.
    NoLetter,
    /// `b`, and the key is no base64.
    Key,
    /// `C`, `N`, `R` or `T` without a number.
    Token,
    /// `F` without a number.
    ClientFlags,
    /// `M` without exactly one letter.
    ModeLength,
    /// `J` without a number.
    Initial,
    /// `D` without a number.
    Delta,
}

impl BadFlags {
    /// What `mg` and `ms` answer. (`md` and `ma` have one answer for all.)
    pub(super) fn answer(self) -> &'static [u8] {
        match self {
            Self::Unknown => b"CLIENT_ERROR invalid flag\r\n",
            Self::NoLetter => b"CLIENT_ERROR duplicate flag\r\n",
            Self::Key => b"CLIENT_ERROR error decoding key\r\n",
            Self::Token => b"CLIENT_ERROR bad token in command line format\r\n",
            Self::ClientFlags => b"CLIENT_ERROR bad command line format\r\n",
            Self::ModeLength => b"CLIENT_ERROR incorrect length for M token\r\n",
            Self::Initial => b"CLIENT_ERROR invalid numeric initial value\r\n",
            Self::Delta => b"CLIENT_ERROR invalid numeric delta value\r\n",
        }
    }
}

impl MetaFlags {
    /// Reads all flags of a request for `key`, as it is written. An unknown one ends the reading;
    /// of several other faults the last is told, as memcached does.
    pub(super) fn new(key: &[u8], flags: &[u8]) -> Result<Self, BadFlags> {
        let mut read = Self::default();
        let mut fault = None;
        for flag in Tokens::new(flags) {
            match read.add(flag[0], &flag[1..], key) {
                Ok(()) => {}
                Err(bad @ (BadFlags::Unknown | BadFlags::NoLetter)) => return Err(bad),
                Err(BadFlags::ClientFlags) => fault = fault.or(Some(BadFlags::ClientFlags)),
                Err(other) => fault = Some(other),
            }
        }
        fault.map_or(Ok(read), Err)
    }

    fn add(&mut self, letter: u8, argument: &[u8], key: &[u8]) -> Result<(), BadFlags> {
        let token = number::unsigned(argument);
        let exptime = number::signed(argument).map(i64::from);
        match letter {
            b'C' => self.cas = Some(token.ok_or(BadFlags::Token)?),
            b'D' => self.delta = Some(token.ok_or(BadFlags::Delta)?),
            b'F' => {
                self.client_flags = number::client_flags(argument).ok_or(BadFlags::ClientFlags)?;
            }
            b'I' => self.is_invalidation = true,
            b'J' => self.initial = token.ok_or(BadFlags::Initial)?,
            b'M' => match argument {
                [mode] => self.mode = Some(*mode),
                _ => return Err(BadFlags::ModeLength),
            },
            b'N' => self.vivify_exptime = Some(exptime.ok_or(BadFlags::Token)?),
            b'R' => self.recache_exptime = Some(exptime.ok_or(BadFlags::Token)?),
            b'T' => self.exptime = Some(exptime.ok_or(BadFlags::Token)?),
            b'O' if argument.len() >= OPAQUE_LEN_MAX => self.opaque = Opaque::TooLong,
            b'b' if DecodedKey::new(key).is_none() => return Err(BadFlags::Key),
            b'u' => self.is_unnoticed = true,
            b'v' => self.wants_value = true,
            b'b' | b'c' | b'f' | b'h' | b'k' | b'l' | b'q' | b's' | b't' | b'L' | b'O' | b'P' => {}
            127.. => return Err(BadFlags::NoLetter),
            _ => return Err(BadFlags::Unknown),
        }
        Ok(())
    }
}

/// The longest opaque memcached takes, with its letter.
const OPAQUE_LEN_MAX: usize = 32;
