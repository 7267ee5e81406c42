//! From how a call ended to what became of the operation.

use std::ops::Range;

use bytes::Bytes;
use evenkeel_core::call::CallResult;
use evenkeel_core::exchange::Split;
use evenkeel_core::failure::Failure;
use evenkeel_core::protocol::response::{ErrorKind, Status};
use smallvec::SmallVec;

use crate::loading::is_absence;
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

/// Takes what says that there is no value for what it says.
pub(crate) fn without_absence(lookup: Lookup) -> Lookup {
    match lookup {
        Lookup::Hit(value) if is_absence(&value) => Lookup::Miss,
        Lookup::Hit(_) | Lookup::Miss | Lookup::Unavailable(_) => lookup,
    }
}

/// What the parts of a retrieval hold.
pub(super) fn bodies(split: &mut Split) -> SmallVec<[Body; 4]> {
    let bodies = split.parts.iter_mut().map(|part| {
        if part.body.len() > SHARED_LEN_MAX {
            return Body::Taken(std::mem::take(&mut part.body));
        }
        Body::Shared(Bytes::from(std::mem::take(&mut part.body)))
    });
    bodies.collect()
}

/// What one part holds.
pub(super) enum Body {
    /// Its values share it: nothing is copied, and all of it lives for as long as one of them does.
    Shared(Bytes),
    /// It is copied from: who keeps one small value must not keep so much.
    Taken(Vec<u8>),
}

/// A longer body is not shared.
const SHARED_LEN_MAX: usize = 64 * 1024;

/// What one of several keys came to.
pub(super) fn found(
    place: Result<(usize, Range<usize>), Failure>,
    bodies: &[Body],
) -> Result<Lookup, ValueError> {
    match place {
        Ok((_, place)) if place.is_empty() => Ok(Lookup::Miss),
        Ok((part, place)) => match &bodies[part] {
            Body::Shared(bytes) => Value::from_shared_response(bytes.slice(place)),
            Body::Taken(bytes) => Value::copy_from_response(&bytes[place]),
        }
        .map(Lookup::Hit)
        .map(without_absence),
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
