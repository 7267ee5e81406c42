//! A server with a small store: enough of memcached to answer what the tests ask.

use std::collections::BTreeMap;

use crate::connection::ConnectionId;
use crate::failure::Failure;
use crate::protocol::token::Tokens;
use crate::protocol::{
    ArithmeticOp, MetaOp, MetaRequest, ParseLimits, Parsed, Request, StoreOp, parse_request,
};

/// How a server behaves. It may change at any time; what it has been sent is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Manner {
    /// Answers at once.
    #[default]
    Serves,
    /// Takes connections and bytes and does not answer.
    Hangs,
    /// Nothing listens.
    Refuses,
    /// Connecting to it never ends.
    Ignores,
}

#[derive(Debug)]
pub(super) struct Server {
    pub(super) manner: Manner,
    /// How many bytes it takes until told otherwise.
    pub(super) room: usize,
    /// It resets its connection after so many bytes of what it says next.
    pub(super) cut_after: Option<usize>,
    /// How often it has been connected to, or tried to be.
    pub(super) connects: usize,
    /// Its connections, oldest first.
    links: Vec<Link>,
    pub(super) items: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// A connection as the server has it.
#[derive(Debug)]
struct Link {
    id: ConnectionId,
    /// Everything it has been sent on it.
    received: Vec<u8>,
    /// How much of that it has answered.
    answered: usize,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            manner: Manner::Serves,
            room: usize::MAX,
            cut_after: None,
            connects: 0,
            links: Vec::new(),
            items: BTreeMap::new(),
        }
    }
}

impl Server {
    pub(super) fn connect(&mut self, id: ConnectionId) -> Option<Result<(), Failure>> {
        self.connects += 1;
        match self.manner {
            Manner::Serves | Manner::Hangs => {
                self.links.push(Link { id, received: Vec::new(), answered: 0 });
                Some(Ok(()))
            }
            Manner::Refuses => Some(Err(Failure::Refused)),
            Manner::Ignores => None,
        }
    }

    pub(super) fn disconnect(&mut self, id: ConnectionId) {
        self.links.retain(|link| link.id != id);
    }

    /// Its process ends: the connections that are lost.
    pub(super) fn disconnect_all(&mut self) -> Vec<ConnectionId> {
        self.links.drain(..).map(|link| link.id).collect()
    }

    /// How many connections it has.
    pub(super) fn links_len(&self) -> usize {
        self.links.len()
    }

    /// Everything it has been sent on its newest connection.
    pub(super) fn received(&self) -> &[u8] {
        self.links.last().map_or(&[], |link| &link.received)
    }

    /// It will not answer what it has been sent so far.
    pub(super) fn forget_requests(&mut self) {
        for link in &mut self.links {
            link.answered = link.received.len();
        }
    }

    /// Takes as much of `bytes` as there is room for.
    pub(super) fn take(&mut self, id: ConnectionId, bytes: &[u8]) -> usize {
        let len = bytes.len().min(self.room);
        if len == 0 {
            return 0;
        }
        let link = self.links.iter_mut().find(|link| link.id == id);
        self.room -= if self.room == usize::MAX { 0 } else { len };
        let link = link.expect("bytes are written to a connection");
        link.received.extend_from_slice(&bytes[..len]);
        len
    }

    /// Answers what it has been sent, if that is its manner, on the oldest connection that has
    /// something.
    pub(super) fn respond(&mut self) -> Option<(ConnectionId, Vec<u8>)> {
        if self.manner != Manner::Serves {
            return None;
        }
        for link in &mut self.links {
            let mut responses = Vec::new();
            while let Parsed::Request { request, len } =
                parse_request(&link.received[link.answered..], 0, &ParseLimits::default())
            {
                link.answered += len;
                respond(&mut self.items, &request, &mut responses);
            }
            if !responses.is_empty() {
                return Some((link.id, responses));
            }
        }
        None
    }
}

type Items = BTreeMap<Vec<u8>, Vec<u8>>;

