//! From how a call ended to what became of the operation.

use evenkeel_core::call::CallResult;
use evenkeel_core::failure::Failure;
use evenkeel_core::protocol::response::{ErrorKind, Status};

use crate::outcome::{Count, Error, Lookup, Unavailable, Write};
use crate::value::{Value, ValueError};

/// What a retrieval of one key came to.
pub(super) fn lookup(result: CallResult) -> Result<Lookup, Error> {
    match result {
        CallResult::Answered { status: Status::End, body, .. } if body.is_empty() => {
            Ok(Lookup::Miss)
        }
        CallResult::Answered { status: Status::End, body, .. } => {
            Ok(Lookup::Hit(Value::from_response(body)?))
        }
        other => unavailable(other).map(Lookup::Unavailable),
    }
}

/// What one of several keys came to.
pub(super) fn found(value: Result<&[u8], Failure>) -> Result<Lookup, ValueError> {
    match value {
        Ok(b"") => Ok(Lookup::Miss),
        Ok(response) => Value::copy_from_response(response).map(Lookup::Hit),
        Err(failure) => Ok(Lookup::Unavailable(Unavailable(failure))),
    }
}

pub(super) fn write(result: CallResult) -> Result<Write, Error> {
    match result {
        CallResult::Answered { status: Status::Done, .. } | CallResult::Remembered => {
            Ok(Write::Done)
        }
        CallResult::Answered { status: Status::NotStored, .. } => Ok(Write::NotStored),
        CallResult::Answered { status: Status::Exists, .. } => Ok(Write::Exists),
        CallResult::Answered { status: Status::NotFound, .. } => Ok(Write::NotFound),
        CallResult::Parts(split) => match split.failure {
            None => Ok(Write::Done),
            Some(failure) => Ok(Write::Unavailable(Unavailable(failure))),
        },
        other => unavailable(other).map(Write::Unavailable),
    }
}

pub(super) fn count(result: CallResult) -> Result<Count, Error> {
    match &result {
        CallResult::Answered { status: Status::Done, line, .. } => {
            // A number that lost digits is padded with spaces.
            let number = std::str::from_utf8(line).ok().and_then(|it| it.trim_end().parse().ok());
            number.map(Count::Now).ok_or_else(|| refused(line))
        }
        CallResult::Answered { status: Status::NotFound, .. } => Ok(Count::NotFound),
        _ => unavailable(result).map(Count::Unavailable),
    }
}

/// Why there is no better answer.
fn unavailable(result: CallResult) -> Result<Unavailable, Error> {
    match result {
        CallResult::Failed(failure) => Ok(Unavailable(failure)),
        CallResult::Answered { status: Status::Error(ErrorKind::Server), .. } => {
            Ok(Unavailable(Failure::ServerError))
        }
        CallResult::Answered { line, .. } => Err(refused(&line)),
        CallResult::Remembered | CallResult::Parts(_) => {
            unreachable!("a request of one key that is no delete")
        }
    }
}

fn refused(line: &[u8]) -> Error {
    Error::Refused(String::from_utf8_lossy(line).into_owned())
}
