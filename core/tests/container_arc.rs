//! `ShmArc` and `ShmWeak` against `Arc` and `Weak`:
//!
//! - any sequence of calls gives what those give, also where allocations fail, and
//!   where the heap changes its address in between;
//! - every value is dropped once, every block freed once;
//! - damaged handles and counts give wrong values or errors.
#![cfg(feature = "derive")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::mem::{forget, transmute_copy};
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread;

use anymem_core::allocator::AllocError;
use anymem_core::container::{
    ContainerError, ShmArc, ShmBox, ShmSafe, ShmString, ShmVec, ShmWeak, Trace,
};
use common::TestHeap;
use proptest::prelude::*;

/// Values alive at the moment: each test that makes some has the lock.
static ALIVE: AtomicIsize = AtomicIsize::new(0);
static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[derive(Debug, PartialEq, ShmSafe)]
#[shm_safe(crate = anymem_core)]
#[repr(C)]
struct Counted(u32);

impl Counted {
    fn new(value: u32) -> Self {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Self(value)
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::new(self.0)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug, Clone)]
enum Op {
    New(u32),
    Clone(usize),
    Drop(usize),
    Downgrade(usize),
    Upgrade(usize),
    CloneWeak(usize),
    DropWeak(usize),
    GetMut(usize, u32),
    MakeMut(usize, u32),
    IntoInner(usize),
    TryUnwrap(usize),
    Replace(usize, usize),
    Send(usize),
    Relocate,
    FailAfter(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let pick = || any::<usize>();
    prop_oneof![
        3 => any::<u32>().prop_map(Op::New),
        4 => pick().prop_map(Op::Clone),
        4 => pick().prop_map(Op::Drop),
        2 => pick().prop_map(Op::Downgrade),
        2 => pick().prop_map(Op::Upgrade),
        1 => pick().prop_map(Op::CloneWeak),
        2 => pick().prop_map(Op::DropWeak),
        1 => (pick(), any::<u32>()).prop_map(|(at, value)| Op::GetMut(at, value)),
        2 => (pick(), any::<u32>()).prop_map(|(at, value)| Op::MakeMut(at, value)),
        1 => pick().prop_map(Op::IntoInner),
        1 => pick().prop_map(Op::TryUnwrap),
        1 => (pick(), pick()).prop_map(|(at, with)| Op::Replace(at, with)),
        1 => pick().prop_map(Op::Send),
        1 => Just(Op::Relocate),
        1 => (0..3_usize).prop_map(Op::FailAfter),
    ]
}

/// Handles of both kinds, and what they should be.
#[derive(Default)]
struct Hands {
    strong: Vec<(ShmArc<Counted>, Arc<u32>)>,
    weak: Vec<(ShmWeak<Counted>, Weak<u32>)>,
}

/// One of `len`, if there is one.
fn pick(at: usize, len: usize) -> Option<usize> {
    at.checked_rem(len)
}

impl Hands {
    fn apply(&mut self, op: &Op, heap: &mut TestHeap) -> Option<()> {
        match *op {
            Op::New(value) => {
                // Where there is no room the value is dropped.
                let made = ShmArc::new_in(Counted::new(value), &**heap).ok()?;
                self.strong.push((made, Arc::new(value)));
            }
            Op::Clone(at) => {
                let (made, model) = &self.strong[pick(at, self.strong.len())?];
                let clone = (made.try_clone().unwrap(), model.clone());
                assert!(clone.0.ptr_eq(made));
                self.strong.push(clone);
            }
            Op::Drop(at) => drop(self.strong.swap_remove(pick(at, self.strong.len())?)),
            Op::Downgrade(at) => {
                let (made, model) = &self.strong[pick(at, self.strong.len())?];
                self.weak.push((made.downgrade().unwrap(), Arc::downgrade(model)));
            }
            Op::Upgrade(at) => {
                let (made, model) = &self.weak[pick(at, self.weak.len())?];
                match (made.upgrade().unwrap(), model.upgrade()) {
                    (Some(made), Some(model)) => self.strong.push((made, model)),
                    (made, model) => assert_eq!((made, model), (None, None)),
                }
            }
            Op::CloneWeak(at) => {
                let (made, model) = &self.weak[pick(at, self.weak.len())?];
                let clone = (made.try_clone().unwrap(), model.clone());
                assert!(clone.0.ptr_eq(made));
                self.weak.push(clone);
            }
            Op::DropWeak(at) => drop(self.weak.swap_remove(pick(at, self.weak.len())?)),
            Op::GetMut(at, value) => {
                let at = pick(at, self.strong.len())?;
                let (made, model) = &mut self.strong[at];
                match (made.get_mut().unwrap(), Arc::get_mut(model)) {
                    (Some(made), Some(model)) => (made.0, *model) = (value, value),
                    (made, model) => assert!(made.is_none() && model.is_none()),
                }
            }
            Op::MakeMut(at, value) => {
                let at = pick(at, self.strong.len())?;
                let (made, model) = &mut self.strong[at];
                made.make_mut().ok()?.0 = value;
                // Of a value with weak handles only this one makes a clone, too, and
                // leaves those with nothing, as `Arc` does.
                *Arc::make_mut(model) = value;
            }
            Op::IntoInner(at) => {
                let (made, model) = self.strong.swap_remove(pick(at, self.strong.len())?);
                let inner = made.into_inner().unwrap();
                assert_eq!(inner.as_ref().map(|it| it.0), Arc::into_inner(model));
            }
            Op::TryUnwrap(at) => {
                let (made, model) = self.strong.swap_remove(pick(at, self.strong.len())?);
                match (made.try_unwrap(), Arc::try_unwrap(model)) {
                    (Ok(made), Ok(model)) => assert_eq!(made.0, model),
                    (Err(made), Err(model)) => self.strong.push((made, model)),
                    (made, model) => panic!("{made:?} and {model:?}"),
                }
            }
            Op::Replace(at, with) => {
                let with = self.strong.swap_remove(pick(with, self.strong.len())?);
                let Some(at) = pick(at, self.strong.len()) else {
                    self.strong.push(with);
                    return None;
                };
                let old = self.strong[at].0.replace(with.0);
                let model = std::mem::replace(&mut self.strong[at].1, with.1);
                self.strong.push((old, model));
            }
            Op::Send(at) => {
                let (made, model) = self.strong.swap_remove(pick(at, self.strong.len())?);
                let words = made.into_shm_ptr();
                // SAFETY: just given up.
                self.strong.push((unsafe { ShmArc::from_shm_ptr(words) }.unwrap(), model));
            }
            Op::Relocate => heap.relocate(),
            Op::FailAfter(calls) => heap.fail_after(calls),
        }
        Some(())
    }

