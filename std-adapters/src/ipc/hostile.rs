//! Tests with handles that somebody made up, with a right check sum.
//!
//! Whatever they say, opening them is an error, or gives bytes that are there.

use std::ffi::CString;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use proptest::prelude::*;

use super::handle::{HandleKind, NAME_ROOM, OwnerId, Parts, Place};
use super::{IpcError, IpcHandle, StandIn, get_from, open, put, visit};
use crate::provider::{OsOptions, OsProvider, Provider, Visibility};
use crate::sys::file_id::FileId;

/// A page that is offered.
struct Offered {
    provider: OsProvider,
    handle: IpcHandle,
}

impl Offered {
    fn new() -> Self {
        let options = OsOptions::new().visibility(Visibility::Shared);
        let provider = options.build().expect("a provider");
        let span = provider.allocate(8192, 4096).expect("memory");
        let handle = get_from(&provider, span).expect("it shares");
        Self { provider, handle }
    }

    fn parts(&self) -> Parts {
        self.handle.parts().expect("a handle")
    }
}

impl Drop for Offered {
    fn drop(&mut self) {
        assert_eq!(put(&self.handle), Ok(true));
        assert!(self.provider.usage().current > 0);
    }
}

fn name(text: &str) -> Place {
    let bytes = text.as_bytes();
    let mut room = [0; NAME_ROOM];
    room[..bytes.len()].copy_from_slice(bytes);
    Place::Name(room)
}

fn identity(path: &str) -> FileId {
    let found = rustix::fs::stat(path).expect("there");
    FileId { device: found.st_dev, inode: found.st_ino }
}

/// A handle that says `parts`, opened; its ends are there if it can be.
fn open_made_up(parts: &Parts) -> Result<(), IpcError> {
    let opened = open(&IpcHandle::of(parts)?)?;
    // SAFETY: the block is open and that long; nobody else uses what tests offer.
    unsafe {
        opened.as_ptr().read_volatile();
        opened.as_ptr().add(opened.len() - 1).read_volatile();
    }
    Ok(())
}

/// What would do something, wait or be read for nobody's good.
#[test]
fn names_that_are_no_memory_are_not_opened() {
    let offered = Offered::new();
    let pipe = PathBuf::from(format!("/tmp/amp{}", std::process::id()));
    let c_pipe = CString::new(pipe.to_str().expect("text")).expect("text");
    // SAFETY: the path ends in a zero byte.
    assert_eq!(unsafe { libc::mkfifo(c_pipe.as_ptr(), 0o600) }, 0);
    for kind in [HandleKind::Anonymous, HandleKind::Shm, HandleKind::File, HandleKind::Dax] {
        for path in ["/dev/zero", "/dev/null", "/dev/tty", "/", "/tmp", "/proc/self/mem", "..", ""]
            .into_iter()
            .chain(pipe.to_str())
        {
            let known = Some(path).filter(|it| std::fs::metadata(it).is_ok());
            let file = known.map_or(FileId { device: 1, inode: 1 }, identity);
            let parts = Parts { kind, file, place: name(path), ..offered.parts() };
            open_made_up(&parts).expect_err(path);
        }
    }
    std::fs::remove_file(&pipe).expect("there");
}

#[test]
fn another_file_of_the_name_is_refused() {
    let path = format!("/tmp/amo{}", std::process::id());
    std::fs::write(&path, [1; 4096]).expect("writable");
    let offered = Offered::new();
    let place = name(&path);
    let right = Parts { kind: HandleKind::File, file: identity(&path), place, ..offered.parts() };
    let file = FileId { inode: right.file.inode + 1, ..right.file };
    let error = open_made_up(&Parts { file, ..right }).expect_err("another file");
    assert!(matches!(error, IpcError::OtherFile { .. } | IpcError::Withdrawn), "{error}");
    let error = open_made_up(&Parts { len: 4097, ..right }).expect_err("too short");
    assert!(matches!(error, IpcError::BeyondFile { .. }), "{error}");
    open_made_up(&Parts { len: 4096, offset: 0, ..right }).expect("it is the file");
    std::fs::remove_file(&path).expect("there");
}

