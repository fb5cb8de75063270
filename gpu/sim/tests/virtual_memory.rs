//! Reserved addresses, physical memory, and mappings.
//!
//! - Memory is what it was, wherever it is mapped, and for as long as it is mapped.
//! - What is not mapped, or may not be touched, is an illegal address.
//! - Whatever goes wrong, nothing has changed.

mod common;

use std::sync::Arc;

use anymem_gpu_sim::{Access, Completion, Machine, Options, SimError, Trap};
use common::{read, write};
use proptest::prelude::*;

const GRAIN: usize = 64 << 10;
const GRAINS: usize = 8;

fn machine() -> Arc<Machine> {
    let memory = GRAINS * GRAIN;
    Machine::new(Options { memory, granularity: GRAIN, ..Options::default() }).expect("made")
}

/// What a test does next with one of eight places, and one of the pages there are.
#[derive(Debug, Clone, Copy)]
enum Step {
    Create { grains: usize },
    Map { place: usize, pages: usize },
    Unmap { place: usize },
    Destroy { pages: usize },
    Write { place: usize, byte: u8 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (place, pages) = (0..GRAINS, any::<usize>());
    let step = prop_oneof![
        2 => (1..3_usize).prop_map(|grains| Step::Create { grains }),
        4 => (place.clone(), pages).prop_map(|(place, pages)| Step::Map { place, pages }),
        2 => place.clone().prop_map(|place| Step::Unmap { place }),
        1 => pages.prop_map(|pages| Step::Destroy { pages }),
        4 => (place, any::<u8>()).prop_map(|(place, byte)| Step::Write { place, byte }),
    ];
    proptest::collection::vec(step, 1..60)
}

/// Physical memory: its number, if it still has one, and the first byte of each grain.
struct Known {
    name: Option<anymem_gpu_sim::Pages>,
    bytes: Vec<u8>,
}

/// What should be where.
#[derive(Default)]
struct Model {
    pages: Vec<Known>,
    /// For each place, which grain of which memory.
    places: [Option<(usize, usize)>; GRAINS],
}

impl Model {
    fn named(&self, number: usize) -> Option<usize> {
        let named: Vec<usize> =
            (0..self.pages.len()).filter(|&it| self.pages[it].name.is_some()).collect();
        named.get(number.checked_rem(named.len())?).copied()
    }

