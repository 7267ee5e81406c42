//! `evenkeel reload`: has a running proxy read its configuration again.

use std::io::{self, Write};

use evenkeel_api::{Reload, ReloadOutcome};

use crate::admin::Admin;
use crate::args::ReloadArgs;
use crate::failure::Failure;
use crate::text::json_line;

/// Prints what became of it; fails if the configuration was refused.
pub(crate) fn reload(args: &ReloadArgs) -> Result<(), Failure> {
    let reload = Admin::find(&args.proxy)?.reload()?;
    let text = if args.json { json_line(&reload) + "\n" } else { sheet(&reload) };
    io::stdout().write_all(text.as_bytes())?;
    match reload.outcome {
        ReloadOutcome::Applied | ReloadOutcome::Unchanged => Ok(()),
        ReloadOutcome::Refused => Err(Failure::ReloadRefused),
    }
}

fn sheet(reload: &Reload) -> String {
    let outcome = match reload.outcome {
        ReloadOutcome::Applied => "applied: the new configuration is in effect",
        ReloadOutcome::Unchanged => "unchanged: the configuration says what is in effect already",
        ReloadOutcome::Refused => "refused: what was in effect still is",
    };
    let lines =
        [("", &reload.changes), ("warning: ", &reload.warnings), ("fault: ", &reload.faults)];
    let lines = lines.into_iter().flat_map(|(kind, lines)| {
        // What is indented goes on with the line before: it shows where a fault stands.
        let kind = move |line: &String| if line.starts_with(' ') { "" } else { kind };
        lines.iter().map(move |line| format!("  {}{line}\n", kind(line)))
    });
    lines.fold(format!("{outcome}\n"), |sheet, line| sheet + &line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(outcome: ReloadOutcome, lines: [&[&str]; 3], expected: &str) {
        let [changes, warnings, faults] =
            lines.map(|lines| lines.iter().map(|line| (*line).to_owned()).collect());
        let at = "2026-11-22T03:00:12.345Z".to_owned();
        assert_eq!(sheet(&Reload { at, outcome, changes, warnings, faults }), expected);
    }

    #[test]
    fn each_outcome_has_its_lines() {
        check(
            ReloadOutcome::Applied,
            [&["pool main: server c added"], &["workers takes effect with a restart"], &[]],
            "applied: the new configuration is in effect\n  \
             pool main: server c added\n  \
             warning: workers takes effect with a restart\n",
        );
        check(
            ReloadOutcome::Unchanged,
            [&[], &[], &[]],
            "unchanged: the configuration says what is in effect already\n",
        );
        check(
            ReloadOutcome::Refused,
            [&[], &[], &["e.toml:3:8: there is no pool \"mian\"", "    3 | pool = \"mian\""]],
            "refused: what was in effect still is\n  \
             fault: e.toml:3:8: there is no pool \"mian\"\n      3 | pool = \"mian\"\n",
        );
    }
}
