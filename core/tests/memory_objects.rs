//! Typed objects in memories: any sequence of calls does to them what it does to a vector,
//! bounds hold, nothing but the bytes meant is written, and all blocks go back.

use std::alloc::Layout;

use anymem_core::allocator::{Allocator, HeapMemory, ScalablePageAllocator};
use anymem_core::backend::ArrayBackend;
use anymem_core::memory::{
    ArrayMemory, MemBox, MemMut, MemRead, MemRef, MemSlice, MemWrite, Memory, MemoryError, Pod,
    Route, SimMemory, TEMPORARY,
};
use anymem_core::offset::AllocatorId;
use anymem_core::segment::Config;
use anymem_core::thread::Bare;
use bytemuck::Zeroable;
use proptest::prelude::*;

/// What a user may do to elements.
#[derive(Debug, Clone)]
enum Action {
    Get(usize),
    Set(usize, u8),
    Read(usize, usize),
    Write(usize, usize, u8),
    Update(usize, u8),
    Fill(usize, usize, u8),
    UpdateEach(usize, usize, u8),
    Sub(usize, usize),
}

/// Mostly near the elements there are, and sometimes far beyond.
fn index() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 0_usize..70, 1 => Just(usize::MAX), 1 => Just(usize::MAX - 3)]
}

fn action() -> impl Strategy<Value = Action> {
    let (i, n, v) = (index, index, any::<u8>);
    prop_oneof![
        i().prop_map(Action::Get),
        (i(), v()).prop_map(|(i, v)| Action::Set(i, v)),
        (i(), 0_usize..70).prop_map(|(i, n)| Action::Read(i, n)),
        (i(), 0_usize..70, v()).prop_map(|(i, n, v)| Action::Write(i, n, v)),
        (i(), v()).prop_map(|(i, v)| Action::Update(i, v)),
        (i(), n(), v()).prop_map(|(i, n, v)| Action::Fill(i, n, v)),
        (i(), n(), v()).prop_map(|(i, n, v)| Action::UpdateEach(i, n, v)),
        (i(), n()).prop_map(|(i, n)| Action::Sub(i, n)),
    ]
}

/// An element that a byte makes, all of whose bytes differ.
trait Made: Pod + PartialEq + std::fmt::Debug {
    fn made(byte: u8) -> Self {
        let mut value = Self::zeroed();
        let bytes = bytemuck::bytes_of_mut(&mut value).iter_mut();
        bytes.enumerate().for_each(|(i, b)| *b = byte.wrapping_add((i * 3) as u8));
        value
    }

    fn changed(self, by: u8) -> Self {
        let mut value = self;
        bytemuck::bytes_of_mut(&mut value).iter_mut().for_each(|b| *b = b.wrapping_add(by));
        value
    }
}

/// 24 bytes, which do not divide a page or a temporary.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
struct Point([u64; 3]);

/// More bytes than a temporary has.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
struct Large([[u32; 16]; 80]);

impl Made for u8 {}
impl Made for u64 {}
impl Made for Point {}
impl Made for Large {}

