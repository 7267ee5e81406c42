//! Whether a memcached server's memory suffices. A full one is as it should be: it keeps what is
//! used and evicts what is not. What hurts is evicting what would have been read again.

use super::slabs;
use super::{DAY, MEBIBYTE, bytes, growth, growth_by_class, over, percent, rate, span, told};
use crate::check::{Check, Findings, Look};
use crate::facts::{MemcachedFacts, Outcome, ServerFacts};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "memcached-out-of-memory",
        title: "items find room",
        meaning: "The server refuses items for want of memory (`SERVER_ERROR out of memory`). With \
            `-M` that is what it does when it is full. Without, it has no page left for items of a \
            size, which happens if the limit is small and the sizes are many. A `set` that is \
            refused also drops the value that the key had: reads miss, and the database gets the \
            load.",
        rule: "Critical if an item was refused in the probe, or between the samples with evictions \
            off or at least one in a hundred; a warning if fewer were; a note if one ever was \
            since the start.",
        source: "`stats items`: outofmemory of each class; `stats`: store_no_memory, cmd_set; the \
            probe.",
        look: Look::Server(out_of_memory),
    },
    Check {
        id: "memcached-evictions",
        title: "items live long enough",
        meaning: "The server is full and evicts items to make room. That is its purpose, and no \
            trouble while it evicts what nobody has asked for in a long time. If it evicts items \
            that were read or stored minutes ago, then items live much shorter than applications \
            think, and whatever is missed falls on the database. Much that is evicted without ever \
            having been read means that memory is filled with what nobody needs.",
        rule: "Looked at if at least 20 items were evicted between the samples. Warning if the last \
            one evicted in the class that evicts most had been idle for less than five minutes; a \
            note if for less than a day. Nothing where memcached-slabs warns.",
        source: "`stats`: evictions, evicted_unfetched, bytes, limit_maxbytes; `stats items`: \
            evicted, evicted_time (seconds since the last item evicted was used).",
        look: Look::Server(evictions),
    },
    Check {
        id: "memcached-memory-default",
        title: "the memory limit was chosen",
        meaning: "The limit is memcached's own default of 64 MB, and the server evicts for want of \
            room: on most machines that is an option that was forgotten.",
        rule: "A note if the limit is 64 MB and at least 20 items were evicted between the samples.",
        source: "`stats`: limit_maxbytes, evictions.",
        look: Look::Server(memory_default),
    },
    Check {
        id: "memcached-evictions-off",
        title: "the server makes room when it is full",
        meaning: "The server was started with `-M`: when it is full it answers writes with errors, \
            until something expires or is deleted. That suits a store whose contents must not be \
            lost, and a cache hardly ever.",
        rule: "A note if evictions are off; a warning if items take more than 80 % of the limit. \
            Nothing once items are refused (memcached-out-of-memory).",
        source: "`stats settings`: evictions; `stats`: bytes, limit_maxbytes.",
        look: Look::Server(evictions_off),
    },
    Check {
        id: "memcached-too-large",
        title: "items fit the greatest size",
        meaning: "Applications store items that are larger than the server takes (1 MB by \
            default). Each is refused, and what was there under its key is gone: it is a miss each \
            time, and the same large value is made anew each time.",
        rule: "Warning if at least one in a hundred was refused between the samples; a note if \
            fewer were, or one ever was.",
        source: "`stats`: store_too_large, cmd_set; `stats settings`: item_size_max.",
        look: Look::Server(too_large),
    },
    Check {
        id: "memcached-item-size",
        title: "memory is much more than an item",
        meaning: "A single item may take a tenth of the server's memory or more, so that a few \
            large ones drive out everything else.",
        rule: "A note if the greatest item size is more than a tenth of the memory limit.",
        source: "`stats settings`: item_size_max; `stats`: limit_maxbytes.",
        look: Look::Server(item_size),
    },
    Check {
        id: "memcached-no-expiry",
        title: "keys expire",
        meaning: "Most keys have no expiry. For memcached this is milder than for Redis: memory \
            stays within its limit and what is not used is evicted. But a value that nobody \
            deletes when it changes stays wrong for as long as it is read, and expired items free \
            memory before anything useful must go.",
        rule: "A note if more than half of at least 100 keys that were looked at never expire.",
        source: "`lru_crawler metadump`: exp of up to 1,000 keys.",
        look: Look::Server(no_expiry),
    },
];

