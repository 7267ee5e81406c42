//! How the tests have servers examined.

use std::time::Duration;

use evenkeel_doctor::{Examination, Findings, Options, Severity, Target, examine};

/// Examines the servers together.
pub(crate) fn examined(targets: Vec<Target>, options: Options) -> Examination {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime needs a few files").block_on(examine(targets, options))
}

/// What is found, by its check, that is worse than worth knowing.
pub(crate) fn found(examination: &Examination) -> Vec<&'static str> {
    let findings = Findings::of(examination);
    let bad = findings.iter().filter(|it| it.severity > Severity::Note);
    bad.map(|it| it.check).collect()
}

/// An examination that takes as little time as one can.
pub(crate) fn quick() -> Options {
    Options { interval: Duration::from_millis(500), ..Options::default() }
}

/// The same about the server that was named in this place.
pub(crate) fn found_about(examination: &Examination, idx: usize) -> Vec<&'static str> {
    let name = Some(&examination.servers[idx].target.name);
    let findings = Findings::of(examination);
    let about = findings.iter().filter(|it| it.server.as_ref() == name);
    about.filter(|it| it.severity > Severity::Note).map(|it| it.check).collect()
}

/// What is worth knowing, by its check.
pub(crate) fn noted(examination: &Examination) -> Vec<&'static str> {
    let findings = Findings::of(examination);
    let notes = findings.iter().filter(|it| it.severity == Severity::Note);
    notes.map(|it| it.check).collect()
}
