//! On what the figures were measured.

use std::fs;
use std::process::Command;
use std::thread;

/// One line: processors, memory, kernel, system, memcached, build.
pub(crate) fn description() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let build = if cfg!(debug_assertions) { "a debug build" } else { "a release build" };
    format!(
        "Measured on {cores} cores of {}, {}, Linux {}, {}, {}, {build}.",
        after_colon("/proc/cpuinfo", "model name"),
        memory(),
        read("/proc/sys/kernel/osrelease"),
        system(),
        memcached(),
    )
}

fn read(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| UNKNOWN.to_owned(), |text| text.trim().to_owned())
}

fn after_colon(path: &str, name: &str) -> String {
    let text = read(path);
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':'));
    value.map_or_else(|| UNKNOWN.to_owned(), |(_, value)| value.trim().to_owned())
}

fn memory() -> String {
    let text = after_colon("/proc/meminfo", "MemTotal");
    let kib = text.split(' ').next().and_then(|kib| kib.parse::<u64>().ok());
    kib.map_or(text, |kib| format!("{} GiB", (kib + MIB / 2) / MIB))
}

fn system() -> String {
    let text = read("/etc/os-release");
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or(UNKNOWN).trim_matches('"').to_owned()
}

fn memcached() -> String {
    let said = Command::new("memcached").arg("-V").output();
    said.map_or_else(
        |_| UNKNOWN.to_owned(),
        |said| String::from_utf8_lossy(&said.stdout).trim().to_owned(),
    )
}

const UNKNOWN: &str = "unknown";
/// In KiB, a GiB has so many.
const MIB: u64 = 1024 * 1024;
