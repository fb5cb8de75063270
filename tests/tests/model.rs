//! Random sequences of calls against the model, on every allocator.
//!
//! - live blocks never overlap, are aligned and keep their contents;
//! - a failed call changes nothing;
//! - statistics add up;
//! - everything freed gives the segment back.

use std::alloc::Layout;

use anymem_core::allocator::{Allocator, ScalablePageAllocator, ThreadLocalAllocator};
use anymem_core::backend::ArrayBackend;
use anymem_core::offset::AllocatorId;
use anymem_core::segment::Config;
use anymem_core::size_class::SEAL;
use anymem_core::thread::{Bare, Context};
use anymem_tests::{ops, run};
use proptest::prelude::*;

fn aligned_memory(len: usize) -> Vec<u8> {
    // What was there before must not matter.
    vec![0xa5; len]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 200 } else { 1000 }))]

    #[test]
    fn thread_local_in_one_megabyte(ops in ops()) {
        let mut memory = aligned_memory(2 << 20);
        let backend = ArrayBackend::<65536>::new(&mut memory);
        let heap: ThreadLocalAllocator<_> =
            ThreadLocalAllocator::create(backend, Bare, &Config::new(AllocatorId::new(1, 0)).slots(3)).unwrap();
        let contexts = [heap.create_tls().unwrap(), heap.create_tls().unwrap(), Context::DEFAULT];
        let ways = contexts.map(|context| (&heap as &dyn Allocator, context));
        run(&ways, &ops, &|| heap.check().unwrap());
        for context in &contexts[..2] {
            // SAFETY: the contexts are not used afterwards.
            unsafe { heap.free_tls(*context) };
        }
        heap.trim(Context::DEFAULT);
        prop_assert_eq!(heap.stats().slabs, 0, "everything was freed");
        let all = heap.stats().capacity - SEAL;
        let layout = Layout::from_size_align(all, 16).unwrap();
        prop_assert!(heap.allocate(Context::DEFAULT, layout).is_ok(), "the segment is whole again");
    }

    #[test]
    fn thread_local_with_small_slabs(ops in ops()) {
        let mut memory = aligned_memory(300 << 10);
        let backend = ArrayBackend::<4096>::new(&mut memory);
        let heap = ThreadLocalAllocator::<_, _, 12>::create(backend, Bare, &Config::new(AllocatorId::new(1, 0)).slots(2)).unwrap();
        let contexts = [heap.create_tls().unwrap(), heap.create_tls().unwrap()];
        let ways = contexts.map(|context| (&heap as &dyn Allocator, context));
        run(&ways, &ops, &|| heap.check().unwrap());
    }

    #[test]
    fn scalable_page(ops in ops()) {
        let mut memory = aligned_memory(2 << 20);
        let backend = ArrayBackend::<65536>::new(&mut memory);
        let heap: ScalablePageAllocator<_> =
            ScalablePageAllocator::create(backend, Bare, &Config::new(AllocatorId::new(1, 0))).unwrap();
        run(&[(&heap, Context::DEFAULT)], &ops, &|| heap.check().unwrap());
        heap.trim();
        prop_assert_eq!(heap.stats().slabs, 0, "everything was freed");
    }
}
