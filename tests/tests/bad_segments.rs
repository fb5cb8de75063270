//! Files that are not what they should be: each is refused with its own error.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;

use anymem::segment::VERSION;
use anymem::{HeapError, HeapOptions, Size};
use anymem_tests::{Directory, Peer, role};

/// Where things are in a header of this version.
const VERSION_AT: u64 = 8;
const ORDER_AT: u64 = 12;
const LAYOUT_AT: u64 = 16;
const PID_AT: u64 = 48;
const STATE_AT: u64 = 52;
const CREATING: u32 = 1;

struct Bad {
    dir: Directory,
    options: HeapOptions,
}

impl Bad {
    /// A good heap that is not attached, in a directory of its own.
    fn new(tag: &str) -> Self {
        let dir = Directory::new(tag);
        Peer::start(&[dir.path().to_str().expect("text")]).finish();
        let options = HeapOptions::new().directory(dir.path());
        Self { dir, options }
    }

    fn write(&self, at: u64, bytes: &[u8]) {
        let file = OpenOptions::new().write(true).open(self.dir.path().join("anymem.it"));
        file.expect("there").write_all_at(bytes, at).expect("written");
    }

    fn set_len(&self, len: u64) {
        let file = OpenOptions::new().write(true).open(self.dir.path().join("anymem.it"));
        file.expect("there").set_len(len).expect("cut");
    }

    fn error(&self) -> HeapError {
        let error = self.options.open("it").expect_err("not a good heap");
        assert_eq!(self.options.open_read_only("it").expect_err("the same"), error);
        assert!(error.to_string().contains("\"it\""), "{error}");
        error
    }
}

#[test]
fn peer() {
    if let Some(words) = role() {
        HeapOptions::new().directory(&words[0]).create("it", Size::mib(4)).expect("made");
    }
}

#[test]
fn other_contents() {
    let bad = Bad::new("magic");
    bad.write(0, b"ELF");
    assert!(matches!(bad.error(), HeapError::NotASegment { .. }));
    bad.write(0, &[0; 4096]);
    assert!(matches!(bad.error(), HeapError::NotASegment { .. }));
}

#[test]
fn another_version() {
    let bad = Bad::new("version");
    bad.write(VERSION_AT, &(VERSION + 1).to_ne_bytes());
    let name = "it".to_owned();
    let (found, expected) = (VERSION + 1, VERSION);
    assert_eq!(bad.error(), HeapError::OtherVersion { name, found, expected });
}

#[test]
fn another_layout() {
    let bad = Bad::new("layout");
    bad.write(LAYOUT_AT, &[1; 8]);
    assert!(matches!(bad.error(), HeapError::OtherLayout { .. }));
    let bad = Bad::new("order");
    bad.write(ORDER_AT, &1_u32.swap_bytes().to_ne_bytes());
    assert!(matches!(bad.error(), HeapError::OtherLayout { .. }));
}

#[test]
fn cut_off() {
    let bad = Bad::new("cut");
    for len in [(4 << 20) - 4096, 1 << 20, 65536, 4096, 4095, 1, 0] {
        bad.set_len(len);
        let error = bad.error();
        assert!(matches!(error, HeapError::Truncated { length, .. } if length == len), "{error}");
    }
}

#[test]
fn still_being_made() {
    let bad = Bad::new("creating");
    let creator = std::process::id();
    bad.write(STATE_AT, &CREATING.to_ne_bytes());
    // The heap's creator ended long ago.
    assert!(matches!(bad.error(), HeapError::CreatorDied { .. }));
    let start = start_of_this_process();
    bad.write(PID_AT, &creator.to_ne_bytes());
    bad.write(STATE_AT + 4, &start.to_ne_bytes());
    assert_eq!(bad.error(), HeapError::StillCreating { name: "it".into(), creator });
    bad.write(STATE_AT + 4, &(start + 1).to_ne_bytes());
    assert_eq!(bad.error(), HeapError::CreatorDied { name: "it".into(), creator });
    bad.write(STATE_AT, &77_u32.to_ne_bytes());
    assert!(matches!(bad.error(), HeapError::Damaged { .. }));
}

fn start_of_this_process() -> u64 {
    use anymem::thread::{PthreadModel, ThreadModel};
    PthreadModel.owner().start
}

#[test]
fn any_byte_of_the_header_may_be_wrong() {
    let bad = Bad::new("bytes");
    let good = fs::read(bad.dir.path().join("anymem.it")).expect("readable");
    for at in 0..128 {
        for flip in [0x01, 0x80, 0xff] {
            bad.write(at, &[good[at as usize] ^ flip]);
            // An error or a heap, never a crash.
            if let Ok(heap) = bad.options.open("it") {
                let _ = (heap.check(), heap.roots().iter().count());
                // SAFETY: nothing in the heap is in use.
                unsafe { heap.detach() }.expect("the only handle");
            }
            bad.write(at, &[good[at as usize]]);
        }
    }
    bad.options.open("it").expect("good again");
}
