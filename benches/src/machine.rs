//! On what, with what and when a run was measured.

use core::fmt;
use std::{fs, process::Command, thread};

use serde::{Deserialize, Serialize};

/// The description of a machine, as far as it can be told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The day of the run.
    pub date: String,
    /// The processor's name, and how many of them there are.
    pub processors: String,
    /// The sizes of the second and third level of caches.
    pub caches: String,
    /// The memory's size.
    pub memory: String,
    /// The distribution and its kernel.
    pub system: String,
    /// When the kernel uses huge pages unasked.
    pub huge_pages: String,
    /// The compilers of Rust and of C.
    pub compilers: String,
}

impl Machine {
    /// Describes the machine that this runs on.
    pub fn this() -> Self {
        Self {
            date: said_by("date", &["+%F"]),
            processors: processors(),
            caches: format!("L2 {} and L3 {}", cache(2), cache(3)),
            memory: memory(),
            system: format!("{}, Linux {}", distribution(), kernel()),
            huge_pages: format!("huge pages {}", huge_pages()),
            compilers: format!(
                "{}, {}",
                said_by("rustc", &["--version"]),
                said_by("cc", &["--version"])
            ),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, processors, caches, memory, system, huge_pages, compilers } = self;
        writeln!(f, "{date}: {processors}, {caches}, {memory}")?;
        write!(f, "{system}, {huge_pages}; {compilers}")
    }
}

const UNKNOWN: &str = "unknown";

/// Returns the first line that a command prints.
fn said_by(command: &str, arguments: &[&str]) -> String {
    let output = Command::new(command).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.ok().and_then(|text| Some(text.lines().next()?.into())).unwrap_or(UNKNOWN.into())
}

/// Returns what follows `key` and `separator` in a file of such lines.
fn value_in(file: &str, key: &str, separator: char) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let mut pairs = text.lines().filter_map(|line| line.split_once(separator));
    pairs.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().into())
}

fn word(file: &str) -> Option<String> {
    fs::read_to_string(file).ok().map(|text| text.trim().into())
}

fn processors() -> String {
    let name = value_in("/proc/cpuinfo", "model name", ':').unwrap_or(UNKNOWN.into());
    let count = thread::available_parallelism().map_or(0, usize::from);
    format!("{count} processors {name}")
}

fn cache(level: u32) -> String {
    word(&format!("/sys/devices/system/cpu/cpu0/cache/index{level}/size")).unwrap_or(UNKNOWN.into())
}

fn memory() -> String {
    let total = value_in("/proc/meminfo", "MemTotal", ':');
    let kib = total.and_then(|total| total.trim_end_matches(" kB").parse::<f64>().ok());
    kib.map_or(UNKNOWN.into(), |kib| format!("{:.0} GiB", kib / (1 << 20) as f64))
}

fn distribution() -> String {
    let name = value_in("/etc/os-release", "PRETTY_NAME", '=').unwrap_or(UNKNOWN.into());
    name.trim_matches('"').into()
}

/// Returns the kernel's version, without what a distributor added to it.
fn kernel() -> String {
    let release = word("/proc/sys/kernel/osrelease").unwrap_or(UNKNOWN.into());
    release.split('-').next().unwrap_or(UNKNOWN).into()
}

fn huge_pages() -> String {
    let modes = word("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
    let chosen = modes.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    chosen.map_or(UNKNOWN, |(mode, _)| mode).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_key() {
        assert!(value_in("/proc/meminfo", "MemTotal", ':').is_some());
        assert_eq!(value_in("/proc/meminfo", "Mem", ':'), None);
        assert_eq!(value_in("/nowhere", "MemTotal", ':'), None);
    }

    #[test]
    fn what_cannot_be_told_is_unknown() {
        assert_eq!(said_by("/nowhere", &[]), UNKNOWN);
    }
}
