//! Streams: what each was asked for, how far it is, and who waits for whom.
//!
//! - Commands of a stream have numbers from 1 on, and are done in that order.
//! - A [`Mark`] is a stream and the number of a command of it: what an event stands for once it
//!   is recorded. It has happened when the stream is that far, or is gone.
//! - A command may have to come after marks. Those are of commands that were asked for before
//!   it, so nobody waits in a circle.

use std::collections::{HashMap, VecDeque};

use crate::command::Command;

/// The number of the first stream that is created: drivers have names of their own for some
/// that are smaller.
const FIRST: u64 = 0x100;

/// A place in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) stream: u64,
    pub(crate) number: u64,
}

/// A command, and what it comes after.
#[derive(Debug)]
struct Entry {
    after: Vec<Mark>,
    command: Command,
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) device: u32,
    /// Whether it and the default stream wait for one another.
    blocking: bool,
    waiting: VecDeque<Entry>,
    /// How many commands it was asked for, and how many of them are done.
    asked: u64,
    done: u64,
    /// Somebody is at a command of it.
    busy: bool,
    /// It is asked for nothing more.
    closed: bool,
}

/// What a stream is about to do.
#[derive(Debug)]
pub(crate) enum Turn {
    /// This.
    Do(u32, Command),
    /// Another stream has to get to there first.
    After(Mark),
    /// Somebody else does it right now.
    Busy,
    /// Nothing.
    Idle,
}

/// All streams of a machine. The default streams of its devices have the numbers from 0 on.
#[derive(Debug)]
pub(crate) struct Queues {
    streams: HashMap<u64, Queue>,
    devices: u32,
    next: u64,
}

impl Queues {
    pub(crate) fn new(devices: u32) -> Self {
        let mut queues = Self { streams: HashMap::new(), devices, next: 0 };
        for device in 0..devices {
            queues.create(device, true);
        }
        queues.next = queues.next.max(FIRST);
        queues
    }

    pub(crate) fn create(&mut self, device: u32, blocking: bool) -> u64 {
        let stream = self.next;
        self.next += 1;
        let queue = Queue {
            device,
            blocking,
            waiting: VecDeque::new(),
            asked: 0,
            done: 0,
            busy: false,
            closed: false,
        };
        self.streams.insert(stream, queue);
        stream
    }

    pub(crate) fn get(&self, stream: u64) -> Option<&Queue> {
        self.streams.get(&stream).filter(|it| !it.closed)
    }

    /// Whether a stream has something to do, or may get something.
    pub(crate) fn is_there(&self, stream: u64) -> bool {
        self.streams.contains_key(&stream)
    }

    /// Ends all streams, whatever they were asked for.
    pub(crate) fn clear(&mut self) {
        self.streams.clear();
    }

    /// Ends a stream, once it has done what it was asked for.
    pub(crate) fn close(&mut self, stream: u64) {
        if let Some(queue) = self.streams.get_mut(&stream) {
            queue.closed = true;
        }
        self.forget_if_over(stream);
    }

    fn forget_if_over(&mut self, stream: u64) {
        if self.streams.get(&stream).is_some_and(|it| it.closed && it.is_done()) {
            self.streams.remove(&stream);
        }
    }

    /// Puts a command at the end of a stream, to be done after `after` too; its mark.
    pub(crate) fn push(&mut self, stream: u64, command: Command, after: Option<Mark>) -> Mark {
        let mut marks = self.others_first(stream);
        marks.extend(after.filter(|mark| !self.has_happened(*mark)));
        let number = self.streams.get_mut(&stream).map_or(0, |queue| {
            queue.waiting.push_back(Entry { after: marks, command });
            queue.asked += 1;
            queue.asked
        });
        Mark { stream, number }
    }

    /// What a stream has to wait for before it goes on: the default stream of a device for its
    /// blocking streams, and they for it.
    fn others_first(&self, stream: u64) -> Vec<Mark> {
        let Some(queue) = self.streams.get(&stream).filter(|it| it.blocking) else {
            return Vec::new();
        };
        let is_default = stream < u64::from(self.devices);
        let counts = |id: u64, it: &Queue| {
            it.blocking
                && it.device == queue.device
                && id != stream
                && (is_default || id == u64::from(queue.device))
        };
        let others = self.streams.iter().filter(|(id, it)| counts(**id, it) && !it.is_done());
        others.map(|(&stream, it)| Mark { stream, number: it.asked }).collect()
    }

    /// The end of what a stream was asked for until now.
    pub(crate) fn end(&mut self, stream: u64) -> Mark {
        if self.others_first(stream).is_empty() {
            Mark { stream, number: self.streams.get(&stream).map_or(0, |it| it.asked) }
        } else {
            self.push(stream, Command::Nothing, None)
        }
    }

    /// The ends of all streams of a device.
    pub(crate) fn ends(&self, device: u32) -> Vec<Mark> {
        let streams = self.streams.iter().filter(|(_, it)| it.device == device);
        streams.map(|(&stream, it)| Mark { stream, number: it.asked }).collect()
    }

    pub(crate) fn has_happened(&self, mark: Mark) -> bool {
        self.streams.get(&mark.stream).is_none_or(|it| it.done >= mark.number)
    }

    /// How many commands of a stream are not done.
    pub(crate) fn pending(&self, stream: u64) -> u64 {
        self.streams.get(&stream).map_or(0, |it| it.asked - it.done)
    }

    /// What a stream does next; whoever gets a command calls [`done`](Self::done) after it.
    pub(crate) fn turn(&mut self, stream: u64) -> Turn {
        let first = match self.streams.get(&stream) {
            Some(queue) if queue.busy => return Turn::Busy,
            Some(queue) => queue.waiting.front(),
            None => None,
        };
        let Some(first) = first else { return Turn::Idle };
        if let Some(mark) = first.after.iter().find(|it| !self.has_happened(**it)) {
            return Turn::After(*mark);
        }
        let next = self.streams.get_mut(&stream).and_then(|queue| {
            let entry = queue.waiting.pop_front()?;
            queue.busy = true;
            Some(Turn::Do(queue.device, entry.command))
        });
        next.unwrap_or(Turn::Idle)
    }

    /// What is to be done next for a mark to happen, and for whose; `None` if it has, or somebody
    /// is just at that. As [`turn`](Self::turn).
    pub(crate) fn next_for(&mut self, mark: Mark) -> Option<(u64, u32, Command)> {
        let mut stream = mark.stream;
        while !self.has_happened(mark) {
            match self.turn(stream) {
                Turn::Do(device, command) => return Some((stream, device, command)),
                Turn::After(other) => stream = other.stream,
                Turn::Busy | Turn::Idle => return None,
            }
        }
        None
    }

    /// A command of the stream is done.
    pub(crate) fn done(&mut self, stream: u64) {
        if let Some(queue) = self.streams.get_mut(&stream) {
            queue.busy = false;
            queue.done += 1;
        }
        self.forget_if_over(stream);
    }
}

impl Queue {
    fn is_done(&self) -> bool {
        self.done == self.asked
    }
}
