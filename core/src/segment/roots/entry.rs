//! The entry of one root: its words, and how they are read and written.

use core::sync::atomic::{AtomicUsize, Ordering, fence};

use super::{LOCK_AT, NAME_MAX, Root, RootError, Roots, TYPE_MAX, Text, TypeTag};
use crate::offset::Offset;
use crate::segment::geometry::{ROOT_BYTES, WORD};
use crate::sync::Arena;

const STATE_AT: usize = 0;
const OFFSET_AT: usize = WORD;
const FINGERPRINT_AT: usize = 2 * WORD;
const SIZE_AT: usize = 4 * WORD;
const ALIGN_AT: usize = 5 * WORD;
const NAME_AT: usize = 6 * WORD;
const TYPE_AT: usize = NAME_AT + NAME_MAX;

const _: () = assert!(TYPE_AT + TYPE_MAX <= LOCK_AT, "an entry does not fit");

/// How often an entry that changes while it is read is read again.
const RETRIES: usize = 64;

/// What an entry held at one moment.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) name: Text<NAME_MAX>,
    pub(super) type_name: Text<TYPE_MAX>,
    pub(super) at: Offset,
    size: usize,
    align: usize,
    fingerprint: [u32; 2],
}

impl Entry {
    pub(super) fn new(name: Text<NAME_MAX>, tag: &TypeTag<'_>, at: Offset) -> Self {
        Self {
            name,
            type_name: Text::new(tag.name),
            at,
            size: tag.size,
            align: tag.align,
            fingerprint: [tag.fingerprint as u32, (tag.fingerprint >> 32) as u32],
        }
    }

    pub(super) fn root(&self) -> Root {
        let Self { name, type_name, at, size, align, fingerprint: [low, high] } = *self;
        let fingerprint = u64::from(low) | u64::from(high) << 32;
        Root { name, type_name, at, size, align, fingerprint }
    }

    pub(super) fn check_type(&self, tag: &TypeTag<'_>) -> Result<(), RootError> {
        if self.root().is_a(tag) {
            return Ok(());
        }
        let (name, found, expected) = (self.name, self.type_name, Text::new(tag.name));
        Err(RootError::OtherType { name, found, expected })
    }
}

impl Roots<'_> {
    pub(super) fn is_bound(&self, entry: usize) -> bool {
        self.state(entry).load(Ordering::Relaxed) & 1 == 1
    }

    /// What an entry holds, if it is bound.
    pub(super) fn read(&self, entry: usize) -> Option<Entry> {
        for _ in 0..RETRIES {
            // Acquire: pairs with the Release in `count_change`, so that the
            // fields are seen as they were written before.
            let before = self.state(entry).load(Ordering::Acquire);
            if before.is_multiple_of(2) {
                return None;
            }
            let found = self.read_fields(entry);
            // Acquire: pairs with the Release in `write`. If a field came from a
            // later binding, the state is seen to have changed.
            fence(Ordering::Acquire);
            if self.state(entry).load(Ordering::Relaxed) == before {
                return Some(found);
            }
        }
        None
    }

    fn read_fields(&self, entry: usize) -> Entry {
        let low = self.load(entry, FINGERPRINT_AT) as u32;
        let high = self.load(entry, FINGERPRINT_AT + WORD) as u32;
        Entry {
            name: self.text(entry, NAME_AT),
            type_name: self.text(entry, TYPE_AT),
            at: Offset::new(self.load(entry, OFFSET_AT)),
            size: self.load(entry, SIZE_AT),
            align: self.load(entry, ALIGN_AT),
            fingerprint: [low, high],
        }
    }

    /// Fills an entry that is not bound, and binds it. The caller has the lock.
    pub(super) fn write(&self, entry: usize, new: &Entry) {
        // Release: pairs with the Acquire fence in `read`; the unbinding before
        // is seen by whoever sees a field that is written now.
        fence(Ordering::Release);
        let [low, high] = new.fingerprint;
        self.store(entry, OFFSET_AT, new.at.get());
        self.store(entry, FINGERPRINT_AT, low as usize);
        self.store(entry, FINGERPRINT_AT + WORD, high as usize);
        self.store(entry, SIZE_AT, new.size);
        self.store(entry, ALIGN_AT, new.align);
        self.write_text(entry, NAME_AT, &new.name);
        self.write_text(entry, TYPE_AT, &new.type_name);
        self.count_change(entry);
    }

    /// Binds an entry that is not, or unbinds one that is. The caller has the
    /// lock.
    pub(super) fn count_change(&self, entry: usize) {
        let state = self.state(entry);
        // Release: pairs with the Acquire in `read`; publishes the fields.
        state.store(state.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    fn state(&self, entry: usize) -> &AtomicUsize {
        self.bytes.word(Offset::new(self.at + entry * ROOT_BYTES + STATE_AT))
    }

    fn load(&self, entry: usize, field: usize) -> usize {
        self.bytes.word(Offset::new(self.at + entry * ROOT_BYTES + field)).load(Ordering::Relaxed)
    }

    fn store(&self, entry: usize, field: usize, value: usize) {
        self.bytes
            .word(Offset::new(self.at + entry * ROOT_BYTES + field))
            .store(value, Ordering::Relaxed);
    }

    fn text<const N: usize>(&self, entry: usize, field: usize) -> Text<N> {
        let mut bytes = [0; N];
        for (word, chunk) in bytes.chunks_mut(WORD).enumerate() {
            chunk.copy_from_slice(&self.load(entry, field + word * WORD).to_ne_bytes());
        }
        Text { bytes }
    }

    fn write_text<const N: usize>(&self, entry: usize, field: usize, text: &Text<N>) {
        for (word, chunk) in text.bytes.chunks(WORD).enumerate() {
            let mut bytes = [0; WORD];
            bytes.copy_from_slice(chunk);
            self.store(entry, field + word * WORD, usize::from_ne_bytes(bytes));
        }
    }
}
