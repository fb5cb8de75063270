//! Processes that see the system differently: in other namespaces.
//!
//! A process cannot enter a new PID namespace, only its children can. So a
//! *steward* is started first, who starts the process proper and stays outside;
//! what it [`tell`]s comes before and after what the process itself does.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::mounts::{check, mount, own_mounts};
use crate::{Peer, listen, skip, tell};

/// The first word of a steward's role.
const STEWARD: &str = "steward";

/// The first word of the role of the process proper.
const INSIDE: &str = "inside";

/// What a process sees differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Process ids; `/proc` is the one of this process.
    Pids,
    /// Process ids, and `/proc` fits them.
    PidsAndProc,
    /// The id of the boot.
    Boot,
    /// There is no `/proc`.
    NoProc,
}

impl View {
    const ALL: [(Self, &str); 4] = [
        (Self::Pids, "pids"),
        (Self::PidsAndProc, "pids and proc"),
        (Self::Boot, "boot"),
        (Self::NoProc, "no proc"),
    ];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(view, _)| *view == self).expect("one of all").1
    }

    fn of_word(word: &str) -> Self {
        Self::ALL.iter().find(|(_, name)| *name == word).expect("one of all").0
    }

    fn has_other_pids(self) -> bool {
        matches!(self, Self::Pids | Self::PidsAndProc)
    }

    /// Changes the view of the calling process, before it becomes the program.
    fn take(self) -> io::Result<()> {
        if self == Self::Pids {
            return Ok(());
        }
        own_mounts()?;
        match self {
            Self::Pids => Ok(()),
            Self::PidsAndProc => mount(Some(c"proc"), c"/proc", Some(c"proc"), 0, None),
            Self::NoProc => mount(Some(c"tmpfs"), c"/proc", Some(c"tmpfs"), 0, None),
            // Any file serves that is not the real one.
            Self::Boot => {
                let to = c"/proc/sys/kernel/random/boot_id";
                mount(Some(c"/proc/sys/kernel/random/uuid"), to, None, libc::MS_BIND, None)
            }
        }
    }
}

/// A process with another view.
#[derive(Debug)]
pub struct Elsewhere {
    /// To talk to it; the child is its steward.
    pub peer: Peer,
    /// Its process id, as this process knows it.
    pub pid: i32,
    ended: bool,
}

impl Elsewhere {
    /// Starts a process that finds `words` in [`role`](crate::role), as
    /// [`part`] leaves them.
    ///
    /// `None`, with a line that says so, where namespaces are not allowed and
    /// the environment says that this is all right. Panics otherwise.
    #[must_use]
    pub fn start(view: View, words: &[&str]) -> Option<Self> {
        if !is_allowed() {
            return None;
        }
        let mut peer = Peer::start(&[&[STEWARD, view.word()], words].concat());
        let pid = peer.hear().parse().expect("a process id");
        peer.say("go");
        Some(Self { peer, pid, ended: false })
    }

    /// Sends the process a signal.
    pub fn signal(&self, signal: i32) {
        // SAFETY: takes numbers; the steward has not waited for the process, so
        // the id is its own.
        assert_eq!(unsafe { libc::kill(self.pid, signal) }, 0, "still there");
    }

    /// Ends the process by SIGKILL; it stays a zombie for as long as this lives.
    pub fn kill(&mut self) {
        self.signal(libc::SIGKILL);
        assert_eq!(self.peer.hear(), "ended");
        self.ended = true;
    }

    /// Waits until the process is stopped by a signal that it was sent.
    pub fn wait_stopped(&self) {
        let stat = format!("/proc/{}/stat", self.pid);
        while !std::fs::read_to_string(&stat).expect("there").contains(") T ") {
            std::thread::yield_now();
        }
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // SAFETY: as in `signal`; it may be stopped, and would stay.
            unsafe { libc::kill(self.pid, libc::SIGKILL) };
            return;
        }
        if !self.ended {
            self.kill();
        }
        self.peer.say("go");
        self.peer.child.wait().expect("it ends");
    }
}

/// Whether this process may make namespaces.
fn is_allowed() -> bool {
    let mut command = Command::new("true");
    // SAFETY: only makes a system call.
    let error = unsafe { command.pre_exec(|| isolate(true)) }.status().err();
    let Some(error) = error else { return true };
    let allowed = std::env::var("ANYMEM_NO_NAMESPACES").is_ok_and(|it| it == "1");
    let text = format!(
        "namespaces cannot be made ({error}): run this test as root, or set \
         ANYMEM_NO_NAMESPACES=1 to go without it"
    );
    assert!(allowed, "{text}");
    skip("namespaces", &format!("namespaces ({error})"));
    false
}

/// What is left to do of a role; a steward's is played to its end.
#[must_use]
pub fn part<'a>(role: &'a [&'a str]) -> &'a [&'a str] {
    match role {
        [STEWARD, view, words @ ..] => steward(View::of_word(view), words),
        [INSIDE, words @ ..] => {
            assert_eq!(listen(), "go");
            words
        }
        words => words,
    }
}

fn steward(view: View, words: &[&str]) -> ! {
    if view.has_other_pids() {
        isolate(false).expect("it was allowed before");
    }
    let mut command = Peer::command(&[&[INSIDE], words].concat());
    // SAFETY: only makes system calls.
    let mut child =
        unsafe { command.pre_exec(move || view.take()) }.spawn().expect("another process");
    tell(&child.id().to_string());
    wait_ended(child.id());
    tell("ended");
    let _ = listen();
    let _ = child.wait();
    // Without a word of the test harness, to which nobody listens.
    std::process::exit(0)
}

/// Waits until a child ends, and leaves it a zombie.
fn wait_ended(pid: u32) {
    // SAFETY: the structure is writable; the process stays to be waited for.
    unsafe {
        let mut info = std::mem::zeroed::<libc::siginfo_t>();
        let flags = libc::WEXITED | libc::WNOWAIT;
        assert_eq!(libc::waitid(libc::P_PID, pid, &raw mut info, flags), 0);
    }
}

/// Has this process's children be in a PID namespace of their own, and be able
/// to mount where asked.
fn isolate(mounts: bool) -> io::Result<()> {
    let mounts = if mounts { libc::CLONE_NEWNS } else { 0 };
    // SAFETY: takes flags.
    check(unsafe { libc::unshare(libc::CLONE_NEWPID | mounts) })
}
