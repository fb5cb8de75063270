//! Who may go ahead with which stream, and who waits until one got on.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::command::Command;
use crate::queues::{Mark, Queues, Turn};

/// The streams of a machine, for all threads that ask for commands or do them.
#[derive(Debug)]
pub(crate) struct Turns {
    queues: Mutex<Queues>,
    moved: Condvar,
}

impl Turns {
    pub(crate) fn new(devices: u32) -> Self {
        Self { queues: Mutex::new(Queues::new(devices)), moved: Condvar::new() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who wait that something has changed.
    pub(crate) fn tell(&self) {
        self.moved.notify_all();
    }

    /// A command of the stream is done.
    pub(crate) fn done(&self, stream: u64) {
        self.lock().done(stream);
        self.tell();
    }

    /// Waits until a mark has happened, or there is something to do for that: whose, and what.
    pub(crate) fn help(&self, mark: Mark) -> Option<(u64, u32, Command)> {
        let mut queues = self.lock();
        while !queues.has_happened(mark) {
            if let Some(next) = queues.next_for(mark) {
                return Some(next);
            }
            queues = self.moved.wait(queues).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    /// Waits until a mark has happened, which others do.
    pub(crate) fn wait(&self, mark: Mark) {
        let queues = self.lock();
        let late = self.moved.wait_while(queues, |it| !it.has_happened(mark));
        drop(late.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits until the stream can go ahead; `None` once it is over.
    pub(crate) fn next_of(&self, stream: u64) -> Option<(u32, Command)> {
        let mut queues = self.lock();
        while queues.is_there(stream) {
            if let Turn::Do(device, command) = queues.turn(stream) {
                return Some((device, command));
            }
            queues = self.moved.wait(queues).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }
}