    /// Grains that are named or mapped somewhere.
    fn used(&self) -> usize {
        let mapped = |memory| self.places.iter().flatten().any(|it| it.0 == memory);
        let used = self.pages.iter().enumerate();
        used.filter(|(it, known)| known.name.is_some() || mapped(*it))
            .map(|(_, known)| known.bytes.len())
            .sum()
    }
}

fn go(machine: &Machine, base: u64, model: &mut Model, step: Step) {
    let device = machine.device(0).expect("there");
    let at = |place: usize| base + (place * GRAIN) as u64;
    match step {
        Step::Create { grains } => match device.create_pages(grains * GRAIN) {
            Ok(name) => model.pages.push(Known { name: Some(name), bytes: vec![0; grains] }),
            Err(error) => {
                assert!(matches!(error, SimError::OutOfMemory { .. }));
                assert!(model.used() + grains > GRAINS);
            }
        },
        Step::Map { place, pages } => {
            let Some(pages) = model.named(pages) else { return };
            let Known { name, bytes } = &model.pages[pages];
            let (name, grains) = (name.expect("named"), bytes.len());
            let mapped = device.map(at(place), grains * GRAIN, name);
            let fits = place + grains <= GRAINS
                && model.places[place..place + grains].iter().all(Option::is_none);
            assert_eq!(mapped.is_ok(), fits, "{mapped:?}");
            if fits {
                device.set_access(at(place), grains * GRAIN, Access::Write).expect("mapped");
                for grain in 0..grains {
                    model.places[place + grain] = Some((pages, grain));
                }
            }
        }
        Step::Unmap { place } => {
            let Some((pages, 0)) = model.places[place] else {
                let wrong = SimError::WrongAddress { address: at(place) };
                assert_eq!(device.unmap(at(place), GRAIN), Err(wrong));
                return;
            };
            let grains = model.pages[pages].bytes.len();
            device.unmap(at(place), grains * GRAIN).expect("mapped");
            model.places[place..place + grains].fill(None);
        }
        Step::Destroy { pages } => {
            let Some(pages) = model.named(pages) else { return };
            let name = model.pages[pages].name.take().expect("named");
            device.destroy_pages(name).expect("there");
        }
        Step::Write { place, byte } => {
            let filled = device.fill(None, at(place), byte, 1);
            let Some((pages, grain)) = model.places[place] else {
                assert!(matches!(filled, Err(SimError::WrongAddress { .. })));
                return;
            };
            model.pages[pages].bytes[grain] = byte;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn mappings_are_as_the_model_says(steps in steps()) {
        let (machine, mut model) = (machine(), Model::default());
        let device = machine.device(0).expect("there");
        let base = device.reserve(GRAINS * GRAIN).expect("addresses");
        for step in steps {
            go(&machine, base, &mut model, step);
            let free = (GRAINS - model.used()) * GRAIN;
            prop_assert_eq!(device.free_and_total(), Ok((free, GRAINS * GRAIN)));
        }
        for (place, found) in model.places.iter().enumerate() {
            if let Some((pages, grain)) = *found {
                let byte = model.pages[pages].bytes[grain];
                prop_assert_eq!(read(device, base + (place * GRAIN) as u64, 1), [byte]);
            }
        }
    }
}

#[test]
fn copies_go_on_in_the_next_mapping() {
    let machine = machine();
    let device = machine.device(0).expect("there");
    let base = device.reserve(2 * GRAIN).expect("addresses");
    for at in [base, base + GRAIN as u64] {
        let pages = device.create_pages(GRAIN).expect("room");
        device.map(at, GRAIN, pages).expect("mapped");
    }
    let middle = base + GRAIN as u64 - 3;
    assert!(device.fill(None, middle, 1, 6).is_err(), "nobody may touch it yet");
    device.set_access(base, 2 * GRAIN, Access::Write).expect("both");
    write(device, None, middle, b"abcdef");
    assert_eq!(read(device, middle, 6), b"abcdef");
    device.set_access(base, GRAIN, Access::Read).expect("one");
    assert!(device.fill(None, middle, 1, 1).is_err());
    assert_eq!(read(device, middle, 6), b"abcdef");
    let half = Err(SimError::WrongAddress { address: base });
    assert_eq!(device.release(base, 2 * GRAIN), half, "something is mapped there");
    device.unmap(base, 2 * GRAIN).expect("both at once");
    device.release(base, 2 * GRAIN).expect("nothing is mapped there");
    assert_eq!(device.release(base, 2 * GRAIN), half);
}

#[test]
fn sizes_are_whole_grains() {
    let machine = machine();
    let device = machine.device(0).expect("there");
    assert!(matches!(device.reserve(GRAIN + 1), Err(SimError::Invalid { .. })));
    assert!(matches!(device.create_pages(0), Err(SimError::Invalid { .. })));
    let base = device.reserve(4 * GRAIN).expect("addresses");
    assert_eq!(base % GRAIN as u64, 0);
    let pages = device.create_pages(2 * GRAIN).expect("room");
    assert!(matches!(device.map(base, GRAIN, pages), Err(SimError::Invalid { .. })));
    let beyond = base + 3 * GRAIN as u64;
    let wrong = Err(SimError::WrongAddress { address: beyond });
    assert_eq!(device.map(beyond, 2 * GRAIN, pages), wrong);
    device.destroy_pages(pages).expect("there");
    let gone = Err(SimError::NoSuch { what: "physical memory" });
    assert_eq!(device.map(base, 2 * GRAIN, pages), gone);
}

#[test]
fn what_was_unmapped_too_early_loses_the_device() {
    let options =
        Options { completion: Completion::ByHand, granularity: GRAIN, ..Options::default() };
    let machine = Machine::new(options).expect("made");
    let device = machine.device(0).expect("there");
    let base = device.reserve(GRAIN).expect("addresses");
    let pages = device.create_pages(GRAIN).expect("room");
    device.map(base, GRAIN, pages).expect("mapped");
    device.set_access(base, GRAIN, Access::Write).expect("mapped");
    let stream = device.create_stream(false).expect("made");
    device.fill(Some(stream), base, 1, 1).expect("asked");
    device.set_access(base, GRAIN, Access::Read).expect("mapped");
    let lost = SimError::Lost { device: 0, cause: Trap::IllegalAddress { address: base } };
    assert_eq!(device.synchronize(stream), Err(lost));
}

#[test]
fn descriptors_are_the_same_memory() {
    let (machine, other) = (machine(), machine());
    let (device, peer) = (machine.device(0).expect("there"), other.device(0).expect("there"));
    let pages = device.create_pages(GRAIN).expect("room");
    let descriptor = device.export_pages(pages).expect("there");
    let imported = peer.import_pages(descriptor).expect("one of ours");
    assert_eq!(peer.free_and_total().expect("told").0, GRAINS * GRAIN, "it is not the peer's");
    let places = [(device, pages), (peer, imported)].map(|(device, pages)| {
        let base = device.reserve(GRAIN).expect("addresses");
        device.map(base, GRAIN, pages).expect("mapped");
        device.set_access(base, GRAIN, Access::Write).expect("mapped");
        base
    });
    write(device, None, places[0], b"hello");
    assert_eq!(read(peer, places[1], 5), b"hello");
    let other = std::fs::File::open("/proc/self/exe").expect("there").into();
    assert!(matches!(peer.import_pages(other), Err(SimError::WrongHandle { .. })));
}
