use evenkeel_doctor::report::{GapReport, ServerReport};
use evenkeel_doctor::vitals::Vitals;

use super::*;
use crate::text::width;

fn server(name: &str, verdict: Verdict) -> ServerReport {
    ServerReport {
        name: name.to_owned(),
        protocol: "memcached",
        version: Some("1.6.18".to_owned()),
        verdict,
        took_ms: 2_000,
        probe: None,
        vitals: Vitals {
            memory_used_bytes: Some(48 << 20),
            memory_limit_bytes: Some(64 << 20),
            connections: Some(12),
            ..Vitals::default()
        },
        gaps: Vec::new(),
    }
}

fn finding(server: &str, severity: Severity, summary: &str) -> Finding {
    let mut finding = Finding {
        check: "serve-slow",
        server: Some(server.to_owned()),
        severity,
        summary: summary.to_owned(),
        evidence: Vec::new(),
        remedies: Vec::new(),
        change: None,
    };
    finding
        .evidence("median", "120 ms", "the probe")
        .remedy("look at it", &["top -H"])
        .remedy("look again", &["top"]);
    finding
}

fn name(idx: usize) -> String {
    format!("memcached://10.0.0.{idx}:11211")
}

fn report(findings: Vec<Finding>, servers: usize) -> Report {
    let verdict = Verdict::of(&findings);
    Report {
        at: "2026-11-22T03:00:12.345Z".to_owned(),
        took_ms: 2_345,
        verdict,
        servers: (1..=servers).map(|idx| server(&name(idx), verdict)).collect(),
        proxies: Vec::new(),
        findings,
    }
}

fn screen_of(report: &Report, columns: usize, rows: usize) -> String {
    sheet(report, Extent::Screen, Paper::plain(None).or_sized(columns, rows))
}

#[test]
fn a_report_is_read_from_the_top() {
    let mut findings = vec![
        finding(&name(1), Severity::Critical, "a request takes 120 ms"),
        finding(&name(2), Severity::Note, "it is old"),
    ];
    findings[0].evidence("greatest", "130.0 ms", "the probe");
    let mut report = report(findings, 2);
    report.servers[1].gaps = vec![GapReport { what: "stats".to_owned(), why: "no".to_owned() }];
    assert_eq!(
        screen_of(&report, 80, 40),
        "critical: 1 critical finding; 2 servers examined in 2.3 s\n\
         \n\
         server          verdict   version  median  p99  hits  memory  clients\n\
         10.0.0.1:11211  critical  1.6.18        -    -     -  75.0 %       12\n\
         10.0.0.2:11211  critical  1.6.18        -    -     -  75.0 %       12\n\
         \n\
         critical memcached://10.0.0.1:11211: a request takes 120 ms [serve-slow]\n  \
           median: 120 ms (the probe); greatest: 130.0 ms (the probe)\n  \
           → look at it\n      \
               top -H\n\
         \n\
         1 note, 1 thing that could not be looked at: --verbose\n"
    );
    let all = sheet(&report, Extent::All, Paper::plain(None).or_sized(80, 40));
    for line in [
        "note memcached://10.0.0.2:11211: it is old [serve-slow]",
        "  greatest: 130.0 ms (the probe)",
        "  → look again",
        "  memcached://10.0.0.2:11211: stats: no",
    ] {
        assert!(all.lines().any(|it| it == line), "{line}:\n{all}");
    }
    assert!(!all.contains("--verbose"));
}

#[test]
fn a_healthy_report_is_short() {
    let text = screen_of(&report(Vec::new(), 1), 80, 40);
    assert!(text.starts_with("healthy: nothing to do; 1 server examined in 2.3 s\n"), "{text}");
    assert_eq!(text.lines().count(), 4);
}

#[test]
fn the_same_of_many_servers_is_told_once() {
    let of = |idx| finding(&name(idx), Severity::Critical, "a request takes 120 ms");
    let text = screen_of(&report((1..=12).map(of).collect(), 12), 80, 40);
    assert!(text.contains("critical 12 servers: a request takes 120 ms [serve-slow]\n"), "{text}");
    assert!(text.contains("\n  10.0.0.1:11211, 10.0.0.2:11211, 10.0.0.3:11211,"), "{text}");
    assert!(text.contains("more\n"), "{text}");
    assert_eq!(text.matches("[serve-slow]").count(), 1);

    let of = |idx| finding(&name(idx), Severity::Critical, &format!("a request takes {idx} s"));
    let text = screen_of(&report((1..=12).map(of).collect(), 12), 80, 40);
    let words = "critical memcached://10.0.0.1:11211 and 11 servers like it: a request takes 1 s";
    assert!(text.replace("\n  ", " ").contains(words), "{text}");
}

#[test]
fn it_fits_a_screen_whatever_there_is() {
    let letters = |idx: usize| "x".repeat(idx + 1);
    for findings in [1, 5, 40] {
        for servers in [1, 20, 100] {
            for (columns, rows) in [(80, 24), (80, 40), (60, 24), (200, 60)] {
                let of = |idx| {
                    finding(&name(1), Severity::Warning, &format!("it is {} slow", letters(idx)))
                };
                let report = report((0..findings).map(of).collect(), servers);
                let text = screen_of(&report, columns, rows);
                assert!(text.lines().count() < rows, "{columns}x{rows}:\n{text}");
                assert!(text.lines().all(|it| width(it) <= columns), "{text}");
                assert!(text.contains("→ look at it"), "{text}");
                let told = text.matches("[serve-slow]").count();
                let left = findings - told;
                let closing =
                    format!("{} more finding{}: ", left, if left == 1 { "" } else { "s" });
                assert_eq!(left > 0, text.contains(&closing), "{text}");
            }
        }
    }
}

#[test]
fn nothing_that_a_server_says_steers_the_terminal() {
    let bad = "\x1b[2J\r\u{202e}";
    let mut found = finding(bad, Severity::Critical, bad);
    found.evidence(bad, bad, bad).remedy(bad, &[bad]);
    let mut report = report(vec![found], 1);
    report.servers[0].version = Some(bad.to_owned());
    report.servers[0].gaps = vec![GapReport { what: bad.to_owned(), why: bad.to_owned() }];
    for extent in [Extent::Screen, Extent::All] {
        let text = sheet(&report, extent, Paper::plain(None).or_sized(80, 40));
        assert!(!text.contains(['\x1b', '\r', '\u{202e}']), "{text:?}");
    }
}
