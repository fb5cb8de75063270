//! Lets processes die at random that share a heap with others; see
//! `anymem_tests::torture`.
//!
//! ```sh
//! cargo run --release -p anymem-tests --bin torture -- [--kills N] [--seed S]
//! ```

use std::fmt::Display;
use std::process::ExitCode;

#[cfg(target_os = "linux")]
use anymem_tests::torture::{Plan, Setting, torture};

const HELP: &str = "\
Kills processes at random that share a heap with others which live on, and looks
whether anything hangs, overlaps, is damaged or is lost. Linux only.

  --kills N     processes that are killed (2000)
  --stops N     how often one is stopped, and the others must get on (kills / 20)
  --seed S      what all random numbers come from (by lot)
  --victims N   processes at a time that die (4)
  --peers N     processes at a time that live on (2)
  --only KIND   rounds of one kind: ample, tight, crowded, stopped, reboot,
                linked
  --round N     the round of this number alone, as a failure names it
  --quiet       no line for each round

Rounds go to stderr. What they came to, each failure, and a last line go to stdout:
  torture=ok kills=N hangs=0 overlaps=0 corrupt=0 lost_blocks=L bound=B
It ends with 1 if it is not ok.
";

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    fail("NOT RUN: it needs timers and signals of Linux")
}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let (plan, quiet) = match read(std::env::args().skip(1)) {
        Ok(Some(read)) => read,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(text) => return fail(text),
    };
    eprintln!("seed {}", plan.seed);
    let verdict = torture(&plan, &mut |line| {
        if !quiet {
            eprintln!("{line}");
        }
    });
    verdict.table().iter().for_each(|line| println!("{line}"));
    verdict.failures.iter().for_each(|failure| println!("{failure}"));
    if !verdict.is_good() {
        println!("to repeat: --seed {}, and the other arguments as they are", plan.seed);
    }
    println!("{verdict}");
    if verdict.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn fail(text: impl Display) -> ExitCode {
    eprintln!("{text}");
    ExitCode::FAILURE
}

/// What the arguments ask for, and whether rounds are not to be told of; `None` if
/// they ask for help.
#[cfg(target_os = "linux")]
fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<(Plan, bool)>, String> {
    let seed = u64::from(std::process::id()) ^ seconds() << 22;
    let (mut plan, mut stops, mut quiet) = (
        Plan { kills: 2000, stops: 0, seed, victims: 4, peers: 2, only: None, round: None },
        None,
        false,
    );
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--help" | "-h" => return Ok(None),
            "--quiet" => quiet = true,
            "--kills" => plan.kills = number(&value()?)?,
            "--stops" => stops = Some(number(&value()?)?),
            "--seed" => plan.seed = value()?.parse().map_err(|_| "a seed is a number")?,
            "--victims" => plan.victims = number(&value()?)?,
            "--peers" => plan.peers = number(&value()?)?,
            "--only" => plan.only = Some(setting(&value()?)?),
            "--round" => plan.round = Some(number(&value()?)?),
            _ => return Err(format!("no such argument: {argument}; see --help")),
        }
    }
    if plan.victims == 0 || plan.peers == 0 || plan.victims + plan.peers > Plan::MOST {
        return Err(format!("there are victims and peers, {} processes at most", Plan::MOST));
    }
    plan.stops = stops.unwrap_or(plan.kills / 20);
    Ok(Some((plan, quiet)))
}

#[cfg(target_os = "linux")]
fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("{text} is no number"))
}

#[cfg(target_os = "linux")]
fn setting(name: &str) -> Result<Setting, String> {
    let found = Setting::ALL.into_iter().find(|setting| setting.name() == name);
    found.ok_or_else(|| format!("no such kind: {name}; see --help"))
}

#[cfg(target_os = "linux")]
fn seconds() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |time| time.as_secs())
}
