//! `evenkeel top`, in a terminal.

use super::*;

/// Starts it and waits until it shows servers. When it ends the terminal shows how, and how it was
/// left.
fn top(operated: &Operated) -> Tmux {
    let (tmux, _) = top_and_its_pid(operated);
    tmux
}

/// The same, and where its number is written.
fn top_and_its_pid(operated: &Operated) -> (Tmux, PathBuf) {
    let (binary, admin) = (env!("CARGO_BIN_EXE_evenkeel"), operated.admin_port);
    let pid = scratch_path("pid");
    let top = format!("echo $$ > {}; exec {binary} top --admin 127.0.0.1:{admin}", pid.display());
    let tmux = Tmux::start(
        80,
        24,
        &format!("sh -c '{top}'; echo \"ended: $?\"; stty -a; exec sleep 1000"),
    );
    tmux.wait_for("the servers", ">a ");
    (tmux, pid)
}

/// The terminal shows what was there before, echoes, and takes whole lines.
#[track_caller]
fn check_left_in_order(tmux: &Tmux) {
    tmux.wait_for("the end", "ended: 0");
    tmux.wait_for("the terminal's settings", " echo ");
    let screen = tmux.screen();
    assert!(screen.contains(" icanon "), "{screen}");
    assert!(!screen.contains("pool main"), "{screen}");
}

#[test]
fn a_server_is_drained_and_readmitted_by_keys() {
    let operated = Operated::start(2);
    let tmux = top(&operated);
    tmux.press(&["j", "d"]);
    tmux.wait_for("the question", "Drain main/b?");
    assert_eq!(operated.json(&["status", "--json"])["next_event"], 0, "nobody has said yes");
    tmux.press(&["y"]);
    tmux.wait_for("the event", "main/b: up -> drained (drain: operator)");
    operated.wait_for_state(1, "drained");
    tmux.press(&["r", "y"]);
    tmux.wait_for("its return", "main/b: returning -> up");
    tmux.press(&["q"]);
    check_left_in_order(&tmux);
}

#[test]
fn a_screen_of_another_size_is_drawn_anew() {
    let operated = Operated::start(2);
    let tmux = top(&operated);
    tmux.resize(120, 12);
    tmux.wait_for("a longer line", "p99, last minute");
    tmux.resize(20, 5);
    tmux.wait_for("what there is room for", " server\n>a\n");
    tmux.resize(120, 40);
    tmux.wait_for("the longer line again", "p99, last minute");
    tmux.press(&["C-c"]);
    check_left_in_order(&tmux);
}

#[test]
fn a_proxy_that_is_gone_is_told_and_found_again() {
    let mut operated = Operated::start(2);
    let tmux = top(&operated);
    operated.kill();
    tmux.wait_for("the end of the proxy", "what is shown is old: Connection refused");
    operated.restart();
    tmux.wait_for("the next process", "the proxy has been restarted");
    tmux.press(&["q"]);
    check_left_in_order(&tmux);
}

#[test]
fn a_signal_leaves_the_terminal_in_order() {
    let operated = Operated::start(1);
    let (tmux, pid) = top_and_its_pid(&operated);
    let pid = fs::read_to_string(pid).unwrap();
    assert!(Command::new("kill").args(["-TERM", pid.trim()]).status().unwrap().success());
    check_left_in_order(&tmux);
}

#[test]
fn without_a_terminal_it_says_so() {
    let operated = Operated::start(1);
    let told = operated.ask(&["top"]);
    assert_eq!(told.code, Some(1));
    assert_eq!(
        told.stderr,
        "evenkeel: cannot draw on the terminal: standard output is none; \
         evenkeel status needs none\n"
    );
}
