//! Deaths after every instruction of what is done with a lock.
//!
//! A survivor gets each lock, whatever the victim was doing, and is told of the
//! death if the victim may have been changing what the lock protects.

use std::fmt;
use std::mem::forget;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anymem::container::{Cause, LockError, ShmBox, ShmCondvar, ShmMutex, ShmRwLock, ShmSafe};
use anymem_core::allocator::{Registration, ThreadLocalAllocator, registry};
use anymem_core::backend::Backend;
use anymem_core::offset::AllocatorId;
use anymem_core::segment::Config;
use anymem_core::sync::READERS;
use anymem_core::thread::Owner;

use super::cast::{Cast, Role};
use super::memory::{Memory, Window};
use super::stage::SHIFT;
use super::step::{Stepped, Stepper};
use super::survivor::survive;
use super::walk::{Death, Failure, Found, Plan, place};

/// Two numbers that are equal when nobody changes them.
type Pair = [u64; 2];

/// The locks that a victim dies of.
#[derive(ShmSafe)]
#[repr(C)]
struct Locks {
    mutex: ShmMutex<Pair>,
    shared: ShmRwLock<Pair>,
    changed: ShmCondvar,
}

/// Something to do with a lock, and to die of.
#[derive(Clone, Copy)]
pub struct LockOperation {
    /// What it is called.
    pub name: &'static str,
    /// Makes the locks ready.
    prepare: fn(&Stage),
    /// What the victim does.
    act: fn(&Locks),
    /// What the survivor does.
    look: fn(&Locks) -> Result<(), String>,
}

impl fmt::Debug for LockOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// All operations.
pub const LOCK_OPERATIONS: &[LockOperation] = &[
    LockOperation { name: "lock", prepare: nothing, act: lock, look: use_mutex },
    LockOperation { name: "lock-queued", prepare: queue, act: lock_queued, look: use_mutex },
    LockOperation { name: "lock-inherit", prepare: die_locking, act: inherit, look: use_mutex },
    LockOperation {
        name: "lock-abandon",
        prepare: die_locking,
        act: abandon,
        look: find_abandoned,
    },
    LockOperation { name: "lock-in-vain", prepare: hold, act: lock_in_vain, look: use_mutex },
    LockOperation { name: "read", prepare: nothing, act: read, look: find_untouched },
    LockOperation { name: "read-at-gate", prepare: die_reading, act: read, look: find_untouched },
    LockOperation {
        name: "read-inherit",
        prepare: die_writing,
        act: read_inherit,
        look: use_shared,
    },
    LockOperation { name: "write", prepare: nothing, act: write, look: use_shared },
    LockOperation { name: "write-strike-out", prepare: die_reading, act: write, look: use_shared },
    LockOperation { name: "wait", prepare: nothing, act: wait, look: use_mutex },
    LockOperation { name: "notify", prepare: nothing, act: notify, look: use_mutex },
];

fn nothing(_: &Stage) {}

/// Somebody is in line who never comes.
fn queue(stage: &Stage) {
    // The words of the mutex behind its id: the lock and the line, see
    // `sync/fair_lock.rs` and `sync/line.rs`. The lock is free for those inside,
    // who are one.
    let queued = Owner::SPARE_BITS & Owner::SPARE_BITS.wrapping_neg();
    stage.word_of_mutex(0).store(queued, Ordering::Relaxed);
    stage.word_of_mutex(1).store(1, Ordering::Relaxed);
}

fn die_locking(stage: &Stage) {
    stage.cast().act_as(Role::Neighbour);
    forget(stage.locks().mutex.lock().expect("free"));
    stage.cast().bury(Role::Neighbour);
}

/// The neighbour has the lock until the victim is dead.
fn hold(stage: &Stage) {
    stage.cast().act_as(Role::Neighbour);
    forget(stage.locks().mutex.lock().expect("free"));
}

fn die_reading(stage: &Stage) {
    stage.cast().act_as(Role::Neighbour);
    (0..=READERS).for_each(|_| forget(stage.locks().shared.read().expect("free")));
    stage.cast().bury(Role::Neighbour);
}

fn die_writing(stage: &Stage) {
    stage.cast().act_as(Role::Neighbour);
    forget(stage.locks().shared.write().expect("free"));
    stage.cast().bury(Role::Neighbour);
}

/// Changes one number and then the other.
fn change(pair: &mut Pair) {
    for number in pair {
        // SAFETY: exclusive; volatile, so that the two stores are two.
        unsafe { ptr::write_volatile(number, *number + 1) };
    }
}

fn lock(locks: &Locks) {
    (0..2).for_each(|_| change(&mut locks.mutex.lock().expect("free")));
}

