//! Rounds in which victims are stopped at random, and all others must get on.
//!
//! A victim stays stopped until each peer has made some steps, had some blocks and
//! recovered the heap. Then it goes on, or is killed in that state.

use super::company::PATIENCE;
use super::failures::Kind;
use super::lane::Progress;
use super::life::Life;
use super::process::Event;
use super::round::Round;

use std::time::Instant;

/// What each peer must do while a victim is stopped.
const ENOUGH: Progress = Progress { steps: 100, blocks: 10, recoveries: 1 };

/// A victim that is stopped.
#[derive(Debug)]
struct Standstill {
    lane: usize,
    /// How far the peers were then.
    before: Vec<Progress>,
    since: Instant,
}

/// Stops victims as often; kills so many of them at most.
pub(super) fn run(round: &mut Round<'_>, stops: usize, kills: usize) {
    let victims = round.start_peers();
    let peers = 0..victims.start;
    victims.for_each(|lane| round.start(lane, Life::Stopped));
    let mut stopped: Vec<Standstill> = Vec::new();
    let mut spared = if round.scene.mercy { 0 } else { kills };
    while (round.outcome.stops < stops || !stopped.is_empty()) && !round.failed() {
        match round.company.news() {
            Some((lane, event)) => {
                round.note(lane, event);
                if event == Event::Stopped {
                    let before = round.company.progress(peers.clone());
                    stopped.push(Standstill { lane, before, since: Instant::now() });
                } else if event == Event::Killed {
                    round.start(lane, Life::Stopped);
                }
            }
            None => round.company.watch(),
        }
        let now = round.company.progress(peers.clone());
        stopped.retain(|standstill| {
            let done =
                standstill.before.iter().zip(&now).all(|(before, now)| is_enough(before, now));
            if done && spared > 0 {
                spared -= 1;
                round.company.kill(standstill.lane);
            } else if done {
                round.company.resume(standstill.lane);
            } else if standstill.since.elapsed() > PATIENCE {
                let text = format_args!(
                    "while process {} was stopped, the others only got from {:?} to {now:?}",
                    standstill.lane, standstill.before
                );
                round.board.failures.note(Kind::Hang, text);
            }
            !done
        });
    }
}

fn is_enough(before: &Progress, now: &Progress) -> bool {
    now.steps >= before.steps + ENOUGH.steps
        && now.blocks >= before.blocks + ENOUGH.blocks
        && now.recoveries >= before.recoveries + ENOUGH.recoveries
}
