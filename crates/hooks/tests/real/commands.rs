//! Commands and the ways in which they fail.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use evenkeel_api::HookMessage;
use evenkeel_core::config::{HookAction, HookConfig};

use evenkeel_rig::ScratchFolder;

use crate::support::{PATIENCE, Rig, hook, wait_for};

/// A hook that runs this script, with a folder's path in `$1`.
fn script(text: &str, dir: &Path) -> HookConfig {
    let dir = dir.to_str().expect("a path of letters");
    let arguments = ["-c", text, "script", dir].map(str::to_owned).to_vec();
    hook(HookAction::Command { program: "/bin/sh".into(), arguments })
}

/// What a file says, once it is there and says something.
#[track_caller]
fn read(path: &Path) -> String {
    let look = || fs::read_to_string(path).ok().filter(|text| text.ends_with('\n'));
    wait_for(look, || format!("{} is not written", path.display()))
}

fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn a_command_has_the_message_on_its_input_and_the_event_in_its_environment() {
    let dir = ScratchFolder::create();
    let text = r#"
        cat > "$1/input"; echo >> "$1/input"
        echo "$EVENKEEL_HOOK $EVENKEEL_KIND $EVENKEEL_POOL $EVENKEEL_SERVER \
              $EVENKEEL_FROM $EVENKEEL_TO $EVENKEEL_RULE $EVENKEEL_EVENTS" > "$1/environment"
    "#;
    let rig = Rig::new(&[script(text, dir.path())]);
    rig.eject(3);
    let variables = read(&dir.path().join("environment"));
    let words: Vec<_> = variables.split_whitespace().collect();
    let wanted = ["test", "state", "main", "10.0.0.3:11211", "suspect", "down", "refused", "1"];
    assert_eq!(words, wanted);
    let message: HookMessage = serde_json::from_str(&read(&dir.path().join("input"))).unwrap();
    assert_eq!(message.events[0].server.as_deref(), Some("10.0.0.3:11211"));
    rig.wait_for_tally(|tally| tally.delivered == 1);
}

#[test]
fn a_command_that_hangs_is_killed_with_all_its_children() {
    let dir = ScratchFolder::create();
    let text = r#"sleep 1000 & echo $! > "$1/child"; echo $$ > "$1/itself"; wait"#;
    let timeout = Duration::from_secs(1);
    let rig = Rig::new(&[HookConfig { timeout, ..script(text, dir.path()) }]);
    rig.eject(0);
    let pids = [read(&dir.path().join("child")), read(&dir.path().join("itself"))];
    rig.wait_for_tally(|tally| tally.failed == 1);
    wait_for(
        || pids.iter().all(|pid| !is_running(pid)).then_some(()),
        || format!("{pids:?} are running"),
    );
    // It is told the next time all the same.
    rig.eject(1);
    rig.wait_for_tally(|tally| tally.failed == 2);
}

#[test]
fn a_command_that_is_being_run_ends_with_its_hook() {
    let dir = ScratchFolder::create();
    let mut rig = Rig::new(&[script(r#"echo $$ > "$1/itself"; sleep 1000"#, dir.path())]);
    rig.eject(0);
    let pid = read(&dir.path().join("itself"));
    rig.hooks.apply(&[], 0).unwrap();
    wait_for(|| (!is_running(&pid)).then_some(()), || format!("{pid} is running"));
}

#[test]
fn a_command_that_writes_without_end_takes_no_memory_and_is_killed() {
    let dir = ScratchFolder::create();
    let timeout = Duration::from_millis(500);
    let rig = Rig::new(&[HookConfig { timeout, ..script("exec yes", dir.path()) }]);
    rig.eject(0);
    rig.wait_for_tally(|tally| tally.failed == 1);
}

#[test]
fn a_command_that_writes_much_and_fails_has_failed() {
    let dir = ScratchFolder::create();
    let text = "yes | head -c 5000000; echo no >&2; exit 3";
    let rig = Rig::new(&[script(text, dir.path())]);
    rig.eject(0);
    rig.wait_for_tally(|tally| tally.failed == 1);
}

#[test]
fn a_command_that_does_not_read_its_input_is_told_all_the_same() {
    let dir = ScratchFolder::create();
    let rig = Rig::new(&[script("exec <&-; exit 0", dir.path())]);
    rig.eject(0);
    rig.wait_for_tally(|tally| tally.delivered == 1);
}

#[test]
fn what_a_command_leaves_behind_goes_on_and_holds_nobody_up() {
    let dir = ScratchFolder::create();
    let rig = Rig::new(&[script(r#"sleep 1000 & echo $! > "$1/child""#, dir.path())]);
    let began_at = Instant::now();
    rig.eject(0);
    rig.wait_for_tally(|tally| tally.delivered == 1);
    assert!(began_at.elapsed() < PATIENCE);
    let child = read(&dir.path().join("child"));
    assert!(is_running(&child));
    let kill = std::process::Command::new("kill").arg(child.trim()).status().unwrap();
    assert!(kill.success());
}

#[test]
fn a_command_that_is_not_there_has_failed() {
    let program = "/nowhere/at/all".into();
    let rig = Rig::new(&[hook(HookAction::Command { program, arguments: Vec::new() })]);
    rig.eject(0);
    rig.wait_for_tally(|tally| tally.failed == 1);
}

#[test]
fn a_command_is_run_once_at_a_time() {
    let dir = ScratchFolder::create();
    let text = r#"
        mkdir "$1/running" || echo twice > "$1/twice"
        sleep 1.5; rmdir "$1/running"; echo x >> "$1/runs"
    "#;
    let rig = Rig::new(&[script(text, dir.path())]);
    rig.eject(0);
    wait_for(|| dir.path().join("running").exists().then_some(()), || "it is not run".to_owned());
    rig.eject(1);
    rig.wait_for_tally(|tally| tally.delivered == 2);
    assert!(!dir.path().join("twice").exists());
}
