//! What drivers promise of memory, on each driver that there is.

mod common;

use std::ptr::NonNull;

use anymem_gpu::driver::Direction;
use anymem_gpu::{Device, GpuError};
use common::{device, read, without, word, write};

#[test]
fn on_all_drivers() {
    common::everywhere();
}

/// Bytes that are not what memory happens to hold.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 + at / 251) as u8).collect()
}

#[test]
fn a_device_tells_what_it_is() {
    let device = device();
    let attributes = device.attributes().expect("known").clone();
    assert!(!attributes.name.is_empty());
    let (free, total) = device.free_and_total().expect("known");
    assert!(free <= total && total <= attributes.total, "{free} of {total}, {attributes:?}");
    assert!(attributes.map_granularity.is_none_or(usize::is_power_of_two), "{attributes:?}");
    assert!(device.driver().version().expect("known") > 0);
    assert_eq!(device, Device::open(device.kind(), 0).expect("again"));
    assert!(Device::all().contains(&device));
}

#[test]
fn there_are_as_many_devices_as_it_says() {
    let device = device();
    let found = device.driver().devices().expect("known");
    let wrong = |asked| GpuError::WrongDevice { asked, found };
    for asked in [found, found + 7, u32::MAX] {
        assert_eq!(Device::open(device.kind(), asked), Err(wrong(asked)));
        assert_eq!(device.driver().allocate(asked, 64), Err(wrong(asked)));
        assert_eq!(device.driver().free_and_total(asked), Err(wrong(asked)));
    }
}

#[test]
fn bytes_go_there_and_back() {
    let device = device();
    let (driver, bytes) = (device.driver(), pattern(100_000));
    let block = driver.allocate(0, bytes.len()).expect("room");
    write(&device, block, &bytes);
    assert_eq!(read(&device, block, bytes.len()), bytes);
    assert_eq!(read(&device, block + 77, 1000), bytes[77..1077]);
    // SAFETY: all within the block.
    unsafe {
        driver.fill(0, None, block + 10, 0xA5, 90).expect("filled");
        driver.copy(0, None, block, block + 50_000, 10, Direction::Within).expect("copied");
    }
    let mut expected = bytes.clone();
    expected[10..100].fill(0xA5);
    expected.copy_within(50_000..50_010, 0);
    assert_eq!(read(&device, block, bytes.len()), expected);
    // SAFETY: nobody uses it.
    unsafe { driver.free(0, block) }.expect("freed");
}

#[test]
fn an_address_leads_to_its_block() {
    let device = device();
    let driver = device.driver();
    let block = driver.allocate(0, 1 << 20).expect("room");
    for at in [block, block + 1, block + (1 << 20) - 1] {
        let (base, bytes) = driver.base_of(0, at).expect("known");
        assert!(base <= block && base + bytes as u64 >= block + (1 << 20), "{base:#x} {bytes}");
    }
    let nowhere = GpuError::WrongAddress { device: 0, address: 16 };
    assert_eq!(driver.base_of(0, 16), Err(nowhere));
    // SAFETY: nobody uses it.
    unsafe { driver.free(0, block) }.expect("freed");
}

#[test]
fn pinned_and_managed_memory_is_the_processors_too() {
    let device = device();
    let (driver, bytes) = (device.driver(), pattern(5000));
    let pinned = driver.allocate_pinned(0, bytes.len()).expect("room");
    // SAFETY: the block has that many bytes.
    unsafe { pinned.as_ptr().copy_from(bytes.as_ptr(), bytes.len()) };
    assert_eq!(passed_through(&device, word(pinned.as_ptr()), bytes.len()), bytes);
    // SAFETY: nobody uses it.
    unsafe { driver.free_pinned(0, pinned) }.expect("freed");

    if !device.attributes().expect("known").managed {
        return without("managed memory");
    }
    let managed = driver.allocate_managed(0, bytes.len()).expect("room");
    let host = std::ptr::with_exposed_provenance_mut::<u8>(managed as usize);
    // SAFETY: the block has that many bytes, and the processor can use them.
    unsafe { host.copy_from(bytes.as_ptr(), bytes.len()) };
    assert_eq!(passed_through(&device, managed, bytes.len()), bytes);
    // SAFETY: nobody uses it.
    unsafe { driver.free(0, managed) }.expect("freed");
}

