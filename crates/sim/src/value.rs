//! Keys and values that say what they are.
//!
//! Every value carries its key, the number of the write that made it, and a filling that follows
//! from both, so that any other value, or a part of one, is recognised. Every other filling looks
//! like protocol, to tempt a parser that has lost its place. A counter's value is a number whose
//! upper digits are the counter's own.

use evenkeel_core::protocol::token;

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Everybody's, for values.
    Shared(u16),
    /// Everybody's, for numbers.
    Counter(u16),
    /// One application's own, untouched until the end.
    Own {
        /// Whose.
        application: u16,
        /// Which.
        idx: u16,
    },
}

impl Key {
    /// The key as it is sent.
    pub fn text(self) -> String {
        match self {
            Self::Shared(idx) => format!("k{idx}{}", spread(idx)),
            Self::Counter(idx) => format!("n{idx}{}", spread(idx)),
            Self::Own { application, idx } => format!("own-{application}-{idx}{}", spread(idx)),
        }
    }

    /// What a counter starts from.
    pub fn number(self) -> u64 {
        match self {
            Self::Counter(idx) => (u64::from(idx) + 1) * COUNTER_SPAN,
            Self::Shared(_) | Self::Own { .. } => 0,
        }
    }

    /// Whether a number can be this counter's.
    pub fn owns_number(self, number: u64) -> bool {
        self.number() / COUNTER_SPAN == number / COUNTER_SPAN
    }
}

/// Letters that differ much for numbers that differ little: the hash that most pools use sends
/// keys that differ in their last digit only to few servers.
fn spread(idx: u16) -> String {
    match idx {
        // Short ones, for those who write them by hand.
        0 | 1 => String::new(),
        _ => format!(".{:x}", u32::from(idx).wrapping_mul(0x9e37_79b1)),
    }
}

/// Counters are so far apart that no number of increments leads from one to the next.
const COUNTER_SPAN: u64 = 1_000_000_000_000;

/// A value that was sent to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Write {
    /// Which write; no two have the same. Its client flags, too.
    pub id: u32,
    /// How long the filling is, in bytes.
    pub fill_len: u32,
}

impl Write {
    /// The value that this write stores under `key`.
    pub fn value(self, key: Key) -> Vec<u8> {
        let mut value = format!("{}#{}#{}#", key.text(), self.id, self.fill_len).into_bytes();
        let fill = if self.id.is_multiple_of(2) { FILL_PLAIN } else { FILL_HOSTILE };
        let mut start = self.id as usize % fill.len();
        let len = value.len() + self.fill_len as usize;
        while value.len() < len {
            let piece = &fill[start..];
            value.extend_from_slice(&piece[..piece.len().min(len - value.len())]);
            start = 0;
        }
        value
    }
}

const FILL_PLAIN: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const FILL_HOSTILE: &[u8] =
    b"\r\nEND\r\nVALUE k1 0 4\r\nk1#0\r\nHD Oq\r\nSTORED\r\nSERVER_ERROR x\r\n";

/// Which write a value says it is; `None` if it says nothing.
pub fn write_id(value: &[u8]) -> Option<u32> {
    let word = value.split(|byte| *byte == b'#').nth(1)?;
    u32::try_from(token::unsigned(word)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_differ_by_key_and_write() {
        let write = Write { id: 7, fill_len: 30 };
        let value = write.value(Key::Shared(1));
        assert_eq!(write_id(&value), Some(7));
        assert_ne!(value, write.value(Key::Shared(2)));
        assert_ne!(value, Write { id: 8, fill_len: 30 }.value(Key::Shared(1)));
    }

    #[test]
    fn a_counter_knows_its_numbers() {
        let counter = Key::Counter(3);
        assert!(counter.owns_number(counter.number() + 12_345));
        assert!(!counter.owns_number(Key::Counter(4).number()));
        assert!(!counter.owns_number(0));
    }
}
