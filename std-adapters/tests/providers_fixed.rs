//! Memory that the caller has, and the C library's: cut up, and never taken away.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::alloc;
use std::sync::Arc;

use anymem::Size;
use anymem::allocator::{Allocator, ScalablePageAllocator, ThreadLocalAllocator};
use anymem::backend::{Backend, ProviderBackend};
use anymem::offset::{AllocatorId, Offset};
use anymem::provider::{
    Access, CoarseProvider, FileProvider, FixedOptions, FixedProvider, MallocProvider, OsOptions,
    OsProvider, Provider, ProviderError, Span, Visibility,
};
use anymem::segment::Config;
use anymem::thread::{Bare, Context};

const PAGE: usize = 4096;

fn private() -> Arc<dyn Provider> {
    Arc::new(OsProvider::new().expect("pages"))
}

fn shared() -> Arc<dyn Provider> {
    Arc::new(OsOptions::new().visibility(Visibility::Shared).build().expect("a memory file"))
}

fn free(provider: &dyn Provider, span: Span) {
    // SAFETY: the tests' spans are theirs alone, and not used after they were freed.
    unsafe { provider.free(span) }.expect("live");
}

fn over(options: &FixedOptions, span: Span) -> Result<FixedProvider, ProviderError> {
    // SAFETY: the tests' spans outlive the providers over them, and are used by these alone.
    unsafe { options.over(span) }
}

#[test]
fn memory_is_cut_up_and_stays() {
    let mut memory = vec![7_u8; 10 * PAGE + 100];
    let all = Span::new(NonNull::from(memory.as_mut_slice()).cast(), memory.len());
    let fixed = over(&FixedOptions::new(), all).expect("whole pages");
    assert_eq!((fixed.name(), fixed.zeroed()), ("fixed", false));
    let mut spans = Vec::new();
    while let Ok(span) = fixed.allocate(1, 1) {
        assert!(all.contains(span.start) && span.end() <= all.end());
        spans.push(span);
    }
    assert!((9..=10).contains(&spans.len()), "all whole pages");
    let error = fixed.allocate(1, 1).expect_err("nothing is left");
    assert!(matches!(error, ProviderError::NoMemory { code: 0, .. }), "{error}");
    spans.into_iter().for_each(|span| free(&fixed, span));
    assert_eq!(fixed.stats().free_ranges, 1);
    drop(fixed);
    assert!(memory.iter().all(|&byte| byte == 7), "nothing was written to it");
}

#[test]
fn memory_without_a_whole_page_is_an_error() {
    let os = private();
    let span = os.allocate(2 * PAGE, PAGE).expect("memory");
    let (first, _) = span.cut(100).expect("inside");
    for (options, span) in [
        (FixedOptions::new(), first),
        (FixedOptions::new().page_size(Size::bytes(100)), span),
        (FixedOptions::new().page_size(Size::gib(1)), span),
    ] {
        let error = over(&options, span).expect_err("no page fits");
        assert!(matches!(error, ProviderError::BadSetting { .. }), "{error}");
    }
    let small = over(&FixedOptions::new().page_size(Size::bytes(16)), first).expect("16 bytes");
    assert_eq!(small.allocate(17, 1).expect("room").len, 32);
}

/// (UMF defect D19)
#[test]
fn providers_stand_on_each_other_to_any_depth() {
    const DEPTH: usize = 100;
    let os = shared();
    let mut layers = vec![os.clone()];
    let mut spans = Vec::new();
    for depth in 0..DEPTH {
        let below = layers[depth].clone();
        let span = below.allocate((2 * DEPTH - depth) * PAGE, PAGE).expect("room");
        spans.push(span);
        let options = FixedOptions::new().name(format!("layer {depth}")).part_of(below);
        layers.push(Arc::new(over(&options, span).expect("whole pages")));
    }
    let top = layers[DEPTH].clone();
    let span = top.allocate(2 * PAGE, PAGE).expect("room");
    // SAFETY: the span is the test's alone.
    unsafe {
        span.start.write_bytes(7, span.len);
        top.purge_force(Span::new(span.start, PAGE)).expect("the lowest layer can");
        assert_eq!((span.start.read(), span.start.add(PAGE).read()), (0, 7));
    }
    let range = top.share().expect("the lowest layer can").file_of(span).expect("live");
    assert_eq!(range.offset, (span.addr() - spans[0].addr()) as u64);
    free(&*top, span);
    drop(top);
    while let Some(span) = spans.pop() {
        layers.pop();
        free(&**layers.last().expect("one below"), span);
    }
    assert_eq!(os.usage().current, 0);
}

