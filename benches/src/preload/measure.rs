//! Samples of programs: how often, how much work.

use core::time::Duration;

use super::{
    launch::{Sample, launch},
    library::{GLIBC_FILE, Library},
    plan::Plan,
    program::Program,
    run::{Figure, Outcome, Row, Spread, Took},
};
use crate::sampling::{Samples, turns};

/// A program that has taken this long hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// Measures `program` on all `libraries`.
///
/// # Errors
///
/// Says why the program does not run with glibc.
///
/// # Panics
///
/// Panics if the plan has no rounds.
pub fn measure(program: &Program, libraries: &[Library], plan: Plan) -> Result<Row, String> {
    assert!(plan.rounds > 0, "a plan needs at least one round");
    let command = program.command(plan.percent);
    // Not a sample: it also brings the files into memory.
    let (_, expected) = launch(GLIBC_FILE.as_ref(), &command, LIMIT)?;
    let mut taken: Vec<Result<Vec<Sample>, String>> = vec![Ok(Vec::new()); libraries.len()];
    for index in turns(plan.rounds, libraries.len()) {
        let Ok(samples) = &mut taken[index] else { continue };
        match sample(&libraries[index], &command, &expected) {
            Ok(sample) => samples.push(sample),
            Err(failure) => taken[index] = Err(failure),
        }
    }
    let figures = libraries.iter().zip(&taken).map(|(library, taken)| Figure {
        name: library.name.clone(),
        role: library.role,
        outcome: outcome(taken),
    });
    Ok(Row { program: program.name.clone(), libraries: figures.collect() })
}

fn sample(library: &Library, command: &[String], expected: &[u8]) -> Result<Sample, String> {
    let (sample, printed) = launch(&library.path, command, LIMIT)?;
    if printed != expected {
        let (printed, expected) = (lossy(&printed), lossy(expected));
        return Err(format!("printed {printed:?} instead of {expected:?}"));
    }
    Ok(sample)
}

/// Returns the beginning of what was printed.
fn lossy(printed: &[u8]) -> String {
    String::from_utf8_lossy(printed).chars().take(200).collect()
}

fn outcome(taken: &Result<Vec<Sample>, String>) -> Outcome {
    match taken {
        Ok(samples) => Outcome::Took(Took {
            wall_ms: spread(samples, |sample| sample.wall_ms),
            cpu_ms: spread(samples, |sample| sample.cpu_ms),
            peak_mib: spread(samples, |sample| sample.peak_mib),
        }),
        Err(failure) => Outcome::Failed(failure.clone()),
    }
}

fn spread(samples: &[Sample], quantity: impl Fn(&Sample) -> f64) -> Spread {
    let samples = Samples::new(samples.iter().map(quantity).collect());
    Spread { median: samples.median(), least: samples.least(), greatest: samples.greatest() }
}
