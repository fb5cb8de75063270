//! Blocks of devices in other processes, and what becomes of them when either side ends.

mod common;

use std::alloc::Layout;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anymem::ipc::{Handover, IpcError, IpcHandle, StandIn, put, trim};
use anymem::memory::Memory;
use anymem::provider::Provider;
use anymem::{SharedHeap, Size};
use anymem_gpu::driver::{DriverKind, SimDriver};
use anymem_gpu::ipc::{self, OpenedBlock};
use anymem_gpu::pool::{DevicePool, DevicePoolOptions, DeviceProviderOptions, StreamPool};
use anymem_gpu::{Device, DeviceAddress, DeviceMemory, GpuError, Stream};
use anymem_gpu_sim::{Call, Machine, Options, SimError};
use anymem_tests::sharer::{from_word, to_word};
use anymem_tests::{Name, Peer, listen, role, tell};
use common::{device, read, without, write};

const LEN: usize = 1 << 20;

#[test]
fn on_all_drivers() {
    common::everywhere();
}

#[test]
fn peer() {
    let Some(words) = role() else { return };
    match words.first().map(String::as_str) {
        Some("open") => open(),
        Some("offer") => offer(),
        Some("luckless") => open_without_luck(),
        other => panic!("no such role: {other:?}"),
    }
}

/// Opens, reads, writes and closes blocks as it is told.
fn open() {
    let device = device();
    let mut open: Vec<OpenedBlock> = Vec::new();
    loop {
        let line = listen();
        let words: Vec<_> = line.split_whitespace().collect();
        tell(&match *words {
            [] => return,
            ["open", word] => match ipc::open(&device, &from_word(word)) {
                Ok(block) => {
                    open.push(block);
                    "open".into()
                }
                Err(error) => format!("{error:?}"),
            },
            ["close"] => format!("{:?}", open.pop().is_some()),
            ["trim"] => trim().to_string(),
            ["write", byte] => {
                let bytes = vec![byte.parse::<u8>().expect("a byte"); open[0].len()];
                format!("{:?}", open[0].write(0, &bytes))
            }
            ["read"] => sum(&open[0]).to_string(),
            ["is-striped"] => (bytes_of(&open[0]) == striped(open[0].len())).to_string(),
            ["lives"] => open[0].owner_lives().to_string(),
            ["fork"] => fork(&device, &open[0]),
            _ => panic!("{line}"),
        });
    }
}

/// What a child of the process can do with a block.
fn fork(device: &Device, block: &OpenedBlock) -> String {
    // SAFETY: the child calls what it is to be told of, and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let told =
            [block.read(0, &mut [0_u8; 1]).err(), ipc::get(device, block.address(), 1).err()];
        trim();
        let all = told.iter().all(|error| *error == Some(GpuError::Forked));
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(i32::from(!all)) };
    }
    let mut status = -1;
    // SAFETY: the status is writable.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    status.to_string()
}

/// Opens a block of chunks on devices that fail while they do, and on which it then goes well.
fn open_without_luck() {
    let handle = from_word(&listen());
    let faults = [(Call::Reserve, 0), (Call::ImportPhysical, 0), (Call::ImportPhysical, 2)];
    for (call, after) in faults.into_iter().chain([0, 2].map(|after| (Call::Map, after))) {
        let (driver, device) = fine();
        let machine = driver.machine();
        machine.fail(call, after, 1, SimError::Unsupported { what: "luck" });
        ipc::open(&device, &handle).expect_err("no luck");
        has_given_all_back(machine, call);
        let block = ipc::open(&device, &handle).expect("offered");
        assert!(bytes_of(&block) == striped(block.len()), "{call:?} {after}");
        drop(block);
        trim();
        has_given_all_back(machine, call);
    }
    tell("all well");
}

/// What was got of a machine was given back, but for one call of a kind that has failed.
fn has_given_all_back(machine: &Machine, failed: Call) {
    let pairs = [
        (Call::Reserve, Call::Release),
        (Call::ImportPhysical, Call::DestroyPhysical),
        (Call::Map, Call::Unmap),
    ];
    for (get, give) in pairs {
        let got = machine.calls(get) - u64::from(get == failed);
        assert_eq!(got, machine.calls(give), "{get:?}, where {failed:?} failed");
    }
}