/// The system is told to take back only what it then fills with zeroes.
#[test]
fn fixed_memory_is_purged_only_where_that_leaves_zeroes() {
    for (os, private_pages, purged) in
        [(private(), true, true), (private(), false, false), (shared(), false, false)]
    {
        let all = os.allocate(8 * PAGE, PAGE).expect("memory");
        let options = FixedOptions::new().private_pages(private_pages);
        let fixed = over(&options, all).expect("whole pages");
        let span = fixed.allocate(2 * PAGE, PAGE).expect("room");
        // SAFETY: the spans are the test's alone.
        unsafe {
            all.start.write_bytes(7, all.len);
            match fixed.purge_force(span) {
                Ok(()) => assert!(purged && span.start.read() == 0),
                Err(error) => {
                    assert!(matches!(error, ProviderError::Unsupported { .. }), "{error}");
                    assert!(!purged && span.start.read() == 7);
                }
            }
            assert_eq!(all.start.add(2 * PAGE).read(), 7, "no more than the span");
            assert!(matches!(fixed.purge_lazy(span), Err(ProviderError::Unsupported { .. })));
        }
        let tiny = options.page_size(Size::bytes(64));
        let tiny = over(&tiny, all).expect("whole pages");
        let span = tiny.allocate(64, 64).expect("room");
        // SAFETY: as above.
        let refused = unsafe { tiny.purge_force(span) };
        assert!(matches!(refused, Err(ProviderError::Unsupported { .. })), "parts of pages");
    }
}

#[test]
fn the_c_librarys_heap_gives_spans_of_any_alignment() {
    let malloc = MallocProvider::new();
    let mut spans = Vec::new();
    for size in [1, 15, 16, 1000, 1 << 20] {
        for align in [1, 16, PAGE, 1 << 20] {
            let span = malloc.allocate(size, align).expect("memory");
            assert!(span.addr().is_multiple_of(align) && span.len == size.next_multiple_of(16));
            // SAFETY: the span is that long.
            unsafe { malloc.fill(span.start, spans.len() as u8, span.len) }.expect("touchable");
            spans.push(span);
        }
    }
    for (span, byte) in spans.iter().zip(0..) {
        // SAFETY: the span is that long.
        assert!((0..span.len).all(|at| unsafe { span.start.add(at).read() } == byte));
    }
    let first = spans[0];
    spans.into_iter().for_each(|span| free(&malloc, span));
    assert_eq!(malloc.usage().current, 0);
    // SAFETY: the provider must see that it is free.
    let again = unsafe { malloc.free(first) };
    assert!(matches!(again, Err(ProviderError::Foreign { .. })), "{again:?}");
    // SAFETY: as above.
    let cut = unsafe { malloc.split(first, 16) };
    assert!(matches!(cut, Err(ProviderError::Unsupported { .. })), "{cut:?}");
    let error = malloc.allocate(isize::MAX as usize & !15, 1).expect_err("too much");
    assert!(matches!(error, ProviderError::NoMemory { .. }), "{error}");
}

