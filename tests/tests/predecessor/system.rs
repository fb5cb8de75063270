//! Limits of the system, as errors.

use anymem::container::{ContainerError, ShmHashMap};
use anymem::{HeapError, HeapOptions, SharedHeap, Size};
use anymem_core::allocator::{AllocError, Allocator};
use anymem_core::backend::CommitError;
use anymem_core::thread::Context;
use anymem_tests::heap::{exhaust, fill, free, layout};
use anymem_tests::{Name, Peer, SmallFileSystem};

/// Writing to a block was a SIGBUS when `/dev/shm` was full.
#[test]
fn a_full_file_system_is_an_error_and_frees_help() {
    for size in [40, 3000, 50_000, 300_000] {
        let Some(small) = SmallFileSystem::mount("full", "size=4m") else { return };
        let options = HeapOptions::new().directory(small.path()).slots(4);
        let heap = options.create("it", Size::gib(1)).expect("its tables fit");
        for way in [&heap as &dyn Allocator, heap.allocator()] {
            let layout = layout(size, 8);
            let (blocks, error) = exhaust(way, layout);
            let no_space = matches!(error, AllocError::NoSpace(CommitError { code, .. })
                if code == libc::ENOSPC);
            assert!(no_space, "{size}: {error:?}");
            assert!(blocks.len() * size > 1 << 20, "{size}: {} blocks", blocks.len());
            blocks.iter().for_each(|&at| fill(way, at, size, 0xff));
            blocks.iter().for_each(|&at| free(way, at, layout));
            let (again, _) = exhaust(way, layout);
            assert!(again.len() * 10 > blocks.len() * 9, "{} of {}", again.len(), blocks.len());
            again.iter().for_each(|&at| fill(way, at, size, 0xff));
            again.iter().for_each(|&at| free(way, at, layout));
            heap.trim();
        }
        map_in_full_heap(&heap);
        assert_eq!(heap.check(), Ok(()));
        assert_eq!(heap.stats().live_blocks, 0);
        // SAFETY: nothing in it is in use.
        unsafe { heap.detach() }.expect("the only handle");
    }
}

/// A map takes what there is, says so, and stays in order.
fn map_in_full_heap(heap: &SharedHeap) {
    let map = ShmHashMap::<u64, u64>::new_in(heap).expect("room");
    let mut next = 0;
    let error = loop {
        match map.insert(next, next) {
            Ok(_) => next += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, ContainerError::Alloc(AllocError::NoSpace(_))), "{error:?}");
    map.check().expect("in order");
    assert_eq!(map.len(), Ok(next as usize));
    map.remove(&0).expect("in order");
    map.insert(0, 1).expect("the place that was free");
}

/// Memory that the system refused was a crash or an exception.
#[test]
fn what_the_system_refuses_is_an_error() {
    Peer::start(&["limits"]).finish();
}

fn set_limit(which: libc::__rlimit_resource_t, bytes: libc::rlim_t) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structure is readable and writable.
    unsafe {
        assert_eq!(libc::getrlimit(which, &raw mut limit), 0);
        limit.rlim_cur = bytes.min(limit.rlim_max);
        assert_eq!(libc::setrlimit(which, &raw const limit), 0);
    }
}

fn with_limit<R>(which: libc::__rlimit_resource_t, bytes: u64, run: impl Fn() -> R) -> R {
    set_limit(which, bytes);
    let result = run();
    set_limit(which, libc::RLIM_INFINITY);
    result
}

fn create(size: Size) -> Result<(), HeapError> {
    let (name, options) = (Name::new(), HeapOptions::new());
    let named = options.create(&name, size);
    let unnamed = options.create_memfd("it", size);
    for heap in [&named, &unnamed].into_iter().flatten() {
        let block = layout(1000, 8);
        let at = heap.allocate(Context::DEFAULT, block).map_err(|_| HeapError::NullId)?;
        fill(heap, at, 1000, 1);
        free(heap, at, block);
    }
    named.and(unnamed).map(|_| ())
}

/// In a process of its own, whose limits are its own.
pub(super) fn under_limits() {
    let size = Size::mib(256);
    assert_eq!(create(size), Ok(()));
    let error = with_limit(libc::RLIMIT_FSIZE, 1 << 20, || create(size));
    assert!(matches!(error, Err(HeapError::FileLimit { .. })), "{error:?}");
    let error = with_limit(libc::RLIMIT_AS, 128 << 20, || create(size));
    assert!(matches!(error, Err(HeapError::NoAddressSpace { .. })), "{error:?}");
    let error = with_limit(libc::RLIMIT_NOFILE, 3, || create(size));
    assert!(error.is_err(), "{error:?}");
    for bytes in [usize::MAX, usize::MAX / 2, 1 << 60, 1 << 50] {
        assert!(create(bytes.into()).is_err(), "{bytes}");
    }
    assert_eq!(create(0_usize.into()), Err(HeapError::ZeroSize));
    assert_eq!(create(size), Ok(()), "nothing is left of the failures");
}
