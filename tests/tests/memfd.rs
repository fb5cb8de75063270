//! Memory files without a name.

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use anymem::backend::{Backend, MemfdBackend};
use anymem::offset::Offset;
use anymem::{HeapError, HeapOptions, SharedHeap, Size};
use anymem_tests::{Directory, Peer, listen, role, tell};

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let path = &words[0];
    let found = MemfdBackend::attach_path(path).expect("handed over");
    // SAFETY: the other process waits meanwhile.
    let seen = unsafe {
        let seen = found.base().read();
        found.base().write(seen + 1);
        seen
    };
    tell(&seen.to_string());
    let _ = listen();
}

fn copy_of(backend: &MemfdBackend) -> OwnedFd {
    backend.file().try_clone_to_owned().expect("a descriptor")
}

#[test]
fn another_process_opens_it_by_descriptor() {
    let made = MemfdBackend::create("handed over", Size::mib(1)).expect("made");
    made.commit(Offset::NULL, 4096).expect("space");
    // SAFETY: nobody else has the segment yet.
    unsafe { made.base().write(41) };
    let path = format!("/proc/{}/fd/{}", std::process::id(), made.file().as_raw_fd());
    let mut peer = Peer::start(&[&path]);
    assert_eq!(peer.hear(), "41");
    // SAFETY: the other process waits meanwhile.
    assert_eq!(unsafe { made.base().read() }, 42);
    peer.finish();
}

#[test]
fn nobody_can_change_its_length() {
    let made = MemfdBackend::create("sealed", Size::mib(1)).expect("made");
    let file = File::from(copy_of(&made));
    assert!(file.set_len(0).is_err());
    assert!(file.set_len(2 << 20).is_err());
    // SAFETY: the descriptor is open.
    let added = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, libc::F_SEAL_WRITE) };
    assert_eq!(added, -1, "not even more seals");
    made.commit(Offset::NULL, 1 << 20).expect("space for what there is");
    assert!(made.decommit(Offset::NULL, 1 << 20));
}

#[test]
fn what_could_shrink_is_refused() {
    let dir = Directory::new("unsealed");
    let path = dir.path().join("file");
    File::create(&path).expect("made").set_len(1 << 20).expect("long enough");
    // SAFETY: the name ends in a zero byte; the descriptor is nobody else's.
    let unsealed = unsafe {
        let fd = libc::memfd_create(c"unsealed".as_ptr(), libc::MFD_CLOEXEC);
        OwnedFd::from_raw_fd(fd)
    };
    File::from(unsealed.try_clone().expect("a descriptor")).set_len(1 << 20).expect("long enough");
    let plain = OwnedFd::from(File::open(&path).expect("there"));
    for fd in [unsealed, plain] {
        let error = MemfdBackend::attach(fd).expect_err("not sealed");
        assert!(matches!(error, HeapError::Unsealed { .. }), "{error}");
    }
    let error = MemfdBackend::attach_path(&path).expect_err("not sealed");
    assert!(matches!(error, HeapError::Unsealed { .. }), "{error}");
    let pipe = std::ffi::CString::new(dir.path().join("pipe").to_str().expect("text"));
    // SAFETY: the path ends in a zero byte.
    assert_eq!(unsafe { libc::mkfifo(pipe.expect("text").as_ptr(), 0o600) }, 0);
    for path in [dir.path(), &dir.path().join("pipe"), "/dev/null".as_ref()] {
        MemfdBackend::attach_path(path).expect_err("no memory file");
    }
    let error = MemfdBackend::attach_path("/proc/self/fd/99999").expect_err("no such file");
    assert!(matches!(error, HeapError::Missing { .. }), "{error}");
}

#[test]
fn a_descriptor_for_reading_only_gives_no_writing() {
    let made = MemfdBackend::create("read", Size::mib(1)).expect("made");
    let path = format!("/proc/self/fd/{}", made.file().as_raw_fd());
    let reading = || OwnedFd::from(File::open(&path).expect("readable"));
    let error = MemfdBackend::attach(reading()).expect_err("cannot be written");
    assert!(matches!(error, HeapError::Permission { .. }), "{error}");
    assert!(MemfdBackend::attach_read_only(reading()).expect("readable").read_only());
}

#[test]
fn a_heap_without_a_name_is_handed_over() {
    let heap = HeapOptions::new().create_memfd("nameless", Size::mib(8)).expect("made");
    assert_eq!((heap.name(), heap.path()), ("nameless", None));
    let same = SharedHeap::attach(heap.file().try_clone_to_owned().expect("a descriptor"));
    assert_eq!(same.expect("the same").id(), heap.id());
    let error = MemfdBackend::create("a/b", 4096).expect_err("no name");
    assert!(matches!(error, HeapError::BadName { .. }), "{error}");
}
