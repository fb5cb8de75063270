//! Entries that come, and nodes that are split for them.

use core::ptr::NonNull;

use super::super::heap::Heap;
use super::super::{ContainerError, ShmSafe};
use super::ShmBTreeMap;
use super::log::Word;
use super::node::{Node, Pair};
use super::order::{MOST, Order};
use super::path::{Path, Step};

/// The entry of a full node that goes up when it is split.
const MIDDLE: usize = MOST / 2;

impl<K: ShmSafe, V: ShmSafe> ShmBTreeMap<K, V> {
    /// Adds an entry where `path` leads; where it is then.
    pub(super) fn put(
        &mut self,
        heap: Heap,
        path: &mut Path<K, V>,
        entry: Pair<K, V>,
    ) -> Result<NonNull<Pair<K, V>>, ContainerError> {
        if path.len() == 0 {
            return self.put_first(heap, entry);
        }
        self.make_room(heap, path)?;
        let Some(Step { node, index }) = path.last() else { return Err(ContainerError::Corrupt) };
        let (order, place) = (node.order(), node.entry_in(node.order().free()));
        // SAFETY: a slot of the node, and none of its entries'.
        unsafe { place.write(entry) };
        let len = self.words.len.wrapping_add(1);
        let stores = [(node.order_word(), order.with(index).into_bits()), (Word::LEN, len)];
        self.commit(heap, stores)?;
        Ok(place)
    }

    /// Adds an entry to a map without nodes.
    fn put_first(
        &mut self,
        heap: Heap,
        entry: Pair<K, V>,
    ) -> Result<NonNull<Pair<K, V>>, ContainerError> {
        let root = self.allocate(heap, 0)?;
        let place = root.entry_in(Order::EMPTY.free());
        // SAFETY: a slot of the node, which has no entries.
        unsafe { place.write(entry) };
        root.set_order(Order::EMPTY.with(0));
        let link = root.link().into_bits();
        self.commit(heap, [(Word::ROOT, link), (Word::LEN, 1), (Word::SPARE, 0)])?;
        Ok(place)
    }

    /// Exchanges the value of an entry at once; the value that it had.
    pub(super) fn exchange_value(
        &mut self,
        heap: Heap,
        (node, index): (Node<K, V>, usize),
        value: V,
    ) -> Result<V, ContainerError> {
        let (order, old) = (node.order(), node.entry(index));
        node.adopt(order, (node, index), node.child_bits(index + 1));
        let new = node.entry_in(order.free()).as_ptr();
        // SAFETY: the copy of the entry, which is none of the map's yet.
        unsafe { (&raw mut (*new).value).write(value) };
        self.commit(heap, [(node.order_word(), order.exchanged(index).into_bits())])?;
        // SAFETY: the entry was the map's until just now.
        Ok(unsafe { (&raw const (*old.as_ptr()).value).read() })
    }

    /// Splits nodes until the leaf that `path` leads to has a free place.
    fn make_room(&mut self, heap: Heap, path: &mut Path<K, V>) -> Result<(), ContainerError> {
        while path.last().is_some_and(|step| step.node.is_full()) {
            let is_full = |depth: &usize| path.step(*depth).is_some_and(|it| it.node.is_full());
            let depth = (0..path.len()).rev().take_while(is_full).last().unwrap_or(0);
            match depth.checked_sub(1).and_then(|above| path.step(above)) {
                Some(parent) => self.split(heap, path, (depth, parent))?,
                None => self.raise(heap, path)?,
            }
        }
        Ok(())
    }

    /// Puts a new root above the root.
    fn raise(&mut self, heap: Heap, path: &mut Path<K, V>) -> Result<(), ContainerError> {
        let old = path.step(0).ok_or(ContainerError::Corrupt)?.node.link();
        let root = self.allocate(heap, old.level() + 1)?;
        root.set_first(old.at().get());
        path.push_root(root)?;
        self.commit(heap, [(Word::ROOT, root.link().into_bits()), (Word::SPARE, 0)])
    }

    /// Splits the full node of a path at `depth`, below `parent`, which is not full:
    /// what is behind the middle goes to a new node.
    fn split(
        &mut self,
        heap: Heap,
        path: &mut Path<K, V>,
        (depth, parent): (usize, Step<K, V>),
    ) -> Result<(), ContainerError> {
        let Step { node, index } = path.step(depth).ok_or(ContainerError::Corrupt)?;
        let right = self.allocate(heap, node.link().level())?;
        right.set_first(node.child_bits(MIDDLE + 1));
        let order = copy_behind(right, (node, MIDDLE + 1), Order::EMPTY);
        right.set_order(order);
        let above = parent.node.order();
        parent.node.adopt(above, (node, MIDDLE), right.link().at().get());
        self.commit(
            heap,
            [
                (parent.node.order_word(), above.with(parent.index).into_bits()),
                (node.order_word(), node.order().cut(MIDDLE).into_bits()),
                (Word::SPARE, 0),
            ],
        )?;
        if let Some(index) = index.checked_sub(MIDDLE + 1) {
            path.set(depth, Step { node: right, index });
            path.set(depth - 1, Step { index: parent.index + 1, ..parent });
        }
        Ok(())
    }
}

/// Copies the entries from `first` on to the free slots of `to`, whose order it
/// would be then.
pub(super) fn copy_behind<K, V>(
    to: Node<K, V>,
    (from, first): (Node<K, V>, usize),
    order: Order,
) -> Order {
    (first..from.len()).fold(order, |order, index| {
        to.adopt(order, (from, index), from.child_bits(index + 1));
        order.with(order.len())
    })
}
