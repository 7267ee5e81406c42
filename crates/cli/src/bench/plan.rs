//! What is to be done, from the arguments: they have to fit together.

use std::fmt;
use std::thread;
use std::time::Duration;

use evenkeel_load::{Length, Pace, Workload};
use serde_json::{Value, json};

use crate::args::BenchArgs;
use crate::failure::Failure;

use super::values::Shown;
use crate::figures;

/// The load that was asked for.
pub(crate) struct Plan {
    pub(crate) workload: Workload,
    pub(crate) length: Length,
    pub(crate) warm_up: Duration,
    pub(crate) answer_timeout: Duration,
    pub(crate) threads: usize,
}

impl Plan {
    /// # Errors
    /// When the arguments do not fit together.
    pub(crate) fn new(args: &BenchArgs) -> Result<Self, Failure> {
        let workload = workload(args)?;
        check_memory(&workload)?;
        if args.duration.is_zero() || args.timeout.is_zero() {
            let name = if args.duration.is_zero() { "--duration" } else { "--timeout" };
            return Err(usage(format!("{name} 0s is no time; give some, as in 10s")));
        }
        let length = match args.requests {
            Some(requests) => Length::Requests(requests),
            None => Length::Time(args.duration),
        };
        let threads = match args.threads {
            Some(threads) => at_most("--threads", threads, THREADS_MAX)?,
            None => (processors() / 2).clamp(1, THREADS_DEFAULT_MAX),
        };
        Ok(Self {
            threads: threads.min(workload.connections),
            workload,
            length,
            warm_up: args.warmup,
            answer_timeout: args.timeout,
        })
    }

    /// The workload as JSON: two runs with equal ones sent the same requests.
    pub(crate) fn workload_json(&self) -> Value {
        let Workload { connections, reads_percent, keys_per_read, keys, seed, .. } = self.workload;
        let (pace, rate, pipeline) = match self.workload.pace {
            Pace::Closed { batch } => ("closed", None, batch),
            Pace::Open { rate, in_flight_max } => ("open", Some(rate), in_flight_max),
        };
        json!({
            "connections": connections,
            "pace": pace,
            "rate": rate,
            "pipeline": pipeline,
            "reads_percent": reads_percent,
            "keys_per_read": keys_per_read,
            "keys": keys,
            "key_distribution": Shown(&self.workload.key_choice).to_string(),
            "key_bytes": self.workload.key_len,
            "key_prefix": self.workload.key_prefix,
            "value_bytes": Shown(&self.workload.value_size).to_string(),
            "seed": seed,
        })
    }
}

/// In two lines: how fast, and what.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Workload { connections, reads_percent, keys_per_read, keys, key_len, .. } =
            self.workload;
        let connections = crate::failure::count(connections, "connection");
        match self.workload.pace {
            Pace::Closed { batch: 1 } => writeln!(f, "{connections}, closed loop, no pipelining")?,
            Pace::Closed { batch } => {
                writeln!(f, "{connections}, closed loop, pipelines of {batch}")?;
            }
            Pace::Open { rate, .. } => {
                let rate = figures::count(rate);
                writeln!(f, "{connections}, open loop, {rate} requests a second")?;
            }
        }
        let several = match keys_per_read {
            1 => String::new(),
            keys => format!(" of {keys} keys each"),
        };
        write!(
            f,
            "{reads_percent} % reads{several}; {} keys of {key_len} bytes, {}; values of {} bytes",
            figures::count(keys as u64),
            Shown(&self.workload.key_choice),
            Shown(&self.workload.value_size),
        )
    }
}

/// How many processors there are.
pub(crate) fn processors() -> usize {
    thread::available_parallelism().map_or(1, Into::into)
}

