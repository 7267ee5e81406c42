//! The server's bytes on their way to the client: where one line or value ends.
//!
//! memcached's responses can be taken apart without knowing the requests: they are lines, and two
//! kinds of line (`VALUE`, `VA`) announce a block of data. So `MN` as a line is told from `MN`
//! within a value, and the relay's own answers can take its place.

use evenkeel_core::protocol::token::{self, Tokens};

use super::requests::{Mark, Marks};

/// The response that is coming in on one connection.
#[derive(Debug, Default)]
pub(super) struct Responses {
    /// The line so far.
    line: Vec<u8>,
    /// How many bytes that come next belong to a block of data.
    block_left: u64,
    /// Whether lines have become too long to be lines; then all bytes are forwarded.
    is_lost: bool,
}

/// The longest line that is waited for. No line of memcached is as long.
const LINE_LEN_MAX: usize = 8 * 1024;

impl Responses {
    /// Takes bytes from the server and appends those for the client to `output`.
    pub(super) fn take(&mut self, mut bytes: &[u8], marks: &mut Marks, output: &mut Vec<u8>) {
        while !bytes.is_empty() {
            if self.is_lost {
                return output.extend_from_slice(bytes);
            }
            let block_len = usize::try_from(self.block_left).unwrap_or(usize::MAX).min(bytes.len());
            output.extend_from_slice(&bytes[..block_len]);
            self.block_left -= block_len as u64;
            bytes = &bytes[block_len..];
            let line_len = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1);
            self.line.extend_from_slice(&bytes[..line_len]);
            bytes = &bytes[line_len..];
            if self.line.ends_with(b"\n") {
                self.line(marks, output);
            } else if self.line.len() > LINE_LEN_MAX {
                self.is_lost = true;
                output.append(&mut self.line);
            }
        }
    }

    fn line(&mut self, marks: &mut Marks, output: &mut Vec<u8>) {
        if self.line == b"MN\r\n"
            && let Some(Mark::Answer(answer)) = marks.pop_front()
        {
            output.extend_from_slice(&answer);
        } else {
            self.block_left = block_len(&self.line).unwrap_or(0);
            output.extend_from_slice(&self.line);
        }
        self.line.clear();
    }
}

/// The length of the block that a line announces, with its end.
fn block_len(line: &[u8]) -> Option<u64> {
    let line = line.trim_ascii_end();
    let mut words = Tokens::new(line);
    let len = match words.next()? {
        b"VALUE" => words.nth(2)?,
        b"VA" => words.next()?,
        _ => return None,
    };
    token::unsigned(len)?.checked_add(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: &[u8] =
        b"MN\r\nVALUE a 0 6\r\nMN\r\nMN\r\nEND\r\nVA 4 kb\r\nMN\r\n\r\nMN\r\nSTORED\r\nMN\r\n";

    fn marks() -> Marks {
        Marks::from([
            Mark::Answer(b"first\r\n".to_vec()),
            Mark::Noop,
            Mark::Answer(b"last\r\n".to_vec()),
        ])
    }

    #[test]
    fn answers_take_the_place_of_noops_and_never_of_values() {
        let expected = b"first\r\nVALUE a 0 6\r\nMN\r\nMN\r\nEND\r\nVA 4 kb\r\nMN\r\n\r\nMN\r\nSTORED\r\nlast\r\n";
        for split in 0..=INPUT.len() {
            let (mut responses, mut marks, mut output) =
                (Responses::default(), marks(), Vec::new());
            responses.take(&INPUT[..split], &mut marks, &mut output);
            responses.take(&INPUT[split..], &mut marks, &mut output);
            assert_eq!(output.escape_ascii().to_string(), expected.escape_ascii().to_string());
            assert!(marks.is_empty());
        }
    }

    #[test]
    fn a_line_that_does_not_end_is_passed_on_all_the_same() {
        let (mut responses, mut marks, mut output) =
            (Responses::default(), Marks::new(), Vec::new());
        let endless = vec![b'x'; 100_000];
        for chunk in endless.chunks(1000) {
            responses.take(chunk, &mut marks, &mut output);
        }
        assert_eq!(output.len(), endless.len());
    }
}
