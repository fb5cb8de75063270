//! A DAX device, where there is one: `ANYMEM_TEST_DAX=/dev/dax0.0` names it. What is on it
//! is lost.

use std::sync::Arc;

use anymem::Size;
use anymem::allocator::{Allocator, ThreadLocalAllocator};
use anymem::backend::ProviderBackend;
use anymem::offset::AllocatorId;
use anymem::provider::{
    CoarseOptions, DaxOptions, DaxProvider, Provider, ProviderError, SharedName, Span,
};
use anymem::segment::Config;
use anymem::thread::{Bare, Context};
use anymem_tests::skip;

const PAGE: usize = 2 << 20;

/// The device; `None`, with a line that says so, where there is none.
fn device() -> Option<String> {
    let device = std::env::var("ANYMEM_TEST_DAX").ok();
    if device.is_none() {
        skip("dax", "DAX device");
    }
    device
}

fn write(span: Span, byte: u8) {
    // SAFETY: the tests' spans are theirs alone, and that long.
    unsafe { span.start.write_bytes(byte, span.len) };
}

fn holds(span: Span, byte: u8) -> bool {
    // SAFETY: the tests' spans are theirs alone, and that long.
    let bytes = unsafe { core::slice::from_raw_parts(span.start.as_ptr(), span.len) };
    bytes.iter().all(|&found| found == byte)
}

fn free(provider: &dyn Provider, span: Span) {
    // SAFETY: the tests' spans are theirs alone, and not used after they were freed.
    unsafe { provider.free(span) }.expect("live");
}

/// One test, for one provider has the device at a time.
#[test]
fn memory_of_a_device() {
    let Some(device) = device() else { return };
    spans_are_pages_of_the_device(&device);
    what_it_held_is_found_at_its_place(&device);
    it_can_be_used_up(&device);
    layers_and_heaps_live_on_it(&device);
}

fn spans_are_pages_of_the_device(device: &str) {
    let dax = DaxProvider::open(device).expect("a device");
    assert!(dax.size() >= 8 * PAGE, "{} bytes", dax.size());
    assert_eq!((dax.name(), dax.zeroed(), dax.touchable()), ("dax", false, true));
    let page = dax.min_page_size();
    assert!(page.is_multiple_of(4096) && page <= PAGE);
    let error = DaxProvider::open(device).expect_err("it is in use");
    assert!(error.to_string().contains("another provider"), "{error}");
    let span = dax.allocate(3 * PAGE + 1, 4 * PAGE).expect("room");
    assert!(span.len > 3 * PAGE && span.len.is_multiple_of(page));
    assert!(span.addr().is_multiple_of(4 * PAGE));
    write(span, 7);
    // SAFETY: the spans are handed out, and not used after they were freed.
    unsafe {
        let (low, high) = dax.split(span, PAGE).expect("inside");
        dax.purge_force(low).expect("zeroes can be written");
        assert!(holds(low, 0) && holds(high, 7));
        assert_eq!(dax.offset_of(high).ok(), dax.offset_of(low).ok().map(|at| at + PAGE as u64));
        let range = dax.share().expect("shared").file_of(high).expect("handed out");
        assert_eq!(range.name, SharedName::Dax(device.as_ref()));
        let lazily = dax.purge_lazy(low);
        assert!(matches!(lazily, Err(ProviderError::Unsupported { .. })), "{lazily:?}");
        let span = dax.merge(low, high).expect("of one piece");
        dax.free(span).expect("live");
        let again = dax.free(span);
        assert!(matches!(again, Err(ProviderError::Foreign { .. })), "{again:?}");
    }
    assert_eq!(dax.usage().current, 0);
}

fn what_it_held_is_found_at_its_place(device: &str) {
    {
        let dax = DaxProvider::open(device).expect("a device");
        let span = dax.allocate(2 * PAGE, 1).expect("room");
        assert_eq!(dax.offset_of(span), Ok(0));
        write(span, 42);
        free(&dax, span);
    }
    let dax = DaxOptions::new().keep(Size::bytes(2 * PAGE)).open(device).expect("a device");
    let new = dax.allocate(1, 1).expect("room");
    assert_eq!(dax.offset_of(new), Ok(2 * PAGE as u64), "behind what is kept");
    let old = dax.adopt(0, 2 * PAGE).expect("it is kept");
    assert!(holds(old, 42));
    dax.adopt(0, PAGE).expect_err("it is in use");
    free(&dax, new);
    // SAFETY: the span is handed out, and not used afterwards.
    unsafe { dax.release(old) }.expect("live");
    let old = dax.adopt(PAGE as u64, PAGE).expect("it is there again");
    assert!(holds(old, 42));
    free(&dax, old);
}

fn it_can_be_used_up(device: &str) {
    let dax = DaxOptions::new().size(Size::bytes(4 * PAGE)).open(device).expect("a device");
    let spans: Vec<_> = (0..4).map(|_| dax.allocate(PAGE, 1).expect("room")).collect();
    let error = dax.allocate(1, 1).expect_err("nothing is left");
    assert!(matches!(error, ProviderError::NoMemory { .. }), "{error}");
    spans.into_iter().for_each(|span| free(&dax, span));
    let all = dax.allocate(4 * PAGE, 1).expect("all is of one piece again");
    free(&dax, all);
    drop(dax);
    let options = DaxOptions::new().size(Size::gib(1 << 20));
    options.open(device).expect_err("it is smaller");
}

fn layers_and_heaps_live_on_it(device: &str) {
    let dax: Arc<dyn Provider> = Arc::new(DaxProvider::open(device).expect("a device"));
    let coarse = CoarseOptions::new().region(Size::bytes(4 * PAGE)).over(dax.clone());
    let coarse = coarse.expect("pages");
    let spans = [0, 1, 2].map(|_| coarse.allocate(PAGE, PAGE).expect("room"));
    spans.into_iter().for_each(|span| free(&coarse, span));
    assert_eq!(coarse.stats().largest_free, 4 * PAGE);
    drop(coarse);
    let backend = ProviderBackend::new(dax.clone(), Size::bytes(4 * PAGE)).expect("room");
    let config = Config::new(AllocatorId::new(1, 0)).slots(2);
    let heap: ThreadLocalAllocator<_> =
        ThreadLocalAllocator::create(backend, Bare, &config).expect("a heap");
    let layout = core::alloc::Layout::new::<[u8; 1000]>();
    let block = heap.allocate(Context::DEFAULT, layout).expect("room");
    // SAFETY: the block is live, that long, and not used after it is freed.
    unsafe {
        heap.resolve(block, 1000).expect("inside").write_bytes(1, 1000);
        heap.free(Context::DEFAULT, block, layout).expect("live");
    }
    drop(heap);
    assert_eq!(dax.usage().current, 0);
}