/// The thread-local and the scalable-page heap, in memory of every kind.
#[test]
fn heaps_live_in_the_memory_of_any_provider() {
    let place = std::env::temp_dir().join(format!("test.anymem.heaps.{}", std::process::id()));
    let file = Arc::new(FileProvider::open(&place).expect("a file"));
    let below = private();
    let span = below.allocate(32 << 20, PAGE).expect("memory");
    let fixed = over(&FixedOptions::new().part_of(below), span).expect("whole pages");
    let providers: [Arc<dyn Provider>; 6] = [
        private(),
        shared(),
        file,
        Arc::new(fixed),
        Arc::new(MallocProvider::new()),
        Arc::new(CoarseProvider::new(shared())),
    ];
    for provider in providers {
        for local in [true, false] {
            let backend = ProviderBackend::new(provider.clone(), Size::mib(8)).expect("memory");
            assert_eq!(backend.shared(), provider.share().is_some());
            let config = Config::new(AllocatorId::new(1, 0)).slots(2);
            if local {
                let heap: ThreadLocalAllocator<_> =
                    ThreadLocalAllocator::create(backend, Bare, &config).expect("a heap");
                let context = heap.create_tls().expect("a slot");
                works(&heap, context);
                heap.trim(context);
                works(&heap, context);
            } else {
                let heap: ScalablePageAllocator<_> =
                    ScalablePageAllocator::create(backend, Bare, &config).expect("a heap");
                works(&heap, Context::DEFAULT);
                heap.trim();
                works(&heap, Context::DEFAULT);
            }
        }
        assert_eq!(provider.usage().current, 0, "{provider:?}");
    }
    std::fs::remove_file(place).expect("there");
}

/// Fills a heap, checks what is in it, and empties it.
fn works(heap: &dyn Allocator, context: Context) {
    let layout = alloc::Layout::from_size_align(5000, 64).expect("a layout");
    let mut blocks: Vec<Offset> = Vec::new();
    while let Ok(block) = heap.allocate(context, layout) {
        let start = heap.resolve(block, 5000).expect("inside");
        // SAFETY: the block is live and that long.
        unsafe { start.write_bytes(blocks.len() as u8, 5000) };
        blocks.push(block);
    }
    assert!(blocks.len() > 1000);
    for (&block, byte) in blocks.iter().zip((0..=255).cycle()) {
        let start = heap.resolve(block, 5000).expect("inside");
        // SAFETY: the block is live and that long.
        assert!((0..5000).all(|at| unsafe { start.add(at).read() } == byte));
        // SAFETY: the block is live, and not used afterwards.
        unsafe { heap.free(context, block, layout) }.expect("live");
    }
    let layout = Layout::new::<[u8; 1 << 20]>();
    let block = heap.allocate(context, layout).expect("what was freed");
    // SAFETY: as above.
    unsafe { heap.free(context, block, layout) }.expect("live");
}

#[test]
fn what_a_heap_gives_back_goes_to_the_system() {
    let os = shared();
    let backend = ProviderBackend::new(os.clone(), Size::mib(4)).expect("memory");
    let span = Span::new(backend.base(), 4 << 20);
    let range = os.share().expect("shared").file_of(span).expect("handed out");
    let file = std::fs::File::from(range.file.try_clone_to_owned().expect("a descriptor"));
    let space = || std::os::unix::fs::MetadataExt::blocks(&file.metadata().expect("open")) * 512;
    assert_eq!(space(), 4 << 20);
    assert!(backend.decommit(Offset::new(1 << 20), 2 << 20));
    assert_eq!(space(), 2 << 20);
    backend.commit(Offset::new(1 << 20), 1 << 20).expect("memory");
    assert_eq!(space(), 3 << 20);
    assert!(!backend.decommit(Offset::new(100), PAGE), "no page starts there");
    assert!(!backend.decommit(Offset::new(4 << 20), PAGE), "outside");
    assert!(backend.commit(Offset::new(usize::MAX), PAGE).is_err(), "wraps");
    assert_eq!(backend.base().addr().get() % (64 << 10), 0);
}

#[test]
fn no_heap_lives_in_memory_that_cannot_be_touched() {
    let none = OsOptions::new().access(Access::NONE).build().expect("pages");
    let error = ProviderBackend::new(Arc::new(none), Size::mib(1)).expect_err("not touchable");
    assert!(matches!(error, ProviderError::Unsupported { .. }), "{error}");
}
