//! The text that devices are given, and what has to be so for its numbers to be right.

use anymem_core::container::words::{ListWords, RingWords, SlotWords, VecWords};
use anymem_core::container::{ShmList, ShmMpsc, ShmVec};

use super::{Arena, Chain};

/// The kernels, as PTX text.
pub const TEXT: &str = concat!(
    include_str!("heap.ptx"),
    include_str!("thread.ptx"),
    include_str!("vec.ptx"),
    include_str!("list.ptx"),
    include_str!("chain.ptx"),
    include_str!("ring.ptx"),
    "\0",
);

const _: () = {
    let VecWords { bytes, at, capacity, len } = ShmVec::<u64>::WORDS;
    assert!(bytes == 48 && at == 8 && capacity == 16 && len == 24);
};

const _: () = {
    let ListWords { bytes, head, len, changing, next, value, node_bytes } = ShmList::<u64>::WORDS;
    assert!(bytes == 32 && head == 8 && len == 24 && changing == 1 << 63);
    assert!(next == 0 && value == 16 && node_bytes == 24);
};

const _: () = {
    let RingWords { bytes, at, log, tail, signal, closed, slots, .. } = ShmMpsc::<u64>::WORDS;
    assert!(bytes == 24 && at == 8 && log == 16);
    assert!(tail == 0 && signal == 8 && closed == 256 && slots == 1408);
    let RingWords { state, value, slot_bytes, given, states, .. } = ShmMpsc::<u64>::WORDS;
    assert!(state == 0 && value == 8 && slot_bytes == 16 && given == 2);
    let SlotWords { holds, nothing, writing, value, reading, end, seat_bit, lap_bit } = states;
    assert!(nothing == 0 && writing == 1 && value == 2 && reading == 3 && end == 4);
    assert!(holds == 7 && seat_bit == 3 && lap_bit == 10);
};

const _: () = {
    assert!(size_of::<Arena>() == 56 && Arena::USED == 48);
    assert!(size_of::<Chain>() == 8);
};
