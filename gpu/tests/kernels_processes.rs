//! Several processes and a device in one heap: one builds values, another one launches kernels,
//! a third one reads what they push.

mod common;

use std::collections::HashSet;
use std::time::Duration;

use anymem::container::{PopError, ShmList, ShmMpsc, ShmSafe, ShmVec};
use anymem::{HeapOptions, SharedHeap, Size};
use anymem_gpu::kernels::{Arena, Chain, HeapOnDevice, Kernels, Push};
use anymem_gpu::{GpuError, RegisteredHeap, Stream};
use anymem_tests::{Name, Peer, listen, role, tell};

const COUNT: u64 = 20_000;

/// What the processes of a test share.
#[derive(ShmSafe)]
#[repr(C)]
struct Table {
    numbers: ShmVec<u64>,
    list: ShmList<u64>,
    ring: ShmMpsc<u64>,
    arena: Arena,
    chain: Chain,
}

impl Table {
    fn new_in(heap: &SharedHeap) -> Result<Self, anymem::container::ContainerError> {
        let numbers: Vec<u64> = (0..COUNT).collect();
        Ok(Self {
            numbers: ShmVec::from_slice_in(&numbers, heap)?,
            list: ShmList::from_iter_in(1..=100, heap)?,
            ring: ShmMpsc::new_in(256, heap)?,
            arena: Arena::new_in(16 * COUNT as usize, heap)?,
            chain: Chain::new(),
        })
    }
}

fn options() -> HeapOptions {
    HeapOptions::new().resident(true)
}

/// A process that has a device, and does what it is told with the heap of that name.
fn launcher(name: &str) -> Peer {
    Peer::start(&["launch", name])
}

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let [part, name] = &words[..] else { panic!("no such role: {words:?}") };
    let heap = options().open(name).expect("there");
    match part.as_str() {
        "launch" => launch(heap),
        "read" => read(heap.root::<Table>("table").expect("bound")),
        _ => panic!("no such role: {part}"),
    }
}

/// Does what the others say, with kernels.
fn launch(heap: SharedHeap) {
    let device = common::device();
    let heap = RegisteredHeap::new(heap, [&device]).expect("registered");
    let table = heap.root::<Table>("table").expect("bound");
    let kernels = Kernels::load(&device).expect("loaded");
    let (stream, there) = (Stream::new(&device).expect("one"), HeapOnDevice::new(&heap, &device));
    let there = there.expect("registered");
    tell("ready");
    loop {
        let done = match listen().as_str() {
            "sum" => kernels.list_sum(&stream, there, &table.list).map(|sum| sum.value),
            "build" => {
                let to = (&table.chain, &table.arena);
                kernels.chain_build(&stream, there, to, &table.numbers)
            }
            "push" => kernels.ring_push(&stream, there, &table.ring, &table.numbers, how(&device)),
            _ => return,
        };
        match done {
            Ok(done) => tell(&done.to_string()),
            Err(error) => panic!("{error}"),
        }
    }
}

/// How to push on a device: as its atomics allow.
fn how(device: &anymem_gpu::Device) -> Push {
    let shares = device.attributes().expect("known").host_atomics;
    if shares { Push::ANYBODY } else { Push::DEVICE_ONLY }
}

/// Pops all numbers, and says how many, and their sum.
fn read(table: &Table) {
    let mut consumer = table.ring.consumer().expect("nobody's");
    tell("ready");
    let mut found = HashSet::new();
    while found.len() < COUNT as usize {
        assert!(found.insert(consumer.pop_timeout(Duration::from_secs(60)).expect("it comes")));
    }
    tell(&found.iter().sum::<u64>().to_string());
}

/// Whether this process's device runs kernels; says so if not.
fn has_kernels() -> bool {
    match Kernels::load(&common::device()) {
        Err(GpuError::Unsupported { what, .. }) => {
            common::without(what);
            false
        }
        loaded => loaded.map(drop).is_ok(),
    }
}

/// A heap of that name with a table.
fn heap(name: &Name) -> SharedHeap {
    let heap = options().create(name, Size::mib(4)).expect("room");
    heap.root_or_create("table", Table::new_in).expect("room");
    heap
}

#[test]
fn on_all_drivers() {
    if role().is_none() {
        common::everywhere();
    }
}

#[test]
fn a_kernel_reads_and_builds_for_other_processes() {
    if !has_kernels() {
        return;
    }
    let name = Name::new();
    let heap = heap(&name);
    let table = heap.root::<Table>("table").expect("bound");
    let mut peer = launcher(&name);
    assert_eq!(peer.hear(), "ready");
    peer.say("sum");
    assert_eq!(peer.hear(), "5050");
    peer.say("build");
    assert_eq!(peer.hear(), COUNT.to_string());
    let found: HashSet<u64> = table.chain.iter(&table.arena).map(|it| it.expect("whole")).collect();
    assert_eq!(found, (0..COUNT).collect());
    peer.say("end");
    peer.finish();
}

#[test]
fn a_process_reads_the_queue_while_a_kernel_of_another_one_pushes() {
    if !has_kernels() {
        return;
    }
    let name = Name::new();
    let heap = heap(&name);
    let mut reader = Peer::start(&["read", &name]);
    assert_eq!(reader.hear(), "ready");
    let mut pusher = launcher(&name);
    assert_eq!(pusher.hear(), "ready");
    pusher.say("push");
    assert_eq!(pusher.hear(), COUNT.to_string());
    assert_eq!(reader.hear(), (COUNT * (COUNT - 1) / 2).to_string());
    pusher.say("end");
    pusher.finish();
    reader.finish();
    assert_eq!(heap.check(), Ok(()));
}

#[test]
fn what_a_killed_process_claimed_by_a_kernel_is_passed_over() {
    if !has_kernels() {
        return;
    }
    let name = Name::new();
    let heap = heap(&name);
    let table = heap.root::<Table>("table").expect("bound");
    for kill_after in [1, 100, 300, 1000, 5000] {
        let mut pusher = launcher(&name);
        assert_eq!(pusher.hear(), "ready");
        pusher.say("push");
        let mut consumer = table.ring.consumer().expect("nobody's");
        let mut found = HashSet::new();
        let mut pop = |most| -> Result<u64, PopError> {
            let value = consumer.pop_timeout(most)?;
            assert!(value < COUNT && found.insert(value), "{value} came twice, or is none");
            Ok(value)
        };
        for _ in 0..kill_after {
            pop(Duration::from_secs(60)).expect("it comes");
        }
        pusher.kill();
        // What it put in before comes out; then nobody waits for what it claimed.
        while pop(Duration::from_millis(100)).is_ok() {}
        for value in 0..1000 {
            table.ring.try_push(COUNT + value).expect("room");
            assert_eq!(consumer.pop_timeout(Duration::from_secs(10)), Ok(COUNT + value));
        }
    }
    assert_eq!(heap.check(), Ok(()));
}
