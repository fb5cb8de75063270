//! Copies that go on by themselves: done when they are flushed or their scope ends, in order,
//! and nobody takes what failed for done.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use anymem::memory::{
    HostMemory, MemRead, MemSlice, MemWrite, Memory, MemoryError, Route, post_transfer,
};
use anymem_gpu::driver::SimDriver;
use anymem_gpu::{Device, DeviceMemory, GpuError, ManagedMemory, PinnedMemory, Stream};
use anymem_gpu_sim::{Call, Completion, Machine, Options, SimError, Trap};
use common::device;
use proptest::prelude::*;

#[test]
fn on_all_drivers() {
    common::everywhere();
}

/// Two devices that do what they are asked for when somebody waits.
fn waiting() -> (Arc<Machine>, [Device; 2]) {
    let completion = Completion::ByHand;
    let options = Options { devices: 2, memory: 4 << 20, completion, ..Options::default() };
    let driver = SimDriver::new(options).unwrap();
    let devices = [0, 1].map(|number| Device::with_driver(driver.clone(), number).unwrap());
    (driver.machine().clone(), devices)
}

type Slice<M> = MemSlice<u8, M>;

/// Posts a copy of all bytes.
fn post<D: Memory, S: Memory>(to: &mut Slice<D>, from: &Slice<S>) -> Result<Route, MemoryError> {
    let (to, from) = (to.view().place(), from.view().place());
    // SAFETY: both are blocks, which the tests leave alone until they have flushed.
    unsafe { post_transfer(to, from, to.len) }
}

#[test]
fn what_is_posted_is_done_when_it_is_flushed() {
    let (_, [device, _]) = waiting();
    let (memory, pinned) = (DeviceMemory::new(&device).unwrap(), PinnedMemory::new(&device));
    let mut there = Slice::zeroed(1000, &memory).unwrap();
    let mut back = Slice::zeroed(1000, &pinned).unwrap();
    let here = Slice::filled(1000, 1, &pinned).unwrap();
    assert_eq!(post(&mut there, &here), Ok(Route::To));
    assert_eq!(post(&mut back, &there), Ok(Route::From));
    assert_eq!(back.as_slice(), [0; 1000], "not yet");
    memory.flush().unwrap();
    assert_eq!(back.as_slice(), [1; 1000]);
    assert_eq!(memory.failures(), 0);
}

#[test]
fn a_failure_is_counted_before_anybody_else_finds_nothing_to_wait_for() {
    let (machine, [device, _]) = waiting();
    let (memory, pinned) = (DeviceMemory::new(&device).unwrap(), PinnedMemory::new(&device));
    let mut there = Slice::zeroed(1000, &memory).unwrap();
    let here = Slice::filled(1000, 1, &pinned).unwrap();
    for _ in 0..50 {
        let before = memory.failures();
        post(&mut there, &here).unwrap();
        machine.fail(Call::Synchronize, 0, 1, SimError::Invalid { what: "bad luck" });
        let told = thread::scope(|threads| {
            let flushes = [0; 2].map(|_| threads.spawn(|| (memory.flush(), memory.failures())));
            flushes.map(|it| it.join().unwrap())
        });
        // The first one is told, and the second one sees that something failed.
        assert_eq!(told.iter().filter(|(flushed, _)| flushed.is_err()).count(), 1);
        assert!(told.iter().all(|(_, failures)| *failures != before));
    }
}

#[test]
fn nothing_is_under_way_after_a_flush_that_failed() {
    let (machine, [device, _]) = waiting();
    let (memory, pinned) = (DeviceMemory::new(&device).unwrap(), PinnedMemory::new(&device));
    let there = Slice::filled(1000, 1, &memory).unwrap();
    let mut back = Slice::zeroed(1000, &pinned).unwrap();
    post(&mut back, &there).unwrap();
    machine.fail(Call::Synchronize, 0, 1, SimError::Invalid { what: "bad luck" });
    assert!(memory.flush().is_err());
    let stream = memory.stream().id().raw();
    assert_eq!(machine.pending(anymem_gpu_sim::Stream::of(stream)), 0);
    assert_eq!(memory.flush(), Ok(()), "it is told once");
}

