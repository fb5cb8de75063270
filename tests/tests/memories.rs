//! Objects in a memory that several processes share.

use anymem::SharedHeap;
use anymem::memory::{HeapAddress, HeapMemory, MemRead, MemSlice, MemWrite};
use anymem::offset::Offset;
use anymem_core::allocator::Allocator;
use anymem_tests::{Name, Peer, listen, role, tell};

type Memory = HeapMemory<SharedHeap>;

/// What another process has to know of an object.
fn written(object: MemSlice<u64, &Memory>) -> String {
    let (_, address, len) = object.into_raw();
    format!("{} {len}", address.offset().get())
}

/// The object of which another process has written.
fn read<'m>(words: &str, memory: &'m Memory) -> MemSlice<u64, &'m Memory> {
    let mut words = words.split(' ').map(|word| word.parse().expect("a number"));
    let mut next = || words.next().expect("two numbers");
    let (at, len) = (HeapAddress::new(Offset::new(next())), next());
    // SAFETY: the other process has taken it apart, and told nobody else.
    unsafe { MemSlice::from_raw(memory, at, len) }
}

/// Takes an object, and gives another one back whose elements are twice as large.
#[test]
fn peer() {
    let Some(words) = role() else { return };
    let memory = HeapMemory::new(SharedHeap::open(&words[0]).expect("there"));
    let object = read(&listen(), &memory);
    let (mut double, _) = object.to_memory(&memory).expect("room");
    double.update_each(|_, element| *element *= 2).expect("the processor's memory");
    drop(object);
    tell(&written(double));
}

#[test]
fn an_object_goes_from_one_process_to_another_and_back() {
    let name = Name::new();
    let memory = HeapMemory::new(SharedHeap::create(&name, 8 << 20).expect("room"));
    let before = memory.heap().stats().live_blocks;
    let elements: Vec<u64> = (0..1000).collect();

    let mut peer = Peer::start(&[&name]);
    peer.say(&written(MemSlice::from_slice(&elements, &memory).expect("room")));
    let double = read(&peer.hear(), &memory);
    peer.finish();
    let expected: Vec<u64> = elements.iter().map(|element| element * 2).collect();
    assert_eq!(double.as_slice(), expected);
    assert_eq!(memory.heap().stats().live_blocks, before + 1);
    drop(double);
    assert_eq!(memory.heap().stats().live_blocks, before);
}