fn respond(items: &mut Items, request: &Request<'_>, responses: &mut Vec<u8>) {
    let line = match request {
        Request::Retrieve { how, keys } => {
            for key in keys {
                if let Some(value) = items.get(key) {
                    let cas = if how.has_cas() { " 7" } else { "" };
                    let head = format!("VALUE {} 0 {}{cas}\r\n", text(key), value.len());
                    responses.extend_from_slice(head.as_bytes());
                    responses.extend_from_slice(value);
                    responses.extend_from_slice(b"\r\n");
                }
            }
            "END".to_owned()
        }
        Request::Store { op: StoreOp::Add, key, .. } if items.contains_key(*key) => {
            "NOT_STORED".to_owned()
        }
        Request::Store { key, value, .. } => {
            items.insert(key.to_vec(), value.to_vec());
            "STORED".to_owned()
        }
        Request::Delete { key, .. } => {
            if items.remove(*key).is_some() { "DELETED" } else { "NOT_FOUND" }.to_owned()
        }
        Request::Touch { key, .. } => {
            if items.contains_key(*key) { "TOUCHED" } else { "NOT_FOUND" }.to_owned()
        }
        Request::Arithmetic { op, key, delta, .. } => arithmetic(items, *op, key, *delta),
        Request::Meta(meta) => return respond_meta(items, meta, responses),
        Request::FlushAll { .. } => {
            items.clear();
            "OK".to_owned()
        }
        other => panic!("a server is never asked {other:?}"),
    };
    responses.extend_from_slice(line.as_bytes());
    responses.extend_from_slice(b"\r\n");
}

fn arithmetic(items: &mut Items, op: ArithmeticOp, key: &[u8], delta: u64) -> String {
    let Some(item) = items.get_mut(key) else { return "NOT_FOUND".to_owned() };
    let number: u64 = text(item).parse().unwrap();
    let number = match op {
        ArithmeticOp::Incr => number.wrapping_add(delta),
        ArithmeticOp::Decr => number.saturating_sub(delta),
    };
    *item = number.to_string().into_bytes();
    number.to_string()
}

fn respond_meta(items: &mut Items, meta: &MetaRequest<'_>, responses: &mut Vec<u8>) {
    assert!(!meta.quiet, "a server is never asked quietly");
    let key = meta.with_real_key(<[u8]>::to_vec);
    let item = items.get(&key).cloned();
    let returns_value = Tokens::new(meta.flags).any(|flag| flag == b"v");
    let (code, value) = match (meta.op, item) {
        (MetaOp::Get, Some(value)) if returns_value => ("VA", Some(value)),
        (MetaOp::Get, Some(_)) => ("HD", None),
        (MetaOp::Get | MetaOp::Debug, None) => ("EN", None),
        (MetaOp::Set, _) => {
            items.insert(key, meta.value.unwrap().to_vec());
            ("HD", None)
        }
        (MetaOp::Delete, Some(_)) => {
            items.remove(&key);
            ("HD", None)
        }
        (MetaOp::Delete | MetaOp::Arithmetic, None) => ("NF", None),
        (MetaOp::Debug | MetaOp::Arithmetic, Some(_)) => panic!("no test asks this"),
    };
    responses.extend_from_slice(code.as_bytes());
    if let Some(value) = &value {
        responses.extend_from_slice(format!(" {}", value.len()).as_bytes());
    }
    for flag in Tokens::new(meta.flags) {
        match flag[0] {
            b'k' if meta.base64_key => {
                responses.extend_from_slice(format!(" k{} b", text(meta.key)).as_bytes());
            }
            b'k' => responses.extend_from_slice(format!(" k{}", text(meta.key)).as_bytes()),
            b'O' => responses.extend_from_slice(format!(" {}", text(flag)).as_bytes()),
            _ => {}
        }
    }
    responses.extend_from_slice(b"\r\n");
    if let Some(value) = value {
        responses.extend_from_slice(&value);
        responses.extend_from_slice(b"\r\n");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
