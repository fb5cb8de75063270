//! Samples of a job: for how long, how often.
//!
//! All contestants are calibrated first, which also warms them up: each gets the number
//! of operations that fills a sample's time. Then they take turns. Who fails ends the run,
//! unless it is another's program that can be left out.

use core::time::Duration;

use crate::{
    Role,
    process::{Figure, Plan, Row},
    sampling::{Samples, turns},
};

/// Somebody who does a job.
pub(crate) struct Sampled<'a> {
    pub(crate) name: String,
    pub(crate) role: Role,
    /// Does so many operations; the nanoseconds that one took.
    pub(crate) sample: Box<dyn FnMut(u64) -> Result<f64, String> + 'a>,
}

/// A contestant that has not failed yet.
struct Able<'a> {
    who: Sampled<'a>,
    /// Of each sample.
    operations: u64,
    taken: Vec<f64>,
}

impl Able<'_> {
    fn take_sample(&mut self) -> Result<(), String> {
        self.taken.push((self.who.sample)(self.operations)?);
        Ok(())
    }

    fn figure(self) -> Figure {
        let samples = Samples::new(self.taken);
        Figure {
            name: self.who.name,
            role: self.who.role,
            median: samples.median(),
            fastest: samples.least(),
            slowest: samples.greatest(),
        }
    }
}

/// Measures `contestants` on `job`, of which a sample has `least` operations or more.
///
/// # Errors
///
/// A contestant failed, which it has told.
///
/// # Panics
///
/// Panics if the plan has no rounds.
pub(crate) fn measure(
    job: String,
    least: u64,
    contestants: Vec<Sampled<'_>>,
    plan: Plan,
) -> Result<Row, String> {
    take_turns(job, least, contestants, plan, |_, why| Err(why))
}

/// As [`measure`], but goes on without peers that fail, which are then among `skipped`.
///
/// # Errors
///
/// A contestant failed that is no peer, which it has told.
///
/// # Panics
///
/// Panics if the plan has no rounds.
pub(crate) fn measure_able(
    job: String,
    least: u64,
    contestants: Vec<Sampled<'_>>,
    plan: Plan,
    skipped: &mut Vec<String>,
) -> Result<Row, String> {
    take_turns(job, least, contestants, plan, |role, why| leave_out(role, why, skipped))
}

/// Notes that somebody failed.
///
/// # Errors
///
/// It is no peer.
pub(crate) fn leave_out(role: Role, why: String, skipped: &mut Vec<String>) -> Result<(), String> {
    if role != Role::Peer {
        return Err(why);
    }
    skipped.push(why);
    Ok(())
}

/// Samples all, with `failed` called for each that fails, which has no more turns then.
fn take_turns(
    job: String,
    least: u64,
    contestants: Vec<Sampled<'_>>,
    plan: Plan,
    mut failed: impl FnMut(Role, String) -> Result<(), String>,
) -> Result<Row, String> {
    assert!(plan.rounds > 0, "a plan needs at least one round");
    let mut able = Vec::with_capacity(contestants.len());
    for mut who in contestants {
        match calibrate(&mut who, plan.sample, least) {
            Ok(operations) => {
                let taken = Vec::with_capacity(plan.rounds);
                able.push(Some(Able { who, operations, taken }));
            }
            Err(why) => failed(who.role, why)?,
        }
    }
    for index in turns(plan.rounds, able.len()) {
        let Some(it) = &mut able[index] else { continue };
        if let Err(why) = it.take_sample() {
            failed(it.who.role, why)?;
            able[index] = None;
        }
    }
    Ok(Row { workload: job, contestants: able.into_iter().flatten().map(Able::figure).collect() })
}

/// Returns the number of operations that take `contestant` about `time`.
///
/// The first sample meets a cold contestant and only tells how long the second may be.
fn calibrate(contestant: &mut Sampled<'_>, time: Duration, least: u64) -> Result<u64, String> {
    let guess = scaled((contestant.sample)(least)?, time / 4, least);
    Ok(scaled((contestant.sample)(guess)?, time, least))
}

fn scaled(nanoseconds: f64, time: Duration, least: u64) -> u64 {
    ((time.as_secs_f64() * 1e9 / nanoseconds) as u64).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a nanosecond for each operation, and fails in the sample of that number.
    fn contestant(name: &str, role: Role, fails: usize) -> Sampled<'_> {
        let mut samples = 0;
        let sample = move |_| {
            samples += 1;
            if samples == fails { Err(format!("{name} failed")) } else { Ok(1.0) }
        };
        Sampled { name: name.into(), role, sample: Box::new(sample) }
    }

    #[test]
    fn peers_that_fail_are_left_out() {
        // The first two samples calibrate.
        let contestants = vec![
            contestant("cold", Role::Peer, 1),
            contestant("ours", Role::Shared, 0),
            contestant("late", Role::Peer, 3),
            contestant("other", Role::Peer, 0),
        ];
        let mut skipped = Vec::new();
        let row = measure_able("job".into(), 1, contestants, Plan::QUICK, &mut skipped).unwrap();
        let measured: Vec<_> = row.contestants.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(measured, ["ours", "other"]);
        assert_eq!(skipped, ["cold failed", "late failed"]);
    }

    #[test]
    fn who_fails_otherwise_ends_the_run() {
        for (role, fails) in [(Role::Shared, 1), (Role::Private, 3), (Role::Limit, 2)] {
            let (who, mut skipped) = (contestant("ours", role, fails), Vec::new());
            let row = measure_able("job".into(), 1, vec![who], Plan::QUICK, &mut skipped);
            assert_eq!((row.unwrap_err().as_str(), skipped), ("ours failed", Vec::new()));
        }
        let peer = contestant("peer", Role::Peer, 3);
        assert!(measure("job".into(), 1, vec![peer], Plan::QUICK).is_err());
    }

    #[test]
    fn a_sample_never_has_fewer_operations_than_the_job_needs() {
        assert_eq!(scaled(1e6, Duration::from_millis(1), 100), 100);
        assert_eq!(scaled(10.0, Duration::from_millis(1), 100), 100_000);
    }
}
