//! The Unified Memory Framework, loaded where it is there.

use core::{
    alloc::{GlobalAlloc, Layout},
    ffi::{c_int, c_void},
    ptr,
};
use std::path::Path;

use libloading::Library;

use super::kind::Kind;

/// A result of the library: 0 is success.
type Result_ = c_int;

/// A handle of the library: a pointer that only it follows.
type Handle = *mut c_void;

/// Mappings that other processes can have: `UMF_MEM_MAP_SHARED`.
const SHARED: c_int = 2;

/// Declares the functions that are used, each with the type that the library's headers
/// give it.
macro_rules! functions {
    ($($name:ident: fn($($argument:ty),*) -> $result:ty = $symbol:literal;)+) => {
        /// The functions of the library that are used.
        #[derive(Debug)]
        struct Functions {
            $($name: unsafe extern "C" fn($($argument),*) -> $result,)+
        }

        impl Functions {
            fn of(library: &Library) -> Result<Self, libloading::Error> {
                Ok(Self {
                    // SAFETY: the functions have these types in the headers of the
                    // version that ci/pool-peers.sh fetches.
                    $($name: *unsafe { library.get($symbol) }?,)+
                })
            }
        }
    };
}

functions! {
    os_ops: fn() -> *const c_void = b"umfOsMemoryProviderOps";
    os_params: fn(*mut Handle) -> Result_ = b"umfOsMemoryProviderParamsCreate";
    os_visibility: fn(Handle, c_int) -> Result_ = b"umfOsMemoryProviderParamsSetVisibility";
    os_params_drop: fn(Handle) -> Result_ = b"umfOsMemoryProviderParamsDestroy";
    provider: fn(*const c_void, *const c_void, *mut Handle) -> Result_ = b"umfMemoryProviderCreate";
    disjoint_ops: fn() -> *const c_void = b"umfDisjointPoolOps";
    disjoint_params: fn(*mut Handle) -> Result_ = b"umfDisjointPoolParamsCreate";
    scalable_ops: fn() -> *const c_void = b"umfScalablePoolOps";
    scalable_params: fn(*mut Handle) -> Result_ = b"umfScalablePoolParamsCreate";
    proxy_ops: fn() -> *const c_void = b"umfProxyPoolOps";
    pool: fn(*const c_void, Handle, *const c_void, u32, *mut Handle) -> Result_ = b"umfPoolCreate";
    cuda_ops: fn() -> *const c_void = b"umfCUDAMemoryProviderOps";
    cuda_params: fn(*mut Handle) -> Result_ = b"umfCUDAMemoryProviderParamsCreate";
    cuda_context: fn(Handle, *mut c_void) -> Result_ = b"umfCUDAMemoryProviderParamsSetContext";
    cuda_device: fn(Handle, c_int) -> Result_ = b"umfCUDAMemoryProviderParamsSetDevice";
    cuda_kind: fn(Handle, c_int) -> Result_ = b"umfCUDAMemoryProviderParamsSetMemoryType";
    cuda_params_drop: fn(Handle) -> Result_ = b"umfCUDAMemoryProviderParamsDestroy";
    pool_drop: fn(Handle) -> Result_ = b"umfPoolDestroy";
    pool_aligned: fn(Handle, usize, usize) -> *mut u8 = b"umfPoolAlignedMalloc";
    pool_malloc: fn(Handle, usize) -> *mut u8 = b"umfPoolMalloc";
    pool_free: fn(Handle, *mut u8) -> Result_ = b"umfPoolFree";
    free: fn(*mut u8) -> Result_ = b"umfFree";
    by_ptr: fn(*const u8, *mut Handle) -> Result_ = b"umfPoolByPtr";
    handler: fn(Handle, *mut Handle) -> Result_ = b"umfPoolGetIPCHandler";
    ipc_get: fn(*const u8, *mut Handle, *mut usize) -> Result_ = b"umfGetIPCHandle";
    ipc_put: fn(Handle) -> Result_ = b"umfPutIPCHandle";
    ipc_open: fn(Handle, *const u8, *mut *mut u8) -> Result_ = b"umfOpenIPCHandle";
    ipc_close: fn(*mut u8) -> Result_ = b"umfCloseIPCHandle";
}

/// A device's own memory: `UMF_MEMORY_TYPE_DEVICE`.
const DEVICE: c_int = 2;

/// The library.
///
/// It is never unloaded: when the process ends, oneTBB gives memory back to those pools that
/// were not destroyed, by calling it.
#[derive(Debug)]
pub struct Umf {
    functions: Functions,
}

