//! Locks whose words name a living process: by damage, or for it was stopped just
//! then. Who needs one is told in the end who keeps it.
#![cfg(feature = "containers")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anymem_core::allocator::Allocator;
use anymem_core::container::message::{MessageError, Overflow, ShmByteRing, ShmQueue, ShmTopic};
use anymem_core::container::{BarrierError, ContainerError, ShmBarrier};
use anymem_core::offset::{AllocatorId, Offset};
use anymem_core::thread::Owner;
use common::bare::bare_heap;

const MOMENT: Duration = Duration::from_millis(2);

/// What is told of a lock that the living keep.
const KEPT: ContainerError = ContainerError::Busy(Some(Owner::BARE));

/// The word `index` of the block that a container names in its second field.
fn word_of<T>(container: &T, heap: &dyn Allocator, index: usize) -> &'static AtomicUsize {
    let fields = (&raw const *container).cast::<u8>();
    // SAFETY: an id, and an offset behind it, are the first fields of these types.
    let at = unsafe { fields.add(size_of::<AllocatorId>()).cast::<usize>().read() };
    let at = Offset::new(at + index * size_of::<usize>());
    let word = heap.resolve(at, size_of::<usize>()).expect("inside").cast();
    // SAFETY: inside the heap, which is never unmapped; a word of a lock.
    unsafe { word.as_ref() }
}

/// Lets the lock in `word` name a living process, meanwhile.
fn kept<R>(word: &AtomicUsize, meanwhile: impl FnOnce() -> R) -> R {
    assert_eq!(word.swap(Owner::BARE.to_word(), Ordering::Relaxed), 0, "free before");
    let done = meanwhile();
    assert_eq!(word.swap(0, Ordering::Relaxed), Owner::BARE.to_word(), "nobody took it");
    done
}

fn is_kept<T: Debug>(result: Result<T, MessageError>) {
    assert_eq!(result.map(drop), Err(MessageError::Heap(KEPT)));
}

#[test]
fn the_ends_of_a_queue() {
    let heap = bare_heap(AllocatorId::new(902, 1));
    let queue = ShmQueue::<u64>::new_in(heap).unwrap();
    queue.push(1).unwrap();
    // The tail, a count and the head are on lines of their own.
    kept(word_of(&queue, heap, 0), || {
        is_kept(queue.push(2));
        assert_eq!(queue.close(), Err(KEPT));
        assert_eq!(queue.try_pop(), Ok(1));
    });
    queue.push(3).unwrap();
    kept(word_of(&queue, heap, 2 * 128 / size_of::<usize>()), || {
        is_kept(queue.try_pop());
        is_kept(queue.pop());
        queue.push(4).unwrap();
    });
    assert_eq!([queue.pop(), queue.pop()], [Ok(3), Ok(4)]);
}

#[test]
fn the_writers_of_a_byte_ring() {
    let heap = bare_heap(AllocatorId::new(902, 2));
    let ring = ShmByteRing::new_in(256, heap).unwrap();
    ring.send(b"first").unwrap();
    kept(word_of(&ring, heap, 0), || {
        is_kept(ring.send(b"second"));
        is_kept(ring.try_reserve(3));
        is_kept(ring.close());
        assert_eq!(&*ring.read().unwrap(), b"first");
    });
    ring.send(b"third").unwrap();
    assert_eq!(&*ring.read().unwrap(), b"third");
}

#[test]
fn the_table_of_a_topic() {
    let heap = bare_heap(AllocatorId::new(902, 3));
    let topic = ShmTopic::<u64>::for_each_in(2, 0, heap).unwrap();
    let first = topic.join(2, Overflow::Block).unwrap();
    let letter = topic.loan().unwrap().write(7);
    topic.send(1).unwrap();
    let held = first.receive().unwrap();
    kept(word_of(&topic, heap, 0), || {
        is_kept(topic.join(2, Overflow::Block));
        is_kept(topic.loan());
        is_kept(topic.recover());
        is_kept(topic.close());
        is_kept(letter.publish());
        is_kept(first.receive());
        // It stays, for nobody can be told that it is not held any more.
        drop(held);
    });
    assert_eq!(topic.in_use(), Ok(1));
    topic.send(2).unwrap();
    assert_eq!(first.receive().map(|number| *number), Ok(2));
}

/// The lock is a part of the barrier itself, and its first word.
#[test]
fn the_lock_of_a_barrier() {
    let heap = bare_heap(AllocatorId::new(902, 4));
    let barrier = ShmBarrier::new_in(1, heap).unwrap();
    let is_kept = |error| assert_eq!(error, Some(BarrierError::Heap(KEPT)));
    // SAFETY: the lock's word.
    let word = unsafe { &*(&raw const barrier).cast::<AtomicUsize>() };
    let place = barrier.join().unwrap();
    kept_fair(word, || {
        is_kept(barrier.join().err());
        is_kept(place.wait_timeout(MOMENT).err());
        is_kept(place.wait().err());
        assert_eq!(barrier.repair(), Err(KEPT));
    });
    assert!(place.wait().unwrap().is_leader());
}

/// As [`kept`], for a lock whose word tells also that somebody waited.
fn kept_fair(word: &AtomicUsize, meanwhile: impl FnOnce()) {
    word.store(Owner::BARE.to_word(), Ordering::Relaxed);
    meanwhile();
    assert_eq!(Owner::from_word(word.swap(0, Ordering::Relaxed)), Owner::BARE);
}