/// Offers a block of sevens until it is told to end.
fn offer() {
    let device = device();
    let memory = DeviceMemory::new(&device).expect("made");
    let block = memory.allocate(layout(LEN)).expect("room");
    write(&device, block.number(), &[7; LEN]);
    tell(&to_word(&ipc::get(&device, block, LEN).expect("offered")));
    assert!(listen().is_empty());
}

fn layout(len: usize) -> Layout {
    Layout::from_size_align(len, 256).expect("in reason")
}

fn sum(block: &OpenedBlock) -> u64 {
    bytes_of(block).into_iter().map(u64::from).sum()
}

fn bytes_of(block: &OpenedBlock) -> Vec<u8> {
    let mut bytes = vec![0_u8; block.len()];
    block.read(0, &mut bytes).expect("readable");
    bytes
}

/// Bytes of which no part is like another.
fn striped(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at / 4096 * 7 + at % 251) as u8).collect()
}

/// The device, for one test at a time: what waits and what is kept open is the process's.
struct Alone {
    device: Device,
    _turn: MutexGuard<'static, ()>,
}

impl Deref for Alone {
    type Target = Device;

    fn deref(&self) -> &Device {
        &self.device
    }
}

/// The device, if it has blocks for other processes.
fn shares() -> Option<Alone> {
    static TURN: Mutex<()> = Mutex::new(());
    let device = device();
    if !device.attributes().expect("known").ipc {
        without("blocks in other processes");
        return None;
    }
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    // Some drivers find out when they are asked for a handle.
    let block = Block::new(&device, 0);
    let handle = offered(ipc::get(&device, block.address, LEN));
    block.free();
    handle?;
    // What the last test's refusals have left open goes, too.
    trim();
    ipc::settle();
    Some(Alone { device, _turn: turn })
}

/// A block of the driver's own.
struct Block {
    memory: DeviceMemory,
    address: DeviceAddress,
}

impl Block {
    fn new(device: &Device, byte: u8) -> Self {
        let memory = DeviceMemory::new(device).expect("made");
        let address = memory.allocate(layout(LEN)).expect("room");
        write(device, address.number(), &[byte; LEN]);
        Self { memory, address }
    }

    fn get(&self, offset: usize, len: usize) -> IpcHandle {
        let at = DeviceAddress::new(self.address.number() + offset as u64);
        ipc::get(self.memory.device(), at, len).expect("offered")
    }

    fn free(self) {
        // SAFETY: it is live, and used by nobody but processes that have it open.
        unsafe { self.memory.free(self.address, layout(LEN)) };
    }
}

/// A handle, if the driver has such.
fn offered(handle: Result<IpcHandle, GpuError>) -> Option<IpcHandle> {
    if matches!(handle, Err(GpuError::Unsupported { .. })) {
        without("handles of such memory");
        return None;
    }
    Some(handle.expect("offered"))
}

fn opener(handle: &IpcHandle) -> Peer {
    let mut peer = Peer::start(&["open"]);
    assert_eq!(peer_does(&mut peer, &format!("open {}", to_word(handle))), "open");
    peer
}

fn peer_does(peer: &mut Peer, line: &str) -> String {
    peer.say(line);
    peer.hear()
}

#[test]
fn parts_of_a_block_are_one_memory_in_all_processes() {
    let Some(device) = shares() else { return };
    let block = Block::new(&device, 1);
    let handles = [block.get(0, LEN), block.get(1000, 24), block.get(LEN - 1, 1)];
    for (handle, len) in handles.iter().zip([LEN, 24, 1]) {
        let mut peer = opener(handle);
        assert_eq!(peer_does(&mut peer, "read"), len.to_string());
        assert_eq!(peer_does(&mut peer, "lives"), "true");
        peer.finish();
    }
    let mut peer = opener(&handles[1]);
    assert_eq!(peer_does(&mut peer, "write 9"), "Ok(())");
    peer.finish();
    assert_eq!(read(&device, block.address.number() + 999, 26)[..2], [1, 9]);
    assert_eq!(read(&device, block.address.number() + 1023, 2), [9, 1]);
    block.free();
}

