//! One thread of a device.

use std::sync::LazyLock;
use std::sync::atomic::fence;
use std::time::{Duration, Instant};

use super::Reason;
use super::code::{Atomic, Function, Instruction, Operation, Place, Register, Special, Value};
use super::memory::{Resolver, Word};
use crate::{Access, Grid};

/// How deep functions call functions.
const DEPTH: usize = 64;

/// For how long a thread sleeps at most.
const LONGEST: Duration = Duration::from_millis(1);

/// What the timer counts from: one that never goes back, unlike the time of day.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What all threads of a launch have in common.
pub(super) struct Launched<'l> {
    pub(super) functions: &'l [Function],
    pub(super) kernel: &'l Function,
    pub(super) arguments: &'l [u64],
    pub(super) memory: &'l Resolver<'l>,
    pub(super) grid: &'l Grid,
}

/// A function that was called, and where it is.
struct Frame<'l> {
    function: &'l Function,
    next: usize,
    /// Where its registers begin.
    registers: usize,
    /// The caller's register that its result is for.
    to: Option<Register>,
}

/// A thread: what it knows, and where it is.
pub(super) struct Thread<'l> {
    launched: &'l Launched<'l>,
    /// Its number in the grid.
    pub(super) number: u64,
    /// How many instructions it had.
    pub(super) steps: u64,
    registers: Vec<u64>,
    frames: Vec<Frame<'l>>,
}

impl<'l> Thread<'l> {
    pub(super) fn new(launched: &'l Launched<'l>, number: u64) -> Self {
        let function = launched.kernel;
        let first = Frame { function, next: 0, registers: 0, to: None };
        let registers = vec![0; function.registers.len()];
        Self { launched, number, steps: 0, registers, frames: vec![first] }
    }

    /// The line of the instruction that comes next.
    pub(super) fn line(&self) -> u32 {
        self.frames.last().and_then(current).map_or(0, |instruction| instruction.line)
    }

    /// Runs one instruction; whether there is another one.
    ///
    /// # Safety
    ///
    /// As [`Word::at`].
    pub(super) unsafe fn step(&mut self) -> Result<bool, Reason> {
        self.steps += 1;
        let Some(frame) = self.frames.last_mut() else { return Ok(false) };
        // A function that has no more is at its end.
        let Some(instruction) = current(frame) else { return Ok(self.leave()) };
        if let Some((register, if_so)) = instruction.guard
            && (self.get(register) != 0) != if_so
        {
            self.goes_on();
            return Ok(true);
        }
        match &instruction.operation {
            Operation::Branch { target } => self.go_to(*target),
            Operation::Call { function, arguments, to } => self.call(*function, arguments, *to)?,
            Operation::Return => return Ok(self.leave()),
            Operation::Exit => return Ok(false),
            other => {
                // SAFETY: passed on from the caller.
                unsafe { self.work(other) }?;
                self.goes_on();
            }
        }
        Ok(true)
    }

    /// Runs an instruction after which the next one comes.
    ///
    /// # Safety
    ///
    /// As [`Word::at`].
    unsafe fn work(&mut self, operation: &Operation) -> Result<(), Reason> {
        match operation {
            Operation::Move { to, value } => self.set(*to, self.value(*value)),
            Operation::Compute { by, size, to, values } => {
                self.set(*to, by.of(*size, values.map(|value| self.value(value))));
            }
            Operation::MultiplyAdd { size, to, values } => {
                let [a, b, c] = values.map(|value| self.value(value));
                self.set(*to, size.cut(a.wrapping_mul(b).wrapping_add(c)));
            }
            Operation::Convert { size, to, value } => {
                self.set(*to, size.cut(self.value(*value)));
            }
            Operation::Compare { by, to, values, also } => {
                let holds = by.holds(values.map(|value| self.value(value)));
                let all = also.map(|(with, register)| with.of(holds, self.get(register) != 0));
                self.set(*to, all.unwrap_or(holds).into());
            }
            Operation::Select { to, values: [yes, no], if_so } => {
                let chosen = if self.get(*if_so) != 0 { yes } else { no };
                self.set(*to, self.value(*chosen));
            }
            Operation::Argument { to, number } => {
                let argument = self.launched.arguments.get(*number).copied().unwrap_or_default();
                self.set(*to, argument);
            }
            Operation::Sleep { nanoseconds } => {
                let time = Duration::from_nanos(self.value(*nanoseconds));
                std::thread::sleep(time.min(LONGEST));
            }
            Operation::Fence(order) => fence(*order),
            // SAFETY: passed on from the caller.
            other => unsafe { self.access(other) }?,
        }
        Ok(())
    }

