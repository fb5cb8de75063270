//! POSIX threads as a thread model.

use core::ffi::c_void;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anymem::thread::{Liveness, Owner, PthreadModel, ThreadModel, TlsError, TlsKey};
use anymem_tests::{Peer, listen, role, tell, turn};

const MODEL: PthreadModel = PthreadModel;

#[test]
fn peer() {
    if role().is_some() {
        let owner = MODEL.owner();
        tell(&format!("{} {}", owner.pid, owner.start));
        let _ = listen();
    }
}

/// A process and what it says it is.
fn other() -> (Peer, Owner) {
    let mut peer = Peer::start(&["tell"]);
    let said = peer.hear();
    let (pid, start) = said.split_once(' ').expect("two numbers");
    let owner = Owner { pid: pid.parse().expect("pid"), start: start.parse().expect("start") };
    assert_eq!(owner.pid, peer.pid());
    (peer, owner)
}

/// The two ends of a pipe.
fn pipe() -> (File, File) {
    let mut ends = [0; 2];
    // SAFETY: two descriptors fit, and nobody else has them.
    unsafe {
        assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC), 0);
        let file = |fd| File::from(OwnedFd::from_raw_fd(fd));
        (file(ends[0]), file(ends[1]))
    }
}

#[test]
fn threads_have_ids_of_their_own() {
    let mine = MODEL.thread_id();
    assert_eq!(mine, MODEL.thread_id());
    let other = thread::spawn(|| MODEL.thread_id()).join().expect("it ends");
    assert_ne!(mine, other);
}

#[test]
fn sleeping_takes_time() {
    let before = Instant::now();
    MODEL.sleep(Duration::from_millis(5));
    MODEL.yield_now();
    assert!(before.elapsed() >= Duration::from_millis(5));
}

#[test]
fn a_process_lives_until_it_ends() {
    let (peer, owner) = other();
    assert!(MODEL.is_alive(owner));
    assert!(MODEL.is_alive(Owner { start: 0, ..owner }), "unknown start: in doubt, yes");
    assert!(!MODEL.is_alive(Owner { start: owner.start + 1, ..owner }), "the id was used again");
    peer.kill();
    assert!(!MODEL.is_alive(owner));
    assert!(!MODEL.is_alive(Owner { start: 0, ..owner }));
}

#[test]
fn a_zombie_is_dead() {
    let (mut peer, owner) = other();
    peer.child.kill().expect("still there");
    // The pipe ends when the process has ended; nobody has waited for it yet.
    let mut rest = String::new();
    let mut output = peer.child.stdout.take();
    assert!(output.as_mut().is_none_or(|it| it.read_to_string(&mut rest).is_ok()));
    // SAFETY: the structure is writable; the process stays to be waited for.
    unsafe {
        let mut info = std::mem::zeroed::<libc::siginfo_t>();
        let flags = libc::WEXITED | libc::WNOWAIT;
        assert_eq!(libc::waitid(libc::P_PID, owner.pid, &raw mut info, flags), 0);
    }
    assert!(!MODEL.is_alive(owner));
    peer.kill();
}

#[test]
fn this_process_lives() {
    let owner = MODEL.owner();
    assert_eq!(owner.pid, std::process::id());
    assert_ne!(owner.start, 0);
    assert!(MODEL.is_alive(owner));
    assert!(!MODEL.is_alive(Owner { pid: 0, start: 0 }));
    assert!(!MODEL.is_alive(Owner { pid: u32::MAX, start: 0 }));
}

#[test]
fn a_forked_child_is_another_owner() {
    let parent = MODEL.owner();
    let thread = MODEL.thread_id();
    let (mut from, mut to) = pipe();
    // SAFETY: the child only asks the model, writes and exits.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let child = MODEL.owner();
        let differs = child != parent && MODEL.thread_id() != thread;
        let right = u64::from(child.pid) == MODEL.thread_id().0 && child.start != 0;
        let both_live = MODEL.is_alive(parent) && MODEL.is_alive(child);
        let _ = to.write_all(&[u8::from(differs), u8::from(right), u8::from(both_live)]);
        // SAFETY: ends the process.
        unsafe { libc::_exit(0) };
    }
    drop(to);
    let mut said = Vec::new();
    from.read_to_end(&mut said).expect("readable");
    // SAFETY: waits for the child made above.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
    assert_eq!(said, [1, 1, 1]);
    assert_eq!(MODEL.owner(), parent);
}

#[test]
fn a_process_whose_first_thread_ended_lives() {
    let (mut from, mut to) = pipe();
    let (mut go_from, go_to) = pipe();
    // SAFETY: the child makes one thread and ends its first.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        drop(go_to);
        thread::spawn(move || {
            let leader = format!("/proc/self/task/{}/stat", std::process::id());
            while !std::fs::read_to_string(&leader).unwrap_or_default().contains(") Z ") {
                thread::yield_now();
            }
            let _ = to.write_all(&[1]);
            let _ = go_from.read(&mut [0]);
            // SAFETY: ends the process.
            unsafe { libc::_exit(0) };
        });
        // SAFETY: ends the calling thread only.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
        unreachable!();
    }
    drop(to);
    from.read_exact(&mut [0]).expect("the first thread has ended");
    let owner = Owner { pid: pid as u32, start: 0 };
    assert!(MODEL.is_alive(owner));
    drop(go_to);
    // SAFETY: waits for the child made above.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
    assert!(!MODEL.is_alive(owner));
}

static ENDED: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn count_end(value: *mut c_void) {
    ENDED.fetch_add(value.addr(), Ordering::Relaxed);
}

#[test]
fn values_are_the_threads_own_and_end_with_them() {
    // The system gives the numbers of keys that are gone to the next one.
    let _turn = turn();
    let value = |number| std::ptr::without_provenance_mut::<c_void>(number);
    let key = MODEL.create_tls(Some(count_end)).expect("a key");
    assert!(MODEL.get_tls(key).is_null());
    thread::scope(|scope| {
        for number in 1..=10 {
            scope.spawn(move || {
                assert!(MODEL.get_tls(key).is_null());
                MODEL.set_tls(key, value(number)).expect("set");
                assert_eq!(MODEL.get_tls(key), value(number));
            });
        }
    });
    // A scope waits for the threads' closures, joining for the threads.
    let last = thread::spawn(move || MODEL.set_tls(key, value(45)));
    last.join().expect("it ends").expect("set");
    while ENDED.load(Ordering::Relaxed) < 100 {
        thread::yield_now();
    }
    assert_eq!(ENDED.load(Ordering::Relaxed), 100);
    MODEL.destroy_tls(key).expect("known");
    assert_eq!(MODEL.destroy_tls(key), Err(TlsError::UnknownKey));
}

#[test]
fn unknown_keys_are_errors() {
    let _turn = turn();
    let gone = MODEL.create_tls(None).expect("a key");
    MODEL.destroy_tls(gone).expect("known");
    for key in [TlsKey(usize::MAX), TlsKey(1 << 20), TlsKey(1023)] {
        assert!(MODEL.get_tls(key).is_null());
        assert_eq!(MODEL.set_tls(key, std::ptr::null_mut()), Err(TlsError::UnknownKey));
        assert_eq!(MODEL.destroy_tls(key), Err(TlsError::UnknownKey));
    }
}
