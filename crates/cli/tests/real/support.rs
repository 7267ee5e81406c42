//! What the tests are made of: real servers, the proxy before them or the library, and small
//! clients.

mod application;
mod bystander;
mod cluster;
mod http;
mod key;
mod library;
mod load;
mod memcached;
mod network;
mod port;
mod program;
mod proxy;
mod samples;
mod session;
mod stalls;
mod subject;

pub(crate) use application::{Application, Ask, Reply};
pub(crate) use bystander::Bystander;
pub(crate) use cluster::{Cluster, Target};
pub(crate) use http::{HttpAnswer, http_get};
pub(crate) use key::spread_key;
pub(crate) use library::{Flavour, Library, Threads};
pub(crate) use load::Load;
pub(crate) use memcached::Memcached;
pub(crate) use network::Network;
pub(crate) use port::free_port;
pub(crate) use program::{Program, scratch_path, wait_until};
pub(crate) use proxy::Proxy;
pub(crate) use samples::{Answer, LoadReport, Op, Sample};
pub(crate) use session::Session;
pub(crate) use subject::Subject;
