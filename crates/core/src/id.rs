//! Names of things that come and go, never used again after the thing has gone.

slotmap::new_key_type! {
    /// A session of a worker.
    pub struct SessionId;

    /// An exchange of a worker.
    pub struct ExchangeId;
}
