//! Code, and the kernels of it.

use std::ffi::{CStr, c_char, c_void};

use anymem_gpu_sim::{Function, Grid, Module};

use super::drivers::is;
use super::lists::append;
use super::objects::{Head, device, objects};
use super::{CONTEXT, Code, INVALID_ARGUMENT, INVALID_NULL_HANDLE, answer, ask, code, expect, put};

/// `ze_module_desc_t`.
#[repr(C)]
struct ModuleDesc {
    head: Head,
    format: u32,
    bytes: usize,
    code: *const u8,
    flags: *const c_char,
    constants: *const c_void,
}

/// `ze_group_count_t` and `ze_group_size_t`.
#[repr(C)]
struct Groups([u32; 3]);

/// `ze_kernel_desc_t`.
#[repr(C)]
struct KernelDesc {
    head: Head,
    flags: u32,
    name: *const c_char,
}

/// `ZE_RESULT_ERROR_INVALID_KERNEL_NAME`.
const INVALID_KERNEL_NAME: Code = 0x7800_0011;

/// The device's own code is whatever the software device understands.
///
/// # Safety
///
/// The code is as long as the description says.
#[unsafe(no_mangle)]
unsafe extern "C" fn zeModuleCreate(
    context: u64,
    handle: u64,
    desc: Option<&ModuleDesc>,
    module: Option<&mut u64>,
    _log: *mut c_void,
) -> Code {
    ask(handle, |it| {
        is(context, CONTEXT)?;
        let desc = desc.ok_or(INVALID_NULL_HANDLE)?;
        desc.head.is(0x1b)?;
        expect(desc.format == 1 && !desc.code.is_null())?;
        // SAFETY: the caller's.
        let text = unsafe { std::slice::from_raw_parts(desc.code, desc.bytes) };
        let made = it.load(text).map_err(code)?.number();
        objects().code.insert(made, it.number());
        put(module, made)
    })
}

#[unsafe(no_mangle)]
extern "C" fn zeModuleDestroy(module: u64) -> Code {
    answer((|| {
        let number = objects().code.remove(&module).ok_or(INVALID_NULL_HANDLE)?;
        device(number)?.unload(Module::of(module)).map_err(code)
    })())
}

/// # Safety
///
/// The name ends.
#[unsafe(no_mangle)]
unsafe extern "C" fn zeKernelCreate(
    module: u64,
    desc: Option<&KernelDesc>,
    kernel: Option<&mut u64>,
) -> Code {
    answer((|| {
        let desc = desc.ok_or(INVALID_NULL_HANDLE)?;
        desc.head.is(0x1d)?;
        let number = *objects().code.get(&module).ok_or(INVALID_NULL_HANDLE)?;
        // SAFETY: the caller's.
        let name = unsafe { CStr::from_ptr(desc.name) }.to_string_lossy();
        let made = device(number)?.function(Module::of(module), &name);
        let made = made.map_err(|_| INVALID_KERNEL_NAME)?.number();
        objects().code.insert(made, number);
        put(kernel, made)
    })())
}

#[unsafe(no_mangle)]
extern "C" fn zeKernelDestroy(kernel: u64) -> Code {
    answer(objects().code.remove(&kernel).map(drop).ok_or(INVALID_NULL_HANDLE))
}

#[unsafe(no_mangle)]
extern "C" fn zeKernelSetIndirectAccess(kernel: u64, flags: u32) -> Code {
    let known = objects().code.contains_key(&kernel);
    if known && flags & !7 == 0 { 0 } else { INVALID_ARGUMENT }
}

/// # Safety
///
/// As [`Device::launch`](anymem_gpu_sim::Device::launch); there are as many arguments as the
/// kernel takes.
#[unsafe(no_mangle)]
unsafe extern "C" fn zeCommandListAppendLaunchKernelWithArguments(
    list: u64,
    kernel: u64,
    Groups(blocks): Groups,
    Groups(threads): Groups,
    arguments: *const *const c_void,
    next: *const c_void,
    signal: u64,
    count: u32,
    _events: *const u64,
) -> Code {
    append(list, |device, stream| {
        expect(next.is_null() && signal == 0 && count == 0)?;
        let function = Function::of(kernel);
        let taken = device.parameters(function).map_err(code)?;
        let none = taken == 0;
        // SAFETY: the caller's.
        let arguments =
            if none { &[] } else { unsafe { std::slice::from_raw_parts(arguments, taken) } };
        let ([blocks, 1, 1], [threads, 1, 1]) = (blocks, threads) else {
            return Err(INVALID_ARGUMENT);
        };
        let grid = Grid { blocks, threads };
        // SAFETY: the caller's.
        unsafe { device.launch(function, grid, stream, arguments) }.map_err(code)
    })
}
