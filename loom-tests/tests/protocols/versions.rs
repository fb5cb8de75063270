//! Readers without lock: what they find was there at one moment, and what stays
//! there is never missed.
//!
//! It is how a shard of a map is read.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc,
        atomic::Ordering::{Acquire, Relaxed, Release},
    },
};

use anymem_core::{
    offset::Offset,
    sync::{Arena, AtomicInt, Snapshot, Version, Versions},
};
use anymem_loom_tests::{
    Flawed, Loom, Model, NoAcquire, NoRelease, Shuttle, Words, explore, sample, thread,
};

const WORD: usize = size_of::<usize>();

/// Where two tables with two slots each begin.
const TABLES: [usize; 2] = [4, 16];

/// A key is in a table's first word and its value in the next two, or in the words
/// after these; then come the marks.
const MARKS: [usize; 2] = [6, 7];

/// What the writer leaves out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Omits {
    Nothing,
    /// The next version after a place was unmarked.
    Retirement,
    /// The next version between the marks of a move.
    Relocation,
    /// Both versions around a new link.
    Relink,
    /// To say that the link is being changed.
    Relinking,
    /// To keep no link while it is being changed.
    Doubt,
    /// To say that something is changing in place.
    Change,
}

/// A table of entries: a key, and a value in two words that are alike.
struct World<M: Model> {
    words: Words<M>,
    omits: Omits,
}

/// A table that a reader has read, and what it knows that it is still the one by.
struct Kept<'w, M: Model> {
    table: usize,
    by: By<'w, M>,
}

enum By<'w, M: Model> {
    Version(Version),
    /// Its version and a word that stays as it is.
    Snapshot(Snapshot<'w, M>),
}

/// What a reader found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Value(usize),
    Nothing,
    Changed,
}

impl<M: Model> World<M> {
    fn new(omits: Omits) -> Arc<Self> {
        let world = Self { words: Words::new(28), omits };
        world.link().store(TABLES[0], Relaxed);
        Arc::new(world)
    }

    fn at(&self, index: usize) -> &M::Word {
        self.words.word(Offset::new(index * WORD))
    }

    fn link(&self) -> &M::Word {
        self.at(1)
    }