/// A pool of the library's, over memory of the system's.
///
/// It is never destroyed: its memory goes with the process.
#[derive(Clone, Copy, Debug)]
pub struct UmfPool<'u> {
    umf: &'u Umf,
    handle: Handle,
    /// Whether blocks are freed by address alone, as by `umfFree`.
    by_address: bool,
}

// SAFETY: the library's pools may be used by many threads.
unsafe impl Send for UmfPool<'_> {}
// SAFETY: as above.
unsafe impl Sync for UmfPool<'_> {}

impl Umf {
    /// Loads the library at `path`.
    ///
    /// # Errors
    ///
    /// It is not there, lacks what it needs, or is of another version.
    pub fn load(path: &Path) -> Result<Self, String> {
        let why = |error: libloading::Error| format!("{error} (ci/pool-peers.sh fetches it)");
        // SAFETY: what the library does when it is loaded concerns itself alone.
        let library = unsafe { Library::new(path) }.map_err(why)?;
        let library: &'static Library = Box::leak(Box::new(library));
        let functions = Functions::of(library).map_err(why)?;
        Ok(Self { functions })
    }

    /// Makes a pool of `kind` over private memory, or over memory that is `shared`.
    ///
    /// # Errors
    ///
    /// The library has no such pool, or lacks what it needs.
    pub fn pool(&self, kind: Kind, shared: bool) -> Result<UmfPool<'_>, String> {
        let provider = self.provider(shared)?;
        self.pool_over(provider, kind)
    }

    /// Makes a disjoint pool over the memory of a device of CUDA's.
    ///
    /// # Errors
    ///
    /// As for [`pool`](Self::pool).
    ///
    /// # Safety
    ///
    /// `context` is a context of the device with that number, for as long as the process lives.
    pub(crate) unsafe fn cuda_pool(
        &self,
        context: *mut c_void,
        device: c_int,
    ) -> Result<UmfPool<'_>, String> {
        let of = &self.functions;
        let params = made(of.cuda_params)?;
        // SAFETY: parameters of that provider; the context is the caller's.
        let set = unsafe {
            [
                (of.cuda_context)(params, context),
                (of.cuda_device)(params, device),
                (of.cuda_kind)(params, DEVICE),
            ]
        };
        set.into_iter().try_for_each(|result| succeeded("a parameter for CUDA", result))?;
        // SAFETY: takes nothing.
        let provider = self.provider_of(unsafe { (of.cuda_ops)() }, params)?;
        // SAFETY: made above, and used no more.
        succeeded("umfCUDAMemoryProviderParamsDestroy", unsafe { (of.cuda_params_drop)(params) })?;
        self.pool_over(provider, Kind::Disjoint)
    }

    fn pool_over(&self, provider: Handle, kind: Kind) -> Result<UmfPool<'_>, String> {
        let of = &self.functions;
        let (ops, params) = match kind {
            // SAFETY: takes nothing.
            Kind::Disjoint => (unsafe { (of.disjoint_ops)() }, made(of.disjoint_params)?),
            // SAFETY: as above.
            Kind::Scalable => (unsafe { (of.scalable_ops)() }, made(of.scalable_params)?),
            // SAFETY: as above.
            Kind::Proxy => (unsafe { (of.proxy_ops)() }, ptr::null_mut()),
            Kind::Jemalloc => return Err("its wheel is built without jemalloc".into()),
        };
        let handle = created("umfPoolCreate", |handle| {
            // SAFETY: the operations and parameters belong together; the provider is new.
            unsafe { (of.pool)(ops, provider, params, 0, handle) }
        })?;
        Ok(UmfPool { umf: self, handle, by_address: false })
    }

    fn provider(&self, shared: bool) -> Result<Handle, String> {
        let of = &self.functions;
        let params = made(of.os_params)?;
        if shared {
            // SAFETY: parameters of that provider.
            succeeded("umfOsMemoryProviderParamsSetVisibility", unsafe {
                (of.os_visibility)(params, SHARED)
            })?;
        }
        // SAFETY: takes nothing.
        let provider = self.provider_of(unsafe { (of.os_ops)() }, params)?;
        // SAFETY: made above, and used no more.
        succeeded("umfOsMemoryProviderParamsDestroy", unsafe { (of.os_params_drop)(params) })?;
        Ok(provider)
    }

    /// A provider of operations and parameters that belong together.
    fn provider_of(&self, ops: *const c_void, params: Handle) -> Result<Handle, String> {
        created("umfMemoryProviderCreate", |handle| {
            // SAFETY: they belong together.
            unsafe { (self.functions.provider)(ops, params, handle) }
        })
    }
}

