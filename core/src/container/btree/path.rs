//! The way from the root to an entry.

use core::cmp::Ordering;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::super::ContainerError;
use super::super::heap::Heap;
use super::node::{DEPTH, Node, Pair};

/// The nodes from the root to one that has an entry, with a number for each.
///
/// The last number is that of the entry, or of the one that it would be before;
/// the others are those of the children that lead there. Without nodes, it leads
/// nowhere: behind the last entry, or before the first one.
pub(super) struct Path<K, V> {
    steps: [MaybeUninit<Step<K, V>>; DEPTH],
    /// How many steps are written.
    len: usize,
}

/// A node and an index in it.
pub(super) struct Step<K, V> {
    pub(super) node: Node<K, V>,
    pub(super) index: usize,
}

impl<K, V> Clone for Step<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Step<K, V> {}

impl<K, V> Path<K, V> {
    /// Nowhere.
    pub(super) const fn new() -> Self {
        Self { steps: [const { MaybeUninit::uninit() }; DEPTH], len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The step `depth` below the root.
    #[inline]
    pub(super) fn step(&self, depth: usize) -> Option<Step<K, V>> {
        let written = self.steps.get(..self.len)?;
        // SAFETY: one of those that are written.
        written.get(depth).map(|step| unsafe { step.assume_init() })
    }

    pub(super) fn set(&mut self, depth: usize, step: Step<K, V>) {
        if let Some(place) = self.steps.get_mut(..self.len).and_then(|all| all.get_mut(depth)) {
            place.write(step);
        }
    }

    #[inline]
    pub(super) fn last(&self) -> Option<Step<K, V>> {
        self.step(self.len.checked_sub(1)?)
    }

    /// Goes on to `index` in `node`.
    #[inline]
    pub(super) fn push(&mut self, node: Node<K, V>, index: usize) -> Result<(), ContainerError> {
        let place = self.steps.get_mut(self.len).ok_or(ContainerError::Corrupt)?;
        place.write(Step { node, index });
        self.len += 1;
        Ok(())
    }

    /// Starts at `root`, whose first child the path began with so far.
    pub(super) fn push_root(&mut self, root: Node<K, V>) -> Result<(), ContainerError> {
        self.push(root, 0)?;
        if let Some(written) = self.steps.get_mut(..self.len) {
            written.rotate_right(1);
        }
        Ok(())
    }

    /// The entry, if it leads to one.
    #[inline]
    pub(super) fn entry(&self) -> Option<NonNull<Pair<K, V>>> {
        self.last().map(|Step { node, index }| node.entry(index))
    }

    /// Goes on to the first entry below `node`.
    fn push_first(&mut self, heap: Heap, node: Node<K, V>) -> Result<(), ContainerError> {
        let mut next = Some(node);
        while let Some(node) = next {
            self.push(node, 0)?;
            next = node.child(heap, 0)?;
        }
        Ok(())
    }

    /// Goes on behind the last entry below `node`.
    fn push_end(&mut self, heap: Heap, node: Node<K, V>) -> Result<(), ContainerError> {
        let mut next = Some(node);
        while let Some(node) = next {
            self.push(node, node.len())?;
            next = node.child(heap, node.len())?;
        }
        Ok(())
    }

    /// To the first entry of the tree below `root`.
    pub(super) fn first(heap: Heap, root: Node<K, V>) -> Result<Self, ContainerError> {
        let mut path = Self::new();
        path.push_first(heap, root)?;
        path.skip_ends();
        Ok(path)
    }

    /// To the last entry of the tree below `root`.
    pub(super) fn last_of(heap: Heap, root: Node<K, V>) -> Result<Self, ContainerError> {
        let mut path = Self::new();
        path.push_end(heap, root)?;
        path.skip_starts();
        Ok(path)
    }

    /// From behind the last entry of a node to the next one above.
    pub(super) fn skip_ends(&mut self) {
        while self.last().is_some_and(|Step { node, index }| index >= node.len()) {
            self.len -= 1;
        }
    }

    /// From before an entry to the one before it, maybe above.
    fn skip_starts(&mut self) {
        while let Some(Step { node, index }) = self.last() {
            if let Some(before) = index.checked_sub(1) {
                return self.set(self.len - 1, Step { node, index: before });
            }
            self.len -= 1;
        }
    }

    /// To the next entry.
    pub(super) fn advance(&mut self, heap: Heap) -> Result<(), ContainerError> {
        let Some(Step { node, index }) = self.last() else { return Ok(()) };
        self.set(self.len - 1, Step { node, index: index + 1 });
        if let Some(child) = node.child(heap, index + 1)? {
            self.push_first(heap, child)?;
        }
        self.skip_ends();
        Ok(())
    }

    /// To the entry before this one, or before the place that this is.
    pub(super) fn retreat(&mut self, heap: Heap) -> Result<(), ContainerError> {
        let Some(Step { node, index }) = self.last() else { return Ok(()) };
        self.descend_before(heap, node, index)?;
        self.skip_starts();
        Ok(())
    }

    /// Goes on behind the last entry below the child before the entry `index`.
    pub(super) fn descend_before(
        &mut self,
        heap: Heap,
        node: Node<K, V>,
        index: usize,
    ) -> Result<(), ContainerError> {
        match node.child(heap, index)? {
            Some(child) => self.push_end(heap, child),
            None => Ok(()),
        }
    }

    /// Whether both lead to the same entry of a tree.
    #[inline]
    pub(super) fn leads_where(&self, other: &Self) -> bool {
        match (self.last(), other.last()) {
            (Some(one), Some(two)) => one.node == two.node && one.index == two.index,
            _ => false,
        }
    }

    /// Which of two entries of a tree comes first.
    pub(super) fn order_to(&self, other: &Self) -> Ordering {
        let at = |path: &Self, depth: usize| {
            let is_last = usize::from(depth + 1 == path.len);
            path.step(depth).map(|step| 2 * step.index + is_last)
        };
        let differ = |depth| match at(self, depth).cmp(&at(other, depth)) {
            Ordering::Equal => None,
            order => Some(order),
        };
        (0..self.len.max(other.len)).find_map(differ).unwrap_or(Ordering::Equal)
    }
}
