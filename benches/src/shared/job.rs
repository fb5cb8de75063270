//! What the contestants do.

use core::fmt;

/// What one or two processes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Allocates a block of 64 bytes and frees it.
    Pair(Processes),
    /// Half of the operations look a key up, a quarter insert one and a quarter
    /// remove one.
    Map(Processes),
    /// Looks up keys of a map that nobody changes.
    Find,
    /// Pushes to a vector that grows.
    VecPush,
    /// The same to a vector that was opened for that.
    VecPushOpened,
    /// Adds up the elements of a vector.
    VecIterate,
    /// Sends 64 bytes to the other process, which sends them back.
    RoundTrip(Waiting),
    /// Hands a message over without a copy, and receives an empty one in return.
    HandOver(Message),
}

/// How a process waits for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// It looks again and again.
    Polling,
    /// It sleeps, having looked for a while.
    Blocking,
}

/// What is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// No byte.
    Empty,
    /// 64 MiB.
    Large,
}

/// How many processes do a job at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processes {
    /// One.
    One,
    /// Two, on processors of their own as far as there are any.
    Two,
}

/// Keys are below this number; about half of them are in the map.
pub(super) const KEYS: usize = 20_000;

/// Keys of a map that is only read.
pub(super) const FIND_KEYS: usize = 100_000;

/// How far a vector grows that is pushed to.
pub(super) const PUSHES: u64 = 10_000;

/// Elements of a vector that is only read.
pub(super) const ELEMENTS: usize = 100_000;

impl Job {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Pair(Processes::One),
        Self::Pair(Processes::Two),
        Self::Map(Processes::One),
        Self::Map(Processes::Two),
        Self::Find,
        Self::VecPush,
        Self::VecPushOpened,
        Self::VecIterate,
        Self::RoundTrip(Waiting::Polling),
        Self::RoundTrip(Waiting::Blocking),
        Self::HandOver(Message::Empty),
        Self::HandOver(Message::Large),
    ];

    /// Returns the job of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|job| job.name() == name)
    }

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pair(Processes::One) => "pair/1-process",
            Self::Pair(Processes::Two) => "pair/2-processes",
            Self::Map(Processes::One) => "map/1-process",
            Self::Map(Processes::Two) => "map/2-processes",
            Self::Find => "map/find",
            Self::VecPush => "vec/push",
            Self::VecPushOpened => "vec/push-opened",
            Self::VecIterate => "vec/iterate",
            Self::RoundTrip(Waiting::Polling) => "round-trip/polling",
            Self::RoundTrip(Waiting::Blocking) => "round-trip/blocking",
            Self::HandOver(Message::Empty) => "hand-over/empty",
            Self::HandOver(Message::Large) => "hand-over/64-MiB",
        }
    }

    /// Returns how many processes do it.
    pub(super) const fn processes(self) -> usize {
        match self {
            Self::Pair(Processes::Two) | Self::Map(Processes::Two) => 2,
            _ if self.is_joint() => 2,
            _ => 1,
        }
    }

    /// Whether each operation takes all of the processes, rather than one.
    pub(super) const fn is_joint(self) -> bool {
        matches!(self, Self::RoundTrip(_) | Self::HandOver(_))
    }
}

impl Message {
    /// Returns how many bytes it has.
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Large => 64 << 20,
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