/// Does the same to elements of a memory and of a vector; both say the same.
fn step<T: Made, M: Memory>(
    elements: &mut impl MemWrite<Item = T, Memory = M>,
    model: &mut [T],
    action: &Action,
) {
    let out = |start, len| MemoryError::OutOfRange { start, len, of: model.len() };
    match *action {
        Action::Get(i) => {
            assert_eq!(elements.get(i), model.get(i).copied().ok_or(out(i, 1)));
        }
        Action::Set(i, v) => {
            let done = model.get_mut(i).map(|element| *element = T::made(v));
            assert_eq!(elements.set(i, T::made(v)).is_ok(), done.is_some());
        }
        Action::Read(i, n) => {
            let mut read = vec![T::made(0x77); n];
            let done = elements.read(i, &mut read);
            match i.checked_add(n).and_then(|end| model.get(i..end)) {
                Some(expected) => assert_eq!((done, &*read), (Ok(()), expected)),
                None => assert_eq!((done, read), (Err(out(i, n)), vec![T::made(0x77); n])),
            }
        }
        Action::Write(i, n, v) => {
            let new: Vec<T> = (0..n).map(|k| T::made(v.wrapping_add(k as u8))).collect();
            let expected = i.checked_add(n).and_then(|end| model.get_mut(i..end));
            assert_eq!(elements.write(i, &new).is_ok(), expected.is_some());
            if let Some(expected) = expected {
                expected.copy_from_slice(&new);
            }
        }
        Action::Update(i, v) => {
            let done = model.get_mut(i).map(|element| *element = element.changed(v));
            assert_eq!(elements.update(i, |element| element.changed(v)).is_ok(), done.is_some());
        }
        Action::Fill(i, n, v) => match (elements.part_mut(i..n), model.get_mut(i..n)) {
            (Ok(mut part), Some(expected)) => {
                part.fill(T::made(v)).unwrap();
                expected.fill(T::made(v));
            }
            (part, expected) => assert_eq!(part.is_ok(), expected.is_some()),
        },
        Action::UpdateEach(i, n, v) => match (elements.part_mut(i..n), model.get_mut(i..n)) {
            (Ok(mut part), Some(expected)) => {
                let change = |k: usize, element: &mut T| *element = element.changed(v ^ k as u8);
                part.update_each(change).unwrap();
                expected.iter_mut().enumerate().for_each(|(k, element)| change(k, element));
            }
            (part, expected) => assert_eq!(part.is_ok(), expected.is_some()),
        },
        Action::Sub(i, n) => {
            match (elements.part(i..=n), n.checked_add(1).and_then(|n| model.get(i..n))) {
                (Ok(part), Some(expected)) => assert_eq!(all(part), expected),
                (part, expected) => assert_eq!(part.is_ok(), expected.is_some()),
            }
        }
    }
}

fn all<T: Made, M: Memory>(elements: MemRef<'_, T, M>) -> Vec<T> {
    let mut all = vec![T::zeroed(); elements.len()];
    elements.read(0, &mut all).unwrap();
    all
}

/// Works on the middle third, with the others as fences.
fn behaves<T: Made, M: Memory>(memory: M, len: usize, actions: &[Action]) {
    let mut slice = MemSlice::filled(3 * len, T::made(9), memory).unwrap();
    let mut model = vec![T::made(9); len];
    let mut middle: MemMut<'_, T, M> = slice.part_mut(len..2 * len).unwrap();
    for action in actions {
        step(&mut middle, &mut model, action);
        assert_eq!(all(middle.view()), model, "after {action:?}");
    }
    let all = all(slice.view());
    assert_eq!(&all[len..2 * len], model);
    assert!(all[..len].iter().chain(&all[2 * len..]).all(|element| *element == T::made(9)));
}

const ROOM: usize = 1 << 21;

/// All kinds of memories of core do what vectors do, and get all of their blocks back.
fn all_behave<T: Made>(len: usize, actions: &[Action]) {
    let mut array = vec![0; 2 * ROOM];
    let host = ArrayMemory::new(&mut array);
    let device = SimMemory::new(&host, ROOM, 0).unwrap();
    let available = (host.available(), device.available());
    behaves::<T, _>(&host, len, actions);
    behaves::<T, _>(&device, len, actions);
    assert_eq!((host.available(), device.available()), available);
    assert_eq!(device.counts().live, 0);

    let mut bytes = vec![0; 4 << 20];
    let heap = heap(&mut bytes);
    behaves::<T, _>(HeapMemory::from_ref(&heap), len, actions);
    assert_eq!(heap.stats().live_blocks, 0);
}

