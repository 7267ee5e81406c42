//! The flags of a meta request, read as the server that acts on them.
//!
//! The parser has seen to it that each flag is a letter, that none comes twice, that the opaque
//! is short enough and that a base64 key can be decoded. What a flag's argument must be is decided
//! here.

use evenkeel_core::protocol::token::{self, Tokens};

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
    /// `R`.
    pub(super) recache_exptime: Option<i64>,
    /// `T`.
    pub(super) exptime: Option<i64>,
    /// `u`.
    pub(super) is_unnoticed: bool,
    /// `v`.
    pub(super) wants_value: bool,
}

/// Why flags cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadFlags {
    /// No such flag.
    Unknown,
    /// `C`, `N`, `R` or `T` without a number.
    Token,
    /// `F` without a number of 32 bits.
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
            Self::Token => b"CLIENT_ERROR bad token in command line format\r\n",
            Self::ClientFlags => b"CLIENT_ERROR bad command line format\r\n",
            Self::ModeLength => b"CLIENT_ERROR incorrect length for M token\r\n",
            Self::Initial => b"CLIENT_ERROR invalid numeric initial value\r\n",
            Self::Delta => b"CLIENT_ERROR invalid numeric delta value\r\n",
        }
    }
}

impl MetaFlags {
    /// Reads all flags. An unknown one ends the reading; of several other faults the last is
    /// told, as memcached does.
    pub(super) fn new(flags: &[u8]) -> Result<Self, BadFlags> {
        let mut read = Self::default();
        let mut fault = None;
        for flag in Tokens::new(flags) {
            match read.add(flag[0], &flag[1..]) {
                Ok(()) => {}
                Err(BadFlags::Unknown) => return Err(BadFlags::Unknown),
                Err(BadFlags::ClientFlags) => fault = fault.or(Some(BadFlags::ClientFlags)),
                Err(other) => fault = Some(other),
            }
        }
        fault.map_or(Ok(read), Err)
    }

    fn add(&mut self, letter: u8, argument: &[u8]) -> Result<(), BadFlags> {
        match letter {
            b'C' => self.cas = Some(token::unsigned(argument).ok_or(BadFlags::Token)?),
            b'D' => self.delta = Some(token::unsigned(argument).ok_or(BadFlags::Delta)?),
            b'F' => self.client_flags = client_flags(argument)?,
            b'I' => self.is_invalidation = true,
            b'J' => self.initial = token::unsigned(argument).ok_or(BadFlags::Initial)?,
            b'M' => match argument {
                [mode] => self.mode = Some(*mode),
                _ => return Err(BadFlags::ModeLength),
            },
            b'N' => self.vivify_exptime = Some(token::signed(argument).ok_or(BadFlags::Token)?),
            b'R' => self.recache_exptime = Some(token::signed(argument).ok_or(BadFlags::Token)?),
            b'T' => self.exptime = Some(token::signed(argument).ok_or(BadFlags::Token)?),
            b'u' => self.is_unnoticed = true,
            b'v' => self.wants_value = true,
            b'b' | b'c' | b'f' | b'h' | b'k' | b'l' | b'q' | b's' | b't' | b'L' | b'O' | b'P' => {}
            _ => return Err(BadFlags::Unknown),
        }
        Ok(())
    }
}

fn client_flags(argument: &[u8]) -> Result<u32, BadFlags> {
    token::unsigned(argument)
        .and_then(|number| u32::try_from(number).ok())
        .ok_or(BadFlags::ClientFlags)
}
