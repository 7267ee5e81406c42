//! What each socket is called towards the kernel: the waker, then listeners, then connections by their
//! ids, and sessions by theirs.

use evenkeel_core::connection::ConnectionId;
use evenkeel_core::routing::ServerId;
use mio::Token;

pub(super) const WAKER: Token = Token(0);
pub(super) const LISTENERS: usize = 1;
/// Always set in a session's token, which is its id: it is the lowest bit of its version, and versions
/// in use are odd.
pub(super) const SESSION_BIT: usize = 1 << 32;
/// A connection's server, counted from 1, stands above this bit, and its serial below the
/// session's.
const SERVER_SHIFT: u32 = 33;

pub(super) fn connection_token(id: ConnectionId) -> Token {
    let serial = usize::try_from(id.serial).expect("this runs on 64 bits");
    Token((usize::from(id.server.0) + 1) << SERVER_SHIFT | serial)
}

pub(super) fn connection_id(token: usize) -> Option<ConnectionId> {
    let server = u16::try_from((token >> SERVER_SHIFT).checked_sub(1)?).ok()?;
    let serial = u32::try_from(token & (SESSION_BIT - 1)).ok()?;
    Some(ConnectionId { server: ServerId(server), serial })
}
