use super::*;
use crate::check::{Change, Finding};
use crate::report::{GapReport, ProbeReport, ServerReport};
use crate::vitals::Vitals;

/// Everything a server could say is markup.
const MARKUP: &str =
    "<img src=x onerror=\"alert('1')\">&amp;</code></style><script>alert(2)</script>";

fn finding(server: &str) -> Finding {
    let mut finding = Finding {
        check: "serve-fails",
        server: Some(server.to_owned()),
        severity: Severity::Critical,
        summary: MARKUP.to_owned(),
        evidence: Vec::new(),
        remedies: Vec::new(),
        change: None,
    };
    finding.evidence(MARKUP, MARKUP, MARKUP).remedy(MARKUP, &[MARKUP]).change(Change {
        words: MARKUP.to_owned(),
        command: vec![MARKUP.to_owned()],
        before: None,
        undo: Some(MARKUP.to_owned()),
        lasting: Some(MARKUP.to_owned()),
    });
    finding
}

fn server(name: &str) -> ServerReport {
    ServerReport {
        name: name.to_owned(),
        protocol: "memcached",
        version: Some(MARKUP.to_owned()),
        verdict: Verdict::Critical,
        took_ms: 2_000,
        probe: Some(ProbeReport {
            requests: 3,
            failed: 1,
            median_us: Some(100),
            p99_us: Some(2_000),
            max_us: Some(2_000),
            latencies_us: vec![100, 2_000],
        }),
        vitals: Vitals {
            memory_used_bytes: Some(90),
            memory_limit_bytes: Some(100),
            connections: Some(2_000),
            connections_max: Some(1_000),
            hit_ratio_now: Some(0.5),
            ..Vitals::default()
        },
        gaps: vec![GapReport { what: MARKUP.to_owned(), why: MARKUP.to_owned() }],
    }
}

fn report(servers: Vec<ServerReport>, findings: Vec<Finding>) -> Report {
    let at = "2026-11-22T03:00:12.345Z".to_owned();
    let (verdict, proxies) = (Verdict::of(&findings), vec![server("proxy")]);
    Report { at, took_ms: 2_000, verdict, servers, proxies, findings }
}

#[test]
fn what_a_server_says_is_text_and_no_markup() {
    let names = [MARKUP, "b"];
    let servers = names.map(server).to_vec();
    let page = page(&report(servers, names.map(finding).to_vec()));
    for markup in ["<img", "<script", "onerror=\"", "</code></style>"] {
        assert!(!page.contains(markup), "{markup}");
    }
    assert!(page.contains("&lt;img src=x onerror=&quot;alert('1')&quot;&gt;&amp;amp;"));
}

#[test]
fn a_page_needs_nothing_from_elsewhere() {
    let page = page(&report(vec![server("a")], vec![finding("a")]));
    for what in ["http://", "https://", "url(", "@import", " src=", "<script"] {
        let text = page.replace("src=x", "");
        assert!(!text.contains(what), "{what}");
    }
}

#[test]
fn a_page_is_made_of_nothing_too() {
    let bare = ServerReport {
        version: None,
        probe: None,
        vitals: Vitals::default(),
        gaps: Vec::new(),
        ..server("a")
    };
    for servers in [Vec::new(), vec![bare]] {
        let page = page(&report(servers, Vec::new()));
        assert!(page.contains("nothing to do"), "{page}");
        let (_, body) = page.split_once("</style>").unwrap();
        assert!(!body.contains("NaN") && !body.contains("inf"), "{body}");
    }
}

#[test]
fn a_plot_stays_within_its_width() {
    let page = page(&report(vec![server("a")], Vec::new()));
    // More connections than there may be are all of the bar.
    assert!(page.contains(r#"class="part tight" x="0" y="1" width="100.00%""#), "{page}");
    assert!(page.contains("200 %: 2000 of 1000"), "{page}");
}
