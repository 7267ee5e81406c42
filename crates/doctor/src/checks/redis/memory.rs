//! Whether there is room for what is stored.

use super::reading::{Reading, refusal};
use crate::check::{Check, Findings, Look, Severity};
use crate::facts::ServerFacts;
use crate::words::{bytes, bytes_of, count, percent, span};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "redis-memory-refused",
        title: "writes find memory",
        meaning: "The server answers `OOM command not allowed when used memory > 'maxmemory'`: it \
            is at its limit and may evict nothing. Reads go on, so that health checks stay green, \
            while every write fails: what the cache holds grows old and new entries never come.",
        rule: "Critical if our probe, or anybody between the two samples, is refused with OOM. A \
            note if it has happened since the start.",
        source: "The probe's set; INFO: errorstat_OOM (Redis 6.2 and later).",
        look: Look::Server(refused),
    },
    Check {
        id: "redis-memory-full",
        title: "there is memory left, or something to evict",
        meaning: "A cache that evicts is meant to be full. This server may evict nothing: its \
            policy is `noeviction`, which is Redis' default, or one of `volatile-…`, which evicts \
            only keys with an expiry, and there are none. When it is full, every write fails.",
        rule: "With nothing to evict: warning above 80 % of maxmemory, critical above 95 %. \
            Replicas that leave the limit to their primary are not judged, and nothing is told once \
            writes are refused (redis-memory-refused).",
        source: "INFO: used_memory, mem_not_counted_for_evict, maxmemory, maxmemory_policy, db0….",
        look: Look::Server(full),
    },
    Check {
        id: "redis-memory-unlimited",
        title: "its memory has a limit",
        meaning: "Without `maxmemory` the server takes memory until the machine has none: then it \
            swaps, which makes every request slow, or the kernel kills it. It needs a limit below \
            what the machine or container has: about three quarters, half if it saves to disk, \
            since saving copies pages that are written meanwhile.",
        rule: "A note if there is no limit; warning if it has more than 80 % of the machine's \
            memory, critical above 95 %. A container's own limit is not seen from here.",
        source: "INFO: maxmemory, used_memory_rss, total_system_memory.",
        look: Look::Server(unlimited),
    },
    Check {
        id: "redis-memory-policy",
        title: "a cache may evict",
        meaning: "The server has a limit and the policy `noeviction`: at the limit it refuses \
            writes. That is right for a queue or a database, and wrong for a cache.",
        rule: "A note if maxmemory is set with noeviction, while less than 80 % is used.",
        source: "INFO: maxmemory, maxmemory_policy, used_memory.",
        look: Look::Server(policy),
    },
    Check {
        id: "redis-memory-evicting",
        title: "what is stored stays for a while",
        meaning: "To evict is normal for a full cache. When keys are evicted so fast that all of \
            them would be gone within minutes, the cache is too small for what is stored: \
            applications compute values that are gone before they are read again.",
        rule: "With at least 100 evictions between the samples: warning if all keys would be \
            replaced within 5 minutes at that rate; a note otherwise.",
        source: "INFO: evicted_keys between the samples; keys of all databases.",
        look: Look::Server(evicting),
    },
    Check {
        id: "redis-memory-expiry",
        title: "keys expire",
        meaning: "Keys without an expiry stay until somebody deletes them, and a policy of \
            `volatile-…` can never evict them: what can be evicted gets less and less, until \
            nothing is left and writes fail. Under `allkeys-…` they do no harm.",
        rule: "If more than half of at least 100 keys that were looked at have no expiry: a note; \
            with a volatile-… policy warning above 80 % of maxmemory, critical above 95 %. Nothing \
            under allkeys-….",
        source: "SCAN and TTL of up to 1,000 keys; INFO: maxmemory_policy, used_memory.",
        look: Look::Server(expiry),
    },
    Check {
        id: "redis-memory-fragmentation",
        title: "memory is used for what is stored",
        meaning: "The process holds much more memory than it has in use: the allocator cannot give \
            back pages that are partly used, or has not yet. The limit counts what is in use, so \
            that the machine runs out of memory long before the limit is met.",
        rule: "Warning if it holds more than 1.5 times what it uses, and that is more than 100 MiB.",
        source: "INFO: mem_fragmentation_ratio, mem_fragmentation_bytes, allocator_frag_bytes.",
        look: Look::Server(fragmentation),
    },
    Check {
        id: "redis-memory-swapped",
        title: "what is stored is in memory",
        meaning: "The process uses more memory than it has in RAM. What was swapped out must be \
            read from disk when it is asked for, and everybody waits meanwhile: one thread serves \
            all.",
        rule: "Warning if less than 80 % of at least 1 GiB in use is in RAM.",
        source: "INFO: used_memory, mem_replication_backlog, used_memory_rss.",
        look: Look::Server(swapped),
    },
    Check {
        id: "redis-memory-clients",
        title: "clients take what they asked for",
        meaning: "Answers that clients do not read, and requests that they have not finished, wait \
            in the server's memory and count towards its limit: keys are evicted for them.",
        rule: "Warning if clients' buffers are more than 100 MiB and more than a fifth of what is \
            used.",
        source: "INFO: mem_clients_normal, used_memory; CLIENT LIST: omem.",
        look: Look::Server(clients),
    },
];

