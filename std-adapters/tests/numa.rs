//! Where pages really are: on one node as far as that goes, and on more where the machine
//! has some (see `tests/vm`).

mod lacking;
mod nodes;

use core::ptr::NonNull;
use std::fs::File;
use std::os::unix::fs::FileExt;

use anymem::backend::{Backend, MemfdBackend, MmapBackend};
use anymem::numa::{
    MemPolicy, MemSpace, MemTarget, NodeId, NumaError, PlacementMode, current_node, nodes_of,
    policy_at,
};
use anymem::provider::Span;
use lacking::skip;
use nodes::{PAGE, host, machine, nodes, on_each_node, only, touch};

const LEN: usize = 64 * PAGE;

/// Two memories to tell apart; `None`, with a line that says so, where there is one only.
fn two_nodes() -> Option<(MemSpace, [NodeId; 2])> {
    let space = host().first(2);
    let nodes: Vec<_> = space.nodes().into_iter().collect();
    let two = <[NodeId; 2]>::try_from(nodes).ok();
    if two.is_none() {
        skip("numa", "second NUMA node");
    }
    two.map(|two| (space, two))
}

fn private() -> MmapBackend {
    MmapBackend::new(LEN).expect("memory")
}

fn span_of(backend: &impl Backend) -> Span {
    Span::new(backend.base(), backend.len())
}

/// Another mapping of the same memory.
fn again(backend: &MemfdBackend) -> MemfdBackend {
    let file = backend.file().try_clone_to_owned().expect("a file");
    MemfdBackend::attach(file).expect("memory")
}

/// The same, of pages that `policy` is applied to before they are written to.
fn fresh(policy: &MemPolicy, space: &MemSpace) -> Vec<NodeId> {
    let backend = private();
    policy.apply(space, span_of(&backend), PAGE).expect("bound");
    touch(span_of(&backend));
    nodes(span_of(&backend))
}

#[test]
fn pages_are_nowhere_before_they_are_written_to() {
    let backend = private();
    assert!(nodes_of(span_of(&backend), PAGE).expect("told").iter().all(Option::is_none));
    touch(span_of(&backend));
    assert!(nodes(span_of(&backend)).iter().all(|node| host().get(*node).is_some()));
}

#[test]
fn bound_pages_are_on_their_node() {
    for target in &host() {
        let space = only(target.id());
        assert!(fresh(&MemPolicy::Bind, &space).iter().all(|node| *node == target.id()));
    }
}

#[test]
fn a_policy_can_be_asked_for() {
    let first = host().first(1);
    let cases = [
        (MemPolicy::Bind, PlacementMode::Bind, first.nodes()),
        (MemPolicy::Preferred, PlacementMode::Preferred, first.nodes()),
        (MemPolicy::Interleave { part: 0 }, PlacementMode::Interleave, first.nodes()),
        (MemPolicy::Interleave { part: 2 * PAGE }, PlacementMode::Bind, first.nodes()),
        (MemPolicy::Local, PlacementMode::Local, MemSpace::new().nodes()),
    ];
    let backend = private();
    let place = || policy_at(backend.base()).expect("told");
    assert_eq!(place().mode, PlacementMode::Default);
    for (policy, mode, nodes) in cases {
        policy.apply(&first, span_of(&backend), PAGE).expect("bound");
        assert_eq!((place().mode, place().nodes), (mode, nodes), "{policy}");
    }
}

#[test]
fn pages_that_were_only_read_go_where_they_are_written_to() {
    let policies = [MemPolicy::Bind, MemPolicy::Preferred, MemPolicy::Interleave { part: 0 }];
    let targets = host();
    for (policy, target) in policies.iter().flat_map(|it| targets.iter().map(move |to| (it, to))) {
        let backend = private();
        for at in (0..LEN).step_by(PAGE) {
            // SAFETY: the span is this test's own and has that many bytes.
            assert_eq!(unsafe { backend.base().add(at).read_volatile() }, 0);
        }
        policy.apply(&only(target.id()), span_of(&backend), PAGE).expect("bound");
        touch(span_of(&backend));
        assert!(nodes(span_of(&backend)).iter().all(|node| *node == target.id()));
    }
}

