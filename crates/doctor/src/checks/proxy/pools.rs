//! What a proxy says of its pools.

use std::time::Duration;

use evenkeel_api::Pool;
use evenkeel_core::config::{PoolConfig, Rejoin};

use super::{lasting, moment, option, pools, status_of};
use crate::check::{Findings, Severity};
use crate::examine::Examination;
use crate::facts::{ProxyFacts, ProxyView};

pub(super) fn not_ready(examination: &Examination, findings: &mut Findings) {
    for (proxy, view, pool) in pools(examination) {
        if pool.is_ready || pool.servers.is_empty() {
            continue;
        }
        let gutter = pool.gutter.as_ref();
        let gutter = gutter.and_then(|name| view.status.pools.iter().find(|it| &it.name == name));
        let (severity, summary) = match gutter {
            Some(gutter) if gutter.is_ready => {
                let gutter = &gutter.name;
                let words = "no server of its own is usable, and all its keys are in the gutter";
                (Severity::Warning, format!("pool {}: {words} pool {gutter}", pool.name))
            }
            Some(_) | None => {
                let name = &pool.name;
                (Severity::Critical, format!("pool {name} serves nothing: no server is usable"))
            }
        };
        let source = status_of(proxy);
        let servers = format!("{} of {}", pool.servers_usable, pool.servers.len());
        let finding = findings.add(severity, summary).about(&proxy.name);
        finding.evidence("servers usable", servers, &source);
        for server in pool.servers.iter().take(SERVERS_TOLD_MAX) {
            finding.evidence(&server.name, &server.reason, &source);
        }
        if pool.servers.iter().any(|it| it.state == "drained") {
            finding.remedy(
                "take back the orders that hold servers out of use",
                &[&format!("evenkeel server readmit NAME {}", option(proxy))],
            );
        }
        finding.remedy("bring its servers back; what is wrong with each is told by itself", &[]);
    }
}

pub(super) fn misplaced(examination: &Examination, findings: &mut Findings) {
    for (proxy, view, pool) in pools(examination) {
        let used = percent(pool.misplaced_bytes, pool.misplaced_bytes_max);
        let bytes = format!(
            "{} of {} bytes ({used:.0} %) for {} keys",
            pool.misplaced_bytes, pool.misplaced_bytes_max, pool.misplaced_keys
        );
        let source = status_of(proxy);
        let given_up = pool.totals.keys_given_up;
        let ago = overflowed_ago(view, pool);
        if ago.is_some_and(|ago| ago <= OVERFLOW_RECENT) {
            let ago = lasting(ago.unwrap_or_default());
            let name = &pool.name;
            findings
                .warning(format!("pool {name} had too many misplaced keys and gave some up"))
                .about(&proxy.name)
                .evidence(
                    "overflowed",
                    format!("{ago} ago"),
                    format!("{}/api/v1/events", proxy.name),
                )
                .evidence("keys given up since the start", given_up.to_string(), &source)
                .evidence("misplaced keys", &bytes, &source)
                .remedy(
                    "raise the limit if the machine has the memory, or bring the servers back \
                     sooner: each one that keys were given up for is flushed before it is used",
                    &[&format!("[pool.{}]", pool.name), "misplaced_max = \"256MiB\""],
                );
        } else if used > MISPLACED_PERCENT_WARNING {
            let name = &pool.name;
            findings
                .warning(format!("pool {name}'s misplaced keys take {used:.0} % of their room"))
                .about(&proxy.name)
                .evidence("misplaced keys", &bytes, &source)
                .remedy(
                    "bring the servers back that are out of use, or raise the limit: past it their \
                     servers are flushed before they are used",
                    &[&format!("[pool.{}]", pool.name), "misplaced_max = \"256MiB\""],
                );
        } else if given_up > 0 {
            let name = &pool.name;
            findings
                .note(format!("pool {name} once had too many misplaced keys and gave some up"))
                .about(&proxy.name)
                .evidence("keys given up since the start", given_up.to_string(), &source);
        }
    }
}

/// How long ago misplaced keys of the pool's servers were given up last.
fn overflowed_ago(view: &ProxyView, pool: &Pool) -> Option<Duration> {
    let now = moment(&view.status.at)?;
    let of_pool = |it: &&evenkeel_api::Event| {
        it.kind == "overflowed" && it.pool.as_ref().is_none_or(|name| *name == pool.name)
    };
    let last = view.events.iter().rev().find(of_pool)?;
    now.duration_since(moment(&last.at)?).ok()
}

