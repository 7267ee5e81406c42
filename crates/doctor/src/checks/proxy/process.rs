//! What a proxy says of itself.

use std::collections::BTreeMap;

use evenkeel_api::ReloadOutcome;

use super::{option, status_of, views};
use crate::check::{Findings, Severity};
use crate::examine::Examination;
use crate::facts::ProxyUnreachableKind;

pub(super) fn reach(examination: &Examination, findings: &mut Findings) {
    for proxy in &examination.proxies {
        let Err(error) = &proxy.view else { continue };
        let (severity, summary) = match error.kind {
            ProxyUnreachableKind::Unreachable => (
                Severity::Critical,
                "no admin server is there: the proxy does not run, or has none",
            ),
            ProxyUnreachableKind::Silent => {
                (Severity::Critical, "the admin server accepts and does not answer: it may hang")
            }
            ProxyUnreachableKind::Unauthorized => {
                (Severity::Unknown, "the admin server wants a token, or another one")
            }
            ProxyUnreachableKind::Foreign => {
                (Severity::Unknown, "what answers is no admin server that can be understood")
            }
        };
        let after = format!("{} (after {} ms)", error.words, error.after.as_millis());
        let finding = findings.add(severity, summary).about(&proxy.name);
        finding.evidence("outcome", after, status_of(proxy));
        match error.kind {
            ProxyUnreachableKind::Unreachable => finding.remedy(
                "on its machine: see whether it runs, why it ended, and where its [admin] table \
                 has it listen",
                &["systemctl status evenkeel", "journalctl -u evenkeel -n 50"],
            ),
            ProxyUnreachableKind::Silent => finding.remedy(
                "on its machine: see whether the process is stopped (T) or busy (R), and restart it \
                 if it does not come back",
                &[
                    "ps -o pid,stat,pcpu,wchan:20,etime,cmd -C evenkeel",
                    "systemctl restart evenkeel",
                ],
            ),
            ProxyUnreachableKind::Unauthorized => finding.remedy(
                "name the file of its token, which its [admin] table names too",
                &[&format!("evenkeel doctor {} --token-file FILE", proxy.name)],
            ),
            ProxyUnreachableKind::Foreign => finding.remedy(
                "see whether the address is that of a proxy's [admin] table",
                &[&format!("evenkeel status {}", option(proxy))],
            ),
        };
    }
}

pub(super) fn listeners(examination: &Examination, findings: &mut Findings) {
    for (proxy, view) in views(examination) {
        for place in &view.listeners {
            if let Err(why_not) = &place.examined {
                findings
                    .note(format!("listener {} was not tried: {why_not}", place.name))
                    .about(&proxy.name)
                    .evidence("listener", why_not, status_of(proxy))
                    .remedy("run doctor on the proxy's machine", &[]);
            }
        }
    }
}

pub(super) fn configuration(examination: &Examination, findings: &mut Findings) {
    for (proxy, view) in views(examination) {
        let source = format!("{}/api/v1/configuration", proxy.name);
        let file = view.configuration.as_ref().and_then(|it| it.file.as_deref());
        let file = file.unwrap_or("evenkeel.toml");
        let check = format!("evenkeel check {file}");
        let reload = format!("evenkeel reload {}", option(proxy));
        let last = view.status.last_reload.as_ref();
        if let Some(refused) = last.filter(|it| it.outcome == ReloadOutcome::Refused) {
            let finding = findings
                .warning("it refused its configuration file and goes on with what it had")
                .about(&proxy.name);
            finding.evidence("refused", &refused.at, status_of(proxy));
            // What is indented shows where the fault before it stands.
            let faults = refused.faults.iter().filter(|line| !line.starts_with(' '));
            for fault in faults.take(LINES_TOLD_MAX) {
                finding.evidence("fault", fault, status_of(proxy));
            }
            finding
                .remedy("correct the file; the proxy reads it again by itself", &[&check, &reload]);
        } else if !view.file_differences.is_empty() {
            let words = "its configuration file says otherwise than what is in effect";
            let finding = findings.warning(words).about(&proxy.name);
            for line in view.file_differences.iter().take(LINES_TOLD_MAX) {
                finding.evidence("change in the file", line, format!("{file}; {source}"));
            }
            finding.remedy(
                "have it read the file again, or restart it if the change needs that",
                &[&check, &reload],
            );
        }
        if let Some(applied) = last.filter(|it| !it.warnings.is_empty()) {
            let words = "its last reload had something to warn of";
            let finding = findings.note(words).about(&proxy.name);
            for line in applied.warnings.iter().take(LINES_TOLD_MAX) {
                finding.evidence(format!("reload at {}", applied.at), line, status_of(proxy));
            }
        }
    }
}

pub(super) fn hooks(examination: &Examination, findings: &mut Findings) {
    for (proxy, view) in views(examination) {
        let mut tallies: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for it in &view.hooks {
            let tally = tallies.entry(&it.hook).or_default();
            match it.outcome.as_str() {
                "delivered" => tally.0 += it.times,
                "failed" => tally.1 += it.times,
                _ => {}
            }
        }
        for (hook, (delivered, failed)) in tallies {
            let severity = match (delivered, failed) {
                (_, 0) => continue,
                (0, _) => Severity::Warning,
                // It may have been long ago.
                _ => Severity::Note,
            };
            findings
                .add(severity, format!("hook {hook} gave up telling {failed} messages"))
                .about(&proxy.name)
                .evidence(
                    "messages since the start",
                    format!("{delivered} delivered, {failed} failed"),
                    format!("{}/metrics: evenkeel_hook_deliveries_total", proxy.name),
                )
                .remedy(
                    "see in the proxy's log what became of its messages",
                    &["journalctl -u evenkeel | grep hook"],
                );
        }
    }
}

const LINES_TOLD_MAX: usize = 5;
