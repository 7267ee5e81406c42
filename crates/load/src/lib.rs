//! A load generator for memcached and what speaks its text protocol.
//!
//! A [`Load`] is a [`Workload`] and the [`Endpoint`] that it is for. Each of its threads drives any
//! number of connections, and shares nothing with the others while it runs. Requests are drawn
//! from a seed and their number, values are derived from their keys, and every byte of every
//! answer is checked: a figure for wrong answers is worth nothing. Two paces:
//!
//! - [`Pace::Closed`]: each connection sends its next batch when it has all answers to the last
//!   one. That finds the most a target can serve, and hides its pauses: while it stalls, nothing
//!   is sent.
//! - [`Pace::Open`]: requests have a time at which they are meant to start, whatever became of
//!   the earlier ones, and latency counts from that time. That is what users of a target feel.
//!
//! It outlives what it measures: a target may stall, reset or go away, and each request is counted
//! by what became of it. It judges nothing but itself: [`Report::limit`] says whether the figures
//! are those of the generator, and [`Survey`] whether others use the target. `evenkeel bench` puts
//! a [`Report`] into words; the program `compare` sets them side by side for two proxies.
//!
//! ```no_run
//! use evenkeel_load::{Endpoint, Length, Load, Pace, Workload};
//!
//! let endpoint = Endpoint::resolve("localhost:11311")?;
//! let pace = Pace::Open { rate: 2000, in_flight_max: 256 };
//! let workload = Workload { connections: 8, pace, ..Workload::default() };
//! let load = Load::new(&endpoint, &workload).threads(2);
//! load.fill()?;
//! let report = load.run(Length::Requests(10_000))?;
//! assert_eq!(report.wrong, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod endpoint;
mod workload;

mod load;
mod survey;

mod driver;
mod timer;
mod timetable;

mod connection;
mod descriptors;
mod link;
mod stream;

mod answer;
mod content;
mod draw;

mod generator;
mod latencies;
mod meter;
mod report;
mod watch;

pub use self::endpoint::{Endpoint, EndpointError};
pub use self::generator::{LATE_MIN, Limit, ThreadTime};
pub use self::latencies::Latencies;
pub use self::load::{Length, Load, RunError};
pub use self::report::{End, Report};
pub use self::survey::{Danger, Survey};
pub use self::watch::{Pulse, Watch};
pub use self::workload::{KeyChoice, Pace, ValueSize, Workload};
