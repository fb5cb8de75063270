//! What a map has in common with other types.

use core::fmt;

use super::ShmHashMap;
use crate::container::ShmSafe;

impl<K: ShmSafe, V: ShmSafe> Drop for ShmHashMap<K, V> {
    /// Drops the entries; leaks them where the heap is not attached.
    fn drop(&mut self) {
        // Nobody is there to tell of an error: what is damaged leaks.
        let _ = self.destroy();
    }
}

impl<K: ShmSafe, V: ShmSafe> fmt::Debug for ShmHashMap<K, V> {
    /// Tells the sizes only: the entries may be locked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.len() {
            Ok(len) => write!(f, "ShmHashMap({len} entries in heap {})", self.heap_id()),
            Err(error) => write!(f, "<{error}>"),
        }
    }
}
