//! Processes that are copies of this one, and the signals that end them.

use std::any::Any;
use std::backtrace::Backtrace;
use std::io::Error;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::time::{Duration, Instant};

use crate::end_with;

/// What became of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// It ended by itself, and well.
    Ended,
    /// SIGKILL ended it.
    Killed,
    /// SIGSTOP stopped it.
    Stopped,
    /// It ended in a way that nobody planned: a wait status.
    Crashed(i32),
}

/// Runs `work` in a copy of this process; its id. `failed` is told of a panic.
///
/// The copy ends with `work`, without what is this process's to do; its heap slot
/// stays behind like that of a killed one. It is killed when this process ends.
pub(super) fn fork(work: impl FnOnce(), failed: impl FnOnce(String)) -> libc::pid_t {
    let parent = std::process::id() as libc::pid_t;
    // SAFETY: this process has one thread, so its copy may do all that it may.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "no process: {}", Error::last_os_error());
    if pid > 0 {
        return pid;
    }
    end_with(parent);
    if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
        failed(words(&*panic));
    }
    // SAFETY: ends the process.
    unsafe { libc::_exit(0) };
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("without words").to_owned()
}

/// What became of one of the processes, if there is news.
pub(super) fn news() -> Option<(libc::pid_t, Event)> {
    let mut status = 0;
    // SAFETY: the status is writable.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG | libc::WUNTRACED) };
    (pid > 0).then(|| (pid, event(status)))
}

fn event(status: i32) -> Event {
    if libc::WIFSTOPPED(status) {
        return Event::Stopped;
    }
    match (libc::WIFSIGNALED(status), libc::WTERMSIG(status)) {
        (true, libc::SIGKILL) => Event::Killed,
        _ if status == 0 => Event::Ended,
        _ => Event::Crashed(status),
    }
}

/// Waits until there may be news, at most so long.
pub(super) fn wait_for_news(time: Duration) {
    let (seconds, nanos) = (time.as_secs() as libc::time_t, time.subsec_nanos() as _);
    let time = libc::timespec { tv_sec: seconds, tv_nsec: nanos };
    // SAFETY: the set and the time are readable.
    unsafe { libc::sigtimedwait(&children(), ptr::null_mut(), &raw const time) };
}

/// Keeps the news of processes until they are waited for.
pub(super) fn expect_news() {
    // SAFETY: the set is readable.
    unsafe { libc::sigprocmask(libc::SIG_BLOCK, &children(), ptr::null_mut()) };
}

fn children() -> libc::sigset_t {
    // SAFETY: plain numbers.
    let mut set = unsafe { mem::zeroed() };
    // SAFETY: the set is writable.
    unsafe {
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
    }
    set
}

/// Sends a signal to a process that was not waited for yet.
pub(super) fn send(pid: libc::pid_t, signal: i32) {
    // SAFETY: takes numbers.
    unsafe { libc::kill(pid, signal) };
}

/// Has each process say where it is when it is sent SIGQUIT, and end then: for
/// those that hang. It may hang itself, if it was in the middle of `malloc`.
pub(super) fn tell_place_on_quit() {
    extern "C" fn tell(_signal: i32) {
        eprintln!("process {}: {}", std::process::id(), Backtrace::force_capture());
        // SAFETY: ends the process.
        unsafe { libc::_exit(1) };
    }
    // SAFETY: the handler is a function that lives for ever.
    unsafe { libc::signal(libc::SIGQUIT, tell as extern "C" fn(i32) as libc::sighandler_t) };
}

/// Sends a signal to the process that made it, when its time has come.
#[derive(Debug)]
pub(super) struct Fuse(libc::timer_t);

impl Fuse {
    /// A fuse of the calling process.
    pub(super) fn new(signal: i32) -> Self {
        // SAFETY: plain numbers and pointers.
        let mut event: libc::sigevent = unsafe { mem::zeroed() };
        event.sigev_notify = libc::SIGEV_SIGNAL;
        event.sigev_signo = signal;
        let mut timer: libc::timer_t = ptr::null_mut();
        // SAFETY: both are writable.
        let made =
            unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer) };
        assert_eq!(made, 0, "no timer: {}", Error::last_os_error());
        Self(timer)
    }

    /// Sends the signal after so much time.
    pub(super) fn light(&self, after: Duration) {
        let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let nanos = after.subsec_nanos().max(1) as _;
        let it_value = libc::timespec { tv_sec: after.as_secs() as libc::time_t, tv_nsec: nanos };
        let times = libc::itimerspec { it_interval: zero, it_value };
        // SAFETY: the timer was made above, and the times are readable.
        unsafe { libc::timer_settime(self.0, 0, &raw const times, ptr::null_mut()) };
    }
}

/// Waits until `done`, at most so long; whether it is.
pub(super) fn wait_until(time: Duration, done: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !done() {
        if start.elapsed() > time {
            return false;
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    true
}

/// Ends this process, with a word, unless it comes here again within `time`: what
/// it does with a heap may hang, too.
pub(super) fn watch_self(time: Duration) {
    extern "C" fn give_up(_signal: i32) {
        eprintln!("Hang: the process that looks after all: {}", Backtrace::force_capture());
        println!("torture=failed hangs=1");
        // SAFETY: ends the process, and so all those that it made.
        unsafe { libc::_exit(1) };
    }
    // SAFETY: the handler is a function that lives for ever.
    unsafe {
        libc::signal(libc::SIGALRM, give_up as extern "C" fn(i32) as libc::sighandler_t);
        libc::alarm(time.as_secs() as u32);
    }
}
