//! What is known of an address.

use std::ffi::{c_int, c_uint, c_void};

use anymem_gpu_sim::{About, Owner};

use super::answer::{Answer, Code, answer};
use super::context::primary;
use super::{ask, expect, initialized};

/// CUDA's numbers for whose memory it is.
const HOST: u32 = 1;
const DEVICE: u32 = 2;

/// A value, as wide as CUDA writes it.
enum Value {
    Half(u32),
    Word(u64),
}

/// # Safety
///
/// There is room for the value of that attribute.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuPointerGetAttribute(
    to: *mut c_void,
    attribute: c_uint,
    address: u64,
) -> c_int {
    ask(|_| {
        let found = initialized()?.about(address).ok_or(Code::INVALID_VALUE)?;
        // SAFETY: the caller's.
        unsafe { write(to, value(attribute, &found)?) }
    })
}

/// # Safety
///
/// There are so many attributes, and room for the value of each.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuPointerGetAttributes(
    count: c_uint,
    attributes: *const c_uint,
    to: *const *mut c_void,
    address: u64,
) -> c_int {
    answer(|| {
        expect(!attributes.is_null() && !to.is_null())?;
        let found = initialized()?.about(address);
        for index in 0..count as usize {
            // SAFETY: the caller's.
            let (attribute, to) = unsafe { (*attributes.add(index), *to.add(index)) };
            let value = match &found {
                Some(found) => value(attribute, found)?,
                // Of memory that it does not know, CUDA says nothing here, without an error.
                None if matches!(attribute, 2 | 8 | 9 | 10 | 13) => Value::Half(0),
                None => Value::Word(0),
            };
            // SAFETY: the caller's.
            unsafe { write(to, value)? };
        }
        Ok(())
    })
}

fn value(attribute: c_uint, found: &About) -> Answer<Value> {
    let machine = initialized()?;
    let (kind, number) = match found.owner {
        Owner::Device(number) => (DEVICE, number),
        Owner::Managed => (DEVICE, 0),
        Owner::Host => (HOST, 0),
    };
    Ok(match attribute {
        1 => Value::Word(primary(machine.device(number)?)),
        2 => Value::Half(kind),
        3 => Value::Word(found.address),
        4 => Value::Word(host(found)?),
        // A number of the block that no other has: its address, which is unique while it is.
        7 => Value::Word(found.start),
        8 => Value::Half((found.owner == Owner::Managed).into()),
        9 => Value::Half(number),
        10 => Value::Half(matches!(found.owner, Owner::Device(_)).into()),
        11 => Value::Word(found.start),
        12 => Value::Word(found.bytes as u64),
        13 => Value::Half(1),
        _ => return Err(Code::NOT_SUPPORTED),
    })
}

/// The processor's address of it, if it has one.
fn host(found: &About) -> Answer<u64> {
    let host = found.host.ok_or(Code::INVALID_VALUE)?;
    Ok(host.as_ptr() as u64 + (found.address - found.start))
}

/// # Safety
///
/// There is room for it.
unsafe fn write(to: *mut c_void, value: Value) -> Answer<()> {
    expect(!to.is_null())?;
    match value {
        // SAFETY: the caller's.
        Value::Half(value) => unsafe { to.cast::<u32>().write_unaligned(value) },
        // SAFETY: the caller's.
        Value::Word(value) => unsafe { to.cast::<u64>().write_unaligned(value) },
    }
    Ok(())
}
