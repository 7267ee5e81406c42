//! The admin server of a proxy, as those meet it who ask it over HTTP, and those who should not.

mod access;
mod description;
mod events;
mod limits;
mod metrics;
mod questions;
mod rig;
