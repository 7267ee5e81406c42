//! One stored value and what memcached keeps beside it.

use crate::store::clock::UnixTime;

/// What a key holds.
#[derive(Clone, Debug)]
pub struct Item {
    /// The bytes that were stored.
    pub value: Box<[u8]>,
    /// The caller's number, given back with the value.
    pub client_flags: u32,
    /// Changes with every change of the value. Never 0.
    pub cas: u64,
    /// When the item stops existing; `None` means never.
    pub expires_at: Option<UnixTime>,
    /// When the item was last stored or fetched.
    pub accessed_at: UnixTime,
    /// Whether anybody has fetched the item since it was stored.
    pub is_fetched: bool,
    /// Whether a meta delete has marked the item out of date.
    pub freshness: Freshness,
    /// Whether somebody has been told to recache the item.
    pub recache: Recache,
    /// How the key was written when the item was stored.
    pub key_form: KeyForm,
}

/// Whether an item is what its writer meant it to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// As stored.
    Fresh,
    /// Marked out of date (`md` with `I`); served with `X` until replaced.
    Stale,
}

/// The one permit to recache an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recache {
    /// Nobody has it: the next to ask in the right way wins `W`.
    Free,
    /// Given out: others are told `Z`.
    Claimed,
}

/// How a key is written in meta responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// As it is.
    Plain,
    /// In base64.
    Base64,
}

/// Bytes of bookkeeping that memcached counts into an item's size: its header and CAS token.
const HEADER_LEN: usize = 48 + 8;

impl Item {
    /// Whether the item has stopped existing.
    pub fn is_expired(&self, now: UnixTime) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }

    /// Seconds until the item stops existing; `None` means never.
    pub fn seconds_left(&self, now: UnixTime) -> Option<u64> {
        self.expires_at.map(|expires_at| expires_at.seconds_since(now))
    }

    /// Notes that somebody has fetched the item.
    pub(crate) fn note_fetch(&mut self, now: UnixTime) {
        self.is_fetched = true;
        self.accessed_at = now;
    }
}

/// An item's size as memcached reckons it, in bytes: what the item size limit is compared with.
pub fn item_size(key_len: usize, client_flags: u32, value_len: usize) -> usize {
    let client_flags_len = if client_flags == 0 { 0 } else { size_of::<u32>() };
    HEADER_LEN + key_len + b"\0".len() + client_flags_len + value_len + b"\r\n".len()
}
