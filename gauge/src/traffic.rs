//! What sessions send in one turn, and what servers answer.

use evenkeel_core::protocol::token::push_number;
use evenkeel_core::protocol::{ParseLimits, Parsed, Request, parse_request};

/// The length of every key, in bytes.
pub(crate) const KEY_LEN: usize = 32;

/// The length of an ordinary value, in bytes.
pub(crate) const VALUE_LEN: usize = 100;

/// The length of a large value, in bytes.
pub(crate) const LARGE_VALUE_LEN: usize = 10 * 1024;

/// How many keys the gets of several keys have.
pub(crate) const KEYS_LEN: usize = 24;

/// How many requests a pipeline has.
pub(crate) const PIPELINE_LEN: usize = 16;

/// How many keys there are.
const KEYS: u32 = 1000;

/// A request of which only the keys vary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `get` of one key.
    Get,
    /// `get` of [`KEYS_LEN`] keys.
    GetOfMany,
    /// `set` of a value of [`VALUE_LEN`].
    Set,
    /// `mg` of one key, with flags.
    MetaGet,
}

/// What is sent in one turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traffic {
    /// What it is called in the baseline.
    pub(crate) name: &'static str,
    /// The requests.
    pub(crate) kind: Kind,
    /// How many sessions send.
    pub(crate) sessions_len: usize,
    /// How many requests each of them sends.
    pub(crate) pipeline_len: usize,
    /// How long the values are that the servers have.
    pub(crate) value_len: usize,
    /// How many sessions there are that send nothing.
    pub(crate) idle_len: usize,
}

const ONE_GET: Traffic = Traffic {
    name: "get",
    kind: Kind::Get,
    sessions_len: 1,
    pipeline_len: 1,
    value_len: VALUE_LEN,
    idle_len: 0,
};

/// All that is measured.
pub(crate) const TRAFFIC: [Traffic; 8] = [
    ONE_GET,
    Traffic { name: "get, 1,000 idle sessions", idle_len: 1000, ..ONE_GET },
    Traffic { name: "get, from 50 sessions", sessions_len: 50, ..ONE_GET },
    Traffic {
        name: "get, pipelines of 16 from 4 sessions",
        sessions_len: 4,
        pipeline_len: PIPELINE_LEN,
        ..ONE_GET
    },
    Traffic { name: "get, value of 10 KiB", value_len: LARGE_VALUE_LEN, ..ONE_GET },
    Traffic { name: "get of 24 keys", kind: Kind::GetOfMany, ..ONE_GET },
    Traffic { name: "set", kind: Kind::Set, ..ONE_GET },
    Traffic { name: "mg", kind: Kind::MetaGet, ..ONE_GET },
];

impl Traffic {
    /// How many requests that is.
    pub(crate) fn requests_len(&self) -> usize {
        self.sessions_len * self.pipeline_len
    }
}

/// Keys, one after another, in an order that repeats itself late.
#[derive(Debug, Default)]
pub(crate) struct KeyNumbers {
    next: u32,
}

impl KeyNumbers {
    fn next(&mut self) -> u32 {
        // 389 and `KEYS` have no common factor: every key comes once in `KEYS` times.
        self.next = (self.next + 389) % KEYS;
        self.next
    }

    /// The next key.
    pub(crate) fn key(&mut self) -> String {
        format!("evenkeel:gauge:{:017}", self.next())
    }
}

impl Kind {
    /// Appends one such request to `bytes`.
    pub(crate) fn write(self, keys: &mut KeyNumbers, bytes: &mut Vec<u8>) {
        let key = keys.key();
        assert_eq!(key.len(), KEY_LEN);
        match self {
            Self::Get => bytes.extend_from_slice(format!("get {key}\r\n").as_bytes()),
            Self::GetOfMany => {
                bytes.extend_from_slice(b"get");
                for key in (0..KEYS_LEN).map(|_| keys.key()) {
                    bytes.extend_from_slice(format!(" {key}").as_bytes());
                }
                bytes.extend_from_slice(b"\r\n");
            }
            Self::Set => {
                bytes.extend_from_slice(format!("set {key} 0 0 {VALUE_LEN}\r\n").as_bytes());
                push_value(bytes, VALUE_LEN);
            }
            Self::MetaGet => {
                bytes.extend_from_slice(format!("mg {key} v f t O123\r\n").as_bytes());
            }
        }
    }
}

/// What a server answers to all of `requests`: a hit for what is read, success for what is
/// written.
pub(crate) fn respond(requests: &[u8], value_len: usize, responses: &mut Vec<u8>) {
    let mut at = 0;
    while let Parsed::Request { request, len } =
        parse_request(&requests[at..], 0, &ParseLimits::default())
    {
        at += len;
        match request {
            Request::Retrieve { keys, .. } => {
                for key in &keys {
                    push_hit(key, value_len, responses);
                }
                responses.extend_from_slice(b"END\r\n");
            }
            Request::Store { .. } => responses.extend_from_slice(b"STORED\r\n"),
            Request::Meta(meta) => {
                responses.extend_from_slice(b"VA ");
                push_number(responses, value_len);
                responses.extend_from_slice(b" f0 t-1 O123");
                if meta.flags.split(|byte| *byte == b' ').any(|flag| flag == b"k") {
                    responses.extend_from_slice(b" k");
                    responses.extend_from_slice(meta.key);
                }
                responses.extend_from_slice(b"\r\n");
                push_value(responses, value_len);
            }
            other => unreachable!("nobody sends {other:?}"),
        }
    }
    assert_eq!(at, requests.len(), "requests are written whole");
}

fn push_hit(key: &[u8], value_len: usize, responses: &mut Vec<u8>) {
    responses.extend_from_slice(b"VALUE ");
    responses.extend_from_slice(key);
    responses.extend_from_slice(b" 0 ");
    push_number(responses, value_len);
    responses.extend_from_slice(b"\r\n");
    push_value(responses, value_len);
}

fn push_value(bytes: &mut Vec<u8>, len: usize) {
    bytes.resize(bytes.len() + len, b'v');
    bytes.extend_from_slice(b"\r\n");
}
