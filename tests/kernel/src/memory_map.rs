//! Which memory the machine has, as the boot loader tells.
//!
//! The start info is that of the PVH boot protocol (Xen's `start_info.h`).

use core::ops::Range;
use core::slice;

use crate::{boot, say};

/// The start info, as far as it is used.
#[repr(C)]
struct StartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    modules: u32,
    modules_at: u64,
    command_line_at: u64,
    acpi_at: u64,
    map_at: u64,
    map_entries: u32,
}

const MAGIC: u32 = 0x336e_c578;

#[repr(C)]
#[derive(Clone, Copy)]
struct Entry {
    start: u64,
    len: u64,
    kind: u32,
    reserved: u32,
}

const RAM: u32 = 1;

/// What the boot page tables map, from address 0 on.
pub const MAPPED: u64 = 4 << 30;

/// The most ranges that are looked at.
const MOST: usize = 8;

/// Below this are tables of the firmware, and the trampoline.
const LOW: u64 = 0x10000;

const _: () = assert!((boot::TRAMPOLINE as u64) < LOW);

/// The free ranges of memory, in ascending order.
#[derive(Debug)]
pub struct MemoryMap {
    ranges: [Range<u64>; MOST],
}

impl MemoryMap {
    /// The memory that the start info at `address` tells of, but for the kernel's own.
    ///
    /// # Safety
    ///
    /// `address` is what the boot loader passed, and nothing was written to its memory.
    pub unsafe fn read(address: usize) -> Self {
        // SAFETY: the boot protocol has a start info there.
        let info = unsafe { &*core::ptr::with_exposed_provenance::<StartInfo>(address) };
        assert!(info.magic == MAGIC && info.version >= 1, "no start info with a memory map");
        let map = core::ptr::with_exposed_provenance::<Entry>(info.map_at as usize);
        // SAFETY: so does it say of the map.
        let entries = unsafe { slice::from_raw_parts(map, info.map_entries as usize) };
        let mut free = entries.iter().filter(|entry| entry.kind == RAM).filter_map(|entry| {
            let end = entry.start.saturating_add(entry.len).min(MAPPED);
            let has_image = (entry.start..end).contains(&(boot::IMAGE as u64));
            let used_end = if has_image { boot::end_of_image() as u64 } else { LOW };
            let start = entry.start.max(used_end);
            (start < end).then_some(start..end)
        });
        Self { ranges: core::array::from_fn(|_| free.next().unwrap_or_default()) }
    }

    /// The free ranges.
    pub fn ranges(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.ranges.iter().filter(|range| !range.is_empty()).cloned()
    }

    /// Prints the ranges.
    pub fn print(&self) {
        for range in self.ranges() {
            let kib = (range.end - range.start) >> 10;
            say!("free memory: {:#x}..{:#x}, {kib} KiB", range.start, range.end);
        }
    }
}
