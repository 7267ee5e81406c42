//! Whether it is we who are slow: a busy machine, or many examinations in one loop, make each answer
//! look late.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Does `work`, and tells for how long our loop stood still at most meanwhile.
pub(super) async fn watched<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let mut work = pin!(work);
    let mut stalled = Duration::ZERO;
    loop {
        let begun_at = Instant::now();
        let done = tokio::select! {
            done = &mut work => Some(done),
            () = sleep(TICK) => None,
        };
        stalled = stalled.max(begun_at.elapsed().saturating_sub(TICK));
        if let Some(done) = done {
            return (done, stalled);
        }
    }
}

/// How often our loop is looked at.
const TICK: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_stands_still_is_seen() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.expect("a runtime needs a few files");
        let still = Duration::from_millis(60);
        let ((), stalled) = runtime.block_on(watched(async {
            sleep(TICK * 2).await;
            std::thread::sleep(still);
        }));
        assert!(stalled + TICK >= still, "{stalled:?}");
    }
}
