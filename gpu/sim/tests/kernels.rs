//! Kernels over the memory of a device.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

use anymem_gpu_sim::{Completion, Grid, Machine, Options, Side, SimError, Trap};

/// Each thread doubles a number.
const DOUBLE: &[u8] = concat!(include_str!("double.ptx"), "\0").as_bytes();

fn machine(completion: Completion) -> Arc<Machine> {
    Machine::new(Options { memory: 1 << 20, completion, ..Options::default() }).expect("made")
}

/// Doubles so many numbers at an address.
fn double(machine: &Machine, at: u64, threads: u32) -> Result<(), SimError> {
    let device = machine.device(0)?;
    let module = device.load(DOUBLE)?;
    let function = device.function(module, "double")?;
    let arguments = [std::ptr::from_ref(&at).cast::<c_void>()];
    let grid = Grid::line(1, threads);
    // SAFETY: the argument is a word, and nobody else uses the numbers.
    unsafe { device.launch(function, grid, device.default_stream(), &arguments) }?;
    device.unload(module)?;
    device.synchronize_all()
}

#[test]
fn they_work_on_what_the_processor_cannot_touch() {
    for completion in [Completion::Eager, Completion::Lazy, Completion::Background] {
        let machine = machine(completion);
        let device = machine.device(0).expect("there");
        let block = device.allocate(16).expect("room");
        let mut numbers = [1_u32, 2, 3, 4];
        let host = Side::Host(NonNull::from(&mut numbers).cast());
        // SAFETY: the array is there until the copies are done, which is when they return.
        unsafe {
            device.copy(None, Side::Device(block), host, 16).expect("copied");
            double(&machine, block, 4).expect("doubled");
            device.copy(None, host, Side::Device(block), 16).expect("copied");
        }
        assert_eq!(numbers, [2, 4, 6, 8]);
    }
}

#[test]
fn one_thread_too_many_loses_the_device() {
    let machine = machine(Completion::Eager);
    let block = machine.device(0).expect("there").allocate(16).expect("room");
    let address = block + 16;
    let cause = Trap::IllegalAddress { address };
    let lost = SimError::Lost { device: 0, cause };
    assert_eq!(double(&machine, block, 5), Err(lost.clone()));
    assert_eq!(machine.device(0).expect("there").allocate(1), Err(lost));
}

#[test]
fn what_is_no_kernel_is_told() {
    let machine = machine(Completion::Eager);
    let device = machine.device(0).expect("there");
    assert!(matches!(device.load(b"sing"), Err(SimError::Code(_))));
    let module = device.load(DOUBLE).expect("understood");
    assert_eq!(device.function(module, "triple"), Err(SimError::NoSuchKernel));
    let double = device.function(module, "double").expect("there");
    let launch = |grid, arguments: &[*const c_void]| {
        // SAFETY: it is refused.
        unsafe { device.launch(double, grid, device.default_stream(), arguments) }
    };
    let wrong = |what| Err(SimError::Invalid { what });
    assert_eq!(launch(Grid::line(1, 1), &[]), wrong("number of arguments"));
    assert_eq!(launch(Grid::line(1, 1025), &[]), wrong("number of threads"));
    device.unload(module).expect("there");
    assert_eq!(device.parameters(double), Err(SimError::NoSuch { what: "kernel" }));
}
