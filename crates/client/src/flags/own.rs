//! Our own marks: `0x454b` (`EK`) in the upper half, the kind in bits 5 to 7, LZ4 in bit 8.
//!
//! Bits 0 to 4 stay free: Python's clients read theirs there, whatever else is set.

use crate::flags::{Kind, Unreadable};

const MARK: u32 = 0x454b_0000;
const MARK_MASK: u32 = 0xffff_0000;
const KIND_SHIFT: u32 = 5;
const KIND_MASK: u32 = 0b111 << KIND_SHIFT;
const LZ4: u32 = 1 << 8;

pub(super) fn is_ours(flags: u32) -> bool {
    flags & MARK_MASK == MARK
}

pub(super) fn flags(kind: Kind, is_lz4: bool) -> Option<u32> {
    let code = match kind {
        Kind::Bytes => 0,
        Kind::Text => 1,
        Kind::Integer => 2,
        Kind::Json => 3,
        Kind::Postcard => 4,
        Kind::Float | Kind::Boolean => return None,
    };
    Some(MARK | code << KIND_SHIFT | if is_lz4 { LZ4 } else { 0 })
}

/// What `flags` with our mark say.
pub(super) fn kind(flags: u32) -> Result<Kind, Unreadable> {
    let kind = match (flags & KIND_MASK) >> KIND_SHIFT {
        0 => Kind::Bytes,
        1 => Kind::Text,
        2 => Kind::Integer,
        3 => Kind::Json,
        4 => Kind::Postcard,
        _ => return Err(Unreadable::Unknown),
    };
    match flags & !(MARK_MASK | KIND_MASK) {
        0 => Ok(kind),
        LZ4 => Err(Unreadable::Lz4),
        _ => Err(Unreadable::Unknown),
    }
}

#[cfg(feature = "lz4")]
pub(super) fn kind_compressed(flags: u32) -> Option<Kind> {
    let is_lz4 = is_ours(flags) && kind(flags) == Err(Unreadable::Lz4);
    is_lz4.then(|| kind(flags & !LZ4).ok())?
}
