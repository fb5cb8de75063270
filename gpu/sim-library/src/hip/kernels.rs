//! Code, which comes in bundles; what the software device runs of one is its last part.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};

use anymem_gpu_sim::{Function, Grid, Module, SimError};

use super::{ask, put, stream_of};

/// What a bundle begins with.
const MAGIC: &[u8; 24] = b"__CLANG_OFFLOAD_BUNDLE__";

/// # Safety
///
/// It is a bundle.
#[unsafe(no_mangle)]
unsafe extern "C" fn hipModuleLoadData(module: Option<&mut u64>, image: *const u8) -> c_int {
    // SAFETY: the caller's.
    ask(|device| put(module, device.load(unsafe { part_of(image) }?)?.number()))
}

#[unsafe(no_mangle)]
extern "C" fn hipModuleUnload(module: u64) -> c_int {
    ask(|device| device.unload(Module::of(module)))
}

/// # Safety
///
/// The name ends.
#[unsafe(no_mangle)]
unsafe extern "C" fn hipModuleGetFunction(
    function: Option<&mut u64>,
    module: u64,
    name: *const c_char,
) -> c_int {
    // SAFETY: the caller's.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
    ask(|device| put(function, device.function(Module::of(module), &name)?.number()))
}

/// # Safety
///
/// As [`Device::launch`](anymem_gpu_sim::Device::launch); there are as many arguments as the
/// kernel takes.
#[unsafe(no_mangle)]
unsafe extern "C" fn hipModuleLaunchKernel(
    function: u64,
    blocks_x: c_uint,
    blocks_y: c_uint,
    blocks_z: c_uint,
    threads_x: c_uint,
    threads_y: c_uint,
    threads_z: c_uint,
    _shared_bytes: c_uint,
    stream: u64,
    arguments: *const *const c_void,
    extra: *const *const c_void,
) -> c_int {
    ask(|device| {
        if !extra.is_null() || [blocks_y, blocks_z, threads_y, threads_z] != [1; 4] {
            return Err(SimError::Invalid { what: "what is launched" });
        }
        let function = Function::of(function);
        let count = device.parameters(function)?;
        let none = count == 0;
        // SAFETY: the caller's.
        let arguments =
            if none { &[] } else { unsafe { std::slice::from_raw_parts(arguments, count) } };
        let grid = Grid { blocks: blocks_x, threads: threads_x };
        // SAFETY: the caller's.
        unsafe { device.launch(function, grid, stream_of(device, stream), arguments) }
    })
}

/// The last part of a bundle: after the magic stand a count, and for each part its offset,
/// its length, and the length of its name, with the name behind.
///
/// # Safety
///
/// It is a bundle, or at least as long as its magic.
unsafe fn part_of<'a>(image: *const u8) -> Result<&'a [u8], SimError> {
    let word = |at: usize| {
        // SAFETY: the caller's.
        u64::from_le_bytes(unsafe { image.add(at).cast::<[u8; 8]>().read() }) as usize
    };
    // SAFETY: the caller's.
    if image.is_null() || unsafe { image.cast::<[u8; 24]>().read() } != *MAGIC {
        return Err(SimError::Invalid { what: "image, which is no bundle" });
    }
    let mut at = MAGIC.len() + 8;
    let mut part = (0, 0);
    for _ in 0..word(MAGIC.len()) {
        part = (word(at), word(at + 8));
        at += 24 + word(at + 16);
    }
    // SAFETY: the caller's.
    Ok(unsafe { std::slice::from_raw_parts(image.add(part.0), part.1) })
}
