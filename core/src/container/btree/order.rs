//! Which slots of a node hold entries, and in which order: one word.

/// Slots of a node that may hold entries, one less than there are.
pub(super) const MOST: usize = SLOTS - 1;

/// Slots of a node.
pub(super) const SLOTS: usize = usize::BITS as usize / 4 - 1;

/// Entries that a node gets more of when it has fewer, unless it is the root.
pub(super) const LEAST: usize = MOST / 2 - 1;

/// The order of a node's entries: 15 slots on machines with 64-bit words, 7 on
/// those with 32 bits.
///
/// | bits | field |
/// |---|---|
/// | 0–3 | how many entries there are |
/// | 4 n + 4 … 4 n + 7 | the slot of the `n`-th one; then those that are free |
///
/// An entry comes, goes or is exchanged for another one with one store of the
/// word. One slot is always free. Whatever the bits are, every slot named is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Order(usize);

impl Order {
    /// No entries.
    pub(super) const EMPTY: Self = {
        let (mut bits, mut slot) = (0, 0);
        while slot < SLOTS {
            bits |= slot << (4 * slot + 4);
            slot += 1;
        }
        Self(bits)
    };

    pub(super) const fn into_bits(self) -> usize {
        self.0
    }

    /// How many entries there are.
    #[inline]
    pub(super) fn len(self) -> usize {
        (self.0 & 15).min(MOST)
    }

    /// The slot of the entry `index`.
    #[inline]
    pub(super) fn slot(self, index: usize) -> usize {
        self.at(index.min(SLOTS - 1)).min(SLOTS - 1)
    }

    /// A slot that holds no entry.
    #[inline]
    pub(super) fn free(self) -> usize {
        self.slot(self.len())
    }

    /// With the entry in the free slot, before the entry `index`.
    #[inline]
    pub(super) fn with(self, index: usize) -> Self {
        let (len, slots) = (self.len(), self.0 >> 4);
        let index = index.min(len);
        let before = slots & below(index);
        let moved = slots & below(len) & !below(index);
        let rest = slots & !below(len + 1);
        let slots = before | self.at(len) << (4 * index) | moved << 4 | rest;
        Self(slots << 4 | (len + 1))
    }

    /// Without the entry `index`.
    #[inline]
    pub(super) fn without(self, index: usize) -> Self {
        let (len, slots) = (self.len(), self.0 >> 4);
        let Some(last) = len.checked_sub(1) else { return self };
        let index = index.min(last);
        let before = slots & below(index);
        let moved = slots & below(len) & !below(index + 1);
        let rest = slots & !below(len);
        let slots = before | moved >> 4 | self.at(index) << (4 * last) | rest;
        Self(slots << 4 | last)
    }

    /// With what is in the free slot in the place of the entry `index`.
    #[inline]
    pub(super) fn exchanged(self, index: usize) -> Self {
        let (free, index) = (self.len(), index.min(self.len()));
        let differ = self.at(free) ^ self.at(index);
        Self(self.0 ^ differ << (4 * index + 4) ^ differ << (4 * free + 4))
    }

    /// With the first `len` entries only.
    #[inline]
    pub(super) fn cut(self, len: usize) -> Self {
        Self(self.0 & !15 | len.min(self.len()))
    }

    /// Whether every slot is named once.
    pub(super) fn is_sound(self) -> bool {
        let named = (0..SLOTS).fold(0_usize, |named, index| named | 1 << self.at(index));
        self.0 & 15 <= MOST && named == (1 << SLOTS) - 1
    }

    #[inline]
    fn at(self, index: usize) -> usize {
        self.0 >> (4 * index + 4) & 15
    }
}

/// The bits of the first `count` slots.
#[inline]
fn below(count: usize) -> usize {
    (1 << (4 * count)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order as a list, and the free slots.
    fn slots(order: Order) -> [usize; SLOTS] {
        core::array::from_fn(|index| order.slot(index))
    }

    #[test]
    fn entries_come_and_go_and_no_slot_is_lost() {
        for (len, index) in (0..=MOST).flat_map(|len| (0..=len).map(move |index| (len, index))) {
            let full = (0..len).fold(Order::EMPTY, |order, at| order.with(at / 2));
            assert!(full.is_sound() && full.len() == len);
            if len < MOST {
                let more = full.with(index);
                assert_eq!(more.slot(index), full.free());
                assert_eq!(more.without(index), full, "{len} {index}");
                assert!(more.is_sound() && more.len() == len + 1);
            }
            if index < len {
                let other = full.exchanged(index);
                assert_eq!((other.slot(index), other.free()), (full.free(), full.slot(index)));
                assert!(other.is_sound() && other.len() == len);
                let less = full.without(index);
                assert_eq!(less.free(), full.slot(index));
                assert!(less.is_sound() && less.len() == len - 1);
                assert_eq!(full.cut(index).len(), index);
                assert_eq!(slots(full.cut(index)), slots(full));
            }
        }
    }

    #[test]
    fn whatever_the_bits_are_slots_are_inside() {
        for bits in [0, usize::MAX, usize::MAX / 3, 15] {
            let order = Order(bits);
            assert!(order.len() <= MOST && order.free() < SLOTS);
            let all = [order.with(SLOTS), order.without(SLOTS), order.exchanged(SLOTS)];
            assert!(all.iter().all(|it| slots(*it).iter().all(|&slot| slot < SLOTS)));
            assert!(!order.is_sound());
        }
    }
}
