//! Threads, their values, sleeping, and who lives.
//!
//! Tests take turns that use keys, of which there are few for all of this process.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use anymem::backend::{Backend, SectionBackend};
use anymem::thread::{Liveness, Owner, ThreadModel, TlsError, WindowsModel};
use anymem_tests::turn;

const MODEL: WindowsModel = WindowsModel;

const LONG: Duration = Duration::from_secs(60);

#[test]
fn threads_have_ids_of_their_own() {
    let here = MODEL.thread_id();
    assert_eq!(here, MODEL.thread_id());
    assert_ne!(here, thread::spawn(|| MODEL.thread_id()).join().unwrap());
}

#[test]
fn this_process_lives_and_no_other_of_its_id_does() {
    let me = MODEL.owner();
    assert_eq!(me.pid, std::process::id());
    assert!(MODEL.is_alive(me));
    assert!(MODEL.is_alive(Owner::from_word(me.to_word())));
    assert!(!MODEL.is_alive(Owner { start: me.start + 1, ..me }));
}

/// The system keeps its id for as long as it is open here.
#[test]
fn a_process_that_has_ended_is_dead_while_it_is_open() {
    let mut child = Command::new("cmd").arg("/k").stdin(Stdio::piped()).spawn().expect("cmd");
    let owner = Owner { pid: child.id(), start: 0 };
    assert!(MODEL.is_alive(owner));
    child.kill().expect("it lives");
    child.wait().expect("it ends");
    assert!(!MODEL.is_alive(owner));
    drop(child);
}

#[test]
fn who_waits_for_another_value_does_not_wait() {
    let (word, begin) = (AtomicUsize::new(1), Instant::now());
    assert!(!MODEL.wait(&word, 2, LONG));
    assert!(begin.elapsed() < LONG);
}

#[test]
fn who_is_not_woken_waits_as_long_as_told() {
    let (word, begin, time) = (AtomicUsize::new(1), Instant::now(), Duration::from_millis(30));
    // The system may wake it for no reason, though not all the time.
    let is_over = || MODEL.wait(&word, 1, time.saturating_sub(begin.elapsed()));
    assert!((0..100).any(|_| is_over()));
    assert!(begin.elapsed() >= time);
}

/// What is beyond 32 bits does not count.
#[test]
fn who_waits_is_woken() {
    let word = AtomicUsize::new(1 << 32 | 5);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| MODEL.wait(&word, 5, LONG));
        word.store(6, Ordering::Release);
        MODEL.wake(&word, 1);
        assert!(!waiter.join().unwrap());
    });
}

/// As between processes: the word is at two addresses.
#[test]
fn who_waits_sees_what_is_stored_at_another_address() {
    let one = SectionBackend::unnamed(1_usize << 16).unwrap();
    let section = one.handle().try_clone_to_owned().unwrap();
    let other = SectionBackend::attach(section).unwrap();
    assert_ne!(one.base(), other.base());
    let word = |backend: &SectionBackend| {
        // SAFETY: the base is mapped, aligned, and zeroed; the backends live on.
        unsafe { &*backend.base().cast::<AtomicUsize>().as_ptr() }
    };
    thread::scope(|scope| {
        let waiter = scope.spawn(|| MODEL.wait(word(&one), 0, LONG));
        word(&other).store(1, Ordering::Release);
        MODEL.wake(word(&other), 1);
        assert!(!waiter.join().unwrap());
    });
}

fn value(number: usize) -> *mut c_void {
    ptr::without_provenance_mut(number)
}

#[test]
fn values_are_their_threads_own() {
    let _turn = turn();
    let key = MODEL.create_tls(None).unwrap();
    assert!(MODEL.get_tls(key).is_null());
    MODEL.set_tls(key, value(7)).unwrap();
    thread::spawn(move || {
        assert!(MODEL.get_tls(key).is_null());
        MODEL.set_tls(key, value(8)).unwrap();
        assert_eq!(MODEL.get_tls(key), value(8));
    })
    .join()
    .unwrap();
    assert_eq!(MODEL.get_tls(key), value(7));
    MODEL.destroy_tls(key).unwrap();
}

#[test]
fn a_key_that_was_destroyed_is_unknown_also_when_its_place_is_taken() {
    let _turn = turn();
    let old = MODEL.create_tls(None).unwrap();
    MODEL.set_tls(old, value(7)).unwrap();
    MODEL.destroy_tls(old).unwrap();
    let new = MODEL.create_tls(None).unwrap();
    assert!(MODEL.get_tls(new).is_null());
    assert!(MODEL.get_tls(old).is_null());
    assert_eq!(MODEL.set_tls(old, value(1)), Err(TlsError::UnknownKey));
    assert_eq!(MODEL.destroy_tls(old), Err(TlsError::UnknownKey));
    MODEL.destroy_tls(new).unwrap();
}

static ENDED: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// Notes the value.
unsafe extern "C" fn note(value: *mut c_void) {
    ENDED.lock().unwrap().push(value.addr());
}

fn ended(numbers: core::ops::Range<usize>) -> Vec<usize> {
    let mut found: Vec<_> = ENDED.lock().unwrap().clone();
    found.retain(|number| numbers.contains(number));
    found.sort_unstable();
    found
}

#[test]
fn what_is_to_be_called_at_a_threads_end_is_called_with_its_values() {
    let _turn = turn();
    let keys = [(); 2].map(|()| MODEL.create_tls(Some(note)).unwrap());
    for first in [100, 110] {
        thread::spawn(move || {
            for (key, number) in keys.into_iter().zip(first..) {
                MODEL.set_tls(key, value(number)).unwrap();
            }
        })
        .join()
        .unwrap();
    }
    assert_eq!(ended(100..200), [100, 101, 110, 111]);
    keys.into_iter().for_each(|key| MODEL.destroy_tls(key).unwrap());
}

#[test]
fn nothing_is_called_for_a_key_that_was_destroyed() {
    let _turn = turn();
    let key = MODEL.create_tls(Some(note)).unwrap();
    thread::spawn(move || {
        MODEL.set_tls(key, value(200)).unwrap();
        MODEL.destroy_tls(key).unwrap();
    })
    .join()
    .unwrap();
    assert_eq!(ended(200..300), []);
}

#[test]
fn keys_run_out_and_come_back() {
    let _turn = turn();
    let keys: Vec<_> = core::iter::from_fn(|| MODEL.create_tls(None).ok()).collect();
    assert!(keys.len() >= 32, "{} keys", keys.len());
    assert_eq!(MODEL.create_tls(None), Err(TlsError::NoKeyLeft));
    for key in keys {
        MODEL.destroy_tls(key).unwrap();
    }
    let key = MODEL.create_tls(None).unwrap();
    MODEL.destroy_tls(key).unwrap();
}

#[test]
fn the_clock_goes_on() {
    let before = MODEL.clock().expect("there is one");
    MODEL.sleep(Duration::from_millis(40));
    assert!(MODEL.clock().unwrap() > before);
}
