//! CUDA's functions, by the names of their versions.
//!
//! cudarc finds the library and knows the layouts. Its functions are not called: each panics
//! where the driver lacks it, and their results are an enumeration, which the codes of newer
//! drivers are not within.

use std::ffi::{c_char, c_int, c_void};

use cudarc::driver::sys::{CUipcMemHandle, CUmemAccessDesc, CUmemAllocationProp};

use crate::driver::DriverKind;
use crate::driver::table::table;

table! {
    /// CUDA's functions.
    struct Api of DriverKind::Cuda;
    required {
        safe fn init(flags: u32) = "cuInit";
        safe fn version(version: &mut c_int) = "cuDriverGetVersion";

        safe fn device_count(count: &mut c_int) = "cuDeviceGetCount";
        safe fn device_get(device: &mut c_int, number: c_int) = "cuDeviceGet";
        safe fn device_attribute(value: &mut c_int, attribute: u32, device: c_int)
            = "cuDeviceGetAttribute";
        safe fn device_total(bytes: &mut usize, device: c_int) = "cuDeviceTotalMem_v2";
        unsafe fn device_name(name: *mut c_char, bytes: c_int, device: c_int) = "cuDeviceGetName";

        safe fn context_retain(context: &mut u64, device: c_int) = "cuDevicePrimaryCtxRetain";
        safe fn context_current(context: &mut u64) = "cuCtxGetCurrent";
        unsafe fn context_set(context: u64) = "cuCtxSetCurrent";
        safe fn context_synchronize() = "cuCtxSynchronize";

        safe fn memory_info(free: &mut usize, total: &mut usize) = "cuMemGetInfo_v2";
        safe fn allocate(address: &mut u64, bytes: usize) = "cuMemAlloc_v2";
        safe fn allocate_managed(address: &mut u64, bytes: usize, flags: u32)
            = "cuMemAllocManaged";
        unsafe fn free(address: u64) = "cuMemFree_v2";
        safe fn address_range(base: &mut u64, bytes: &mut usize, address: u64)
            = "cuMemGetAddressRange_v2";

        unsafe fn about(
            count: u32,
            attributes: *const u32,
            values: *const *mut c_void,
            address: u64,
        ) = "cuPointerGetAttributes";

        safe fn host_allocate(address: &mut *mut c_void, bytes: usize, flags: u32)
            = "cuMemHostAlloc";
        unsafe fn host_free(address: *mut c_void) = "cuMemFreeHost";
        unsafe fn host_register(address: *mut c_void, bytes: usize, flags: u32)
            = "cuMemHostRegister_v2";
        unsafe fn host_unregister(address: *mut c_void) = "cuMemHostUnregister";
        unsafe fn host_device_address(device: &mut u64, host: *mut c_void, flags: u32)
            = "cuMemHostGetDevicePointer_v2";

        unsafe fn copy_to_device(to: u64, from: *const c_void, bytes: usize, stream: u64)
            = "cuMemcpyHtoDAsync_v2";
        unsafe fn copy_to_host(to: *mut c_void, from: u64, bytes: usize, stream: u64)
            = "cuMemcpyDtoHAsync_v2";
        unsafe fn copy_within(to: u64, from: u64, bytes: usize, stream: u64)
            = "cuMemcpyDtoDAsync_v2";
        unsafe fn copy_peer(
            to: u64,
            to_context: u64,
            from: u64,
            from_context: u64,
            bytes: usize,
            stream: u64,
        ) = "cuMemcpyPeerAsync";
        unsafe fn fill(at: u64, byte: u8, bytes: usize, stream: u64) = "cuMemsetD8Async";

        safe fn stream_create(stream: &mut u64, flags: u32) = "cuStreamCreate";
        unsafe fn stream_destroy(stream: u64) = "cuStreamDestroy_v2";
        unsafe fn stream_synchronize(stream: u64) = "cuStreamSynchronize";
        unsafe fn stream_wait(stream: u64, event: u64, flags: u32) = "cuStreamWaitEvent";
        safe fn event_create(event: &mut u64, flags: u32) = "cuEventCreate";
        unsafe fn event_destroy(event: u64) = "cuEventDestroy_v2";
        unsafe fn event_record(event: u64, stream: u64) = "cuEventRecord";
        unsafe fn event_query(event: u64) = "cuEventQuery";

        safe fn granularity(bytes: &mut usize, properties: &CUmemAllocationProp, which: u32)
            = "cuMemGetAllocationGranularity";
        safe fn reserve(address: &mut u64, bytes: usize, alignment: usize, wish: u64, flags: u64)
            = "cuMemAddressReserve";
        unsafe fn release(address: u64, bytes: usize) = "cuMemAddressFree";
        safe fn create_physical(
            pages: &mut u64,
            bytes: usize,
            properties: &CUmemAllocationProp,
            flags: u64,
        ) = "cuMemCreate";
        unsafe fn destroy_physical(pages: u64) = "cuMemRelease";
        unsafe fn map(address: u64, bytes: usize, offset: usize, pages: u64, flags: u64)
            = "cuMemMap";
        unsafe fn set_access(
            address: u64,
            bytes: usize,
            access: *const CUmemAccessDesc,
            count: usize,
        ) = "cuMemSetAccess";
        unsafe fn unmap(address: u64, bytes: usize) = "cuMemUnmap";
        unsafe fn export_physical(handle: *mut c_void, pages: u64, kind: u32, flags: u64)
            = "cuMemExportToShareableHandle";
        unsafe fn import_physical(pages: &mut u64, handle: *mut c_void, kind: u32)
            = "cuMemImportFromShareableHandle";

        safe fn ipc_export(handle: &mut CUipcMemHandle, address: u64) = "cuIpcGetMemHandle";
        unsafe fn ipc_open(address: &mut u64, handle: CUipcMemHandle, flags: u32)
            = "cuIpcOpenMemHandle_v2";
        unsafe fn ipc_close(address: u64) = "cuIpcCloseMemHandle";

        unsafe fn module_load(module: &mut u64, image: *const c_void) = "cuModuleLoadData";
        unsafe fn module_unload(module: u64) = "cuModuleUnload";
        unsafe fn module_function(function: &mut u64, module: u64, name: *const c_char)
            = "cuModuleGetFunction";
        unsafe fn launch(
            function: u64,
            blocks_x: u32,
            blocks_y: u32,
            blocks_z: u32,
            threads_x: u32,
            threads_y: u32,
            threads_z: u32,
            shared_bytes: u32,
            stream: u64,
            arguments: *mut *mut c_void,
            extra: *mut *mut c_void,
        ) = "cuLaunchKernel";
    }
    optional {
        unsafe fn allocate_on(address: &mut u64, bytes: usize, stream: u64) = "cuMemAllocAsync";
        unsafe fn free_on(address: u64, stream: u64) = "cuMemFreeAsync";
    }
}
