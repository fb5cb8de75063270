//! The tree of a map: how it is opened, searched, checked and dropped.

use core::alloc::Layout;
use core::cmp::Ordering;
use core::ptr::NonNull;

use super::super::heap::Heap;
use super::super::{ContainerError, ShmSafe, TraceError, Tracer};
use super::ShmBTreeMap;
use super::log::Word;
use super::node::{DEPTH, Link, Node, Pair};
use super::path::Path;
use crate::offset::Offset;

impl<K: ShmSafe, V: ShmSafe> ShmBTreeMap<K, V> {
    /// The heap, for readers.
    #[inline]
    pub(super) fn open(&self) -> Result<Heap, ContainerError> {
        if self.log.is_pending() {
            return Err(ContainerError::HalfChanged);
        }
        Heap::find(self.heap)
    }

    /// The heap, with nothing left to finish.
    #[inline]
    pub(super) fn open_mut(&mut self) -> Result<Heap, ContainerError> {
        let heap = Heap::find(self.heap)?;
        if self.log.is_pending() || self.words.spare != 0 || self.words.doomed != 0 {
            self.finish(heap)?;
        }
        Ok(heap)
    }

    /// Finishes what a process was doing when it died.
    #[cold]
    fn finish(&mut self, heap: Heap) -> Result<(), ContainerError> {
        self.log.finish(heap, &mut self.words)?;
        self.free_spare(heap)?;
        self.drop_doomed(heap);
        Ok(())
    }

    #[inline]
    pub(super) fn root(&self, heap: Heap) -> Result<Option<Node<K, V>>, ContainerError> {
        let link = Link::from_bits(self.words.root);
        if link.is_none() { Ok(None) } else { Node::open(heap, link).map(Some) }
    }

    /// Where the entry is of which `compare` says that it is the one.
    #[inline]
    pub(super) fn find(
        &self,
        heap: Heap,
        mut compare: impl FnMut(&K) -> Ordering,
    ) -> Result<Option<NonNull<Pair<K, V>>>, ContainerError> {
        let mut next = self.root(heap)?;
        while let Some(node) = next {
            match node.search(&mut compare) {
                Ok(index) => return Ok(Some(node.entry(index))),
                Err(index) => next = node.child(heap, index)?,
            }
        }
        Ok(None)
    }

    /// The way to that entry, and that it is there; or to its place in a leaf.
    pub(super) fn seek(
        &self,
        heap: Heap,
        mut compare: impl FnMut(&K) -> Ordering,
    ) -> Result<(Path<K, V>, bool), ContainerError> {
        let (mut path, mut next) = (Path::new(), self.root(heap)?);
        while let Some(node) = next {
            let found = node.search(&mut compare);
            let (Ok(index) | Err(index)) = found;
            path.push(node, index)?;
            if found.is_ok() {
                return Ok((path, true));
            }
            next = node.child(heap, index)?;
        }
        Ok((path, false))
    }

    pub(super) fn first_path(&self, heap: Heap) -> Result<Path<K, V>, ContainerError> {
        self.root(heap)?.map_or(Ok(Path::new()), |root| Path::first(heap, root))
    }

    pub(super) fn last_path(&self, heap: Heap) -> Result<Path<K, V>, ContainerError> {
        self.root(heap)?.map_or(Ok(Path::new()), |root| Path::last_of(heap, root))
    }

    /// The number of entries, which fit into the heap.
    pub(super) fn bounded_len(&self, heap: Heap) -> Result<usize, ContainerError> {
        let len = self.words.len;
        let bytes = len.checked_mul(size_of::<Pair<K, V>>().max(1));
        heap.array::<u8>(Offset::new(1), bytes.ok_or(ContainerError::Corrupt)?)?;
        Ok(len)
    }

    /// Stores several words at once.
    #[inline]
    pub(super) fn commit<const N: usize>(
        &mut self,
        heap: Heap,
        stores: [(Word, usize); N],
    ) -> Result<(), ContainerError> {
        self.log.commit(heap, &mut self.words, stores)
    }

    /// A new node, that the map has as its spare one.
    pub(super) fn allocate(
        &mut self,
        heap: Heap,
        level: usize,
    ) -> Result<Node<K, V>, ContainerError> {
        let new = (Some(Node::<K, V>::layout(level)), level);
        // SAFETY: as large as such a node.
        let mut fill = |block: NonNull<u8>| unsafe { Node::<K, V>::make(block) };
        let link = NonNull::from(&mut self.words.spare).cast();
        // SAFETY: the word is the map's own, and names nothing.
        let at = unsafe { heap.exchange(link, None, new, &mut fill) }?;
        Node::open(heap, Link::new(at, level))
    }

    /// Frees the spare node, if there is one; its entries are elsewhere.
    pub(super) fn free_spare(&mut self, heap: Heap) -> Result<(), ContainerError> {
        let spare = Link::from_bits(self.words.spare);
        if spare.is_none() {
            return Ok(());
        }
        let link = NonNull::from(&mut self.words.spare).cast();
        let old = block::<K, V>(spare);
        // SAFETY: the word is the map's own, and nothing else names the node.
        unsafe { heap.exchange(link, old, (None, 0), &mut |_| ()) }.map(drop)
    }

    /// Takes the tree out of the map and drops it.
    pub(super) fn uproot(&mut self, heap: Heap) -> Result<(), ContainerError> {
        let stores = [(Word::DOOMED, self.words.root), (Word::ROOT, 0), (Word::LEN, 0)];
        self.commit(heap, stores)?;
        self.drop_doomed(heap);
        Ok(())
    }

