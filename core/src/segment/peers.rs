//! Who of a segment's users lives.
//!
//! The thread model knows processes by their ids, the backend perhaps by what
//! they have open. A process lives if either says so.

use core::ffi::c_void;
use core::task::Waker;
use core::time::Duration;

use super::Segment;
use crate::backend::Backend;
use crate::sync::atomic::AtomicUsize;
use crate::thread::{Liveness, Owner, ThreadId, ThreadModel, TlsError, TlsKey, Watch};

/// What is asked about processes that use the same memory.
pub(super) struct Peers<'a, B, T> {
    pub(super) backend: &'a B,
    pub(super) model: &'a T,
}

impl<B: Backend, T: ThreadModel> Liveness for Peers<'_, B, T> {
    fn is_alive(&self, owner: Owner) -> bool {
        self.model.is_alive(owner) || self.backend.is_held_by(owner)
    }

    fn may_die(&self) -> bool {
        self.model.may_die()
    }
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Liveness for Segment<B, T, SHIFT> {
    fn is_alive(&self, owner: Owner) -> bool {
        Peers { backend: &self.backend, model: &self.model }.is_alive(owner)
    }

    fn may_die(&self) -> bool {
        self.model.may_die()
    }
}

/// This process's threading system, except that processes that have the backend
/// open live.
impl<B: Backend, T: ThreadModel, const SHIFT: u32> ThreadModel for Segment<B, T, SHIFT> {
    fn thread_id(&self) -> ThreadId {
        self.model.thread_id()
    }

    fn whereabouts(&self) -> usize {
        self.model.whereabouts()
    }

    #[inline]
    fn owner(&self) -> Owner {
        self.model.owner()
    }

    fn yield_now(&self) {
        self.model.yield_now();
    }

    fn sleep(&self, time: Duration) {
        self.model.sleep(time);
    }

    fn clock(&self) -> Option<Duration> {
        self.model.clock()
    }

    fn wait(&self, word: &AtomicUsize, expected: usize, most: Duration) -> bool {
        self.model.wait(word, expected, most)
    }

    fn wake(&self, word: &AtomicUsize, most: u32) -> u32 {
        self.model.wake(word, most)
    }

    fn watch(&self, word: &AtomicUsize, expected: usize, most: Duration, waker: &Waker) -> Watch {
        self.model.watch(word, expected, most, waker)
    }

    fn panicking(&self) -> bool {
        self.model.panicking()
    }

    fn create_tls(
        &self,
        on_exit: Option<unsafe extern "C" fn(*mut c_void)>,
    ) -> Result<TlsKey, TlsError> {
        self.model.create_tls(on_exit)
    }

    fn destroy_tls(&self, key: TlsKey) -> Result<(), TlsError> {
        self.model.destroy_tls(key)
    }

    fn get_tls(&self, key: TlsKey) -> *mut c_void {
        self.model.get_tls(key)
    }

    fn set_tls(&self, key: TlsKey, value: *mut c_void) -> Result<(), TlsError> {
        self.model.set_tls(key, value)
    }
}
