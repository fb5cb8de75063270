//! Blocks that take each other's place: what is linked, what is free, and what
//! an error leaves.
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

use std::alloc::Layout;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use anymem_core::allocator::{AllocError, Allocator, Exchange, ThreadLocalAllocator};
use anymem_core::backend::ArrayBackend;
use anymem_core::offset::{AllocatorId, AtomicOffsetPtr, Offset};
use anymem_core::segment::Config;
use anymem_core::thread::{Bare, Context};

type Heap<'a> = ThreadLocalAllocator<ArrayBackend<'a, 4096>, Bare, 12>;
type Link = AtomicOffsetPtr<u8>;

fn heap(memory: &mut [u8]) -> Heap<'_> {
    let config = Config::new(AllocatorId::new(0, 80)).slots(2);
    Heap::create(ArrayBackend::new(memory), Bare, &config).unwrap()
}

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

/// A null link in a block of its own.
fn link<'h>(heap: &'h Heap<'_>, context: Context) -> &'h Link {
    let block = heap.allocate_ptr(context, Layout::new::<Link>()).unwrap();
    let place = block.ptr.cast::<Link>();
    // SAFETY: the block was allocated for it.
    unsafe {
        place.write(Link::default());
        place.as_ref()
    }
}

fn named(link: &Link) -> Offset {
    link.load(Ordering::Relaxed).offset()
}

/// Sizes of blocks of each kind: small, of runs of slabs, of whole slabs.
const SIZES: [usize; 3] = [40, 800, 3 * 4096];

#[test]
fn what_is_linked_is_live_and_what_was_is_free() {
    let mut memory = vec![0; 1 << 20];
    let heap = heap(&mut memory);
    for context in [Context::DEFAULT, heap.create_tls().unwrap()] {
        let link = link(&heap, context);
        let before = heap.stats().live_blocks;
        for old in SIZES {
            for new in SIZES {
                // SAFETY: nobody else knows of the link.
                unsafe {
                    heap.allocate_into(context, link, bytes(old), |it| it.write_bytes(1, old))
                        .unwrap();
                    let first = named(link);
                    heap.replace(context, link, bytes(old), bytes(new), |it| {
                        it.write_bytes(2, new);
                    })
                    .unwrap();
                    assert_ne!(named(link), first);
                    let at = heap.resolve(named(link), new).unwrap();
                    assert!((0..new).all(|index| at.add(index).read() == 2));
                    heap.free_from(context, link, bytes(new)).unwrap();
                }
                assert!(named(link).is_null());
                assert_eq!(heap.stats().live_blocks, before, "{old} and {new}");
            }
        }
    }
    heap.check().unwrap();
    assert_eq!(heap.stats().double_frees, 0);
}

#[test]
fn an_error_changes_nothing() {
    let mut memory = vec![0; 1 << 20];
    let heap = heap(&mut memory);
    let context = heap.create_tls().unwrap();
    let link = link(&heap, context);
    let elsewhere = Link::default();
    // SAFETY: nobody else knows of the links.
    unsafe {
        heap.allocate_into(context, link, bytes(40), |_| ()).unwrap();
        let before = (named(link), heap.stats().live_blocks);
        let refused = heap.replace(context, link, bytes(40), bytes(1 << 30), |_| unreachable!());
        assert!(matches!(refused, Err(AllocError::TooLarge { .. })));
        let refused = heap.allocate_into(context, &elsewhere, bytes(40), |_| unreachable!());
        assert_eq!(refused, Err(AllocError::Outside));
        let askew = Exchange { link: Offset::new(4097), word: None, old: None, new: None, tag: 0 };
        assert_eq!(heap.exchange(context, &askew, &mut |_| ()), Err(AllocError::Outside));
        while heap.allocate(context, bytes(4096)).is_ok() {}
        let blocks = heap.stats().live_blocks;
        let refused = heap.replace(context, link, bytes(40), bytes(8192), |_| unreachable!());
        assert_eq!(refused, Err(AllocError::Full { requested: 8192 }));
        assert_eq!((named(link), heap.stats().live_blocks), (before.0, blocks));
        // The next one finds nothing under way.
        heap.replace(context, link, bytes(40), bytes(40), |_| ()).unwrap();
    }
    heap.check().unwrap();
}

