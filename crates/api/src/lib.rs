//! The types of the admin API's JSON, for those who serve it and for those who ask.
//!
//! The server (`evenkeel-admin`) writes them; the terminal (`evenkeel status`, `evenkeel top`) and
//! the page read them; hooks are told in them what happens. A field is added, never taken away or
//! given another meaning: within `/api/v1/` an older reader understands a newer server.
//!
//! # Conventions
//! - Times are RFC 3339 in UTC, with milliseconds (`2026-11-22T03:00:12.345Z`).
//! - A field's unit is the end of its name (`_us`, `_ms`, `_seconds`, `_bytes`, `_percent`). A rate
//!   is per second.
//! - A label (`state`, `rule`, `kind`, `failure`) is one word, the same in logs, metrics and here.
//! - What is not known is left out, not 0.
//! - Keys are bytes. Here they are text; what is no UTF-8 cannot be asked about.
//!
//! # What it never does
//! Fill anything in: that needs the control plane, which readers do not have.

mod event;
mod failure;
mod health;
mod history;
mod hook;
mod lab;
mod pool;
mod reload;
mod route;
mod server;
mod status;

pub use event::{Event, EventList};
pub use failure::ApiFailure;
pub use health::{Live, PoolReadiness, Ready};
pub use history::{History, PoolHistory, ServerHistory};
pub use hook::{HookMessage, HookProcess};
pub use lab::{Lab, LabFault, LabServer};
pub use pool::{Pool, PoolTotals};
pub use reload::{Configuration, Reload, ReloadOutcome};
pub use route::{MisplacedKey, Route, RouteServer};
pub use server::{
    Connections, Latencies, LatencyPercentiles, OrderAccepted, Rates, Server, ServerReport,
    ServerTotals,
};
pub use status::{Listener, PrefixRoute, Status};
