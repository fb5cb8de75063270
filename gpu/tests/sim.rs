//! The software device behind the trait of drivers.

use std::ptr::NonNull;

use anymem_gpu::GpuError;
use anymem_gpu::driver::{Direction, Driver, SimDriver, StreamId};
use anymem_gpu_sim::{Call, Completion, Options, SimError};

fn driver(options: Options) -> std::sync::Arc<SimDriver> {
    SimDriver::new(options).expect("made")
}

fn small() -> Options {
    Options { memory: 1 << 20, granularity: 64 << 10, ..Options::default() }
}

/// Reads bytes of a device, at once.
fn read(driver: &dyn Driver, at: u64, bytes: usize) -> Vec<u8> {
    let mut read = vec![0; bytes];
    let to = read.as_mut_ptr().expose_provenance() as u64;
    // SAFETY: the vector is there until the copy is done, which is when it returns.
    unsafe { driver.copy(0, None, to, at, bytes, Direction::ToHost) }.expect("copied");
    read
}

#[test]
fn bytes_go_there_and_back() {
    let driver = driver(small());
    let block = driver.allocate(0, 100).expect("room");
    let there = b"some bytes";
    let from = there.as_ptr().expose_provenance() as u64;
    // SAFETY: the bytes are there, and the block is as long.
    unsafe {
        driver.fill(0, None, block, 7, 100).expect("filled");
        driver.copy(0, None, block + 3, from, 10, Direction::ToDevice).expect("copied");
    }
    assert_eq!(read(&*driver, block, 13), b"\x07\x07\x07some bytes");
    // SAFETY: nobody uses it.
    unsafe { driver.free(0, block) }.expect("freed");
}

#[test]
fn errors_say_what_is_wrong() {
    let driver = driver(small());
    let asked = 2 << 20;
    let full = GpuError::OutOfMemory { asked, free: 1 << 20, total: 1 << 20, held: 0 };
    assert_eq!(driver.allocate(0, asked), Err(full));
    assert_eq!(driver.allocate(3, 1), Err(GpuError::WrongDevice { asked: 3, found: 1 }));
    let wrong = GpuError::WrongAddress { device: 0, address: 64 };
    // SAFETY: it is refused.
    assert_eq!(unsafe { driver.free(0, 64) }, Err(wrong));
    driver.machine().fail(Call::Allocate, 1, 1, SimError::Unsupported { what: "luck" });
    assert!(driver.allocate(0, 1).is_ok());
    let unlucky = GpuError::Unsupported { device: 0, what: "luck" };
    assert_eq!(driver.allocate(0, 1), Err(unlucky));
    assert!(driver.allocate(0, 1).is_ok());
    assert_eq!(driver.machine().calls(Call::Allocate), 4);
}

#[test]
fn registered_memory_is_copied_when_its_turn_has_come() {
    let options = Options { completion: Completion::ByHand, same_address: false, ..small() };
    let driver = driver(options);
    let mut page = vec![1_u8; 8192];
    let host = NonNull::new(page.as_mut_ptr()).expect("not null");
    let block = driver.allocate(0, 8).expect("room");
    let stream = driver.create_stream(0).expect("made");
    let event = driver.create_event(0).expect("made");
    // SAFETY: the vector outlives its registration.
    unsafe {
        let there = driver.register(0, host, 8192, false).expect("registered");
        assert_ne!(there, host.as_ptr() as u64);
        driver.copy(0, Some(stream), block, there, 8, Direction::Within).expect("asked");
        driver.record(0, event, stream).expect("recorded");
        host.as_ptr().write(9);
        assert!(!driver.has_happened(0, event).expect("known"));
        driver.synchronize(0, stream).expect("done");
        assert!(driver.has_happened(0, event).expect("known"));
        assert_eq!(read(&*driver, block, 2), [9, 1]);
        driver.unregister(0, host).expect("registered");
    }
    assert_eq!(driver.synchronize(0, StreamId::default()), Ok(()));
}
