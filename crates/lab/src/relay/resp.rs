//! A client's bytes as Redis' protocol: where one command ends, and which it is.
//!
//! `*WORDS\r\n`, and for each word `$BYTES\r\n`, the word and `\r\n`. Commands on a line of their
//! own are left to the other parser, which leaves them to the server.

use memchr::memmem;

/// What is at the start of a client's bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed<'a> {
    /// A command that is not all there; how long it is at least.
    Incomplete { needed: usize },
    /// A command, by its first word.
    Command { name: &'a [u8], len: usize },
    /// No command of this protocol.
    Refused,
}

/// Takes a command apart.
pub(super) fn parse(input: &[u8]) -> Parsed<'_> {
    let mut at = 0;
    let mut name: &[u8] = b"";
    let words = match length(input, &mut at, b'*') {
        Ok(words) => words,
        Err(parsed) => return parsed,
    };
    for idx in 0..words {
        let len = match length(input, &mut at, b'$') {
            Ok(len) => len,
            Err(parsed) => return parsed,
        };
        let end = at + len;
        if input.len() < end + 2 {
            return Parsed::Incomplete { needed: end + 2 };
        }
        if idx == 0 {
            name = &input[at..end];
        }
        at = end + 2;
    }
    Parsed::Command { name, len: at }
}

/// The number on the line at `at`, which is moved behind it.
fn length(input: &[u8], at: &mut usize, mark: u8) -> Result<usize, Parsed<'static>> {
    let rest = &input[*at..];
    match rest.first() {
        None => return Err(Parsed::Incomplete { needed: input.len() + 1 }),
        Some(first) if *first != mark => return Err(Parsed::Refused),
        Some(_) => {}
    }
    let Some(end) = memmem::find(&rest[..rest.len().min(LINE_LEN_MAX)], b"\r\n") else {
        let is_long = rest.len() >= LINE_LEN_MAX;
        let incomplete = Parsed::Incomplete { needed: input.len() + 1 };
        return Err(if is_long { Parsed::Refused } else { incomplete });
    };
    let digits = std::str::from_utf8(&rest[1..end]).ok();
    let number = digits.and_then(|it| it.parse().ok()).filter(|it| *it <= LENGTH_MAX);
    *at += end + 2;
    number.ok_or(Parsed::Refused)
}

/// A mark, a number and the end of the line.
const LINE_LEN_MAX: usize = 24;
/// The most words of a command, and the most bytes of a word.
const LENGTH_MAX: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAND: &[u8] = b"*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n";

    #[test]
    fn a_command_is_known_when_it_is_all_there() {
        for end in 0..COMMAND.len() {
            let parsed = parse(&COMMAND[..end]);
            let Parsed::Incomplete { needed } = parsed else { panic!("{end}: {parsed:?}") };
            assert!(end < needed && needed <= COMMAND.len(), "{end}: {needed}");
        }
        let whole = Parsed::Command { name: b"GET", len: COMMAND.len() };
        assert_eq!(parse(COMMAND), whole);
        assert_eq!(parse(&[COMMAND, b"*1"].concat()), whole);
    }

    #[test]
    fn what_is_no_command_is_refused() {
        for input in [
            &b"GET a\r\n"[..],
            b"*x\r\n",
            b"*-1\r\n",
            b"*1\r\n:1\r\n",
            b"*99999999999\r\n",
            b"*1\r\n$99999999999\r\n",
            b"*000000000000000000000000000000",
        ] {
            assert_eq!(parse(input), Parsed::Refused, "{}", input.escape_ascii());
        }
    }
}