fn lock_queued(locks: &Locks) {
    change(&mut locks.mutex.try_lock().expect("free"));
    lock(locks);
}

fn inherit(locks: &Locks) {
    let mut guard = locks.mutex.lock().expect_err("somebody died").into_guard().expect("told");
    change(&mut guard);
    guard.mark_consistent();
}

fn abandon(locks: &Locks) {
    drop(locks.mutex.lock().expect_err("somebody died"));
}

fn lock_in_vain(locks: &Locks) {
    assert!(matches!(locks.mutex.lock_timeout(Duration::from_secs(5)), Err(LockError::Busy(_))));
}

fn read(locks: &Locks) {
    (0..2).for_each(|_| assert_eq!(*locks.shared.read().expect("free"), [0, 0]));
}

fn read_inherit(locks: &Locks) {
    let told = locks.shared.read().map(|_| ()).expect_err("somebody died");
    let mut guard = told.into_guard().expect("told");
    change(&mut guard);
    guard.mark_consistent();
    drop(guard);
    assert!(locks.shared.read().is_ok());
}

fn write(locks: &Locks) {
    (0..2).for_each(|_| change(&mut locks.shared.write().expect("free")));
}

fn wait(locks: &Locks) {
    let guard = locks.mutex.lock().expect("free");
    let waited = locks.changed.wait_timeout(guard, Duration::from_secs(2));
    change(&mut waited.expect("free").0);
}

fn notify(locks: &Locks) {
    // Somebody waited, and is gone.
    let guard = locks.mutex.lock().expect("free");
    drop(locks.changed.wait_timeout(guard, Duration::from_secs(1)));
    locks.changed.notify_one().expect("attached");
    drop(locks.changed.wait_timeout(locks.mutex.lock().expect("free"), Duration::from_secs(1)));
    locks.changed.notify_all().expect("attached");
}

/// The dead there are to be told of.
fn is_dead(cause: Cause) -> bool {
    let Cause::Died(owner) = cause else { return false };
    [Role::Victim, Role::Neighbour].iter().any(|&role| role as u32 == owner.pid)
}

