//! Providers whose memory is on the nodes that were asked for.

mod lacking;
mod nodes;

use std::fs;

use anymem::Size;
use anymem::numa::{MemPolicy, MemSpace, MemTarget, NodeId, NumaError, PlacementMode};
use anymem::numa::{nodes_of, policy_at};
use anymem::provider::{
    Access, FileProvider, FixedProvider, HugePages, MallocProvider, OsOptions, OsProvider,
    Provider, ProviderError, Visibility,
};
use lacking::skip;
use nodes::{PAGE, host, machine, nodes, only, touch};

const LEN: usize = 64 * PAGE;

/// Has each span of a provider bound to each node, and looks where it is.
fn on_each<P: Provider>(make: impl Fn() -> P) {
    for target in &host() {
        let provider = only(target.id()).provider(MemPolicy::Bind, make()).expect("fitting");
        let spans = [LEN, 2 * LEN].map(|len| provider.allocate(len, PAGE).expect("memory"));
        for span in spans {
            touch(span);
            assert!(nodes(span).iter().all(|node| *node == target.id()));
        }
        for span in spans {
            // SAFETY: the span came from there.
            unsafe { provider.free(span) }.expect("freed");
        }
        assert_eq!(provider.usage().current, 0);
    }
}

fn os(options: &OsOptions) -> OsProvider {
    options.build().expect("a provider")
}

#[test]
fn private_pages_are_bound() {
    on_each(|| os(&OsOptions::new()));
    on_each(|| os(&OsOptions::new().populate(true)));
}

/// (The Unified Memory Framework refuses to bind shared memory.)
#[test]
fn shared_pages_are_bound() {
    on_each(|| os(&OsOptions::new().visibility(Visibility::Shared)));
    let name = format!("test.anymem.numa.{}", std::process::id());
    on_each(|| os(&OsOptions::new().visibility(Visibility::Named(name.clone()))));
}

#[test]
fn pages_of_a_file_in_memory_are_bound() {
    let path = format!("/dev/shm/test.anymem.numa-file.{}", std::process::id());
    on_each(|| FileProvider::open(&path).expect("a file"));
    fs::remove_file(path).expect("removed");
}

/// The system deals out new pages in turn, and leaves those alone that are there.
#[test]
fn pages_that_are_there_take_turns_as_well() {
    if host().len() == 1 {
        return skip("numa", "second NUMA node");
    }
    let space = host();
    let policy = || MemPolicy::Interleave { part: 0 };
    let dealt = |provider: &dyn Provider| {
        let span = provider.allocate(LEN, PAGE).expect("memory");
        touch(span);
        let found = nodes(span);
        assert!(
            found.windows(space.len()).all(|turn| turn[1..].iter().all(|node| *node != turn[0])),
            "{found:?}"
        );
        // SAFETY: the span came from there.
        unsafe { provider.free(span) }.expect("freed");
    };
    let shared = os(&OsOptions::new().visibility(Visibility::Shared));
    dealt(&space.provider(policy(), shared).expect("fitting"));
    let os = os(&OsOptions::new());
    let memory = os.allocate(LEN, PAGE).expect("memory");
    touch(memory);
    // SAFETY: the memory outlives the provider, and nobody else uses it.
    let fixed = unsafe { FixedProvider::new(memory) }.expect("a provider");
    dealt(&space.provider(policy(), fixed).expect("fitting"));
    // SAFETY: the span came from there.
    unsafe { os.free(memory) }.expect("freed");
}

#[test]
fn memory_that_was_used_before_is_bound() {
    let os = os(&OsOptions::new());
    let memory = os.allocate(8 * LEN, PAGE).expect("memory");
    touch(memory);
    // SAFETY: the memory outlives the provider, and nobody else uses it.
    on_each(|| unsafe { FixedProvider::new(memory) }.expect("a provider"));
    // SAFETY: the span came from there.
    unsafe { os.free(memory) }.expect("freed");
}

const HUGE: Size = Size::mib(2);

/// How many huge pages are free on all nodes together, if that is at least one on each.
fn free_huge_pages() -> Option<usize> {
    let path = "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages";
    let free = fs::read_to_string(path).map_or(0, |free| free.trim().parse().expect("a number"));
    if free < host().len() {
        skip("huge-2048kB", "free huge pages of 2 MiB on each node");
        return None;
    }
    Some(free)
}

#[test]
fn huge_pages_are_bound() {
    if free_huge_pages().is_none() {
        return;
    }
    for visibility in [Visibility::Private, Visibility::Shared] {
        for target in &host() {
            let os = os(&OsOptions::new()
                .huge_pages(HugePages::Of(HUGE))
                .visibility(visibility.clone()));
            let provider = only(target.id()).provider(MemPolicy::Bind, os).expect("fitting");
            let span = provider.allocate(HUGE.get(), PAGE).expect("a huge page");
            assert_eq!(nodes_of(span, HUGE.get()), Ok(vec![Some(target.id())]));
            // SAFETY: the span came from there.
            unsafe { provider.free(span) }.expect("freed");
        }
    }
}

