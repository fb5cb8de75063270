//! Entries that go, and nodes that are filled up or merged after it.

use super::super::heap::Heap;
use super::super::{ContainerError, ShmSafe};
use super::ShmBTreeMap;
use super::grow::copy_behind;
use super::log::Word;
use super::node::{Link, Node, Pair};
use super::order::{LEAST, MOST, Order};
use super::path::{Path, Step};
use crate::offset::Offset;

/// An entry, and the nodes before it and behind it.
struct Between<K, V> {
    parent: Node<K, V>,
    index: usize,
    left: Node<K, V>,
    right: Node<K, V>,
}

impl<K: ShmSafe, V: ShmSafe> ShmBTreeMap<K, V> {
    /// Removes the entry that `path` leads to.
    pub(super) fn take(
        &mut self,
        heap: Heap,
        mut path: Path<K, V>,
    ) -> Result<(K, V), ContainerError> {
        let Some(Step { node, index }) = path.last() else { return Err(ContainerError::Corrupt) };
        // SAFETY: an entry of the map, which forgets it.
        let Pair { key, value } = unsafe { node.entry(index).read() };
        let taken = core::mem::ManuallyDrop::new((key, value));
        let len = self.words.len.wrapping_sub(1);
        if node.is_leaf() {
            let order = node.order().without(index);
            self.commit(heap, [(node.order_word(), order.into_bits()), (Word::LEN, len)])?;
        } else {
            self.take_inner(heap, &mut path, len)?;
        }
        // The entry is gone; whoever looks at a damaged map next is told.
        let _ = self.fill_up(heap, &path);
        Ok(core::mem::ManuallyDrop::into_inner(taken))
    }

    /// Puts the entry before it in the place of one that is not in a leaf; `path`
    /// leads to that leaf then.
    fn take_inner(
        &mut self,
        heap: Heap,
        path: &mut Path<K, V>,
        len: usize,
    ) -> Result<(), ContainerError> {
        let Some(Step { node, index }) = path.last() else { return Err(ContainerError::Corrupt) };
        path.descend_before(heap, node, index)?;
        let Some(Step { node: leaf, .. }) = path.last() else {
            return Err(ContainerError::Corrupt);
        };
        let last = leaf.len().checked_sub(1).ok_or(ContainerError::Corrupt)?;
        let order = node.order();
        node.adopt(order, (leaf, last), node.child_bits(index + 1));
        self.commit(
            heap,
            [
                (node.order_word(), order.exchanged(index).into_bits()),
                (leaf.order_word(), leaf.order().cut(last).into_bits()),
                (Word::LEN, len),
            ],
        )
    }

    /// Gives the nodes of a path enough entries.
    fn fill_up(&mut self, heap: Heap, path: &Path<K, V>) -> Result<(), ContainerError> {
        for depth in (1..path.len()).rev() {
            if let (Some(step), Some(parent)) = (path.step(depth), path.step(depth - 1))
                && step.node.len() < LEAST
            {
                self.fill(heap, parent)?;
            }
        }
        self.lower(heap)
    }

    /// Takes away roots without entries.
    fn lower(&mut self, heap: Heap) -> Result<(), ContainerError> {
        while let Some(root) = self.root(heap)?.filter(|root| root.len() == 0) {
            let below = match root.link().level().checked_sub(1) {
                Some(level) => Link::new(Offset::new(root.child_bits(0)), level),
                None => Link::NONE,
            };
            let old = root.link().into_bits();
            self.commit(heap, [(Word::SPARE, old), (Word::ROOT, below.into_bits())])?;
            self.free_spare(heap)?;
        }
        Ok(())
    }

    /// Gives the child of a step more entries, from the node beside it.
    fn fill(&mut self, heap: Heap, step: Step<K, V>) -> Result<(), ContainerError> {
        let Step { node: parent, index: child } = step;
        if parent.len() == 0 {
            return Ok(());
        }
        let index = child.saturating_sub(1).min(parent.len() - 1);
        let (left, right) = (parent.child(heap, index)?, parent.child(heap, index + 1)?);
        let (left, right) = left.zip(right).ok_or(ContainerError::Corrupt)?;
        let between = Between { parent, index, left, right };
        if left.len() + right.len() < MOST {
            self.merge(heap, &between)
        } else if child > 0 {
            self.move_right(heap, &between)
        } else {
            self.move_left(heap, &between)
        }
    }

    /// Moves all of the right node, and the entry between, into the left one.
    fn merge(&mut self, heap: Heap, between: &Between<K, V>) -> Result<(), ContainerError> {
        let &Between { parent, index, left, right } = between;
        let order = left.order();
        left.adopt(order, (parent, index), right.child_bits(0));
        let order = copy_behind(left, (right, 0), order.with(order.len()));
        self.commit(
            heap,
            [
                // In this order, so that every node can always be reached.
                (Word::SPARE, right.link().into_bits()),
                (left.order_word(), order.into_bits()),
                (parent.order_word(), parent.order().without(index).into_bits()),
                (right.order_word(), Order::EMPTY.into_bits()),
            ],
        )?;
        self.free_spare(heap)
    }

    /// Moves the last entry of the left node up, and the one between to the right.
    fn move_right(&mut self, heap: Heap, between: &Between<K, V>) -> Result<(), ContainerError> {
        let &Between { parent, index, left, right } = between;
        let last = left.len().checked_sub(1).ok_or(ContainerError::Corrupt)?;
        let (above, order) = (parent.order(), right.order());
        right.adopt(order, (parent, index), right.child_bits(0));
        parent.adopt(above, (left, last), right.link().at().get());
        self.commit_move(
            heap,
            [
                (right.order_word(), order.with(0).into_bits()),
                (right.first_word(), left.child_bits(last + 1)),
                (parent.order_word(), above.exchanged(index).into_bits()),
                (left.order_word(), left.order().cut(last).into_bits()),
            ],
            right,
        )
    }

    /// Moves the first entry of the right node up, and the one between to the left.
    fn move_left(&mut self, heap: Heap, between: &Between<K, V>) -> Result<(), ContainerError> {
        let &Between { parent, index, left, right } = between;
        let (above, order) = (parent.order(), left.order());
        left.adopt(order, (parent, index), right.child_bits(0));
        parent.adopt(above, (right, 0), right.link().at().get());
        self.commit_move(
            heap,
            [
                (left.order_word(), order.with(order.len()).into_bits()),
                (right.first_word(), right.child_bits(1)),
                (parent.order_word(), above.exchanged(index).into_bits()),
                (right.order_word(), right.order().without(0).into_bits()),
            ],
            right,
        )
    }

    /// Stores what a move changes; the second store only where there are children.
    fn commit_move(
        &mut self,
        heap: Heap,
        [first, child, third, fourth]: [(Word, usize); 4],
        right: Node<K, V>,
    ) -> Result<(), ContainerError> {
        if right.is_leaf() {
            self.commit(heap, [first, third, fourth])
        } else {
            self.commit(heap, [first, child, third, fourth])
        }
    }
}
