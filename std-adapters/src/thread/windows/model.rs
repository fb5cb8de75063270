//! The threads of Windows as a thread model.

use core::ffi::c_void;
use core::sync::atomic::AtomicUsize;
use core::time::Duration;
use std::sync::OnceLock;

use anymem_core::thread::{Liveness, Owner, ThreadId, ThreadModel, TlsError, TlsKey};
use windows_sys::Win32::System::SystemInformation::GetTickCount64;
use windows_sys::Win32::System::Threading::GetCurrentThreadId;

use super::{address, liveness, locals};

/// The threads of this system.
///
/// - A thread's id is the system's, and unique in it.
/// - The owner is {process id, time of creation}. A process is dead when its last thread
///   has ended, also while somebody has it open, or when the process of its id was created
///   at another time. One that may not be looked at lives.
/// - Who [waits](ThreadModel::wait) is woken at once by threads of the same process
///   (`WaitOnAddress`), and sees what others do after naps of a millisecond or the
///   system's tick. How many were woken is not known, so [`wake`](ThreadModel::wake) says
///   none: who gives signals then wakes all.
/// - Tasks that [watch](ThreadModel::watch) a word are busy while they do.
/// - A [`TlsKey`] is a number that is never used again. Its `on_exit` runs when a thread
///   ends, before Rust's own thread-local destructors (`FlsAlloc`), and not when the
///   process does. From then on the thread has no values, and setting one is
///   [`TlsError::NoMemory`].
///
/// Nothing here allocates from the program's allocator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WindowsModel;

impl Liveness for WindowsModel {
    fn is_alive(&self, owner: Owner) -> bool {
        owner.to_word() == self.owner().to_word() || liveness::is_alive(owner)
    }
}

impl ThreadModel for WindowsModel {
    fn thread_id(&self) -> ThreadId {
        // SAFETY: the call takes nothing.
        ThreadId(unsafe { GetCurrentThreadId() }.into())
    }

    fn owner(&self) -> Owner {
        static OWNER: OnceLock<Owner> = OnceLock::new();
        *OWNER.get_or_init(|| Owner { pid: std::process::id(), start: liveness::own_start() })
    }

    fn yield_now(&self) {
        std::thread::yield_now();
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }

    fn clock(&self) -> Option<Duration> {
        // SAFETY: the call takes nothing.
        Some(Duration::from_millis(unsafe { GetTickCount64() }))
    }

    fn wait(&self, word: &AtomicUsize, expected: usize, most: Duration) -> bool {
        address::wait(word, expected, most)
    }

    fn wake(&self, word: &AtomicUsize, most: u32) -> u32 {
        address::wake(word, most);
        0
    }

    fn panicking(&self) -> bool {
        std::thread::panicking()
    }

    fn create_tls(
        &self,
        on_exit: Option<unsafe extern "C" fn(*mut c_void)>,
    ) -> Result<TlsKey, TlsError> {
        locals::make(on_exit)
    }

    fn destroy_tls(&self, key: TlsKey) -> Result<(), TlsError> {
        locals::destroy(key)
    }

    fn get_tls(&self, key: TlsKey) -> *mut c_void {
        locals::get(key)
    }

    fn set_tls(&self, key: TlsKey, value: *mut c_void) -> Result<(), TlsError> {
        locals::set(key, value)
    }
}