#[test]
fn a_handle_stands_in_a_shared_heap() {
    let Some(device) = shares() else { return };
    let block = Block::new(&device, 3);
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(8)).expect("made");
    heap.root_or_create("handle", |_| Ok(block.get(0, 100))).expect("made");
    let handle = *heap.root::<IpcHandle>("handle").expect("made");
    let mut peer = opener(&handle);
    assert_eq!(peer_does(&mut peer, "read"), "300");
    peer.finish();
    block.free();
}

#[test]
fn a_block_waits_for_who_has_it_open() {
    let Some(device) = shares() else { return };
    let before = device.held();
    let block = Block::new(&device, 1);
    let handle = block.get(0, 4096);
    let mut peer = opener(&handle);
    block.free();
    assert_eq!((ipc::waiting(), device.held()), (1, before + LEN));
    assert_eq!(ipc::settle(), 0);
    assert_eq!(peer_does(&mut peer, "read"), "4096", "it is still there");
    let withdrawn = format!("open {}", to_word(&handle));
    assert_eq!(peer_does(&mut peer, &withdrawn), "Ipc(Withdrawn)");
    assert_eq!(peer_does(&mut peer, "close"), "true");
    assert_eq!(ipc::settle(), 1, "asked to close, the peer keeps nothing");
    assert_eq!((ipc::waiting(), device.held()), (0, before));
    peer.finish();
}

#[test]
fn who_keeps_a_block_without_need_lets_go_of_it_when_he_trims() {
    let Some(device) = shares() else { return };
    let block = Block::new(&device, 1);
    let mut peer = opener(&block.get(0, 4096));
    assert_eq!(peer_does(&mut peer, "close"), "true");
    block.free();
    assert_eq!(ipc::waiting(), 1);
    assert_eq!(peer_does(&mut peer, "trim"), "1");
    assert_eq!(ipc::settle(), 1);
    peer.finish();
}

#[test]
fn a_block_does_not_wait_for_the_dead() {
    let Some(device) = shares() else { return };
    let block = Block::new(&device, 1);
    let handle = block.get(0, LEN);
    let peers: Vec<_> = (0..3).map(|_| opener(&handle)).collect();
    block.free();
    for peer in peers {
        assert_eq!(ipc::waiting(), 1);
        peer.kill();
        ipc::settle();
    }
    assert_eq!(ipc::waiting(), 0);
}

#[test]
fn handles_of_a_killed_process_are_refused() {
    let Some(device) = shares() else { return };
    let mut owner = Peer::start(&["offer"]);
    let handle = from_word(&owner.hear());
    let block = ipc::open(&device, &handle).expect("offered");
    assert_eq!(sum(&block), 7 * LEN as u64);
    owner.kill();
    assert!(!block.owner_lives());
    drop(block);
    trim();
    let error = ipc::open(&device, &handle).expect_err("it is gone");
    assert!(matches!(error, GpuError::Ipc(IpcError::OwnerGone { .. })), "{error}");
}

#[test]
fn a_pools_block_waits_alone() {
    let Some(device) = shares() else { return };
    let pool = DevicePool::new(&device).expect("made");
    let pool = pool.on(&Stream::new(&device).expect("made")).expect("made");
    let block = pool.allocate(layout(10_000)).expect("room");
    let other = pool.allocate(layout(10_000)).expect("room");
    write(&device, block.number(), &[2; 10_000]);
    let Some(handle) = offered(pool.share(block)) else { return };
    let mut peer = opener(&handle);
    let used = pool.device_pool().stats().blocks;
    // SAFETY: nothing uses them but who has them open.
    unsafe { pool.free(block).and_then(|()| pool.free(other)) }.expect("live");
    assert_eq!(ipc::waiting(), 1);
    assert_eq!(pool.device_pool().stats().blocks, used - 1, "one waits");
    assert!(peer_does(&mut peer, "read").parse::<u64>().is_ok());
    let new: Vec<_> = (0..100).map(|_| pool.allocate(layout(10_000)).expect("room")).collect();
    assert!(!new.contains(&block), "it is in use");
    assert_eq!(peer_does(&mut peer, "close"), "true");
    assert_eq!(ipc::settle(), 1);
    assert_eq!(pool.device_pool().stats().blocks, used - 2 + new.len());
    for block in new {
        // SAFETY: nothing uses it.
        unsafe { pool.free(block) }.expect("live");
    }
    peer.finish();
}