fn heap(bytes: &mut [u8]) -> ScalablePageAllocator<ArrayBackend<'_, 65536>> {
    let config = Config::new(AllocatorId::new(0, 4));
    ScalablePageAllocator::create(ArrayBackend::new(bytes), Bare, &config).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn bytes_are_as_in_a_vector(
        len in 0_usize..66,
        actions in prop::collection::vec(action(), 1..30),
    ) {
        all_behave::<u8>(len, &actions);
        all_behave::<u64>(len, &actions);
    }

    #[test]
    fn odd_and_large_elements_are_as_in_a_vector(
        len in 0_usize..30,
        actions in prop::collection::vec(action(), 1..10),
    ) {
        all_behave::<Point>(len, &actions);
        all_behave::<Large>(len, &actions);
    }

    #[test]
    fn each_way_to_assign_gives_the_same(
        len in prop_oneof![Just(0), 1_usize..400, Just(TEMPORARY / 24), Just(TEMPORARY)],
        byte: u8,
    ) {
        let mut array = vec![0; 3 * ROOM];
        let host = ArrayMemory::new(&mut array);
        let sim = |instance| SimMemory::new(&host, ROOM / 2, instance).unwrap();
        let (one, two, peer) = (sim(1), sim(2), sim(3).with_peers());
        let elements: Vec<Point> = (0..len).map(|i| Point::made(byte ^ i as u8)).collect();

        let source = MemSlice::from_slice(&elements, &host).unwrap();
        let (there, to) = source.to_memory(&one).unwrap();
        let (across, temporary) = there.to_memory(&two).unwrap();
        let (direct, by_peer) = there.to_memory(&peer).unwrap();
        let (back, from) = across.to_memory(&host).unwrap();
        let (again, on_host) = back.to_memory(&host).unwrap();
        prop_assert_eq!(
            [to, temporary, by_peer, from, on_host],
            [Route::To, Route::Temporary, Route::Peer, Route::From, Route::Host]
        );
        prop_assert_eq!(all(direct.view()), elements.clone());
        prop_assert_eq!(again.as_slice(), elements);
    }

    /// Whichever operation fails, it is an error, and no block is lost.
    #[test]
    fn failures_are_values_and_lose_nothing(nth in 1_u64..12, len in 1_usize..600) {
        let mut array = vec![0; ROOM];
        let host = ArrayMemory::new(&mut array);
        let sim = |instance| SimMemory::new(&host, ROOM / 4, instance).unwrap();
        let (one, two) = (sim(1), sim(2));
        let work = || -> Result<(), MemoryError> {
            let mut x = MemSlice::filled(len, 7_u64, &one)?;
            let y = MemBox::new(1_u64, &one)?;
            x.set(0, y.get()?)?;
            let (copy, _) = x.to_memory(&two)?;
            x.part_mut(..1)?.assign(&copy.part(..1)?)?;
            x.fill(0)
        };
        work().unwrap();
        let device = if nth % 2 == 0 { &one } else { &two };
        device.fail_at(nth / 2 + 1);
        let result = work();
        device.heal();
        if nth < 7 {
            prop_assert!(result.is_err());
        }
        prop_assert_eq!((one.counts().live, two.counts().live), (0, 0));
        work().unwrap();
    }
}

#[test]
fn elements_of_no_bytes_cost_nothing() {
    let mut array = [0; 1024];
    let host = ArrayMemory::new(&mut array);
    let mut nothing = MemSlice::zeroed(1_000_000, &host).unwrap();
    nothing.set(999_999, ()).unwrap();
    nothing.fill(()).unwrap();
    assert_eq!(
        nothing.get(1_000_000),
        Err(MemoryError::OutOfRange { start: 1_000_000, len: 1, of: 1_000_000 })
    );
    assert_eq!(nothing.as_slice().len(), 1_000_000);
}

#[test]
fn more_than_there_can_be_is_out_of_memory() {
    let mut array = [0; 1024];
    let host = ArrayMemory::new(&mut array);
    for len in [usize::MAX, usize::MAX / 8, 1 << 40, 1024] {
        let result = MemSlice::<u64, _>::zeroed(len, &host).map(|_| ());
        assert!(matches!(result, Err(MemoryError::OutOfMemory { .. })), "{len}: {result:?}");
    }
}

#[test]
fn objects_of_other_lengths_are_not_assigned() {
    let mut array = [0; 1024];
    let host = ArrayMemory::new(&mut array);
    let mut three = MemSlice::filled(3, 1_u8, &host).unwrap();
    for len in [0, 2, 4] {
        let other = MemSlice::filled(len, 2_u8, &host).unwrap();
        assert_eq!(three.assign(&other), Err(MemoryError::OutOfRange { start: 0, len, of: 3 }));
    }
    assert_eq!(three.as_slice(), [1; 3]);
}

#[test]
fn parts_are_written_apart() {
    let mut array = [0; 1024];
    let host = ArrayMemory::new(&mut array);
    let mut slice = MemSlice::zeroed(10, &host).unwrap();
    let (mut front, mut rest) = slice.view_mut().split_at(4).unwrap();
    front.fill(1_u32).unwrap();
    rest.assign(&MemSlice::filled(6, 2, &host).unwrap()).unwrap();
    assert_eq!(slice.as_slice(), [1, 1, 1, 1, 2, 2, 2, 2, 2, 2]);
    assert!(slice.view_mut().split_at(11).is_err());
}

