//! What this process is doing to keys: writes that have not ended, and loads.
//!
//! # Intuition
//! Whoever keeps something of a key in this process (a near copy, or a load that others wait for)
//! must learn of every write of that key through this client, before the write is acknowledged. So
//! each write is entered here before it is sent, and struck out when it has ended; what was
//! kept goes with the entry.
//!
//! # Hard cases
//! - **A read in flight while a write happens** may bring the older value after the write has been
//!   acknowledged. A read takes a ticket before it is sent, and what it brings is kept only if the
//!   ticket still holds: no write was in flight when it was taken, and none has begun since.
//!   Looking and keeping are one step under the lock that a write's entry takes.
//! - **A write that is dropped** has not been acknowledged, but may have been carried out: it is
//!   struck out like any other.
//! - **A load that a write overtakes** may have read the database before it changed. Nobody joins it
//!   any more; those who wait for it began before the write was acknowledged. Its value is
//!   stored only in the place of what it found, by that one's token.
//! - **A task that learned of a miss before a load ended, and gets to run after** would load again.
//!   It looks again if a load has ended since it looked.
//!
//! Keys share a shard's counts: a write of another key can make a ticket void, which costs a near
//! copy and nothing else.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smallvec::SmallVec;

#[cfg(feature = "near")]
use crate::near::Near;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Register {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    #[cfg(feature = "near")]
    pub(crate) near: Option<Near>,
}

/// What is known of the keys of one shard.
#[derive(Debug, Default)]
struct Shard {
    #[cfg(feature = "near")]
    writes: Writes,
    /// How many loads have ended.
    loads_ended: u64,
    /// Loads that may be joined: by key, and there by the type of the loader's error.
    loads: HashMap<Box<[u8]>, Loads>,
}

/// Writes of the keys of one shard.
#[cfg(feature = "near")]
#[derive(Clone, Copy, Debug, Default)]
struct Writes {
    in_flight: usize,
    /// How many there have ever been.
    begun: u64,
}

type Loads = SmallVec<[(TypeId, Arc<dyn Any + Send + Sync>); 1]>;

/// How many shards: enough that tasks on many processors seldom meet, and few enough to go
/// through all of them for a `flush_all`.
const SHARDS: usize = 64;

/// A read's right to have kept what it brings: how many writes there had been before it.
#[cfg(feature = "near")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket(u64);

/// How many loads had ended when somebody looked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looked(u64);

/// What became of the wish to load.
pub(crate) enum Joined<L> {
    /// It is being loaded already.
    Other(Arc<L>),
    /// The load that was brought is the one that others will join.
    Own(Arc<L>),
    /// A load has ended since one looked.
    LookAgain,
}

