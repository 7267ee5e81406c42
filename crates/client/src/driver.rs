//! Reading, keeping time, and writing for all: one future, whoever polls it.
//!
//! # Intuition
//! It reads from all connections: a batch of responses from several servers wakes one task, and not
//! one for each. It is rung for when there is something to write, and lets everybody who is ready
//! have their say first: what many tasks ask for becomes one write for each connection.
//!
//! It has a task of its own. But when one application's task is alone with its call, waking a second
//! task to have it wake the first is most of what that call costs (a runtime with several threads
//! wakes a thread for it). So what the driver waits for wakes the lone caller instead, who then
//! drives for as long as its own call takes.
//!
//! # Hard cases
//! - A caller that is woken may never look at its call again: its task is busy with something else.
//!   So it is woken once; until it has driven, all further wake-ups go to the driver's own task. Who
//!   is not alone always rings.
//! - A caller that is woken may drop its call: its wake-up goes on to the driver's own task.
//! - A caller may be woken to drive just after it has looked whether it was: it looks again.
//! - Both may poll at the same time: they take turns, so that no wake-up finds the future half
//!   polled and is lost.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use evenkeel_core::Instant;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use crate::connection;
use crate::engine::{Due, Engine, Scratch};

/// The driver of an engine.
#[derive(Default)]
pub(crate) struct Driver {
    /// `None` before it is started, and once it has ended.
    future: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    shift: Arc<Shift>,
}

/// Who is woken when there is something to drive.
#[derive(Default)]
struct Shift(Mutex<OnDuty>);

#[derive(Default)]
struct OnDuty {
    caller: Caller,
    /// The driver's own task.
    own: Option<Waker>,
}

#[derive(Default)]
enum Caller {
    /// Nobody is alone.
    #[default]
    None,
    /// Wakes a lone caller, who has not been woken yet.
    Waiting(Waker),
    /// The lone caller has been woken, and has not driven since.
    Woken,
}

impl Driver {
    /// Starts the driver of `engine`, which this is a part of, on the engine's runtime.
    pub(crate) fn start(&self, engine: &Arc<Engine>) {
        *lock(&self.future) = Some(Box::pin(drive(Arc::clone(engine))));
        let own = OwnTask(Arc::clone(engine));
        engine.runtime.spawn(poll_fn(move |context| own.0.poll_as_own_task(context)));
    }

    /// Polls it; ready when it has ended.
    pub(crate) fn poll(&self) -> Poll<()> {
        let waker = Waker::from(Arc::clone(&self.shift));
        let mut context = Context::from_waker(&waker);
        let mut future = lock(&self.future);
        let Some(running) = future.as_mut() else { return Poll::Ready(()) };
        let polled = running.as_mut().poll(&mut context);
        if polled.is_ready() {
            *future = None;
        }
        polled
    }

    /// The driver's own task looks.
    pub(crate) fn poll_as_own(&self, context: &Context<'_>) -> Poll<()> {
        self.shift.lock().set_own(context.waker());
        self.poll()
    }

    /// A lone caller waits: it is woken in place of the driver's own task.
    pub(crate) fn take_over(&self, waker: &Waker) {
        let caller = &mut self.shift.lock().caller;
        match caller {
            Caller::Waiting(before) => before.clone_from(waker),
            Caller::None => *caller = Caller::Waiting(waker.clone()),
            // Since it looked. It must look again, and drive.
            Caller::Woken => waker.wake_by_ref(),
        }
    }

    /// Whether the lone caller was woken to drive. It must then do so.
    pub(crate) fn is_callers_turn(&self) -> bool {
        let mut on_duty = self.shift.lock();
        let is_woken = matches!(on_duty.caller, Caller::Woken);
        if is_woken {
            on_duty.caller = Caller::None;
        }
        is_woken
    }

    /// The lone caller waits no longer.
    pub(crate) fn hand_back(&self) {
        let mut on_duty = self.shift.lock();
        if matches!(std::mem::take(&mut on_duty.caller), Caller::Woken) {
            on_duty.wake_own();
        }
    }

    /// Has it end, because its engine is closed.
    pub(crate) fn end(&self) {
        // Whoever is polling it just now finds the engine closed.
        let future = self.future.try_lock().ok().and_then(|mut it| it.take());
        drop(future);
        self.shift.lock().wake_own();
    }
}

