//! Bytes between any two memories: which way they go, that they arrive, and that nothing
//! else changes.

use core::alloc::Layout;

use anymem_core::memory::{
    Address, ArrayMemory, HostAddressable, Memory, MemoryError, Place, Route, SimMemory, TEMPORARY,
    post_transfer, transfer,
};
use proptest::prelude::*;

/// A block of a memory with a margin on both sides that nothing may touch.
struct Fenced<'m, M: Memory> {
    memory: &'m M,
    address: M::Address,
    layout: Layout,
}

const MARGIN: usize = 32;
const FENCE: u8 = 0xA5;

impl<'m, M: Memory> Fenced<'m, M> {
    fn new(memory: &'m M, bytes: &[u8]) -> Self {
        let layout = Layout::from_size_align(bytes.len() + 2 * MARGIN, 1).unwrap();
        let address = memory.allocate(layout).unwrap();
        // SAFETY: the block is new and of that size.
        unsafe { memory.fill(address, FENCE, layout.size()).unwrap() };
        // SAFETY: as above.
        unsafe { memory.copy_to(address.byte_add(MARGIN), bytes.as_ptr(), bytes.len()).unwrap() };
        Self { memory, address, layout }
    }

    fn place(&self) -> Place<'_> {
        let len = self.layout.size() - 2 * MARGIN;
        Place::new(self.memory, self.address.byte_add(MARGIN), len)
    }

    /// What is between the margins, which are as they were.
    fn contents(&self) -> Vec<u8> {
        let mut all = vec![0; self.layout.size()];
        // SAFETY: the block is of that size.
        unsafe { self.memory.copy_from(all.as_mut_ptr(), self.address, all.len()).unwrap() };
        let (before, rest) = all.split_at(MARGIN);
        let (middle, after) = rest.split_at(rest.len() - MARGIN);
        assert!(before.iter().chain(after).all(|&byte| byte == FENCE), "a margin was written");
        middle.to_vec()
    }
}

impl<M: Memory> Drop for Fenced<'_, M> {
    fn drop(&mut self) {
        // SAFETY: allocated so by `new`.
        unsafe { self.memory.free(self.address, self.layout) };
    }
}

const ROOM: usize = 1 << 16;

fn sim<H: HostAddressable>(host: H, instance: u64) -> SimMemory<H> {
    SimMemory::new(host, ROOM, instance).unwrap()
}

fn numbers(len: usize, first: usize) -> Vec<u8> {
    (first..first + len).map(|i| (i * 7 % 251) as u8).collect()
}

/// Copies `len` bytes of one memory to another, and checks all that there is to check.
fn check(to: &impl Memory, from: &impl Memory, len: usize, posted: bool) -> Route {
    let (old, new) = (numbers(len + 3, 1), numbers(len + 3, 100));
    let (target, source) = (Fenced::new(to, &old), Fenced::new(from, &new));
    let way = if posted { post_transfer } else { transfer };
    // SAFETY: both are blocks of that size, and nobody else uses them.
    let route = unsafe { way(target.place(), source.place(), len) }.unwrap();
    from.flush().unwrap();
    to.flush().unwrap();
    assert_eq!(target.contents(), [&new[..len], &old[len..]].concat());
    assert_eq!(source.contents(), new);
    route
}

fn lengths() -> impl Strategy<Value = usize> {
    let near = [0, 1, TEMPORARY - 1, TEMPORARY, TEMPORARY + 1, 2 * TEMPORARY + 13];
    prop_oneof![prop::sample::select(near.to_vec()), 0_usize..3 * TEMPORARY]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bytes_arrive_whichever_way(len in lengths(), posted: bool) {
        let mut array = vec![0; 8 * ROOM];
        let host = ArrayMemory::new(&mut array);
        let (one, two) = (sim(&host, 1), sim(&host, 2));
        let (three, four) = (sim(&host, 3).with_peers(), sim(&host, 4).with_peers());
        prop_assert_eq!(check(&host, &host, len, posted), Route::Host);
        prop_assert_eq!(check(&one, &host, len, posted), Route::To);
        prop_assert_eq!(check(&host, &one, len, posted), Route::From);
        prop_assert_eq!(check(&one, &two, len, posted), Route::Temporary);
        prop_assert_eq!(check(&one, &one, len, posted), Route::Temporary);
        prop_assert_eq!(check(&three, &four, len, posted), Route::Peer);
        prop_assert_eq!(check(&three, &three, len, posted), Route::Peer);
        // The way of the destination counts.
        prop_assert_eq!(check(&one, &three, len, posted), Route::Temporary);
        prop_assert_eq!(check(&three, &one, len, posted), Route::Peer);
    }

    /// A copy that fails is an error, and writes nothing but its destination.
    #[test]
    fn a_failing_copy_stays_within_its_bytes(
        len in lengths(),
        nth in 1_u64..8,
        posted: bool,
        peers: bool,
    ) {
        let mut array = vec![0; 8 * ROOM];
        let host = ArrayMemory::new(&mut array);
        let peer = |memory: SimMemory<_>| if peers { memory.with_peers() } else { memory };
        let (one, two) = (peer(sim(&host, 1)), peer(sim(&host, 2)));
        let way = if posted { post_transfer } else { transfer };
        let (old, new) = (numbers(len, 1), numbers(len, 100));
        let (target, source) = (Fenced::new(&two, &old), Fenced::new(&one, &new));
        let before = two.counts().copies() + one.counts().copies();
        two.fail_at(nth);
        // SAFETY: both are blocks of that size, and nobody else uses them.
        let result = unsafe { way(target.place(), source.place(), len) };
        two.heal();
        let copies = two.counts().copies() + one.counts().copies() - before;
        prop_assert_eq!(source.contents(), new.clone());
        match result {
            Ok(_) => prop_assert_eq!(target.contents(), new),
            Err(error) => {
                prop_assert_eq!(error, MemoryError::Backend { code: -1 });
                prop_assert_eq!(target.contents().len(), len);
                prop_assert!(copies <= 2 * nth, "went on after it had failed");
            }
        }
    }

    #[test]
    fn overlapping_bytes_arrive_or_are_refused(start in 0_usize..300, by in 0_usize..300) {
        let mut array = vec![0; 4 * ROOM];
        let host = ArrayMemory::new(&mut array);
        let all = numbers(600, 5);
        let mut moved = all.clone();
        moved.copy_within(start..start + 200, by);
        let check = |memory: &dyn Fn() -> (Vec<u8>, Result<Route, MemoryError>), refuses: bool| {
            let (contents, result) = memory();
            if refuses && start.abs_diff(by) < 200 {
                assert_eq!((contents, result), (all.clone(), Err(MemoryError::Overlap)));
            } else {
                assert_eq!((contents, result.is_ok()), (moved.clone(), true));
            }
        };
        let (plain, peer) = (sim(&host, 1), sim(&host, 2).with_peers());
        check(&|| shift(&host, &all, start, by), false);
        check(&|| shift(&plain, &all, start, by), true);
        check(&|| shift(&peer, &all, start, by), false);
    }
}

