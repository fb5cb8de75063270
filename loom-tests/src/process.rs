//! Processes that sleep and die: the system that locks stand on.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::task::Waker;
use std::time::Duration;

use anymem_core::sync::{AtomicInt, Park};
use anymem_core::thread::{Liveness, Owner, ThreadId, ThreadModel, Watch};

use crate::model::{Bed, Model};

/// The name of a process.
#[must_use]
pub const fn owner(number: u32) -> Owner {
    Owner { pid: number, start: number as u64 * 11 }
}

/// What the system knows: who is dead, and who sleeps on which word.
pub struct System<M: Model> {
    dead: Vec<M::Word>,
    /// As many beds as there are words to sleep on in a model: a word has the one
    /// that [`words`](Self::bed) finds it at.
    beds: Vec<M::Bed>,
}

impl<M: Model> fmt::Debug for System<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("System")
    }
}

impl<M: Model> System<M> {
    /// A system with processes 0 to `processes`, excluded, and `beds` beds.
    #[must_use]
    pub fn new(processes: usize, beds: usize) -> Self {
        Self {
            dead: (0..processes).map(|_| M::word(0)).collect(),
            beds: (0..beds).map(|_| M::Bed::default()).collect(),
        }
    }

    /// Ends a process: what it did is visible once it is known to be dead.
    pub fn die(&self, who: u32) {
        self.dead[who as usize].store(1, Release);
        self.beds.iter().for_each(Bed::end);
    }
}

impl<M: Model> Liveness for System<M> {
    fn is_alive(&self, who: Owner) -> bool {
        self.dead[who.pid as usize].load(Acquire) == 0
    }
}

/// A process of a model, whose locks sleep on `words`, each in a bed of its own.
pub struct Process<'a, M: Model> {
    system: &'a System<M>,
    words: Vec<&'a M::Word>,
    me: u32,
    dies_asleep: bool,
    wakes: bool,
    /// The word that its task watches, and what it saw there.
    watched: Mutex<Option<(&'a M::Word, usize)>>,
}

/// What a process unwinds with that dies.
#[derive(Debug)]
pub struct DiedAsleep;

impl<'a, M: Model> Process<'a, M> {
    /// The process `me`.
    #[must_use]
    pub fn new(me: u32, system: &'a System<M>, words: Vec<&'a M::Word>) -> Self {
        Self { system, words, me, dies_asleep: false, wakes: true, watched: Mutex::default() }
    }

    /// One that dies when it is woken for the first time.
    #[must_use]
    pub fn who_dies_asleep(self) -> Self {
        Self { dies_asleep: true, ..self }
    }

    /// A defect: one that wakes nobody.
    #[must_use]
    pub fn who_wakes_nobody(self) -> Self {
        Self { wakes: false, ..self }
    }

    /// What `work` answers, unless the process dies in its sleep.
    pub fn run<R>(&self, work: impl FnOnce(&Self) -> R) -> Option<R> {
        match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(answer) => Some(answer),
            Err(panic) if panic.is::<DiedAsleep>() => None,
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Sleeps until its task is to look again, as the thread does that wakes tasks.
    pub fn watch_over(&self) {
        let (word, seen) =
            self.watched.lock().expect("one thread's").take().expect("a task that waits");
        Park::<M>::park(self, word, seen, Duration::MAX);
    }

    /// Drops its task after [`watch_over`](Self::watch_over), before it looks.
    pub fn drop_task(&self, word: &M::Word) {
        Park::<M>::unpark(self, word, 1);
    }

    /// Ends the process.
    pub fn die(&self) {
        self.system.die(self.me);
    }

    fn bed(&self, word: &M::Word) -> &'a M::Bed {
        &self.system.beds[self.index(word)]
    }

    fn index(&self, word: &M::Word) -> usize {
        let index = self.words.iter().position(|known| ptr::eq(*known, word));
        index.expect("a word that somebody sleeps on")
    }
}

impl<M: Model> fmt::Debug for Process<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Process({})", self.me)
    }
}

impl<M: Model> Liveness for Process<'_, M> {
    fn is_alive(&self, who: Owner) -> bool {
        self.system.is_alive(who)
    }
}

impl<M: Model> ThreadModel for Process<'_, M> {
    fn thread_id(&self) -> ThreadId {
        ThreadId(1)
    }

    fn owner(&self) -> Owner {
        owner(self.me)
    }

    fn yield_now(&self) {
        M::spin_hint();
    }

    fn sleep(&self, _time: Duration) {
        M::spin_hint();
    }
}

impl<M: Model> Park<M> for Process<'_, M> {
    fn park(&self, word: &M::Word, expected: usize, _most: Duration) -> bool {
        let ran_out = self.bed(word).sleep_if(|| word.load(Acquire) as u32 == expected as u32);
        if self.dies_asleep {
            self.die();
            resume_unwind(Box::new(DiedAsleep));
        }
        ran_out
    }

    fn unpark(&self, word: &M::Word, most: u32) -> u32 {
        if self.wakes { self.bed(word).wake(most) } else { 0 }
    }

    fn attend(&self, word: &M::Word, expected: usize, _most: Duration, _waker: &Waker) -> Watch {
        let word = self.words[self.index(word)];
        self.watched.lock().expect("one thread's").replace((word, expected));
        Watch::over()
    }
}
