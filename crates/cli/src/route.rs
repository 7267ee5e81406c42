//! `evenkeel route`: where keys belong.
//!
//! It reads the arguments and the configuration; core's distribution decides, and
//! [`crate::explanation`] words it. Where keys go at this moment only a running proxy knows: `live`
//! asks it.

mod live;

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use evenkeel_core::config::{
    Config, ListenerConfig, ListenerName, Operation, PoolConfig, PoolName, RouteConfig,
};
use evenkeel_core::protocol::KEY_LEN_MAX;
use serde_json::json;

use crate::admin::Admin;
use crate::args::{AdminArgs, ProxyArgs, RouteArgs};
use crate::explanation::{Addresses, Explained};
use crate::failure::Failure;
use crate::lab_config::lab_config_to_route;

/// Prints for each key its home, why, and its failover order.
pub(crate) fn route(args: RouteArgs) -> Result<(), Failure> {
    let (file, keys) = split(args.config, args.file_and_keys)?;
    check_keys(&keys)?;
    let by = By {
        pool: args.pool.as_ref(),
        listener: args.listener.as_ref(),
        operation: args.operation.unwrap_or_default(),
    };
    let AdminArgs { admin, token_file } = &args.admin;
    if args.live || admin.is_some() || token_file.is_some() {
        let asked = [
            ("pool", args.pool.as_ref().map(PoolName::as_str)),
            ("listener", args.listener.as_ref().map(ListenerName::as_str)),
            ("operation", args.operation.map(Operation::name)),
        ];
        let asked: Vec<_> =
            asked.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let admin = Admin::find(&ProxyArgs { admin: args.admin, config: file })?;
        return live::route(&admin, &asked, &keys, args.json);
    }
    let config = match &file {
        Some(file) => evenkeel_config_file::load(file)?,
        None => lab_config_to_route(),
    };
    let addresses = if file.is_some() { Addresses::Known } else { Addresses::Unknown };
    let mut output = BufWriter::new(io::stdout().lock());
    for key in &keys {
        let Routed { pool, route, sent, operations } = by.route(&config, key)?;
        let distribution = pool.build_distribution().expect("the pool was found to have no faults");
        let explanation = distribution.explain(sent);
        let explained = Explained { pool, addresses, key, explanation };
        let sent_as = (sent.len() < key.len()).then(|| String::from_utf8_lossy(sent));
        if args.json {
            let mut found = explained.to_json();
            if let Some(operations) = operations {
                found["operations"] = json!(operations);
            }
            if let Some(route) = route {
                found["prefix"] = json!(route.prefix.as_str());
                found["sent_as"] = json!(sent_as);
            }
            writeln!(output, "{found}")?;
            continue;
        }
        write!(output, "{explained}")?;
        if let Some(RouteConfig { prefix, pool, .. }) = route {
            let words = words_of_route(prefix.as_str(), pool.as_str(), sent_as.as_deref());
            writeln!(output, "  route {words}")?;
        }
        if let Some(operations) = operations {
            writeln!(output, "  for   {}", words_of_operations(&operations))?;
        }
    }
    output.flush()?;
    Ok(())
}

/// Which way leads to a key's pool.
struct By<'a> {
    pool: Option<&'a PoolName>,
    listener: Option<&'a ListenerName>,
    operation: Operation,
}

/// Where a key goes: its pool, by which route, and what servers are sent.
struct Routed<'c, 'k> {
    pool: &'c PoolConfig,
    route: Option<&'c RouteConfig>,
    sent: &'k [u8],
    /// The names of the operations that go there; `None` if all do.
    operations: Option<Vec<&'static str>>,
}

impl By<'_> {
    fn route<'c, 'k>(&self, config: &'c Config, key: &'k [u8]) -> Result<Routed<'c, 'k>, Failure> {
        if let Some(name) = self.pool {
            let pool = pool_named(config, name)?;
            return Ok(Routed { pool, route: None, sent: key, operations: None });
        }
        let listener = choose_listener(config, self.listener)?;
        let route = config.route_of(&listener.name, self.operation, key);
        let pool = route.map_or(&listener.pool, |it| &it.pool);
        let pool = pool_named(config, pool)?;
        let stripping = route.filter(|it| it.strip_prefix);
        let sent = &key[stripping.map_or(0, |it| it.prefix.as_bytes().len())..];
        if sent.is_empty() {
            return Err(Failure::Usage(format!(
                "nothing is left of the key {:?} without its prefix; give one that is longer",
                String::from_utf8_lossy(key)
            )));
        }
        let operations = config.operations_with(listener, self.operation, key);
        let operations = (operations.len() < Operation::ALL.len())
            .then(|| operations.into_iter().map(Operation::name).collect());
        Ok(Routed { pool, route, sent, operations })
    }
}

