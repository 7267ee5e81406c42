//! What a worker tells of a request that took long.

use crate::connection::Matched;
use crate::report::Reports;
use crate::routing::ServerId;
use crate::slow::{KeyStart, SlowRequest, SlowRequests};
use crate::time::Instant;

/// Tells of a request, unless there have been too many.
#[cold]
pub(super) fn tell(
    slow: &mut SlowRequests,
    reports: &mut Reports,
    now: Instant,
    server: ServerId,
    matched: &Matched<'_>,
) {
    let Some(untold) = slow.admit(now) else { return };
    let attempt = &matched.attempt;
    let keys = attempt.keys(matched.encoded);
    let first = keys.split(|byte| *byte == b' ').next().unwrap_or_default();
    reports.note_slow(SlowRequest {
        server,
        pool: attempt.pool,
        class: attempt.class,
        latency: now - attempt.sent_at,
        is_doubtful: reports.is_doubtful(attempt.sent_at),
        keys_len: attempt.keys_len,
        key: if slow.are_keys_shown() { KeyStart::of(first) } else { KeyStart::NOTHING },
        untold,
    });
}