#[test]
fn what_is_bound_keeps_its_bytes() {
    let backend = private();
    touch(span_of(&backend));
    MemPolicy::Bind.apply(&host(), span_of(&backend), PAGE).expect("bound");
    for at in (0..LEN).step_by(PAGE) {
        // SAFETY: the span is this test's own and has that many bytes.
        assert_eq!(unsafe { backend.base().add(at).read() }, 1);
    }
}

#[test]
fn only_the_span_is_bound() {
    let backend = private();
    let (low, high) = span_of(&backend).cut(LEN / 2).expect("inside");
    MemPolicy::Bind.apply(&host(), high, PAGE).expect("bound");
    assert_eq!(policy_at(low.start).expect("told").mode, PlacementMode::Default);
    assert_eq!(policy_at(high.start).expect("told").mode, PlacementMode::Bind);
}

#[test]
fn pages_that_are_elsewhere_are_moved() {
    let Some((_, [one, two])) = two_nodes() else { return };
    let backend = private();
    for node in [one, two, one] {
        MemPolicy::Bind.apply(&only(node), span_of(&backend), PAGE).expect("bound");
        touch(span_of(&backend));
        assert!(nodes(span_of(&backend)).iter().all(|found| *found == node));
    }
}

#[test]
fn pages_that_cannot_be_moved_are_an_error() {
    let Some((_, [one, two])) = two_nodes() else { return };
    let file = MemfdBackend::create("stays", LEN).expect("a file");
    let copy = again(&file);
    MemPolicy::Bind.apply(&only(one), span_of(&file), PAGE).expect("bound");
    touch(span_of(&file));
    touch(span_of(&copy));
    let result = MemPolicy::Bind.apply(&only(two), span_of(&file), PAGE);
    let (span, nodes) = (span_of(&file), only(two).nodes());
    assert_eq!(result, Err(NumaError::PagesStay { span, nodes }));
}

#[test]
fn pages_take_turns() {
    let Some((space, [one, two])) = two_nodes() else { return };
    let found = fresh(&MemPolicy::Interleave { part: 0 }, &space);
    assert!(found.windows(2).all(|pair| pair[0] != pair[1]), "{found:?}");
    let found = fresh(&MemPolicy::Interleave { part: 4 * PAGE }, &space);
    let parts = found.chunks(8).all(|parts| parts[..4] == [one; 4] && parts[4..] == [two; 4]);
    assert!(parts, "{found:?}");
}

#[test]
fn parts_begin_with_the_first_of_the_space() {
    let Some((_, [one, two])) = two_nodes() else { return };
    let space = MemSpace::of_nodes(&machine(), [two, one]).expect("there");
    let found = fresh(&MemPolicy::Interleave { part: LEN / 2 }, &space);
    assert_eq!((found[0], found[LEN / PAGE - 1]), (two, one));
}

#[test]
fn pages_are_split_by_weight() {
    let Some((space, [one, two])) = two_nodes() else { return };
    let weights = vec![(two, 3), (one, 1)];
    let found = fresh(&MemPolicy::Split(weights), &space);
    let (first, second) = found.split_at(48);
    assert!(first.iter().all(|node| *node == two), "{found:?}");
    assert!(second.iter().all(|node| *node == one), "{found:?}");
}

#[test]
fn preferred_pages_are_on_the_first_of_the_space() {
    for target in &host() {
        let mut space = host();
        let first = space.remove(target.id()).expect("there");
        let mut order = MemSpace::new();
        [first]
            .into_iter()
            .chain(space.iter().cloned())
            .for_each(|it| order.add(it).expect("once"));
        let found = fresh(&MemPolicy::Preferred, &order);
        assert!(found.iter().all(|node| *node == target.id()), "{found:?}");
    }
}

#[test]
fn local_pages_are_on_the_node_of_who_writes_first() {
    on_each_node(|node| {
        assert_eq!(current_node(), node);
        if host().get(node).is_some() {
            let found = fresh(&MemPolicy::Local, &MemSpace::new());
            assert!(found.iter().all(|found| *found == node), "{found:?}");
        }
    });
}

