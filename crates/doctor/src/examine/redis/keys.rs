//! Looks at some keys of the database that was named: which of them never expire.
//!
//! The keys are those that `SCAN` meets first, which are in the order of their hashes: as good as
//! drawn by lot. They are asked for in small parts, so that nobody is held up, and only their time
//! to live is asked. The part of ours is told apart by name.

use redis::Value;
use tokio::time::{Duration, Instant};

use super::answers;
use super::conversation::{Conversation, Failure};
use super::gather::command;
use crate::facts::KeySample;

/// Looks at keys until there are no more, enough, or it takes too long. Its connection is its own:
/// names of keys may be longer than any answer.
pub(super) async fn sample(
    conversation: &mut Conversation,
    deadline: Instant,
) -> Result<KeySample, Failure> {
    let deadline = deadline.min(Instant::now() + SAMPLE_TIME_MAX);
    let mut sample = KeySample::default();
    let mut cursor = "0".to_owned();
    for _ in 0..PARTS_MAX {
        let asked_at = Instant::now();
        let part = look_at_part(conversation, &cursor, deadline, &mut sample).await;
        match part {
            Ok(next) => cursor = next,
            // What has been seen is worth something.
            Err(_) if sample.looked_at > 0 => break,
            Err(failure) => return Err(failure),
        }
        if cursor == "0" || sample.looked_at >= KEYS_MAX || asked_at.elapsed() > PART_TIME_MAX {
            break;
        }
    }
    Ok(sample)
}

/// The next cursor.
async fn look_at_part(
    conversation: &mut Conversation,
    cursor: &str,
    deadline: Instant,
    sample: &mut KeySample,
) -> Result<String, Failure> {
    let scan = command(&["SCAN", cursor, "COUNT", PART_LEN]);
    let scanned = conversation.ask(&scan, deadline).await?;
    let [next, keys] = answers::items(&scanned) else {
        return Err(Failure::Refused("SCAN was answered by something else".to_owned()));
    };
    let keys = answers::items(keys).iter().filter_map(|key| match key {
        Value::BulkString(bytes) if !bytes.starts_with(OUR_START) => Some(bytes),
        _ => None,
    });
    let keys: Vec<_> = keys.collect();
    let commands: Vec<_> = keys.iter().map(|key| command(&["TTL"]).arg(key).to_owned()).collect();
    for (key, answer) in keys.iter().zip(conversation.ask_all(&commands, deadline).await) {
        match answer? {
            Value::Int(NEVER) => {
                sample.looked_at += 1;
                sample.without_expiry += 1;
                if sample.examples.len() < EXAMPLES_MAX {
                    sample.examples.push(shown(key));
                }
            }
            Value::Int(0..) => sample.looked_at += 1,
            // It has gone meanwhile.
            _ => {}
        }
    }
    answers::text(next).ok_or_else(|| Failure::Refused("SCAN gave no cursor".to_owned()))
}

/// A key as it fits a line.
fn shown(key: &[u8]) -> String {
    let text = key.escape_ascii().to_string();
    if text.len() <= EXAMPLE_LEN_MAX {
        return text;
    }
    format!("{}…", &text[..EXAMPLE_LEN_MAX])
}

const OUR_START: &[u8] = b"evenkeel:doctor:";
/// What `TTL` says of a key that never expires.
const NEVER: i64 = -1;
/// How many keys are asked for at a time.
const PART_LEN: &str = "50";
/// How many keys are looked at, or a few more.
const KEYS_MAX: u64 = 1_000;
/// A sparse database has many empty places between its keys.
const PARTS_MAX: usize = 40;
/// A server that takes longer for one part is left alone.
const PART_TIME_MAX: Duration = Duration::from_millis(30);
const SAMPLE_TIME_MAX: Duration = Duration::from_millis(400);
const EXAMPLES_MAX: usize = 5;
/// The most of a key's name that is shown, in characters.
const EXAMPLE_LEN_MAX: usize = 80;
