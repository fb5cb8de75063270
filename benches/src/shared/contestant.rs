//! Who does which job, and by which program.

use std::{env, io, process::Command};

use super::{
    boost::Boost,
    job::{Job, Waiting},
};
use crate::Role;

/// Somebody who does jobs in processes of its own.
#[derive(Clone, Debug)]
pub struct Contestant {
    /// Its name.
    pub name: &'static str,
    /// What its figures are used for.
    pub role: Role,
    /// The program, and the argument that comes first.
    program: (String, &'static str),
    does: fn(Job) -> bool,
}

/// Returns ours and the peers; Boost.Interprocess only if it is there.
///
/// # Errors
///
/// The path of this program, which all but Boost run in, is not known.
pub fn contestants(boost: Option<&Boost>) -> io::Result<Vec<Contestant>> {
    let own = env::current_exe()?.display().to_string();
    let ours =
        |name, role, does| Contestant { name, role, program: (own.clone(), "shared-worker"), does };
    let mut all = vec![ours("anymem", Role::Shared, |_| true)];
    all.extend(boost.into_iter().flat_map(|boost| {
        let of = |name, container, does| Contestant {
            name,
            role: Role::Peer,
            program: (boost.program(), container),
            does,
        };
        [
            of("boost", "map", |job| matches!(job, Job::Pair(_) | Job::Map(_))),
            of("boost-unordered", "unordered", |job| matches!(job, Job::Map(_))),
        ]
    }));
    all.push(ours("hashbrown", Role::Peer, |job| job == Job::Find));
    let vec = |job| matches!(job, Job::VecPush | Job::VecPushOpened | Job::VecIterate);
    all.push(ours("std", Role::Peer, vec));
    let polling = |job| job == Job::RoundTrip(Waiting::Polling);
    all.push(ours("iceoryx2", Role::Peer, polling));
    all.push(ours("cache-line", Role::Limit, polling));
    Ok(all)
}

impl Contestant {
    /// Whether it can do `job`.
    pub(super) fn does(&self, job: Job) -> bool {
        (self.does)(job)
    }

    /// Returns the command for the process number `number` that does `job` in the
    /// segment `segment`.
    pub(super) fn command(&self, job: Job, segment: &str, number: usize) -> Command {
        let mut command = Command::new(&self.program.0);
        command.arg(self.program.1).args([self.name, job.name(), segment, &number.to_string()]);
        command
    }
}