#[test]
fn mapped_pages_stay_for_who_has_them_open() {
    let Some(device) = shares() else { return };
    if device.attributes().expect("known").map_granularity.is_none() {
        return without("virtual memory");
    }
    let provider = DeviceProviderOptions::new().build(&device).expect("made");
    let span = provider.allocate(LEN, 4096).expect("room");
    let at = DeviceAddress::new(span.addr() as u64);
    write(&device, at.number(), &[4; LEN]);
    let Some(handle) = offered(provider.share(at, LEN)) else { return };
    let mut peer = opener(&handle);
    // SAFETY: this process does not use it.
    unsafe { provider.free(span) }.expect("freed");
    assert_eq!(ipc::waiting(), 0, "pages need nobody to keep them");
    assert_eq!(peer_does(&mut peer, "read"), (4 * LEN).to_string());
    let again = format!("open {}", to_word(&handle));
    assert_eq!(peer_does(&mut peer, &again), "Ipc(Withdrawn)");
    peer.finish();
}

/// A pool of small chunks, and how large they are; `None` where nothing is mapped.
fn of_chunks(device: &Device) -> Option<(StreamPool, usize)> {
    let Some(chunk) = device.attributes().expect("known").map_granularity else {
        without("virtual memory");
        return None;
    };
    let options = DevicePoolOptions::new().memory(DeviceProviderOptions::new().chunk(chunk));
    let pool = options.build(device).expect("made");
    let chunk = chunk.max(pool.provider().min_page_size());
    Some((pool.on(&Stream::new(device).expect("made")).expect("made"), chunk))
}

/// How many descriptors this process has of files that stand in for memory.
fn stand_ins() -> usize {
    let all = std::fs::read_dir("/proc/self/fd").expect("readable").flatten();
    let links = all.filter_map(|it| std::fs::read_link(it.path()).ok());
    links.filter(|it| it.to_string_lossy().contains("anymem-stand-in")).count()
}

#[test]
fn a_block_in_several_chunks_is_one_in_other_processes_too() {
    let Some(device) = shares() else { return };
    let Some((pool, chunk)) = of_chunks(&device) else { return };
    let before = stand_ins();
    let block = pool.allocate(layout(3 * chunk - 5000)).expect("room");
    let len = pool.usable_size(block).expect("live");
    write(&device, block.number(), &striped(len));
    let Some(handle) = offered(pool.share(block)) else { return };
    assert_eq!(Some(handle), offered(pool.share(block)), "it is offered once");
    let mut peers = [opener(&handle), opener(&handle)];
    assert_eq!(peer_does(&mut peers[0], "is-striped"), "true");
    assert_eq!(peer_does(&mut peers[0], "write 3"), "Ok(())");
    assert_eq!(peer_does(&mut peers[1], "read"), (3 * len).to_string());
    assert_eq!(read(&device, block.number(), len), vec![3; len]);
    let own = ipc::open(&device, &handle).expect("its own");
    assert_eq!(own.address(), block);
    drop(own);
    for peer in peers {
        peer.finish();
    }
    // SAFETY: nobody uses it.
    unsafe { pool.free(block) }.expect("live");
    assert_eq!(ipc::waiting(), 0);
    let error = ipc::open(&device, &handle).expect_err("it is gone");
    trim();
    assert_eq!(stand_ins(), before, "nothing is kept for a block that is gone");
    assert_eq!(error, GpuError::Ipc(IpcError::Withdrawn));
}