/// The processor's bytes at `from`, after they have been in the device's memory.
fn passed_through(device: &Device, from: u64, bytes: usize) -> Vec<u8> {
    let driver = device.driver();
    let block = driver.allocate(0, bytes).expect("room");
    // SAFETY: both sides have that many bytes.
    unsafe { driver.copy(0, None, block, from, bytes, Direction::ToDevice) }.expect("copied");
    let read = read(device, block, bytes);
    // SAFETY: nobody uses it.
    unsafe { driver.free(0, block) }.expect("freed");
    read
}

#[test]
fn registered_pages_are_read_and_written_by_the_device() {
    let device = device();
    if !device.attributes().expect("known").register {
        return without("registered memory");
    }
    let driver = device.driver();
    let pages = Pages::new(4 * 4096);
    // SAFETY: the pages are there until they are unregistered, and writable.
    let there = unsafe { driver.register(0, pages.at, pages.bytes, false) }.expect("registered");
    let block = driver.allocate(0, 100).expect("room");
    pages.write(4096, &pattern(100));
    // SAFETY: all of that is within the pages, and the block.
    unsafe {
        driver.copy(0, None, block, there + 4096, 100, Direction::Within).expect("copied");
        driver.copy(0, None, there + 8192, block, 100, Direction::Within).expect("copied");
    }
    assert_eq!(read(&device, block, 100), pattern(100));
    assert_eq!(pages.read(8192, 100), pattern(100));

    // SAFETY: it is refused.
    let twice = unsafe { driver.register(0, pages.at, pages.bytes, false) };
    assert!(matches!(twice, Err(GpuError::Driver { .. })), "{twice:?}");
    // SAFETY: the device uses it no more; the second is refused.
    unsafe {
        driver.unregister(0, pages.at).expect("was registered");
        driver.unregister(0, pages.at).expect_err("is no more");
        driver.free(0, block).expect("freed");
    }
}

#[test]
fn pages_that_are_only_read_are_registered_where_that_can_be() {
    let device = device();
    let attributes = device.attributes().expect("known");
    if !attributes.register {
        return without("registered memory");
    }
    let (driver, pages) = (device.driver(), Pages::new(4 * 4096));
    pages.write(4096, &pattern(100));
    // SAFETY: the pages are the test's, which writes them no more.
    let done = unsafe { libc::mprotect(pages.at.as_ptr().cast(), pages.bytes, libc::PROT_READ) };
    assert_eq!(done, 0, "the pages are read only");
    // SAFETY: the pages are there until they are unregistered.
    match unsafe { driver.register(0, pages.at, pages.bytes, true) } {
        Ok(there) => {
            assert!(attributes.register_read_only);
            assert_eq!(read(&device, there + 4096, 100), pattern(100));
            // SAFETY: the device uses it no more.
            unsafe { driver.unregister(0, pages.at) }.expect("was registered");
        }
        Err(error) => {
            assert!(!attributes.register_read_only, "{error}");
            assert!(matches!(error, GpuError::Unsupported { device: 0, .. }), "{error}");
            assert!(error.to_string().contains(&device.kind().to_string()), "{error}");
        }
    }
}

/// Pages of a shared mapping.
struct Pages {
    at: NonNull<u8>,
    bytes: usize,
}

impl Pages {
    fn new(bytes: usize) -> Self {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED);
        // SAFETY: new pages, wherever the kernel likes.
        let at = unsafe {
            libc::mmap(std::ptr::null_mut(), bytes, access, kind | libc::MAP_ANONYMOUS, -1, 0)
        };
        assert_ne!(at, libc::MAP_FAILED);
        Self { at: NonNull::new(at.cast()).expect("mapped"), bytes }
    }

    fn write(&self, at: usize, bytes: &[u8]) {
        assert!(at + bytes.len() <= self.bytes);
        // SAFETY: it is within the pages, and the device does nothing now.
        unsafe { self.at.as_ptr().add(at).copy_from(bytes.as_ptr(), bytes.len()) };
    }

    fn read(&self, at: usize, bytes: usize) -> Vec<u8> {
        assert!(at + bytes <= self.bytes);
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts(self.at.as_ptr().add(at), bytes) }.to_vec()
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: they were mapped so, and nobody uses them.
        unsafe { libc::munmap(self.at.as_ptr().cast(), self.bytes) };
    }
}

