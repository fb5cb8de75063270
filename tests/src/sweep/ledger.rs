//! What the victim had been promised when it died.
//!
//! Each call is written down before it is made, and again when it has returned:
//! a call that has not is *in flight*. The ledger stands before the heap in the
//! same memory, so it is as old as the heap is.

use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering, compiler_fence};

use super::memory::Memory;

/// A call to the heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// Asks for so many bytes.
    Allocate(usize),
    /// Gives a block back.
    Free(usize),
    /// Makes the block that is named first so many bytes long.
    Reallocate(usize, usize),
    /// Asks for a word that is to name a block.
    Link,
    /// Has the link that is named first name a block of so many bytes, or none.
    Exchange(usize, usize),
    /// Anything else, which gives and takes no block.
    Other,
}

/// A block that somebody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// How many bytes were asked for.
    pub(super) size: usize,
    /// What each of them is; 0 if they are not all the same.
    pub(super) tag: u8,
}

/// The blocks that a link may name.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Linked {
    /// The block of the last exchange that returned, with where it is.
    pub(super) last: Option<(usize, Held)>,
    /// That of an exchange in flight.
    pub(super) next: Option<Held>,
}

/// What the ledger comes to.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// The blocks that are held, by offset.
    pub(super) held: BTreeMap<usize, Held>,
    /// What links name, by the offset of the link.
    pub(super) links: BTreeMap<usize, Linked>,
    /// The call that did not return.
    pub(super) in_flight: Option<Call>,
}

/// The ledger of a [`Memory`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Ledger<'a>(&'a [AtomicUsize; WORDS]);

const WORD: usize = size_of::<usize>();

/// Words of a ledger: how many calls there were, and an entry for each.
const WORDS: usize = 2048;

/// Words of an entry: kind, block, size, result.
const ENTRY: usize = 4;

const IN_FLIGHT: usize = 0;
const NOTHING: usize = 1;

impl<'a> Ledger<'a> {
    /// Bytes that it takes at the start of a memory.
    pub(super) const BYTES: usize = WORDS * WORD;

    /// The ledger of `memory`.
    pub(super) fn new(memory: &'a Memory) -> Self {
        let words: NonNull<[AtomicUsize; WORDS]> = memory.base().cast();
        // SAFETY: a memory is longer than that and mapped for `'a`; atomics may be
        // shared between processes, and any bytes are some.
        Self(unsafe { words.as_ref() })
    }

    /// Notes that a call begins; its number.
    pub(super) fn begin(&self, call: Call) -> usize {
        let number = self.0[0].load(Ordering::Relaxed);
        let (kind, block, size) = match call {
            Call::Allocate(size) => (0, 0, size),
            Call::Free(block) => (1, block, 0),
            Call::Reallocate(block, size) => (2, block, size),
            Call::Other => (3, 0, 0),
            Call::Link => (4, 0, WORD),
            Call::Exchange(link, size) => (5, link, size),
        };
        for (index, value) in [kind, block, size, IN_FLIGHT].into_iter().enumerate() {
            self.word(number, index).store(value, Ordering::Relaxed);
        }
        // The entry must not come later than its number, nor the call before it.
        compiler_fence(Ordering::SeqCst);
        self.0[0].store(number + 1, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        number
    }

    /// Notes that a call returned, with a block or without.
    pub(super) fn end(&self, number: usize, block: Option<usize>) {
        compiler_fence(Ordering::SeqCst);
        self.word(number, 3).store(block.unwrap_or(NOTHING), Ordering::Relaxed);
    }

    /// What the blocks of a call are filled with.
    pub(super) fn tag(number: usize) -> u8 {
        (number % 251) as u8 + 1
    }

    /// The blocks of all calls that returned.
    pub(super) fn account(&self) -> Account {
        let mut account = Account::default();
        for number in 0..self.0[0].load(Ordering::Relaxed) {
            self.enter(number, &mut account);
        }
        account
    }

    fn enter(&self, number: usize, account: &mut Account) {
        let [kind, block, size, result] =
            [0, 1, 2, 3].map(|index| self.word(number, index).load(Ordering::Relaxed));
        let call = match kind {
            0 => Call::Allocate(size),
            1 => Call::Free(block),
            2 => Call::Reallocate(block, size),
            4 => Call::Link,
            5 => return self.exchange(number, account),
            _ => Call::Other,
        };
        // Whose the block of a call in flight is, nobody can say.
        if result != NOTHING || kind == 1 {
            account.held.remove(&block);
        }
        match result {
            IN_FLIGHT => account.in_flight = Some(call),
            NOTHING => {}
            block => {
                let tag = if call == Call::Link { 0 } else { Self::tag(number) };
                account.held.insert(block, Held { size, tag });
            }
        }
    }

    fn exchange(&self, number: usize, account: &mut Account) {
        let [link, size, result] =
            [1, 2, 3].map(|index| self.word(number, index).load(Ordering::Relaxed));
        let linked = account.links.entry(link).or_default();
        let block = Held { size, tag: Self::tag(number) };
        match result {
            IN_FLIGHT => {
                linked.next = (size != 0).then_some(block);
                account.in_flight = Some(Call::Exchange(link, size));
            }
            at => linked.last = (at != NOTHING).then_some((at, block)),
        }
    }

    fn word(&self, number: usize, index: usize) -> &AtomicUsize {
        &self.0[1 + number * ENTRY + index]
    }
}
