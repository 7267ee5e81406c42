//! Which errors clients are answered.

use super::reading::Reading;
use crate::check::{Check, Findings, Look, Severity};
use crate::facts::ServerFacts;
use crate::words::{count, percent, span};

pub(crate) const CHECKS: &[Check] = &[Check {
    id: "redis-errors",
    title: "clients get no errors",
    meaning: "Requests are answered with errors. Applications may take each for a miss, or \
            fail. What each code means is said with it.",
    rule: "For each code: warning if it was answered at least 50 times between the samples and \
            to more than 1 % of the commands; a note if it is more than 1 % of at least 1,000 \
            commands since the start. Redirections of a cluster and NOSCRIPT, which clients \
            handle by themselves, count from 10 % on. Codes that have a check of their own (OOM, \
            MISCONF, READONLY, LOADING, BUSY, NOREPLICAS, CLUSTERDOWN, MASTERDOWN) are left to it.",
    source: "INFO: errorstat_…, total_commands_processed (Redis 6.2 and later).",
    look: Look::Server(errors),
}];

fn errors(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let commands = reading.growth(COMMANDS).unwrap_or(0.0);
    let commands_ever = reading.number(COMMANDS).unwrap_or(0.0);
    let mut codes: Vec<_> =
        reading.error_codes().filter(|it| !TOLD_ELSEWHERE.contains(it)).collect();
    codes.sort_by(|a, b| reading.recent_errors(b).total_cmp(&reading.recent_errors(a)));
    for code in codes.into_iter().take(CODES_TOLD) {
        let share_max = if BY_DESIGN.contains(&code) { SHARE_BY_DESIGN } else { SHARE };
        let (recent, ever) = (reading.recent_errors(code), reading.errors(code));
        // Refused commands are not all counted as processed: the errors are a part of both.
        let (share, share_ever) = (recent / commands.max(recent), ever / commands_ever.max(ever));
        let severity = if recent >= ERRORS_MIN && share > share_max {
            Severity::Warning
        } else if commands_ever.max(ever) >= COMMANDS_MIN && share_ever > share_max {
            Severity::Note
        } else {
            continue;
        };
        let summary = if severity == Severity::Warning {
            format!("{} of commands are answered {code}: {}", percent(share), meaning(code))
        } else {
            let share = percent(share_ever);
            format!("{share} of commands since its start were answered {code}: {}", meaning(code))
        };
        let finding = findings.add(severity, summary);
        if let Some(apart) = reading.apart() {
            let value = format!("{recent:.0} of {commands:.0} commands in {}", span(apart));
            finding.evidence("now", value, format!("INFO: errorstat_{code}"));
        }
        finding.evidence("since its start", count(ever, "time"), format!("INFO: errorstat_{code}"));
        if code == "ERR" || code == "WRONGTYPE" {
            tell_failing(finding, &reading);
        }
        let (words, command) = remedy(code);
        finding.remedy(words, &[&reading.cli(command)]);
    }
}

/// Which commands fail most.
fn tell_failing(finding: &mut crate::check::Finding, reading: &Reading<'_>) {
    let mut failing: Vec<(&str, f64)> = reading.failures();
    failing.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (name, times) in failing.into_iter().take(COMMANDS_TOLD) {
        let value = format!("failed or refused {} since its start", count(times, "time"));
        finding.evidence(name.to_uppercase(), value, "INFO: failed_calls, rejected_calls");
    }
}

/// What a code means, in half a sentence.
fn meaning(code: &str) -> &'static str {
    match code {
        "NOAUTH" => "clients send no password",
        "WRONGPASS" => "clients send a wrong user or password",
        "NOPERM" => "users may not run these commands or touch these keys",
        "MOVED" | "ASK" => "clients ask a server of the cluster that does not have the key",
        "TRYAGAIN" => "keys of one request are being moved to another server",
        "CROSSSLOT" => "keys of one request belong to different servers of the cluster",
        "NOSCRIPT" => "scripts are called that were not loaded, or were lost by a restart",
        "EXECABORT" => "transactions are dropped for a command in them that is wrong",
        "WRONGTYPE" => "keys hold another type of value than the command is for",
        "NOGROUP" => "consumer groups are asked for that do not exist",
        "BUSYGROUP" => "consumer groups are created that exist",
        "UNBLOCKED" => "waiting clients were let go, by a failover or by somebody",
        "NOTBUSY" => "scripts are to be killed and none runs",
        "NOPROTO" => "clients ask for a version of the protocol that it does not speak",
        "ERR" => "a command that it does not know, or with wrong arguments",
        _ => "look the code up in what the server's documentation says",
    }
}

fn remedy(code: &str) -> (&'static str, &'static str) {
    match code {
        "NOAUTH" | "WRONGPASS" => {
            ("find out who it is, and give that client the right user and password", "ACL LOG 10")
        }
        "NOPERM" => {
            ("see who was refused what, and give the right or take the request away", "ACL LOG 10")
        }
        "MOVED" | "ASK" | "TRYAGAIN" | "CROSSSLOT" => (
            "use a client that knows the cluster, and see whether slots are being moved",
            "CLUSTER SLOTS",
        ),
        "NOSCRIPT" => ("have clients fall back from EVALSHA to EVAL", "INFO commandstats"),
        "WRONGTYPE" => {
            ("look for two applications that use one name for different things", "CLIENT LIST")
        }
        _ => ("see which commands fail", "INFO commandstats"),
    }
}

const COMMANDS: &str = "total_commands_processed";
const TOLD_ELSEWHERE: [&str; 8] =
    ["OOM", "MISCONF", "READONLY", "LOADING", "BUSY", "NOREPLICAS", "CLUSTERDOWN", "MASTERDOWN"];
/// What clients are meant to meet, and handle.
const BY_DESIGN: [&str; 6] = ["MOVED", "ASK", "TRYAGAIN", "NOSCRIPT", "BUSYGROUP", "UNBLOCKED"];
const SHARE: f64 = 0.01;
const SHARE_BY_DESIGN: f64 = 0.1;
/// Fewer are what a few who look, as we do, and may not see everything make.
const ERRORS_MIN: f64 = 50.0;
const COMMANDS_MIN: f64 = 1_000.0;
const CODES_TOLD: usize = 5;
const COMMANDS_TOLD: usize = 3;

#[cfg(test)]
mod tests;
