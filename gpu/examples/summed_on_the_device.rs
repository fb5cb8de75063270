//! Numbers that one process writes into a shared heap, and that the device of another adds up.
//!
//! The heap is registered with a device: nothing is copied, the kernel follows the offsets of
//! the heap itself. The sum goes back through a block of the device's own memory, which the
//! writer opens by a handle that stands in the heap.
//!
//! ```sh
//! cargo run -p anymem-gpu --features sim --example summed_on_the_device
//! ```
//!
//! On a machine with a GPU that runs PTX it takes that; otherwise a device in software.

use std::alloc::Layout;
use std::env;
use std::error::Error;
use std::process::{self, Command};

use anymem::container::ShmVec;
use anymem::ipc::IpcHandle;
use anymem::memory::Memory;
use anymem::{HeapOptions, SharedHeap, Size};
use anymem_gpu::kernels::{HeapOnDevice, Kernels};
use anymem_gpu::{Device, DeviceMemory, RegisteredHeap, Stream, ipc};

const COUNT: u64 = 100_000;

/// The first device that has kernels.
fn device() -> Result<(Device, Kernels), Box<dyn Error>> {
    let found = Device::all().into_iter().find_map(|device| {
        let kernels = Kernels::load(&device).ok()?;
        Some((device, kernels))
    });
    found.ok_or_else(|| "no device runs PTX here, and the feature `sim` is off".into())
}

/// What the other process does before the device comes, and after it.
fn other(heap: &str, task: &str) -> Result<(), Box<dyn Error>> {
    let heap = SharedHeap::open(heap)?;
    if task == "write" {
        heap.root_or_create("numbers", |heap| ShmVec::from_iter_in(1..=COUNT, heap))?;
        return Ok(());
    }
    let (device, _) = device()?;
    let block = ipc::open(&device, heap.root::<IpcHandle>("sum")?)?;
    let mut sum = [0_u64];
    block.read(0, &mut sum)?;
    assert_eq!(sum, [COUNT * (COUNT + 1) / 2]);
    println!("{COUNT} numbers, summed by {}: {}", device.attributes()?.name, sum[0]);
    Ok(())
}

fn have_other(heap: &str, task: &str) -> Result<(), Box<dyn Error>> {
    let status = Command::new(env::current_exe()?).args([heap, task]).status()?;
    assert!(status.success(), "the other process failed");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if let [heap, task] = arguments.as_slice() {
        return other(heap, task);
    }
    let name = format!("anymem.summed.{}", process::id());
    let heap = HeapOptions::new().resident(true).create(&name, Size::mib(16))?;
    have_other(&name, "write")?;

    let (device, kernels) = device()?;
    let heap = RegisteredHeap::new(heap, [&device])?;
    let there = HeapOnDevice::new(&heap, &device)?;
    let numbers = heap.root::<ShmVec<u64>>("numbers")?;
    let sum = kernels.vec_sum(&Stream::new(&device)?, there, numbers)?.value;

    let (memory, layout) = (DeviceMemory::new(&device)?, Layout::new::<u64>());
    let block = memory.allocate(layout)?;
    let handle = ipc::get(&device, block, layout.size())?;
    ipc::open(&device, &handle)?.write(0, &[sum])?;
    heap.root_or_create("sum", |_| Ok(handle))?;
    have_other(&name, "read")?;

    // SAFETY: nobody uses it any more.
    unsafe { memory.free(block, layout) };
    SharedHeap::unlink(&name)?;
    Ok(())
}
