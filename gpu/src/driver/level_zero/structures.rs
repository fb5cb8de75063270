//! Level Zero's structures, each with the number that tells it from the others.
//!
//! They are those of `ze_api.h`, whose structures never change: what is added later is chained
//! to them by `next`.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use super::table::Word;

/// `ze_ipc_mem_handle_t`, which goes by value.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct IpcHandle(pub(super) [u8; 64]);

/// `ze_group_count_t` and `ze_group_size_t`, which go by value.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Groups(pub(super) [u32; 3]);

/// `ze_driver_extension_properties_t`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Extension {
    name: [u8; 256],
    version: u32,
}

impl Extension {
    pub(super) const EMPTY: Self = Self { name: [0; 256], version: 0 };

    pub(super) fn is(&self, name: &str) -> bool {
        text(&self.name) == name
    }
}

/// A text that ends at a zero, or with the bytes.
pub(super) fn text(bytes: &[u8]) -> String {
    let name = CStr::from_bytes_until_nul(bytes).map_or(bytes, CStr::to_bytes);
    String::from_utf8_lossy(name).into_owned()
}

/// Declares structures that begin with their number and a pointer to the next.
macro_rules! structures {
    ($(
        $(#[$doc:meta])*
        struct $name:ident = $number:literal {
            $($(#[$field_doc:meta])* $field:ident: $type:ty = $value:expr,)*
        }
    )+) => {$(
        $(#[$doc])*
        #[repr(C)]
        #[derive(Debug, Clone, Copy)]
        pub(super) struct $name {
            pub(super) number: u32,
            pub(super) next: *const c_void,
            $($(#[$field_doc])* pub(super) $field: $type,)*
        }

        impl $name {
            /// With nothing chained to it, and nothing said in it.
            pub(super) const NEW: Self =
                Self { number: $number, next: ptr::null(), $($field: $value,)* };
        }
    )+};
}

structures! {
    /// `ze_context_desc_t`.
    struct ContextDesc = 0xd {
        flags: u32 = 0,
    }

    /// `ze_driver_ipc_properties_t`.
    struct IpcProperties = 0x2 {
        flags: u32 = 0,
    }

    /// `ze_device_properties_t`.
    struct DeviceProperties = 0x3 {
        kind: u32 = 0,
        vendor: u32 = 0,
        model: u32 = 0,
        flags: u32 = 0,
        subdevice: u32 = 0,
        clock: u32 = 0,
        /// Bytes of the largest block, unless that limit is relaxed.
        largest: u64 = 0,
        contexts: u32 = 0,
        priority: u32 = 0,
        unit_threads: u32 = 0,
        unit_width: u32 = 0,
        subslice_units: u32 = 0,
        slice_subslices: u32 = 0,
        slices: u32 = 0,
        resolution: u64 = 0,
        timestamp_bits: u32 = 0,
        kernel_timestamp_bits: u32 = 0,
        uuid: [u8; 16] = [0; 16],
        name: [u8; 256] = [0; 256],
    }

    /// `ze_device_memory_properties_t`.
    struct MemoryProperties = 0x7 {
        flags: u32 = 0,
        clock: u32 = 0,
        width: u32 = 0,
        total: u64 = 0,
        name: [u8; 256] = [0; 256],
    }

    /// `ze_device_memory_access_properties_t`.
    struct MemoryAccess = 0x8 {
        host: u32 = 0,
        device: u32 = 0,
        shared: u32 = 0,
        shared_between: u32 = 0,
        system: u32 = 0,
    }

    /// `ze_command_queue_group_properties_t`.
    struct QueueGroup = 0x6 {
        flags: u32 = 0,
        largest_pattern: usize = 0,
        queues: u32 = 0,
    }

    /// `ze_command_queue_desc_t`.
    struct QueueDesc = 0xe {
        group: u32 = 0,
        index: u32 = 0,
        flags: u32 = 0,
        mode: u32 = 0,
        priority: u32 = 0,
    }

    /// `ze_memory_allocation_properties_t`.
    struct AllocProperties = 0x17 {
        /// `ze_memory_type_t`.
        kind: u32 = 0,
        id: u64 = 0,
        page: u64 = 0,
    }

    /// `ze_device_mem_alloc_desc_t`.
    struct DeviceDesc = 0x15 {
        flags: u32 = 0,
        memory: u32 = 0,
    }

    /// `ze_host_mem_alloc_desc_t`.
    struct HostDesc = 0x16 {
        flags: u32 = 0,
    }

    /// `ze_relaxed_allocation_limits_exp_desc_t`: the block may be larger than
    /// [`DeviceProperties::largest`].
    struct Relaxed = 0x0002_0001 {
        flags: u32 = 1,
    }

    /// `ze_external_memmap_sysmem_ext_desc_t`: no new memory, but these pages.
    struct MappedPages = 0x0002_0037 {
        address: *mut u8 = ptr::null_mut(),
        bytes: u64 = 0,
    }

    /// `ze_event_pool_desc_t`.
    struct EventPoolDesc = 0x10 {
        flags: u32 = 0,
        count: u32 = 0,
    }

    /// `ze_event_desc_t`.
    struct EventDesc = 0x11 {
        index: u32 = 0,
        signal: u32 = 0,
        wait: u32 = 0,
    }

    /// `ze_physical_mem_desc_t`.
    struct PhysicalDesc = 0x20 {
        flags: u32 = 0,
        bytes: usize = 0,
    }

    /// `ze_module_desc_t`.
    struct ModuleDesc = 0x1b {
        format: u32 = 0,
        bytes: usize = 0,
        code: *const u8 = ptr::null(),
        flags: *const c_char = ptr::null(),
        constants: *const c_void = ptr::null(),
    }

    /// `ze_kernel_desc_t`.
    struct KernelDesc = 0x1d {
        flags: u32 = 0,
        name: *const c_char = ptr::null(),
    }
}

/// The structures as a C compiler lays them out.
#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<DeviceProperties>() == 368);
    assert!(size_of::<MemoryProperties>() == 296);
    assert!(size_of::<QueueGroup>() == 40 && size_of::<QueueDesc>() == 40);
    assert!(size_of::<AllocProperties>() == 40);
    assert!(size_of::<MappedPages>() == 32 && size_of::<ModuleDesc>() == 56);
    assert!(size_of::<Extension>() == 260 && size_of::<Word>() == 8);
};
