//! Lets processes die after every instruction of what heaps do; see
//! `anymem_tests::sweep`.
//!
//! ```sh
//! cargo run --release -p anymem-tests --bin sweep -- [--only OP] [--every N]
//!     [--step N] [--heirs N] [--kill]
//! ```
//!
//! | argument | meaning |
//! |---|---|
//! | `--only OP` | this operation, not all |
//! | `--every N` | one death in N |
//! | `--step N` | the one after N instructions |
//! | `--heirs N` | of one in N of these, the death of who recovers is swept too |
//! | `--kill` | by SIGKILL, each a new victim; slow |
//!
//! Says a line for each operation, and one for each failure. Ends with 1 if there
//! is one.

use std::process::ExitCode;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(count) => {
            eprintln!("{count} failures");
            ExitCode::FAILURE
        }
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn main() -> ExitCode {
    eprintln!("NOT RUN: deaths can be swept on Linux on x86-64 and aarch64 only");
    ExitCode::FAILURE
}

/// Sweeps what the arguments ask for; how many failures there were.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn run(arguments: impl Iterator<Item = String>) -> Result<usize, String> {
    use anymem_tests::sweep::{
        CONTAINER_OPERATIONS, LOCK_OPERATIONS, NAMED_OPERATIONS, OPERATIONS, ORDERED_OPERATIONS,
        SEQUENCE_OPERATIONS, sweep, sweep_container, sweep_lock, sweep_named,
    };

    let (only, plan) = read(arguments)?;
    let wanted = |name: &&str| only.as_ref().is_none_or(|only| only == name);
    println!("operation               instructions  points  deaths  lost  failures");
    let mut failures = 0;
    for operation in OPERATIONS.iter().filter(|it| wanted(&it.name)) {
        failures += tell(operation.name, &sweep(operation, &plan));
    }
    for operation in
        CONTAINER_OPERATIONS.iter().chain(ORDERED_OPERATIONS).filter(|it| wanted(&it.name))
    {
        failures += tell(operation.name, &sweep_container(operation, &plan));
    }
    for operation in SEQUENCE_OPERATIONS.iter().filter(|it| wanted(&it.name)) {
        failures += tell(operation.name, &sweep_container(operation, &plan));
    }
    for operation in NAMED_OPERATIONS.iter().filter(|it| wanted(&it.name)) {
        failures += tell(operation.name, &sweep_named(operation, &plan));
    }
    for operation in LOCK_OPERATIONS.iter().filter(|it| wanted(&it.name)) {
        failures += tell(operation.name, &sweep_lock(operation, &plan));
    }
    Ok(failures)
}

/// Says what was found; how many failures there were.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn tell(name: &str, found: &anymem_tests::sweep::Found) -> usize {
    let (failures, lost) = (found.failures.len(), found.lost);
    let anymem_tests::sweep::Found { instructions, points, deaths, .. } = found;
    println!("{name:<22}  {instructions:>12}  {points:>6}  {deaths:>6}  {lost:>4}  {failures:>8}",);
    found.failures.iter().for_each(|failure| println!("  {failure}"));
    failures
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn read(
    mut arguments: impl Iterator<Item = String>,
) -> Result<(Option<String>, anymem_tests::sweep::Plan), String> {
    use anymem_tests::sweep::{
        CONTAINER_OPERATIONS, Death, LOCK_OPERATIONS, NAMED_OPERATIONS, OPERATIONS,
        ORDERED_OPERATIONS, Plan, SEQUENCE_OPERATIONS,
    };

    let (mut only, mut plan) = (None, Plan::ALL);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        let number =
            |text: String| text.parse::<usize>().map_err(|_| format!("{text} is no number"));
        match argument.as_str() {
            "--only" => only = Some(value()?),
            "--every" => plan.every = number(value()?)?.max(1),
            "--heirs" => plan.heirs = number(value()?)?,
            "--step" => plan.step = Some(number(value()?)?),
            "--kill" => plan.death = Death::Killed,
            _ => return Err(format!("no such argument: {argument}")),
        }
    }
    let names = OPERATIONS.iter().map(|it| it.name);
    let names =
        names.chain(CONTAINER_OPERATIONS.iter().chain(ORDERED_OPERATIONS).map(|it| it.name));
    let names = names.chain(SEQUENCE_OPERATIONS.iter().map(|it| it.name));
    let names = names.chain(LOCK_OPERATIONS.iter().map(|it| it.name));
    let mut names = names.chain(NAMED_OPERATIONS.iter().map(|it| it.name));
    let mut known = |name: &String| names.any(|it| it == name);
    match only {
        Some(name) if !known(&name) => Err(format!("no such operation: {name}")),
        only => Ok((only, plan)),
    }
}
