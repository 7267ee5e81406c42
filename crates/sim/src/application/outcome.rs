//! How a call ended, in the words of a session's answer.
//!
//! What a server said is worded as a session would be given it and read as strictly. What no
//! session is told, that a key or a request could not be served, is said as such: that is not a
//! miss.

use evenkeel_core::call::CallResult;
use evenkeel_core::exchange::Split;
use evenkeel_core::protocol::request::Retrieval;
use evenkeel_core::protocol::response::{Response, Status};

use super::answer::{Reading, Said, Strictness, read_answer};
use super::ask::{Ask, Kind, MetaAsk};
use crate::value::Key;

/// What the outcome of `ask` says, or what is wrong with it.
pub(super) fn read_result(
    ask: &Ask,
    result: CallResult,
    strictness: Strictness,
) -> Result<Said, String> {
    match (result, &ask.kind) {
        (CallResult::Failed(failure), _) => Ok(Said::Unavailable(failure)),
        (CallResult::Remembered, _) if ask.is_delete() => Ok(Said::Done),
        (CallResult::Parts(split), Kind::FlushAll) => {
            Ok(split.failure.map_or(Said::Done, Said::Unavailable))
        }
        (CallResult::Parts(split), Kind::Retrieve { how, keys }) if keys.len() > 1 => {
            read_parts(*how, keys, *split, strictness)
        }
        (CallResult::Answered { status, line, body }, _) => {
            read_whole(ask, &word(ask, status, &line, &body), strictness)
        }
        (result @ (CallResult::Remembered | CallResult::Parts(_)), _) => {
            Err(format!("{ask} ends in {result:?}: it does not fit"))
        }
    }
}

fn read_whole(ask: &Ask, answer: &[u8], strictness: Strictness) -> Result<Said, String> {
    match read_answer(ask, answer, strictness) {
        Reading::Answer { said, len } if len == answer.len() => Ok(said),
        Reading::Wrong(what) => Err(what),
        reading => {
            let answer = crate::trace::shortened(answer);
            Err(format!("{ask} is answered {answer}, which is no answer: {reading:?}"))
        }
    }
}

/// Each key's own outcome.
fn read_parts(
    how: Retrieval,
    keys: &[Key],
    mut split: Split,
    strictness: Strictness,
) -> Result<Said, String> {
    let mut outcomes = Vec::new();
    let bodies: Vec<_> =
        split.parts.iter_mut().map(|part| std::mem::take(&mut part.body)).collect();
    split.take_places(|place| {
        outcomes.push(place.map(|(part, place)| bodies[part][place].to_vec()));
    });
    if outcomes.len() != keys.len() {
        return Err(format!("{} keys have {} outcomes", keys.len(), outcomes.len()));
    }
    let (mut found, mut failed) = (Vec::new(), None);
    for (key, outcome) in keys.iter().zip(outcomes) {
        let ask = Ask::new(Kind::Retrieve { how, keys: vec![*key] });
        match outcome {
            Err(failure) => failed = Some(failure),
            Ok(mut value) => {
                value.extend_from_slice(b"END\r\n");
                match read_whole(&ask, &value, strictness)? {
                    Said::Values(value) => found.extend(value),
                    said => return Err(format!("{ask}, one of several, is answered {said}")),
                }
            }
        }
    }
    match (split.failure, failed) {
        (None, None) => Ok(Said::Values(found)),
        (Some(_), Some(failure)) => Ok(Said::Some(found, failure)),
        (whole, of_key) => Err(format!("all fail for {whole:?}, and a key for {of_key:?}")),
    }
}

/// What a session would be given.
fn word(ask: &Ask, status: Status, line: &[u8], body: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    let (wanted, values) = match &ask.kind {
        Kind::Retrieve { .. } => (b"END".to_vec(), Some(body)),
        kind => (ordinary_line(kind, status), None),
    };
    answer.extend_from_slice(values.unwrap_or_default());
    let line = if line.is_empty() { &wanted } else { line };
    let returns_key = match &ask.kind {
        // A line that we made up has what was asked for.
        Kind::Meta(meta) => meta.returns_key,
        _ => true,
    };
    let value = (values.is_none() && line.starts_with(b"VA ")).then_some(body);
    Response { status, line, value }.write(returns_key, &mut answer);
    answer
}

