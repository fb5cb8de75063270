//! Memory that the processor does not reach, offered to other processes by its stand-in.

use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};

use anymem::ipc::{self, Guest, Handover, IpcError, IpcHandle, StandIn, visit};
use anymem_tests::sharer::{from_word, to_word};
use anymem_tests::{Peer, listen, part, role, tell, turn};
use proptest::prelude::*;

const LEN: u64 = 1 << 32;

fn note(byte: u8) -> [u8; StandIn::NOTE] {
    [byte; StandIn::NOTE]
}

fn stand_in() -> StandIn {
    StandIn::new(LEN, &note(7), []).expect("made")
}

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match part(&words) {
        ["guest"] => guest(),
        ["owner"] => owner(),
        words => panic!("no such role: {words:?}"),
    }
}

/// Opens and closes what it is told to.
fn guest() {
    let mut open: Vec<Guest> = Vec::new();
    tell("ready");
    while let Some(line) = Some(listen()).filter(|line| !line.is_empty()) {
        let words: Vec<_> = line.split_whitespace().collect();
        let answer = match *words {
            ["open", word] => match visit(&from_word(word)) {
                Ok(guest) => {
                    open.push(guest);
                    "open".into()
                }
                Err(error) => format!("{error:?}"),
            },
            ["close"] => {
                open.pop();
                "closed".into()
            }
            ["trim"] => ipc::trim().to_string(),
            ["fork"] => fork(&mut open),
            _ => panic!("{line}"),
        };
        tell(&answer);
    }
}

/// A child that ends what its parent has open, and goes on living until its parent ends.
fn fork(open: &mut Vec<Guest>) -> String {
    let mut ends = [0; 2];
    // SAFETY: there is room for two descriptors.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    // SAFETY: the child uses nothing that another thread of the parent could have locked.
    let child = unsafe { libc::fork() };
    if child == 0 {
        open.clear();
        ipc::trim();
        let byte = [1_u8];
        // SAFETY: the byte is readable; `pause` and `_exit` end in nothing else.
        unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            libc::write(ends[1], byte.as_ptr().cast(), 1);
            libc::pause();
            libc::_exit(0);
        }
    }
    let mut byte = [0_u8];
    // SAFETY: the byte is writable.
    assert_eq!(unsafe { libc::read(ends[0], byte.as_mut_ptr().cast(), 1) }, 1);
    child.to_string()
}

/// Offers a block until it is told to end.
fn owner() {
    let stand_in = stand_in();
    tell(&to_word(&stand_in.get(4096, 100).expect("offered")));
    while let Some(line) = Some(listen()).filter(|line| !line.is_empty()) {
        assert_eq!(line, "withdraw");
        tell(&stand_in.withdraw(0, LEN).expect("done").to_string());
    }
}

fn is_used(stand_in: &StandIn) -> bool {
    stand_in.is_used(0, LEN).expect("it can be asked")
}

#[test]
fn a_block_is_a_place_in_memory_that_nobody_maps() {
    let stand_in = stand_in();
    let handle = stand_in.get(1 << 31, 12_345).expect("offered");
    assert_eq!(ipc::open(&handle).expect_err("no memory"), IpcError::OutOfReach);
    let guest = visit(&handle).expect("offered");
    assert_eq!((guest.offset(), guest.len()), (1 << 31, 12_345));
    assert_eq!(guest.note(), note(7));
    assert!(guest.owner_lives());
    assert_eq!(guest.descriptor(0).expect_err("it has none"), IpcError::Withdrawn);
    for (offset, len) in [(LEN, 1), (LEN - 1, 2), (u64::MAX, 1), (0, 0)] {
        let error = stand_in.get(offset, len).expect_err("not of the memory");
        assert!(matches!(error, IpcError::BeyondFile { .. }), "{error}");
    }
}

#[test]
fn it_is_used_until_the_last_guest_is_gone() {
    // What is mapped is the whole process's, and so is trimming it.
    let _turn = turn();
    let stand_in = stand_in();
    let handle = stand_in.get(0, 4096).expect("offered");
    let other = stand_in.get(4096, 4096).expect("offered");
    let guests = [visit(&handle).expect("offered"), visit(&handle).expect("offered")];
    assert_eq!(stand_in.withdraw(0, 4096), Ok(1));
    assert_eq!(visit(&handle).expect_err("taken back"), IpcError::Withdrawn);
    let [first, second] = guests;
    assert_eq!(stand_in.is_used(4096, 4096), Ok(false), "another block");
    drop(first);
    assert_eq!(stand_in.is_used(100, 1), Ok(true));
    drop(second);
    assert_eq!(stand_in.is_used(0, LEN), Ok(false));
    assert!(stand_in.is_open(), "it is kept");
    visit(&other).expect("it is still offered");
    stand_in.ask_to_close();
    drop(visit(&other));
    assert!(!stand_in.is_open());
}

/// A number of an offer that others count by is not given to another offer.
#[test]
fn another_offer_is_not_taken_for_one_that_lingers() {
    let stand_in = stand_in();
    let guest = visit(&stand_in.get(0, 10).expect("offered")).expect("offered");
    assert_eq!(stand_in.withdraw(0, 10), Ok(1));
    let again = stand_in.get(10, 10).expect("offered");
    drop(visit(&again).expect("offered"));
    assert!(is_used(&stand_in));
    drop(guest);
    assert!(!is_used(&stand_in));
    assert_eq!(ipc::put(&again), Ok(true));
    assert!(!is_used(&stand_in));
}

