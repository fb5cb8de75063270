//! The coarse layer against a model: what it hands out never overlaps, is as aligned as
//! asked for, and becomes one again when it is freed.
//!
//! The memory below may not be touched at all, so who keeps anything in it ends by a
//! signal.

use std::sync::Arc;

use anymem::Size;
use anymem::provider::{
    Access, CoarseOptions, CoarseProvider, CoarseStats, FixedOptions, FixedProvider, OsOptions,
    Provider, ProviderError, Span, Strategy,
};
use proptest::prelude::{
    Just, Strategy as Values, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};

const PAGE: usize = 4096;
const FIXED: usize = 256 * PAGE;

/// Pages that nobody may touch.
fn untouchable() -> Arc<dyn Provider> {
    Arc::new(OsOptions::new().access(Access::NONE).build().expect("address space"))
}

#[derive(Debug, Clone)]
enum Action {
    Allocate { size: usize, align: u32 },
    Free(usize),
    Split { which: usize, at: usize },
    Merge(usize),
    Trim(usize),
    Purge,
}

fn actions() -> impl Values<Value = Vec<Action>> {
    let allocate = (1..40 * PAGE, 0_u32..19)
        .prop_map(|(size, align)| Action::Allocate { size, align: 1 << align });
    let one = prop_oneof![
        6 => allocate,
        4 => any::<usize>().prop_map(Action::Free),
        2 => (any::<usize>(), 0..20_usize).prop_map(|(which, at)| Action::Split { which, at }),
        2 => any::<usize>().prop_map(Action::Merge),
        1 => (0..80 * PAGE).prop_map(Action::Trim),
        1 => Just(Action::Purge),
    ];
    prop::collection::vec(one, 1..120)
}

/// What is handed out, by address.
#[derive(Default)]
struct Model(Vec<Span>);

impl Model {
    fn pick(&self, number: usize) -> Option<usize> {
        (!self.0.is_empty()).then(|| number % self.0.len())
    }

    fn add(&mut self, span: Span) {
        let at = self.0.partition_point(|it| it.addr() < span.addr());
        self.0.insert(at, span);
    }

    fn check(&self, provider: &dyn Provider, stats: CoarseStats) {
        assert!(self.0.windows(2).all(|pair| pair[0].end() <= pair[1].addr()), "no overlap");
        let total: usize = self.0.iter().map(|span| span.len).sum();
        assert_eq!(provider.usage().current, total);
        assert_eq!((stats.reserved - stats.free, stats.spans), (total, self.0.len()));
    }
}

/// One step of a history, and what must hold after it. `gives` says whether the provider
/// must have that; `None` if it cannot be said.
fn step(
    provider: &dyn Provider,
    model: &mut Model,
    action: &Action,
    gives: impl Fn(&Model, usize, usize) -> Option<bool>,
) {
    match *action {
        Action::Allocate { size, align } => {
            let align = align as usize;
            let result = provider.allocate(size, align);
            let wanted = gives(model, size.next_multiple_of(PAGE), align);
            match &result {
                Ok(span) => {
                    assert!(span.len >= size && span.len < size + PAGE);
                    assert!(span.addr().is_multiple_of(align.max(PAGE)));
                    model.add(*span);
                }
                Err(error) => assert!(matches!(error, ProviderError::NoMemory { .. }), "{error}"),
            }
            assert!(wanted.is_none_or(|wanted| wanted == result.is_ok()), "{result:?}");
        }
        Action::Free(number) => {
            let Some(at) = model.pick(number) else { return };
            let span = model.0.remove(at);
            // SAFETY: the span is handed out, and not used afterwards.
            unsafe { provider.free(span) }.expect("it is live");
            // SAFETY: the provider must see that it is not.
            let again = unsafe { provider.free(span) };
            assert!(matches!(again, Err(ProviderError::Foreign { .. })), "{again:?}");
        }
        Action::Split { which, at } => {
            let Some(index) = model.pick(which) else { return };
            let span = model.0[index];
            // SAFETY: the span is handed out.
            match unsafe { provider.split(span, at * PAGE) } {
                Ok((low, high)) => {
                    assert_eq!((low.start, low.len), (span.start, at * PAGE));
                    assert_eq!((high.addr(), high.end()), (low.end(), span.end()));
                    model.0.splice(index..=index, [low, high]);
                }
                Err(error) => {
                    assert!(at == 0 || at * PAGE >= span.len, "{error}");
                    assert!(matches!(error, ProviderError::BadCut { .. }), "{error}");
                }
            }
        }
        Action::Merge(which) => {
            let Some(low) = model.pick(which).filter(|low| low + 1 < model.0.len()) else { return };
            let (first, second) = (model.0[low], model.0[low + 1]);
            // SAFETY: both spans are handed out.
            match unsafe { provider.merge(first, second) } {
                Ok(span) => {
                    assert_eq!(first.end(), second.addr());
                    assert_eq!((span.start, span.len), (first.start, first.len + second.len));
                    model.0.splice(low..=low + 1, [span]);
                }
                Err(error) => assert!(matches!(error, ProviderError::Apart { .. }), "{error}"),
            }
        }
        Action::Trim(_) | Action::Purge => {}
    }
}

