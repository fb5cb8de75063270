//! What the devices are.

use std::ffi::{c_char, c_int};

use super::answer::{Code, answer};
use super::context::numbered;
use super::{expect, given, initialized, put};

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetCount(count: Option<&mut c_int>) -> c_int {
    answer(|| put(count, initialized()?.devices() as c_int))
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGet(device: Option<&mut c_int>, number: c_int) -> c_int {
    answer(|| {
        numbered(number)?;
        put(device, number)
    })
}

/// # Safety
///
/// There is room for so many bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuDeviceGetName(name: *mut c_char, bytes: c_int, device: c_int) -> c_int {
    answer(|| {
        let text = format!("software device {}", numbered(device)?.number());
        let room = usize::try_from(bytes).unwrap_or(0);
        expect(!name.is_null() && room > 0)?;
        let kept = text.len().min(room - 1);
        // SAFETY: the caller's, and the end is within.
        unsafe {
            name.copy_from_nonoverlapping(text.as_ptr().cast(), kept);
            name.add(kept).write(0);
        }
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceTotalMem_v2(bytes: Option<&mut usize>, device: c_int) -> c_int {
    answer(|| {
        let (_, total) = numbered(device)?.free_and_total()?;
        put(bytes, total)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetUuid_v2(uuid: Option<&mut [u8; 16]>, device: c_int) -> c_int {
    answer(|| {
        let mut bytes = *b"anymem-gpu-sim\0\0";
        bytes[15] = numbered(device)?.number() as u8;
        put(uuid, bytes)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetUuid(uuid: Option<&mut [u8; 16]>, device: c_int) -> c_int {
    cuDeviceGetUuid_v2(uuid, device)
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceCanAccessPeer(can: Option<&mut c_int>, device: c_int, peer: c_int) -> c_int {
    answer(|| {
        numbered(device)?;
        numbered(peer)?;
        put(can, c_int::from(device != peer))
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetAttribute(
    value: Option<&mut c_int>,
    attribute: c_int,
    device: c_int,
) -> c_int {
    answer(|| {
        numbered(device)?;
        put(value, given(self::attribute(attribute)?)?)
    })
}

/// An attribute's value, by CUDA's number for it.
fn attribute(number: c_int) -> Result<Option<c_int>, Code> {
    let options = initialized()?.options();
    Ok(Some(match number {
        // Threads of a block, and in each of its directions; blocks of a grid.
        1..=3 => 1024,
        4 => 64,
        5 => c_int::MAX,
        6 | 7 => 65_535,
        // Shared memory, the size of a warp, how many processors.
        8 => 0,
        10 => 32,
        16 => 1,
        // Host memory is mapped, kernels go side by side, addresses are unified.
        19 | 31 | 41 => 1,
        // What PTX it understands: 7.0.
        75 => 7,
        76 => 0,
        83 | 89 => options.managed.into(),
        86 => options.host_atomics.into(),
        91 => options.same_address.into(),
        // Host memory is registered, read-only too.
        99 | 113 => 1,
        102 | 103 => options.virtual_memory.into(),
        115 => options.stream_ordered.into(),
        125 => options.ipc.into(),
        // What CUDA has, and this does not.
        9 | 11..=159 => 0,
        _ => return Ok(None),
    }))
}