/// The line that says no more than the status.
fn ordinary_line(kind: &Kind, status: Status) -> Vec<u8> {
    if let Kind::Meta(meta) = kind {
        return meta_line(meta, status);
    }
    let line: &[u8] = match (status, kind) {
        (Status::Done, Kind::Store { .. }) => b"STORED",
        (Status::Done, Kind::Delete(_)) => b"DELETED",
        (Status::Done, Kind::Touch(..)) => b"TOUCHED",
        (Status::NotStored, _) => b"NOT_STORED",
        (Status::Exists, _) => b"EXISTS",
        (Status::NotFound, _) => b"NOT_FOUND",
        _ => b"nothing that fits",
    };
    line.to_vec()
}

fn meta_line(meta: &MetaAsk, status: Status) -> Vec<u8> {
    let code = match status {
        Status::Miss => "EN",
        Status::NotStored => "NS",
        Status::Exists => "EX",
        Status::NotFound => "NF",
        _ => "nothing that fits",
    };
    // What tells one answer from another is not handed over with these.
    let opaque = meta.opaque.map(|opaque| format!(" O{opaque}")).unwrap_or_default();
    let key = if meta.returns_key { format!(" k{}", meta.key_text()) } else { String::new() };
    format!("{code}{opaque}{key}").into_bytes()
}

#[cfg(test)]
mod tests {
    use evenkeel_core::config::OnUnavailable;
    use evenkeel_core::exchange::Part;
    use evenkeel_core::failure::Failure;
    use evenkeel_core::protocol::request::StoreOp;

    use super::*;
    use crate::application::Content;
    use crate::value::Write;

    const STRICT: Strictness = Strictness { on_unavailable: OnUnavailable::Miss, is_orderly: true };

    fn get(keys: &[Key]) -> Ask {
        Ask::new(Kind::Retrieve { how: Retrieval::Get, keys: keys.to_vec() })
    }

    #[track_caller]
    fn check(ask: &Ask, result: CallResult, wanted: &str) {
        let read = match read_result(ask, result, STRICT) {
            Ok(said) => said.to_string(),
            Err(what) => format!("wrong: {what}"),
        };
        assert!(read.starts_with(wanted), "{read}");
    }

    fn answered(status: Status, line: &str, body: &str) -> CallResult {
        CallResult::Answered { status, line: line.into(), body: body.into() }
    }

    #[test]
    fn a_servers_answer_is_read_as_a_sessions() {
        let ask = get(&[Key::shared(0)]);
        check(&ask, answered(Status::End, "", "VALUE k0 0 1\r\nx\r\n"), "values of k0");
        check(&ask, answered(Status::End, "", ""), "no values");
        check(&ask, answered(Status::End, "", "VALUE k1 0 1\r\nx\r\n"), "wrong");
        let content = Content::Write(Write { id: 0, fill_len: 0 });
        let key = Key::shared(0);
        let set = Ask::new(Kind::Store { op: StoreOp::Set, key, content, exptime: 0 });
        check(&set, answered(Status::Done, "", ""), "Done");
        check(&set, answered(Status::NotFound, "", ""), "NotDone");
        check(&set, answered(Status::End, "", ""), "wrong");
        check(&set, CallResult::Remembered, "wrong");
        check(&Ask::new(Kind::Delete(key)), CallResult::Remembered, "Done");
    }

    #[test]
    fn a_key_that_could_not_be_served_is_no_miss() {
        let ask = get(&[Key::shared(0), Key::shared(1)]);
        let split = |failure: Option<Failure>| {
            let (mut found, mut other) = (Part::default(), Part::default());
            found.body = b"VALUE k1 0 1\r\nx\r\n".to_vec();
            found.value_lens = vec![u32::try_from(found.body.len()).unwrap()];
            other.failure = failure;
            let (parts, part_of_key) = (vec![found, other], vec![Some(1), Some(0)]);
            CallResult::Parts(Box::new(Split { parts, part_of_key, failure, ..Split::default() }))
        };
        check(&ask, split(None), "values of k1");
        check(&ask, split(Some(Failure::Timeout)), "values of k1, and timed out");
        check(&get(&[Key::shared(1), Key::shared(0)]), split(None), "wrong");
    }
}