#[test]
fn a_lost_device_fails_all_that_was_posted() {
    let (machine, [device, _]) = waiting();
    let (memory, pinned) = (DeviceMemory::new(&device).unwrap(), PinnedMemory::new(&device));
    let mut there = Slice::zeroed(1000, &memory).unwrap();
    post(&mut there, &Slice::filled(1000, 1, &pinned).unwrap()).unwrap();
    machine.lose(0, Trap::OnPurpose);
    assert!(matches!(memory.flush(), Err(MemoryError::Backend { .. })));
    assert!(matches!(memory.last_error(), Some(GpuError::ContextLost { .. })));
    assert_eq!(memory.failures(), 1);
}

#[test]
fn a_stream_goes_on_by_itself_until_its_scope_ends() {
    let (machine, [device, _]) = waiting();
    let (memory, pinned) = (DeviceMemory::new(&device).unwrap(), PinnedMemory::new(&device));
    let here = Slice::filled(1000, 7, &pinned).unwrap();
    let mut there = Slice::zeroed(1000, &memory).unwrap();
    let (mut middle, mut back) =
        (Slice::zeroed(1000, &memory).unwrap(), Slice::zeroed(1000, &pinned).unwrap());
    let routes = device.scope(|scope| {
        let (mut there, here) = (scope.lend(there.view_mut()), scope.show(here.view()));
        let mut middle = scope.lend(middle.view_mut());
        let mut back = scope.lend(back.view_mut());
        let routes = [
            scope.assign(&mut there, &here),
            scope.assign(&mut middle, &there),
            scope.zero(&mut there).map(|()| Route::Host),
            scope.assign(&mut back, &middle),
        ];
        let stream = anymem_gpu_sim::Stream::of(scope.stream().id().raw());
        assert_eq!(machine.pending(stream), 4, "not yet");
        routes
    });
    let routes = routes.unwrap().map(Result::unwrap);
    assert_eq!(routes, [Route::To, Route::Peer, Route::Host, Route::From]);
    assert_eq!((back.as_slice(), there.get(5)), (&[7; 1000][..], Ok(0)));
}

