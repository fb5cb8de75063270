//! Registered memory of the processor.

mod common;

use std::ptr::NonNull;
use std::sync::Arc;

use anymem_gpu_sim::{Machine, Options, Owner, SimError};
use common::read;

const PAGE: usize = 4096;

fn machine(same_address: bool) -> Arc<Machine> {
    Machine::new(Options { memory: 1 << 20, same_address, ..Options::default() }).expect("made")
}

/// Pages of the processor's, which may be read, and written or not.
struct Pages {
    start: NonNull<u8>,
    bytes: usize,
}

impl Pages {
    fn new(count: usize, writable: bool) -> Self {
        let write = if writable { libc::PROT_WRITE } else { 0 };
        let (protection, flags) =
            (libc::PROT_READ | write, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let bytes = count * PAGE;
        // SAFETY: the kernel chooses the place.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED);
        Self { start: NonNull::new(start.cast()).expect("not null"), bytes }
    }

    fn at(&self, byte: usize) -> NonNull<u8> {
        assert!(byte < self.bytes);
        // SAFETY: it is within.
        unsafe { self.start.add(byte) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: they are this one's own.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

#[test]
fn the_device_uses_it_at_its_own_address() {
    for same_address in [true, false] {
        let machine = machine(same_address);
        let device = machine.device(0).expect("there");
        let pages = Pages::new(3, true);
        // SAFETY: the pages are there until the end.
        let address = unsafe { device.register(pages.at(5), 2 * PAGE, false) }.expect("registered");
        let host = pages.at(5).as_ptr() as u64;
        assert_eq!(address == host, same_address);
        assert_eq!(device.device_address(pages.at(100)), Ok(address + 95));
        device.fill(None, address + 10, 7, 3).expect("filled");
        // SAFETY: it was filled, and nothing goes on there.
        assert_eq!(unsafe { pages.at(17).read() }, 7);
        assert_eq!(read(device, address + 9, 5), [0, 7, 7, 7, 0]);
        let about = machine.about(host + 10).expect("known");
        assert_eq!((about.owner, about.start, about.bytes), (Owner::Host, address, 2 * PAGE));
        assert_eq!((about.address, about.host), (address + 10, Some(pages.at(5))));
        device.unregister(pages.at(5)).expect("registered");
        let gone = SimError::NotRegistered { address: host };
        assert_eq!(device.unregister(pages.at(5)), Err(gone.clone()));
        assert_eq!(device.device_address(pages.at(5)), Err(gone));
        assert_eq!(machine.about(host), None);
    }
}

#[test]
fn pages_are_registered_once() {
    let machine = machine(false);
    let device = machine.device(0).expect("there");
    let pages = Pages::new(4, true);
    // SAFETY: the pages are there until the end.
    let register = |byte, bytes| unsafe { device.register(pages.at(byte), bytes, false) };
    register(PAGE, PAGE).expect("registered");
    let again = |byte| Err(SimError::AlreadyRegistered { address: pages.at(byte).as_ptr() as u64 });
    assert_eq!(register(0, 4 * PAGE), again(0));
    assert_eq!(register(PAGE, 1), again(PAGE));
    assert_eq!(register(2 * PAGE - 1, 1), again(2 * PAGE - 1), "a page is registered as a whole");
    register(0, PAGE).expect("the page before");
    register(2 * PAGE + 1, PAGE).expect("the pages after");
    let pinned = device.allocate_pinned(PAGE).expect("room");
    let address = pinned.as_ptr() as u64;
    // SAFETY: the block is there until the end.
    let pinned = unsafe { device.register(pinned, PAGE, false) };
    assert_eq!(pinned, Err(SimError::AlreadyRegistered { address }));
}

#[test]
fn what_cannot_be_written_is_registered_for_reading() {
    let machine = machine(true);
    let device = machine.device(0).expect("there");
    let pages = Pages::new(2, false);
    // SAFETY: the pages are there until the end.
    let register = |read_only| unsafe { device.register(pages.at(0), 2 * PAGE, read_only) };
    let access = "access to the memory";
    assert_eq!(register(false), Err(SimError::Invalid { what: access }));
    let address = register(true).expect("registered");
    assert_eq!(read(device, address, 2), [0, 0]);
    assert_eq!(device.fill(None, address, 1, 1), Err(SimError::WrongAddress { address }));
    // SAFETY: it is refused.
    let nowhere = unsafe { device.register(NonNull::dangling(), PAGE, true) };
    assert_eq!(nowhere, Err(SimError::Invalid { what: access }));
    // SAFETY: it is refused.
    let nothing = unsafe { device.register(pages.at(0), 0, true) };
    assert_eq!(nothing, Err(SimError::Invalid { what: "size" }));
}
