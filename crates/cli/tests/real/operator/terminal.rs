//! What verbs do on a terminal and nowhere else: ask, and colour.

use super::*;

/// Runs a verb in a terminal, and prints how it ended.
fn verb(operated: &Operated, environment: &str, args: &str) -> Tmux {
    let (binary, admin) = (env!("CARGO_BIN_EXE_evenkeel"), operated.admin_port);
    let line = format!("{environment} {binary} {args} --admin 127.0.0.1:{admin}");
    Tmux::start(80, 24, &format!("{line}; echo \"ended: $?\"; exec sleep 1000"))
}

#[test]
fn a_flush_is_asked_about() {
    let operated = Operated::start(1);
    let mut session = operated.connect();
    session.set("key", "value");
    let question = "Everything that main/a holds will be lost. Flush it? [y/N]";
    let tmux = verb(&operated, "", "server flush --wait a");
    tmux.wait_for("the question", question);
    tmux.press(&["n", "Enter"]);
    tmux.wait_for("the end", "evenkeel: nothing was done\nended: 1");
    assert_eq!(session.get("key").as_deref(), Some("value"));

    let tmux = verb(&operated, "", "server flush --wait a");
    tmux.wait_for("the question", question);
    tmux.press(&["y", "Enter"]);
    tmux.wait_for("the end", "main/a: flush has taken effect; it is up\nended: 0");
    assert_eq!(session.get("key"), None);
}

#[test]
fn a_terminal_has_colours_unless_somebody_wants_none() {
    let operated = Operated::start(1);
    let tmux = verb(&operated, "", "status");
    tmux.wait_for("the end", "ended: 0");
    let screen = tmux.coloured_screen();
    assert!(screen.contains("\u{1b}[32mall is well"), "{screen:?}");
    let tmux = verb(&operated, "NO_COLOR=1", "status");
    tmux.wait_for("the end", "ended: 0");
    let screen = tmux.coloured_screen();
    assert!(!screen.contains('\u{1b}') && screen.contains("all is well"), "{screen:?}");
}
