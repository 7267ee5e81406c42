//! What the answers to a proof come to.

use evenkeel_core::failure::Failure;
use evenkeel_core::protocol::response::{ErrorKind, Invalid, ParsedResponse, Status};
use evenkeel_core::protocol::{Expect, parse_response};

/// What was asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Questions<'a> {
    pub(super) key: &'a str,
    pub(super) value: &'a str,
}

/// What the answers come to when none of them is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The value was stored, returned and deleted.
    Good,
    /// It was not stored, which says something about writes alone.
    WriteRefused,
}

/// What has been read so far.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    is_write_refused: bool,
    is_found: bool,
}

impl Questions<'_> {
    /// `None` if the answers are not all there; an error if one of them is not what it must be.
    pub(super) fn judge(self, answers: &[u8]) -> Result<Option<Verdict>, Failure> {
        const GET: Expect = Expect::Retrieval { has_cas: false };
        let mut rest = answers;
        let mut seen = Seen::default();
        for expect in [Expect::Store, GET, Expect::Delete] {
            // A value and the end of its answer are two steps.
            loop {
                match parse_response(rest, expect, self.key.as_bytes()) {
                    ParsedResponse::Incomplete { .. } => return Ok(None),
                    ParsedResponse::Value { key, len } => {
                        if key != self.key.as_bytes() || !self.is_ours(&rest[..len]) {
                            return Err(Failure::WrongValue);
                        }
                        seen.is_found = true;
                        rest = &rest[len..];
                    }
                    ParsedResponse::Last { response, len } => {
                        seen.note(expect, response.status)?;
                        rest = &rest[len..];
                        break;
                    }
                    ParsedResponse::Invalid(invalid) => return Err(Failure::Garbled(invalid)),
                }
            }
        }
        match (rest.is_empty(), seen.is_write_refused) {
            (false, _) => Err(Failure::Garbled(Invalid::Unasked)),
            (true, false) => Ok(Some(Verdict::Good)),
            (true, true) => Ok(Some(Verdict::WriteRefused)),
        }
    }

    fn is_ours(self, found: &[u8]) -> bool {
        found.ends_with(format!("\r\n{}\r\n", self.value).as_bytes())
    }
}

impl Seen {
    fn note(&mut self, expect: Expect, status: Status) -> Result<(), Failure> {
        match (expect, status) {
            (Expect::Store, Status::Error(ErrorKind::Server | ErrorKind::TooLarge)) => {
                self.is_write_refused = true;
                Ok(())
            }
            (_, Status::Error(_)) => Err(Failure::ServerError),
            (Expect::Store, Status::Done) | (Expect::Delete, Status::Done | Status::NotFound) => {
                Ok(())
            }
            // What was not stored cannot be found.
            (Expect::Retrieval { .. }, Status::End) if self.is_found != self.is_write_refused => {
                Ok(())
            }
            _ => Err(Failure::WrongValue),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[u8] = b"STORED\r\nVALUE k 0 2\r\nxy\r\nEND\r\nDELETED\r\n";

    fn judge(answers: &[u8]) -> Result<Option<Verdict>, Failure> {
        Questions { key: "k", value: "xy" }.judge(answers)
    }

    #[test]
    fn a_server_that_stores_and_returns_is_good() {
        assert_eq!(judge(GOOD), Ok(Some(Verdict::Good)));
        for split in 0..GOOD.len() {
            assert_eq!(judge(&GOOD[..split]), Ok(None), "split {split}");
        }
    }

    #[test]
    fn a_server_that_refuses_to_store_and_is_right_otherwise_refuses_writes() {
        let refused = Ok(Some(Verdict::WriteRefused));
        let out_of_memory = b"SERVER_ERROR out of memory storing object\r\n";
        let answers = |rest: &[u8]| [&out_of_memory[..], rest].concat();
        assert_eq!(judge(&answers(b"END\r\nNOT_FOUND\r\n")), refused);
        assert_eq!(judge(&answers(b"END\r\nDELETED\r\n")), refused);
        let too_large = b"SERVER_ERROR object too large for cache\r\nEND\r\nNOT_FOUND\r\n";
        assert_eq!(judge(too_large), refused);
        let whole = answers(b"END\r\nNOT_FOUND\r\n");
        for split in 0..whole.len() {
            assert_eq!(judge(&whole[..split]), Ok(None), "split {split}");
        }
    }

    #[test]
    fn a_server_that_refuses_more_than_to_store_is_bad() {
        let refused = "SERVER_ERROR out of memory storing object\r\n";
        let check = |rest: &str, failure| {
            assert_eq!(judge(format!("{refused}{rest}").as_bytes()), Err(failure), "{rest}");
        };
        check("SERVER_ERROR x\r\n", Failure::ServerError);
        check("END\r\nSERVER_ERROR x\r\n", Failure::ServerError);
        check("VALUE k 0 2\r\nxy\r\nEND\r\nDELETED\r\n", Failure::WrongValue);
    }

    #[test]
    fn a_server_that_does_not_return_what_was_stored_is_bad() {
        let check = |answers: &[u8], failure| {
            assert_eq!(judge(answers), Err(failure));
        };
        check(b"STORED\r\nEND\r\nDELETED\r\n", Failure::WrongValue);
        check(b"STORED\r\nVALUE k 0 2\r\nxx\r\nEND\r\nDELETED\r\n", Failure::WrongValue);
        check(b"STORED\r\nVALUE j 0 2\r\nxy\r\nEND\r\nDELETED\r\n", Failure::WrongValue);
        check(b"ERROR\r\n", Failure::ServerError);
        check(b"NOT_STORED\r\n", Failure::WrongValue);
        check(b"VERSION 1.6.18\r\n", Failure::Garbled(Invalid::Unexpected));
        check(b"STORED\r\nVALUE k 0 2\r\nxy\r\nEND\r\nDELETED\r\nEND\r\n", {
            Failure::Garbled(Invalid::Unasked)
        });
    }
}
