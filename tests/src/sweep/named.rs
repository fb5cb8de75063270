//! Deaths while a heap is created by name, opened and first used.
//!
//! All as users do it: a heap in a directory, real processes, and SIGKILL. A death
//! is looked at after every instruction that changed what others can see: the
//! names in the directory, and the heap's bytes up to its first blocks.

use std::fs::File;
use std::os::unix::fs::FileExt;

use anymem::allocator::Allocator;
use anymem::{HeapError, HeapOptions, SharedHeap, Size};
use anymem_core::thread::Context;

use super::stage::layout;
use super::step::{Stepped, Stepper};
use super::survivor::survive;
use super::walk::{Failure, Found, Plan, place};
use crate::Directory;

/// What the heaps are called.
const NAME: &str = "it";

/// Bytes of a heap that are looked at after each instruction.
const SEEN: usize = 64 << 10;

/// Something to die of.
#[derive(Debug, Clone, Copy)]
pub struct NamedOperation {
    /// What it is called.
    pub name: &'static str,
    /// Whether it is short enough to look at all of it each time.
    pub short: bool,
    /// Whether there is a heap already.
    exists: bool,
    /// The most blocks that a death may lose.
    lost: usize,
    act: fn(&HeapOptions),
}

/// All operations.
pub const NAMED_OPERATIONS: &[NamedOperation] = &[
    NamedOperation { name: "named-create", short: true, exists: false, lost: 0, act: create },
    NamedOperation { name: "named-open", short: false, exists: true, lost: 1, act: open },
];

fn create(options: &HeapOptions) {
    options.create(NAME, Size::mib(2)).expect("a new name");
}

/// Opens a heap and claims a slot for a block.
fn open(options: &HeapOptions) {
    let heap = options.open(NAME).expect("there");
    heap.allocate(Context::DEFAULT, layout(48)).expect("room");
}

/// Lets victims die of `operation`: after one change in `plan.every`, for each
/// takes a victim of its own. They are killed.
///
/// # Panics
///
/// Processes cannot be traced here, or the operation cannot be made ready.
#[must_use]
pub fn sweep_named(operation: &NamedOperation, plan: &Plan) -> Found {
    let mut found = Found::default();
    for change in (plan.phase..).step_by(plan.every) {
        let stage = Stage::new(operation);
        let (step, place) = match stage.kill_after(change) {
            Died::Killed { step, place } => (step, place),
            Died::Done { steps } => {
                found.instructions = steps;
                break;
            }
            Died::Ended { step, status } => {
                let what = format!("the process ended by itself: wait status {status:#x}");
                found.failures.push(Failure::new(step, "its end".into(), what));
                break;
            }
        };
        found.points = change + 1;
        found.add(survive(|| stage.look()), |what| Failure::new(step, place, what));
    }
    found
}

/// What became of a victim.
enum Died {
    /// It was killed before the instruction at `place`.
    Killed { step: usize, place: String },
    /// It had done everything before.
    Done { steps: usize },
    /// It ended by itself.
    Ended { step: usize, status: i32 },
}

/// What others see of a heap: how many names there are, and its bytes.
type Seen = (usize, Vec<u8>);

struct Stage<'o> {
    operation: &'o NamedOperation,
    dir: Directory,
    options: HeapOptions,
}

impl<'o> Stage<'o> {
    fn new(operation: &'o NamedOperation) -> Self {
        let dir = Directory::new(operation.name);
        let options = HeapOptions::new().directory(dir.path()).slots(4).roots(4);
        if operation.exists {
            // In a process of its own: this one has no heap attached.
            let made = survive(|| options.create(NAME, Size::mib(2)).map(|_| 0).map_err(text));
            made.expect("a heap");
        }
        Self { operation, dir, options }
    }

    /// Kills a victim after the change with the number `count`; 0 is the start.
    fn kill_after(&self, count: usize) -> Died {
        let stepper = Stepper::start(|| (self.operation.act)(&self.options));
        let mut file = self.file();
        let (mut seen, mut changes) = (self.seen(file.as_ref()), 0);
        for step in 0.. {
            if changes == count {
                return Died::Killed { step, place: place(stepper.next()) };
            }
            match stepper.step() {
                Stepped::On => {}
                Stepped::Done => return Died::Done { steps: step },
                Stepped::Ended(status) => return Died::Ended { step, status },
            }
            file = file.or_else(|| self.file());
            let now = self.seen(file.as_ref());
            if now != seen {
                changes += 1;
                seen = now;
            }
        }
        unreachable!("a process does not run for ever")
    }

    /// The heap, if it has its name.
    fn file(&self) -> Option<File> {
        let name = self.dir.names().pop()?;
        File::open(self.dir.path().join(name)).ok()
    }

    fn seen(&self, file: Option<&File>) -> Seen {
        let names = if self.operation.exists { 1 } else { self.dir.names().len() };
        let mut bytes = vec![0; SEEN];
        let read = file.and_then(|file| file.read_at(&mut bytes, 0).ok());
        bytes.truncate(read.unwrap_or(0));
        (names, bytes)
    }

    /// What a survivor finds; how many blocks were lost.
    fn look(&self) -> Result<usize, String> {
        let names = self.dir.names();
        let heap = match (self.options.open(NAME), self.operation.exists) {
            (Err(HeapError::Missing { .. }), false) if names.is_empty() => {
                self.options.create(NAME, Size::mib(2)).map_err(text)?
            }
            (opened, _) => opened.map_err(text)?,
        };
        if self.dir.names().len() != 1 {
            return Err(format!("left behind: {names:?}"));
        }
        heap.recover();
        heap.check().map_err(text)?;
        let lost = heap.stats().live_blocks;
        if lost > self.operation.lost {
            return Err(format!("{lost} blocks were lost"));
        }
        let strangers = heap.owners().filter(|owner| owner.pid != std::process::id()).count();
        match strangers {
            0 => use_heap(&heap, lost),
            _ => Err("a dead one holds a slot".into()),
        }
    }
}

/// Allocates a block and names a value; how many blocks were lost.
fn use_heap(heap: &SharedHeap, lost: usize) -> Result<usize, String> {
    // SAFETY: nobody else uses the heap, and it has no roots.
    let freed = unsafe { heap.reclaim_unreachable(&[], &[]) }.map_err(text)?;
    if freed.blocks != lost {
        return Err(format!("{} blocks of {lost} came back", freed.blocks));
    }
    heap.root_or_create("number", |_| Ok(7_u64)).map_err(text)?;
    heap.check().map_err(text)?;
    Ok(lost)
}

fn text(error: impl ToString) -> String {
    error.to_string()
}
