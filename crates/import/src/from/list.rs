//! A list of servers as clients are given one: `a:11211,b:11211` or `a:11211 b:11211`.
//!
//! It does not say whose it is: that is said beside it (`--as`).

use super::{Work, parts};
use crate::plan::{Origin, PoolPlan};

/// One pool of the list. Lines that begin with `#` are comments.
pub(crate) fn plan_list(work: &mut Work, text: &str, client: &str) {
    let name = work.plan.pool_name("main");
    let mut pool = PoolPlan::new(name, work.origin(1, "a list of servers"));
    for (idx, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        for part in parts(line) {
            // AddrUtil takes what is after the last colon for the port, brackets or none.
            let bare = part.rsplit_once(':').filter(|(host, _)| host.contains(':'));
            match bare.filter(|_| client == "spymemcached" && !part.starts_with('[')) {
                Some((host, port)) => {
                    work.add_server(&mut pool, &format!("[{host}]:{port}"), idx + 1);
                }
                None => work.add_server(&mut pool, part, idx + 1),
            }
        }
    }
    let why = Origin::chosen(format!("as said: the client was {client}"));
    pool.set_text("compatible_with", client, why);
    let stays = [
        "libmemcached",
        "php-memcached",
        "php-memcached-ketama",
        "pylibmc",
        "pylibmc-ketama",
        "django-pylibmc",
        "emcache",
        "libmc",
        "gomemcache",
        "twemproxy",
        "mcrouter",
    ];
    if stays.contains(&client) {
        let why = format!("{client}'s default: keys of a failed server stay its own");
        pool.set_text("failover", "none", Origin::chosen(why));
    }
    if client == "spymemcached" {
        work.chosen(
            1,
            "spymemcached is taken to have its defaults: the array-mod locator and NATIVE_HASH. For \
             a KetamaConnectionFactory or another locator set `distribution` in place of \
             `compatible_with` (docs/routing.md).",
        );
    }
    work.plan.add(pool, None, Vec::new());
}
