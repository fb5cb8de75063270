//! What allocators of frames are made to do.

use core::fmt;

/// What allocators of frames are made to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// How frames come and go.
    pub shape: Shape,
    /// How many at once.
    pub size: Size,
    /// Who asks for them.
    pub team: Team,
}

/// How frames come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One is taken and freed, again and again.
    Repeat,
    /// 16 MiB are taken, and then freed in the same order.
    Bulk,
    /// 16 MiB are taken, and then freed in random order.
    Random,
}

/// How many frames are taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// A frame of 4 KiB.
    Base,
    /// A huge one, of 2 MiB.
    Huge,
}

/// Who does a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Team {
    /// One thread.
    One,
    /// Two threads at the same time, each for itself.
    Two,
}

impl Size {
    /// The order of what is taken.
    pub const fn order(self) -> u32 {
        match self {
            Self::Base => 0,
            Self::Huge => 9,
        }
    }
}

impl Team {
    /// How many threads that are.
    pub const fn threads(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

impl Job {
    /// Returns all of them, in the order of the table's rows.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for team in [Team::One, Team::Two] {
            for size in [Size::Base, Size::Huge] {
                let shapes = [Shape::Repeat, Shape::Bulk, Shape::Random];
                all.extend(shapes.map(|shape| Self { shape, size, team }));
            }
        }
        all
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = match self.shape {
            Shape::Repeat => "repeat",
            Shape::Bulk => "bulk",
            Shape::Random => "random",
        };
        let size = match self.size {
            Size::Base => "4-KiB",
            Size::Huge => "2-MiB",
        };
        let team = match self.team {
            Team::One => "1-thread",
            Team::Two => "2-threads",
        };
        write!(f, "{shape}/{size}/{team}")
    }
}