fn out_of_memory(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let refused = refused_for_memory(memcached);
    let probed = facts.probe.steps().filter(|it| is_out_of_memory(&it.outcome)).count();
    let ever = memcached.stats.number("store_no_memory").unwrap_or(0.0);
    let is_much = probed > 0 || are_evictions_off(memcached) || is_much_of(memcached, refused);
    let words = "it refuses items: out of memory";
    let finding = if is_refusing(facts) && is_much {
        findings.critical(words)
    } else if is_refusing(facts) {
        findings.warning(words)
    } else if ever > 0.0 {
        findings.note(format!("it has refused {ever} items for want of memory since its start"))
    } else {
        return;
    };
    finding
        .evidence("refused to the probe", probed.to_string(), "the probe: set")
        .evidence("refused to others", refused.to_string(), over(memcached, "store_no_memory"))
        .evidence("memory", used(memcached), "stats: bytes, limit_maxbytes");
    if are_evictions_off(memcached) {
        finding.remedy(
            "let it evict again: start it without -M (a restart, which empties it)",
            &["memcached -m 1024 …"],
        );
    }
    finding.remedy(
        "give it more memory at once, if its machine has it, and in its start options for good",
        &[&told(facts, &doubled(memcached)), "memcached -m …"],
    );
}

/// Whether items are refused for want of memory, to us or to others.
fn is_refusing(facts: &ServerFacts) -> bool {
    let refused = facts.memcached().map_or(0.0, refused_for_memory);
    refused > 0.0 || facts.probe.steps().any(|it| is_out_of_memory(&it.outcome))
}

fn refused_for_memory(memcached: &MemcachedFacts) -> f64 {
    let by_class: f64 = growth_by_class(memcached, "outofmemory").map(|(_, grown)| grown).sum();
    growth(memcached, "store_no_memory").unwrap_or(0.0).max(by_class)
}

/// Whether so many items that were refused are much of what was stored meanwhile.
fn is_much_of(memcached: &MemcachedFacts, refused: f64) -> bool {
    let stored = growth(memcached, "cmd_set").unwrap_or(0.0);
    refused > 0.0 && refused >= (stored + refused) * REFUSED_MUCH
}

fn is_out_of_memory(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused(words) if words.contains("out of memory"))
}

fn evictions(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    // Where memory is in other classes, and is not moved, that is told instead.
    if slabs::is_misplaced(memcached) {
        return;
    }
    let Some(rate) = rate(memcached, "evictions", EVICTIONS_MIN) else { return };
    let by_class = growth_by_class(memcached, "evicted");
    let Some((class, evicted)) = by_class.max_by(|a, b| a.1.total_cmp(&b.1)) else { return };
    let Some(idle) = memcached.items.number(&format!("items:{class}:evicted_time")) else { return };
    let words = format!("it evicts {rate:.0} items a second, the last one idle for {}", span(idle));
    let finding = match idle {
        it if it < EVICTED_IDLE_SHORT => findings.warning(words),
        it if it < EVICTED_IDLE_LONG => findings.note(words),
        _ => return,
    };
    finding
        .evidence("evictions", format!("{rate:.0} a second"), over(memcached, "evictions"))
        .evidence(
            "evicted most in class",
            format!("{class}: {evicted}, the last one idle for {}", span(idle)),
            "stats items: evicted, evicted_time",
        )
        .evidence("memory", used(memcached), "stats: bytes, limit_maxbytes");
    finding.remedy(
        "give it more memory at once, if its machine has it, and in its start options for good",
        &[&told(facts, &doubled(memcached)), "memcached -m …"],
    );
    let unread = growth(memcached, "evicted_unfetched").zip(growth(memcached, "evictions"));
    let unread = unread.map_or(0.0, |(unread, evicted)| (unread / evicted).min(1.0));
    finding.evidence("never read", percent(unread), over(memcached, "evicted_unfetched"));
    if unread > UNREAD_MOST {
        finding.remedy("most was never read: store less of it, and with shorter expiries", &[]);
    } else {
        finding.remedy("or add a server: each then has fewer keys", &[]);
    }
}

fn memory_default(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let Some(limit) = memcached.stats.number("limit_maxbytes") else { return };
    let is_default = (limit - MEMORY_DEFAULT).abs() < 1.0;
    if !is_default || rate(memcached, "evictions", EVICTIONS_MIN).is_none() {
        return;
    }
    findings
        .note("its memory limit is the default of 64 MB, and it evicts")
        .evidence("memory limit", bytes(limit), "stats: limit_maxbytes")
        .remedy(
            "choose one: what its machine has, less what else runs there",
            &[&told(facts, &doubled(memcached)), "memcached -m …"],
        );
}

