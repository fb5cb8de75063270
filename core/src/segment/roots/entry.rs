//! The entry of one root: its words, and how they are read and written.

use super::schema::{SCHEMA_MAX, schema_of, without_modules};
use super::{
    Difference, LOCK_AT, NAME_MAX, Root, RootError, Roots, Schema, TYPE_MAX, Text, TypeTag,
};
use crate::offset::Offset;
use crate::segment::geometry::{ROOT_LEAST, WORD};
use crate::sync::Arena;
use crate::sync::atomic::{AtomicUsize, Ordering, fence};

const STATE_AT: usize = 0;
const OFFSET_AT: usize = WORD;
const FINGERPRINT_AT: usize = 2 * WORD;
const SIZE_AT: usize = 4 * WORD;
const ALIGN_AT: usize = 5 * WORD;
const NAME_AT: usize = 6 * WORD;
const TYPE_AT: usize = NAME_AT + NAME_MAX;
const SCHEMA_AT: usize = ROOT_LEAST;

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
}

impl Roots<'_> {
    pub(super) fn is_bound(&self, entry: usize) -> bool {
        self.state(entry).load(Ordering::Relaxed) & 1 == 1
    }

    /// Whether an entry is of the type that `tag` describes.
    pub(super) fn check_type(
        &self,
        number: usize,
        entry: &Entry,
        tag: &TypeTag<'_>,
    ) -> Result<(), RootError> {
        if entry.root().is_a(tag) {
            return Ok(());
        }
        let (name, found, expected) = (entry.name, entry.type_name, Text::new(tag.name));
        let difference = self.difference(number, entry, tag);
        Err(difference.map_or(RootError::OtherType { name, found, expected }, |difference| {
            RootError::OtherSchema { name, difference }
        }))
    }

    /// In which member the type of an entry differs from one of the same name.
    fn difference(&self, number: usize, entry: &Entry, tag: &TypeTag<'_>) -> Option<Difference> {
        let (read, schema) = self.read_schema(number)?;
        let [found, expected] = [entry.type_name.as_str(), tag.name].map(without_modules);
        let is_version = found == expected && read.fingerprint == entry.fingerprint;
        if is_version { Difference::between(&schema, tag) } else { None }
    }

    /// What an entry holds, if it is bound.
    pub(super) fn read(&self, entry: usize) -> Option<Entry> {
        self.read_whole(entry, Self::read_fields)
    }

    /// What an entry holds, and what its type is made of.
    pub(super) fn read_schema(&self, entry: usize) -> Option<(Entry, Schema)> {
        self.read_whole(entry, |this, entry| {
            let found = this.read_fields(entry);
            let fingerprint = found.root().fingerprint;
            (found, Schema::new(this.bytes_at(entry, SCHEMA_AT, this.schema_room()), fingerprint))
        })
    }

    /// Copies something out of an entry, if it is bound and does not change
    /// meanwhile.
    fn read_whole<T>(&self, entry: usize, copy: impl Fn(&Self, usize) -> T) -> Option<T> {
        for _ in 0..RETRIES {
            // Acquire: pairs with the Release in `count_change`, so that the
            // fields are seen as they were written before.
            let before = self.state(entry).load(Ordering::Acquire);
            if before.is_multiple_of(2) {
                return None;
            }
            let found = copy(self, entry);
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
    pub(super) fn write(&self, entry: usize, new: &Entry, tag: &TypeTag<'_>) {
        // Release: pairs with the Acquire fence in `read`; the unbinding before
        // is seen by whoever sees a field that is written now.
        fence(Ordering::Release);
        let [low, high] = new.fingerprint;
        self.store(entry, OFFSET_AT, new.at.get());
        self.store(entry, FINGERPRINT_AT, low as usize);
        self.store(entry, FINGERPRINT_AT + WORD, high as usize);
        self.store(entry, SIZE_AT, new.size);
        self.store(entry, ALIGN_AT, new.align);
        self.write_bytes(entry, NAME_AT, &new.name.bytes);
        self.write_bytes(entry, TYPE_AT, &new.type_name.bytes);
        let room = self.schema_room();
        let schema = schema_of(tag, room);
        self.write_bytes(entry, SCHEMA_AT, schema.get(..room).unwrap_or_default());
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
        self.word(entry, STATE_AT)
    }

    fn load(&self, entry: usize, field: usize) -> usize {
        self.word(entry, field).load(Ordering::Relaxed)
    }

    fn store(&self, entry: usize, field: usize, value: usize) {
        self.word(entry, field).store(value, Ordering::Relaxed);
    }

    fn word(&self, entry: usize, field: usize) -> &AtomicUsize {
        self.bytes.word(Offset::new(self.at + entry * self.step + field))
    }

    /// Bytes of an entry in which its type's schema may stand.
    fn schema_room(&self) -> usize {
        self.step.saturating_sub(SCHEMA_AT).min(SCHEMA_MAX)
    }

    fn text<const N: usize>(&self, entry: usize, field: usize) -> Text<N> {
        Text { bytes: self.bytes_at(entry, field, N) }
    }

    /// The first `len` bytes of a field, then zeros.
    fn bytes_at<const N: usize>(&self, entry: usize, field: usize, len: usize) -> [u8; N] {
        let mut bytes = [0; N];
        for (word, chunk) in bytes.chunks_mut(WORD).take(len / WORD).enumerate() {
            chunk.copy_from_slice(&self.load(entry, field + word * WORD).to_ne_bytes());
        }
        bytes
    }

    fn write_bytes(&self, entry: usize, field: usize, from: &[u8]) {
        for (word, chunk) in from.chunks(WORD).enumerate() {
            let mut bytes = [0; WORD];
            bytes.copy_from_slice(chunk);
            self.store(entry, field + word * WORD, usize::from_ne_bytes(bytes));
        }
    }
}