fn refused(facts: &ServerFacts, findings: &mut Findings) {
    let told = refusal(facts, "OOM");
    let reading = Reading::of(facts);
    let recent = reading.map_or(0.0, |it| it.recent_errors("OOM"));
    let since_start = reading.map_or(0.0, |it| it.errors("OOM"));
    let finding = if is_refusing(facts) {
        findings.critical("writes are refused: it is out of memory")
    } else if since_start > 0.0 {
        let times = count(since_start, "time");
        findings.note(format!("it was out of memory: a write was refused {times} since its start"))
    } else {
        return;
    };
    if let Some(words) = told {
        finding.evidence("our set", words, "the probe");
    }
    if recent > 0.0 {
        finding.evidence("refused between the samples", format!("{recent:.0}"), OOM);
    }
    finding.evidence("refused since its start", format!("{since_start:.0}"), OOM);
    if let Some(reading) = reading {
        if let Some(room) = Room::of(&reading) {
            finding.evidence("memory", bytes_of(room.used, room.limit), "INFO: used_memory");
            finding.evidence("policy", room.policy, "INFO: maxmemory_policy");
            make_room(finding, &reading, &room);
            return;
        }
        finding.remedy(SEE_KEYS, &[&reading.cli(MEMKEYS)]);
    }
}

/// Whether writes are refused for want of memory, ours or others'.
fn is_refusing(facts: &ServerFacts) -> bool {
    let recent = Reading::of(facts).map_or(0.0, |it| it.recent_errors("OOM"));
    recent > 0.0 || refusal(facts, "OOM").is_some()
}

fn full(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let Some(room) = Room::of(&reading) else { return };
    // Where writes are refused already, that is told with the same remedy.
    if !room.evicts_nothing(&reading) || is_refusing(facts) {
        return;
    }
    let severity = if room.share() > FULL {
        Severity::Critical
    } else if room.share() > NEAR_FULL {
        Severity::Warning
    } else {
        return;
    };
    let why = if room.policy == NOEVICTION {
        "its policy evicts nothing".to_owned()
    } else {
        format!("{} finds no key with an expiry to evict", room.policy)
    };
    let keys = reading.keys();
    let finding = findings
        .add(severity, format!("memory is {} full, and {why}", percent(room.share())))
        .evidence("memory", bytes_of(room.used, room.limit), "INFO: used_memory, maxmemory")
        .evidence("policy", room.policy, "INFO: maxmemory_policy")
        .evidence(
            "keys",
            format!("{:.0}, of which {:.0} expire", keys.all, keys.expiring),
            "INFO: db0…",
        );
    make_room(finding, &reading, &room);
}

