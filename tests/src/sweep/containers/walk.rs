//! A sweep: an operation, and what is left of it after each instruction.

use super::super::audit::Order;
use super::super::memory::Memory;
use super::super::step::{Stepped, Stepper};
use super::super::survivor::survive;
use super::super::walk::{Failure, Found, Plan, place};
use super::audit::{State, audit};
use super::operations::{Between, ContainerOperation};
use super::scene::Scene;

/// Lets victims die of `operation`; heirs are not swept.
///
/// # Panics
///
/// Processes cannot be traced here, or the operation cannot be made ready.
#[must_use]
pub fn sweep_container(operation: &ContainerOperation, plan: &Plan) -> Found {
    let memory = Memory::new(Scene::BYTES);
    let scene = Scene::new(&memory);
    (operation.ready)(&scene);
    let image = memory.image();
    let sweep = Sweep { memory: &memory, scene: &scene, operation, states: Vec::new() };
    sweep.with_states(&image).run(&image, plan)
}

struct Sweep<'a> {
    memory: &'a Memory,
    scene: &'a Scene<'a>,
    operation: &'a ContainerOperation,
    /// What may be found: first that before the operation, last that after it.
    states: Vec<State>,
}

impl Sweep<'_> {
    /// Finds out what may be found, by doing it.
    fn with_states(self, image: &[u8]) -> Self {
        let state = || State::of(self.scene).expect("readable");
        let mut states = vec![state()];
        if let Between::Steps(steps) = self.operation.between {
            for step in steps {
                step(self.scene);
                states.push(state());
            }
            self.memory.restore(image);
        }
        (self.operation.act)(self.scene);
        states.push(state());
        self.memory.restore(image);
        Self { states, ..self }
    }

    fn allows(&self, found: &State) -> bool {
        self.states.contains(found) || self.operation.between.allows(&self.states[0], found)
    }

    fn run(&self, image: &[u8], plan: &Plan) -> Found {
        let mut found = Found::default();
        let mut seen = image.to_vec();
        let stepper = Stepper::start(|| (self.operation.act)(self.scene));
        self.look(0, &stepper, plan, &mut found);
        for step in 1.. {
            match stepper.step() {
                Stepped::On => {}
                Stepped::Done => {
                    found.instructions = step;
                    break;
                }
                Stepped::Ended(status) => {
                    let what = format!("the process ended by itself: wait status {status:#x}");
                    found.failures.push(Failure::new(step, "its end".into(), what));
                    break;
                }
            }
            if self.memory.refresh(&mut seen) {
                self.look(step, &stepper, plan, &mut found);
            }
        }
        found
    }

    /// Has survivors look at copies of the bytes.
    fn look(&self, step: usize, stepper: &Stepper, plan: &Plan, found: &mut Found) {
        let point = found.points;
        found.points += 1;
        if !plan.includes(point, step) {
            return;
        }
        for order in [Order::RecoverFirst, Order::UseFirst] {
            let looked = survive(|| {
                self.memory.keep_to_itself();
                let allowed = |state: &State| self.allows(state);
                audit(self.scene, order, &self.states[0], &allowed, self.operation.lost)
            });
            let failure =
                |what| Failure::new(step, place(stepper.next()), format!("{order:?}: {what}"));
            found.add(looked, failure);
        }
    }
}
