//! Findings that say the same of several servers, told as one: twenty servers that are gone are one
//! sentence and not twenty.

use crate::check::{Finding, Severity};

/// One thing to tell: a finding, or the same finding about several servers.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<'r> {
    /// The findings, in the order of the report; one at least, and of each server one at most.
    pub findings: Vec<&'r Finding>,
}

impl<'r> Entry<'r> {
    /// The findings as things to tell, in the order in which they come first.
    ///
    /// Findings are the same if their check and severity are, and their sentences but for the
    /// numbers in them.
    pub fn of(findings: &'r [Finding]) -> Vec<Self> {
        let mut entries: Vec<Self> = Vec::new();
        for finding in findings {
            match entries.iter_mut().find(|entry| entry.has_room_for(finding)) {
                Some(entry) => entry.findings.push(finding),
                None => entries.push(Self { findings: vec![finding] }),
            }
        }
        entries
    }

    /// The finding that stands for all.
    pub fn first(&self) -> &'r Finding {
        self.findings[0]
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.first().severity
    }

    /// The servers that it is about.
    pub fn servers(&self) -> impl Iterator<Item = &'r str> {
        self.findings.iter().filter_map(|it| it.server.as_deref())
    }

    /// Whether one sentence is true of all.
    pub fn is_alike(&self) -> bool {
        self.findings.iter().all(|it| it.summary == self.first().summary)
    }

    fn has_room_for(&self, finding: &Finding) -> bool {
        let first = self.first();
        finding.server.is_some()
            && first.server.is_some()
            && (first.check, first.severity) == (finding.check, finding.severity)
            && without_numbers(&first.summary).eq(without_numbers(&finding.summary))
            && self.findings.iter().all(|it| it.server != finding.server)
    }
}

/// The text with each number as one mark.
fn without_numbers(text: &str) -> impl Iterator<Item = char> {
    let mut chars = text.chars().peekable();
    std::iter::from_fn(move || {
        let char = chars.next()?;
        if !char.is_ascii_digit() {
            return Some(char);
        }
        while chars.next_if(|it| it.is_ascii_digit() || matches!(it, '.' | ',')).is_some() {}
        Some('#')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(check: &'static str, server: &str, summary: &str) -> Finding {
        Finding {
            check,
            server: (!server.is_empty()).then(|| server.to_owned()),
            severity: Severity::Warning,
            summary: summary.to_owned(),
            evidence: Vec::new(),
            remedies: Vec::new(),
            change: None,
        }
    }

    /// Which servers are told together.
    #[track_caller]
    fn check(findings: &[Finding], expected: &[&[&str]]) {
        let entries = Entry::of(findings);
        let servers: Vec<Vec<_>> = entries.iter().map(|it| it.servers().collect()).collect();
        assert_eq!(servers, expected);
    }

    #[test]
    fn the_same_about_several_servers_is_one_entry() {
        let found = [
            finding("a", "x", "3.5 of 10 are gone"),
            finding("b", "x", "it is late"),
            finding("a", "y", "4 of 1,000 are gone"),
            finding("a", "z", "nothing is left"),
        ];
        check(&found, &[&["x", "y"], &["x"], &["z"]]);
        assert!(!Entry::of(&found)[0].is_alike());
    }

    #[test]
    fn two_findings_about_one_server_stay_two() {
        let found = [
            finding("a", "x", "1 is gone"),
            finding("a", "x", "2 is gone"),
            finding("a", "y", "3 is gone"),
            finding("a", "", "4 is gone"),
        ];
        check(&found, &[&["x", "y"], &["x"], &[]]);
    }

    #[test]
    fn another_severity_is_another_entry() {
        let mut found = [finding("a", "x", "it is"), finding("a", "y", "it is")];
        assert!(Entry::of(&found)[0].is_alike());
        found[1].severity = Severity::Critical;
        check(&found, &[&["x"], &["y"]]);
    }
}
