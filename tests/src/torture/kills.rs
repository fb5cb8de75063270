//! Rounds in which victims die at random, each beside others that live.

use super::life::Life;
use super::process::Event;
use super::round::Round;

/// Lets so many victims die.
pub(super) fn run(round: &mut Round<'_>, kills: usize) {
    let victims = round.start_peers();
    let mut started = 0;
    for lane in victims.clone().take(kills) {
        round.start(lane, Life::Killed);
        started += 1;
    }
    while round.outcome.kills < kills && !round.failed() {
        let Some((lane, event)) = round.company.news() else {
            round.company.watch();
            continue;
        };
        round.note(lane, event);
        if event == Event::Killed && started < kills {
            round.start(lane, Life::Killed);
            started += 1;
        }
    }
}