/// What gives a server room that may evict nothing.
fn make_room(finding: &mut crate::check::Finding, reading: &Reading<'_>, room: &Room<'_>) {
    let more = format!("{:.0}", room.limit * 1.5);
    if room.policy.starts_with("allkeys-") {
        // It evicts, and cannot keep up: a smaller value or a greater limit is all that helps.
    } else {
        let words = "if everything in it can be had anew, as in a cache: let it evict what was not \
            used for longest (any key may go then; leave it for a queue or a database)";
        reading.advise(finding, words, &[EVICT]);
        if let Some(change) = reading.set(EVICT.0, EVICT.1) {
            finding.change(change);
        }
    }
    reading.advise(finding, "give it more memory, if the machine has it", &[("maxmemory", &more)]);
    finding.remedy(SEE_KEYS, &[&reading.cli(MEMKEYS)]);
}

fn unlimited(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    if reading.number("maxmemory") != Some(0.0) {
        return;
    }
    let rss = reading.number("used_memory_rss").unwrap_or(0.0);
    let total = reading.number("total_system_memory").unwrap_or(0.0);
    let share = if total > 0.0 { rss / total } else { 0.0 };
    let severity = if share > FULL {
        Severity::Critical
    } else if share > NEAR_FULL {
        Severity::Warning
    } else {
        Severity::Note
    };
    let words = if severity == Severity::Note {
        "its memory has no limit (maxmemory 0)".to_owned()
    } else {
        format!("it has no memory limit and {} of the machine's memory", percent(share))
    };
    let finding = findings.add(severity, words);
    finding.evidence("maxmemory", "0", "INFO: maxmemory");
    if total > 0.0 {
        let source =
            "INFO: used_memory_rss, total_system_memory (the machine's, not a container's)";
        finding.evidence("memory held", bytes_of(rss, total), source);
    }
    let words = "give it a limit of about three quarters of the memory that it may have (here: of \
        the machine's), and no less than it uses, or what is above goes at once; and, if it is a \
        cache, have it evict at that limit";
    let used = reading.number("used_memory").unwrap_or(0.0);
    let limit = if total > 0.0 { total * LIMIT_SHARE } else { GIB };
    let limit = format!("{:.0}mb", (limit.max(used) / MIB).ceil());
    reading.advise(finding, words, &[("maxmemory", &limit), EVICT]);
}

fn policy(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let Some(room) = Room::of(&reading) else { return };
    if room.policy == NOEVICTION && room.share() <= NEAR_FULL {
        let finding = findings
            .note("at its memory limit it will refuse writes (noeviction)")
            .evidence("policy", room.policy, "INFO: maxmemory_policy")
            .evidence("memory", bytes_of(room.used, room.limit), "INFO: used_memory, maxmemory");
        let words = "if it is a cache, let it evict what was not used for longest";
        reading.advise(finding, words, &[EVICT]);
        if let Some(change) = reading.set(EVICT.0, EVICT.1) {
            finding.change(change);
        }
    }
}

fn evicting(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let (Some(evicted), Some(apart)) = (reading.growth("evicted_keys"), reading.apart()) else {
        return;
    };
    if evicted < EVICTIONS_MIN {
        return;
    }
    let rate = evicted / apart;
    let turnover = reading.keys().all / rate;
    let finding = if turnover < TURNOVER_SECONDS {
        let words = format!("it evicts {rate:.0} keys a second: all it has in {}", span(turnover));
        findings.warning(words)
    } else {
        findings.note(format!("it evicts {rate:.0} keys a second"))
    };
    finding
        .evidence("evicted", format!("{evicted:.0} in {}", span(apart)), "INFO: evicted_keys")
        .evidence("keys", format!("{:.0}", reading.keys().all), "INFO: db0…");
    if let Some(room) = Room::of(&reading) {
        finding
            .evidence("memory", bytes_of(room.used, room.limit), "INFO: used_memory, maxmemory")
            .evidence("policy", room.policy, "INFO: maxmemory_policy");
    }
    finding
        .remedy(SEE_KEYS, &[&reading.cli(MEMKEYS)])
        .remedy("give it more memory, or spread the keys over more servers", &[]);
}

