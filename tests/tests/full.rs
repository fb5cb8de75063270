//! A file system that is full: errors, never signals.

use core::alloc::Layout;

use anymem::allocator::{AllocError, Allocator};
use anymem::backend::{Backend, ShmOptions};
use anymem::offset::Offset;
use anymem::thread::Context;
use anymem::{HeapError, HeapOptions, Size};
use anymem_tests::SmallFileSystem;

#[test]
fn a_backend_says_that_there_is_no_space() {
    let Some(small) = SmallFileSystem::mount("full-backend", "size=2m") else { return };
    let options = ShmOptions::new().directory(small.path());
    let backend = options.create("it", Size::gib(1)).expect("it takes no space yet");
    backend.commit(Offset::NULL, 1 << 20).expect("half of the space");
    let error = backend.commit(Offset::new(1 << 20), 4 << 20).expect_err("more than there is");
    assert_eq!((error.at, error.len, error.code), (Offset::new(1 << 20), 4 << 20, libc::ENOSPC));
    backend.commit(Offset::new(1 << 20), 1 << 20).expect("the failure took nothing");
    assert!(backend.decommit(Offset::NULL, 1 << 20));
    backend.commit(Offset::new(8 << 20), 1 << 20).expect("what was given back");
    // SAFETY: the range was committed, and nobody else has the segment.
    unsafe { backend.base().add(8 << 20).write_bytes(1, 1 << 20) };
}

#[test]
fn a_heap_goes_on_when_space_comes_back() {
    let Some(small) = SmallFileSystem::mount("full-heap", "size=4m") else { return };
    let options = HeapOptions::new().directory(small.path()).slots(4);
    let heap = options.create("it", Size::gib(1)).expect("its tables fit");
    let layout = Layout::new::<[u8; 1000]>();
    let mut blocks = Vec::new();
    let error = loop {
        match heap.allocate(Context::DEFAULT, layout) {
            Ok(at) => {
                // SAFETY: the block is live and that long.
                unsafe { heap.resolve(at, 1000).expect("inside").write_bytes(7, 1000) };
                blocks.push(at);
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(error, AllocError::NoSpace(_)), "{error}");
    assert!(error.to_string().contains("free"), "{error}");
    assert!((1000..4200).contains(&blocks.len()), "{}", blocks.len());
    for at in blocks.drain(..) {
        // SAFETY: the block is live and not used afterwards.
        unsafe { heap.free(Context::DEFAULT, at, layout) }.expect("live");
    }
    let large = Layout::new::<[u8; 1 << 20]>();
    heap.trim();
    let at = heap.allocate(Context::DEFAULT, large).expect("what was freed");
    // SAFETY: the block is live and that long.
    unsafe { heap.resolve(at, 1 << 20).expect("inside").write_bytes(7, 1 << 20) };
    assert_eq!(heap.check(), Ok(()));
}

#[test]
fn a_heap_whose_tables_do_not_fit_is_not_made() {
    let Some(small) = SmallFileSystem::mount("full-create", "size=64k") else { return };
    let options = HeapOptions::new().directory(small.path()).slots(60_000);
    let error = options.create("it", Size::gib(4)).expect_err("not even the tables fit");
    assert!(matches!(error, HeapError::NoSpace { .. }), "{error}");
    assert!(small.names().is_empty());
}

#[test]
fn a_directory_without_room_for_a_file_says_so() {
    let Some(small) = SmallFileSystem::mount("full-inodes", "size=2m,nr_inodes=2") else { return };
    let options = ShmOptions::new().directory(small.path());
    let first = options.create("first", Size::mib(1)).expect("one fits");
    let error = options.create("second", Size::mib(1)).expect_err("a second does not");
    assert_eq!(error, HeapError::DirectoryFull { path: small.path().into() });
    drop(first);
}
