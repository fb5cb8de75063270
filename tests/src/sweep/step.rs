//! A process that runs one instruction at a time.

use std::ffi::{c_int, c_void};
use std::io::Error;
use std::ptr;

use crate::watchdog;

/// Seconds after which a process of a sweep that does not end is ended.
pub(super) const PATIENCE: u32 = 60;

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stepped {
    /// One more instruction was run.
    On,
    /// The process has done what it was to do.
    Done,
    /// It ended by itself: this is its wait status.
    Ended(c_int),
}

/// A child process that stands still except when it is stepped. Killed when this
/// is dropped.
#[derive(Debug)]
pub(super) struct Stepper {
    pid: libc::pid_t,
}

impl Stepper {
    /// Forks a process that is about to run `act`.
    ///
    /// # Panics
    ///
    /// Processes cannot be forked and traced here: a sweep that cannot run must
    /// not read as one that found nothing.
    pub(super) fn start(act: impl FnOnce()) -> Self {
        // SAFETY: the child runs on with the calling thread alone, and ends here.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "no process: {}", Error::last_os_error());
        if pid == 0 {
            be_stepped(act);
        }
        let stepper = Self { pid };
        assert!(
            stepper.wait() == Some(libc::SIGSTOP),
            "ptrace is not permitted here, so deaths cannot be swept: allow it \
             (kernel.yama.ptrace_scope below 3, CAP_SYS_PTRACE or seccomp in containers)"
        );
        stepper.end_with_parent();
        stepper
    }

    /// Has the process killed when this one ends.
    fn end_with_parent(&self) {
        let none: *mut c_void = ptr::null_mut();
        // SAFETY: a child that is stopped; the options are a number.
        let set = unsafe {
            libc::ptrace(libc::PTRACE_SETOPTIONS, self.pid, none, libc::PTRACE_O_EXITKILL as usize)
        };
        assert_eq!(set, 0, "no options: {}", Error::last_os_error());
    }

    /// Runs one instruction.
    pub(super) fn step(&self) -> Stepped {
        // SAFETY: a child that is stopped; no address is handed over.
        let stepped = unsafe {
            let none: *mut c_void = ptr::null_mut();
            libc::ptrace(libc::PTRACE_SINGLESTEP, self.pid, none, none)
        };
        assert_eq!(stepped, 0, "not stepped: {}", Error::last_os_error());
        let mut status = 0;
        // SAFETY: waits for a child of this thread.
        let pid = unsafe { libc::waitpid(self.pid, &raw mut status, 0) };
        assert_eq!(pid, self.pid, "not stopped: {}", Error::last_os_error());
        match libc::WIFSTOPPED(status).then(|| libc::WSTOPSIG(status)) {
            Some(libc::SIGTRAP) => Stepped::On,
            Some(libc::SIGSTOP) => Stepped::Done,
            _ => Stepped::Ended(status),
        }
    }

    /// The address of the next instruction.
    pub(super) fn next(&self) -> usize {
        // SAFETY: plain numbers.
        let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        let mut vector =
            libc::iovec { iov_base: (&raw mut registers).cast(), iov_len: size_of_val(&registers) };
        // SAFETY: a child that is stopped; the vector names `registers`.
        let got = unsafe {
            let kind = ptr::without_provenance_mut::<c_void>(libc::NT_PRSTATUS as usize);
            libc::ptrace(libc::PTRACE_GETREGSET, self.pid, kind, &raw mut vector)
        };
        assert_eq!(got, 0, "no registers: {}", Error::last_os_error());
        counter(&registers) as usize
    }

    /// The signal that stopped the process, if one did.
    fn wait(&self) -> Option<c_int> {
        let mut status = 0;
        // SAFETY: waits for a child of this thread.
        let pid = unsafe { libc::waitpid(self.pid, &raw mut status, 0) };
        (pid == self.pid && libc::WIFSTOPPED(status)).then(|| libc::WSTOPSIG(status))
    }
}

impl Drop for Stepper {
    fn drop(&mut self) {
        // SAFETY: a child that was not waited for yet, or is gone already.
        unsafe {
            libc::kill(self.pid, libc::SIGKILL);
            libc::waitpid(self.pid, ptr::null_mut(), 0);
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn counter(registers: &libc::user_regs_struct) -> u64 {
    registers.rip
}

#[cfg(target_arch = "aarch64")]
fn counter(registers: &libc::user_regs_struct) -> u64 {
    registers.pc
}

/// The child: stops, acts, stops.
fn be_stepped(act: impl FnOnce()) -> ! {
    // SAFETY: numbers only; the parent traces this process from here on.
    let traced = unsafe { libc::ptrace(libc::PTRACE_TRACEME) };
    if traced == 0 {
        watchdog(PATIENCE * 10);
        stop();
        act();
        stop();
    }
    // SAFETY: ends the process, without what is the parent's to do.
    unsafe { libc::_exit(1) }
}

/// Stops this process: a mark that takes few instructions.
fn stop() {
    // SAFETY: numbers only.
    unsafe { libc::kill(libc::getpid(), libc::SIGSTOP) };
}