fn expiry(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let Some(sample) = &reading.redis.keys else { return };
    let policy = reading.word("maxmemory_policy").unwrap_or(NOEVICTION);
    if sample.looked_at < KEYS_MIN
        || sample.without_expiry * 2 <= sample.looked_at
        || policy.starts_with("allkeys-")
    {
        return;
    }
    // Where no key at all expires, memory-full says so.
    let room = Room::of(&reading).filter(|it| it.policy != NOEVICTION);
    let severity = match room.filter(|it| !it.evicts_nothing(&reading)).map(|it| it.share()) {
        Some(share) if share > FULL => Severity::Critical,
        Some(share) if share > NEAR_FULL => Severity::Warning,
        Some(_) | None => Severity::Note,
    };
    #[expect(clippy::cast_precision_loss, reason = "a thousand at most")]
    let share = sample.without_expiry as f64 / sample.looked_at as f64;
    let of = format!("{} of {}", sample.without_expiry, sample.looked_at);
    let keys = reading.keys();
    let finding = findings
        .add(severity, format!("{} of its keys never expire", percent(share)))
        .evidence("keys without expiry", format!("{of} looked at"), "SCAN, TTL")
        .evidence("of all", format!("{:.0}, {:.0} expire", keys.all, keys.expiring), "INFO: db0…")
        .evidence("policy", policy, "INFO: maxmemory_policy");
    if !sample.examples.is_empty() {
        finding.evidence("for example", sample.examples.join(", "), "SCAN, TTL");
    }
    finding.remedy("store them with an expiry (SET … EX 3600); find out who does not", &[]);
    reading.advise(finding, "for a cache, let all keys be evicted", &[EVICT]);
    if severity > Severity::Note
        && let Some(change) = reading.set(EVICT.0, EVICT.1)
    {
        finding.change(change);
    }
}

fn fragmentation(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let (Some(ratio), Some(waste)) =
        (reading.number("mem_fragmentation_ratio"), reading.number("mem_fragmentation_bytes"))
    else {
        return;
    };
    if ratio <= FRAGMENTATION_RATIO || waste <= WASTE_BYTES {
        return;
    }
    let finding = findings
        .warning(format!("it holds {ratio:.1} times the memory that it uses"))
        .evidence("held and not used", bytes(waste), "INFO: mem_fragmentation_bytes")
        .evidence("ratio", format!("{ratio:.2}"), "INFO: mem_fragmentation_ratio");
    if let Some(inside) = reading.number("allocator_frag_bytes") {
        finding.evidence("in partly used pages", bytes(inside), "INFO: allocator_frag_bytes");
    }
    finding.remedy(
        "have the allocator give back what it can (nobody is served meanwhile: milliseconds to a \
         second)",
        &[&reading.cli("MEMORY PURGE")],
    );
    let words = "have it defragment while it serves (Debian's packages cannot, and say so; it takes \
        some processor time), or restart it when its content can be lost";
    reading.advise(finding, words, &[("activedefrag", "yes")]);
    let is_jemalloc = reading.word("mem_allocator").is_some_and(|it| it.starts_with("jemalloc"));
    if is_jemalloc
        && reading.setting("activedefrag") == Some("no")
        && let Some(change) = reading.set("activedefrag", "yes")
    {
        finding.change(change);
    }
}

fn swapped(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let (Some(used), Some(rss)) =
        (reading.number("used_memory"), reading.number("used_memory_rss"))
    else {
        return;
    };
    // Before Redis 7 the backlog of replication is taken whole, and touched as it fills.
    let used = used - reading.number("mem_replication_backlog").unwrap_or(0.0);
    if used < SWAPPED_USED_MIN || rss >= used * SWAPPED_SHARE || rss <= 0.0 {
        return;
    }
    findings
        .warning(format!(
            "only {} of the memory it uses is in RAM: the rest is swapped out, or was never touched",
            percent(rss / used)
        ))
        .evidence(
            "in RAM",
            bytes_of(rss, used),
            "INFO: used_memory_rss; used_memory less mem_replication_backlog",
        )
        .remedy(
            "on its machine: see how much of it is swapped out, and whether that is read now",
            &["grep VmSwap /proc/$(pidof redis-server)/status", "vmstat 1 5"],
        )
        .remedy("give it a limit below what the machine has, or move others elsewhere", &[]);
}

