//! HIP's functions.
//!
//! The types are those of `hip_runtime_api.h`, which are alike from ROCm 5.2 to 7 for these
//! functions. Structures that changed meanwhile are not among them: names, sizes and single
//! attributes are asked for instead of `hipDeviceProp_t`.

use std::ffi::{c_char, c_int, c_uint, c_ulonglong, c_void};

use super::super::DriverKind;
use super::super::table::table;
use super::virtual_memory::{Access, Properties};

/// An address of the device or the processor, or a handle.
pub(super) type Word = usize;

/// `hipIpcMemHandle_t`, which goes by value.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct IpcHandle(pub(super) [u8; 64]);

table! {
    /// HIP's functions.
    struct Hip of DriverKind::Hip;
    required {
        safe fn init(flags: c_uint) = "hipInit";
        safe fn version(version: &mut c_int) = "hipRuntimeGetVersion";
        safe fn count(count: &mut c_int) = "hipGetDeviceCount";
        safe fn device(device: &mut c_int) = "hipGetDevice";
        safe fn set_device(device: c_int) = "hipSetDevice";
        unsafe fn name(name: *mut c_char, bytes: c_int, device: c_int) = "hipDeviceGetName";
        safe fn total(bytes: &mut usize, device: c_int) = "hipDeviceTotalMem";
        safe fn attribute(value: &mut c_int, attribute: c_int, device: c_int) = "hipDeviceGetAttribute";
        safe fn memory_info(free: &mut usize, total: &mut usize) = "hipMemGetInfo";
        safe fn malloc(block: &mut Word, bytes: usize) = "hipMalloc";
        unsafe fn free(block: Word) = "hipFree";
        safe fn malloc_managed(block: &mut Word, bytes: usize, flags: c_uint) = "hipMallocManaged";
        safe fn malloc_host(block: &mut *mut u8, bytes: usize, flags: c_uint) = "hipHostMalloc";
        unsafe fn free_host(block: *mut u8) = "hipHostFree";
        unsafe fn register(host: *mut u8, bytes: usize, flags: c_uint) = "hipHostRegister";
        unsafe fn unregister(host: *mut u8) = "hipHostUnregister";
        unsafe fn device_pointer(device: &mut Word, host: *mut u8, flags: c_uint) = "hipHostGetDevicePointer";
        unsafe fn copy(to: Word, from: Word, bytes: usize, kind: c_int, stream: Word) = "hipMemcpyAsync";
        unsafe fn copy_peer(to: Word, to_device: c_int, from: Word, from_device: c_int, bytes: usize, stream: Word) = "hipMemcpyPeerAsync";
        unsafe fn fill(at: Word, value: c_int, bytes: usize, stream: Word) = "hipMemsetAsync";
        safe fn create_stream(stream: &mut Word, flags: c_uint) = "hipStreamCreateWithFlags";
        unsafe fn destroy_stream(stream: Word) = "hipStreamDestroy";
        unsafe fn synchronize(stream: Word) = "hipStreamSynchronize";
        safe fn synchronize_device() = "hipDeviceSynchronize";
        safe fn create_event(event: &mut Word, flags: c_uint) = "hipEventCreateWithFlags";
        unsafe fn destroy_event(event: Word) = "hipEventDestroy";
        unsafe fn record(event: Word, stream: Word) = "hipEventRecord";
        unsafe fn wait(stream: Word, event: Word, flags: c_uint) = "hipStreamWaitEvent";
        unsafe fn query(event: Word) = "hipEventQuery";
        safe fn base_of(base: &mut Word, bytes: &mut usize, address: Word) = "hipMemGetAddressRange";
        safe fn export(handle: &mut IpcHandle, base: Word) = "hipIpcGetMemHandle";
        unsafe fn open(address: &mut Word, handle: IpcHandle, flags: c_uint) = "hipIpcOpenMemHandle";
        unsafe fn close(address: Word) = "hipIpcCloseMemHandle";
        unsafe fn load_module(module: &mut Word, code: *const c_void) = "hipModuleLoadData";
        unsafe fn unload(module: Word) = "hipModuleUnload";
        unsafe fn function(function: &mut Word, module: Word, name: *const c_char) = "hipModuleGetFunction";
        unsafe fn launch(
            function: Word,
            blocks_x: c_uint, blocks_y: c_uint, blocks_z: c_uint,
            threads_x: c_uint, threads_y: c_uint, threads_z: c_uint,
            shared_bytes: c_uint, stream: Word,
            arguments: *const *const c_void, extra: *const *const c_void,
        ) = "hipModuleLaunchKernel";
    }
    optional {
        unsafe fn about(value: *mut c_void, attribute: c_int, address: Word) = "hipPointerGetAttribute";
        safe fn malloc_async(block: &mut Word, bytes: usize, stream: Word) = "hipMallocAsync";
        unsafe fn free_async(block: Word, stream: Word) = "hipFreeAsync";
        safe fn granularity(bytes: &mut usize, properties: &Properties, option: c_int) = "hipMemGetAllocationGranularity";
        safe fn reserve(address: &mut Word, bytes: usize, alignment: usize, wish: Word, flags: c_ulonglong) = "hipMemAddressReserve";
        unsafe fn release(address: Word, bytes: usize) = "hipMemAddressFree";
        safe fn create_physical(pages: &mut Word, bytes: usize, properties: &Properties, flags: c_ulonglong) = "hipMemCreate";
        unsafe fn destroy_physical(pages: Word) = "hipMemRelease";
        unsafe fn map(address: Word, bytes: usize, offset: usize, pages: Word, flags: c_ulonglong) = "hipMemMap";
        unsafe fn unmap(address: Word, bytes: usize) = "hipMemUnmap";
        unsafe fn set_access(address: Word, bytes: usize, access: &Access, count: usize) = "hipMemSetAccess";
        unsafe fn export_physical(descriptor: &mut c_int, pages: Word, kind: c_int, flags: c_ulonglong) = "hipMemExportToShareableHandle";
        unsafe fn import_physical(pages: &mut Word, descriptor: *const c_void, kind: c_int) = "hipMemImportFromShareableHandle";
    }
}