impl Register {
    pub(crate) fn new(#[cfg(feature = "near")] near: Option<Near>) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            #[cfg(feature = "near")]
            near,
        }
    }

    fn shard(&self, key: &[u8]) -> &Mutex<Shard> {
        let hash = self.hasher.hash_one(key);
        &self.shards[usize::try_from(hash % SHARDS as u64).expect("less than SHARDS")]
    }

    fn lock(&self, key: &[u8]) -> MutexGuard<'_, Shard> {
        lock(self.shard(key))
    }

    /// A number from 0 up to but not including 1 that belongs to this key in this process.
    pub(crate) fn share(&self, key: &[u8]) -> f64 {
        // Other bits than those that choose the shard.
        let hash = self.hasher.hash_one(key) >> 32;
        f64::from(u32::try_from(hash).expect("32 bits")) / (f64::from(u32::MAX) + 1.0)
    }

    // Writes.

    /// Enters a write of `key` that is about to be sent. It has ended when what is returned is
    /// dropped.
    #[must_use = "dropping it says that the write has ended"]
    pub(crate) fn begin_write<'a>(&'a self, key: &'a [u8]) -> Writing<'a> {
        let place = self.shard(key);
        let mut shard = lock(place);
        shard.overtake(key);
        #[cfg(feature = "near")]
        self.enter(&mut shard, key);
        Writing { place, key, by: Writer::Caller }
    }

    /// Enters the write of what a load has brought: nobody is kept from joining that load.
    #[must_use = "dropping it says that the write has ended"]
    pub(crate) fn begin_store<'a>(&'a self, key: &'a [u8]) -> Writing<'a> {
        let place = self.shard(key);
        #[cfg(feature = "near")]
        self.enter(&mut lock(place), key);
        Writing { place, key, by: Writer::Load }
    }

    #[cfg(feature = "near")]
    fn enter(&self, shard: &mut Shard, key: &[u8]) {
        shard.writes.in_flight += 1;
        shard.writes.begun += 1;
        if let Some(near) = &self.near {
            near.remove(key);
        }
    }

    /// Enters a write of all keys.
    #[must_use = "dropping it says that the write has ended"]
    pub(crate) fn begin_flush(&self) -> Flushing<'_> {
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard.loads.clear();
            #[cfg(feature = "near")]
            {
                shard.writes.in_flight += 1;
                shard.writes.begun += 1;
            }
        }
        #[cfg(feature = "near")]
        if let Some(near) = &self.near {
            near.clear();
        }
        Flushing(self)
    }

    // Loads.

    /// To be asked before one looks whether there is a value.
    pub(crate) fn look(&self, key: &[u8]) -> Looked {
        Looked(self.lock(key).loads_ended)
    }

    /// Joins the load of `key` whose errors are of the type `E`, or makes `load` the one to be
    /// joined.
    pub(crate) fn join<L: Any + Send + Sync>(
        &self,
        key: &[u8],
        looked: Looked,
        load: impl FnOnce() -> L,
    ) -> Joined<L> {
        let mut shard = self.lock(key);
        let id = TypeId::of::<L>();
        let loads = shard.loads.get(key).map(SmallVec::as_slice).unwrap_or_default();
        if let Some((_, load)) = loads.iter().find(|(of, _)| *of == id) {
            let load = Arc::clone(load).downcast().expect("it is entered by its type");
            return Joined::Other(load);
        }
        if shard.loads_ended != looked.0 {
            return Joined::LookAgain;
        }
        let load = Arc::new(load());
        let entered: Arc<dyn Any + Send + Sync> = load.clone();
        shard.loads.entry(key.into()).or_default().push((id, entered));
        Joined::Own(load)
    }

    /// Whether a load may still be joined: no write has overtaken it.
    pub(crate) fn is_current<L: Any + Send + Sync>(&self, key: &[u8], load: &Arc<L>) -> bool {
        let shard = self.lock(key);
        let loads = shard.loads.get(key).map(SmallVec::as_slice).unwrap_or_default();
        loads.iter().any(|(_, it)| is_same(it, load))
    }

    /// Nobody joins this load any more.
    pub(crate) fn end_load<L: Any + Send + Sync>(&self, key: &[u8], load: &Arc<L>) {
        let mut shard = self.lock(key);
        shard.loads_ended += 1;
        if let Some(loads) = shard.loads.get_mut(key) {
            loads.retain(|(_, it)| !is_same(it, load));
            if loads.is_empty() {
                shard.loads.remove(key);
            }
        }
    }
}

#[cfg(feature = "near")]
impl Register {
    /// To be asked before a read is sent whose value may be kept.
    pub(crate) fn ticket(&self, key: &[u8]) -> Option<Ticket> {
        self.near.as_ref()?;
        let Writes { in_flight, begun } = self.lock(key).writes;
        (in_flight == 0).then_some(Ticket(begun))
    }

    /// Keeps what a read has brought, for `ttl_max` at most, if its ticket holds.
    pub(crate) fn keep(
        &self,
        key: &[u8],
        ticket: Ticket,
        value: &crate::Value,
        ttl_max: Option<std::time::Duration>,
    ) {
        let Some(near) = &self.near else { return };
        let shard = self.lock(key);
        if shard.writes.begun == ticket.0 {
            near.put(key, value, ttl_max);
        }
    }
}

impl Shard {
    /// Nobody joins a load of `key` any more. Hashes nothing while nobody loads.
    fn overtake(&mut self, key: &[u8]) {
        if !self.loads.is_empty() {
            self.loads.remove(key);
        }
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_same<L>(entered: &Arc<dyn Any + Send + Sync>, load: &Arc<L>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(entered), Arc::as_ptr(load))
}

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    Caller,
    Load,
}

/// A write in flight.
#[derive(Debug)]
pub(crate) struct Writing<'a> {
    place: &'a Mutex<Shard>,
    key: &'a [u8],
    by: Writer,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut shard = lock(self.place);
        #[cfg(feature = "near")]
        {
            shard.writes.in_flight -= 1;
        }
        // A load that began meanwhile may have found what was there before.
        if self.by == Writer::Caller {
            shard.overtake(self.key);
        }
    }
}