fn evictions_off(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    // Where it refuses items already, that is told with the same remedy.
    if !are_evictions_off(memcached) || is_refusing(facts) {
        return;
    }
    let words = "evictions are off (-M): when it is full, writes fail";
    let share = used_share(memcached).unwrap_or(0.0);
    let finding =
        if share > MEMORY_SHARE_MAX { findings.warning(words) } else { findings.note(words) };
    finding
        .evidence("evictions", "off", "stats settings: evictions")
        .evidence("memory", used(memcached), "stats: bytes, limit_maxbytes")
        .remedy("start it without -M (a restart, which empties it)", &["memcached -m …"]);
}

fn too_large(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let refused = growth(memcached, "store_too_large").unwrap_or(0.0);
    let ever = memcached.stats.number("store_too_large").unwrap_or(0.0);
    let finding = if refused > 0.0 {
        let words = format!("it refused {refused} items that are too large while we looked");
        let is_much = is_much_of(memcached, refused);
        if is_much { findings.warning(words) } else { findings.note(words) }
    } else if ever > 0.0 {
        findings.note(format!("it has refused {ever} items that are too large since its start"))
    } else {
        return;
    };
    let limit = memcached.settings.number("item_size_max");
    finding
        .evidence("refused now", refused.to_string(), over(memcached, "store_too_large"))
        .evidence("since its start", ever.to_string(), "stats: store_too_large");
    if let Some(limit) = limit {
        finding.evidence("greatest item", bytes(limit), "stats settings: item_size_max");
    }
    finding
        .remedy("find out which keys: compress them, or split them", &[])
        .remedy("or take larger ones (a restart, which empties it)", &["memcached -I 4m …"]);
}

fn item_size(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let item = memcached.settings.number("item_size_max");
    let limit = memcached.stats.number("limit_maxbytes").filter(|it| *it > 0.0);
    let Some((item, limit)) = item.zip(limit) else { return };
    if item <= limit * ITEM_SHARE_MAX {
        return;
    }
    findings
        .note(format!("one item may take {} of its memory", percent(item / limit)))
        .evidence("greatest item", bytes(item), "stats settings: item_size_max")
        .evidence("memory limit", bytes(limit), "stats: limit_maxbytes")
        .remedy("give it more memory, or take smaller items only (-I)", &["memcached -m …"]);
}

fn no_expiry(facts: &ServerFacts, findings: &mut Findings) {
    let Some(keys) = facts.memcached().and_then(|it| it.keys.as_ref()) else { return };
    if keys.looked_at < KEYS_MIN || keys.without_expiry * 2 <= keys.looked_at {
        return;
    }
    let source = "lru_crawler metadump: exp";
    let finding =
        findings.note(format!("{} of {} keys never expire", keys.without_expiry, keys.looked_at));
    finding.evidence(
        "without expiry",
        format!("{} of {} that were looked at", keys.without_expiry, keys.looked_at),
        source,
    );
    if !keys.examples.is_empty() {
        finding.evidence("among them", keys.examples.join(", "), source);
    }
    finding.remedy("give each key an expiry, were it of days", &[]);
}

fn are_evictions_off(memcached: &MemcachedFacts) -> bool {
    memcached.settings.word("evictions") == Some("off")
}

fn used_share(memcached: &MemcachedFacts) -> Option<f64> {
    let limit = memcached.stats.number("limit_maxbytes").filter(|it| *it > 0.0)?;
    Some(memcached.stats.number("bytes")? / limit)
}

fn used(memcached: &MemcachedFacts) -> String {
    let number = |name| memcached.stats.number(name).map_or_else(|| "?".to_owned(), bytes);
    let share = used_share(memcached).map_or_else(String::new, |it| format!(" ({})", percent(it)));
    format!("{} of {}{share}", number("bytes"), number("limit_maxbytes"))
}

/// The command that doubles the memory limit.
fn doubled(memcached: &MemcachedFacts) -> String {
    let limit = memcached.stats.number("limit_maxbytes").unwrap_or(MEMORY_DEFAULT);
    format!("cache_memlimit {:.0}", (limit * 2.0 / MEBIBYTE).ceil())
}

/// Fewer evictions than this between the samples are no evidence of anything.
pub(super) const EVICTIONS_MIN: f64 = 20.0;
/// Items that were used within this many seconds were likely to be used again.
const EVICTED_IDLE_SHORT: f64 = 300.0;
/// Items that nobody used for so long are no loss.
const EVICTED_IDLE_LONG: f64 = DAY;
/// One in a hundred: fewer are an application with a few large values.
const REFUSED_MUCH: f64 = 0.01;
const UNREAD_MOST: f64 = 0.5;
const MEMORY_DEFAULT: f64 = 64.0 * MEBIBYTE;
const MEMORY_SHARE_MAX: f64 = 0.8;
const ITEM_SHARE_MAX: f64 = 0.1;
/// A share of fewer keys is no evidence.
const KEYS_MIN: u64 = 100;

#[cfg(test)]
mod tests;
