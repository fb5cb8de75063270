//! Which heap slots the calling thread holds, and who gives them back.
//!
//! Each thread has an array of a few places in its own memory, so finding its
//! slot takes one comparison, and nothing here allocates. A place names the
//! heap by an [`Instance`], a number that is never used twice, so a place left
//! over from a heap that is gone matches nothing.
//!
//! Slots are given back when a thread ends, when the process exits (for the
//! exiting thread), and when a place is needed for another heap. The heap is
//! then found in a table, under a lock that its [withdrawal](withdraw) also
//! takes: it cannot go away in the meantime.

use core::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::thread::hooks::Hook;
use crate::thread::{exit, fork};

/// How many heaps a thread can hold slots of at a time.
const PLACES: usize = 16;

/// How many heaps a process can have attached at a time.
const HEAPS: usize = anymem_core::allocator::registry::CAPACITY;

/// In a place's instance: the heap had no slot left.
const SLOTLESS: u64 = 1 << 63;

/// How many calls a thread makes without a slot before it tries again; twice as
/// many each time, up to [`MOST_PATIENCE`], for looking for dead holders takes
/// long where there are many slots.
const PATIENCE: u32 = 1024;

const MOST_PATIENCE: u32 = 1 << 20;

/// One attachment of a heap: the index of its place in the table, and above
/// that how many heaps had the place before. 0 means none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instance(u64);

impl Instance {
    fn place(self) -> usize {
        self.0 as usize % HEAPS
    }

    fn home(self) -> usize {
        self.0 as usize % PLACES
    }
}

/// What a heap does for this module.
pub(crate) trait Holder: Sync {
    /// Gives `slot` back to the heap, if this process holds it.
    ///
    /// # Safety
    ///
    /// No thread of this process uses the slot any more.
    unsafe fn release(&self, slot: u32);

    /// Forgets which slots the process holds: they are its parent's.
    fn forget_slots(&self);
}

#[derive(Debug, Clone, Copy)]
struct Held {
    instance: u64,
    /// The slot; for a thread without one, how many calls it makes before it
    /// tries again.
    slot: u32,
    /// How many of these calls are left.
    patience: u32,
}

/// A place that notes nothing: no heap is the instance 0.
const VACANT: Held = Held { instance: SLOTLESS, slot: 0, patience: 0 };

thread_local! {
    static HELD: [Cell<Held>; PLACES] = const { [const { Cell::new(VACANT) }; PLACES] };
}

/// The slot the calling thread holds, found at the first look.
#[inline]
pub(crate) fn mine(instance: Instance) -> Option<u32> {
    HELD.with(|held| {
        // In bounds by `home`.
        let place = held[instance.home()].get();
        (place.instance == instance.0).then_some(place.slot)
    })
}

/// What the calling thread knows about its slot.
pub(crate) enum Lookup {
    /// It holds this one.
    Slot(u32),
    /// There was none, and it is too early to ask again.
    None,
    /// Nothing.
    Unknown,
}

/// Searches all places.
pub(crate) fn look_up(instance: Instance) -> Lookup {
    if instance.0 == 0 {
        return Lookup::None;
    }
    HELD.with(|held| {
        let found = held.iter().find(|place| place.get().instance & !SLOTLESS == instance.0);
        let Some(place) = found else { return Lookup::Unknown };
        let seen = place.get();
        if seen.instance & SLOTLESS == 0 {
            return Lookup::Slot(seen.slot);
        }
        place.set(Held { patience: seen.patience.saturating_sub(1), ..seen });
        if seen.patience == 0 { Lookup::Unknown } else { Lookup::None }
    })
}

/// Notes the calling thread's slot, or that there is none for it.
///
/// Takes the place that has it already, the one where it is found at once, or a
/// vacant one; if there is none, another heap's slot is given back.
pub(crate) fn put(instance: Instance, slot: Option<u32>) {
    let before = HELD.with(|held| {
        let home = &held[instance.home()];
        let is = |wanted: u64| move |place: &&Cell<Held>| place.get().instance == wanted;
        let place = held
            .iter()
            .find(is(instance.0 | SLOTLESS))
            .or_else(|| Some(home).filter(is(VACANT.instance)))
            .or_else(|| held.iter().find(is(VACANT.instance)))
            .unwrap_or(home);
        place.replace(note(instance, slot, place.get()))
    });
    release(before);
}

