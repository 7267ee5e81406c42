//! Scripts on all of them, each step answered before the next is asked.

use evenkeel_core::protocol::KEY_LEN_MAX;

use crate::answers::{Tokens, are_same};
use crate::arena::{Arena, Subject};
use crate::conversation::Conversation;
use crate::peer::NO_END;
use crate::scripts::{self, Script};
use crate::search::{shortened, tokens};
use crate::sequence::render;

/// Plays scripts on all and fails with every step that differs.
#[track_caller]
fn check(scripts: &[Script]) {
    let mut arena = Arena::start();
    let mut differences = Vec::new();
    for subject in Subject::ALL {
        for script in scripts {
            differences.extend(differing_steps(&mut arena, subject, script));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn differing_steps(arena: &mut Arena, subject: Subject, script: &Script) -> Vec<String> {
    let base = arena.prepare(&[subject], &script.steps.concat());
    let (mut theirs, mut ours) = both(arena, subject);
    let tokens = tokens(subject);
    let mut differences = Vec::new();
    for step in script.steps {
        let step = render(step, base);
        let (expected, got) = (theirs.ask(&step), ours.ask(&step));
        let name = step.escape_ascii();
        assert!(!expected.ends_with(NO_END), "{}: {name} leaves a request unfinished", script.name);
        if !are_same(&expected, &got, tokens) {
            differences.push(format!(
                "{subject:?}, {}: {name}\n  memcached: {}\n  ours:      {}",
                script.name,
                shortened(&expected),
                shortened(&got),
            ));
        }
    }
    differences
}

fn both(arena: &Arena, subject: Subject) -> (Conversation, Conversation) {
    (Conversation::new(arena.memcached()), Conversation::new(arena.addr(subject)))
}

#[test]
fn store_commands_answer_as_memcached_does() {
    check(scripts::STORE);
}

#[test]
fn retrievals_answer_as_memcached_does() {
    check(scripts::RETRIEVE);
}

#[test]
fn deletes_and_sums_answer_as_memcached_does() {
    check(scripts::DELETE_AND_SUM);
}

#[test]
fn commands_without_a_key_answer_as_memcached_does() {
    check(scripts::KEYLESS);
}

#[test]
fn meta_gets_answer_as_memcached_does() {
    check(scripts::META_GET);
}

#[test]
fn meta_sets_answer_as_memcached_does() {
    check(scripts::META_SET);
}

#[test]
fn meta_deletes_answer_as_memcached_does() {
    check(scripts::META_DELETE);
}

#[test]
fn meta_sums_answer_as_memcached_does() {
    check(scripts::META_ARITHMETIC);
}

#[test]
fn bad_input_is_answered_as_memcached_does() {
    check(scripts::BAD_INPUT);
}

#[test]
fn what_was_answered_differently_once_is_answered_as_memcached_does() {
    check(scripts::found::FOUND);
}

#[test]
fn values_at_the_size_limit_are_answered_as_memcached_does() {
    let arena = Arena::start();
    for subject in [Subject::Proxy, Subject::Embedded] {
        let (mut theirs, mut ours) = both(&arena, subject);
        let mut check = |step: &[u8]| {
            let (expected, got) = (theirs.ask(step), ours.ask(step));
            let name = shortened(&step[..step.len().min(40)]);
            let (theirs, ours) = (shortened(&expected), shortened(&got));
            assert!(are_same(&expected, &got, Tokens::Differ), "{name}: {theirs} | {ours}");
            theirs
        };
        // 48 bytes of header, 8 of CAS token, the key and its end, the value's own end.
        let longest = 1024 * 1024 - 48 - 8 - 2 - 2;
        let value_of = |len: usize| "v".repeat(len);
        let lens = [(longest, "STORED"), (longest + 1, "SERVER_ERROR"), (2_000_000, "SERV")];
        for (len, answer) in lens {
            check(b"set a 0 0 1\r\n1\r\n");
            let set = format!("set a 0 0 {len}\r\n{}\r\n", value_of(len));
            assert!(check(set.as_bytes()).starts_with(answer), "{len}");
            check(b"get a\r\n");
            let set = format!("set a 7 0 {len}\r\n{}\r\n", value_of(len));
            check(set.as_bytes());
            check(b"get a\r\n");
            check(b"set a 0 0 1\r\n1\r\n");
            check(format!("add a 0 0 {len}\r\n{}\r\n", value_of(len)).as_bytes());
            check(b"get a\r\n");
            check(format!("append a 0 0 {len}\r\n{}\r\n", value_of(len)).as_bytes());
            check(b"get a\r\n");
            check(format!("ms a {len} ME c\r\n{}\r\n", value_of(len)).as_bytes());
            check(b"get a\r\n");
            check(format!("set a 0 0 {len} noreply\r\n{}\r\n", value_of(len)).as_bytes());
            check(b"get a\r\n");
            // What is wrong with the line is told before its value is too long.
            check(format!("ms a {len} Tx\r\n{}\r\n", value_of(len)).as_bytes());
            check(format!("ms a {len} MX\r\n{}\r\n", value_of(len)).as_bytes());
            check(b"get a\r\n");
        }
    }
}

#[test]
fn a_request_for_many_keys_is_answered_in_their_order_wherever_they_are() {
    let arena = Arena::start();
    for subject in Subject::ALL {
        let (mut theirs, mut ours) = both(&arena, subject);
        let keys: Vec<_> = (0..200).map(|idx| format!("key-{idx}")).collect();
        for key in keys.iter().step_by(3) {
            let set = format!("set {key} 0 0 {}\r\n{key}\r\n", key.len());
            assert_eq!(theirs.ask(set.as_bytes()), ours.ask(set.as_bytes()));
        }
        let longest = "k".repeat(KEY_LEN_MAX);
        for words in [keys.join(" "), format!("{0} {longest} {0}", keys.join("  "))] {
            for command in ["get", "gets", "gat 100", "gats 100"] {
                let request = format!("{command} {words} \r\n");
                let (expected, got) =
                    (theirs.ask(request.as_bytes()), ours.ask(request.as_bytes()));
                assert!(are_same(&expected, &got, Tokens::Differ), "{subject:?}: {command}");
            }
        }
    }
}

#[test]
fn a_gat_of_many_keys_finds_what_a_get_finds() {
    let mut arena = Arena::start();
    for subject in Subject::ALL {
        let (mut theirs, mut ours) = both(&arena, subject);
        let keys: Vec<_> = (0..400).map(|idx| format!("{idx:0>100}")).collect();
        let sets: Vec<_> = keys.iter().map(|it| format!("set {it} 0 0 1\r\n1\r\n")).collect();
        let sets = sets.concat();
        assert_eq!(theirs.ask(sets.as_bytes()), ours.ask(sets.as_bytes()));
        let words = keys.join(" ");
        for (get, gat) in [("get", "gat 100"), ("gets", "gats 100")] {
            // memcached closes the connection at so long a line of `gat`.
            let expected = theirs.ask(format!("{get} {words}\r\n").as_bytes());
            let got = ours.ask(format!("{gat} {words}\r\n").as_bytes());
            assert!(are_same(&expected, &got, Tokens::Differ), "{subject:?}: {gat}");
        }
    }
    arena.wait_until_calm();
    assert_eq!(arena.new_events(), Vec::<String>::new());
}

#[test]
fn time_passes_as_in_memcached() {
    let arena = Arena::start();
    let mut theirs = Conversation::new(arena.memcached());
    let mut ours = Subject::ALL.map(|it| (it, Conversation::new(arena.addr(it))));
    let mut play = |steps: &[&[u8]]| {
        for step in steps {
            let expected = theirs.ask(step);
            for (subject, ours) in &mut ours {
                let (name, got) = (step.escape_ascii(), ours.ask(step));
                let told = (shortened(&expected), shortened(&got));
                assert!(are_same(&expected, &got, Tokens::Differ), "{subject:?}: {name}: {told:?}");
            }
        }
    };
    play(scripts::time::BEFORE_TIME_PASSES);
    // Real time, because memcached has no other. Longer than the 2 seconds in the script by what
    // its clock may be late.
    std::thread::sleep(std::time::Duration::from_millis(3_100));
    play(scripts::time::AFTER_TIME_HAS_PASSED);
}
