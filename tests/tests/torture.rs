//! Deaths at random: the short form of the program `torture`.
//!
//! It runs as a program of its own, for it forks, which a process of many threads
//! had better not do.
#![cfg(target_os = "linux")]

use std::process::{Command, Output};

fn torture(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_torture"));
    command.args(arguments).output().expect("the program runs")
}

/// Runs it, and looks at its last line.
#[track_caller]
fn survives(kills: usize, arguments: &[&str]) {
    let count = kills.to_string();
    let all = [&["--kills", &count], arguments].concat();
    let output = torture(&all);
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().last().unwrap_or_default();
    let good = format!("torture=ok kills={kills} hangs=0 overlaps=0 corrupt=0 lost_blocks=");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && last.starts_with(&good), "{said}\n{errors}");
}

#[test]
fn random_deaths_are_survived() {
    survives(1000, &["--stops", "100"]);
}

#[test]
fn seeds_can_be_given() {
    survives(100, &["--only", "ample", "--seed", "7"]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    for arguments in [&["--kills", "many"][..], &["--only", "all"], &["--victims", "0"], &["--?"]] {
        let output = torture(arguments);
        assert!(!output.status.success() && !output.stderr.is_empty(), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_names_every_argument() {
    let output = torture(&["--help"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    for argument in ["kills", "stops", "seed", "victims", "peers", "only", "round", "quiet"] {
        assert!(said.contains(&format!("--{argument}")), "{argument} is missing");
    }
}