    fn versions(&self) -> Versions<'_, M> {
        Versions::new(self.at(2), self.link())
    }

    fn table(&self) -> usize {
        self.link().load(Relaxed)
    }

    fn mark(&self, slot: usize, is_there: bool) {
        // As a control byte: the entry is published, and what came before kept.
        self.at(self.table() + MARKS[slot]).store(is_there.into(), Release);
    }

    fn write(&self, table: usize, slot: usize, [key, value]: [usize; 2]) {
        for (index, word) in [key, value, value].into_iter().enumerate() {
            self.at(table + slot * 3 + index).store(word, Relaxed);
        }
    }

    fn insert(&self, slot: usize, entry: [usize; 2]) {
        self.write(self.table(), slot, entry);
        self.mark(slot, true);
    }

    fn remove(&self, slot: usize) {
        match self.omits {
            Omits::Retirement => self.mark(slot, false),
            _ => self.versions().retire(|| self.mark(slot, false)),
        }
    }

    /// Puts another value in the place of an entry's, at another slot.
    fn replace(&self, from: usize, to: usize, entry: [usize; 2]) {
        self.write(self.table(), to, entry);
        let (mark, unmark) = (|| self.mark(to, true), || self.mark(from, false));
        if self.omits != Omits::Relocation {
            return self.versions().relocate(mark, unmark);
        }
        mark();
        self.versions().retire(unmark);
    }

    /// Puts the other table, with an entry, in the place of this one.
    fn move_to(&self, new: usize, slot: usize, entry: [usize; 2]) {
        let exchange = || self.exchange(new, slot, entry);
        match self.omits {
            Omits::Relink => exchange(),
            Omits::Relinking => {
                self.versions().advance();
                exchange();
                self.versions().advance();
            }
            _ => self.versions().relink(exchange),
        }
    }

    fn exchange(&self, new: usize, slot: usize, entry: [usize; 2]) {
        let old = self.table();
        self.write(new, slot, entry);
        self.at(new + MARKS[slot]).store(1, Relaxed);
        self.at(new + MARKS[1 - slot]).store(0, Relaxed);
        self.link().store(new, Release);
        // As somebody else who is given the old table, and knows of the link.
        M::fence(Release);
        self.write(old, 1, [7, 666]);
    }

    /// Changes a value where it stands.
    fn change(&self, slot: usize, entry: [usize; 2]) {
        if self.omits == Omits::Change {
            return self.write(self.table(), slot, entry);
        }
        let _changing = self.versions().change();
        self.write(self.table(), slot, entry);
    }

    /// Looks for a key, once.
    fn read(&self, key: usize) -> Found {
        let snapshot = self.versions().snapshot();
        if snapshot.is_changing() {
            return Found::Changed;
        }
        self.look(snapshot.link(), key, || snapshot.holds())
    }

    /// Looks for a key in the table that was kept, or else in the one there is, which is
    /// kept.
    fn read_kept<'w>(&'w self, key: usize, kept: &mut Option<Kept<'w, M>>) -> Found {
        let found = kept.as_ref().map(|kept| match &kept.by {
            By::Version(version) if !self.versions().resumes_at(*version) => Found::Changed,
            By::Version(version) => self.look(kept.table, key, || self.versions().is_at(*version)),
            By::Snapshot(snapshot) => self.look(kept.table, key, || snapshot.holds()),
        });
        if let Some(found @ (Found::Value(_) | Found::Nothing)) = found {
            return found;
        }
        let any_version = Versions::new(self.at(2), self.at(3)).snapshot();
        let snapshot = self.versions().snapshot();
        let by = match self.omits {
            Omits::Doubt => By::Snapshot(any_version),
            _ => By::Version(snapshot.version()),
        };
        *kept = Some(Kept { table: snapshot.link(), by });
        self.look(snapshot.link(), key, || snapshot.holds())
    }

    fn look(&self, table: usize, key: usize, holds: impl Fn() -> bool) -> Found {
        for (slot, mark) in MARKS.into_iter().enumerate() {
            if self.at(table + mark).load(Acquire) == 0 {
                continue;
            }
            let [found, first, second] =
                [0, 1, 2].map(|index| self.at(table + slot * 3 + index).load(Relaxed));
            if !holds() {
                return Found::Changed;
            }
            assert_eq!(first, second, "not the entry: half of a value");
            if found == key {
                return Found::Value(first);
            }
        }
        if holds() { Found::Nothing } else { Found::Changed }
    }
}

/// A writer changes what stands in a map while others look for a key, which has one
/// of the values at any time, or if it does not stay, none.
fn what_is_found_was_there<M: Model>(
    omits: Omits,
    values: &'static [usize],
    stays: bool,
    readers: usize,
    write: fn(&World<M>),
) {
    let world = World::<M>::new(omits);
    world.insert(1, [7, 70]);
    let reads = || {
        thread(&world, move |world| match world.read(7) {
            Found::Value(value) => {
                assert!(values.contains(&value), "not the entry: the value of another")
            }
            Found::Nothing => assert!(!stays, "a key that stays was missed"),
            Found::Changed => {}
        })
    };
    let writes = thread(&world, write);
    M::together((0..readers).map(|_| reads()).chain([writes]).collect());
    assert_ne!(world.read(7), Found::Changed, "nobody writes any more");
}

/// A slot is used again, for another key.
fn reuse<M: Model>(omits: Omits, readers: usize) {
    what_is_found_was_there::<M>(omits, &[70], false, readers, |world| {
        world.remove(1);
        world.insert(1, [8, 80]);
    });
}