    fn compare(&self) {
        for (made, model) in &self.strong {
            made.check().unwrap();
            assert_eq!(made.get().unwrap().0, **model);
            assert_eq!(made.strong_count(), Ok(Arc::strong_count(model)));
            assert_eq!(made.weak_count(), Ok(Arc::weak_count(model)));
        }
        for (made, model) in &self.weak {
            made.check().unwrap();
            assert_eq!(made.strong_count(), Ok(Weak::strong_count(model)));
            assert_eq!(made.weak_count(), Ok(Weak::weak_count(model)));
        }
        for (one, model) in &self.strong {
            for (other, other_model) in &self.strong {
                assert_eq!(one.ptr_eq(other), Arc::ptr_eq(model, other_model));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 150 } else { 1500 }))]

    #[test]
    fn any_calls(ops in prop::collection::vec(op(), 1..80)) {
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(|it| it.into_inner());
        let before = ALIVE.load(Ordering::Relaxed);
        let mut heap = TestHeap::new(1 << 16);
        let mut hands = Hands::default();
        for op in &ops {
            let _ = hands.apply(op, &mut heap);
            hands.compare();
        }
        drop(hands);
        assert_eq!(ALIVE.load(Ordering::Relaxed), before);
        heap.assert_empty();
    }
}

/// A tree whose nodes know their parents.
#[derive(ShmSafe)]
#[shm_safe(crate = anymem_core)]
#[repr(C)]
struct Node {
    number: u64,
    #[shm_safe(recursive)]
    parent: ShmWeak<Node>,
    #[shm_safe(recursive)]
    children: ShmVec<ShmArc<Node>>,
}

