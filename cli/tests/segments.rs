//! `anymem ls` and `anymem rm`, on what is a segment and on what is not.

mod common;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;

use anymem::container::ShmBox;
use anymem::{SharedHeap, Size};
use common::{Name, run, until, while_cut_off};

const STATE: usize = 3;
const PROCESSES: usize = 4;

fn state(name: &Name) -> String {
    run(["ls"]).succeeded().row(&name.0)[STATE].to_owned()
}

#[test]
fn a_heap_is_listed_with_what_it_holds() {
    let name = Name::new("listed");
    let heap = SharedHeap::create(&name.0, Size::mib(64)).expect("a heap");
    let _held = ShmBox::new_in([7_u8; 40_000], &heap).expect("a box");
    // A process that another test is just starting is a copy of this one for a moment.
    let listed = until("this process to be alone", || {
        let listed = run(["ls"]).succeeded();
        let alone = listed.row(&name.0)[PROCESSES] == std::process::id().to_string();
        alone.then_some(listed)
    });
    let row = listed.row(&name.0);
    assert_eq!(row[0], "64 MiB");
    assert_eq!(row[2], "40 KiB");
    assert_eq!(row[STATE], "ready");
}

#[test]
fn a_heap_is_removed_once() {
    let name = Name::new("removed");
    SharedHeap::create(&name.0, Size::mib(8)).expect("a heap");
    assert_eq!(run(["rm", &name.0]).succeeded().output, format!("removed {}\n", name.0));
    assert!(!name.path().exists());
    run(["rm", &name.0]).failed_with(1, "there is no heap named");
}

#[test]
fn others_are_removed_when_one_is_not() {
    let names = ["first", "second"].map(Name::new);
    for name in &names {
        SharedHeap::create(&name.0, Size::mib(8)).expect("a heap");
    }
    run(["rm", &names[0].0, "no-such-heap", &names[1].0])
        .failed_with(1, "1 of the names were not removed");
    assert!(names.iter().all(|name| !name.path().exists()));
}

#[test]
fn names_that_cannot_be_are_refused() {
    for name in ["", "a/b", "..", &"x".repeat(300)] {
        run(["rm", name]).failed_with(1, "cannot name a heap");
    }
    run(["rm"]).failed_with(2, "required");
}

#[test]
fn what_is_not_a_segment_is_listed_and_stays() {
    let (empty, short, long) =
        (Name::new("empty"), Name::new("short text"), Name::new("long text"));
    empty.write("");
    short.write("hello");
    long.write("no segment ".repeat(10_000));
    for name in [&empty, &short, &long] {
        assert_ne!(state(name), "ready");
        run(["rm", &name.0]).failed_with(1, "is not a segment: nothing was removed");
        assert!(name.path().exists());
    }
    assert_eq!(state(&long), "not a segment");
}

#[test]
fn links_and_directories_are_not_segments() {
    let (link, directory, target) = (Name::new("link"), Name::new("dir"), Name::new("target"));
    SharedHeap::create(&target.0, Size::mib(8)).expect("a heap");
    std::os::unix::fs::symlink(target.path(), link.path()).expect("a link");
    fs::create_dir(directory.path()).expect("a directory");
    run(["ls"]).succeeded();
    for name in [&link, &directory] {
        run(["rm", &name.0]).failed_with(1, "is not a segment: nothing was removed");
    }
    assert!(target.path().exists());
}

#[test]
fn segments_that_cannot_be_used_are_told_apart_and_removed() {
    for (label, expected, damage) in [
        ("version", "other version (4242)", (8, &4242_u32.to_ne_bytes()[..])),
        ("layout", "other layout", (16, &[1; 8][..])),
        ("order", "other byte order", (12, &[0, 0, 0, 1][..])),
        ("state", "damaged", (52, &[9; 4][..])),
        ("slots", "damaged", (40, &[0xff; 4][..])),
    ] {
        let name = Name::new(label);
        SharedHeap::create(&name.0, Size::mib(8)).expect("a heap");
        change(&name, damage.0, damage.1);
        assert_eq!(state(&name), expected, "{label}");
        run(["rm", &name.0]).succeeded();
        assert!(!name.path().exists());
    }
}

#[test]
fn a_segment_that_was_cut_off_is_told_and_removed() {
    for length in [100, 5000, 1 << 20] {
        let name = Name::new(&format!("cut.{length}"));
        SharedHeap::create(&name.0, Size::mib(8)).expect("a heap");
        let file = OpenOptions::new().write(true).open(name.path()).expect("the file");
        file.set_len(length).expect("it is cut off");
        assert_eq!(state(&name), "cut off");
        run(["rm", &name.0]).succeeded();
    }
}

#[test]
fn a_creator_that_died_is_told() {
    let name = Name::new("creator");
    SharedHeap::create(&name.0, Size::mib(8)).expect("a heap");
    // The state "being created", by a process number that no process has.
    change(&name, 48, &0x3f_ffff_u32.to_ne_bytes());
    change(&name, 52, &1_u32.to_ne_bytes());
    assert_eq!(state(&name), "its creator (pid 4194303) died");
    run(["rm", &name.0]).succeeded();
}

fn change(name: &Name, at: u64, bytes: &[u8]) {
    let file = OpenOptions::new().write(true).open(name.path()).expect("the file");
    file.write_all_at(bytes, at).expect("it is written");
}

#[test]
fn garbage_within_a_segment_crashes_nobody() {
    let good = Name::new("good");
    let heap = SharedHeap::create(&good.0, Size::mib(4)).expect("a heap");
    let _held = ShmBox::new_in([7_u64; 100], &heap).expect("a box");
    let bytes = fs::read(good.path()).expect("its bytes");
    let bad = Name::new("bad");
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..40 {
        let mut bytes = bytes.clone();
        for _ in 0..2000 {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            // Behind the header: in front of that the segment is refused.
            let at = 128 + (random >> 33) as usize % (1 << 20);
            bytes[at] = (random >> 20) as u8;
        }
        bad.write(&bytes);
        assert_eq!(state(&bad), "ready");
    }
    run(["rm", &bad.0]).succeeded();
}

#[test]
fn a_segment_that_is_cut_off_meanwhile_crashes_nobody() {
    let name = Name::new("shrinks");
    SharedHeap::create(&name.0, Size::mib(4)).expect("a heap");
    let listings: Vec<_> = while_cut_off(&name, || (0..50).map(|_| run(["ls"])).collect());
    listings.into_iter().for_each(|listed| drop(listed.succeeded()));
}

/// Not a test of its own: the process that dies in the one below.
#[test]
#[ignore = "started by a_process_that_died_is_marked"]
fn dies_with_a_heap_open() {
    let heap = common::heap_to_die_with();
    std::mem::forget(ShmBox::new_in(1_u32, &heap).expect("a box"));
    common::send(rustix::process::Signal::KILL, std::process::id());
}

#[test]
fn a_process_that_died_is_marked() {
    let name = Name::new("died");
    SharedHeap::create(&name.0, Size::mib(8)).expect("a heap");
    let dead = common::die("dies_with_a_heap_open", &name);
    let listed = run(["ls"]).succeeded();
    let marked = format!("{dead} (dead)");
    assert!(listed.row(&name.0)[PROCESSES].contains(&marked), "{listed:#?}");
}
