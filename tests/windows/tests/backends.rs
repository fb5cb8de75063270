//! Memory of the system: private, and of sections.

use core::ptr::NonNull;

use anymem::backend::{Backend, SectionBackend, VirtualBackend};
use anymem::offset::Offset;
use anymem::{HeapError, Size};

const SLAB: usize = 64 << 10;

fn byte(backend: &impl Backend, at: usize) -> NonNull<u8> {
    assert!(at < backend.len());
    // SAFETY: within the span, just checked.
    unsafe { backend.base().add(at) }
}

fn read(backend: &impl Backend, at: usize) -> u8 {
    // SAFETY: spans can be read, and only one thread uses those here.
    unsafe { byte(backend, at).read_volatile() }
}

fn write(backend: &impl Backend, at: usize, value: u8) {
    // SAFETY: as above; the callers have committed the byte.
    unsafe { byte(backend, at).write_volatile(value) };
}

fn is_aligned(backend: &impl Backend) -> bool {
    backend.base().addr().get().is_multiple_of(SLAB)
}

/// A name that no other test has.
fn own(test: &str) -> String {
    format!("{test}.{}", std::process::id())
}

#[test]
fn reserving_takes_no_memory() {
    // More than most machines have. Not much more, for Wine takes a byte for each page.
    let backend = VirtualBackend::new(Size::gib(64)).unwrap();
    assert!(is_aligned(&backend));
    assert_eq!(backend.len(), 64 << 30);
}

#[test]
fn what_is_not_committed_reads_as_zero() {
    let backend = VirtualBackend::new(Size::gib(1)).unwrap();
    for at in [0, 4095, SLAB, (1 << 30) - 1] {
        assert_eq!(read(&backend, at), 0);
    }
}

#[test]
fn several_threads_may_read_what_is_not_committed() {
    let backend = VirtualBackend::new(Size::mib(64)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert!((0..64 << 20).step_by(4096).all(|at| read(&backend, at) == 0)));
        }
    });
}

#[test]
fn what_is_committed_can_be_written_and_is_zero_after_it_was_given_back() {
    let backend = VirtualBackend::new(Size::mib(16)).unwrap();
    let (at, len) = (Offset::new(SLAB), 2 * SLAB);
    backend.commit(at, len).unwrap();
    (SLAB..3 * SLAB).for_each(|at| write(&backend, at, 7));
    backend.commit(at, len).unwrap();
    assert_eq!(read(&backend, SLAB), 7, "committing changes nothing");
    assert!(backend.decommit(at, SLAB));
    assert_eq!(read(&backend, SLAB), 0);
    assert_eq!(read(&backend, 2 * SLAB), 7);
    backend.commit(at, len).unwrap();
    assert!((SLAB..2 * SLAB).all(|at| read(&backend, at) == 0));
    write(&backend, SLAB, 1);
}

#[test]
fn nothing_is_done_beyond_the_span() {
    let backend = VirtualBackend::new(Size::mib(1)).unwrap();
    for (at, len) in [(0, 2 << 20), (1 << 20, SLAB), (SLAB, usize::MAX - SLAB + 1)] {
        let at = Offset::new(at);
        assert!(backend.commit(at, len).is_err());
        assert!(!backend.decommit(at, len));
        assert!(!backend.guard(at, len));
    }
}

#[test]
fn what_was_guarded_keeps_its_contents() {
    let backend = VirtualBackend::new(Size::mib(1)).unwrap();
    let (at, len) = (Offset::new(SLAB), backend.guard_size());
    backend.commit(at, len).unwrap();
    write(&backend, SLAB, 7);
    assert!(backend.guard(at, len));
    assert!(backend.unguard(at, len));
    assert_eq!(read(&backend, SLAB), 7);
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    assert_eq!(VirtualBackend::new(0_usize).unwrap_err(), HeapError::ZeroSize);
    assert_eq!(SectionBackend::unnamed(0_usize).unwrap_err(), HeapError::ZeroSize);
    let size = Size::bytes(usize::MAX);
    assert_eq!(VirtualBackend::new(size).unwrap_err(), HeapError::AbsurdSize { size });
    let size = Size::bytes(1 << 60);
    assert_eq!(VirtualBackend::new(size).unwrap_err(), HeapError::NoAddressSpace { size });
}

#[test]
fn a_section_is_found_by_its_name() {
    let name = own("named");
    assert_eq!(SectionBackend::open(&name).unwrap_err(), HeapError::Missing { name: name.clone() });
    let one = SectionBackend::create(&name, Size::mib(1)).unwrap();
    let other = SectionBackend::open(&name).unwrap();
    let reader = SectionBackend::open_read_only(&name).unwrap();
    assert!(is_aligned(&one) && is_aligned(&other));
    assert!(one.shared() && !one.read_only() && reader.read_only());
    assert_eq!([one.len(), other.len(), reader.len()], [1 << 20; 3]);
    write(&one, 70_000, 7);
    assert_eq!([read(&other, 70_000), read(&reader, 70_000)], [7; 2]);
    assert_eq!(
        SectionBackend::create(&name, Size::mib(1)).unwrap_err(),
        HeapError::Exists { name: name.clone() }
    );
    drop((one, other, reader));
    assert_eq!(SectionBackend::open(&name).unwrap_err(), HeapError::Missing { name });
}

#[test]
fn names_that_cannot_be_are_refused() {
    for name in ["", "a/b", "a\\b", "a\0b", ".."] {
        let refused = |result| matches!(result, Err(HeapError::BadName { .. }));
        assert!(refused(SectionBackend::create(name, Size::mib(1))), "{name:?}");
        assert!(refused(SectionBackend::open(name)), "{name:?}");
    }
}

#[test]
fn a_section_has_whole_pages() {
    let backend = SectionBackend::unnamed(5000_usize).unwrap();
    assert_eq!(backend.len(), 8192);
    assert_eq!(read(&backend, 8191), 0);
}
