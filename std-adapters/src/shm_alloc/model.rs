//! POSIX threads, in a heap that may be private.

use core::ffi::c_void;
use core::sync::atomic::AtomicUsize;
use core::task::Waker;
use core::time::Duration;

use anymem_core::thread::{Liveness, Owner, ThreadId, ThreadModel, TlsError, TlsKey, Watch};

use crate::thread::SystemModel;

/// The thread model of a process's own heap.
///
/// In a private heap only the process itself can be alive: after a fork the
/// child has a copy of its own, in which its parent's threads never run again.
#[derive(Debug, Clone, Copy)]
pub struct ProcessModel {
    /// Whether no other process has the heap.
    pub private: bool,
}

impl Liveness for ProcessModel {
    fn is_alive(&self, owner: Owner) -> bool {
        if self.private { owner.pid == self.owner().pid } else { SystemModel.is_alive(owner) }
    }
}

impl ThreadModel for ProcessModel {
    fn thread_id(&self) -> ThreadId {
        SystemModel.thread_id()
    }

    fn whereabouts(&self) -> usize {
        SystemModel.whereabouts()
    }

    fn owner(&self) -> Owner {
        // Nobody else's: no former process can be mistaken for this one.
        let own = || Owner { pid: std::process::id(), start: 0 };
        if self.private { own() } else { SystemModel.owner() }
    }

    fn yield_now(&self) {
        SystemModel.yield_now();
    }

    fn sleep(&self, time: Duration) {
        SystemModel.sleep(time);
    }

    fn clock(&self) -> Option<Duration> {
        SystemModel.clock()
    }

    fn wait(&self, word: &AtomicUsize, expected: usize, most: Duration) -> bool {
        SystemModel.wait(word, expected, most)
    }

    fn wake(&self, word: &AtomicUsize, most: u32) -> u32 {
        SystemModel.wake(word, most)
    }

    fn watch(&self, word: &AtomicUsize, expected: usize, most: Duration, waker: &Waker) -> Watch {
        SystemModel.watch(word, expected, most, waker)
    }

    fn panicking(&self) -> bool {
        SystemModel.panicking()
    }

    fn create_tls(
        &self,
        on_exit: Option<unsafe extern "C" fn(*mut c_void)>,
    ) -> Result<TlsKey, TlsError> {
        SystemModel.create_tls(on_exit)
    }

    fn destroy_tls(&self, key: TlsKey) -> Result<(), TlsError> {
        SystemModel.destroy_tls(key)
    }

    fn get_tls(&self, key: TlsKey) -> *mut c_void {
        SystemModel.get_tls(key)
    }

    fn set_tls(&self, key: TlsKey, value: *mut c_void) -> Result<(), TlsError> {
        SystemModel.set_tls(key, value)
    }
}