/// Whether one of the gaps between spans has room.
fn has_gap(all: Span, model: &Model, len: usize, align: usize) -> bool {
    let starts = [all.addr()].into_iter().chain(model.0.iter().map(|span| span.end()));
    let ends = model.0.iter().map(|span| span.addr()).chain([all.end()]);
    let align = align.max(PAGE);
    starts.zip(ends).any(|(start, end)| start.next_multiple_of(align) + len <= end)
}

fn fixed(strategy: Strategy) -> (Arc<dyn Provider>, Span, FixedProvider) {
    let os = untouchable();
    let span = os.allocate(FIXED, 1 << 20).expect("address space");
    let options = FixedOptions::new().strategy(strategy).part_of(os.clone());
    // SAFETY: the span is freed by nobody, and nobody else uses it.
    (os, span, unsafe { options.over(span) }.expect("whole pages"))
}

fn strategies() -> impl Values<Value = Strategy> {
    prop_oneof![
        Just(Strategy::Fastest),
        Just(Strategy::FastestButOne),
        Just(Strategy::CheckAllSizes)
    ]
}

proptest! {
    /// Where all sizes are checked, and wherever alignment is no more than a page's, it
    /// fails only where there is no room.
    #[test]
    fn fixed_memory_is_cut_and_becomes_one_again(
        actions in actions(),
        strategy in strategies(),
    ) {
        let (os, all, fixed) = fixed(strategy);
        let mut model = Model::default();
        for action in &actions {
            step(&fixed, &mut model, action, |model, len, align| {
                let exact = strategy == Strategy::CheckAllSizes || align <= PAGE;
                exact.then(|| has_gap(all, model, len, align))
            });
            model.check(&fixed, fixed.stats());
        }
        for span in model.0.drain(..) {
            // SAFETY: the span is handed out, and not used afterwards.
            unsafe { fixed.free(span) }.expect("live");
        }
        let stats = fixed.stats();
        prop_assert_eq!((stats.free_ranges, stats.largest_free), (1, FIXED));
        drop(fixed);
        // SAFETY: the span is handed out, and not used afterwards.
        unsafe { os.free(all) }.expect("nothing was unmapped");
    }

    /// Over another provider it never fails, and gives everything back.
    #[test]
    fn regions_of_another_provider_are_cut_and_go_back(
        actions in actions(),
        strategy in strategies(),
        region in 1..64_usize,
        keep in prop_oneof![Just(usize::MAX), 0..100 * PAGE],
    ) {
        let os = untouchable();
        let options = CoarseOptions::new().strategy(strategy).keep(Size::bytes(keep));
        let options = options.region(Size::bytes(region * PAGE));
        let coarse = options.over(os.clone()).expect("pages");
        let mut model = Model::default();
        for action in &actions {
            step(&coarse, &mut model, action, |_, _, _| Some(true));
            match *action {
                Action::Trim(keep) => {
                    let (before, gone) = (coarse.stats(), coarse.trim(keep));
                    prop_assert_eq!(coarse.stats().reserved, before.reserved - gone);
                    prop_assert!(gone == 0 || coarse.stats().free >= keep);
                }
                // The memory has never had pages, but may lose them all the same.
                Action::Purge => prop_assert_eq!(coarse.purge(), coarse.stats().free),
                _ => {}
            }
            model.check(&coarse, coarse.stats());
            prop_assert_eq!(os.usage().current, coarse.stats().reserved);
        }
        for span in model.0.drain(..) {
            // SAFETY: the span is handed out, and not used afterwards.
            unsafe { coarse.free(span) }.expect("live");
        }
        let stats = coarse.stats();
        prop_assert_eq!((stats.free_ranges, stats.free), (stats.regions, stats.reserved));
        prop_assert_eq!(coarse.trim(0), stats.reserved);
        prop_assert_eq!(os.usage().current, 0);
    }
}

#[test]
fn spans_are_of_pages_as_large_as_asked_for() {
    let os: Arc<dyn Provider> = Arc::new(OsOptions::new().build().expect("pages"));
    let options = CoarseOptions::new().name("large pages");
    let coarse = options.clone().page_size(Size::kib(64)).over(os.clone()).expect("a layer");
    assert_eq!((coarse.name(), coarse.min_page_size()), ("large pages", 64 << 10));
    let span = coarse.allocate(1, 1).expect("memory");
    assert!(span.len == 64 << 10 && span.addr().is_multiple_of(64 << 10), "{span:?}");
    // SAFETY: the span is not used any more.
    unsafe { coarse.free(span) }.expect("live");
    for bytes in [100, 2048, 12_288] {
        let error = options.clone().page_size(Size::bytes(bytes)).over(os.clone());
        let error = error.expect_err("no page of a provider of 4 KiB");
        assert!(matches!(error, ProviderError::BadSetting { setting: "page_size", .. }));
    }
}

