//! What the tests are made of, besides real servers: the proxy before them or the library, and
//! small clients.

mod application;
mod bystander;
mod cluster;
mod http;
mod key;
mod library;
mod load;
mod proxy;
mod samples;
mod session;
mod stalls;
mod subject;

pub(crate) use evenkeel_rig::{
    Memcached, Network, Program, Terminal, free_port, scratch_path, wait_until,
};

pub(crate) use application::{Application, Ask, Reply};
pub(crate) use bystander::Bystander;
pub(crate) use cluster::{Cluster, Target};
pub(crate) use http::{HttpAnswer, http_get};
pub(crate) use key::spread_key;
pub(crate) use library::{Flavour, Library, Threads};
pub(crate) use load::Load;
pub(crate) use proxy::Proxy;
pub(crate) use samples::{Answer, LoadReport, Op, Sample};
pub(crate) use session::Session;
pub(crate) use subject::Subject;
