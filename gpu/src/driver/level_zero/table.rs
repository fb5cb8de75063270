//! Level Zero's functions.
//!
//! The types are those of `ze_api.h`. What is required is in version 1.0 of the loader.

use std::ffi::{c_char, c_void};

use super::super::DriverKind;
use super::super::table::table;
use super::structures::{
    AllocProperties, ContextDesc, DeviceDesc, DeviceProperties, EventDesc, EventPoolDesc,
    Extension, Groups, HostDesc, IpcHandle, IpcProperties, KernelDesc, MemoryAccess,
    MemoryProperties, ModuleDesc, PhysicalDesc, QueueDesc, QueueGroup,
};

/// An address of the device or the processor, or a handle.
pub(super) type Word = usize;

table! {
    /// Level Zero's functions.
    struct Ze of DriverKind::LevelZero;
    required {
        safe fn init(flags: u32) = "zeInit";
        unsafe fn drivers(count: &mut u32, drivers: *mut Word) = "zeDriverGet";
        unsafe fn version(driver: Word, version: &mut u32) = "zeDriverGetApiVersion";
        unsafe fn ipc(driver: Word, properties: &mut IpcProperties) = "zeDriverGetIpcProperties";
        unsafe fn extensions(driver: Word, count: &mut u32, extensions: *mut Extension) = "zeDriverGetExtensionProperties";
        unsafe fn create_context(driver: Word, desc: &ContextDesc, context: &mut Word) = "zeContextCreate";
        unsafe fn devices(driver: Word, count: &mut u32, devices: *mut Word) = "zeDeviceGet";
        unsafe fn device(device: Word, properties: &mut DeviceProperties) = "zeDeviceGetProperties";
        unsafe fn memories(device: Word, count: &mut u32, memories: *mut MemoryProperties) = "zeDeviceGetMemoryProperties";
        unsafe fn access(device: Word, access: &mut MemoryAccess) = "zeDeviceGetMemoryAccessProperties";
        unsafe fn queue_groups(device: Word, count: &mut u32, groups: *mut QueueGroup) = "zeDeviceGetCommandQueueGroupProperties";
        unsafe fn allocate(context: Word, desc: &DeviceDesc, bytes: usize, alignment: usize, device: Word, block: &mut Word) = "zeMemAllocDevice";
        unsafe fn allocate_host(context: Word, desc: &HostDesc, bytes: usize, alignment: usize, block: &mut *mut u8) = "zeMemAllocHost";
        unsafe fn allocate_shared(context: Word, device_desc: &DeviceDesc, host_desc: &HostDesc, bytes: usize, alignment: usize, device: Word, block: &mut Word) = "zeMemAllocShared";
        unsafe fn free(context: Word, block: Word) = "zeMemFree";
        unsafe fn base_of(context: Word, address: Word, base: &mut Word, bytes: &mut usize) = "zeMemGetAddressRange";
        unsafe fn about(context: Word, address: Word, properties: &mut AllocProperties, device: &mut Word) = "zeMemGetAllocProperties";
        unsafe fn export(context: Word, base: Word, handle: &mut IpcHandle) = "zeMemGetIpcHandle";
        unsafe fn open(context: Word, device: Word, handle: IpcHandle, flags: u32, address: &mut Word) = "zeMemOpenIpcHandle";
        unsafe fn close(context: Word, address: Word) = "zeMemCloseIpcHandle";
        unsafe fn create_list(context: Word, device: Word, desc: &QueueDesc, list: &mut Word) = "zeCommandListCreateImmediate";
        unsafe fn destroy_list(list: Word) = "zeCommandListDestroy";
        unsafe fn barrier(list: Word, signal: Word, count: u32, events: *const Word) = "zeCommandListAppendBarrier";
        unsafe fn copy(list: Word, to: Word, from: Word, bytes: usize, signal: Word, count: u32, events: *const Word) = "zeCommandListAppendMemoryCopy";
        unsafe fn fill(list: Word, at: Word, pattern: &u8, pattern_bytes: usize, bytes: usize, signal: Word, count: u32, events: *const Word) = "zeCommandListAppendMemoryFill";
        unsafe fn signal(list: Word, event: Word) = "zeCommandListAppendSignalEvent";
        unsafe fn wait(list: Word, count: u32, events: &Word) = "zeCommandListAppendWaitOnEvents";
        unsafe fn create_pool(context: Word, desc: &EventPoolDesc, count: u32, devices: *const Word, pool: &mut Word) = "zeEventPoolCreate";
        unsafe fn create_event(pool: Word, desc: &EventDesc, event: &mut Word) = "zeEventCreate";
        unsafe fn query(event: Word) = "zeEventQueryStatus";
        unsafe fn reset(event: Word) = "zeEventHostReset";
        unsafe fn synchronize(event: Word, timeout: u64) = "zeEventHostSynchronize";
        unsafe fn page_size(context: Word, device: Word, bytes: usize, page: &mut usize) = "zeVirtualMemQueryPageSize";
        unsafe fn reserve(context: Word, wish: Word, bytes: usize, address: &mut Word) = "zeVirtualMemReserve";
        unsafe fn release(context: Word, address: Word, bytes: usize) = "zeVirtualMemFree";
        unsafe fn create_physical(context: Word, device: Word, desc: &PhysicalDesc, pages: &mut Word) = "zePhysicalMemCreate";
        unsafe fn destroy_physical(context: Word, pages: Word) = "zePhysicalMemDestroy";
        unsafe fn map(context: Word, address: Word, bytes: usize, pages: Word, offset: usize, access: u32) = "zeVirtualMemMap";
        unsafe fn unmap(context: Word, address: Word, bytes: usize) = "zeVirtualMemUnmap";
        unsafe fn load_module(context: Word, device: Word, desc: &ModuleDesc, module: &mut Word, log: *mut c_void) = "zeModuleCreate";
        unsafe fn unload(module: Word) = "zeModuleDestroy";
        unsafe fn create_kernel(module: Word, desc: &KernelDesc, kernel: &mut Word) = "zeKernelCreate";
        unsafe fn destroy_kernel(kernel: Word) = "zeKernelDestroy";
        unsafe fn indirect_access(kernel: Word, flags: u32) = "zeKernelSetIndirectAccess";
    }
    optional {
        unsafe fn launch(
            list: Word, kernel: Word, blocks: Groups, threads: Groups,
            arguments: *const *const c_void, next: *const c_char,
            signal: Word, count: u32, events: *const Word,
        ) = "zeCommandListAppendLaunchKernelWithArguments";
    }
}