/// An entry moves to where readers have looked already, and on.
fn moves<M: Model>(omits: Omits, readers: usize) {
    what_is_found_was_there::<M>(omits, &[70, 71, 72], true, readers, |world| {
        world.replace(1, 0, [7, 71]);
        world.replace(0, 1, [7, 72]);
    });
}

/// The table is another one, and the old memory is used again: as that of
/// somebody else, or as a table.
fn tables<M: Model>(omits: Omits, readers: usize) {
    what_is_found_was_there::<M>(omits, &[70, 71, 72], true, readers, |world| {
        world.move_to(TABLES[1], 0, [7, 71]);
        world.move_to(TABLES[0], 1, [7, 72]);
    });
}

/// Somebody writes while a reader looks for a key twice, which is always there, and keeps
/// the table.
fn kept<M: Model>(omits: Omits, readers: usize, write: fn(&World<M>)) {
    let world = World::<M>::new(omits);
    world.insert(1, [7, 70]);
    let reads = || {
        thread(&world, |world| {
            let mut kept = None;
            for _ in 0..2 {
                match world.read_kept(7, &mut kept) {
                    Found::Value(value) => {
                        assert!((70..=72).contains(&value), "not the entry: the value of another");
                    }
                    Found::Nothing => panic!("a key that stays was missed"),
                    Found::Changed => {}
                }
            }
        })
    };
    let writes = thread(&world, write);
    M::together((0..readers).map(|_| reads()).chain([writes]).collect());
    let version = world.versions().snapshot().version();
    assert_ne!(version, Version::NONE, "nobody relinks any more, and nothing is kept");
}

/// The table is another one, and the old memory is somebody else's.
fn relinks<M: Model>(world: &World<M>) {
    world.move_to(TABLES[1], 0, [7, 71]);
}

/// There and back again.
fn relinks_twice<M: Model>(world: &World<M>) {
    relinks(world);
    world.move_to(TABLES[0], 1, [7, 72]);
}

/// An entry moves in the table that is kept.
fn replaces<M: Model>(world: &World<M>) {
    world.replace(1, 0, [7, 71]);
    world.replace(0, 1, [7, 72]);
}

/// A writer dies while it relinks, with the new link or without, and its heir goes on.
fn relinks_by_half<M: Model, const LINKED: bool, const ADVANCES: bool>(world: &World<M>) {
    let dies = || {
        if LINKED {
            world.exchange(TABLES[1], 0, [7, 71]);
        }
        resume_unwind(Box::new(()))
    };
    let died = catch_unwind(AssertUnwindSafe(|| world.versions().relink(dies)));
    assert!(died.is_err(), "a writer that dies does not come back");
    match ADVANCES {
        true => world.versions().advance(),
        false => world.versions().relink(|| ()),
    }
    let from = if LINKED { 0 } else { 1 };
    world.replace(from, 1 - from, [7, 72]);
}

/// A value is changed where it stands, and another one is not.
fn change<M: Model>(omits: Omits, readers: usize) {
    what_is_found_was_there::<M>(omits, &[70, 71], true, readers, |world| world.change(1, [7, 71]));
}

/// A writer dies after it unmarked a place, and its heir goes on.
fn inherited<M: Model>(heir_advances: bool) {
    let world = World::<M>::new(Omits::Retirement);
    world.insert(1, [7, 70]);
    let reads = thread(&world, |world| {
        let found = world.read(7);
        assert!(!matches!(found, Found::Value(80)), "not the entry: the value of another");
    });
    let writes = thread(&world, move |world| {
        world.remove(1);
        if heir_advances {
            world.versions().relink(|| ());
        }
        world.insert(1, [8, 80]);
    });
    M::together(vec![reads, writes]);
}

#[test]
fn loom_slots_are_used_again() {
    explore(3, || reuse::<Loom>(Omits::Nothing, 1));
}

#[test]
fn loom_entries_move() {
    explore(3, || moves::<Loom>(Omits::Nothing, 1));
}

