//! A task's wait for its result.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use evenkeel_core::call::CallResult;

use super::Engine;
use super::state::{Slot, Submitted};

/// A call, until it has its result. Dropping it gives it up.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(super) engine: &'a Arc<Engine>,
    /// Nobody else waited when it was submitted: its task may drive.
    pub(super) may_drive: bool,
    /// `None` once there is a result, or if there will be none.
    pub(super) waiting: Option<Submitted>,
    #[cfg(feature = "metrics")]
    pub(super) stopwatch: super::meter::Stopwatch,
}

impl Future for Call<'_> {
    /// `None` if the engine has been closed.
    type Output = Option<CallResult>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some((_, slot)) = self.waiting else { return Poll::Ready(None) };
        let engine = self.engine;
        if self.may_drive && engine.driver.is_callers_turn() {
            // It is here already: to be woken would have it polled once more, for nothing.
            if let Some(Slot::Waiting(waker)) = engine.lock().slots.get_mut(slot) {
                *waker = None;
            }
            // Whether it has ended is seen below.
            let _ = engine.driver.poll();
        }
        // The clock is read before others are kept waiting.
        #[cfg(feature = "metrics")]
        let timed = self.stopwatch.look(|| engine.shared.now());
        let mut state = engine.lock();
        if let Some(Slot::Waiting(waker)) = state.slots.get_mut(slot) {
            match waker {
                Some(waker) => waker.clone_from(context.waker()),
                None => *waker = Some(context.waker().clone()),
            }
            drop(state);
            if self.may_drive {
                engine.driver.take_over(context.waker());
            }
            return Poll::Pending;
        }
        let result = state.slots.remove(slot);
        #[cfg(feature = "metrics")]
        state.meter.note_call(timed);
        drop(state);
        self.waiting = None;
        if self.may_drive {
            engine.driver.hand_back();
        }
        match result {
            Some(Slot::Done(result)) => Poll::Ready(Some(result)),
            Some(Slot::Waiting(_)) | None => Poll::Ready(None),
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if let Some((id, slot)) = self.waiting {
            let mut state = self.engine.lock();
            state.slots.remove(slot);
            state.worker.drop_call(id);
            drop(state);
            if self.may_drive {
                self.engine.driver.hand_back();
            }
        }
    }
}