#[test]
fn a_box_on_the_host_is_its_value() {
    let mut array = [0; 1024];
    let host = ArrayMemory::new(&mut array);
    let mut value = MemBox::new(Point([1, 2, 3]), &host).unwrap();
    value.0[1] = 20;
    assert_eq!(value.get(), Ok(Point([1, 20, 3])));
    let (memory, address) = value.into_raw();
    // SAFETY: it has just been taken apart.
    let mut same = unsafe { MemBox::<Point, _>::from_raw(memory, address) };
    same.update(|point| point.changed(0)).unwrap();
    assert_eq!(same.0, [1, 20, 3]);
}

/// One copy for a range, one for a fill of equal bytes, and none for a length.
#[test]
fn nothing_is_copied_twice() {
    let mut array = [0; 8192];
    let host = ArrayMemory::new(&mut array);
    let device = SimMemory::new(&host, 4096, 0).unwrap();
    let mut slice = MemSlice::<u32, _>::zeroed(100, &device).unwrap();
    let counts = device.counts();
    assert_eq!((counts.fills, counts.copies()), (1, 0));

    assert_eq!((slice.len(), slice.part(10..20).unwrap().len()), (100, 10));
    assert_eq!(device.counts(), counts);

    slice.update(7, |x| x + 1).unwrap();
    slice.write(50, &[1; 20]).unwrap();
    slice.part_mut(90..).unwrap().update_each(|_, x| *x += 1).unwrap();
    let counts = device.counts();
    assert_eq!((counts.copies_to, counts.bytes_to), (3, 4 + 80 + 40));
    assert_eq!((counts.copies_from, counts.bytes_from), (2, 4 + 40));
}

#[derive(Debug, Clone)]
enum Call {
    Allocate { size: usize, align: u32 },
    Free(usize),
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        2 => (0_usize..700, 0_u32..9).prop_map(|(size, align)| Call::Allocate { size, align }),
        1 => any::<usize>().prop_map(Call::Free),
    ]
}

proptest! {
    /// Blocks are aligned, their own, and within the array; all of it can be had again.
    #[test]
    fn an_arrays_blocks_are_apart(
        skip in 0_usize..40,
        room in 0_usize..9000,
        calls in prop::collection::vec(call(), 1..80),
    ) {
        let mut array = vec![0xEE_u8; skip + room + 40];
        let host = ArrayMemory::new(&mut array[skip..skip + room]);
        let available = host.available();
        let mut live: Vec<(_, Layout, u8)> = Vec::new();
        for (number, call) in calls.into_iter().enumerate() {
            match call {
                Call::Allocate { size, align } => {
                    let layout = Layout::from_size_align(size, 1 << align).unwrap();
                    if let Ok(at) = host.allocate(layout) {
                        prop_assert_eq!(at.as_ptr().addr() % layout.align(), 0);
                        // SAFETY: the block is new.
                        unsafe { host.fill(at, number as u8, size).unwrap() };
                        live.push((at, layout, number as u8));
                    }
                }
                Call::Free(_) if live.is_empty() => {}
                Call::Free(which) => {
                    let (at, layout, byte) = live.swap_remove(which % live.len());
                    // SAFETY: the block is live and of that size.
                    let bytes = unsafe { std::slice::from_raw_parts(at.as_ptr(), layout.size()) };
                    prop_assert!(bytes.iter().all(|b| *b == byte));
                    // SAFETY: it was allocated so, and is not used any more.
                    unsafe { host.free(at, layout) };
                }
            }
        }
        for (at, layout, byte) in live {
            // SAFETY: the block is live and of that size.
            let bytes = unsafe { std::slice::from_raw_parts(at.as_ptr(), layout.size()) };
            prop_assert!(bytes.iter().all(|b| *b == byte));
            // SAFETY: it was allocated so, and is not used any more.
            unsafe { host.free(at, layout) };
        }
        prop_assert_eq!(host.available(), available);
        prop_assert!(array[..skip].iter().chain(&array[skip + room..]).all(|b| *b == 0xEE));
    }
}
