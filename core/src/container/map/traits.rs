//! What a map has in common with other types.

use core::fmt;

use super::ShmHashMap;
use super::shard::{Shard, trace_shards};
use crate::container::{ShmSafe, Trace, TraceError, Tracer};

impl<K: ShmSafe, V: ShmSafe> Trace for ShmHashMap<K, V> {
    /// Takes no lock: nobody else uses the heap meanwhile.
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        let (at, count) = (self.shards.offset(), self.shards());
        // One that was just dropped is empty.
        if at.is_null() {
            return Ok(());
        }
        let bytes = count.checked_mul(size_of::<Shard>()).ok_or(TraceError::Damaged { at })?;
        // SAFETY: the map has as many shards there.
        unsafe { tracer.owned(self.heap, at, bytes, (trace_shards::<K, V>, count)) }.map(|_| ())
    }
}

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