#[test]
fn values_name_themselves() {
    let heap = TestHeap::new(1 << 16);
    let root = ShmArc::new_cyclic_in(&*heap, |root| {
        assert_eq!(root.upgrade()?.map(|_| ()), None, "not there yet");
        let child = Node { number: 2, parent: root.try_clone()?, children: ShmVec::new_in(&*heap) };
        let mut children = ShmVec::new_in(&*heap);
        children.push(ShmArc::new_in(child, &*heap)?)?;
        Ok(Node { number: 1, parent: ShmWeak::new_in(&*heap), children })
    })
    .unwrap();
    let child = root.get().unwrap().children.get(0).unwrap().unwrap().try_clone().unwrap();
    let parent = child.get().unwrap().parent.upgrade().unwrap().unwrap();
    assert_eq!((parent.get().unwrap().number, child.get().unwrap().number), (1, 2));
    assert!(parent.ptr_eq(&root));
    drop((root, parent));
    assert!(child.get().unwrap().parent.upgrade().unwrap().is_none());
    drop(child);
    heap.assert_empty();
}

#[test]
fn a_value_that_cannot_be_made_leaves_nothing() {
    let heap = TestHeap::new(1 << 16);
    let full = ContainerError::Alloc(AllocError::Full { requested: 7 });
    let made = ShmArc::<ShmString>::new_cyclic_in(&*heap, |_| Err(full));
    assert_eq!(made.map(|_| ()), Err(full));
    heap.assert_empty();
}

#[test]
fn what_holds_nothing_is_as_large_as_two_marks() {
    let heap = TestHeap::new(1 << 16);
    let unit = ShmArc::new_in((), &*heap).unwrap();
    assert_eq!(heap.usable(&unit), 32);
    drop(unit);
    let aligned = ShmArc::new_in(Aligned(7), &*heap).unwrap();
    assert_eq!(aligned.get().unwrap().0, 7);
    drop(aligned);
    heap.assert_empty();
}

#[derive(ShmSafe)]
#[shm_safe(crate = anymem_core)]
#[repr(C, align(64))]
struct Aligned(u64);

impl TestHeap {
    fn usable(&self, unit: &ShmArc<()>) -> usize {
        use anymem_core::allocator::Allocator;
        let at = unit.shm_ptr().ptr.offset().get() - 16;
        self.usable_size_of(anymem_core::offset::Offset::new(at)).unwrap()
    }
}

#[test]
fn threads_share_a_value_and_the_last_one_drops_it() {
    let heap = TestHeap::new(1 << 16);
    let sum = ShmArc::new_in(AtomicUsize::new(0), &*heap).unwrap();
    let weak = sum.downgrade().unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            let mine = sum.try_clone().unwrap();
            let weak = weak.try_clone().unwrap();
            scope.spawn(move || {
                for _ in 0..2000 {
                    let again = mine.try_clone().unwrap();
                    again.get().unwrap().fetch_add(1, Ordering::Relaxed);
                    drop(weak.upgrade().unwrap().expect("this thread keeps it"));
                }
            });
        }
    });
    assert_eq!(sum.strong_count(), Ok(1));
    assert_eq!(sum.into_inner().unwrap().unwrap().into_inner(), 8000);
    assert!(weak.upgrade().unwrap().is_none());
    drop(weak);
    heap.assert_empty();
}

#[test]
fn a_detached_heap_is_told() {
    let mut heap = TestHeap::new(1 << 16);
    let mut value = ShmArc::new_in(7_u64, &*heap).unwrap();
    let weak = value.downgrade().unwrap();
    heap.detach();
    let told = ContainerError::NotAttached(value.heap_id());
    assert_eq!(value.get(), Err(told));
    assert_eq!(value.get_mut(), Err(told));
    assert_eq!(value.try_clone().map(|_| ()), Err(told));
    assert_eq!(weak.upgrade().map(|_| ()), Err(told));
    assert_eq!(weak.strong_count(), Err(told));
    let value = value.try_unwrap().expect_err("not attached");
    heap.attach();
    drop((value, weak));
    heap.assert_empty();
}

/// The words of a handle: the heap's id, and the place.
type Words = [usize; 2];

