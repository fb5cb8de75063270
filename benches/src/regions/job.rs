//! What regions are made to do.

use core::fmt;

/// What regions are made to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Brings 64 MiB up to date, all of which are stale.
    Full,
    /// The same where nothing is stale.
    Clean,
    /// The same where some pages are.
    Dirty(Share, Draw),
    /// Copies stale pages that are all there are, so few that the caches hold them.
    Pages(Lie),
    /// Reads an element.
    Element(Home),
    /// Writes to a page for the first time since its changes were taken.
    FirstWrite,
    /// Sees what the owners of parts wrote, as one slice.
    View(Part),
}

/// How many pages of a hundred are stale, at random places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(pub usize);

/// Which pages are written before each update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// The same ones: what a program works on, and the caches may have.
    Same,
    /// Others each time.
    New,
}

/// How stale pages lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// All in one run.
    Together,
    /// Each is a run of its own.
    Apart,
}

/// Where an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// In a slice of a memory.
    Slice,
    /// In a region, whose pages are pinned.
    Region,
}

/// What one owner has next to what another has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// 64 KiB.
    Small,
    /// 2 MiB.
    Large,
}

impl Share {
    /// Those that are measured.
    pub const ALL: [Self; 3] = [Self(1), Self(10), Self(25)];
}

impl Part {
    /// Bytes of it.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Small => 64 << 10,
            Self::Large => 2 << 20,
        }
    }
}

impl Job {
    /// Returns all of them, in the order of the table's rows.
    pub fn all() -> Vec<Self> {
        let dirty =
            Share::ALL.map(|share| [Draw::Same, Draw::New].map(|it| Self::Dirty(share, it)));
        let mut all = vec![Self::Full, Self::Clean];
        all.extend(dirty.into_iter().flatten());
        all.extend([Lie::Together, Lie::Apart].map(Self::Pages));
        all.extend([Home::Slice, Home::Region].map(Self::Element));
        all.push(Self::FirstWrite);
        all.extend([Part::Small, Part::Large].map(Self::View));
        all
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("full"),
            Self::Clean => f.write_str("clean"),
            Self::Dirty(Share(share), Draw::Same) => write!(f, "dirty/{share}%"),
            Self::Dirty(Share(share), Draw::New) => write!(f, "dirty/{share}%/new"),
            Self::Pages(Lie::Together) => f.write_str("pages/together"),
            Self::Pages(Lie::Apart) => f.write_str("pages/apart"),
            Self::Element(Home::Slice) => f.write_str("element/slice"),
            Self::Element(Home::Region) => f.write_str("element/region"),
            Self::FirstWrite => f.write_str("first-write"),
            Self::View(Part::Small) => f.write_str("view/64-KiB"),
            Self::View(Part::Large) => f.write_str("view/2-MiB"),
        }
    }
}
