//! The task that keeps time and writes for all.
//!
//! It is rung for when there is something to write, and lets everybody who is ready have their say
//! first: what many tasks ask for becomes one write for each connection.

use std::sync::Arc;

use evenkeel_core::Instant;

use crate::engine::{Engine, Scratch};

/// Runs for as long as its runtime does.
pub(crate) async fn drive(engine: Arc<Engine>) {
    let guard = CloseOnDrop(engine);
    let engine = &guard.0;
    let mut scratch = Scratch::default();
    let mut timer = std::pin::pin!(tokio::time::sleep(std::time::Duration::ZERO));
    // When the timer fires.
    let mut armed_at: Option<Instant> = Some(engine.shared.now());
    loop {
        tokio::select! {
            biased;
            () = engine.rung() => {}
            () = &mut timer, if armed_at.is_some() => armed_at = None,
        }
        tokio::task::yield_now().await;
        let next = engine.turn(&mut scratch).await;
        if let Some(next) = next
            && armed_at.is_none_or(|at| next < at)
        {
            let after = next.saturating_since(engine.shared.now());
            timer.as_mut().reset(tokio::time::Instant::now() + after);
            armed_at = Some(next);
        }
    }
}

/// Closes the engine when the runtime ends.
struct CloseOnDrop(Arc<Engine>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}
