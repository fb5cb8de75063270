//! Containers of each kind, in one value that a root names.

use std::collections::BTreeMap;

use anymem_core::allocator::Allocator;
use anymem_core::container::{
    ContainerError, LockError, MutexGuard, PopError, PushError, ShmArc, ShmBTreeMap, ShmBox,
    ShmHashMap, ShmMpmc, ShmMpsc, ShmMutex, ShmSafe, ShmSpsc, ShmString, ShmVec, ShmWeak,
};

use super::messages::Messages;
use super::sequences::Sequences;

/// What the victim changes.
#[derive(ShmSafe)]
#[shm_safe(crate = anymem_core)]
#[repr(C)]
pub(super) struct World {
    /// Elements of one word.
    pub(super) numbers: ShmVec<u64>,
    /// Elements of a byte.
    pub(super) bytes: ShmVec<u8>,
    /// Elements that own blocks.
    pub(super) texts: ShmVec<ShmString>,
    /// Text, short or long.
    pub(super) text: ShmString,
    /// Values that change with one store.
    pub(super) counts: ShmHashMap<u64, u64>,
    /// Values that move when they change.
    pub(super) wide: ShmHashMap<u64, [u64; 3]>,
    /// Keys and values that own blocks.
    pub(super) lists: ShmHashMap<ShmString, ShmVec<ShmString>>,
    /// Values that own blocks, in the order of their keys.
    pub(super) tree: ShmBTreeMap<u64, ShmString>,
    /// Boxes.
    pub(super) boxes: ShmVec<ShmBox<ShmString>>,
    /// Values with several handles, or one.
    pub(super) arcs: ShmVec<ShmArc<ShmString>>,
    /// Handles that do not keep those.
    pub(super) weaks: ShmVec<ShmWeak<ShmString>>,
    /// Handles of numbers.
    pub(super) shared: [ShmArc<u64>; 2],
    /// What is changed under a lock.
    pub(super) guarded: ShmMutex<ShmVec<ShmString>>,
    /// A queue that anybody uses.
    pub(super) jobs: ShmMpmc<ShmString>,
    /// A queue from which one pops.
    pub(super) letters: ShmMpsc<ShmString>,
    /// A queue with one user at each end.
    pub(super) lane: ShmSpsc<ShmString>,
    /// What passes messages on.
    pub(super) messages: Messages,
    /// Deques and their kin.
    pub(super) sequences: Sequences,
}

/// A text that needs a block.
pub(super) fn long(heap: &dyn Allocator, number: u64) -> ShmString {
    ShmString::from_str_in(&long_text(number), heap).expect("room")
}

/// What [`long`] holds.
pub(super) fn long_text(number: u64) -> String {
    format!("{number:040}")
}

/// The entries of a map, and what is wrong with their number.
fn map_contents(
    entries: &BTreeMap<impl std::fmt::Debug, impl std::fmt::Debug>,
    len: usize,
    twice: bool,
) -> String {
    let wrong = if twice || len != entries.len() { "counted wrong" } else { "" };
    let entries = entries.iter().map(|(key, value)| format!("{ENTRY}{key:?}: {value:?}"));
    entries.collect::<String>() + wrong
}

/// What is in a queue, which is taken out and put in again.
fn passed(
    mut pop: impl FnMut() -> Result<ShmString, PopError>,
    push: impl FnMut(ShmString) -> Result<(), PushError<ShmString>>,
) -> Vec<String> {
    let texts: Vec<_> = std::iter::from_fn(|| pop().ok()).collect();
    let seen = texts.iter().map(|text| format!("{text:?}")).collect();
    texts.into_iter().try_for_each(push).expect("as much room as before");
    seen
}

/// What stands before each entry of a map.
pub(super) const ENTRY: &str = "\n    ";

