//! What has been written to each key, and so which values may be read.
//!
//! Who writes through something that is under test asks this before each request, and has each
//! value judged that comes back. It sends nothing itself.

use std::sync::atomic::{AtomicU64, Ordering};

/// The keys of a load and the numbers of their writes.
///
/// Each key has one writer, which numbers its writes; the value of a write is its key and its
/// number. A read may return no write older than the last one acknowledged before it began. A
/// write that failed may be seen until a later one is acknowledged.
#[derive(Debug)]
pub struct Truth {
    keys: Vec<Versions>,
}

/// A key's writes so far.
#[derive(Debug)]
struct Versions {
    key: String,
    sent: AtomicU64,
    acknowledged: AtomicU64,
}

/// What a value that was read is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// The last write that was acknowledged, or one that was sent after it.
    Right,
    /// Older than the last write that was acknowledged before the read began.
    Stale,
    /// Never written to this key.
    Wrong,
}

impl Truth {
    /// These keys, none of them written.
    pub fn new(keys: impl IntoIterator<Item = String>) -> Self {
        let versions =
            |key| Versions { key, sent: AtomicU64::new(0), acknowledged: AtomicU64::new(0) };
        Self { keys: keys.into_iter().map(versions).collect() }
    }

    /// The name of a key.
    pub fn key(&self, idx: usize) -> &str {
        &self.keys[idx].key
    }

    /// How many keys there are.
    #[expect(clippy::len_without_is_empty, reason = "a truth without keys is of no use")]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// The number of a key's next write. Only the key's own writer may ask.
    pub fn begin_write(&self, idx: usize) -> u64 {
        self.keys[idx].sent.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Whether the write of this number is a delete.
    pub fn is_delete(version: u64) -> bool {
        version.is_multiple_of(DELETE_EVERY)
    }

    /// The write of this number was answered as done.
    pub fn acknowledge(&self, idx: usize, version: u64) {
        self.keys[idx].acknowledged.store(version, Ordering::SeqCst);
    }

    /// The last acknowledged write of a key: to be asked before a read is sent.
    pub fn acknowledged(&self, idx: usize) -> u64 {
        self.keys[idx].acknowledged.load(Ordering::SeqCst)
    }

    /// The value of a write.
    pub fn value(&self, idx: usize, version: u64) -> String {
        format!("{}={version:020}", self.key(idx))
    }

    /// Judges a value that a read has returned which began after the write `acknowledged`.
    pub fn judge(&self, idx: usize, acknowledged: u64, value: &str) -> Judgement {
        let version = value.strip_prefix(self.key(idx)).and_then(|rest| rest.strip_prefix('='));
        let sent = self.keys[idx].sent.load(Ordering::SeqCst);
        match version.and_then(|version| version.parse().ok()) {
            Some(version) if Self::is_delete(version) || version > sent => Judgement::Wrong,
            Some(version) if version < acknowledged => Judgement::Stale,
            Some(_) => Judgement::Right,
            None => Judgement::Wrong,
        }
    }
}

/// One write in so many is a delete. The first is none.
const DELETE_EVERY: u64 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// A key with writes 1 to 9, the last acknowledged one of which is `acknowledged`.
    #[track_caller]
    fn check(acknowledged: u64, value: &str, expected: Judgement) {
        let truth = Truth::new(["user:1".to_owned(), "user:2".to_owned()]);
        (0..9).for_each(|_| assert!(truth.begin_write(0) > 0));
        truth.acknowledge(0, acknowledged);
        let value = value.replace("KEY", truth.key(0)).replace("OTHER", truth.key(1));
        assert_eq!(truth.judge(0, truth.acknowledged(0), &value), expected, "{value}");
    }

    #[test]
    fn values_from_the_last_acknowledged_to_the_last_sent_are_right() {
        check(6, "KEY=6", Judgement::Right);
        check(6, "KEY=7", Judgement::Right);
        check(6, "KEY=9", Judgement::Right);
        check(0, "KEY=1", Judgement::Right);
    }

    #[test]
    fn values_before_the_last_acknowledged_are_stale() {
        check(6, "KEY=5", Judgement::Stale);
        check(8, "KEY=7", Judgement::Stale);
    }

    #[test]
    fn values_that_were_never_written_are_wrong() {
        check(6, "KEY=10", Judgement::Wrong);
        check(6, "KEY=8", Judgement::Wrong);
        check(6, "KEY=0", Judgement::Wrong);
        check(6, "OTHER=6", Judgement::Wrong);
        check(6, "KEY=", Judgement::Wrong);
        check(6, "", Judgement::Wrong);
    }
}
