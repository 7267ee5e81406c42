//! A span of `tracing` for each operation, at the level of debugging.
//!
//! It says what was asked (the operation, the length of its key, or how many keys) and what came of
//! it; never a key or a value, for they are the application's users' affair. Which server it was is
//! not known where a call ends: the events of the servers are logged by themselves.
//!
//! An operation that is dropped has no outcome.

use evenkeel_core::call::CallResult;
use evenkeel_core::protocol::request::{ArithmeticOp, Request, Retrieval};
use evenkeel_core::protocol::response::Status;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::outcome::{Error, Outcome, Write};

/// A span for an operation that is these requests, at least one and all of a kind.
pub(crate) fn open(requests: &[Request<'_>]) -> Span {
    let Some(first) = requests.first() else { return Span::none() };
    let span = tracing::debug_span!(
        "cache",
        operation = operation(first),
        keys = Empty,
        key_len = Empty,
        outcome = Empty,
        reason = Empty,
    );
    if span.is_disabled() {
        return span;
    }
    match (requests, first) {
        ([_], Request::Retrieve { keys, .. }) if keys.len() > 1 => span.record("keys", keys.len()),
        ([request], _) => match request.key() {
            Some(key) => span.record("keys", 1).record("key_len", key.len()),
            None => &span,
        },
        _ => span.record("keys", requests.len()),
    };
    span
}

/// Waits for `operation` within its span, and has `note` say there what came of it.
pub(crate) async fn within<T>(
    span: Span,
    operation: impl Future<Output = T>,
    note: impl FnOnce(&Span, &T),
) -> T {
    if span.is_disabled() {
        return operation.await;
    }
    let result = operation.instrument(span.clone()).await;
    note(&span, &result);
    result
}

/// Says in a span what came of its request.
pub(crate) fn note(span: &Span, result: Option<&CallResult>) {
    let Some(result) = result else { return };
    span.record("outcome", outcome(result));
    let failure = match result {
        CallResult::Failed(failure) => Some(*failure),
        CallResult::Parts(split) => split.failure,
        CallResult::Answered { .. } | CallResult::Remembered => None,
    };
    if let Some(failure) = failure {
        span.record("reason", failure.label());
    }
}

/// Says in a span what came of its several writes.
pub(crate) fn note_writes(span: &Span, writes: &Result<Vec<Write>, Error>) {
    let Ok(writes) = writes else { return };
    span.record("outcome", "parts");
    if let Some(why) = writes.iter().find_map(Outcome::unavailable) {
        span.record("reason", why.label());
    }
}

fn operation(request: &Request<'_>) -> &'static str {
    match request {
        Request::Retrieve { how: Retrieval::Get, .. } => "get",
        Request::Retrieve { how: Retrieval::Gets, .. } => "gets",
        Request::Retrieve { how: Retrieval::Gat(_) | Retrieval::Gats(_), .. } => "get_and_touch",
        Request::Store { op, .. } => op.name(),
        Request::Delete { .. } => "delete",
        Request::Arithmetic { op: ArithmeticOp::Incr, .. } => "increment",
        Request::Arithmetic { op: ArithmeticOp::Decr, .. } => "decrement",
        Request::Touch { .. } => "touch",
        Request::Meta(meta) => meta.op.name(),
        Request::FlushAll { .. } => "flush_all",
        Request::MetaNoop
        | Request::Version
        | Request::Verbosity { .. }
        | Request::Stats { .. }
        | Request::Quit => "other",
    }
}

fn outcome(result: &CallResult) -> &'static str {
    match result {
        CallResult::Answered { status, body, .. } => match status {
            Status::End if body.is_empty() => "miss",
            Status::End | Status::Hit => "hit",
            Status::Miss => "miss",
            Status::Done => "done",
            Status::NotStored => "not-stored",
            Status::Exists => "exists",
            Status::NotFound => "not-found",
            Status::Error(_) => "error",
        },
        CallResult::Remembered => "done",
        CallResult::Parts(_) => "parts",
        CallResult::Failed(_) => "unavailable",
    }
}