/// The listener whose routes count. None need be named if all send every key the same way.
pub(crate) fn choose_listener<'c>(
    config: &'c Config,
    name: Option<&ListenerName>,
) -> Result<&'c ListenerConfig, Failure> {
    let names: Vec<_> = config.listeners.iter().map(|it| it.name.as_str()).collect();
    let names = names.join(", ");
    let first = config.listeners.first().expect("a configuration without faults has a listener");
    let are_alike = config.listeners.iter().all(|it| it.pool == first.pool)
        && (config.listeners.len() == 1 || config.routes.iter().all(|it| it.listener.is_none()));
    match name {
        Some(name) => config.listeners.iter().find(|it| it.name == *name).ok_or_else(|| {
            let name = name.as_str();
            Failure::Usage(format!("there is no listener {name:?}; choose one of {names}"))
        }),
        None if are_alike => Ok(first),
        None => Err(Failure::Usage(format!(
            "listeners differ in where keys go; choose one with --listener: {names}; \
             or a pool with --pool"
        ))),
    }
}

/// The route of a key, for people.
fn words_of_route(prefix: &str, pool: &str, sent_as: Option<&str>) -> String {
    let sent = sent_as.map(|key| format!(", whose servers are sent {key:?}")).unwrap_or_default();
    format!("{prefix:?} to pool {pool}{sent}")
}

/// Which operations it is about, where routes tell them apart.
fn words_of_operations(names: &[impl AsRef<str>]) -> String {
    let names: Vec<_> = names.iter().map(AsRef::as_ref).collect();
    format!("{}; other operations go elsewhere: --operation", names.join(", "))
}

/// The file, if one is named or the first argument is one, and the keys.
fn split(
    named: Option<PathBuf>,
    mut arguments: Vec<OsString>,
) -> Result<(Option<PathBuf>, Vec<Vec<u8>>), Failure> {
    let is_file = |argument: &OsString| argument.as_encoded_bytes().ends_with(b".toml");
    let file = match named {
        Some(file) => Some(file),
        None if arguments.first().is_some_and(is_file) => Some(arguments.remove(0).into()),
        None => None,
    };
    if let (Some(file), []) = (&file, arguments.as_slice()) {
        return Err(Failure::Usage(format!(
            "there is no key after the configuration {}; give at least one",
            file.display()
        )));
    }
    Ok((file, arguments.into_iter().map(OsString::into_encoded_bytes).collect()))
}

/// All keys or none: a list with a bad one in it is a mistake.
fn check_keys(keys: &[Vec<u8>]) -> Result<(), Failure> {
    for key in keys {
        let shown = String::from_utf8_lossy(key);
        if key.is_empty() {
            return Err(Failure::Usage("a key is empty; give 1 to 250 bytes".to_owned()));
        }
        if key.len() > KEY_LEN_MAX {
            return Err(Failure::Usage(format!(
                "the key {shown:?} has {} bytes; memcached takes at most {KEY_LEN_MAX}",
                key.len()
            )));
        }
        if key.iter().any(|byte| byte.is_ascii_control() || *byte == b' ') {
            return Err(Failure::Usage(format!(
                "the key {shown:?} has a blank or a control character in it; \
                 memcached takes neither"
            )));
        }
    }
    Ok(())
}

/// The pool of this name.
pub(crate) fn pool_named<'c>(
    config: &'c Config,
    name: &PoolName,
) -> Result<&'c PoolConfig, Failure> {
    config.pool(name).ok_or_else(|| {
        let known: Vec<_> = config.pools.iter().map(|pool| pool.name.as_str()).collect();
        let (name, known) = (name.as_str(), known.join(", "));
        Failure::Usage(format!("there is no pool {name:?}; choose one of {known}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_listener_need_not_be_named() {
        let text = "[listener.main]\naddress = \"127.0.0.1:11311\"\npool = \"main\"\n\
             [pool.main]\nservers = [\"a\"]\n\
             [[route]]\nprefix = \"user:\"\npool = \"main\"\nlistener = \"main\"\n";
        let config = evenkeel_config_file::parse("evenkeel.toml", text).expect("it has no faults");
        let listener = choose_listener(&config, None).map(|it| it.name.to_string());
        assert_eq!(listener.ok().as_deref(), Some("main"));
    }
}