#[test]
fn loom_tables_are_exchanged() {
    explore(3, || tables::<Loom>(Omits::Nothing, 1));
}

#[test]
fn loom_values_change_in_place() {
    explore(None, || change::<Loom>(Omits::Nothing, 1));
}

#[test]
fn loom_an_heir_goes_on() {
    explore(3, || inherited::<Loom>(true));
}

#[test]
fn loom_tables_are_kept() {
    explore(2, || kept::<Loom>(Omits::Nothing, 1, relinks));
    explore(1, || kept::<Loom>(Omits::Nothing, 1, relinks_twice));
    explore(1, || kept::<Loom>(Omits::Nothing, 1, replaces));
}

#[test]
fn loom_tables_are_kept_where_a_writer_died() {
    explore(1, || kept::<Loom>(Omits::Nothing, 1, relinks_by_half::<Loom, true, false>));
    explore(1, || kept::<Loom>(Omits::Nothing, 1, relinks_by_half::<Loom, false, false>));
}

#[test]
fn shuttle_many_read() {
    sample(300, || {
        reuse::<Shuttle>(Omits::Nothing, 4);
        moves::<Shuttle>(Omits::Nothing, 4);
        tables::<Shuttle>(Omits::Nothing, 4);
        change::<Shuttle>(Omits::Nothing, 4);
        kept::<Shuttle>(Omits::Nothing, 4, relinks_twice);
        kept::<Shuttle>(Omits::Nothing, 4, replaces);
    });
}

#[test]
#[should_panic(expected = "not the entry")]
fn mutant_a_version_does_not_say_that_it_is_relinked() {
    explore(3, || kept::<Loom>(Omits::Relinking, 1, relinks));
}

#[test]
#[should_panic(expected = "not the entry")]
fn mutant_a_link_is_kept_that_is_being_changed() {
    explore(3, || kept::<Loom>(Omits::Doubt, 1, relinks));
}

#[test]
#[should_panic(expected = "nothing is kept")]
fn mutant_the_heir_of_who_relinked_only_advances() {
    explore(2, || kept::<Loom>(Omits::Nothing, 1, relinks_by_half::<Loom, true, true>));
}

#[test]
#[should_panic(expected = "not the entry")]
fn mutant_who_keeps_tables_does_not_acquire() {
    explore(3, || kept::<Flawed<Loom, NoAcquire>>(Omits::Nothing, 1, relinks));
}

#[test]
#[should_panic(expected = "not the entry")]
fn mutant_slots_are_used_again_under_the_same_version() {
    explore(3, || reuse::<Loom>(Omits::Retirement, 1));
}

#[test]
#[should_panic(expected = "a key that stays was missed")]
fn mutant_moves_are_one_step() {
    explore(3, || moves::<Loom>(Omits::Relocation, 1));
}

#[test]
#[should_panic(expected = "not the entry")]
fn mutant_tables_are_exchanged_under_the_same_version() {
    explore(3, || tables::<Loom>(Omits::Relink, 1));
}

#[test]
#[should_panic(expected = "not the entry")]
fn mutant_changes_are_not_told() {
    explore(None, || change::<Loom>(Omits::Change, 1));
}

#[test]
#[should_panic(expected = "not the entry")]
fn mutant_the_heir_does_not_advance() {
    explore(None, || inherited::<Loom>(false));
}

#[test]
#[should_panic(expected = "not the entry")]
fn mutant_writers_do_not_release() {
    explore(3, || reuse::<Flawed<Loom, NoRelease>>(Omits::Nothing, 1));
}

#[test]
#[should_panic(expected = "not the entry")]
fn mutant_readers_do_not_acquire() {
    explore(3, || reuse::<Flawed<Loom, NoAcquire>>(Omits::Nothing, 1));
}

#[test]
#[should_panic(expected = "not the entry")]
fn mutant_slots_are_used_again_under_the_same_version_among_many() {
    sample(300, || reuse::<Shuttle>(Omits::Retirement, 4));
}
