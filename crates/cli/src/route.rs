//! `evenkeel route`: where keys belong.
//!
//! It reads the arguments and the configuration; core's distribution decides, and
//! [`crate::explanation`] words it. Where keys go at this moment only a running proxy knows: `live`
//! asks it.

mod live;

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use evenkeel_core::config::{Config, PoolConfig, PoolName};
use evenkeel_core::protocol::KEY_LEN_MAX;

use crate::admin::Admin;
use crate::args::{AdminArgs, ProxyArgs, RouteArgs};
use crate::explanation::{Addresses, Explained};
use crate::failure::Failure;
use crate::lab_config::lab_config_to_route;

/// Prints for each key its home, why, and its failover order.
pub(crate) fn route(args: RouteArgs) -> Result<(), Failure> {
    let (file, keys) = split(args.config, args.file_and_keys)?;
    check_keys(&keys)?;
    let AdminArgs { admin, token_file } = &args.admin;
    if args.live || admin.is_some() || token_file.is_some() {
        let admin = Admin::find(&ProxyArgs { admin: args.admin, config: file })?;
        return live::route(&admin, args.pool.as_ref().map(PoolName::as_str), &keys, args.json);
    }
    let config = match &file {
        Some(file) => evenkeel_config_file::load(file)?,
        None => lab_config_to_route(),
    };
    let addresses = if file.is_some() { Addresses::Known } else { Addresses::Unknown };
    let pool = choose_pool(&config, args.pool.as_ref())?;
    let distribution = pool.build_distribution().expect("the pool was found to have no faults");
    let mut output = BufWriter::new(io::stdout().lock());
    for key in &keys {
        let explanation = distribution.explain(key);
        let explained = Explained { pool, addresses, key, explanation };
        if args.json {
            writeln!(output, "{}", explained.to_json())?;
        } else {
            write!(output, "{explained}")?;
        }
    }
    output.flush()?;
    Ok(())
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

/// The pool of this name, or the only one.
pub(crate) fn choose_pool<'c>(
    config: &'c Config,
    name: Option<&PoolName>,
) -> Result<&'c PoolConfig, Failure> {
    let known: Vec<_> = config.pools.iter().map(|pool| pool.name.as_str()).collect();
    let known = known.join(", ");
    match (name, config.pools.as_slice()) {
        (Some(name), _) => config.pool(name).ok_or_else(|| {
            Failure::Usage(format!(
                "there is no pool {name:?}; choose one of {known}",
                name = name.as_str()
            ))
        }),
        (None, [only]) => Ok(only),
        (None, _) => {
            Err(Failure::Usage(format!("there are several pools; choose one with --pool: {known}")))
        }
    }
}
