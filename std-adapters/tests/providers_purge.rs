//! Memory that the system may take when it is short of it.

mod lacking;

use std::sync::Arc;

use anymem::pool::Tracked;
use anymem::provider::{CoarseProvider, FixedOptions, OsProvider, Provider, ProviderError, Span};
use lacking::skip;

const PAGE: usize = 4096;

/// So many that most are known to the system as purged: it notes them some at a time, and
/// one that is written to may keep those of a huge page with it.
const PAGES: usize = 2048;

fn private() -> Arc<dyn Provider> {
    Arc::new(OsProvider::new().expect("pages"))
}

/// Providers whose spans are the system's pages in the end.
fn providers() -> Vec<Arc<dyn Provider>> {
    let below = private();
    let span = below.allocate(4 * PAGES * PAGE, PAGE).expect("memory");
    let fixed = FixedOptions::new().part_of(below);
    // SAFETY: nobody else has the span, which is never given back.
    let fixed = unsafe { fixed.over(span) }.expect("whole pages");
    vec![
        private(),
        Arc::new(fixed),
        Arc::new(CoarseProvider::new(private())),
        Arc::new(Tracked::new(private()).expect("a number")),
    ]
}

/// The bytes of a page.
fn page(span: Span, nth: usize) -> &'static mut [u8] {
    // SAFETY: the tests' spans are theirs alone, and that long; a page is looked at by one
    // reference at a time, and not after its span was freed.
    unsafe { std::slice::from_raw_parts_mut(span.start.add(nth * PAGE).as_ptr(), PAGE) }
}

/// Has the system take what it can of a span, as if it were short of memory; whether it
/// knows how.
fn press(span: Span) -> bool {
    // SAFETY: contents stay, but for those of pages that were purged.
    let result = unsafe { libc::madvise(span.start.as_ptr().cast(), span.len, libc::MADV_PAGEOUT) };
    result == 0
}

#[test]
fn what_was_purged_lazily_goes_when_memory_is_short_and_what_is_written_again_stays() {
    for provider in providers() {
        let span = provider.allocate(2 * PAGES * PAGE, PAGE).expect("memory");
        let (purged, kept) = span.cut(PAGES * PAGE).expect("inside");
        (0..2 * PAGES).for_each(|nth| page(span, nth).fill(0xAA));
        // SAFETY: part of the span, which is the test's alone.
        unsafe { provider.purge_lazy(purged) }.expect("private pages can be purged");
        page(purged, 7).fill(0xBB);
        if !press(span) {
            return skip("pageout", "MADV_PAGEOUT");
        }
        let holds = |nth: usize, byte: u8| page(span, nth).iter().all(|it| *it == byte);
        assert!(holds(7, 0xBB), "{provider:?}: written since");
        assert!((PAGES..2 * PAGES).all(|nth| holds(nth, 0xAA)), "{provider:?}: {kept:?}");
        let gone = (0..PAGES).filter(|nth| holds(*nth, 0)).count();
        let whole = (0..PAGES).filter(|nth| holds(*nth, 0xAA)).count();
        assert_eq!(gone + whole, PAGES - 1, "{provider:?}: each page went or stayed");
        assert!(gone >= PAGES / 2, "{provider:?}: {gone} pages went");
        // SAFETY: the span is not used afterwards.
        unsafe { provider.free(span) }.expect("live");
    }
}

#[test]
fn only_memory_that_is_handed_out_is_purged_lazily() {
    for provider in providers() {
        let span = provider.allocate(2 * PAGE, PAGE).expect("memory");
        let behind = Span::new(span.start, 1 << 30);
        let odd = Span::new(span.start, PAGE / 2);
        for wrong in [behind, odd] {
            // SAFETY: refused; what is in the span is not needed.
            let error = unsafe { provider.purge_lazy(wrong) }.expect_err("no part of a span");
            assert!(!matches!(error, ProviderError::Unsupported { .. }), "{error}");
        }
        // SAFETY: the span is not used afterwards.
        unsafe { provider.free(span) }.expect("live");
    }
}
