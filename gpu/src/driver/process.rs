//! Which process loaded a driver.
//!
//! Drivers do not live through a fork: their threads and mappings stay in the parent. So each
//! call asks first whether this is still the process that loaded the driver, which is one load
//! of a word that is counted up in every forked child.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::GpuError;

/// Forks between this process and the first that asked.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// The process that made this.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process {
    forks: u32,
}

impl Process {
    /// This one.
    pub(crate) fn this() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // SAFETY: the handler is a function that lives for ever. It fails for want of
            // memory alone; forks then go unnoticed until the driver itself complains.
            let _ = unsafe { libc::pthread_atfork(None, None, Some(forked)) };
        });
        Self { forks: FORKS.load(Ordering::Relaxed) }
    }

    /// Whether it is still this one.
    ///
    /// # Errors
    ///
    /// [`Forked`](GpuError::Forked).
    pub(crate) fn check(self) -> Result<(), GpuError> {
        // Relaxed: it changes before the child's only thread returns from `fork`.
        if FORKS.load(Ordering::Relaxed) == self.forks { Ok(()) } else { Err(GpuError::Forked) }
    }
}

extern "C" fn forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_another_process_and_so_is_its_own() {
        let here = Process::this();
        assert_eq!(here.check(), Ok(()));
        // SAFETY: the child does nothing but look at words.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let there = Process::this();
            let known = here.check() == Err(GpuError::Forked) && there.check().is_ok();
            // SAFETY: ends the child without running what the parent is to do at exit.
            unsafe { libc::_exit(if known { 0 } else { 1 }) };
        }
        let mut status = 0;
        // SAFETY: `child` is one of this process, and nobody else waits for it.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0, "the child did not notice");
        assert_eq!(here.check(), Ok(()));
    }
}