pub(super) fn hits(examination: &Examination, findings: &mut Findings) {
    for (proxy, view, pool) in pools(examination) {
        let rates = pool.servers.iter().map(|it| it.rates.hits + it.rates.misses);
        let reads = rates.sum::<f64>() * RATE_SECONDS;
        let (Some(now), true) = (pool.hit_percent, reads >= READS_MIN) else { continue };
        let Some(before) = before(view, pool) else { continue };
        let severity = if now < 1.0 && before > 10.0 {
            Severity::Critical
        } else if now <= before / 2.0 && now <= before - 10.0 {
            Severity::Warning
        } else {
            continue;
        };
        let name = &pool.name;
        findings
            .add(severity, format!("pool {name}'s hit ratio fell from {before:.0} % to {now:.0} %"))
            .about(&proxy.name)
            .evidence(
                "hits now",
                format!("{now:.1} % of {reads:.0} reads in ten seconds"),
                status_of(proxy),
            )
            .evidence(
                "hits before",
                format!("{before:.1} % (median of up to ten minutes)"),
                format!("{}/api/v1/history", proxy.name),
            )
            .remedy(
                "see whether a server was emptied, restarted or taken out, and whether a release \
                 has changed keys or expiry; watch the load of the database meanwhile",
                &[&format!("evenkeel events {}", option(proxy))],
            );
    }
}

/// The median of the hit ratio of the minutes before the last ten seconds, if there are enough.
fn before(view: &ProxyView, pool: &Pool) -> Option<f64> {
    let history = view.history.as_ref()?.pools.iter().find(|it| it.pool == pool.name)?;
    let known = history.hit_percent.len().checked_sub(HISTORY_NOW_LEN)?;
    let mut known: Vec<_> = history.hit_percent[..known].iter().copied().flatten().collect();
    known.sort_by(f64::total_cmp);
    (known.len() >= HISTORY_LEN_MIN).then(|| known[known.len() / 2])
}

pub(super) fn health_checks(examination: &Examination, findings: &mut Findings) {
    for (proxy, view, pool) in pools(examination) {
        let settings = view.settings.as_ref();
        let configured =
            settings.and_then(|it| it.pools.iter().find(|it| it.name.as_str() == pool.name));
        if let Some(configured) = configured {
            health_of(configured, proxy, findings);
        }
    }
}

fn health_of(pool: &PoolConfig, proxy: &ProxyFacts, findings: &mut Findings) {
    let source = format!("{}/api/v1/configuration", proxy.name);
    let name = &pool.name;
    let interval = pool.health.canary_interval;
    let timeout = pool.health.canary_timeout;
    let is_late = interval > CANARY_INTERVAL_MAX;
    if is_late || timeout > CANARY_TIMEOUT_MAX {
        let what = if is_late { "are far apart" } else { "may take long" };
        findings
            .warning(format!("pool {name}'s canaries {what}: a server that hangs is found late"))
            .about(&proxy.name)
            .evidence("canary_interval", format!("{} ms", interval.as_millis()), &source)
            .evidence("canary_timeout", format!("{} ms", timeout.as_millis()), &source)
            .remedy(
                "use the defaults: a canary a second costs a server nothing",
                &[
                    &format!("[pool.{name}.health]"),
                    "canary_interval = \"1s\"",
                    "canary_timeout = \"100ms\"",
                ],
            );
    }
    if pool.rejoin == Rejoin::Trust {
        findings
            .note(format!("pool {name} trusts what a server holds when it comes back"))
            .about(&proxy.name)
            .evidence("rejoin", "trust", &source)
            .remedy(
                "unless old values harm nobody, have them deleted",
                &[&format!("[pool.{name}]"), "rejoin = \"clean\""],
            );
    }
}

#[expect(clippy::cast_precision_loss, reason = "for a threshold")]
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 }
}

const SERVERS_TOLD_MAX: usize = 5;
const MISPLACED_PERCENT_WARNING: f64 = 80.0;
const OVERFLOW_RECENT: Duration = Duration::from_hours(1);
/// Over how long the API takes its rates.
const RATE_SECONDS: f64 = 10.0;
const READS_MIN: f64 = 200.0;
/// The seconds of the history that the API's rates are of, and a few more.
const HISTORY_NOW_LEN: usize = 15;
const HISTORY_LEN_MIN: usize = 60;
const CANARY_INTERVAL_MAX: Duration = Duration::from_secs(10);
const CANARY_TIMEOUT_MAX: Duration = Duration::from_secs(1);
