//! A sweep: an operation, and what is left of it after each instruction.

use std::fmt;

use super::audit::{Order, audit, audit_creation};
use super::cast::Role;
use super::memory::Memory;
use super::operations::{Act, Loss, Operation, Script};
use super::stage::Stage;
use super::step::{Stepped, Stepper};
use super::survivor::survive;

/// How a victim dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// It stands still for ever.
    Stopped,
    /// By SIGKILL. Takes the square of the time, for each death is another's.
    Killed,
}

/// Which deaths are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How they come.
    pub death: Death,
    /// One in so many.
    pub every: usize,
    /// The first of them, below `every`.
    pub phase: usize,
    /// After one in so many of these, the death of who recovers is swept as well;
    /// 0 for none.
    pub heirs: usize,
    /// This one alone, by its instruction.
    pub step: Option<usize>,
}

impl Plan {
    /// All deaths.
    pub const ALL: Self = Self { death: Death::Stopped, every: 1, phase: 0, heirs: 0, step: None };

    pub(super) fn includes(&self, point: usize, step: usize) -> bool {
        self.step.map_or(point % self.every == self.phase, |only| only == step)
    }

    fn has_heir(&self, point: usize) -> bool {
        self.heirs != 0 && (point / self.every).is_multiple_of(self.heirs)
    }
}

/// Something that does not hold after a death.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How many instructions the victim ran.
    pub step: usize,
    /// How many its heir ran, if it is who died of it.
    pub heir: Option<usize>,
    /// The instruction that was not run any more: a file and an offset in it.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

impl Failure {
    fn new(step: usize, place: String, what: String) -> Self {
        Self { step, heir: None, place, what }
    }

    /// The same, said of who recovered a victim that ran `after` instructions.
    fn of_heir(self, after: usize) -> Self {
        Self { step: after, heir: Some(self.step), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}", self.step)?;
        if let Some(step) = self.heir {
            write!(f, ", recovered for {step}")?;
        }
        write!(f, ", before {}: {}", self.place, self.what)
    }
}

/// What a sweep found.
#[derive(Debug, Default, Clone)]
pub struct Found {
    /// Instructions of the operation.
    pub instructions: usize,
    /// Those of them that changed the heap.
    pub points: usize,
    /// Deaths that were looked at.
    pub deaths: usize,
    /// Blocks that they lost, all together.
    pub lost: usize,
    /// What does not hold.
    pub failures: Vec<Failure>,
}

impl Found {
    fn or_failed(&mut self, walked: Result<usize, Failure>) -> usize {
        walked.unwrap_or_else(|failure| {
            let step = failure.step;
            self.failures.push(failure);
            step
        })
    }

    fn add(&mut self, looked: Result<usize, String>, failure: impl FnOnce(String) -> Failure) {
        self.deaths += 1;
        match looked {
            Ok(lost) => self.lost += lost,
            Err(what) => self.failures.push(failure(what)),
        }
    }
}

/// Lets victims die of `operation`.
///
/// # Panics
///
/// Processes cannot be traced here, or the operation cannot be made ready.
#[must_use]
pub fn sweep(operation: &Operation, plan: &Plan) -> Found {
    let memory = Memory::new(Stage::BYTES);
    let empty = memory.image();
    let stage = Stage::new(&memory, Role::Survivor);
    let (act, creates): (Act<'_>, bool) = match operation.script {
        Script::Play(play) => (play(&stage), false),
        Script::Creation => (
            Box::new(|| {
                let _: Stage<'_> = Stage::new(&memory, Role::Victim);
            }),
            true,
        ),
    };
    let image = if creates { empty } else { memory.image() };
    let metadata = stage.metadata();
    stage.cast().act_as(Role::Victim);
    let sweep =
        Sweep { memory: &memory, stage: &stage, metadata, plan, creates, loss: operation.loss };
    sweep.run(&image, &*act)
}

struct Sweep<'a> {
    memory: &'a Memory,
    stage: &'a Stage<'a>,
    metadata: usize,
    plan: &'a Plan,
    creates: bool,
    loss: Loss,
}