/// Copies 200 bytes within a block.
fn shift<M: Memory>(
    memory: &M,
    bytes: &[u8],
    start: usize,
    by: usize,
) -> (Vec<u8>, Result<Route, MemoryError>) {
    let block = Fenced::new(memory, bytes);
    let at = |offset| Place::new(memory, block.address.byte_add(MARGIN + offset), 200);
    // SAFETY: both are within the block, and nobody else uses it.
    let result = unsafe { transfer(at(by), at(start), 200) };
    (block.contents(), result)
}

#[test]
fn more_than_there_is_is_not_copied() {
    let mut array = vec![0; ROOM];
    let host = ArrayMemory::new(&mut array);
    let (three, four) = (Fenced::new(&host, &[1; 3]), Fenced::new(&host, &[2; 4]));
    let out = Err(MemoryError::OutOfRange { start: 0, len: 4, of: 3 });
    // SAFETY: both are blocks, and nobody else uses them.
    unsafe {
        assert_eq!(transfer(three.place(), four.place(), 4), out);
        assert_eq!(transfer(four.place(), three.place(), 4), out);
    }
    assert_eq!((three.contents(), four.contents()), (vec![1; 3], vec![2; 4]));
}

/// What is posted is not done before it has to be, and a failure is told by the flush.
#[test]
fn what_is_posted_is_done_when_it_is_flushed() {
    let mut array = vec![0; 2 * ROOM];
    let host = ArrayMemory::new(&mut array);
    let device = sim(&host, 1);
    let (there, here) = (Fenced::new(&device, &[0; 100]), Fenced::new(&host, &[1; 100]));
    let post = || {
        // SAFETY: both are blocks of that size, and nobody else uses them.
        unsafe { post_transfer(there.place(), here.place(), 100) }.unwrap()
    };
    assert_eq!(post(), Route::To);
    assert_eq!(there.contents(), [0; 100]);
    device.flush().unwrap();
    assert_eq!(there.contents(), [1; 100]);

    (0..200).for_each(|_| _ = post());
    device.fail_at(3);
    assert!(matches!(device.flush(), Err(MemoryError::Backend { .. })));
    assert_eq!(device.flush(), Ok(()));
}

/// A simulated device sees what is beyond a block, or in none.
#[test]
fn a_device_refuses_what_is_not_in_one_block() {
    let mut array = vec![0; 2 * ROOM];
    let host = ArrayMemory::new(&mut array);
    let device = sim(&host, 1);
    let layout = Layout::from_size_align(32, 1).unwrap();
    let (first, second) = (device.allocate(layout).unwrap(), device.allocate(layout).unwrap());
    let mut bytes = [0; 200];
    let mut read = |at, len| {
        // SAFETY: there is room for the bytes, and the device looks at the address.
        unsafe { device.copy_from(bytes.as_mut_ptr(), at, len) }
    };
    assert_eq!(read(first, 32), Ok(()));
    assert_eq!(read(first.byte_add(32), 0), Ok(()));
    assert_eq!(read(first, 33), Err(MemoryError::BadAddress));
    assert_eq!(read(first, 100), Err(MemoryError::BadAddress));
    assert_eq!(read(second.byte_add(16), 17), Err(MemoryError::BadAddress));
    assert_eq!(read(Address::NULL, 1), Err(MemoryError::BadAddress));
    // SAFETY: they were allocated so, and are not used any more.
    unsafe { device.free(first, layout) };
    assert_eq!(read(first, 1), Err(MemoryError::BadAddress));
    // SAFETY: as above.
    unsafe { device.free(second, layout) };
}

/// Threads that copy on two devices in opposite directions, by posts and directly, end, and
/// find what they wrote.
#[test]
fn threads_share_devices() {
    let mut array = vec![0; 4 * ROOM];
    let host = ArrayMemory::new(&mut array);
    let (one, two) = (sim(&host, 1).with_peers(), sim(&host, 2).with_peers());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (one, two, host) = (&one, &two, &host);
            scope.spawn(move || {
                for len in 0..100 {
                    let (here, there) = if thread % 2 == 0 { (one, two) } else { (two, one) };
                    assert_eq!(check(there, here, len, false), Route::Peer);
                    assert_eq!(check(here, host, len, true), Route::To);
                    assert_eq!(check(host, here, len, true), Route::From);
                }
            });
        }
    });
    assert_eq!((one.counts().live, two.counts().live), (0, 0));
}
