//! Responses that are not what they should be.
//!
//! A garbled response is one that can be told from a good one: nobody could notice a bit that
//! flipped inside a value. A server that loses, repeats or swaps responses *disorders*: each of
//! them is well formed, and only what it says can tell.

use crate::dice::Dice;

/// How a response is spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lie {
    /// It breaks off, and the connection is closed.
    Truncate,
    /// Some of its framing is wrong.
    Garble,
    /// More follows than was asked for.
    Surplus,
    /// It is not sent.
    Skip,
    /// The one before is sent in its place.
    Repeat,
    /// It is sent after the next one.
    Swap,
    /// It is an error.
    Error,
    /// It is an error if the request stores a value.
    Full,
    /// It and all that follow are never sent: the server answers `version` only.
    Mute,
}

/// What is sent in place of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// These bytes.
    Bytes(Vec<u8>),
    /// These bytes, and then the connection is closed.
    Last(Vec<u8>),
}

/// What a connection needs to remember to lie.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The last true response.
    before: Vec<u8>,
    /// A response held back for the next.
    held: Vec<u8>,
    /// Nothing more is said.
    is_mute: bool,
}

impl Memory {
    /// Whether nothing will ever be said again.
    pub(super) fn is_mute(&self) -> bool {
        self.is_mute
    }

    /// Says the truth, before what was held back.
    pub(super) fn tell(&mut self, response: Vec<u8>) -> Told {
        if self.is_mute {
            return Told::Bytes(Vec::new());
        }
        let mut bytes = response.clone();
        self.before = response;
        bytes.append(&mut self.held);
        Told::Bytes(bytes)
    }

    /// Spoils `response`.
    pub(super) fn lie(&mut self, lie: Lie, mut response: Vec<u8>, dice: &mut Dice) -> Told {
        match lie {
            Lie::Truncate => {
                response.truncate(dice.below(response.len().max(1)));
                Told::Last(response)
            }
            Lie::Garble => {
                garble(&mut response, dice);
                self.tell(response)
            }
            Lie::Surplus => {
                response.extend_from_slice(dice.pick(&SURPLUS));
                self.tell(response)
            }
            Lie::Skip => Told::Bytes(Vec::new()),
            Lie::Mute => {
                self.is_mute = true;
                Told::Bytes(Vec::new())
            }
            Lie::Repeat => {
                let before = self.before.clone();
                self.tell(if before.is_empty() { response } else { before })
            }
            Lie::Swap => {
                let Told::Bytes(bytes) = self.tell(Vec::new()) else { unreachable!("no lie") };
                self.held = response;
                Told::Bytes(bytes)
            }
            Lie::Error => self.tell(dice.pick(&ERRORS).to_vec()),
            Lie::Full => self.tell(ERRORS[0].to_vec()),
        }
    }
}

const SURPLUS: [&[u8]; 7] = [
    b"END\r\n",
    b"STORED\r\n",
    b"x",
    b"\r\n",
    b"VALUE nobody 0 1\r\nx\r\nEND\r\n",
    b"HD\r\n",
    b"SERVER_ERROR surplus\r\n",
];

const ERRORS: [&[u8]; 2] =
    [b"SERVER_ERROR out of memory storing object\r\n", b"SERVER_ERROR too busy\r\n"];

/// Spoils the framing of a response, in a way that cannot be taken for another response.
fn garble(response: &mut Vec<u8>, dice: &mut Dice) {
    let line_len = response.iter().position(|byte| *byte == b'\n').unwrap_or_default();
    match dice.below(5) {
        0 => response[0] = 0x80,
        1 => response.splice(..0, *b"\0\x81\x82").for_each(drop),
        2 if line_len + 1 < response.len() => lengthen(response, line_len),
        3 => {
            // The end of the last value, or of the only line.
            let end_len = if response.starts_with(b"VALUE ") { b"\r\nEND\r\n".len() } else { 2 };
            let at = response.len().saturating_sub(end_len);
            match response.get_mut(at) {
                Some(byte) if at > line_len => *byte = b'x',
                _ => response[0] = b'~',
            }
        }
        _ => rename(response),
    }
}

/// Says that the first value is a byte longer or shorter than it is.
fn lengthen(response: &mut [u8], line_len: usize) {
    let line = &response[..line_len];
    let is_meta = line.starts_with(b"VA ");
    let word_idx = if is_meta { 1 } else { 3 };
    let mut starts = (1..line.len()).filter(|idx| line[*idx - 1] == b' ');
    let start = starts.nth(word_idx - 1).unwrap_or_default();
    let len = line[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    match response.get_mut(start + len.saturating_sub(1)) {
        Some(last) if len > 0 && last.is_ascii_digit() => *last = (*last ^ 1).min(b'9'),
        _ => response[0] = 0x80,
    }
}

/// Names a key that nobody has.
fn rename(response: &mut [u8]) {
    if response.starts_with(b"VALUE ") {
        response[6] = b'~';
    } else {
        response[0] = b'~';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_garbled_length_is_off_by_one() {
        let mut response = b"VALUE k1 0 12\r\nabcdefghijkl\r\nEND\r\n".to_vec();
        lengthen(&mut response, 14);
        assert!(response.starts_with(b"VALUE k1 0 13\r\n"));
        let mut response = b"VA 12 kk1\r\nabcdefghijkl\r\n".to_vec();
        lengthen(&mut response, 10);
        assert!(response.starts_with(b"VA 13 kk1\r\n"));
    }

    #[test]
    fn a_garbled_response_is_another_one() {
        let mut dice = Dice::new(1);
        for response in
            [&b"STORED\r\n"[..], b"END\r\n", b"VALUE k1 0 1\r\nx\r\nEND\r\n", b"HD kx\r\n"]
        {
            for _ in 0..100 {
                let mut garbled = response.to_vec();
                garble(&mut garbled, &mut dice);
                assert_ne!(garbled, response);
            }
        }
    }

    #[test]
    fn a_swapped_response_comes_after_the_next() {
        let (mut memory, mut dice) = (Memory::default(), Dice::new(1));
        let first = memory.lie(Lie::Swap, b"1".to_vec(), &mut dice);
        assert_eq!(first, Told::Bytes(Vec::new()));
        assert_eq!(memory.tell(b"2".to_vec()), Told::Bytes(b"21".to_vec()));
    }
}