impl Sweep<'_> {
    fn run(&self, image: &[u8], act: &dyn Fn()) -> Found {
        let (mut found, mut chosen) = (Found::default(), Vec::new());
        let walked = self.walk(image, act, |step, stepper| {
            let point = found.points;
            found.points += 1;
            if !self.plan.includes(point, step) {
                return;
            }
            let inherited = self.plan.has_heir(point).then(|| self.memory.image());
            chosen.push((step, inherited));
            if self.plan.death == Death::Stopped {
                let place = place(stepper.next());
                found.add(self.look(&[Role::Victim]), |what| Failure::new(step, place, what));
            }
        });
        found.instructions = found.or_failed(walked);
        for (step, inherited) in chosen {
            if self.plan.death == Death::Killed {
                let place = self.kill(image, act, step);
                found.add(self.look(&[Role::Victim]), |what| Failure::new(step, place, what));
            }
            if let Some(image) = inherited {
                self.run_heir(&image, step, &mut found);
            }
        }
        found
    }

    /// Kills a victim of its own after so many instructions; where.
    fn kill(&self, image: &[u8], act: &dyn Fn(), step: usize) -> String {
        self.memory.restore(image);
        let stepper = Stepper::start(act);
        for _ in 0..step {
            assert_eq!(stepper.step(), Stepped::On, "it went further the last time");
        }
        place(stepper.next())
    }

    /// Lets who recovers what is in `image` die of that.
    fn run_heir(&self, image: &[u8], after: usize, found: &mut Found) {
        let recover = || {
            self.stage.cast().bury(Role::Victim);
            self.stage.cast().act_as(Role::Heir);
            self.stage.heap.recover();
        };
        let mut point = 0;
        let walked = self.walk(image, &recover, |step, stepper| {
            point += 1;
            if point % self.plan.every == self.plan.phase {
                let place = place(stepper.next());
                let looked = self.look(&[Role::Victim, Role::Heir]);
                found.add(looked, |what| Failure::new(step, place, what).of_heir(after));
            }
        });
        found.or_failed(walked.map_err(|failure| failure.of_heir(after)));
    }

    /// Runs `act` by single instructions; how many. Calls `visit` wherever the
    /// heap has changed.
    fn walk(
        &self,
        image: &[u8],
        act: &dyn Fn(),
        mut visit: impl FnMut(usize, &Stepper),
    ) -> Result<usize, Failure> {
        self.memory.restore(image);
        let mut seen = image[..self.metadata].to_vec();
        let stepper = Stepper::start(act);
        visit(0, &stepper);
        for step in 1.. {
            match stepper.step() {
                Stepped::On => {}
                Stepped::Done => return Ok(step),
                Stepped::Ended(status) => {
                    let what = format!("the process ended by itself: wait status {status:#x}");
                    return Err(Failure::new(step, "its end".into(), what));
                }
            }
            if self.memory.refresh(&mut seen) {
                visit(step, &stepper);
            }
        }
        unreachable!("a process does not run for ever")
    }

    /// Has survivors look at copies of the bytes; the most blocks that were lost.
    fn look(&self, dead: &[Role]) -> Result<usize, String> {
        let recovered = self.look_in(Order::RecoverFirst, dead);
        let used = self.look_in(Order::UseFirst, dead);
        match (recovered, used) {
            (Ok(lost), Ok(more)) => Ok(lost.max(more)),
            (Err(what), Ok(_)) => Err(format!("recovered first: {what}")),
            (Ok(_), Err(what)) => Err(format!("used first: {what}")),
            (Err(what), Err(more)) => Err(format!("recovered first: {what}; used first: {more}")),
        }
    }

    fn look_in(&self, order: Order, dead: &[Role]) -> Result<usize, String> {
        survive(|| {
            self.memory.keep_to_itself();
            match self.creates {
                true => audit_creation(self.memory, order),
                false => audit(self.stage, dead, self.loss, order),
            }
        })
    }
}

/// The file that has an instruction, and where in it: for `addr2line`.
pub(super) fn place(address: usize) -> String {
    // SAFETY: plain numbers and pointers.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: any address may be asked for; the answer is written to `info`.
    let known = unsafe { libc::dladdr(std::ptr::without_provenance(address), &raw mut info) };
    if known == 0 {
        return format!("{address:#x}");
    }
    // SAFETY: the name of a loaded file, which ends in a zero byte.
    let name = unsafe { std::ffi::CStr::from_ptr(info.dli_fname) }.to_string_lossy();
    let name = name.rsplit('/').next().unwrap_or_default();
    format!("{name}+{:#x}", address - info.dli_fbase.addr())
}