impl UmfPool<'_> {
    /// Returns the same pool, with blocks freed by address alone.
    #[must_use]
    pub fn by_address(self) -> Self {
        Self { by_address: true, ..self }
    }

    /// Returns whether the library knows that the pool has `block`.
    pub(super) fn owns(&self, block: *const u8) -> bool {
        let mut found = ptr::null_mut();
        // SAFETY: any address may be asked about.
        let result = unsafe { (self.umf.functions.by_ptr)(block, &raw mut found) };
        result == 0 && found == self.handle
    }

    /// Makes a handle of a block for other processes; its bytes are the library's until
    /// it is [put back](Self::put).
    pub(super) fn get(&self, block: *const u8) -> Result<(Handle, usize), String> {
        let (mut handle, mut size) = (ptr::null_mut(), 0);
        // SAFETY: a block of the pool.
        let result = unsafe { (self.umf.functions.ipc_get)(block, &raw mut handle, &raw mut size) };
        succeeded("umfGetIPCHandle", result)?;
        Ok((handle, size))
    }

    /// Gives the pool up, and the mappings that were opened by it.
    pub(super) fn destroy(self) -> Result<(), String> {
        // SAFETY: nothing of it is used any more.
        succeeded("umfPoolDestroy", unsafe { (self.umf.functions.pool_drop)(self.handle) })
    }

    /// A copy of the bytes of a handle of a block.
    pub(super) fn handle_bytes(&self, block: *const u8) -> Result<Vec<u8>, String> {
        let (handle, size) = self.get(block)?;
        // SAFETY: the library's own, and as long.
        Ok(unsafe { core::slice::from_raw_parts(handle.cast::<u8>(), size) }.to_vec())
    }

    pub(super) fn put(&self, handle: Handle) -> Result<(), String> {
        // SAFETY: made by `get`, and used no more.
        succeeded("umfPutIPCHandle", unsafe { (self.umf.functions.ipc_put)(handle) })
    }

    /// What opens handles of other processes' pools that are like this one.
    pub(super) fn opener(&self) -> Result<Handle, String> {
        created("umfPoolGetIPCHandler", |handler| {
            // SAFETY: a pool of the library's.
            unsafe { (self.umf.functions.handler)(self.handle, handler) }
        })
    }

    pub(super) fn open(&self, opener: Handle, bytes: &[u8]) -> Result<*mut u8, String> {
        let mut block = ptr::null_mut();
        // SAFETY: the bytes are those of a handle; the block is a pointer to be set.
        let result =
            unsafe { (self.umf.functions.ipc_open)(opener, bytes.as_ptr(), &raw mut block) };
        succeeded("umfOpenIPCHandle", result)?;
        Ok(block)
    }

    pub(super) fn close(&self, block: *mut u8) -> Result<(), String> {
        // SAFETY: opened before, and used no more.
        succeeded("umfCloseIPCHandle", unsafe { (self.umf.functions.ipc_close)(block) })
    }
}

// SAFETY: blocks are those of the library's pool: as large and aligned as asked for, and
// nobody else's.
unsafe impl GlobalAlloc for UmfPool<'_> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let of = &self.umf.functions;
        if layout.align() <= align_of::<u64>() {
            // SAFETY: any size may be asked for.
            return unsafe { (of.pool_malloc)(self.handle, layout.size()) };
        }
        // SAFETY: as above; the alignment is a power of two.
        unsafe { (of.pool_aligned)(self.handle, layout.size(), layout.align()) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        let of = &self.umf.functions;
        // What went wrong would show in what is measured: memory would run out.
        let _ = match self.by_address {
            // SAFETY: a block of the pool, which is used no more.
            true => unsafe { (of.free)(block) },
            // SAFETY: as above.
            false => unsafe { (of.pool_free)(self.handle, block) },
        };
    }
}

/// Parameters that a function makes, with their defaults.
fn made(make: unsafe extern "C" fn(*mut Handle) -> Result_) -> Result<Handle, String> {
    // SAFETY: the function sets the handle.
    created("the making of parameters", |handle| unsafe { make(handle) })
}

fn created(call: &str, create: impl FnOnce(*mut Handle) -> Result_) -> Result<Handle, String> {
    let mut handle = ptr::null_mut();
    succeeded(call, create(&raw mut handle))?;
    Ok(handle)
}

fn succeeded(call: &str, result: Result_) -> Result<(), String> {
    if result == 0 { Ok(()) } else { Err(format!("{call} failed with {result}")) }
}
