//! A run: rounds of all kinds, and what they come to.

use std::fmt;

use super::board::{Board, LANES};
use super::common::Common;
use super::failures::Kind;
use super::process;
use super::round::{Outcome, Round};
use super::scene::{Scene, Setting};
use super::{kills, reboots, stops};
use crate::Random;

/// Kills of a round.
const KILLS: usize = 250;

/// Stops of a round.
const STOPS: usize = 60;

/// The order of the rounds.
const PROGRAMME: [Setting; 9] = [
    Setting::Ample,
    Setting::Tight,
    Setting::Crowded,
    Setting::Reboot,
    Setting::Linked,
    Setting::Ample,
    Setting::Tight,
    Setting::Stopped,
    Setting::Ample,
];

/// What a run is to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many processes are killed.
    pub kills: usize,
    /// How often one is stopped.
    pub stops: usize,
    /// What all random numbers come from.
    pub seed: u64,
    /// Processes at a time that die.
    pub victims: usize,
    /// Processes at a time that live on.
    pub peers: usize,
    /// Rounds of this kind only.
    pub only: Option<Setting>,
    /// The round with this number only.
    pub round: Option<usize>,
}

impl Plan {
    /// Most processes at a time.
    pub const MOST: usize = LANES;

    fn setting(&self, round: usize) -> Setting {
        self.only.unwrap_or(PROGRAMME[round % PROGRAMME.len()])
    }
}

/// What rounds of one kind came to.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    rounds: usize,
    outcome: Outcome,
}

impl Sum {
    fn add(&mut self, one: &Outcome) {
        self.rounds += 1;
        let sum = &mut self.outcome;
        sum.kills += one.kills;
        sum.stops += one.stops;
        sum.reboots += one.reboots;
        sum.steps += one.steps;
        sum.recoveries += one.recoveries;
        sum.bound += one.bound;
        sum.left.lost += one.left.lost;
        sum.left.unfreed += one.left.unfreed;
        sum.left.slabs += one.left.slabs;
    }
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Verdict {
    sums: [Sum; Setting::ALL.len()],
    all: Sum,
    counts: [usize; 4],
    /// What does not hold, in words.
    pub failures: Vec<String>,
}

impl Verdict {
    /// Whether all holds.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.counts == [0; 4]
    }

    fn add(&mut self, setting: Setting, outcome: &Outcome) {
        self.sums[setting as usize].add(outcome);
        self.all.add(outcome);
    }

    /// What the rounds of each kind came to, a line each.
    #[must_use]
    pub fn table(&self) -> Vec<String> {
        let heading = "setting  rounds    kills  stops  reboots       steps  recoveries    lost   bound  unfreed  slabs";
        let line = |(setting, sum): (Setting, &Sum)| {
            let Outcome { kills, stops, reboots, steps, recoveries, bound, left } = sum.outcome;
            format!(
                "{:<7}  {:>6}  {kills:>7}  {stops:>5}  {reboots:>7}  {steps:>10}  {recoveries:>10}  {:>6}  {bound:>6}  {:>7}  {:>5}",
                setting.name(),
                sum.rounds,
                left.lost,
                left.unfreed,
                left.slabs
            )
        };
        let used = Setting::ALL.into_iter().zip(&self.sums).filter(|(_, sum)| sum.rounds > 0);
        std::iter::once(heading.to_owned()).chain(used.map(line)).collect()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let result = if self.is_good() { "ok" } else { "failed" };
        let [hangs, overlaps, corrupt, _] = self.counts;
        let Outcome { kills, left, bound, .. } = self.all.outcome;
        write!(
            f,
            "torture={result} kills={kills} hangs={hangs} overlaps={overlaps} corrupt={corrupt} \
             lost_blocks={} bound={bound}",
            left.lost
        )
    }
}

/// Runs rounds until there were as many kills and stops, or something does not
/// hold. Tells of each round.
///
/// # Panics
///
/// No heap can be made, or no process.
pub fn torture(plan: &Plan, tell: &mut dyn FnMut(&str)) -> Verdict {
    process::expect_news();
    process::tell_place_on_quit();
    // SAFETY: zero bytes are a board, and all of it is atomics but for the models,
    // which say who may change them.
    let board: Common<Board> = unsafe { Common::zeroed() };
    let mut verdict = Verdict::default();
    let mut seeds = Random::new(plan.seed);
    for number in 0.. {
        let seed = seeds.bits();
        if plan.round.is_some_and(|round| round != number) {
            continue;
        }
        let setting = plan.setting(number);
        if has_enough(plan, setting, &verdict.all.outcome) {
            continue;
        }
        let scene = Scene::draw(setting, seed, plan.peers, plan.victims);
        let done = verdict.all.outcome;
        let (kills, stops) = (plan.kills - done.kills, plan.stops.saturating_sub(done.stops));
        let outcome = play(&board, scene, kills, stops);
        verdict.add(setting, &outcome);
        tell(&format!("round {number} {}: {outcome:?}", setting.name()));
        if board.failures.any() {
            let texts = board.failures.texts();
            verdict.failures =
                texts.iter().map(|text| format!("round {number}, {scene:?}: {text}")).collect();
            break;
        }
        if plan.round.is_some() || is_done(plan, &verdict.all.outcome) {
            break;
        }
    }
    verdict.counts = [Kind::Hang, Kind::Overlap, Kind::Corrupt, Kind::Lost]
        .map(|kind| board.failures.count(kind));
    verdict
}

fn is_done(plan: &Plan, done: &Outcome) -> bool {
    let (killed, stopped) = (done.kills >= plan.kills, done.stops >= plan.stops);
    match plan.only {
        None => killed && stopped,
        Some(Setting::Stopped) => stopped,
        Some(_) => killed,
    }
}

/// Whether a round of that kind would have nothing to do.
fn has_enough(plan: &Plan, setting: Setting, done: &Outcome) -> bool {
    match setting {
        Setting::Stopped => done.stops >= plan.stops,
        _ => done.kills >= plan.kills,
    }
}

/// Plays a round, of so many kills and stops at most.
fn play(board: &Board, scene: Scene, kills: usize, stops: usize) -> Outcome {
    let mut round = Round::new(board, scene).expect("a heap");
    match scene.setting {
        Setting::Stopped => stops::run(&mut round, stops.min(STOPS), kills),
        Setting::Reboot => reboots::run(&mut round, kills),
        _ => kills::run(&mut round, kills.min(KILLS)),
    }
    round.finish()
}