#[test]
fn chunks_of_a_pool_wait_for_who_has_them_open() {
    let Some(device) = shares() else { return };
    let Some((pool, chunk)) = of_chunks(&device) else { return };
    for chunks in [1, 2] {
        let block = pool.allocate(layout(chunks * chunk)).expect("room");
        write(&device, block.number(), &vec![2; chunks * chunk]);
        let Some(handle) = offered(pool.share(block)) else { return };
        let mut peer = opener(&handle);
        // SAFETY: nothing uses it but who has it open.
        unsafe { pool.free(block) }.expect("live");
        assert_eq!(ipc::waiting(), 1);
        let other = pool.allocate(layout(chunks * chunk)).expect("room");
        assert_ne!(other, block, "it is in use");
        write(&device, other.number(), &vec![9; chunks * chunk]);
        let sum = peer_does(&mut peer, "read").parse::<usize>().expect("a sum");
        assert!((2 * chunks * chunk..9 * chunks * chunk).contains(&sum));
        assert_eq!(peer_does(&mut peer, "close"), "true");
        assert_eq!(ipc::settle(), 1);
        // SAFETY: nobody uses it.
        unsafe { pool.free(other) }.expect("live");
        peer.finish();
    }
}

#[test]
fn blocks_that_share_chunks_are_offered_each_by_itself() {
    let Some(device) = shares() else { return };
    let Some(chunk) = device.attributes().expect("known").map_granularity else {
        return without("virtual memory");
    };
    let provider = DeviceProviderOptions::new().chunk(chunk).build(&device).expect("made");
    let span = provider.allocate(4 * chunk, 4096).expect("room");
    let start = span.addr() as u64;
    write(&device, start, &striped(4 * chunk));
    let part = |from: usize, to: usize| {
        let at = DeviceAddress::new(start + (from * chunk / 2) as u64);
        offered(provider.share(at, (to - from) * chunk / 2))
    };
    // In halves of chunks: two in the first and second, one in the second alone, and so on.
    let parts = [(0, 3), (3, 5), (1, 8), (2, 4), (5, 8)];
    let Some(handles) =
        parts.map(|(from, to)| part(from, to)).into_iter().collect::<Option<Vec<_>>>()
    else {
        return;
    };
    for ((from, to), handle) in parts.into_iter().zip(&handles) {
        let mut peer = opener(handle);
        let expected = &striped(4 * chunk)[from * chunk / 2..to * chunk / 2];
        let sum: u64 = expected.iter().map(|byte| u64::from(*byte)).sum();
        assert_eq!(peer_does(&mut peer, "read"), sum.to_string(), "{from}..{to}");
        peer.finish();
    }
    assert_eq!(put(&handles[0]), Ok(true));
    ipc::open(&device, &handles[0]).expect_err("put back");
    drop(ipc::open(&device, &handles[2]).expect("offered yet"));
    // SAFETY: nobody uses it.
    unsafe { provider.free(span) }.expect("freed");
    assert!(handles.iter().all(|handle| ipc::open(&device, handle).is_err()));
}

/// A device in software whose chunks are small, and its machine.
fn fine() -> (Arc<SimDriver>, Device) {
    let options = Options { memory: 64 << 20, granularity: 64 << 10, ..Options::default() };
    let driver = SimDriver::new(options).expect("made");
    let device = Device::with_driver(driver.clone(), 0).expect("there is one");
    (driver, device)
}

#[test]
fn what_fails_while_chunks_are_offered_or_opened_leaves_nothing_behind() {
    let Some(_alone) = shares() else { return };
    let (driver, device) = fine();
    let provider = DeviceProviderOptions::new().chunk(64 << 10).build(&device).expect("made");
    let span = provider.allocate(5 * (64 << 10), 4096).expect("room");
    let at = DeviceAddress::new(span.addr() as u64);
    write(&device, at.number(), &striped(span.len));
    driver.machine().fail(Call::ExportPhysical, 3, 1, SimError::Unsupported { what: "luck" });
    let refused = provider.share(at, span.len).expect_err("no luck");
    assert_eq!(refused, GpuError::Unsupported { device: 0, what: "luck" });
    let handle = provider.share(at, span.len).expect("offered");
    let mut peer = Peer::start(&["luckless"]);
    assert_eq!(peer_does(&mut peer, &to_word(&handle)), "all well");
    peer.finish();
    // SAFETY: nobody uses it.
    unsafe { provider.free(span) }.expect("freed");
}