#[test]
fn numbers_of_other_descriptors_are_refused() {
    let offered = Offered::new();
    let right = offered.parts();
    let Place::Descriptor { file, ledger } = right.place else { panic!("it has no name") };
    let other = std::fs::File::open("/proc/self/exe").expect("there");
    // Nobody has been heard of yet, as it would be elsewhere.
    let stranger = OwnerId { token: right.owner.token ^ 8, ..right.owner };
    for place in [
        Place::Descriptor { file: other.as_raw_fd(), ledger },
        Place::Descriptor { file, ledger: file },
        Place::Descriptor { file: ledger, ledger },
        Place::Descriptor { file: -1, ledger: -1 },
        Place::Descriptor { file: i32::MAX, ledger: i32::MAX },
    ] {
        let error = open_made_up(&Parts { place, owner: stranger, ..right }).expect_err("no such");
        assert!(matches!(error, IpcError::OwnerGone { .. } | IpcError::Withdrawn), "{error}");
    }
    // The file is checked, wherever it comes from.
    let twin = Offered::new();
    let place = Place::Descriptor { file: other.as_raw_fd(), ledger };
    let error = open_made_up(&Parts { place, ..twin.parts() }).expect_err("another file");
    assert_eq!(error, IpcError::Withdrawn);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_a_handle_of_a_stand_in_says_is_checked(
        writable: bool,
        is_mapped: bool,
        offset in prop_oneof![Just(0_u64), 0..10_000_u64, (1_u64 << 29)..1 << 30, 0_u64..1 << 48],
        len in prop_oneof![Just(8192_u64), 1..10_000_u64, (1_u64 << 48) - 10_000..1 << 48],
        slot in prop_oneof![0..3_u32, 0_u32..],
        generation in prop_oneof![0..5_u32, 0_u32..],
        numbers in (-2..40_i32, -2..40_i32),
    ) {
        let stand_in = StandIn::new(8192, &[1; StandIn::NOTE], []).expect("made");
        let handle = stand_in.get(0, 8192).expect("offered");
        let right = handle.parts().expect("a handle");
        let visit_made_up = |parts: &Parts| {
            let guest = visit(&IpcHandle::of(parts)?)?;
            assert!(guest.offset() + guest.len() as u64 <= 8192 && guest.note() == [1; StandIn::NOTE]);
            Ok::<(), IpcError>(())
        };
        let place = Place::Descriptor { file: numbers.0, ledger: numbers.1 };
        let _ = visit_made_up(&Parts { writable, offset, len, slot, generation, place, ..right });
        let _ = visit_made_up(&Parts { writable, offset, len, slot, ..right });
        let kind = if is_mapped { HandleKind::Anonymous } else { HandleKind::StandIn };
        let as_memory = open_made_up(&Parts { kind, len: 8192, ..right });
        prop_assert_eq!(as_memory.is_ok(), is_mapped);
        prop_assert_eq!(visit_made_up(&Parts { writable, ..right }).is_ok(), writable);
        // Memory of another kind is not taken for one.
        let offered = Offered::new();
        let other = Parts { kind: HandleKind::StandIn, ..offered.parts() };
        prop_assert_eq!(visit_made_up(&other), Err(IpcError::NotAStandIn));
        prop_assert_eq!(visit_made_up(&right), Ok(()));
    }

    #[test]
    fn whatever_a_handle_says_is_checked(
        writable: bool,
        is_named: bool,
        kind in 0..4_usize,
        offset in prop_oneof![Just(0_u64), 0..10_000_u64, (1_u64 << 48) - 10_000..1 << 48, 0_u64..],
        len in prop_oneof![Just(8192_u64), 1..10_000_u64, (1_u64 << 48) - 10_000..1 << 48, 0_u64..],
        slot in prop_oneof![0..3_u32, 0_u32..],
        generation in prop_oneof![0..5_u32, 0_u32..],
        numbers in (-2..40_i32, -2..40_i32),
        pid in prop_oneof![Just(None), Just(Some(0)), Just(Some(u32::MAX)), Just(Some(1))],
    ) {
        let offered = Offered::new();
        let right = offered.parts();
        let kinds = [HandleKind::Anonymous, HandleKind::Shm, HandleKind::File, HandleKind::Dax];
        let by_number = Place::Descriptor { file: numbers.0, ledger: numbers.1 };
        let made_up = Parts {
            kind: kinds[kind],
            writable,
            owner: OwnerId { pid: pid.unwrap_or(right.owner.pid), ..right.owner },
            offset,
            len,
            slot,
            generation,
            place: if is_named { name("/dev/shm") } else { by_number },
            ..right
        };
        let _ = open_made_up(&made_up);
        prop_assert_eq!(open_made_up(&right), Ok(()), "it is what it was");
        // What is in the page's file and in the offer is opened, nothing else.
        let inside = Parts { offset, len, ..right };
        let fits = offset.checked_add(len).is_some_and(|end| end <= 8192) && len > 0;
        prop_assert_eq!(open_made_up(&inside).is_ok(), fits);
    }
}