#[test]
fn shared_memory_is_bound_for_all_who_share_it() {
    for target in &host() {
        let file = MemfdBackend::create("shared", LEN).expect("a file");
        MemPolicy::Bind.apply(&only(target.id()), span_of(&file), PAGE).expect("bound");
        let other = again(&file);
        touch(span_of(&other));
        assert!(nodes(span_of(&other)).iter().all(|node| *node == target.id()));
    }
}

/// The system moves what is mapped; this is not, but there.
#[test]
fn shared_memory_that_was_never_mapped_is_moved() {
    for target in &host() {
        let backend = MemfdBackend::create("unmapped", LEN).expect("a file");
        let file = File::from(backend.file().try_clone_to_owned().expect("a file"));
        file.write_all_at(&[1; LEN], 0).expect("room");
        MemPolicy::Bind.apply(&only(target.id()), span_of(&backend), PAGE).expect("bound");
        assert!(nodes(span_of(&backend)).iter().all(|node| *node == target.id()));
    }
}

#[test]
fn a_node_that_the_process_may_not_use_is_named() {
    // A target of a machine that is made up.
    let mut node = machine().nodes()[0].clone();
    node.id = NodeId::new(1000);
    let mut space = host();
    space.add(MemTarget::from(&node)).expect("not there");
    let backend = private();
    for policy in [MemPolicy::Bind, MemPolicy::Interleave { part: 0 }, MemPolicy::Preferred] {
        let error = policy.apply(&space, span_of(&backend), PAGE).expect_err("no such node");
        assert!(matches!(error, NumaError::NotAllowed { .. }));
        assert!(error.to_string().contains("NUMA node 1000,"), "{error}");
        assert_eq!(policy_at(backend.base()).expect("told").mode, PlacementMode::Default);
    }
}

#[test]
fn policies_that_make_no_sense_are_errors() {
    let (backend, space) = (private(), host().first(1));
    let span = span_of(&backend);
    let elsewhere = NodeId::new(1000);
    let have = space.nodes();
    let apply = |policy: MemPolicy, span| policy.apply(&space, span, PAGE);
    assert_eq!(MemPolicy::Bind.apply(&MemSpace::new(), span, PAGE), Err(NumaError::EmptySpace));
    assert_eq!(
        apply(MemPolicy::Split(vec![(elsewhere, 1)]), span),
        Err(NumaError::NotInSpace { node: elsewhere, have })
    );
    let odd = [Span::new(span.start, 100), Span::new(span.start.map_addr(|it| it | 1), PAGE)];
    let weights = vec![(space.iter().next().expect("one").id(), 0)];
    let bad = [
        apply(MemPolicy::Interleave { part: PAGE + 1 }, span),
        apply(MemPolicy::Split(vec![]), span),
        apply(MemPolicy::Split(weights), span),
        apply(MemPolicy::Bind, odd[0]),
        apply(MemPolicy::Bind, odd[1]),
        MemPolicy::Bind.apply(&space, span, 100),
        MemPolicy::Bind.apply(&space, span, 0),
        nodes_of(odd[0], PAGE).map(drop),
    ];
    for result in bad {
        assert!(matches!(result, Err(NumaError::BadSetting { .. })), "{result:?}");
    }
}

#[test]
fn what_is_not_mapped_cannot_be_bound() {
    let backend = private();
    let gone = span_of(&backend);
    drop(backend);
    let result = MemPolicy::Bind.apply(&host(), Span::new(gone.start, 1 << 40), PAGE);
    assert!(matches!(result, Err(NumaError::System { .. })), "{result:?}");
    let nowhere = NonNull::without_provenance(PAGE.try_into().expect("not 0"));
    assert!(policy_at(nowhere).is_err());
}

#[test]
fn the_nearest_memory_is_the_own() {
    let nearest = |node| MemSpace::lowest_latency(&machine(), node);
    if let Err(NumaError::NoHmat { .. }) = nearest(current_node()) {
        return skip("hmat", "HMAT");
    }
    on_each_node(|node| {
        if host().get(node).is_some() {
            let space = nearest(node).expect("known");
            assert_eq!(space.iter().next().expect("one").id(), node, "{space}");
        }
    });
}