#[test]
fn guests_that_are_killed_use_nothing() {
    let stand_in = stand_in();
    let word = to_word(&stand_in.get(0, 4096).expect("offered"));
    let mut guests: Vec<_> = (0..3).map(|_| Peer::start(&["guest"])).collect();
    for guest in &mut guests {
        assert_eq!(guest.hear(), "ready");
        assert_eq!(guest.does(&format!("open {word}")), "open");
    }
    assert_eq!(stand_in.withdraw(0, LEN), Ok(1));
    for guest in guests {
        assert!(is_used(&stand_in) && stand_in.is_open());
        guest.kill();
    }
    assert!(!is_used(&stand_in) && !stand_in.is_open());
    // Their lanes are others' then, who begin with none.
    let word = to_word(&stand_in.get(0, 4096).expect("offered"));
    let mut next = Peer::start(&["guest"]);
    assert_eq!(next.hear(), "ready");
    assert_eq!(next.does(&format!("open {word}")), "open");
    assert_eq!(next.does("close"), "closed");
    assert_eq!(stand_in.withdraw(0, LEN), Ok(1));
    assert!(!is_used(&stand_in) && stand_in.is_open());
    assert_eq!(next.does("trim"), "1");
    assert!(!stand_in.is_open());
    next.finish();
}

#[test]
fn a_forked_child_ends_no_use_and_keeps_nothing_in_use() {
    let stand_in = stand_in();
    let word = to_word(&stand_in.get(0, 4096).expect("offered"));
    let mut guest = Peer::start(&["guest"]);
    assert_eq!(guest.hear(), "ready");
    assert_eq!(guest.does(&format!("open {word}")), "open");
    let child = guest.does("fork");
    assert_eq!(stand_in.withdraw(0, LEN), Ok(1));
    assert!(is_used(&stand_in), "the child ended its parent's use");
    guest.kill();
    assert!(!is_used(&stand_in) && !stand_in.is_open(), "the child {child} is no guest");
}

#[test]
fn an_owner_that_is_killed_is_gone_and_harms_nobody() {
    let _turn = turn();
    let mut owner = Peer::start(&["owner"]);
    let handle = from_word(&owner.hear());
    let guest = visit(&handle).expect("offered");
    assert!(guest.owner_lives());
    owner.kill();
    assert!(!guest.owner_lives());
    drop(guest);
    ipc::trim();
    let error = visit(&handle).expect_err("it is gone");
    assert!(matches!(error, IpcError::OwnerGone { .. }), "{error}");
}

#[test]
fn what_is_attached_is_made_once_and_dropped_before_the_owner_is_told() {
    struct Attached(&'static AtomicUsize);

    impl Drop for Attached {
        fn drop(&mut self) {
            self.0.fetch_add(100, Ordering::Relaxed);
        }
    }

    static MADE: AtomicUsize = AtomicUsize::new(0);
    let stand_in = stand_in();
    let guest = visit(&stand_in.get(0, 10).expect("offered")).expect("offered");
    guest.attached::<Attached, _>(|| Err(IpcError::Withdrawn)).map(|_| ()).expect_err("it failed");
    for _ in 0..3 {
        let made = guest.attached::<_, IpcError>(|| {
            MADE.fetch_add(1, Ordering::Relaxed);
            Ok(Attached(&MADE))
        });
        assert!(made.is_ok());
    }
    assert_eq!(guest.attached::<u8, _>(|| Ok(3)), Err(IpcError::OtherUse));
    assert_eq!(MADE.load(Ordering::Relaxed), 1);
    stand_in.ask_to_close();
    drop(guest);
    assert_eq!(MADE.load(Ordering::Relaxed), 101);
}

fn text_of(descriptor: OwnedFd) -> String {
    let mut file = std::fs::File::from(descriptor);
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).expect("readable");
    text
}

/// A file without a name, with a text in it.
fn file_of(text: &str) -> OwnedFd {
    let path = std::env::temp_dir().join(format!("anymem-{text}-{}", std::process::id()));
    let mut file = std::fs::File::options()
        .create(true)
        .truncate(true)
        .read(true)
        .write(true)
        .open(&path)
        .expect("writable");
    file.write_all(text.as_bytes()).expect("writable");
    std::fs::remove_file(&path).expect("there");
    file.into()
}

#[test]
fn descriptors_go_with_the_memory() {
    let files = ["beside", "and", "behind"].map(file_of);
    let stand_in = StandIn::new(LEN, &note(1), files).expect("made");
    let guest = visit(&stand_in.get(0, 10).expect("offered")).expect("offered");
    let all = || [0, 1, 2].map(|at| text_of(guest.descriptor(at).expect("taken")));
    assert_eq!(all(), ["beside", "and", "behind"]);
    let _handover = Handover::serve().expect("it serves");
    assert_eq!(all(), ["beside", "and", "behind"]);
    for beyond in [3, StandIn::DESCRIPTORS, usize::MAX] {
        assert_eq!(guest.descriptor(beyond).expect_err("there are three"), IpcError::Withdrawn);
    }
}

#[test]
fn more_descriptors_than_there_is_room_for_are_refused() {
    let most = StandIn::DESCRIPTORS;
    let files = (0..=most).map(|_| OwnedFd::from(std::io::pipe().expect("a pipe").0));
    let refused = StandIn::new(LEN, &note(1), files.collect::<Vec<_>>()).expect_err("too many");
    assert_eq!(refused, IpcError::TooManyDescriptors { asked: most + 1, most });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn bytes_that_are_changed_are_refused(at in 0..64_usize, flip in 1..=255_u8) {
        let stand_in = stand_in();
        let handle = stand_in.get(0, 10).expect("offered");
        let mut bytes = handle.to_bytes();
        bytes[at] ^= flip;
        prop_assert!(IpcHandle::from_bytes(&bytes).is_err());
        prop_assert!(visit(&handle).is_ok());
    }
}
