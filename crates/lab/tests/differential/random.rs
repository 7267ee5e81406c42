//! Random sequences and mutations: a few each time, and as many as the environment asks for.
//!
//! A seed makes one sequence; a run begins with that of the seed it is given and goes on with those
//! of the numbers behind it, so that the seed of a difference finds it at once.

use std::env;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use evenkeel_core::random::Random;

use crate::arena::{Arena, Subject};
use crate::search::Tally;
use crate::sequence::Sequence;
use crate::{deviations, generate, mutate, scripts};

#[test]
fn random_requests_are_answered_as_memcached_answers_them() {
    let commands = number("EVENKEEL_DIFFERENTIAL_COMMANDS").unwrap_or(12_000);
    let seed = number("EVENKEEL_DIFFERENTIAL_SEED").unwrap_or(1);
    run(seed, generate::sequence, |tally| tally.commands >= commands);
}

#[test]
fn mutations_of_the_corpus_are_answered_as_memcached_answers_them() {
    let corpus = corpus();
    let seed = number("EVENKEEL_FUZZ_SEED").unwrap_or(1);
    let mutation = |seed| {
        let of = usize::try_from(Random::new(seed).below(corpus.len() as u64));
        mutate::mutation(&corpus, of.expect("it is in the corpus"), seed)
    };
    match number("EVENKEEL_FUZZ_SECONDS") {
        None => run(seed, mutation, |tally| tally.sequences >= 6 * corpus.len() as u64),
        Some(seconds) => {
            let (started_at, length) = (Instant::now(), Duration::from_secs(seconds));
            run(seed, mutation, |_| started_at.elapsed() >= length);
        }
    }
}

#[test]
fn the_corpus_is_answered_as_memcached_answers_it() {
    let mut arena = Arena::start();
    let mut tally = Tally::default();
    for bytes in corpus() {
        let steps = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        let sequence = Sequence { seed: 0, steps };
        for subjects in [&[Subject::ProxyOverThree][..], &[Subject::Proxy, Subject::Embedded]] {
            if let Err(difference) = arena.compare(&sequence, subjects, &mut tally) {
                panic!("{difference}");
            }
        }
    }
}

/// Plays what `make` makes of numbers from `seed` on until `is_enough`, and fails with what differs.
#[track_caller]
fn run(seed: u64, make: impl Fn(u64) -> Sequence, is_enough: impl Fn(&Tally) -> bool) {
    let mut arena = Arena::start();
    let (mut tally, mut differences_len) = (Tally::default(), 0);
    let mut played = Vec::new();
    for at in seed.. {
        if is_enough(&tally) || differences_len == DIFFERENCES_MAX {
            break;
        }
        // Three servers answer a part of it: they are dearer, and differ by where keys are alone.
        let subjects: &[Subject] = if at.is_multiple_of(4) {
            &[Subject::ProxyOverThree]
        } else {
            &[Subject::Proxy, Subject::Embedded]
        };
        let sequence = make(at);
        let compared = arena.compare(&sequence, subjects, &mut tally);
        played.push(sequence);
        for difference in compared.err().into_iter().chain(arena.disturbance(&mut played)) {
            eprintln!("{difference}\n");
            differences_len += 1;
        }
        if tally.sequences.is_multiple_of(PROGRESS_SEQUENCES) {
            eprintln!("{} requests, {differences_len} differences", tally.commands);
        }
    }
    eprintln!("{tally}");
    assert!(differences_len == 0, "{differences_len} differences that are not listed");
    let doubtful = tally.passing + tally.left;
    assert!(doubtful <= tally.sequences / DOUBTFUL_SHARE, "{doubtful} sequences are in doubt");
}

/// Sequences of bytes to mutate: the scripts, what shows a deviation, and the files in `corpus/`.
fn corpus() -> Vec<Vec<u8>> {
    let mut corpus: Vec<_> = scripts::ALL
        .iter()
        .flat_map(|scripts| scripts.iter())
        .map(|script| script.steps.concat())
        .collect();
    corpus.extend(deviations::ALL.iter().map(|it| it.example.concat()));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/corpus");
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.expect("it can be read").path()).collect();
    paths.sort();
    corpus.extend(paths.iter().map(|path| fs::read(path).expect("it is a file")));
    corpus.retain(|bytes| !bytes.is_empty());
    corpus
}

fn number(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    let value = value.trim();
    let parsed = match value.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => value.parse(),
    };
    Some(parsed.unwrap_or_else(|_| panic!("{variable}={value} is no number")))
}

/// How many differences are looked for in one run.
const DIFFERENCES_MAX: usize = 25;

/// One sequence in so many may differ in a way that does not come again, or hold too much that is
/// listed: more, and something is wrong with the comparison.
const DOUBTFUL_SHARE: u64 = 50;

/// How often a long run says how far it is.
const PROGRESS_SEQUENCES: u64 = 5_000;