fn clients(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let (Some(held), Some(used)) =
        (reading.number("mem_clients_normal"), reading.number("used_memory"))
    else {
        return;
    };
    if held <= CLIENT_BYTES || held <= used * CLIENT_SHARE {
        return;
    }
    let finding =
        findings.warning(format!("clients' buffers take {} of its memory", bytes(held))).evidence(
            "clients' buffers",
            bytes_of(held, used),
            "INFO: mem_clients_normal, used_memory",
        );
    let greatest = reading.redis.clients.iter().flatten().max_by_key(|it| it.output_bytes);
    if let Some(client) = greatest.filter(|it| it.output_bytes > 0) {
        #[expect(clippy::cast_precision_loss, reason = "told with one digit")]
        let waiting = bytes(client.output_bytes as f64);
        let words = format!("{waiting} for {}, which did {}", client.address, client.doing);
        finding.evidence("the most", words, "CLIENT LIST: omem");
    }
    finding.remedy(
        "see who does not read its answers, and limit what may wait for one: it is then \
         disconnected",
        &[
            &reading.cli("CLIENT LIST"),
            &reading.cli("CONFIG SET client-output-buffer-limit 'normal 64mb 32mb 60'"),
        ],
    );
}

/// How much of the limit is used; of a server that has one and keeps to it.
struct Room<'a> {
    used: f64,
    limit: f64,
    policy: &'a str,
}

impl<'a> Room<'a> {
    fn of(reading: &Reading<'a>) -> Option<Self> {
        let limit = reading.number("maxmemory").filter(|it| *it > 0.0)?;
        let uncounted = reading.number("mem_not_counted_for_evict").unwrap_or(0.0);
        let used = (reading.number("used_memory")? - uncounted).max(0.0);
        let policy = reading.word("maxmemory_policy")?;
        let is_primarys = reading.is_replica()
            && reading.setting("replica-ignore-maxmemory").is_none_or(|it| it == "yes");
        (!is_primarys).then_some(Self { used, limit, policy })
    }

    fn share(&self) -> f64 {
        self.used / self.limit
    }

    fn evicts_nothing(&self, reading: &Reading<'_>) -> bool {
        let is_volatile = self.policy.starts_with("volatile-");
        self.policy == NOEVICTION || (is_volatile && reading.keys().expiring < 1.0)
    }
}

const SEE_KEYS: &str = "see what takes the memory, and whether it is worth it: this asks about \
    every key, which takes minutes, with a pause now and then so that others are served";
/// A tenth of a second's pause after each hundred SCANs.
pub(super) const MEMKEYS: &str = "--memkeys -i 0.1";
const OOM: &str = "INFO: errorstat_OOM";
/// The setting that makes a cache of a server.
const EVICT: (&str, &str) = ("maxmemory-policy", "allkeys-lru");
const NOEVICTION: &str = "noeviction";
/// Shares of a limit.
const NEAR_FULL: f64 = 0.8;
const FULL: f64 = 0.95;
/// Fewer evictions between two samples tell nothing.
const EVICTIONS_MIN: f64 = 100.0;
/// A cache that has other keys after five minutes keeps nothing.
const TURNOVER_SECONDS: f64 = 300.0;
/// Fewer keys tell nothing of all.
const KEYS_MIN: u64 = 100;
const FRAGMENTATION_RATIO: f64 = 1.5;
const WASTE_BYTES: f64 = 100.0 * MIB;
const SWAPPED_USED_MIN: f64 = 1024.0 * MIB;
const SWAPPED_SHARE: f64 = 0.8;
const CLIENT_BYTES: f64 = 100.0 * MIB;
const CLIENT_SHARE: f64 = 0.2;
/// How much of the machine a server that saves little may have.
const LIMIT_SHARE: f64 = 0.75;
const MIB: f64 = 1_048_576.0;
const GIB: f64 = 1024.0 * MIB;

#[cfg(test)]
mod tests;
