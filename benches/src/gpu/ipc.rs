//! Blocks of another process that are open already.

use core::{alloc::Layout, hint::black_box};
use std::{
    env,
    io::{self, BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Instant,
};

use anymem::{ipc::IpcHandle, memory::Memory};
use anymem_gpu::{Device, DeviceMemory, ipc};

use super::{
    blocks::Sample,
    target::{Kind, Target, said},
};

/// Bytes of the block.
const BYTES: usize = 1 << 20;

/// Prints a handle of a block, and keeps that until its input ends.
///
/// # Errors
///
/// There is no device, or it makes no handles.
pub fn produce(kind: Kind) -> Result<(), String> {
    let device = Target::find(kind)?.device;
    let memory = DeviceMemory::new(&device).map_err(said)?;
    let layout = Layout::new::<[u64; BYTES / 8]>();
    let block = memory.allocate(layout).map_err(said)?;
    let handle = ipc::get(&device, block, BYTES).map_err(said)?;
    let digits: String = handle.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{digits}");
    io::read_to_string(io::stdin()).map_err(said)?;
    // SAFETY: allocated above; who has it open keeps it.
    unsafe { memory.free(block, layout) };
    Ok(())
}

/// A sample of opening a block once more.
pub(super) fn cached(device: &Device, kind: Kind) -> Result<Sample<'static>, String> {
    let (producer, handle) = Producer::start(kind)?;
    let open = ipc::open(device, &handle).map_err(said)?;
    let device = device.clone();
    Ok(Box::new(move |operations| {
        black_box((&producer, &open));
        let start = Instant::now();
        for _ in 0..operations {
            black_box(ipc::open(&device, &handle).map_err(said)?);
        }
        Ok(start.elapsed().as_secs_f64() * 1e9 / operations as f64)
    }))
}

/// A process that has made a handle; it ends when this is dropped.
struct Producer(Child);

impl Producer {
    fn start(kind: Kind) -> Result<(Self, IpcHandle), String> {
        let mut command = Command::new(env::current_exe().map_err(said)?);
        command.arg("gpu-producer").args((kind == Kind::Sim).then_some("--sim"));
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(said)?;
        let told = child.stdout.take().ok_or("the output is piped")?;
        let producer = Self(child);
        let mut line = String::new();
        BufReader::new(told).read_line(&mut line).map_err(said)?;
        let digits = |at| line.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
        let bytes: Option<Vec<u8>> = (0..line.trim_end().len()).step_by(2).map(digits).collect();
        let bytes = bytes.ok_or_else(|| format!("{line:?} is no handle"))?;
        Ok((producer, IpcHandle::from_bytes(&bytes).map_err(said)?))
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // Whatever became of it is of no matter any more.
        let _ = self.0.wait();
    }
}
