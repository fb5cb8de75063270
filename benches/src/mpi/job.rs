//! What ranks are made to do.

use core::fmt;

use super::library::Flavour;
use crate::Role;

/// What two ranks do, with which library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// The library.
    pub flavour: Flavour,
    /// What they do.
    pub task: Task,
}

/// What one rank gets of the 64 MiB that the other has, in pages of 4 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// One page.
    Get,
    /// 4096 pages at random places, a quarter of them.
    Scattered,
    /// All.
    Bulk,
    /// What is needed to have all, after a quarter of the pages was written.
    Dirty,
}

/// Somebody who does it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contestant {
    pub(super) name: &'static str,
    pub(super) role: Role,
    does: &'static [Task],
}

/// What our figures stand under, one-sided as those of [`RAW`].
pub(super) const OURS: &str = "anymem";

/// What stands under the name of calls of the library, in a loop.
pub(super) const RAW: &str = "raw";

/// What stands under the name of pages that are put together and sent.
pub(super) const PACK: &str = "pack";

/// All who take part.
pub(super) const CONTESTANTS: [Contestant; 5] = [
    Contestant { name: OURS, role: Role::Private, does: &Task::ALL },
    Contestant { name: "anymem-shared", role: Role::Shared, does: &Task::ALL },
    Contestant { name: RAW, role: Role::Peer, does: &Task::ALL },
    Contestant { name: PACK, role: Role::Peer, does: &[Task::Scattered] },
    Contestant { name: "memcpy", role: Role::Limit, does: &[Task::Bulk] },
];

impl Contestant {
    pub(super) fn does(&self, task: Task) -> bool {
        self.does.contains(&task)
    }
}

impl Job {
    /// Returns all of them, in the order of the table's rows.
    pub fn all() -> Vec<Self> {
        let jobs = |flavour| Task::ALL.map(|task| Self { flavour, task });
        Flavour::ALL.into_iter().flat_map(jobs).collect()
    }
}

impl Task {
    /// All of them, in the order of the table's rows.
    pub const ALL: [Self; 4] = [Self::Get, Self::Scattered, Self::Bulk, Self::Dirty];

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Scattered => "scattered",
            Self::Bulk => "bulk",
            Self::Dirty => "dirty",
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.flavour, self.task.name())
    }
}