    /// Loads, stores, or changes a word of the memory.
    ///
    /// # Safety
    ///
    /// As [`Word::at`].
    unsafe fn access(&mut self, operation: &Operation) -> Result<(), Reason> {
        let memory = self.launched.memory;
        match operation {
            Operation::Load { size, order, to, at } => {
                // SAFETY: passed on from the caller.
                let word = unsafe { Word::at(memory, self.address(*at), *size, Access::Read) }?;
                self.set(*to, word.load(*order));
            }
            Operation::Store { size, order, at, value } => {
                // SAFETY: passed on from the caller.
                let word = unsafe { Word::at(memory, self.address(*at), *size, Access::Write) }?;
                word.store(self.value(*value), *order);
            }
            Operation::Atomic(atomic) => {
                let Atomic { by, size, order, to, at, values } = &**atomic;
                // SAFETY: passed on from the caller.
                let word = unsafe { Word::at(memory, self.address(*at), *size, Access::Write) }?;
                let before = word.change(*by, values.map(|value| self.value(value)), *order);
                to.iter().for_each(|to| self.set(*to, before));
            }
            _ => {}
        }
        Ok(())
    }

    fn call(
        &mut self,
        function: usize,
        arguments: &[Value],
        to: Option<Register>,
    ) -> Result<(), Reason> {
        let functions = self.launched.functions;
        let Some(function) = functions.get(function).filter(|_| self.frames.len() < DEPTH) else {
            return Err(Reason::TooDeep);
        };
        let registers = self.registers.len();
        self.registers.resize(registers + function.registers.len(), 0);
        for (register, value) in function.arguments.iter().zip(arguments) {
            let value = self.value(*value);
            if let Some(place) = self.registers.get_mut(registers + register) {
                *place = value;
            }
        }
        self.goes_on();
        self.frames.push(Frame { function, next: 0, registers, to });
        Ok(())
    }

    /// Ends a function; whether another one called it.
    fn leave(&mut self) -> bool {
        let result = self.frames.last().and_then(|frame| frame.function.result);
        let result = result.map(|register| self.get(register));
        let Some(left) = self.frames.pop() else { return false };
        self.registers.truncate(left.registers);
        if let (Some(to), Some(result)) = (left.to, result) {
            self.set(to, result);
        }
        !self.frames.is_empty()
    }

    fn goes_on(&mut self) {
        self.frames.iter_mut().next_back().into_iter().for_each(|frame| frame.next += 1);
    }

    fn go_to(&mut self, target: usize) {
        self.frames.iter_mut().next_back().into_iter().for_each(|frame| frame.next = target);
    }

    fn place(&self, register: Register) -> usize {
        self.frames.last().map_or(0, |frame| frame.registers) + register
    }

    fn get(&self, register: Register) -> u64 {
        self.registers.get(self.place(register)).copied().unwrap_or_default()
    }

    fn set(&mut self, register: Register, value: u64) {
        let place = self.place(register);
        if let Some(found) = self.registers.get_mut(place) {
            *found = value;
        }
    }

    fn value(&self, value: Value) -> u64 {
        match value {
            Value::Register(register) => self.get(register),
            Value::Number(number) => number,
            Value::Special(special) => self.special(special),
        }
    }

    fn special(&self, special: Special) -> u64 {
        let Grid { blocks, threads } = *self.launched.grid;
        let in_block: u64 = threads.iter().map(|count| u64::from(*count)).product();
        match special {
            Special::Thread(direction) => along(threads, self.number % in_block, direction),
            Special::Block(direction) => along(blocks, self.number / in_block, direction),
            Special::Threads(direction) => threads.get(direction).copied().unwrap_or(1).into(),
            Special::Blocks(direction) => blocks.get(direction).copied().unwrap_or(1).into(),
            Special::Timer => START.elapsed().as_nanos() as u64,
        }
    }

    fn address(&self, at: Place) -> u64 {
        self.value(at.base).wrapping_add(at.distance)
    }
}

/// How far along a direction the one of that number is, where x counts fastest.
fn along([x, y, z]: [u32; 3], number: u64, direction: usize) -> u64 {
    let (x, y, z) = (u64::from(x), u64::from(y), u64::from(z));
    match direction {
        0 => number % x,
        1 => number / x % y,
        _ => number / (x * y) % z,
    }
}

/// The instruction that comes next in a function.
fn current<'l>(frame: &Frame<'l>) -> Option<&'l Instruction> {
    frame.function.code.get(frame.next)
}