#[test]
fn a_scope_that_panics_has_ended() {
    let (_, [device, _]) = waiting();
    let (memory, pinned) = (DeviceMemory::new(&device).unwrap(), PinnedMemory::new(&device));
    let there = Slice::filled(1000, 7, &memory).unwrap();
    let mut back = Slice::zeroed(1000, &pinned).unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        device.scope(|scope| {
            let shown = scope.show(there.view());
            scope.assign(&mut scope.lend(back.view_mut()), &shown).unwrap();
            panic!("of the test");
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(back.as_slice(), [7; 1000]);
}

#[test]
fn a_scope_says_what_it_cannot_copy() {
    let (_, [device, other]) = waiting();
    let own = DeviceMemory::new(&device).unwrap();
    let others = DeviceMemory::new(&other).unwrap();
    let strange = DeviceMemory::new(&common::device()).unwrap();
    let short = Slice::zeroed(99, HostMemory).unwrap();
    let here = Slice::filled(100, 3, HostMemory).unwrap();
    let [mut one, mut two] = [&own, &others].map(|it| Slice::zeroed(100, it).unwrap());
    let mut three = Slice::zeroed(100, &strange).unwrap();
    let mut local = Slice::zeroed(100, HostMemory).unwrap();
    device
        .scope(|scope| {
            let mut one = scope.lend(one.view_mut());
            let mut two = scope.lend(two.view_mut());
            let mut three = scope.lend(three.view_mut());
            let here = scope.show(here.view());
            let short = scope.assign(&mut one, &scope.show(short.view()));
            assert_eq!(short, Err(GpuError::OutOfRange { asked: 100, found: 99 }));
            let away = scope.assign(&mut two, &here);
            assert!(matches!(away, Err(GpuError::WrongAddress { device: 0, .. })));
            let strange = scope.assign(&mut three, &here);
            assert!(matches!(strange, Err(GpuError::WrongAddress { device: 0, .. })));
            let local = scope.assign(&mut scope.lend(local.view_mut()), &here);
            assert!(matches!(local, Err(GpuError::Unsupported { .. })));
            assert!(matches!(scope.zero(&mut two), Err(GpuError::WrongAddress { .. })));
            // From another device it can.
            assert_eq!(scope.assign(&mut one, &two), Ok(Route::Peer));
            assert_eq!(scope.assign(&mut one, &here), Ok(Route::To));
        })
        .unwrap();
    assert_eq!((one.get(99), two.get(99)), (Ok(3), Ok(0)));
}

/// An object of a test: three on the device, three of pinned memory, one of the program's.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Assign { to: usize, from: usize },
    Zero { at: usize },
}

const LEN: usize = 300;
const THERE: usize = 3;
const HERE: usize = 4;

fn step() -> impl Strategy<Value = Step> {
    let device_to_device = (0..THERE, 0..THERE).prop_map(|(to, from)| Step::Assign { to, from });
    let up = (0..THERE, THERE..THERE + HERE).prop_map(|(to, from)| Step::Assign { to, from });
    let down = (THERE..THERE + HERE, 0..THERE).prop_map(|(to, from)| Step::Assign { to, from });
    let zero = (0..THERE).prop_map(|at| Step::Zero { at });
    prop_oneof![2 => device_to_device, 2 => up, 2 => down, 1 => zero]
        .prop_filter("two objects", |it| !matches!(it, Step::Assign { to, from } if to == from))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    /// Whatever a stream is asked for is done in that order.
    #[test]
    fn a_stream_does_one_thing_after_the_other(steps in prop::collection::vec(step(), 1..30)) {
        let device = device();
        let memory = DeviceMemory::with_stream(Stream::new(&device).unwrap());
        let pinned = PinnedMemory::new(&device);
        let model = std::cell::RefCell::new(
            (0..THERE + HERE).map(|it| vec![it as u8; LEN]).collect::<Vec<_>>(),
        );
        let byte = |it: usize| vec![it as u8; LEN];
        let mut there: Vec<_> =
            (0..THERE).map(|it| Slice::from_slice(&byte(it), &memory).unwrap()).collect();
        let mut here: Vec<_> =
            (0..HERE).map(|it| Slice::from_slice(&byte(THERE + it), &pinned).unwrap()).collect();
        device.scope(|scope| {
            let mut there: Vec<_> =
                there.iter_mut().map(|it| scope.lend(it.view_mut())).collect();
            let mut here: Vec<_> = here.iter_mut().map(|it| scope.lend(it.view_mut())).collect();
            for step in steps {
                let mut model = model.borrow_mut();
                match step {
                    Step::Assign { to, from } if to < THERE && from < THERE => {
                        let [to, from] = there.get_disjoint_mut([to, from]).unwrap();
                        scope.assign(to, from).unwrap();
                    }
                    Step::Assign { to, from } if to < THERE => {
                        scope.assign(&mut there[to], &here[from - THERE]).unwrap();
                    }
                    Step::Assign { to, from } => {
                        scope.assign(&mut here[to - THERE], &there[from]).unwrap();
                    }
                    Step::Zero { at } => scope.zero(&mut there[at]).unwrap(),
                }
                match step {
                    Step::Assign { to, from } => model[to] = model[from].clone(),
                    Step::Zero { at } => model[at].fill(0),
                }
            }
        }).unwrap();
        let model = model.into_inner();
        for (found, expected) in there.iter().zip(&model) {
            let mut bytes = vec![0; LEN];
            found.read(0, &mut bytes).unwrap();
            prop_assert_eq!(&bytes, expected);
        }
        for (found, expected) in here.iter().zip(&model[THERE..]) {
            prop_assert_eq!(found.as_slice(), &expected[..]);
        }
    }
}

#[test]
fn managed_memory_is_copied_in_scopes_too() {
    let device = device();
    let Ok(managed) = ManagedMemory::new(&device) else {
        return common::without("managed memory");
    };
    let memory = DeviceMemory::new(&device).unwrap();
    let mut here = Slice::filled(100, 5, &managed).unwrap();
    let mut there = Slice::zeroed(100, &memory).unwrap();
    device
        .scope(|scope| {
            let mut here = scope.lend(here.view_mut());
            let mut there = scope.lend(there.view_mut());
            scope.assign(&mut there, &here).unwrap();
            scope.zero(&mut here).unwrap();
        })
        .unwrap();
    assert_eq!((there.get(99), here.as_slice()[99]), (Ok(5), 0));
}
