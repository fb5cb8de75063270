//! The devices, and what is kept for each.

use std::collections::HashMap;
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use super::super::table::Refusal;
use super::events::Events;
use super::lists::Lists;
use super::structures::{
    ContextDesc, DeviceProperties, Extension, IpcProperties, MemoryProperties, QueueGroup, text,
};
use super::table::{Word, Ze};

/// `ZE_DEVICE_TYPE_GPU`.
const GPU: u32 = 1;
/// `ZE_COMMAND_QUEUE_GROUP_PROPERTY_FLAG_COMPUTE`: kernels, copies and fills.
const COMPUTE: u32 = 1;
/// `ZE_IPC_PROPERTY_FLAG_MEMORY`.
const IPC_MEMORY: u32 = 1;
/// Lets pages that are there already be a host allocation.
const MAPPED_PAGES: &str = "ZE_extension_external_memmap_sysmem";

/// A device.
///
/// Locks are taken in the order of the fields.
#[derive(Debug)]
pub(super) struct Card {
    pub(super) context: Word,
    pub(super) device: Word,
    pub(super) name: String,
    /// Bytes of its memory.
    pub(super) total: usize,
    /// Bytes of the largest block, unless that limit is relaxed.
    pub(super) largest: usize,
    /// The group of queues that does everything.
    pub(super) group: u32,
    /// Whether host memory can be registered.
    pub(super) register: bool,
    /// Whether blocks can be opened in other processes.
    pub(super) ipc: bool,
    /// Bytes of its memory that were allocated here, and of managed memory.
    pub(super) held: AtomicUsize,
    pub(super) events: Mutex<Events>,
    pub(super) lists: Mutex<Lists>,
    /// Registered memory: what it was registered by, and the driver's allocation.
    pub(super) registered: Mutex<HashMap<Word, Word>>,
    /// The kernels of each module that is loaded.
    pub(super) kernels: Mutex<HashMap<Word, Vec<Word>>>,
}

/// What all devices of a driver have in common.
#[derive(Debug, Clone, Copy)]
struct Common {
    context: Word,
    register: bool,
    ipc: bool,
}

/// The GPUs of all drivers, and the newest of their versions.
pub(super) fn cards(table: &Ze) -> Result<(u32, Vec<Card>), Refusal> {
    // SAFETY: the array has room for as many as are asked for.
    let drivers = listed(0, |count, drivers| unsafe { table.drivers(count, drivers) })?;
    let (mut newest, mut cards) = (0, Vec::new());
    for driver in drivers {
        let mut version = 0;
        // SAFETY: the driver is listed.
        unsafe { table.version(driver, &mut version) }?;
        newest = newest.max(version);
        for device in gpus(table, driver)? {
            cards.push(device);
        }
    }
    Ok((newest, cards))
}

fn gpus(table: &Ze, driver: Word) -> Result<Vec<Card>, Refusal> {
    // SAFETY: the array has room for as many as are asked for; the driver is listed.
    let devices = listed(0, |count, devices| unsafe { table.devices(driver, count, devices) })?;
    let mut found = Vec::new();
    for device in devices {
        let mut properties = DeviceProperties::NEW;
        // SAFETY: the device is listed.
        unsafe { table.device(device, &mut properties) }?;
        if properties.kind == GPU {
            found.push((device, properties));
        }
    }
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let common = common(table, driver)?;
    found.iter().map(|(device, properties)| card(table, common, *device, properties)).collect()
}

fn common(table: &Ze, driver: Word) -> Result<Common, Refusal> {
    let (mut context, mut ipc) = (0, IpcProperties::NEW);
    // SAFETY: the driver is listed.
    unsafe { table.create_context(driver, &ContextDesc::NEW, &mut context) }?;
    // SAFETY: as above.
    unsafe { table.ipc(driver, &mut ipc) }?;
    // SAFETY: the array has room for as many as are asked for; the driver is listed.
    let extensions = listed(Extension::EMPTY, |count, extensions| unsafe {
        table.extensions(driver, count, extensions)
    })?;
    let register = extensions.iter().any(|extension| extension.is(MAPPED_PAGES));
    Ok(Common { context, register, ipc: ipc.flags & IPC_MEMORY != 0 })
}

fn card(
    table: &Ze,
    common: Common,
    device: Word,
    properties: &DeviceProperties,
) -> Result<Card, Refusal> {
    // SAFETY: the arrays have room for as many as are asked for; the device is listed.
    let memories = listed(MemoryProperties::NEW, |count, memories| unsafe {
        table.memories(device, count, memories)
    })?;
    // SAFETY: as above.
    let groups = listed(QueueGroup::NEW, |count, groups| unsafe {
        table.queue_groups(device, count, groups)
    })?;
    let group = groups.iter().position(|group| group.flags & COMPUTE != 0);
    Ok(Card {
        context: common.context,
        device,
        name: text(&properties.name),
        total: bytes(memories.iter().fold(0, |sum, memory| memory.total.saturating_add(sum))),
        largest: bytes(properties.largest),
        group: group.unwrap_or(0) as u32,
        register: common.register,
        ipc: common.ipc,
        held: AtomicUsize::new(0),
        events: Mutex::default(),
        lists: Mutex::default(),
        registered: Mutex::default(),
        kernels: Mutex::default(),
    })
}

fn bytes(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// A list of the driver's: asked first how long it is, and then for that many.
fn listed<T: Copy>(
    empty: T,
    ask: impl Fn(&mut u32, *mut T) -> Result<(), Refusal>,
) -> Result<Vec<T>, Refusal> {
    let mut count = 0;
    ask(&mut count, ptr::null_mut())?;
    let mut list = vec![empty; count as usize];
    if count > 0 {
        ask(&mut count, list.as_mut_ptr())?;
    }
    list.truncate(count as usize);
    Ok(list)
}
