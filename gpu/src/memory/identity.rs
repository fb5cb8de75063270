//! Which memory a device's is, for who knows it by its id alone.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use anymem_core::memory::MemoryId;

use crate::Device;
use crate::driver::Driver;

/// Drivers in use, which addresses in other memories are told apart by. A place is free again
/// when its driver is gone, and all memories of it with it.
static DRIVERS: Mutex<Vec<Weak<dyn Driver>>> = Mutex::new(Vec::new());

/// Bits of an instance that are the device's number.
const NUMBER: u32 = 32;

/// The id of a device's memory: the same for all that hand out blocks of it.
pub(crate) fn id_of(device: &Device) -> MemoryId {
    let instance = driver_number(device.driver()) << NUMBER | u64::from(device.number());
    MemoryId { kind: device.kind().name(), instance }
}

/// The number of the device whose memory `id` is, if it is of the same driver as `known`.
pub(crate) fn number_of(id: MemoryId, known: MemoryId) -> Option<u32> {
    let same = id.kind == known.kind && id.instance >> NUMBER == known.instance >> NUMBER;
    same.then_some(id.instance as u32)
}

fn driver_number(driver: &Arc<dyn Driver>) -> u64 {
    let mut drivers = DRIVERS.lock().unwrap_or_else(PoisonError::into_inner);
    let is_same = |it: &Weak<dyn Driver>| it.upgrade().is_some_and(|it| Arc::ptr_eq(&it, driver));
    let known = drivers.iter().position(is_same);
    let place = known.or_else(|| drivers.iter().position(|it| it.strong_count() == 0));
    let number = place.unwrap_or(drivers.len());
    match drivers.get_mut(number) {
        Some(place) => *place = Arc::downgrade(driver),
        None => drivers.push(Arc::downgrade(driver)),
    }
    number as u64
}