/// A write of all keys in flight.
#[derive(Debug)]
pub(crate) struct Flushing<'a>(&'a Register);

impl Drop for Flushing<'_> {
    fn drop(&mut self) {
        for shard in &self.0.shards {
            let mut shard = lock(shard);
            #[cfg(feature = "near")]
            {
                shard.writes.in_flight -= 1;
            }
            shard.loads.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn register() -> Register {
        Register::new(
            #[cfg(feature = "near")]
            None,
        )
    }

    fn join(register: &Register, looked: Looked) -> Joined<u8> {
        register.join(b"k", looked, || 0)
    }

    #[test]
    fn there_is_one_load_of_a_key_and_a_type() {
        let register = register();
        let looked = register.look(b"k");
        let Joined::Own(own) = join(&register, looked) else { panic!("nobody loads yet") };
        let Joined::Other(other) = join(&register, looked) else { panic!("it is loaded") };
        assert!(Arc::ptr_eq(&own, &other));
        assert!(matches!(register.join(b"k", looked, || 0_u16), Joined::Own(_)));
        assert!(matches!(register.join(b"l", register.look(b"l"), || 0_u8), Joined::Own(_)));
    }

    #[test]
    fn who_looked_before_a_load_ended_looks_again() {
        let register = register();
        let looked = register.look(b"k");
        let Joined::Own(own) = join(&register, looked) else { panic!("nobody loads yet") };
        register.end_load(b"k", &own);
        assert!(matches!(join(&register, looked), Joined::LookAgain));
        assert!(matches!(join(&register, register.look(b"k")), Joined::Own(_)));
    }

    #[test]
    fn nobody_joins_a_load_that_a_write_has_overtaken() {
        let register = register();
        let looked = register.look(b"k");
        let Joined::Own(before) = join(&register, looked) else { panic!("nobody loads yet") };
        let writing = register.begin_write(b"k");
        assert!(!register.is_current(b"k", &before));
        let Joined::Own(during) = join(&register, looked) else { panic!("it was overtaken") };
        drop(writing);
        assert!(!register.is_current(b"k", &during));
        let Joined::Own(after) = join(&register, looked) else { panic!("it was overtaken") };
        register.end_load(b"k", &before);
        assert!(register.is_current(b"k", &after), "an older load ends for itself alone");
        drop(register.begin_store(b"k"));
        assert!(register.is_current(b"k", &after), "what it stores is its own");
        drop(register.begin_flush());
        assert!(!register.is_current(b"k", &after));
    }

    #[cfg(feature = "near")]
    #[test]
    fn what_a_read_brings_is_kept_unless_a_write_has_come_between() {
        use crate::near::NearConfig;

        let hour = std::time::Duration::from_hours(1);
        let near = Near::new(NearConfig { ttl: hour, ..NearConfig::default() });
        let register = Register::new(Some(near));
        let find = || register.near.as_ref().and_then(|near| near.find(b"k"));
        let old = crate::Value::from("old");
        let before = register.ticket(b"k").unwrap();
        register.keep(b"k", before, &old, None);
        assert!(find().is_some());
        let writing = register.begin_write(b"k");
        assert!(find().is_none(), "it is gone before the write is sent");
        register.keep(b"k", before, &old, None);
        assert!(register.ticket(b"k").is_none());
        drop(writing);
        register.keep(b"k", before, &old, None);
        assert!(find().is_none(), "the older value does not come back");
        let ticket = register.ticket(b"k").unwrap();
        drop(register.begin_flush());
        register.keep(b"k", ticket, &old, None);
        let ticket = register.ticket(b"k").unwrap();
        drop(register.begin_store(b"k"));
        register.keep(b"k", ticket, &old, None);
        assert!(find().is_none());
        let after = register.ticket(b"k").unwrap();
        register.keep(b"k", after, &old, None);
        assert!(find().is_some());
    }

    #[test]
    fn shares_spread_over_the_whole_range() {
        let register = register();
        let shares: Vec<_> =
            (0..1000).map(|idx| register.share(format!("{idx}").as_bytes())).collect();
        assert!(shares.iter().all(|share| (0.0..1.0).contains(share)));
        let low = shares.iter().filter(|share| **share < 0.5).count();
        assert!((300..700).contains(&low), "{low} of 1000 below a half");
    }
}