impl Shift {
    fn lock(&self) -> MutexGuard<'_, OnDuty> {
        lock(&self.0)
    }
}

impl Wake for Shift {
    fn wake(self: Arc<Self>) {
        let mut on_duty = self.lock();
        match std::mem::replace(&mut on_duty.caller, Caller::Woken) {
            Caller::Waiting(waker) => {
                drop(on_duty);
                waker.wake();
            }
            caller @ (Caller::None | Caller::Woken) => {
                on_duty.caller = caller;
                on_duty.wake_own();
            }
        }
    }
}

impl OnDuty {
    fn set_own(&mut self, waker: &Waker) {
        match &mut self.own {
            Some(before) => before.clone_from(waker),
            own @ None => *own = Some(waker.clone()),
        }
    }

    fn wake_own(&self) {
        if let Some(own) = &self.own {
            own.wake_by_ref();
        }
    }
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Closes the engine when the runtime ends.
struct OwnTask(Arc<Engine>);

impl Drop for OwnTask {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Runs until the engine is closed.
async fn drive(engine: Arc<Engine>) {
    let mut connections = FuturesUnordered::new();
    let mut scratch = Scratch::default();
    let mut timer = std::pin::pin!(tokio::time::sleep(Duration::ZERO));
    // When the timer fires.
    let mut armed_at: Option<Instant> = Some(engine.shared.now());
    loop {
        tokio::select! {
            biased;
            Some(()) = connections.next() => continue,
            () = engine.rung() => tokio::task::yield_now().await,
            () = &mut timer, if armed_at.is_some() => armed_at = None,
        }
        let Some(Due(next)) = engine.turn(&mut scratch) else { return };
        connections.extend(scratch.to_connect.drain(..).map(|id| connection::run(&engine, id)));
        if let Some(next) = next
            && armed_at.is_none_or(|at| next < at)
        {
            let after = next.saturating_since(engine.shared.now());
            timer.as_mut().reset(tokio::time::Instant::now() + after);
            armed_at = Some(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts how often it was woken.
    #[derive(Default)]
    struct Sleeper(AtomicUsize);

    impl Wake for Sleeper {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Sleeper {
        fn woken(&self) -> usize {
            self.0.swap(0, Ordering::Relaxed)
        }
    }

    struct Rig {
        driver: Driver,
        own: Arc<Sleeper>,
        caller: Arc<Sleeper>,
    }

    impl Rig {
        /// A driver whose own task waits.
        fn new() -> Self {
            let rig =
                Self { driver: Driver::default(), own: Arc::default(), caller: Arc::default() };
            rig.driver.shift.lock().set_own(&Arc::clone(&rig.own).into());
            rig
        }

        fn take_over(&self) {
            self.driver.take_over(&Arc::clone(&self.caller).into());
        }

        fn wake(&self) {
            Waker::from(Arc::clone(&self.driver.shift)).wake();
        }

        /// How often the driver's own task and the caller were woken.
        fn woken(&self) -> (usize, usize) {
            (self.own.woken(), self.caller.woken())
        }
    }

    #[test]
    fn a_lone_caller_is_woken_once_and_then_the_own_task() {
        let rig = Rig::new();
        rig.wake();
        assert_eq!(rig.woken(), (1, 0));
        rig.take_over();
        assert!(!rig.driver.is_callers_turn());
        rig.wake();
        assert_eq!(rig.woken(), (0, 1));
        rig.wake();
        assert_eq!(rig.woken(), (1, 0), "until it has looked");
        assert!(rig.driver.is_callers_turn());
        rig.take_over();
        rig.wake();
        assert_eq!(rig.woken(), (0, 1));
    }

    #[test]
    fn a_caller_that_was_woken_after_it_looked_looks_again() {
        let rig = Rig::new();
        rig.take_over();
        assert!(!rig.driver.is_callers_turn());
        rig.wake();
        rig.take_over();
        assert_eq!(rig.woken(), (0, 2));
        assert!(rig.driver.is_callers_turn());
    }

    #[test]
    fn a_caller_that_gives_up_hands_on_what_woke_it() {
        let rig = Rig::new();
        rig.take_over();
        rig.driver.hand_back();
        assert_eq!(rig.woken(), (0, 0));
        rig.take_over();
        rig.wake();
        rig.driver.hand_back();
        assert_eq!(rig.woken(), (1, 1));
        assert!(!rig.driver.is_callers_turn());
    }
}