fn workload(args: &BenchArgs) -> Result<Workload, Failure> {
    let connections = at_most("--connections", args.connections, CONNECTIONS_MAX)?;
    let pipeline = |default| match args.pipeline {
        Some(pipeline) => at_most("--pipeline", pipeline, PIPELINE_MAX),
        None => Ok(default),
    };
    let pace = match args.rate {
        None => Pace::Closed { batch: pipeline(PIPELINE_CLOSED)? },
        Some(rate) => Pace::Open {
            rate: at_most("--rate", rate, RATE_MAX)? as u64,
            in_flight_max: pipeline(pipeline_open(connections, args.value_size.max()))?,
        },
    };
    let keys = at_most("--keys", args.keys, Workload::KEYS_MAX)?;
    let keys_per_read = at_most("--multiget", args.multiget, Workload::KEYS_PER_READ_MAX)?;
    if keys_per_read > keys {
        return Err(usage(format!(
            "--multiget {keys_per_read} asks for more different keys than there are; \
             give --keys {keys_per_read} or more"
        )));
    }
    Ok(Workload {
        connections,
        pace,
        reads_percent: args.reads,
        keys_per_read,
        keys,
        key_choice: args.key_dist,
        key_prefix: key_prefix(args)?,
        key_len: key_len(args)?,
        value_size: args.value_size.clone(),
        expiry: expiry(args),
        seed: args.seed,
    })
}

/// As many as fit into some memory when all are large writes.
fn pipeline_open(connections: usize, value_len: usize) -> usize {
    let batches = PIPELINE_OPEN_LEN / (connections * value_len.max(1)).max(1);
    batches.clamp(1, PIPELINE_OPEN_MAX)
}

/// What is on its way to the target is in memory: a batch of writes for each connection.
fn check_memory(workload: &Workload) -> Result<(), Failure> {
    let in_flight = match workload.pace {
        Pace::Closed { batch } => batch,
        Pace::Open { in_flight_max, .. } => in_flight_max,
    };
    let requests = workload.connections as u128 * in_flight as u128;
    let writes_percent = u128::from(100 - workload.reads_percent);
    let needed = requests * workload.value_size.max() as u128 * writes_percent / 100;
    if needed <= MEMORY_MAX {
        return Ok(());
    }
    Err(usage(format!(
        "{} connections with {in_flight} requests in flight could need {needed} bytes of memory; \
         give fewer --connections, a shorter --pipeline or a smaller --value-size",
        workload.connections
    )))
}

fn key_prefix(args: &BenchArgs) -> Result<String, Failure> {
    if args.key_prefix.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return Err(usage(format!(
            "--key-prefix {:?} has a blank or a control character in it; memcached takes neither",
            args.key_prefix
        )));
    }
    Ok(args.key_prefix.clone())
}

fn key_len(args: &BenchArgs) -> Result<usize, Failure> {
    let key_len = at_most("--key-size", args.key_size, Workload::KEY_LEN_MAX)?;
    let min = args.key_prefix.len() + Workload::KEY_LEN_OWN;
    if min > Workload::KEY_LEN_MAX {
        let max = Workload::KEY_LEN_MAX - Workload::KEY_LEN_OWN;
        return Err(usage(format!("--key-prefix is too long; at most {max} bytes")));
    }
    if key_len < min {
        return Err(usage(format!(
            "--key-size {key_len} is too short for {} bytes of --key-prefix and {} that tell the \
             keys apart; give {min} or more, or a shorter prefix",
            args.key_prefix.len(),
            Workload::KEY_LEN_OWN,
        )));
    }
    Ok(key_len)
}

/// In whole seconds, rounded up: memcached knows no others.
fn expiry(args: &BenchArgs) -> Duration {
    let expiry = match (args.expiry, args.requests) {
        (Some(expiry), _) => expiry,
        (None, Some(_)) => EXPIRY_OF_REQUESTS,
        (None, None) => args.duration + args.warmup + EXPIRY_AFTER_RUN,
    };
    whole_seconds(expiry).min(Workload::EXPIRY_MAX)
}

fn whole_seconds(duration: Duration) -> Duration {
    let rest = u64::from(duration.subsec_nanos() > 0);
    Duration::from_secs(duration.as_secs() + rest)
}

fn at_most(option: &str, number: u64, max: usize) -> Result<usize, Failure> {
    usize::try_from(number)
        .ok()
        .filter(|number| *number <= max)
        .ok_or_else(|| usage(format!("{option} {number} is too large; at most {max}")))
}

fn usage(text: String) -> Failure {
    Failure::Usage(text)
}

