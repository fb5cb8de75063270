//! Rounds in which all processes die at once, and the heap's file is opened again.

use std::time::Duration;

use super::life::Life;
use super::process::wait_until;
use super::round::Round;

/// How often a heap is opened again.
const BOOTS: usize = 6;

/// Most steps of all processes before they die.
const STEPS: usize = 4000;

/// How long to wait for these, at most.
const LIFE: Duration = Duration::from_millis(200);

/// Kills as many processes, all of the heap each time.
pub(super) fn run(round: &mut Round<'_>, kills: usize) {
    for _ in 0..BOOTS {
        let count = round.scene.processes().min(kills - round.outcome.kills);
        if count == 0 || round.failed() {
            return;
        }
        (0..count).for_each(|lane| round.start(lane, Life::Whole));
        round.close();
        live(round);
        round.company.kill_all();
        while round.company.len() > 0 {
            match round.company.news() {
                Some((lane, event)) => round.note(lane, event),
                None => round.company.watch(),
            }
        }
        round.outcome.reboots += 1;
        round.open();
        if round.failed() {
            return;
        }
        (0..count).for_each(|lane| round.adopt(lane));
        // Else those who come next recover.
        if round.random.below(2) == 0 {
            round.verify();
        }
    }
}

/// Waits for a random moment.
fn live(round: &mut Round<'_>) {
    let lanes = 0..round.scene.processes();
    let steps = |round: &Round<'_>| -> usize {
        round.company.progress(lanes.clone()).iter().map(|lane| lane.steps).sum()
    };
    let until = steps(round) + round.random.below(STEPS);
    wait_until(LIFE, || steps(round) >= until);
}