/// What to write into a place that holds `before`.
fn note(instance: Instance, slot: Option<u32>, before: Held) -> Held {
    let slotless = instance.0 | SLOTLESS;
    match slot {
        Some(slot) => Held { instance: instance.0, slot, patience: 0 },
        None => {
            let again = before.instance == slotless;
            let patience = if again { before.slot.saturating_mul(2) } else { PATIENCE };
            let patience = patience.min(MOST_PATIENCE);
            Held { instance: slotless, slot: patience, patience }
        }
    }
}

/// Gives back what a place held.
fn release(held: Held) {
    if held.instance & SLOTLESS != 0 {
        return;
    }
    let _hold = fork::hold();
    let table = lock();
    let entry = table.get(Instance(held.instance).place());
    let entry = entry.filter(|entry| entry.instance == held.instance);
    if let Some(holder) = entry.and_then(|entry| entry.holder) {
        // SAFETY: `holder` is valid until it is withdrawn, which needs the
        // lock. The slot was taken out of its thread's place by that thread.
        unsafe { (*holder.0).release(held.slot) };
    }
}

static FORGET: Hook = Hook::new(forget_process);
static RELEASE: Hook = Hook::new(release_all);

/// Sees to it that the calling thread's slots are given back when it ends; false
/// where that can't be had.
pub(crate) fn expect_exit() -> bool {
    exit::hear(&RELEASE)
}

/// Gives all slots of the calling thread back, for it ends.
fn release_all() {
    HELD.with(|held| held.iter().for_each(|place| release(place.replace(VACANT))));
}

#[derive(Clone, Copy)]
struct HolderPtr(*const dyn Holder);

// SAFETY: a `Holder` is `Sync`; the pointer is only followed under the lock,
// before it is withdrawn.
unsafe impl Send for HolderPtr {}

#[derive(Clone, Copy)]
struct Entry {
    /// The last instance that had this place.
    instance: u64,
    taken: bool,
    holder: Option<HolderPtr>,
}

const UNUSED: Entry = Entry { instance: 0, taken: false, holder: None };

static TABLE: Mutex<[Entry; HEAPS]> = Mutex::new([UNUSED; HEAPS]);

fn lock() -> MutexGuard<'static, [Entry; HEAPS]> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A new instance; 0 where the table is full, whose heap goes without slots.
pub(crate) fn reserve() -> Instance {
    fork::call_in_child(&FORGET);
    let _hold = fork::hold();
    let mut table = lock();
    // The place that was used least often: neighbours in time get different
    // places, so that a thread finds all its heaps at the first look.
    let vacant = table.iter_mut().enumerate().filter(|(_, entry)| !entry.taken);
    let next = vacant.min_by_key(|(_, entry)| entry.instance / HEAPS as u64);
    let Some((place, entry)) = next else { return Instance(0) };
    let uses = entry.instance / HEAPS as u64 + 1;
    let instance = uses * HEAPS as u64 + place as u64;
    *entry = Entry { instance, taken: true, holder: None };
    Instance(instance)
}

/// Names the heap of a reserved instance.
///
/// # Safety
///
/// `holder` stays where it is until it is [withdrawn](withdraw).
pub(crate) unsafe fn enroll(instance: Instance, holder: &(dyn Holder + 'static)) {
    change(instance, |entry| entry.holder = Some(HolderPtr(holder)));
}

/// Ends an instance: no slot is given back to its heap from here on.
pub(crate) fn withdraw(instance: Instance) {
    change(instance, |entry| *entry = Entry { taken: false, holder: None, ..*entry });
}

fn change(instance: Instance, change: impl FnOnce(&mut Entry)) {
    let _hold = fork::hold();
    let mut table = lock();
    let entry = table.get_mut(instance.place());
    if let Some(entry) = entry.filter(|entry| entry.taken && entry.instance == instance.0) {
        change(entry);
    }
}

/// Drops everything that is the parent's, in a forked child.
///
/// Called while forks are being held up, so nobody else has the lock.
fn forget_process() {
    HELD.with(|held| held.iter().for_each(|place| place.set(VACANT)));
    for entry in lock().iter() {
        if let Some(holder) = entry.holder {
            // SAFETY: enrolled heaps are valid, and the lock is held.
            unsafe { (*holder.0).forget_slots() };
        }
    }
}