impl World {
    pub(super) fn new(heap: &dyn Allocator) -> Self {
        Self {
            numbers: ShmVec::new_in(heap),
            bytes: ShmVec::new_in(heap),
            texts: ShmVec::new_in(heap),
            text: ShmString::new_in(heap),
            counts: ShmHashMap::with_shards_in(1, heap).expect("room"),
            wide: ShmHashMap::with_shards_in(1, heap).expect("room"),
            lists: ShmHashMap::with_shards_in(1, heap).expect("room"),
            tree: ShmBTreeMap::new_in(heap),
            boxes: ShmVec::new_in(heap),
            arcs: ShmVec::new_in(heap),
            weaks: ShmVec::new_in(heap),
            shared: [0, 0].map(|number| ShmArc::new_in(number, heap).expect("room")),
            guarded: ShmMutex::new_in(ShmVec::new_in(heap), heap),
            jobs: ShmMpmc::new_in(4, heap).expect("room"),
            letters: ShmMpsc::new_in(4, heap).expect("room"),
            lane: ShmSpsc::new_in(4, heap).expect("room"),
            messages: Messages::new(heap),
            sequences: Sequences::new(heap),
        }
    }

    /// All that is in it, a line for each container.
    pub(super) fn contents(&self) -> Result<Vec<String>, ContainerError> {
        let mut counts = BTreeMap::new();
        self.counts.for_each(|key, value| _ = counts.insert(*key, *value))?;
        let (mut wide, mut wide_twice) = (BTreeMap::new(), false);
        self.wide.for_each(|key, value| wide_twice |= wide.insert(*key, *value).is_some())?;
        let (mut lists, mut twice) = (BTreeMap::new(), false);
        self.lists.for_each(|key, value| {
            twice |= lists.insert(format!("{key:?}"), format!("{value:?}")).is_some();
        })?;
        let mut contents = vec![
            format!("numbers {:?}", self.numbers),
            format!("bytes {:?}", self.bytes),
            format!("texts {:?}", self.texts),
            format!("text {:?}", self.text),
            format!("counts {}", map_contents(&counts, self.counts.len()?, false)),
            format!("wide {}", map_contents(&wide, self.wide.len()?, wide_twice)),
            format!("lists {}", map_contents(&lists, self.lists.len()?, twice)),
            format!("tree of {} {:?}", self.tree.len(), self.tree),
            format!("boxes {:?}", self.boxes),
            format!("arcs {:?}", self.arcs),
            format!("weaks {:?}", self.weaks.iter()?.map(|it| self.kept(it)).collect::<Vec<_>>()),
            format!("shared {:?}", self.shared),
            format!("guarded {:?}", *self.guarded()),
            format!("jobs {:?}", passed(|| self.jobs.try_pop(), |it| self.jobs.try_push(it))),
            format!("letters {:?}", self.letters()),
            format!("lane {:?}", self.lane()),
        ];
        contents.extend(self.messages.contents()?);
        contents.extend(self.sequences.contents());
        Ok(contents)
    }

    /// Fills a queue to the brim and empties it, some times.
    fn use_queue(&self, heap: &dyn Allocator) {
        let kept: Vec<_> = std::iter::from_fn(|| self.jobs.try_pop().ok()).collect();
        for _ in 0..3 {
            let pushed = (0..).take_while(|&it| self.jobs.try_push(long(heap, it)).is_ok()).count();
            assert_eq!(pushed, self.jobs.capacity(), "a place is lost");
            while self.jobs.try_pop().is_ok() {}
        }
        kept.into_iter().try_for_each(|it| self.jobs.try_push(it)).expect("room");
    }

    fn letters(&self) -> Vec<String> {
        let mut out = self.letters.consumer().expect("the end of a dead one, or nobody's");
        passed(|| out.try_pop(), |it| self.letters.try_push(it))
    }

    fn lane(&self) -> Vec<String> {
        let mut out = self.lane.consumer().expect("the end of a dead one, or nobody's");
        let mut into = self.lane.producer().expect("the end of a dead one, or nobody's");
        passed(|| out.try_pop(), |it| into.try_push(it))
    }

    /// Which of the handles keeps the value of a weak one.
    fn kept(&self, weak: &ShmWeak<ShmString>) -> Option<usize> {
        let value = weak.upgrade().expect("in order")?;
        self.arcs.iter().expect("in order").position(|arc| arc.ptr_eq(&value))
    }