/// What somebody was told who asked for a pair of numbers.
fn judge<G: std::ops::DerefMut<Target = Pair>>(
    taken: Result<G, LockError<G>>,
    mark: impl FnOnce(&mut G),
) -> Result<(), String> {
    match taken {
        Ok(pair) if pair[0] == pair[1] => Ok(()),
        Ok(pair) => Err(format!("{:?} was left, and nobody told", *pair)),
        Err(LockError::Inconsistent { mut guard, cause }) if is_dead(cause) => {
            guard[1] = guard[0];
            mark(&mut guard);
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    }
}

fn use_mutex(locks: &Locks) -> Result<(), String> {
    judge(locks.mutex.lock(), |guard| guard.mark_consistent())?;
    let again = locks.mutex.lock().map_err(|error| format!("told twice: {error}"))?;
    let (_again, _) = locks
        .changed
        .wait_timeout(again, Duration::from_secs(1))
        .map_err(|error| format!("after waiting: {error}"))?;
    locks.changed.notify_all().map_err(|error| error.to_string())
}

/// The neighbour's death is told or was abandoned, but never forgotten.
fn find_abandoned(locks: &Locks) -> Result<(), String> {
    match locks.mutex.lock() {
        Err(LockError::Inconsistent { cause, .. } | LockError::Abandoned(cause))
            if is_dead(cause) => {}
        other => return Err(format!("{other:?}")),
    }
    let mut guard = locks.mutex.recover().map_err(|error| error.to_string())?;
    guard.mark_consistent();
    drop(guard);
    use_mutex(locks)
}

fn use_shared(locks: &Locks) -> Result<(), String> {
    judge(locks.shared.write(), |guard| guard.mark_consistent())?;
    read_and_write(locks)
}

/// Nobody wrote, so nobody is told of anything.
fn find_untouched(locks: &Locks) -> Result<(), String> {
    read_and_write(locks)
}

fn read_and_write(locks: &Locks) -> Result<(), String> {
    let read = locks.shared.read().map(|pair| pair[0] == pair[1]);
    match read {
        Ok(true) => {}
        Ok(false) => return Err("half of a change was read".into()),
        Err(error) => return Err(format!("told of nothing: {error}")),
    }
    let written = locks.shared.write().map(drop).map_err(|error| format!("told: {error}"));
    written.and_then(|()| locks.shared.try_read().map(drop).map_err(|error| error.to_string()))
}

type Heap = ThreadLocalAllocator<Window<'static>, Cast, SHIFT>;

/// A heap with locks in it, which this process has attached.
struct Stage {
    memory: &'static Memory,
    heap: &'static Heap,
    registration: NonNull<Registration>,
    locks: ShmBox<Locks>,
}

impl Stage {
    const BYTES: usize = 640 << 10;

    /// Another heap than those of other sweeps, which may run beside this one.
    const CONFIG: Config = Config::new(AllocatorId::new(0, 4712)).slots(Role::COUNT);

    fn new() -> Self {
        let memory: &Memory = Box::leak(Box::new(Memory::new(Self::BYTES)));
        let window = Window::new(memory, 0);
        let (base, len) = (window.base(), window.len());
        let heap = Heap::create(window, Cast::new(Role::Survivor), &Self::CONFIG);
        let heap: &Heap = Box::leak(Box::new(heap.expect("room for a heap")));
        // SAFETY: the heap and its memory are never given back.
        let registration = Box::leak(Box::new(unsafe { Registration::new(heap, base, len) }));
        let registration = NonNull::from(registration);
        // SAFETY: as above.
        unsafe { registry::register(registration) }.expect("one such sweep at a time");
        let locks = Locks {
            mutex: ShmMutex::new_in([0; 2], heap),
            shared: ShmRwLock::new_in([0; 2], heap),
            changed: ShmCondvar::new_in(heap),
        };
        let locks = ShmBox::new_in(locks, heap).expect("room");
        Self { memory, heap, registration, locks }
    }

    fn cast(&self) -> &Cast {
        self.heap.segment().model()
    }

    fn locks(&self) -> &Locks {
        self.locks.get().expect("attached")
    }

    /// The word of that number behind the mutex's id.
    fn word_of_mutex(&self, number: usize) -> &AtomicUsize {
        let start = ptr::from_ref(&self.locks().mutex).cast::<AtomicUsize>();
        // SAFETY: the mutex is `repr(C)`: an id of 8 bytes, then atomic words.
        unsafe { &*start.byte_add(8).add(number) }
    }

    /// A copy of the locks' bytes.
    fn bytes(&self) -> Vec<u8> {
        let start = ptr::from_ref(self.locks()).cast::<u8>();
        // SAFETY: as long as the locks; whoever else uses them is stopped.
        unsafe { slice::from_raw_parts(start, size_of::<Locks>()) }.to_vec()
    }

    /// What a survivor says of the bytes as they are.
    fn look(&self, operation: &LockOperation) -> Result<usize, String> {
        survive(|| {
            self.memory.keep_to_itself();
            [Role::Victim, Role::Neighbour].iter().for_each(|&role| self.cast().bury(role));
            self.cast().act_as(Role::Survivor);
            (operation.look)(self.locks()).map(|()| 0)
        })
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        registry::unregister(self.registration);
    }
}

/// Lets victims die of `operation`, at every instruction that changed the locks or
/// at those that `plan` chooses. Nobody dies of recovering here.
///
/// # Panics
///
/// Processes cannot be traced here, or another such sweep runs in this process.
#[must_use]
pub fn sweep_lock(operation: &LockOperation, plan: &Plan) -> Found {
    let stage = Stage::new();
    (operation.prepare)(&stage);
    let image = stage.memory.image();
    stage.cast().act_as(Role::Victim);
    let mut found = Found::default();
    let mut seen = stage.bytes();
    let stepper = Stepper::start(|| (operation.act)(stage.locks()));
    let mut killed = Vec::new();
    loop {
        let (step, point) = (found.instructions, found.points);
        let now = stage.bytes();
        if step == 0 || now != seen {
            seen = now;
            found.points += 1;
            if plan.includes(point, step) && plan.death == Death::Killed {
                killed.push(step);
            } else if plan.includes(point, step) {
                note(&mut found, step, place(stepper.next()), stage.look(operation));
            }
        }
        match stepper.step() {
            Stepped::On => found.instructions += 1,
            Stepped::Done => break,
            Stepped::Ended(status) => {
                let what = format!("the process ended by itself: wait status {status:#x}");
                note(&mut found, step, "its end".into(), Err(what));
                break;
            }
        }
    }
    drop(stepper);
    for step in killed {
        stage.memory.restore(&image);
        let stepper = Stepper::start(|| (operation.act)(stage.locks()));
        (0..step).for_each(|_| assert_eq!(stepper.step(), Stepped::On, "it went further before"));
        let place = place(stepper.next());
        drop(stepper);
        note(&mut found, step, place, stage.look(operation));
    }
    found
}

fn note(found: &mut Found, step: usize, place: String, looked: Result<usize, String>) {
    found.deaths += 1;
    if let Err(what) = looked {
        found.failures.push(Failure { step, heir: None, place, what });
    }
}