/// The system counts huge pages on all nodes together, and ends a process by a signal that
/// finds none on the node that it may use.
#[test]
fn huge_pages_that_their_node_lacks_are_an_error() {
    let Some(free) = free_huge_pages() else { return };
    if host().len() == 1 {
        return skip("numa", "second NUMA node");
    }
    for target in &host() {
        let os = os(&OsOptions::new().huge_pages(HugePages::Of(HUGE)));
        let provider = only(target.id()).provider(MemPolicy::Bind, os).expect("fitting");
        let result = provider.allocate(free * HUGE.get(), PAGE);
        assert!(matches!(result, Err(ProviderError::System { .. })), "{result:?}");
        assert_eq!(provider.usage().current, 0);
    }
}

#[test]
fn pages_can_have_their_policy_before_they_are_there() {
    for visibility in [Visibility::Private, Visibility::Shared] {
        for target in &host() {
            let space = only(target.id());
            let options = OsOptions::new().visibility(visibility.clone()).populate(true);
            let bind = move |span| Ok(MemPolicy::Bind.apply(&space, span, PAGE)?);
            let provider = os(&options.bind(bind));
            let span = provider.allocate(LEN, PAGE).expect("memory");
            assert!(nodes(span).iter().all(|node| *node == target.id()));
            // SAFETY: the span came from there.
            unsafe { provider.free(span) }.expect("freed");
        }
    }
}

#[test]
fn what_was_purged_comes_back_on_its_node() {
    for visibility in [Visibility::Private, Visibility::Shared] {
        for target in &host() {
            let provider = os(&OsOptions::new().visibility(visibility.clone()));
            let provider = only(target.id()).provider(MemPolicy::Bind, provider).expect("fitting");
            let span = provider.allocate(LEN, PAGE).expect("memory");
            touch(span);
            // SAFETY: the span came from there, and nobody needs what is in it.
            unsafe {
                provider.purge_force(span).expect("purged");
                provider.commit(span).expect("memory");
            }
            touch(span);
            assert!(nodes(span).iter().all(|node| *node == target.id()));
            // SAFETY: as above.
            unsafe { provider.free(span) }.expect("freed");
        }
    }
}

#[test]
fn a_span_that_cannot_be_bound_is_not_handed_out() {
    let mut node = machine().nodes()[0].clone();
    node.id = NodeId::new(1000);
    let mut space = MemSpace::new();
    space.add(MemTarget::from(&node)).expect("not there");
    let provider = space.provider(MemPolicy::Bind, os(&OsOptions::new())).expect("fitting");
    let error = provider.allocate(LEN, PAGE).expect_err("no such node");
    assert!(error.to_string().contains("NUMA node 1000"), "{error}");
    assert_eq!(provider.usage().current, 0);
}

#[test]
fn memory_that_cannot_be_bound_is_refused_at_once() {
    let space = host();
    let bind = |policy| space.provider(policy, os(&OsOptions::new())).map(drop);
    let part = MemPolicy::Interleave { part: PAGE + 1 };
    let guards = os(&OsOptions::new().access(Access::NONE));
    let bad = [
        bind(part),
        bind(MemPolicy::Split(vec![])),
        space.provider(MemPolicy::Bind, guards).map(drop),
        space.provider(MemPolicy::Bind, MallocProvider::new()).map(drop),
    ];
    for result in bad {
        assert!(matches!(result, Err(NumaError::BadSetting { .. })), "{result:?}");
    }
    let none = MemSpace::new().provider(MemPolicy::Bind, os(&OsOptions::new())).map(drop);
    assert_eq!(none, Err(NumaError::EmptySpace));
}

#[test]
fn a_bound_provider_tells_what_it_is() {
    let space = host().first(1);
    let policy = MemPolicy::Interleave { part: 2 << 20 };
    let provider = space.provider(policy.clone(), os(&OsOptions::new().name("near")));
    let provider = provider.expect("fitting");
    assert_eq!((provider.name(), provider.min_page_size()), ("near", PAGE));
    assert_eq!((provider.policy(), provider.space()), (&policy, &space));
    let knobs = provider.knobs();
    let value = |name| {
        let knob = knobs.iter().find(|knob| knob.name() == name).expect("there");
        knob.get().expect("a value").to_string()
    };
    assert_eq!(value("numa.policy"), "interleave by 2 MiB");
    assert_eq!(value("numa.nodes"), space.nodes().to_string());
}

#[test]
fn spans_can_be_split_and_merged_where_the_inner_provider_can() {
    let space = host();
    let provider = space.provider(MemPolicy::Bind, os(&OsOptions::new())).expect("fitting");
    let span = provider.allocate(LEN, PAGE).expect("memory");
    // SAFETY: the spans are the provider's, and used by nobody else.
    unsafe {
        let (low, high) = provider.split(span, LEN / 2).expect("cut");
        provider.fill(low.start, 1, low.len).expect("filled");
        provider.copy(low.start, high.start, high.len).expect("copied");
        let whole = provider.merge(low, high).expect("merged");
        assert_eq!((whole, whole.start.add(LEN - 1).read()), (span, 1));
        assert_eq!(policy_at(whole.start).expect("told").mode, PlacementMode::Bind);
        provider.free(whole).expect("freed");
    }
}
