//! What processes do with values that all of them have: a map, and names.

use anymem::RootValueError;
use anymem::SharedHeap;
use anymem::container::{ContainerError, ShmBox, ShmHashMap, ShmString};
use anymem::segment::RootError;

use super::failures::Kind;
use super::shelf::text_of;
use super::worker::Worker;

/// A map that all processes change.
pub(super) type SharedMap = ShmHashMap<u64, ShmString>;

/// What a process puts under a name of its own.
type Guest = [u64; 20];

/// The name of the map.
const MAP: &str = "shared";

/// Keys of the map.
const KEYS: usize = 200;

/// Versions of each value.
const VERSIONS: usize = 50;

/// Puts an empty map into the heap.
pub(super) fn put_up(heap: &SharedHeap) {
    let map = SharedMap::with_shards_in(8, heap).expect("room");
    heap.bind_root(MAP, ShmBox::new_in(map, heap).expect("room")).expect("room for a name");
}

/// Looks whether the map is in order, and drops it.
pub(super) fn take_down(heap: &SharedHeap) -> Result<(), String> {
    look(heap)?;
    // SAFETY: the processes are over.
    let map = unsafe { heap.unbind_root::<SharedMap>(MAP) };
    map.map(drop).map_err(|error| format!("the shared map: {error}"))
}

/// Looks whether the map is in order.
pub(super) fn look(heap: &SharedHeap) -> Result<(), String> {
    let said = |error: &dyn std::fmt::Display| format!("the shared map: {error}");
    let map = heap.root::<SharedMap>(MAP).map_err(|error| said(&error))?;
    let mut wrong = None;
    let visited = map.for_each(|&key, value| {
        if !is_value_of(key, value) {
            wrong = Some(said(&format_args!("{value:?} for {key}")));
        }
    });
    visited.map_err(|error| said(&error))?;
    // Taking the locks of the dead has put the counts right.
    map.check().map_err(|error| said(&error))?;
    wrong.map_or(Ok(()), Err)
}

/// Drops what a process left under its name.
pub(super) fn see_off(heap: &SharedHeap, lane: usize) -> Result<(), String> {
    // SAFETY: the lane has no process any more.
    match unsafe { heap.unbind_root::<Guest>(&guest_name(lane)) } {
        Err(error) if !is_missing(&error) => Err(format!("the guest {lane}: {error}")),
        _ => Ok(()),
    }
}

fn guest_name(lane: usize) -> String {
    format!("guest.{lane}")
}

fn value_of(key: u64, version: usize) -> String {
    text_of((key as usize * VERSIONS + version) as u32)
}

fn is_value_of(key: u64, value: &ShmString) -> bool {
    let text = value.as_str().unwrap_or_default();
    (0..VERSIONS).any(|version| value_of(key, version) == text)
}

fn is_missing(error: &RootValueError) -> bool {
    matches!(error, RootValueError::Root(error) if matches!(**error, RootError::Missing { .. }))
}

impl Worker<'_> {
    /// Does something with the map, or with a name.
    pub(super) fn use_shared(&mut self) {
        let key = self.random.below(KEYS) as u64;
        match self.random.below(10) {
            0..5 => self.insert(key),
            5..7 => self.change_map_entry(2, |map| map.remove(&key).map(drop)),
            7 | 8 => self.read(key),
            _ => self.bind_or_unbind(),
        }
    }

    fn insert(&mut self, key: u64) {
        let value = value_of(key, self.random.below(VERSIONS));
        let heap = self.heap;
        // The text, and the entries' new place or their old one.
        self.change_map_entry(2, |map| {
            map.insert(key, ShmString::from_str_in(&value, heap)?).map(drop)
        });
    }

    fn change_map_entry(
        &self,
        at_stake: usize,
        change: impl FnOnce(&SharedMap) -> Result<(), ContainerError>,
    ) {
        match self.heap.root::<SharedMap>(MAP) {
            Ok(map) => self.excuse_container(self.lane().at_stake(at_stake, || change(map))),
            Err(error) => self.fail(Kind::Corrupt, format_args!("the shared map: {error}")),
        }
    }

    fn read(&self, key: u64) {
        let mut wrong = None;
        self.change_map_entry(0, |map| {
            let look = |value: &ShmString| {
                if !is_value_of(key, value) {
                    wrong = Some(format!("{value:?}"));
                }
            };
            map.with(&key, look).map(drop)
        });
        if let Some(value) = wrong {
            self.fail(Kind::Corrupt, format_args!("the shared map has {value} for {key}"));
        }
    }

    /// Puts a value under a name of its own, or takes it away from there.
    fn bind_or_unbind(&mut self) {
        let (name, heap) = (guest_name(self.number), self.heap);
        let done = self.lane().at_stake(1, || match heap.root::<Guest>(&name) {
            // SAFETY: nobody else asks for that name.
            Ok(_) => unsafe { heap.unbind_root::<Guest>(&name) }.map(drop),
            Err(error) if is_missing(&error) => {
                let guest = ShmBox::new_in([self.number as u64; 20], heap)?;
                heap.bind_root(&name, guest).map(|_| ())
            }
            Err(error) => Err(error),
        });
        match done {
            Ok(()) => {}
            Err(RootValueError::Value(error)) => self.excuse_container(Err(error)),
            Err(error) => self.fail(Kind::Corrupt, format_args!("its guest: {error}")),
        }
    }
}
