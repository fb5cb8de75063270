//! A reader that waits for a writer that died, while another one takes over.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use anymem_core::sync::{Access, Patience, Reader, SharedWords, Unread};
use anymem_core::thread::{Liveness, Owner, ThreadId, ThreadModel};

const WRITER: Owner = Owner { pid: 1, start: 7 };
const HEIR: Owner = Owner { pid: 2, start: 7 };
const READER: Owner = Owner { pid: 3, start: 7 };

/// One of the three processes, of which the writer is dead.
struct Process<'w> {
    me: Owner,
    words: &'w SharedWords,
    /// Whether the reader was told of the writer's death.
    is_told: AtomicBool,
}

impl Process<'_> {
    fn new(me: Owner, words: &SharedWords) -> Process<'_> {
        Process { me, words, is_told: AtomicBool::new(false) }
    }
}

impl Liveness for Process<'_> {
    fn is_alive(&self, owner: Owner) -> bool {
        if owner != WRITER {
            return true;
        }
        if self.me == READER && !self.is_told.swap(true, Ordering::Relaxed) {
            // It is told, and before it can do anything about that, another one writes.
            let heir = Process::new(HEIR, self.words);
            let access = self.words.shared().write(Patience::Looks(0), &heir);
            assert_eq!(access, Ok(Access::Inherited(WRITER)));
        }
        false
    }
}

impl ThreadModel for Process<'_> {
    fn thread_id(&self) -> ThreadId {
        ThreadId(u64::from(self.me.pid))
    }

    fn owner(&self) -> Owner {
        self.me
    }

    fn yield_now(&self) {}

    fn sleep(&self, _time: Duration) {}
}

#[test]
fn who_waits_without_end_is_never_told_that_patience_has_ended() {
    let words = SharedWords::new();
    let writer = Process::new(WRITER, &words);
    assert_eq!(words.shared().write(Patience::Endless, &writer), Ok(Access::Clean));
    let reader = Process::new(READER, &words);
    assert_eq!(words.shared().read(Patience::Endless, &reader), Err(Unread::WriterDied));
    assert_eq!(words.shared().writer(), Some(HEIR));
    // The heir leaves, and the reader comes in.
    words.shared().end_write(&Process::new(HEIR, &words));
    assert!(matches!(words.shared().read(Patience::Endless, &reader), Ok(Reader::Named(_))));
}
