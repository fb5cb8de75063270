//! Deaths after every instruction of what is done with a lock.
//!
//! A survivor gets each lock, whatever the victim was doing, and is told of the
//! death if the victim may have been changing what the lock protects.

use std::fmt;
use std::mem::forget;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anymem::container::{
    BarrierError, Cause, LockError, ShmBarrier, ShmBox, ShmCondvar, ShmMutex, ShmOnce, ShmRwLock,
    ShmSafe, ShmSemaphore,
};
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
    once: ShmOnce<Pair>,
    permits: ShmSemaphore,
    lone: ShmBarrier,
    barrier: ShmBarrier,
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
    LockOperation { name: "once", prepare: nothing, act: make_once, look: use_once },
    LockOperation { name: "permits", prepare: nothing, act: use_permits, look: find_permits },
    LockOperation {
        name: "permits-inherit",
        prepare: die_permitted,
        act: use_permits,
        look: find_permits,
    },
    LockOperation { name: "barrier", prepare: nothing, act: pass, look: use_barriers },
    LockOperation { name: "barrier-broken", prepare: die_joined, act: miss, look: use_barriers },
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

fn make_once(locks: &Locks) {
    let made = locks.once.get_or_init(|| {
        let mut pair = [6; 2];
        change(&mut pair);
        pair
    });
    assert_eq!(made, Ok(&[7; 2]));
}

fn die_permitted(stage: &Stage) {
    stage.cast().act_as(Role::Neighbour);
    (0..2).for_each(|_| forget(stage.locks().permits.acquire().expect("free")));
    stage.cast().bury(Role::Neighbour);
}

/// Has one permit, and then both.
fn use_permits(locks: &Locks) {
    drop(locks.permits.acquire().expect("free"));
    drop([0, 1].map(|_| locks.permits.acquire().expect("free")));
}

fn die_joined(stage: &Stage) {
    stage.cast().act_as(Role::Neighbour);
    let first = stage.locks().barrier.join().expect("free");
    // The second place: whoever comes takes the first that it can have.
    forget(stage.locks().barrier.join().expect("free"));
    drop(first);
    stage.cast().bury(Role::Neighbour);
}

/// Goes past a barrier for one, twice.
fn pass(locks: &Locks) {
    let me = locks.lone.join().expect("free");
    (0..2).for_each(|_| assert!(me.wait().expect("whole").is_leader()));
}

/// Waits for a dead one, finds that out, and repairs the barrier.
fn miss(locks: &Locks) {
    let me = locks.barrier.join().expect("free");
    assert!(matches!(me.wait(), Err(BarrierError::Broken(Some(_)))));
    locks.barrier.repair().expect("attached");
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

/// It is made, or can be.
fn use_once(locks: &Locks) -> Result<(), String> {
    let found = locks.once.get().copied();
    let made = locks.once.get_or_init(|| [7; 2]);
    match (found, made) {
        (None | Some([7, 7]), Ok([7, 7])) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

/// All permits can be had, and no more.
fn find_permits(locks: &Locks) -> Result<(), String> {
    let both = [0, 1].map(|_| locks.permits.acquire().map_err(|error| error.to_string()));
    match (&both, locks.permits.try_acquire()) {
        ([Ok(_), Ok(_)], Err(_)) => {}
        other => return Err(format!("{other:?}")),
    }
    drop(both);
    match locks.permits.available() {
        Ok(2) => Ok(()),
        other => Err(format!("{other:?} are left of two")),
    }
}

/// Both barriers can be made whole, and used.
fn use_barriers(locks: &Locks) -> Result<(), String> {
    for barrier in [&locks.lone, &locks.barrier] {
        barrier.repair().map_err(|error| error.to_string())?;
        if (barrier.joined(), barrier.is_broken()) != (Ok(0), Ok(false)) {
            return Err(format!("{barrier:?} was repaired"));
        }
    }
    let alone = locks.lone.join().and_then(|me| me.wait()).map_err(|error| error.to_string())?;
    let _other = locks.barrier.join().map_err(|error| error.to_string())?;
    let me = locks.barrier.join().map_err(|error| error.to_string())?;
    match (alone.is_leader(), me.wait_timeout(Duration::from_secs(1))) {
        (true, Err(BarrierError::TimedOut)) => Ok(()),
        other => Err(format!("{other:?}")),
    }
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
            once: ShmOnce::new_in(heap),
            permits: ShmSemaphore::new_in(2, heap).expect("room"),
            lone: ShmBarrier::new_in(1, heap).expect("room"),
            barrier: ShmBarrier::new_in(2, heap).expect("room"),
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
    let mut seen = image.clone();
    let stepper = Stepper::start(|| (operation.act)(stage.locks()));
    let mut killed = Vec::new();
    loop {
        let (step, point) = (found.instructions, found.points);
        if stage.memory.refresh(&mut seen) || step == 0 {
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