#[test]
fn a_device_without_room_says_how_much_it_has() {
    let device = device();
    let total = device.attributes().expect("known").total;
    let block = device.hold(4096, |driver, number| driver.allocate(number, 4096)).expect("room");
    assert!(device.held() >= 4096);
    let asked = 2 * total;
    match device.hold(asked, |driver, number| driver.allocate(number, asked)) {
        Err(GpuError::OutOfMemory { asked: told, free, total, held }) => {
            assert_eq!(told, asked);
            assert!(0 < free && free <= total && held >= 4096, "{free} of {total}, {held} held");
        }
        other => panic!("{other:?}"),
    }
    // SAFETY: nobody uses it.
    unsafe { device.driver().free(0, block) }.expect("freed");
    device.let_go(4096);
}

#[test]
fn reserved_addresses_hold_what_is_mapped_there() {
    let device = device();
    let Some(granule) = device.attributes().expect("known").map_granularity else {
        return without("virtual memory");
    };
    let driver = device.driver();
    let at = driver.reserve(0, 4 * granule).expect("addresses");
    let pages = [0, 1].map(|_| driver.create_physical(0, granule).expect("room"));
    let middle = at + granule as u64;
    // SAFETY: reserved, and nothing is mapped there; used where it is mapped.
    unsafe {
        driver.map(0, at, granule, pages[0]).expect("mapped");
        driver.map(0, middle, granule, pages[1]).expect("mapped");
        write(&device, middle - 50, &pattern(100));
        // The other way round.
        driver.unmap(0, at, granule).expect("was mapped");
        driver.unmap(0, middle, granule).expect("was mapped");
        driver.map(0, middle, granule, pages[0]).expect("mapped");
        assert_eq!(read(&device, middle + granule as u64 - 50, 50), pattern(100)[..50]);
    }
    imported(&device, granule, pages[1]);
    // SAFETY: nobody uses any of it.
    unsafe {
        driver.unmap(0, middle, granule).expect("was mapped");
        driver.release(0, at, 4 * granule).expect("was reserved");
        driver.destroy_physical(0, pages[0]).expect("was there");
        driver.destroy_physical(0, pages[1]).expect("was there");
    }
}

/// Pages by way of a descriptor, which hold the second half of the pattern.
fn imported(device: &Device, granule: usize, pages: anymem_gpu::driver::PhysicalId) {
    let driver = device.driver();
    let descriptor = match driver.export_physical(0, pages) {
        Err(GpuError::Unsupported { what, .. }) => return without(what),
        exported => exported.expect("exported"),
    };
    let same = driver.import_physical(0, descriptor).expect("imported");
    let at = driver.reserve(0, granule).expect("addresses");
    // SAFETY: as above.
    unsafe {
        driver.map(0, at, granule, same).expect("mapped");
        assert_eq!(read(device, at, 50), pattern(100)[50..]);
        driver.unmap(0, at, granule).expect("was mapped");
        driver.release(0, at, granule).expect("was reserved");
        driver.destroy_physical(0, same).expect("was there");
    }
}

#[test]
fn any_thread_may_call() {
    let device = device();
    std::thread::scope(|scope| {
        for byte in 0..8_u8 {
            let device = device.clone();
            scope.spawn(move || {
                for _ in 0..20 {
                    let block = device.driver().allocate(0, 1000).expect("room");
                    // SAFETY: the block is this thread's.
                    unsafe { device.driver().fill(0, None, block, byte, 1000) }.expect("filled");
                    assert_eq!(read(&device, block, 1000), [byte; 1000]);
                    // SAFETY: nobody uses it.
                    unsafe { device.driver().free(0, block) }.expect("freed");
                }
            });
        }
    });
}
