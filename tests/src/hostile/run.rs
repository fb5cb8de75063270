//! Drives heaps in processes of their own, and tells how those ended.
//!
//! A child says on a shared page which seed it is at. If it ends before its
//! work is done, that seed is the one to look at, and another child goes on
//! behind it.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::drive::{Kind, drive};
use super::input::bytes_of;
use super::peer::harm_from_afar;
use super::scene::Scene;
use crate::end_with;

/// Seconds of processor time that an image may take, which takes milliseconds.
const PATIENCE: i64 = 20;

/// How a child says that it panicked.
const PANICKED: i32 = 101;

/// What is to be driven.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Calls to make, all in all; the last image is finished.
    pub calls: u64,
    /// Images to try at most.
    pub images: u64,
    /// The first seed.
    pub seed: u64,
    /// Processes at a time.
    pub jobs: u64,
    /// One kind; all, in turn, without.
    pub kind: Option<Kind>,
    /// Further processes that keep changing the heap that a process uses.
    pub peers: usize,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Calls that were made.
    pub calls: u64,
    /// Images that were tried.
    pub images: u64,
    /// Images by which a process was ended by a signal.
    pub crashes: u64,
    /// Images that took too long.
    pub hangs: u64,
    /// Images that made it panic.
    pub panics: u64,
    /// The seeds of all these, with what happened.
    pub failures: Vec<(u64, &'static str)>,
    /// How long it took.
    pub time: Duration,
}

/// How far a child is.
#[derive(Default)]
struct Progress {
    /// The seed that it is at; the first one before it starts.
    seed: AtomicU64,
    calls: AtomicU64,
    images: AtomicU64,
    /// 1 once all is done.
    done: AtomicU64,
}

impl Progress {
    /// A page that children share with this process; it is never unmapped.
    fn new(seed: u64) -> &'static Self {
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        let open = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: asks for a new page; zero bytes are a `Progress`.
        let page = unsafe {
            let page = libc::mmap(std::ptr::null_mut(), size_of::<Self>(), open, flags, -1, 0);
            assert_ne!(page, libc::MAP_FAILED);
            NonNull::new_unchecked(page.cast::<Self>()).as_ref()
        };
        page.seed.store(seed, Ordering::Relaxed);
        page
    }
}

/// Drives what `plan` says.
#[must_use]
pub fn run(plan: &Plan) -> Found {
    let started = Instant::now();
    let jobs: Vec<_> = (0..plan.jobs).map(|job| Progress::new(plan.seed + job)).collect();
    let mut children: Vec<_> = jobs.iter().map(|job| (start(plan, job), *job)).collect();
    let mut found = Found::default();
    while !children.is_empty() {
        let mut status = 0;
        // SAFETY: waits for one of this process's children.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, 0) };
        let Some(index) = children.iter().position(|&(child, _)| child == pid) else { continue };
        let (_, job) = children.swap_remove(index);
        if job.done.load(Ordering::Relaxed) == 0 {
            found.note(job.seed.load(Ordering::Relaxed), status);
            job.seed.fetch_add(plan.jobs, Ordering::Relaxed);
            children.push((start(plan, job), job));
        }
    }
    for job in jobs {
        found.calls += job.calls.load(Ordering::Relaxed);
        found.images += job.images.load(Ordering::Relaxed);
    }
    found.time = started.elapsed();
    found
}

impl Found {
    fn note(&mut self, seed: u64, status: i32) {
        let hung = libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGVTALRM;
        let panicked = libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == PANICKED;
        let (count, what) = match () {
            () if hung => (&mut self.hangs, "hang"),
            () if panicked => (&mut self.panics, "panic"),
            () => (&mut self.crashes, "crash"),
        };
        *count += 1;
        self.failures.push((seed, what));
    }
}

/// Starts a child that goes on where `job` is; its process id.
fn start(plan: &Plan, job: &'static Progress) -> libc::pid_t {
    let parent = std::process::id() as libc::pid_t;
    // SAFETY: this process has one thread, and the child only drives.
    match unsafe { libc::fork() } {
        0 => {
            end_with(parent);
            let ended = std::panic::catch_unwind(|| go_on(plan, job));
            // SAFETY: ends the process, whose memory nobody needs.
            unsafe { libc::_exit(if ended.is_ok() { 0 } else { PANICKED }) }
        }
        pid if pid > 0 => pid,
        _ => panic!("no process can be started"),
    }
}

fn go_on(plan: &Plan, job: &Progress) {
    let scene = Scene::new();
    (0..plan.peers).for_each(|peer| harm_from_afar(&scene, plan.kind, peer as u64));
    let share = |all: u64| all.div_ceil(plan.jobs);
    while job.calls.load(Ordering::Relaxed) < share(plan.calls)
        && job.images.load(Ordering::Relaxed) < share(plan.images)
    {
        let seed = job.seed.load(Ordering::Relaxed);
        watch();
        let kind = plan.kind.unwrap_or(Kind::ALL[seed as usize % Kind::ALL.len()]);
        job.images.fetch_add(1, Ordering::Relaxed);
        let calls = drive(&scene, kind, &bytes_of(seed));
        job.calls.fetch_add(calls, Ordering::Relaxed);
        job.seed.fetch_add(plan.jobs, Ordering::Relaxed);
    }
    job.done.store(1, Ordering::Relaxed);
}

/// Ends this process by a signal if it works for too long from now on.
fn watch() {
    let zero = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let value = libc::timeval { tv_sec: PATIENCE, tv_usec: 0 };
    let timer = libc::itimerval { it_interval: zero, it_value: value };
    // SAFETY: a valid timer; the old one is not asked for.
    unsafe { libc::setitimer(libc::ITIMER_VIRTUAL, &raw const timer, std::ptr::null_mut()) };
}
