//! Backends that only this process sees.

use anymem::backend::{AnyBackend, Backend, MallocBackend, MmapBackend};
use anymem::offset::Offset;
use anymem::{HeapError, Size};
use anymem_tests::maps;

#[test]
fn bases_are_aligned() {
    for len in [1, 4096, 65536, (2 << 20) - 1, 2 << 20, 5 << 20, 1 << 30] {
        let mmap = MmapBackend::new(len).expect("address space");
        let align = if len >= 2 << 20 { 2 << 20 } else { 64 << 10 };
        assert_eq!(mmap.base().addr().get() % align, 0, "{len}");
        assert_eq!(mmap.len(), len);
    }
    let malloc = MallocBackend::new(100_000).expect("memory");
    assert_eq!(malloc.base().addr().get() % (64 << 10), 0);
}

#[test]
fn sizes_out_of_reason_are_errors() {
    for size in [Size::bytes(0), Size::bytes(usize::MAX), Size::bytes(isize::MAX as usize)] {
        let expected =
            if size.get() == 0 { HeapError::ZeroSize } else { HeapError::AbsurdSize { size } };
        assert_eq!(MmapBackend::new(size).expect_err("out of reason"), expected);
        assert_eq!(MallocBackend::new(size).expect_err("out of reason"), expected);
    }
    let size = Size::bytes(1 << 60);
    assert_eq!(MmapBackend::new(size).expect_err("too much"), HeapError::NoAddressSpace { size });
    assert_eq!(MallocBackend::new(size).expect_err("too much"), HeapError::NoAddressSpace { size });
}

#[test]
fn what_is_given_back_reads_as_zero() {
    let mmap = MmapBackend::new(Size::mib(4)).expect("address space");
    let (at, len) = (Offset::new(1 << 20), 1 << 16);
    mmap.commit(at, len).expect("nothing to do");
    // SAFETY: the span is this test's alone, and the ranges lie inside.
    unsafe {
        let start = mmap.base().add(at.get());
        start.write_bytes(7, len);
        assert!(mmap.decommit(at, len));
        assert_eq!(start.read(), 0);
        assert_eq!(start.add(len - 1).read(), 0);
    }
    assert!(!mmap.decommit(Offset::new(4 << 20), 4096), "outside");
    assert!(!mmap.decommit(Offset::new(usize::MAX), 4096), "wraps");
}

#[test]
fn a_thousand_spans_leave_nothing_mapped() {
    let cycle = || {
        let backend = AnyBackend::new(MmapBackend::new((2 << 20) + 5).expect("address space"));
        // SAFETY: the span is this test's alone.
        unsafe { backend.base().write(1) };
    };
    cycle();
    let before = maps("");
    (0..1000).for_each(|_| cycle());
    // Other tests run at the same time; a leak would be a thousand.
    assert!(maps("") < before + 50);
}

#[test]
fn the_kind_can_be_forgotten() {
    let any = AnyBackend::new(MallocBackend::new(1 << 20).expect("memory"));
    assert!(any.zeroed() && !any.shared() && !any.read_only());
    assert!(!any.decommit(Offset::NULL, 65536));
    assert_eq!(any.commit(Offset::NULL, 65536), Ok(()));
    assert_eq!(any.publish(), Ok(()));
}