#[test]
fn a_fill_that_exchanges_is_refused() {
    let mut memory = vec![0; 1 << 20];
    let heap = heap(&mut memory);
    let context = heap.create_tls().unwrap();
    let (outer, inner) = (link(&heap, context), link(&heap, context));
    let mut refused = None;
    // SAFETY: nobody else knows of the links.
    unsafe {
        heap.allocate_into(context, outer, bytes(40), |_| {
            refused = Some(heap.allocate_into(context, inner, bytes(40), |_| ()));
        })
        .unwrap();
    }
    assert_eq!(refused, Some(Err(AllocError::Nested)));
    assert!(named(inner).is_null() && !named(outer).is_null());
}

#[test]
fn a_fill_that_panics_leaves_what_was() {
    let mut memory = vec![0; 1 << 20];
    let heap = heap(&mut memory);
    let context = heap.create_tls().unwrap();
    let link = link(&heap, context);
    for new in SIZES {
        let before = heap.stats().live_blocks;
        // SAFETY: nobody else knows of the link.
        let panicked = catch_unwind(AssertUnwindSafe(|| unsafe {
            heap.allocate_into(context, link, bytes(new), |_| panic!("no contents"))
        }));
        assert!(panicked.is_err() && named(link).is_null());
        assert_eq!(heap.stats().live_blocks, before);
    }
    // SAFETY: as above.
    unsafe { heap.allocate_into(context, link, bytes(40), |_| ()) }.unwrap();
    heap.check().unwrap();
}

/// A link may carry a tag in the bits that all offsets of blocks have as zero.
#[test]
fn a_tag_stands_beside_the_offset() {
    let mut memory = vec![0; 1 << 20];
    let heap = heap(&mut memory);
    let context = heap.create_tls().unwrap();
    let link = link(&heap, context);
    let at = heap.offset_of(std::ptr::NonNull::from(link).cast()).unwrap();
    let exchange = Exchange { link: at, word: None, old: None, new: Some(bytes(64)), tag: 5 };
    // SAFETY: nobody else knows of the link.
    let new = unsafe { heap.exchange(context, &exchange, &mut |_| ()) }.unwrap();
    assert_eq!(named(link).get(), new.get() | 5);
}

#[test]
#[cfg_attr(feature = "secure", ignore = "hardened blocks do not grow where they stand")]
fn whole_slabs_grow_where_they_stand_as_far_as_there_is_room() {
    let mut memory = vec![0; 1 << 20];
    let heap = heap(&mut memory);
    let context = heap.create_tls().unwrap();
    let before = heap.stats().live_blocks;
    let [slab, slabs] = [4096, 3 * 4096].map(bytes);
    let at = heap.allocate_growing(context, slab).unwrap();
    let place = heap.resolve(at, slab.size()).unwrap();
    // SAFETY: here and below, blocks of the heap with the layouts they have by then.
    unsafe { place.write_bytes(7, slab.size()) };
    // SAFETY: as above.
    assert!(unsafe { heap.grow(context, at, slab, slabs.size()) });
    assert_eq!(heap.usable_size_of(at), Some(slabs.size()));
    // SAFETY: as above.
    assert!((0..slab.size()).all(|index| unsafe { place.add(index).read() } == 7));

    let all: Vec<_> = std::iter::from_fn(|| heap.allocate(context, slab).ok()).collect();
    assert!(all.iter().any(|block| block.get() > at.get()), "nothing is in the way");
    for size in [slabs.size() + 2 * 4096, 1 << 19, 1 << 30, usize::MAX / 2] {
        // SAFETY: as above.
        assert!(!unsafe { heap.grow(context, at, slabs, size) }, "{size}");
    }
    assert_eq!(heap.usable_size_of(at), Some(slabs.size()));
    // SAFETY: not a block, which is seen.
    assert!(!unsafe { heap.grow(context, Offset::new(at.get() + 4096), slab, 2 * 4096) });
    // SAFETY: as above.
    assert!(!unsafe { heap.grow(context, Offset::new(64), slab, 2 * 4096) });
    for block in all {
        // SAFETY: as above.
        unsafe { heap.free(context, block, slab) }.unwrap();
    }
    // SAFETY: as above.
    unsafe { heap.free(context, at, slabs) }.unwrap();
    assert_eq!(heap.stats().live_blocks, before);
    heap.check().unwrap();
}