    /// Drops what was taken out of the map; what is damaged leaks.
    fn drop_doomed(&mut self, heap: Heap) {
        let level = Link::from_bits(self.words.doomed).level();
        let link = NonNull::from(&mut self.words.doomed);
        let _ = drop_below::<K, V>(heap, link, level);
        self.words.doomed = 0;
    }

    /// Looks whether all nodes are in order: each in the heap, with as many
    /// entries as the map counts.
    ///
    /// The order of the keys is not looked at.
    ///
    /// # Errors
    ///
    /// The heap is not attached, a process died while it changed the map, or the
    /// map is damaged.
    pub fn check(&self) -> Result<(), ContainerError> {
        let heap = self.open()?;
        let Some(root) = self.root(heap)? else {
            return if self.words.len == 0 { Ok(()) } else { Err(ContainerError::Corrupt) };
        };
        let len = self.bounded_len(heap)?;
        // More nodes than entries would be too many.
        let mut left = (len, len + DEPTH);
        check_below(heap, root, &mut left)?;
        if left.0 == 0 { Ok(()) } else { Err(ContainerError::Corrupt) }
    }

    /// Names the blocks of the tree, and of what is outside of it.
    pub(super) fn trace_nodes(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        let words = [self.words.root, self.words.doomed, self.words.spare];
        words.into_iter().try_for_each(|bits| {
            let heap = self.heap;
            trace_node::<K, V>(tracer, heap, Link::from_bits(bits))
        })
    }
}

/// The block of a node, and its layout.
fn block<K, V>(link: Link) -> Option<(Offset, Layout)> {
    (!link.is_none()).then(|| (link.at(), Node::<K, V>::layout(link.level())))
}

/// Drops the entries of the node that the word at `link` names, and of all below,
/// and frees the nodes.
///
/// A node that is met again, by whoever goes on for the dead or in a damaged tree,
/// has fewer entries each time.
fn drop_below<K, V>(heap: Heap, link: NonNull<usize>, level: usize) -> Result<(), ContainerError> {
    // SAFETY: a word of the map, or of a node that it owns.
    let at = Link::from_bits(unsafe { link.read() }).at();
    if at.is_null() {
        return Ok(());
    }
    let named = Link::new(at, level);
    let node = Node::<K, V>::open(heap, named)?;
    while let Some(last) = node.len().checked_sub(1) {
        drop_child(heap, node, last + 1, level);
        let place = node.entry(last);
        node.set_order(node.order().cut(last));
        // SAFETY: an entry of the tree, which no longer counts it.
        unsafe { place.drop_in_place() };
    }
    drop_child(heap, node, 0, level);
    // SAFETY: only that word names the node, whose entries and children are gone.
    unsafe { heap.exchange(link.cast(), block::<K, V>(named), (None, 0), &mut |_| ()) }.map(drop)
}

fn drop_child<K, V>(heap: Heap, node: Node<K, V>, index: usize, level: usize) {
    if let (Some(word), Some(level)) = (node.child_word(index), level.checked_sub(1)) {
        // What is damaged leaks.
        let _ = drop_below::<K, V>(heap, word, level);
    }
}

/// Counts down for each entry and node.
fn check_below<K, V>(
    heap: Heap,
    node: Node<K, V>,
    left: &mut (usize, usize),
) -> Result<(), ContainerError> {
    let (entries, nodes) = (left.0.checked_sub(node.len()), left.1.checked_sub(1));
    *left = entries.zip(nodes).ok_or(ContainerError::Corrupt)?;
    if !node.order().is_sound() {
        return Err(ContainerError::Corrupt);
    }
    (0..=node.len()).try_for_each(|index| match node.child(heap, index)? {
        Some(child) => check_below(heap, child, left),
        None => Ok(()),
    })
}

/// Names the block of a node, if there is one, and then what is in it.
fn trace_node<K: ShmSafe, V: ShmSafe>(
    tracer: &mut Tracer<'_>,
    heap: crate::offset::AllocatorId,
    link: Link,
) -> Result<(), TraceError> {
    let at = link.at();
    if at.is_null() {
        return Ok(());
    }
    if link.level() >= DEPTH {
        return Err(TraceError::Damaged { at });
    }
    let bytes = Node::<K, V>::layout(link.level()).size();
    // SAFETY: the link names a node of that level.
    unsafe { tracer.owned(heap, at, bytes, (look::<K, V>, link.level())) }.map(drop)
}

/// Names what the entries of a node own, and its children.
///
/// # Safety
///
/// A node of that level is at `at`.
unsafe fn look<K: ShmSafe, V: ShmSafe>(
    tracer: &mut Tracer<'_>,
    at: Offset,
    level: usize,
) -> Result<(), TraceError> {
    let heap = tracer.heap().allocator().id();
    let node = Node::<K, V>::open(tracer.heap(), Link::new(at, level));
    let node = node.map_err(|_| TraceError::Damaged { at })?;
    for index in 0..node.len() {
        // SAFETY: an entry of the node, and nobody else uses the heap.
        let Pair { key, value } = unsafe { node.entry(index).as_ref() };
        key.trace(tracer)?;
        value.trace(tracer)?;
    }
    let Some(below) = level.checked_sub(1) else { return Ok(()) };
    (0..=node.len()).try_for_each(|index| {
        let child = Link::new(Offset::new(node.child_bits(index)), below);
        trace_node::<K, V>(tracer, heap, child)
    })
}
