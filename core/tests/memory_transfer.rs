//! Bytes between any two memories: which way they go, that they arrive, and that nothing
//! else changes.

use core::alloc::Layout;

use anymem_core::memory::{
    Address, ArrayMemory, HostAddressable, Memory, Place, Route, SimMemory, TEMPORARY,
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
}
