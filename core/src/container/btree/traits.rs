//! What a map has in common with other types.
//!
//! Maps that cannot be read compare as `None`: equal to each other, and less than
//! those that can.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::mem::needs_drop;

use super::ShmBTreeMap;
use crate::container::{ShmSafe, Trace, TraceError, Tracer};

impl<K: ShmSafe, V: ShmSafe> Drop for ShmBTreeMap<K, V> {
    /// Drops the entries; leaks them where the heap is not attached.
    fn drop(&mut self) {
        // Nobody is there to tell of an error: what is damaged leaks.
        let _ = self.clear();
    }
}

impl<K: ShmSafe, V: ShmSafe> Trace for ShmBTreeMap<K, V> {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        self.trace_nodes(tracer)
    }

    fn settle(&mut self, levels: u32) {
        // Whoever looks at a damaged map next is told.
        let _ = self.open_mut();
        if let (true, Some(levels), Ok(values)) =
            (needs_drop::<V>(), levels.checked_sub(1), self.values_mut())
        {
            values.for_each(|value| value.settle(levels));
        }
    }
}

impl<K: ShmSafe + fmt::Debug, V: ShmSafe + fmt::Debug> fmt::Debug for ShmBTreeMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.iter() {
            Ok(entries) => f.debug_map().entries(entries).finish(),
            Err(error) => write!(f, "<{error}>"),
        }
    }
}

impl<K: ShmSafe + PartialEq, V: ShmSafe + PartialEq> PartialEq for ShmBTreeMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        match (self.iter(), other.iter()) {
            (Ok(mine), Ok(theirs)) => mine.len() == theirs.len() && mine.eq(theirs),
            (mine, theirs) => mine.is_err() && theirs.is_err(),
        }
    }
}

impl<K: ShmSafe + Eq, V: ShmSafe + Eq> Eq for ShmBTreeMap<K, V> {}

impl<K: ShmSafe + PartialOrd, V: ShmSafe + PartialOrd> PartialOrd for ShmBTreeMap<K, V> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self.iter(), other.iter()) {
            (Ok(mine), Ok(theirs)) => mine.partial_cmp(theirs),
            (mine, theirs) => Some(mine.is_ok().cmp(&theirs.is_ok())),
        }
    }
}

impl<K: ShmSafe + Ord, V: ShmSafe + Ord> Ord for ShmBTreeMap<K, V> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.iter(), other.iter()) {
            (Ok(mine), Ok(theirs)) => mine.cmp(theirs),
            (mine, theirs) => mine.is_ok().cmp(&theirs.is_ok()),
        }
    }
}

impl<K: ShmSafe + Hash, V: ShmSafe + Hash> Hash for ShmBTreeMap<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let entries = self.iter().unwrap_or_default();
        entries.len().hash(state);
        entries.for_each(|entry| entry.hash(state));
    }
}