    /// What is under the lock, whatever became of who had it.
    pub(super) fn guarded(&self) -> MutexGuard<'_, ShmVec<ShmString>> {
        match self.guarded.lock() {
            Ok(guard) => guard,
            Err(LockError::Inconsistent { mut guard, .. }) => {
                guard.mark_consistent();
                guard
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Looks whether everything is in order.
    pub(super) fn check(&self) -> Result<(), ContainerError> {
        self.numbers.check()?;
        self.bytes.check()?;
        self.texts.check()?;
        self.texts.iter()?.try_for_each(ShmString::check)?;
        self.text.check()?;
        self.counts.check()?;
        self.wide.check()?;
        self.lists.check()?;
        self.arcs.check()?;
        self.arcs.iter()?.try_for_each(|it| it.get()?.check())?;
        self.weaks.check()?;
        self.weaks.iter()?.try_for_each(ShmWeak::check)?;
        self.shared.iter().try_for_each(ShmArc::check)?;
        self.tree.check()?;
        self.boxes.check()?;
        self.sequences.check()?;
        self.boxes.iter()?.try_for_each(|it| it.get()?.check())
    }

    /// Looks whether the handles of each value are counted, or some `more`.
    pub(super) fn check_counts(&self, more: usize) -> Result<(), String> {
        let arcs = self.arcs.iter().expect("in order");
        for arc in arcs.clone() {
            let counted = (arc.strong_count(), arc.weak_count());
            let weak = arc.downgrade().expect("in order");
            let strong = arcs.clone().filter(|it| it.ptr_eq(arc)).count();
            let weaks = self.weaks.iter().expect("in order").filter(|it| it.ptr_eq(&weak)).count();
            let (Ok(counted), Ok(others)) = counted else { return Err(format!("{counted:?}")) };
            let fits = |counted: usize, there: usize| (there..=there + more).contains(&counted);
            if !fits(counted, strong) || !fits(others, weaks) {
                let there = format!("{strong} handles and {weaks} weak ones");
                return Err(format!("{there} were counted as {counted} and {others}"));
            }
        }
        Ok(())
    }

    /// Uses the containers with locks, and leaves them as they were.
    pub(super) fn use_locked(&self, heap: &dyn Allocator) -> Result<(), ContainerError> {
        for number in 0..20 {
            let _ = self.counts.insert(1000 + number, number)?;
            let _ = self.wide.insert(1000 + number, [number; 3])?;
            drop(self.lists.insert(long(heap, 1000 + number), ShmVec::new_in(heap))?);
        }
        self.lists.for_each(|_, list| drop(format!("{list:?}")))?;
        for number in 0..20 {
            self.counts.remove(&(1000 + number))?;
            self.wide.remove(&(1000 + number))?;
            drop(self.lists.remove(long_text(1000 + number).as_str())?);
        }
        self.guarded().check()?;
        self.use_queue(heap);
        self.counts.check()?;
        self.lists.check()
    }

    /// Uses everything, and leaves it as it was.
    pub(super) fn use_all(&mut self, heap: &dyn Allocator) -> Result<(), ContainerError> {
        for number in 0..20 {
            self.numbers.push(number)?;
            self.bytes.push(number as u8)?;
            self.texts.push(long(heap, number))?;
            self.boxes.push(ShmBox::new_in(long(heap, number), heap)?)?;
            self.text.push_str("some more text")?;
            let shared = ShmArc::new_in(long(heap, number), heap)?;
            self.weaks.push(shared.downgrade()?)?;
            self.arcs.push(shared.try_clone()?)?;
            self.arcs.push(shared)?;
            drop(self.tree.insert(100_000 + number, long(heap, number))?);
        }
        for _ in 0..20 {
            self.numbers.pop()?;
            self.bytes.pop()?;
            self.texts.pop()?;
            self.boxes.pop()?;
            self.arcs.pop()?;
            self.arcs.pop()?;
            self.weaks.pop()?;
            self.tree.pop_last()?;
            self.text.truncate(self.text.len() - "some more text".len())?;
        }
        self.use_locked(heap)?;
        self.messages.use_all()?;
        self.sequences.use_all(heap)?;
        self.numbers.insert(0, 5)?;
        self.numbers.remove(0)?;
        self.texts.insert(0, long(heap, 5))?;
        self.texts.remove(0)?;
        self.numbers.shrink_to_fit()?;
        self.bytes.shrink_to_fit()?;
        self.texts.shrink_to_fit()?;
        self.text.shrink_to_fit()
    }
}
