//! Containers to a format.

use core::hash::Hash;

use serde::ser::{Error, Serialize, SerializeMap, SerializeSeq, Serializer};

use super::super::{
    ShmArc, ShmBTreeMap, ShmBTreeSet, ShmBox, ShmDeque, ShmHashMap, ShmHashSet, ShmList, ShmMutex,
    ShmRwLock, ShmSafe, ShmSmallVec, ShmString, ShmVec,
};

impl<T: ShmSafe + Serialize> Serialize for ShmBox<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.get().map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<T: ShmSafe + Serialize> Serialize for ShmArc<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.get().map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<T: ShmSafe + Serialize> Serialize for ShmVec<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_slice().map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<T: ShmSafe + Serialize, const N: usize> Serialize for ShmSmallVec<T, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_slice().map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<T: ShmSafe + Serialize> Serialize for ShmDeque<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map_err(S::Error::custom)?)
    }
}

impl<T: ShmSafe + Serialize> Serialize for ShmList<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map_err(S::Error::custom)?)
    }
}

impl Serialize for ShmString {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_str().map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<K: ShmSafe + Serialize, V: ShmSafe + Serialize> Serialize for ShmBTreeMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map_err(S::Error::custom)?)
    }
}

impl<T: ShmSafe + Serialize> Serialize for ShmBTreeSet<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map_err(S::Error::custom)?)
    }
}

impl<T: ShmSafe + Hash + Eq + Serialize> Serialize for ShmHashSet<T> {
    /// Writes the values, shard by shard; as many as the set counts at first, unless
    /// others change it meanwhile.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.len().map_err(S::Error::custom)?))?;
        let mut written = Ok(());
        let all = self.for_each(|value| {
            if written.is_ok() {
                written = list.serialize_element(value);
            }
        });
        all.map_err(S::Error::custom)?;
        written?;
        list.end()
    }
}

impl<K, V> Serialize for ShmHashMap<K, V>
where
    K: ShmSafe + Hash + Eq + Serialize,
    V: ShmSafe + Serialize,
{
    /// Writes the entries, shard by shard; as many as the map counts at first, unless
    /// others change it meanwhile.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len().map_err(S::Error::custom)?))?;
        let mut written = Ok(());
        let all = self.for_each(|key, value| {
            if written.is_ok() {
                written = map.serialize_entry(key, value);
            }
        });
        all.map_err(S::Error::custom)?;
        written?;
        map.end()
    }
}

impl<T: ShmSafe + Serialize> Serialize for ShmMutex<T> {
    /// Writes the value, under the lock; an error where it is half-changed.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.lock().map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<T: ShmSafe + Serialize> Serialize for ShmRwLock<T> {
    /// Writes the value, under the lock; an error where it is half-changed.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.read().map_err(S::Error::custom)?.serialize(serializer)
    }
}