#[test]
fn a_block_in_more_chunks_than_a_handle_names_is_refused_with_what_to_do() {
    let Some(_alone) = shares() else { return };
    let (_, device) = fine();
    let provider = DeviceProviderOptions::new().chunk(64 << 10).build(&device).expect("made");
    let most = StandIn::DESCRIPTORS * (64 << 10);
    let span = provider.allocate(most + 1, 4096).expect("room");
    let at = DeviceAddress::new(span.addr() as u64);
    let refused = provider.share(at, most + 1).expect_err("too many chunks");
    assert!(refused.to_string().contains("larger"), "{refused}");
    provider.share(at, most).expect("as many as can be");
    let beyond = DeviceAddress::new(span.end() as u64);
    let refused = provider.share(beyond, 1).expect_err("nothing is mapped there");
    assert_eq!(refused, GpuError::NotABlock { address: beyond.number() });
    // SAFETY: nobody uses it.
    unsafe { provider.free(span) }.expect("freed");
}

#[test]
fn a_descriptor_is_handed_over_as_well() {
    let Some(device) = shares() else { return };
    let block = Block::new(&device, 1);
    let handle = block.get(0, 10);
    let _handover = Handover::serve().expect("it serves");
    let mut peer = opener(&handle);
    assert_eq!(peer_does(&mut peer, "read"), "10");
    peer.finish();
    block.free();
}

#[test]
fn a_forked_child_is_told_and_ends_nothing() {
    let Some(device) = shares() else { return };
    let block = Block::new(&device, 1);
    let mut peer = opener(&block.get(0, 10));
    assert_eq!(peer_does(&mut peer, "fork"), "0");
    assert_eq!(peer_does(&mut peer, "read"), "10");
    block.free();
    assert_eq!(ipc::waiting(), 1, "the child closed nothing");
    peer.finish();
    assert_eq!(ipc::settle(), 1);
}

#[test]
fn blocks_are_opened_in_their_own_process_too() {
    let Some(device) = shares() else { return };
    let block = Block::new(&device, 5);
    let handle = block.get(64, 64);
    let opened = ipc::open(&device, &handle).expect("offered");
    assert_eq!(opened.address().number(), block.address.number() + 64);
    assert_eq!(sum(&opened), 5 * 64);
    opened.write(60, &[1_u32]).expect("within");
    let error = opened.write(61, &[1_u32]).expect_err("beyond");
    assert!(matches!(error, GpuError::WrongAddress { .. }), "{error}");
    drop(opened);
    assert_eq!(put(&handle), Ok(true));
    let error = ipc::open(&device, &handle).expect_err("put back");
    assert_eq!(error, GpuError::Ipc(IpcError::Withdrawn));
    trim();
    block.free();
    assert_eq!(ipc::waiting(), 0);
}

#[test]
fn what_is_no_block_is_refused() {
    let Some(device) = shares() else { return };
    let error = ipc::get(&device, DeviceAddress::new(16), 16).expect_err("no block");
    assert!(!matches!(error, GpuError::Ipc(_)), "{error}");
    let block = Block::new(&device, 1);
    let handle = block.get(0, 10);
    let error = anymem::ipc::open(&handle).expect_err("no memory of the processor");
    assert_eq!(error, IpcError::OutOfReach);
    let beyond = ipc::get(&device, block.address, 1 << 40).expect_err("too long");
    assert!(matches!(beyond, GpuError::Ipc(IpcError::BeyondFile { .. })), "{beyond}");
    for at in 0..IpcHandle::SIZE {
        let mut bytes = handle.to_bytes();
        bytes[at] ^= 1 << (at % 8);
        IpcHandle::from_bytes(&bytes).expect_err("changed");
    }
    block.free();
}

#[test]
fn a_device_of_another_driver_is_refused() {
    let Some(device) = shares() else { return };
    if device.kind() == DriverKind::Sim {
        return without("a second driver");
    }
    let block = Block::new(&device, 1);
    let handle = block.get(0, 10);
    let other = Device::open(DriverKind::Sim, 0).expect("in software");
    let error = ipc::open(&other, &handle).expect_err("another driver's");
    assert!(matches!(error, GpuError::WrongDriver { .. }), "{error}");
    block.free();
}
