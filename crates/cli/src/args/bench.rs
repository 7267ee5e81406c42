//! The arguments of `evenkeel bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::value_parser;
use evenkeel_load::{KeyChoice, ValueSize};

use crate::bench::values;

/// Send a load to a memcached endpoint and measure what serves it.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_BENCH)]
pub(crate) struct BenchArgs {
    #[arg(help = "Where the target listens: NAME:PORT or unix:/PATH", value_name = "ENDPOINT")]
    pub(crate) endpoint: String,

    /// Connections, over all threads.
    #[arg(short, long, value_name = "N", default_value = "50", value_parser = values::count)]
    #[arg(help_heading = PACE)]
    pub(crate) connections: u64,

    /// Send N requests a second, come what may (open loop).
    #[arg(short = 'R', long, value_name = "N", value_parser = values::count)]
    #[arg(help_heading = PACE)]
    pub(crate) rate: Option<u64>,

    /// Requests in flight on a connection [default: 1; with --rate: up to 256].
    #[arg(short = 'P', long, value_name = "N", value_parser = values::count)]
    #[arg(help_heading = PACE)]
    pub(crate) pipeline: Option<u64>,

    /// How long to measure.
    #[arg(short, long, value_name = "TIME", default_value = "10s", value_parser = values::time)]
    #[arg(help_heading = PACE)]
    pub(crate) duration: Duration,

    /// Measure so many requests instead of for a time.
    #[arg(short = 'n', long, value_name = "N", value_parser = values::count)]
    #[arg(conflicts_with = "duration", help_heading = PACE)]
    pub(crate) requests: Option<u64>,

    /// Send requests for so long before measuring.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = values::time)]
    #[arg(help_heading = PACE)]
    pub(crate) warmup: Duration,

    /// Give up what waits on a connection silent for so long.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = values::time)]
    #[arg(help_heading = PACE)]
    pub(crate) timeout: Duration,

    /// Threads that send [default: half the processors, from 1 to 4].
    #[arg(short, long, value_name = "N", value_parser = values::count)]
    #[arg(help_heading = PACE)]
    pub(crate) threads: Option<u64>,

    /// Reads in a hundred requests; the others are writes.
    #[arg(long, value_name = "PERCENT", default_value_t = 90)]
    #[arg(value_parser = value_parser!(u8).range(0..=100), help_heading = REQUESTS)]
    pub(crate) reads: u8,

    /// Keys in one read.
    #[arg(long, value_name = "N", default_value = "1", value_parser = values::count)]
    #[arg(help_heading = REQUESTS)]
    pub(crate) multiget: u64,

    /// Different keys.
    #[arg(long, value_name = "N", default_value = "10k", value_parser = values::count)]
    #[arg(help_heading = REQUESTS)]
    pub(crate) keys: u64,

    /// Key popularity: `uniform`, `zipf`, `zipf:S` (1/n^S).
    #[arg(long, value_name = "HOW", default_value = "uniform", value_parser = values::key_choice)]
    #[arg(help_heading = REQUESTS)]
    pub(crate) key_dist: KeyChoice,

    /// Bytes of a key.
    #[arg(long, value_name = "BYTES", default_value_t = 32)]
    #[arg(value_parser = value_parser!(u64), help_heading = REQUESTS)]
    pub(crate) key_size: u64,

    /// What every key begins with.
    #[arg(long, value_name = "TEXT", default_value = "evenkeel:bench:")]
    #[arg(help_heading = REQUESTS)]
    pub(crate) key_prefix: String,

    /// Bytes of values: `100`, `1KiB-4KiB`, `100:9,10KiB:1`.
    #[arg(long, value_name = "SIZE", default_value = "100", value_parser = values::value_size)]
    #[arg(help_heading = REQUESTS)]
    pub(crate) value_size: ValueSize,

    /// How long writes live; 0s is for ever [default: the run and 10m].
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    #[arg(help_heading = REQUESTS)]
    pub(crate) expiry: Option<Duration>,

    /// Where the choice begins: the same seed, the same requests.
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(help_heading = REQUESTS)]
    pub(crate) seed: u64,

    /// Do not store every key before the run.
    #[arg(long, help_heading = REQUESTS)]
    pub(crate) no_fill: bool,

    /// Print one JSON object instead of text.
    #[arg(long, help_heading = RESULTS)]
    pub(crate) json: bool,

    /// Write what was measured to FILE as well, as JSON.
    #[arg(long, value_name = "FILE", help_heading = RESULTS)]
    pub(crate) save: Option<PathBuf>,

    /// Compare with the run that was saved in FILE.
    #[arg(long, value_name = "FILE", help_heading = RESULTS)]
    pub(crate) compare: Option<PathBuf>,

    /// Send the load even if others use the target, or it is full.
    #[arg(long)]
    pub(crate) force: bool,
}

const PACE: &str = "How fast";
const REQUESTS: &str = "What";
const RESULTS: &str = "Results";

const AFTER_BENCH: &str = "\
Examples:
  evenkeel bench localhost:11211                     the most it can serve
  evenkeel bench -R 10k -d 1m localhost:11211        latency at 10,000 requests a second
  evenkeel bench -c 200 -P 16 --value-size 100:9,10KiB:1 cache1:11211
  evenkeel bench --keys 1M --key-dist zipf unix:/run/evenkeel.sock
  evenkeel bench --save before.json localhost:11211
  evenkeel bench --compare before.json localhost:11211
  evenkeel bench --json localhost:11211 | jq .latency_us.all.p99

Without --rate each connection sends when its last answer is there (closed loop). In an open loop
latency counts from when a request was meant to start: a target that stalls is not spared.
Every value is checked. Every key begins with --key-prefix and expires.

Exit codes:
  0   done; misses and refused requests are figures like others
  1   nothing was answered, or it failed otherwise while it ran
  2   the arguments are wrong, or others use the target (--force)
  3   an answer was wrong
  130 Ctrl-C ended it; what was measured until then was printed

Every field of the JSON: docs/cli.md";
