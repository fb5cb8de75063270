//! Blocks in other processes. A handle carries a descriptor's number, which whoever opens it has
//! to have made his own.

use std::os::fd::BorrowedFd;

use super::drivers::is;
use super::memory::owner;
use super::objects::device;
use super::{CONTEXT, Code, INVALID_ARGUMENT, answer, ask, code, put};

/// `ze_ipc_mem_handle_t`, as this driver uses it.
#[repr(C)]
struct Handle {
    descriptor: i32,
    offset: u64,
    bytes: u64,
    rest: [u64; 5],
}

#[unsafe(no_mangle)]
extern "C" fn zeMemGetIpcHandle(context: u64, base: u64, handle: Option<&mut Handle>) -> Code {
    answer(is(context, CONTEXT).and_then(|()| {
        let number = owner(base)?.ok_or(INVALID_ARGUMENT)?;
        let (descriptor, offset, bytes) = device(number)?.export_file(base).map_err(code)?;
        put(handle, Handle { descriptor, offset, bytes: bytes as u64, rest: [0; 5] })
    }))
}

#[unsafe(no_mangle)]
extern "C" fn zeMemOpenIpcHandle(
    context: u64,
    device: u64,
    handle: Handle,
    _flags: u32,
    address: Option<&mut u64>,
) -> Code {
    ask(device, |it| {
        is(context, CONTEXT)?;
        if handle.rest != [0; 5] || handle.descriptor < 0 {
            return Err(INVALID_ARGUMENT);
        }
        // SAFETY: the caller has it open.
        let own = unsafe { BorrowedFd::borrow_raw(handle.descriptor) }.try_clone_to_owned();
        let own = own.map_err(|_| INVALID_ARGUMENT)?;
        put(address, it.open_file(own, handle.offset, handle.bytes as usize).map_err(code)?)
    })
}

#[unsafe(no_mangle)]
extern "C" fn zeMemCloseIpcHandle(context: u64, address: u64) -> Code {
    answer(is(context, CONTEXT).and_then(|()| {
        let number = owner(address)?.ok_or(INVALID_ARGUMENT)?;
        device(number)?.close(address).map_err(code)
    }))
}

const _: () = assert!(size_of::<Handle>() == 64);
