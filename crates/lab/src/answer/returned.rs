//! What comes back in a meta response: its code and its flags.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use evenkeel_core::protocol::KEY_LEN_MAX;
use evenkeel_core::protocol::token::{Tokens, push_number};

use crate::store::clock::UnixTime;
use crate::store::item::{Item, KeyForm};

/// What a meta response says that has no item to tell about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// `mg`: there is no item.
    Miss,
    /// `md`: done.
    Done,
    /// `md`, `ma`: there is no item.
    NotFound,
    /// `md`, `ma`: the item has another CAS token.
    Exists,
    /// `ms`: the item now has this CAS token.
    Stored {
        /// The token.
        cas: u64,
    },
    /// `ms`: the condition does not hold.
    NotStored,
    /// `ms`: there is no item that could have the CAS token.
    StoreNotFound,
    /// `ms`: the item has another CAS token.
    StoreExists,
}

impl Status {
    /// Whether this is the ordinary case, which `q` leaves out.
    pub(super) fn is_left_out_when_quiet(self) -> bool {
        match self {
            Self::Miss | Self::Done | Self::Stored { .. } => true,
            Self::NotFound
            | Self::Exists
            | Self::NotStored
            | Self::StoreNotFound
            | Self::StoreExists => false,
        }
    }

    fn code(self) -> &'static [u8] {
        match self {
            Self::Miss => b"EN",
            Self::Done | Self::Stored { .. } => b"HD",
            Self::NotFound | Self::StoreNotFound => b"NF",
            Self::Exists | Self::StoreExists => b"EX",
            Self::NotStored => b"NS",
        }
    }

    /// What `c` is answered with, if at all.
    fn cas(self) -> Option<u64> {
        match self {
            Self::Stored { cas } => Some(cas),
            Self::NotStored | Self::StoreNotFound | Self::StoreExists => Some(0),
            Self::Miss | Self::Done | Self::NotFound | Self::Exists => None,
        }
    }
}

/// Appends a response without an item: its code, and the flags that come back all the same.
pub(super) fn status(
    status: Status,
    flags: &[u8],
    key: &[u8],
    key_form: KeyForm,
    output: &mut Vec<u8>,
) {
    output.extend_from_slice(status.code());
    for flag in Tokens::new(flags) {
        match (flag[0], status.cas()) {
            (b'O', _) => push_whole(flag, output),
            (b'k', _) => push_key_flag(key, key_form, output),
            (b'c', Some(cas)) => push_with_number(b'c', cas, output),
            _ => {}
        }
    }
    output.extend_from_slice(b"\r\n");
}

/// Appends the start of a response with an item, whose value follows if its length is given.
pub(super) fn head(value_len: Option<usize>, output: &mut Vec<u8>) {
    match value_len {
        Some(len) => {
            output.extend_from_slice(b"VA ");
            push_number(output, len);
        }
        None => output.extend_from_slice(b"HD"),
    }
}

/// Appends what a flag asks to be returned about an item, if it is such a flag.
pub(super) fn push(
    flag: &[u8],
    item: &Item,
    key: &[u8],
    key_form: KeyForm,
    now: UnixTime,
    output: &mut Vec<u8>,
) {
    match flag[0] {
        b's' => push_with_number(b's', item.value.len() as u64, output),
        b't' => match item.seconds_left(now) {
            Some(seconds) => push_with_number(b't', seconds, output),
            None => output.extend_from_slice(b" t-1"),
        },
        b'c' => push_with_number(b'c', item.cas, output),
        b'f' => push_with_number(b'f', u64::from(item.client_flags), output),
        b'l' => push_with_number(b'l', now.seconds_since(item.accessed_at), output),
        b'h' => push_with_number(b'h', u64::from(item.is_fetched), output),
        b'O' => push_whole(flag, output),
        b'k' => push_key_flag(key, key_form, output),
        _ => {}
    }
}

/// Appends a key in the given form.
pub(super) fn push_key(key: &[u8], form: KeyForm, output: &mut Vec<u8>) {
    match form {
        KeyForm::Plain => output.extend_from_slice(key),
        KeyForm::Base64 => {
            let mut text = [0; KEY_LEN_MAX.div_ceil(3) * 4];
            let len = STANDARD.encode_slice(key, &mut text).expect("there is room for any key");
            output.extend_from_slice(&text[..len]);
        }
    }
}

/// Appends `k` with the key, and `b` if that is in base64.
fn push_key_flag(key: &[u8], form: KeyForm, output: &mut Vec<u8>) {
    output.extend_from_slice(b" k");
    push_key(key, form, output);
    if form == KeyForm::Base64 {
        output.extend_from_slice(b" b");
    }
}

fn push_whole(flag: &[u8], output: &mut Vec<u8>) {
    output.push(b' ');
    output.extend_from_slice(flag);
}

fn push_with_number(letter: u8, number: u64, output: &mut Vec<u8>) {
    output.extend_from_slice(&[b' ', letter]);
    push_number(output, number);
}