// By the words of a handle as 64-bit machines have them.
#[cfg(target_pointer_width = "64")]
#[test]
fn damaged_handles_and_counts_are_told() {
    let mut heap = TestHeap::new(1 << 16);
    let value = ShmArc::new_in(7_u64, &*heap).unwrap();
    // SAFETY: plain data; the copy is not dropped.
    let words: Words = unsafe { transmute_copy(&value) };
    for at in [0, 1, 1 << 16, (1 << 16) - 16, usize::MAX, usize::MAX - 15] {
        // SAFETY: any bits are a handle.
        let mut damaged: ShmArc<u64> = unsafe { transmute_copy(&[words[0], at]) };
        assert_eq!(damaged.get(), Err(ContainerError::Corrupt));
        assert_eq!(damaged.get_mut(), Err(ContainerError::Corrupt));
        assert_eq!(damaged.try_clone().map(|_| ()), Err(ContainerError::Corrupt));
        damaged.settle(5);
        forget(damaged.try_unwrap().expect_err("damaged"));
    }
    let weak = value.downgrade().unwrap();
    for counts in [0_usize, usize::MAX, 1 << 63, 0xffff_ffff, 0x7fff_ffff_7fff_ffff] {
        heap.bytes()[words[1]..][..8].copy_from_slice(&counts.to_ne_bytes());
        assert_eq!(value.try_clone().map(|_| ()), Err(ContainerError::Corrupt));
        assert!(!matches!(weak.upgrade(), Ok(Some(_))));
        let mut again = heap.bytes()[words[1]..][..8].to_vec();
        assert_eq!(again, counts.to_ne_bytes(), "left as it was");
        again.clear();
    }
    // None left, and two dropped all the same.
    heap.bytes()[words[1]..][..8].fill(0);
    drop((value, weak));
    assert_eq!((heap.live_blocks(), heap.bad_frees()), (1, 0), "rather a leak");
}

#[test]
fn what_one_process_was_changing_alone_is_settled() {
    let heap = TestHeap::new(1 << 16);
    let mut list = ShmVec::new_in(&*heap);
    (0..8_u64).for_each(|number| list.push(number).unwrap());
    let mut boxed = ShmBox::new_in(ShmArc::new_in(list, &*heap).unwrap(), &*heap).unwrap();
    boxed.settle(3);
    assert_eq!(boxed.get().unwrap().get().unwrap().len(), 8);
    drop(boxed);
    heap.assert_empty();
}

/// A list whose end others share, and that ends with none.
#[derive(Debug, ShmSafe)]
#[shm_safe(crate = anymem_core)]
#[repr(C)]
struct Link {
    text: ShmString,
    #[shm_safe(recursive)]
    next: Option<ShmArc<Link>>,
}

#[test]
fn links_that_may_lead_nowhere_live_in_the_heap() {
    let mut heap = TestHeap::new(1 << 14);
    let link = |text: &str, next: Option<&ShmArc<Link>>, heap: &TestHeap| {
        let text = ShmString::from_str_in(&text.repeat(20), &**heap).unwrap();
        let next = next.map(|next| next.try_clone().unwrap());
        ShmArc::new_in(Link { text, next }, &**heap).unwrap()
    };
    let end = link("end", None, &heap);
    let fronts = ["a", "b"].map(|text| link(text, Some(&end), &heap));
    let mut heads = ShmVec::<Option<ShmArc<Link>>>::new_in(&*heap);
    heads.extend([None].into_iter().chain(fronts.map(Some))).unwrap();
    heap.relocate();
    assert_eq!(end.strong_count(), Ok(3));
    let [None, Some(a), Some(b)] = heads.as_slice().unwrap() else { panic!("{heads:?}") };
    let next = |link: &ShmArc<Link>| link.get().unwrap().next.as_ref().map(|it| it.ptr_eq(&end));
    assert_eq!((next(a), next(b), next(&end)), (Some(true), Some(true), None));
    heads.get_mut(1).unwrap().unwrap().take();
    assert!(heads.get(1).unwrap().unwrap().is_none());
    assert_eq!(end.strong_count(), Ok(2));
    drop(heads);
    assert_eq!(end.strong_count(), Ok(1));
    drop(end);
    heap.assert_empty();
}
