//! Keys and values that say what they are.
//!
//! Every value carries its key, the number of the write that made it, and a filling that follows
//! from both, so that any other value, or a part of one, is recognised. Every other filling looks
//! like protocol, to tempt a parser that has lost its place. A counter's value is a number whose
//! upper digits are the counter's own.
//!
//! A key is named in one of several ways, by prefix routes: two names may be one item, and one name
//! without its prefix two. What a value says it is belongs to the item.

use evenkeel_core::protocol::token;

/// A key, as it is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What of.
    pub what: What,
    /// By which name.
    pub way: Way,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
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

/// How a key is named, and what becomes of that name: see [`crate::routes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// By itself: no route fits it, and it is the first pool's.
    Plain,
    /// By a prefix that is stripped, to the first pool: the item that has the plain name.
    Back,
    /// By a prefix that is stripped, to the second pool.
    East,
    /// By another, which begins with that one: the same item.
    West,
    /// By a prefix that the second pool's servers are sent.
    Whole,
    /// By one whose pool changes while requests are under way.
    Roaming,
}

impl Way {
    /// All whose pool stays.
    pub const SETTLED: [Self; 5] = [Self::Plain, Self::Back, Self::East, Self::West, Self::Whole];

    /// What the key's name begins with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Back => "m:",
            Self::East => "e/",
            Self::West => "e/w/",
            Self::Whole => "s:",
            Self::Roaming => "r:",
        }
    }

    /// Of those that name the same items, the one that stands for all.
    fn first(self) -> Self {
        match self {
            Self::Plain | Self::Back => Self::Plain,
            Self::East | Self::West => Self::East,
            Self::Whole | Self::Roaming => self,
        }
    }
}

impl Key {
    /// A plain name of everybody's, for values.
    pub const fn shared(idx: u16) -> Self {
        Self { what: What::Shared(idx), way: Way::Plain }
    }

    /// A plain name of everybody's, for numbers.
    pub const fn counter(idx: u16) -> Self {
        Self { what: What::Counter(idx), way: Way::Plain }
    }

    /// The key as it is sent.
    pub fn text(self) -> String {
        let prefix = self.way.prefix();
        match self.what {
            What::Shared(idx) => format!("{prefix}k{idx}{}", spread(idx)),
            What::Counter(idx) => format!("{prefix}n{idx}{}", spread(idx)),
            What::Own { application, idx } => {
                format!("{prefix}own-{application}-{idx}{}", spread(idx))
            }
        }
    }

    /// The one name that stands for all that name the same item.
    pub fn item(self) -> Self {
        Self { way: self.way.first(), ..self }
    }

    /// Whether it names a counter.
    pub fn is_counter(self) -> bool {
        matches!(self.what, What::Counter(_))
    }

    /// Whether its item stays in one pool.
    pub fn is_settled(self) -> bool {
        self.way != Way::Roaming
    }

    /// What a counter starts from.
    pub fn number(self) -> u64 {
        match self.what {
            What::Counter(idx) => {
                (self.way.first() as u64 * COUNTERS_LEN_MAX + u64::from(idx) + 1) * COUNTER_SPAN
            }
            What::Shared(_) | What::Own { .. } => 0,
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

/// There are fewer counters of one way than that.
const COUNTERS_LEN_MAX: u64 = 1000;

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
        let mut value =
            format!("{}#{}#{}#", key.item().text(), self.id, self.fill_len).into_bytes();
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
        let value = write.value(Key::shared(1));
        assert_eq!(write_id(&value), Some(7));
        assert_ne!(value, write.value(Key::shared(2)));
        assert_ne!(value, Write { id: 8, fill_len: 30 }.value(Key::shared(1)));
    }

    #[test]
    fn a_counter_knows_its_numbers() {
        let counter = Key::counter(3);
        assert!(counter.owns_number(counter.number() + 12_345));
        assert!(!counter.owns_number(Key::counter(4).number()));
        assert!(!counter.owns_number(0));
    }

    #[test]
    fn names_of_one_item_have_its_values_and_others_have_not() {
        let value = |way| Write { id: 7, fill_len: 3 }.value(Key { way, ..Key::shared(1) });
        let number = |way| Key { way, ..Key::counter(1) }.number();
        assert_eq!(value(Way::Plain), value(Way::Back));
        assert_eq!(number(Way::East), number(Way::West));
        for other in [Way::East, Way::Whole, Way::Roaming] {
            assert_ne!(value(Way::Plain), value(other));
            assert_ne!(number(Way::Plain), number(other));
        }
    }
}
