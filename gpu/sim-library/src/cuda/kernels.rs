//! Code, and launching its kernels.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};

use anymem_gpu_sim::{Function, Grid, Module};

use super::answer::Code;
use super::{ask, ask_on, expect, put};

/// # Safety
///
/// The image is PTX text that ends with a zero byte.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuModuleLoadData(module: Option<&mut u64>, image: *const c_char) -> c_int {
    ask(|device| {
        expect(!image.is_null())?;
        // SAFETY: the caller's.
        let text = unsafe { CStr::from_ptr(image) };
        put(module, device.load(text.to_bytes())?.number())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuModuleUnload(module: u64) -> c_int {
    ask(|device| Ok(device.unload(Module::of(module))?))
}

/// # Safety
///
/// The name ends with a zero byte.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuModuleGetFunction(
    function: Option<&mut u64>,
    module: u64,
    name: *const c_char,
) -> c_int {
    ask(|device| {
        expect(!name.is_null())?;
        // SAFETY: the caller's.
        let name = unsafe { CStr::from_ptr(name) }.to_str().map_err(|_| Code::INVALID_VALUE)?;
        put(function, device.function(Module::of(module), name)?.number())
    })
}

/// # Safety
///
/// As [`Device::launch`](anymem_gpu_sim::Device::launch), and there are as many arguments as
/// the kernel takes.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuLaunchKernel(
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
    ask_on(stream, |device, stream| {
        expect(extra.is_null() && [blocks_y, blocks_z, threads_y, threads_z] == [1; 4])?;
        let function = Function::of(function);
        let count = device.parameters(function)?;
        expect(count == 0 || !arguments.is_null())?;
        let arguments = match count {
            0 => &[],
            // SAFETY: the caller's.
            count => unsafe { std::slice::from_raw_parts(arguments, count) },
        };
        let grid = Grid { blocks: blocks_x, threads: threads_x };
        // SAFETY: the caller's.
        Ok(unsafe { device.launch(function, grid, stream, arguments) }?)
    })
}
