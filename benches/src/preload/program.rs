//! The programs: **the one place that lists them**.

use std::path::Path;

/// A command that prints the same whatever it allocates with.
#[derive(Clone, Debug)]
pub struct Program {
    /// The name in tables and in JSON.
    pub name: String,
    /// The command, with a place for the share of the full work.
    command: Vec<String>,
}

/// The programs written for this comparison; each tells in its source what it
/// stands for. What follows a hyphen is its second argument.
const OWN: [&str; 22] = [
    "churn",
    "aging",
    "batches",
    "batches-threads",
    "trees",
    "trees-threads",
    "interpreter",
    "bignum",
    "containers",
    "containers-threads",
    "documents",
    "keystore",
    "buffers",
    "large",
    "zeroed",
    "aligned",
    "server",
    "exchange",
    "pipeline",
    "short_threads",
    "scratch",
    "starts",
];

/// Programs of the system: a name, what must be installed, and the command.
/// `FILES` stands for the folder with the scripts, `PERCENT` for the share of the
/// full work.
const SYSTEM: [(&str, &str, &[&str]); 6] = [
    ("python", "python3", &["/usr/bin/python3", "FILES/words.py", PERCENT]),
    (
        "python-malloc",
        "python3",
        &["env", "PYTHONMALLOC=malloc", "/usr/bin/python3", "FILES/words.py", PERCENT],
    ),
    ("perl", "perl", &["/usr/bin/perl", "FILES/words.pl", PERCENT]),
    (
        "sqlite",
        "sqlite3",
        &[
            "/usr/bin/sqlite3",
            ":memory:",
            "CREATE TABLE scale AS SELECT PERCENT AS percent",
            ".read FILES/tables.sql",
        ],
    ),
    ("g++", "g++", &["/usr/bin/g++", "-O1", "-c", "FILES/documents.cpp", "-o", "/dev/null"]),
    ("redis", "redis-server", &["sh", "FILES/redis.sh", PERCENT]),
];

const PERCENT: &str = "PERCENT";

/// Where the sources of the programs are, and where they have been compiled to.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/programs");
const COMPILED: &str = env!("PROGRAMS");

/// Returns our own programs, and those of the system that are installed.
pub fn programs() -> Vec<Program> {
    let installed = |needed: &str| Path::new("/usr/bin").join(needed).exists();
    let system = SYSTEM.iter().filter(|(_, needed, _)| installed(needed));
    OWN.into_iter()
        .map(own)
        .chain(system.map(|(name, _, command)| of_system(name, command)))
        .collect()
}

fn own(name: &str) -> Program {
    let (file, argument) = name.split_once('-').map_or((name, None), |(a, b)| (a, Some(b)));
    let words = [format!("{COMPILED}/{file}"), PERCENT.into()];
    let command = words.into_iter().chain(argument.map(String::from)).collect();
    Program { name: name.into(), command }
}

fn of_system(name: &str, command: &[&str]) -> Program {
    let command = command.iter().map(|word| word.replace("FILES", SOURCES)).collect();
    Program { name: name.into(), command }
}

impl Program {
    /// Returns the command for `percent` of the full work.
    pub(super) fn command(&self, percent: u32) -> Vec<String> {
        self.command.iter().map(|word| word.replace(PERCENT, &percent.to_string())).collect()
    }
}
