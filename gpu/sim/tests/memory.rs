//! Blocks of a device, against a model of them.
//!
//! - A block is there for what it was asked for, and no other has a byte of it.
//! - There is room as long as there are bytes, however they are spread; and no longer.
//! - Bytes stay what they were written as, whatever else is allocated, freed, copied or filled.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use anymem_gpu_sim::{Call, Machine, Options, Side, SimError};
use common::{read, write};
use proptest::prelude::*;

const PAGE: usize = 4096;
const PAGES: usize = 32;

fn machine() -> Arc<Machine> {
    let options = Options { memory: PAGES * PAGE, devices: 2, ..Options::default() };
    Machine::new(options).expect("made")
}

/// What a test does next; blocks are named by numbers that are taken modulo how many there are.
#[derive(Debug, Clone)]
enum Step {
    Allocate { bytes: usize },
    Free { block: usize },
    Write { block: usize, at: usize, byte: u8 },
    Fill { block: usize, at: usize, byte: u8, bytes: usize },
    Copy { from: usize, to: usize, at: usize, bytes: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let bytes = 0..10 * PAGE;
    let step = prop_oneof![
        3 => bytes.clone().prop_map(|bytes| Step::Allocate { bytes }),
        2 => any::<usize>().prop_map(|block| Step::Free { block }),
        2 => (any::<usize>(), bytes.clone(), any::<u8>())
            .prop_map(|(block, at, byte)| Step::Write { block, at, byte }),
        2 => (any::<usize>(), bytes.clone(), any::<u8>(), bytes.clone())
            .prop_map(|(block, at, byte, bytes)| Step::Fill { block, at, byte, bytes }),
        2 => (any::<usize>(), any::<usize>(), bytes.clone(), bytes)
            .prop_map(|(from, to, at, bytes)| Step::Copy { from, to, at, bytes }),
    ];
    proptest::collection::vec(step, 1..60)
}

/// What should be where.
#[derive(Default)]
struct Model {
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl Model {
    fn pick(&self, number: usize) -> Option<u64> {
        let number = number.checked_rem(self.blocks.len())?;
        self.blocks.keys().nth(number).copied()
    }

    fn free(&self) -> usize {
        let taken = self.blocks.values().map(|it| it.len().next_multiple_of(PAGE));
        PAGES * PAGE - taken.sum::<usize>()
    }

    fn is_apart(&self, address: u64, bytes: usize) -> bool {
        let apart = |start: u64, len: usize| {
            address + bytes as u64 <= start || start + len as u64 <= address
        };
        self.blocks.iter().all(|(&start, block)| apart(start, block.len()))
    }
}

/// Does a step on the device and in the model, which have to agree.
fn go(machine: &Machine, model: &mut Model, step: &Step) {
    let device = machine.device(1).expect("there");
    match *step {
        Step::Allocate { bytes } => {
            let free = model.free();
            match device.allocate(bytes) {
                Ok(address) => {
                    assert!(bytes > 0 && bytes.next_multiple_of(PAGE) <= free);
                    assert!(model.is_apart(address, bytes));
                    model.blocks.insert(address, read(device, address, bytes));
                }
                Err(SimError::Invalid { .. }) => assert_eq!(bytes, 0),
                Err(error) => {
                    let total = PAGES * PAGE;
                    assert_eq!(error, SimError::OutOfMemory { asked: bytes, free, total });
                    assert!(bytes.next_multiple_of(PAGE) > free);
                }
            }
        }
        Step::Free { block } => {
            let Some(address) = model.pick(block) else { return };
            device.free(address).expect("it is one");
            assert_eq!(device.free(address), Err(SimError::WrongAddress { address }));
            model.blocks.remove(&address);
        }
        Step::Write { block, at, byte } => {
            let Some(address) = model.pick(block) else { return };
            let Some(place) = model.blocks.get_mut(&address).and_then(|it| it.get_mut(at)) else {
                return;
            };
            *place = byte;
            write(device, None, address + at as u64, &[byte]);
        }
        Step::Fill { block, at, byte, bytes } => {
            let Some(address) = model.pick(block) else { return };
            let block = model.blocks.get_mut(&address).expect("known");
            if at >= block.len() {
                return;
            }
            let filled = device.fill(None, address + at as u64, byte, bytes);
            match block.get_mut(at..at + bytes) {
                Some(places) => {
                    places.fill(byte);
                    filled.expect("it is within");
                }
                // The end of a block is an end, whatever comes after it.
                None => assert!(matches!(filled, Err(SimError::WrongAddress { .. }))),
            }
        }
        Step::Copy { from, to, at, bytes } => {
            let (Some(from), Some(to)) = (model.pick(from), model.pick(to)) else { return };
            let (Some(source), Some(target)) = (model.blocks.get(&from), model.blocks.get(&to))
            else {
                return;
            };
            if bytes == 0 || bytes > source.len() || at + bytes > target.len() {
                return;
            }
            let copied = source[..bytes].to_vec();
            let (target, source) = (Side::Device(to + at as u64), Side::Device(from));
            // SAFETY: both are of the device, where nothing else goes on.
            unsafe { device.copy(None, target, source, bytes) }.expect("copied");
            model.blocks.get_mut(&to).expect("known")[at..at + bytes].copy_from_slice(&copied);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn blocks_are_as_the_model_says(steps in steps()) {
        let (machine, mut model) = (machine(), Model::default());
        let device = machine.device(1).expect("there");
        for step in &steps {
            go(&machine, &mut model, step);
            prop_assert_eq!(device.free_and_total(), Ok((model.free(), PAGES * PAGE)));
        }
        for (&address, bytes) in &model.blocks {
            prop_assert_eq!(&read(device, address, bytes.len()), bytes);
            prop_assert_eq!(device.base_of(address + bytes.len() as u64 - 1), Ok((address, bytes.len())));
        }
    }
}

#[test]
fn every_second_page_is_room_for_the_other_half() {
    let machine = machine();
    let device = machine.device(0).expect("there");
    let blocks: Vec<u64> = (0..PAGES).map(|_| device.allocate(PAGE).expect("room")).collect();
    for block in blocks.iter().step_by(2) {
        device.free(*block).expect("freed");
    }
    device.allocate(PAGES / 2 * PAGE).expect("as many bytes are free");
}

#[test]
fn a_device_has_its_own_addresses_alone() {
    let machine = machine();
    let devices = [0, 1].map(|number| machine.device(number).expect("there"));
    let block = devices[1].allocate(8).expect("room");
    let wrong = Err(SimError::WrongAddress { address: block });
    assert_eq!(devices[0].fill(None, block, 1, 8), wrong);
    assert_eq!(devices[0].free(block), wrong);
    let here = devices[0].allocate(8).expect("room");
    devices[1].fill(None, block, 9, 8).expect("filled");
    // SAFETY: both are there, and nobody else uses them.
    unsafe { devices[0].copy(None, Side::Device(here), Side::Peer(1, block), 8) }.expect("copied");
    assert_eq!(read(devices[0], here, 8), [9; 8]);
    let all = SimError::NoSuchDevice { asked: 2, found: 2 };
    assert_eq!(machine.device(2).map(drop), Err(all));
}

#[test]
fn managed_and_pinned_memory_is_of_both() {
    let machine = machine();
    let device = machine.device(0).expect("there");
    let managed = device.allocate_managed(PAGE).expect("room");
    device.fill(None, managed, 5, PAGE).expect("filled");
    let here: *mut u8 = std::ptr::with_exposed_provenance_mut(managed as usize);
    // SAFETY: managed memory is the processor's too.
    assert_eq!(unsafe { here.add(PAGE - 1).read() }, 5);
    device.free(managed).expect("freed");
    let pinned = device.allocate_pinned(PAGE).expect("room");
    let address = device.device_address(pinned).expect("known");
    device.fill(None, address, 6, PAGE).expect("filled");
    // SAFETY: it is the processor's.
    assert_eq!(unsafe { pinned.read() }, 6);
    device.free_pinned(pinned).expect("freed");
    assert_eq!(device.free_pinned(pinned), Err(SimError::WrongAddress { address }));
}

#[test]
fn calls_fail_when_the_test_wants_it() {
    let machine = machine();
    let device = machine.device(0).expect("there");
    let error = SimError::System { call: "luck", code: 5 };
    machine.fail(Call::Allocate, 1, 2, error.clone());
    machine.fail(Call::Free, 0, 1, error.clone());
    let block = device.allocate(1).expect("the first goes well");
    assert_eq!(device.allocate(1), Err(error.clone()));
    assert_eq!(device.allocate(1), Err(error.clone()));
    device.allocate(1).expect("the fourth goes well");
    assert_eq!(device.free(block), Err(error));
    device.free(block).expect("nothing was done the first time");
    assert_eq!((machine.calls(Call::Allocate), machine.calls(Call::Free)), (4, 2));
    assert_eq!(machine.all_calls(), 6);
}