/// Of writes that wait to be sent.
const MEMORY_MAX: u128 = 8 << 30;
const PIPELINE_CLOSED: usize = 1;
const PIPELINE_OPEN_MAX: usize = 256;
const PIPELINE_OPEN_LEN: usize = 1 << 30;
/// All that one address of ours can have to one of the target is less.
const CONNECTIONS_MAX: usize = 1_000_000;
const PIPELINE_MAX: usize = 100_000;
const RATE_MAX: usize = 100_000_000;
const THREADS_MAX: usize = 1024;
const THREADS_DEFAULT_MAX: usize = 4;
/// Enough to store all keys before and to read the last ones after.
const EXPIRY_AFTER_RUN: Duration = Duration::from_mins(10);
const EXPIRY_OF_REQUESTS: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, Verb};

    fn plan(options: &str) -> Result<Plan, String> {
        let args =
            ["evenkeel", "bench", "localhost:1"].into_iter().chain(options.split_whitespace());
        let Some(Verb::Bench(args)) = Args::try_parse_from(args).expect("options").verb else {
            panic!("it is another verb");
        };
        Plan::new(&args).map_err(|failure| failure.to_string())
    }

    #[track_caller]
    fn check_refused(options: &str, words: &str) {
        match plan(options) {
            Ok(_) => panic!("{options} is accepted"),
            Err(text) => assert!(text.contains(words), "{text}"),
        }
    }

    #[test]
    fn what_does_not_fit_together_is_refused_by_name_and_with_a_remedy() {
        check_refused("--keys 10 --multiget 11", "give --keys 11 or more");
        check_refused("--key-size 30", "give 31 or more");
        check_refused("--key-size 251", "--key-size 251 is too large; at most 250");
        check_refused("--keys 200M", "--keys 200000000 is too large");
        check_refused("--multiget 1001", "--multiget 1001 is too large; at most 1000");
        check_refused("--duration 0s", "--duration 0s is no time");
        check_refused("--timeout 0s", "--timeout 0s is no time");
        check_refused(&format!("--key-prefix {}", "x".repeat(235)), "at most 234 bytes");
        check_refused("-P 1000 -c 1000 --value-size 1MiB", "a shorter --pipeline");
        check_refused("--threads 2000", "--threads 2000 is too large; at most 1024");
    }

    #[test]
    fn a_prefix_with_a_blank_is_refused() {
        let mut args = plan_args();
        args.key_prefix = "a b".to_owned();
        let Err(failure) = Plan::new(&args) else { panic!("it is accepted") };
        assert!(failure.to_string().contains("has a blank"));
    }

    fn plan_args() -> BenchArgs {
        let args = Args::try_parse_from(["evenkeel", "bench", "localhost:1"]).expect("it is good");
        let Some(Verb::Bench(args)) = args.verb else { panic!("it is another verb") };
        *args
    }

    #[test]
    fn what_is_written_outlives_the_run() {
        let expiry = |options| plan(options).map(|plan| plan.workload.expiry.as_secs());
        assert_eq!(expiry(""), Ok(611));
        assert_eq!(expiry("--duration 1500ms --warmup 0s"), Ok(602));
        assert_eq!(expiry("--requests 5"), Ok(3600));
        assert_eq!(expiry("--expiry 1500ms"), Ok(2));
        assert_eq!(expiry("--expiry 0s"), Ok(0));
    }

    #[test]
    fn the_pipeline_has_another_default_in_each_loop() {
        let pace = |options| plan(options).map(|plan| plan.workload.pace);
        assert_eq!(pace(""), Ok(Pace::Closed { batch: 1 }));
        assert_eq!(pace("-P 16"), Ok(Pace::Closed { batch: 16 }));
        assert_eq!(pace("-R 5k"), Ok(Pace::Open { rate: 5000, in_flight_max: 256 }));
        let large = Ok(Pace::Open { rate: 5000, in_flight_max: 20 });
        assert_eq!(pace("-R 5k --value-size 1MiB"), large);
        assert_eq!(pace("-R 5k -P 1"), Ok(Pace::Open { rate: 5000, in_flight_max: 1 }));
    }

    #[test]
    fn no_thread_is_without_a_connection() {
        assert_eq!(plan("-t 8 -c 3").map(|plan| plan.threads), Ok(3));
        assert!(plan("").is_ok_and(|plan| (1..=4).contains(&plan.threads)));
    }
}
