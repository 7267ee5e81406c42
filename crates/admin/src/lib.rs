//! What operators and orchestrators ask of a running process, over HTTP: health, states, figures,
//! events, orders, and a page for people.
//!
//! Whoever runs a control plane (a *driver*: the proxy, an application with the client library)
//! makes a [`Subject`] of its handle and of what only the driver knows, and gets a [`router()`] to
//! serve or to mount among its own routes.
//!
//! | part | what it does |
//! |---|---|
//! | [`subject`] | what is asked: the control plane, and what only its driver knows |
//! | [`router`](mod@router) | which path is whose |
//! | [`access`] | who may ask |
//! | [`serve`](mod@serve) | the server around the routes, and its limits |
//! | [`health`] | whether the process lives, and whether it can serve |
//! | [`status`] | the process, its pools, its servers |
//! | [`events`] | what happened: as a list, and as a stream |
//! | [`orders`] | an operator's word about a server |
//! | [`reload`] | the configuration, and how it is changed |
//! | [`lab`] | servers that can be broken on purpose |
//! | [`route`] | where a key goes, and why |
//! | [`history`] | the last minutes, second by second |
//! | [`metrics`] | what Prometheus scrapes |
//! | `recorder`, `tally` | what has to be remembered to be told |
//! | `openapi` | the description of all of it for machines |
//! | [`page`] | the page |
//! | [`refusal`] | why there is no answer |
//! | [`time`] | times as they are written |
//!
//! # What it never does
//! Decide anything about a server, or touch the data path. It reads what is published, and hands
//! orders to the control plane.

pub mod subject;

pub mod router;

pub mod access;

pub mod serve;

pub mod health;

pub mod status;

pub mod events;

pub mod orders;

pub mod reload;

pub mod lab;

pub mod route;

pub mod history;

pub mod metrics;

mod recorder;
mod tally;

mod openapi;

pub mod page;

pub mod refusal;

pub mod time;

/// What the router is of, in the version that it is of.
pub use axum;

pub use access::{Access, Token, TokenError};
pub use router::router;
pub use serve::{Limits, serve};
pub use subject::{Driver, Lab, Subject};
