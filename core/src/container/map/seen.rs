//! Tables that were opened lately, and need not be bounded again.

use core::cell::Cell;

use super::super::ContainerError;
use super::super::heap::Heap;
use super::table::Table;
use super::table_word::TableWord;

/// How many are kept: as many as a map has shards, unless it was made with more.
const KEPT: usize = 64;

/// The tables of shards, each kept with the word that named it.
pub(super) struct Seen<K, V> {
    words: [Cell<TableWord>; KEPT],
    tables: [Cell<Table<K, V>>; KEPT],
}

impl<K, V> Seen<K, V> {
    pub(super) fn new() -> Self {
        Self {
            words: [const { Cell::new(TableWord::NONE) }; KEPT],
            tables: [const { Cell::new(Table::EMPTY) }; KEPT],
        }
    }

    /// The table of the shard with the number `shard`, which `word` names.
    #[inline(always)]
    pub(super) fn table(
        &self,
        shard: usize,
        heap: Heap,
        word: TableWord,
    ) -> Result<Table<K, V>, ContainerError> {
        if self.words[shard % KEPT].get() != word {
            self.open(shard % KEPT, heap, word)?;
        }
        Ok(self.last(shard))
    }

    /// The table that was seen there last, or another one.
    #[inline(always)]
    pub(super) fn last(&self, shard: usize) -> Table<K, V> {
        self.tables[shard % KEPT].get()
    }

    #[cold]
    fn open(&self, place: usize, heap: Heap, word: TableWord) -> Result<(), ContainerError> {
        let table = if word == TableWord::NONE { Table::EMPTY } else { Table::open(heap, word)? };
        self.words[place].set(word);
        self.tables[place].set(table);
        Ok(())
    }
}
