//! The memcached text and meta protocols, request and response side.
//!
//! Bytes in, logical requests and responses out, and back. Codecs know nothing of pools,
//! servers or health; routing knows nothing of encodings. Nothing here keeps state: a parser is
//! given all bytes not yet consumed and answers "incomplete" until a whole message is there.
//!
//! | part | what it does |
//! |---|---|
//! | [`request`] | the logical request, borrowed from the buffer it was read from |
//! | [`parse`] | text → logical request, or the answer memcached gives to bad input |
//! | [`refusal`] | those answers |
//! | [`meta`] | the flags of a meta request: those we act on, those we pass through |
//! | [`encode`] | logical request → text for a server |
//! | [`response`] | text from a server → logical response, judged against what was asked |
//! | [`divert`] | requests and responses of servers that are not the key's home |
//! | [`strip`] | keys without what they begin with, and with it again |
//! | [`token`] | words and plain numbers |
//! | [`number`] | the numbers of a request, by memcached's rules |
//!
//! # Source
//! `doc/protocol.txt` of memcached 1.6, and the behaviour of memcached 1.6.18 where the document
//! is silent. Deviations are listed in `docs/protocol-support.md`.

pub mod request;

pub mod parse;

pub mod refusal;

pub mod meta;

pub mod encode;

pub mod response;

pub mod divert;

pub mod strip;

pub mod token;

pub mod number;

pub use parse::{ParseLimits, Parsed, Refused, parse_request};
pub use refusal::Refusal;
pub use request::{ArithmeticOp, Class, Keys, MetaOp, MetaRequest, Request, Retrieval, StoreOp};
pub use response::{Expect, ParsedResponse, Response, parse_response};

/// The longest key memcached accepts, in bytes.
pub const KEY_LEN_MAX: usize = 250;