/// The best fit is the smallest range that does.
#[test]
fn the_smallest_range_that_is_large_enough_is_cut() {
    let (_os, _, fixed) = fixed(Strategy::default());
    let sizes = [8, 1, 3, 1, 5, 1];
    let spans = sizes.map(|pages| fixed.allocate(pages * PAGE, PAGE).expect("room"));
    for at in [0, 2, 4] {
        // SAFETY: the span is handed out, and not used afterwards.
        unsafe { fixed.free(spans[at]) }.expect("live");
    }
    assert_eq!(fixed.allocate(2 * PAGE, PAGE).expect("room").start, spans[2].start);
    assert_eq!(fixed.allocate(5 * PAGE, PAGE).expect("room").start, spans[4].start);
    assert_eq!(fixed.allocate(6 * PAGE, PAGE).expect("room").start, spans[0].start);
}

/// A place where the span just fits, as aligned as it must be, is seen by two strategies,
/// one of them only where it is the smallest.
#[test]
fn strategies_differ_in_how_hard_they_look_for_alignment() {
    let room = |strategy| {
        let (_os, all, fixed) = fixed(strategy);
        // Free are one unaligned page, an aligned one with one behind it, and the rest.
        let spans: Vec<_> = (0..8).map(|_| fixed.allocate(PAGE, PAGE).expect("room")).collect();
        for at in [1, 4, 5] {
            // SAFETY: the span is handed out, and not used afterwards.
            unsafe { fixed.free(spans[at]) }.expect("live");
        }
        (fixed.allocate(PAGE, 4 * PAGE).expect("room").addr() - all.addr()) / PAGE
    };
    assert_eq!(room(Strategy::CheckAllSizes), 4);
    assert_eq!(room(Strategy::FastestButOne), 8);
    assert_eq!(room(Strategy::Fastest), 8);
}

#[test]
fn most_calls_do_not_reach_the_provider_below() {
    let os = Arc::new(OsOptions::new().build().expect("pages"));
    let coarse = CoarseProvider::new(os.clone());
    for _ in 0..1000 {
        let span = coarse.allocate(100_000, PAGE).expect("memory");
        // SAFETY: the span is handed out, and not used afterwards.
        unsafe { coarse.free(span) }.expect("live");
    }
    assert_eq!((os.usage().current, os.usage().peak), (2 << 20, 2 << 20));
    assert_eq!(coarse.usage().peak, 25 * PAGE);
    coarse.reset_peak();
    assert_eq!(coarse.usage().peak, 0);
    drop(coarse);
    assert_eq!(os.usage().current, 0, "regions go back with it");
}

#[test]
fn what_is_purged_reads_as_zero_and_the_rest_stays() {
    let os = Arc::new(OsOptions::new().build().expect("pages"));
    let coarse = CoarseProvider::new(os);
    let [gone, stays] = [0, 1].map(|_| coarse.allocate(8 * PAGE, PAGE).expect("memory"));
    let freed = coarse.allocate(8 * PAGE, PAGE).expect("memory");
    // SAFETY: the spans are that long; the freed one is not used afterwards.
    unsafe {
        for span in [gone, stays, freed] {
            span.start.write_bytes(7, span.len);
        }
        coarse.free(freed).expect("live");
        coarse.purge_force(gone).expect("pages can be purged");
        assert_eq!((gone.start.read(), stays.start.read()), (0, 7));
        assert_eq!(coarse.purge(), coarse.stats().free);
        assert_eq!(stays.start.read(), 7);
        let again = coarse.allocate(8 * PAGE, PAGE).expect("memory");
        assert_eq!((again.start, again.start.read()), (freed.start, 0));
    }
}

/// All threads at once; what each has is its own.
#[test]
fn threads_share_a_coarse_layer() {
    let coarse = CoarseProvider::new(Arc::new(OsOptions::new().build().expect("pages")));
    std::thread::scope(|scope| {
        for mark in 1..=4_u8 {
            let coarse = &coarse;
            scope.spawn(move || {
                for round in 0..300_usize {
                    let span = coarse.allocate((round % 7 + 1) * PAGE, PAGE).expect("memory");
                    // SAFETY: the span is that long, and not used after it is freed.
                    unsafe {
                        span.start.write_bytes(mark, span.len);
                        if round % 16 == 0 {
                            coarse.purge();
                            coarse.trim(PAGE);
                        }
                        assert!((0..span.len).all(|at| span.start.add(at).read() == mark));
                        coarse.free(span).expect("live");
                    }
                }
            });
        }
    });
    let stats = coarse.stats();
    assert_eq!((stats.spans, stats.free), (0, stats.reserved));
    assert_eq!(stats.free_ranges, stats.regions);
}

#[test]
fn counts_and_actions_have_names() {
    let coarse = CoarseProvider::new(untouchable());
    let span = coarse.allocate(1, 1).expect("memory");
    // SAFETY: the span is handed out, and not used afterwards.
    unsafe { coarse.free(span) }.expect("live");
    let knobs = coarse.knobs();
    let knob = |name| knobs.iter().find(|knob| knob.name() == name).expect("there");
    assert_eq!(knob("stats.reserved").get().expect("a count").to_string(), "2097152");
    assert_eq!(knob("trim").run(), Some(Ok(())));
    assert_eq!(knob("stats.reserved").get().expect("a count").to_string(), "0");
}
