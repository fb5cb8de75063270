//! Further processors: started, given jobs, and left to die.

use alloc::boxed::Box;
use core::arch::asm;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use crate::boot::{self, Letter, TRAMPOLINE};
use crate::processor::{MOST_PROCESSORS, Processor, number};
use crate::{apic, interrupt, port};

/// Bytes of the stack of a processor.
const STACK: usize = 64 << 10;

/// A job that all processors do, and how far they are.
static JOB: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());
static ROUND: AtomicUsize = AtomicUsize::new(0);
static DONE: AtomicUsize = AtomicUsize::new(0);
static ONLINE: AtomicUsize = AtomicUsize::new(1);
/// Whether all but the boot processor may die.
static DOOM: AtomicBool = AtomicBool::new(false);
static DEAD: AtomicUsize = AtomicUsize::new(0);

/// How many processors run.
pub fn online() -> usize {
    ONLINE.load(Ordering::Acquire)
}

/// Starts all other processors, one after the other, with stacks from the heap.
pub fn start_all() {
    // SAFETY: the memory map leaves the first 64 KiB out.
    unsafe { boot::place_trampoline() };
    for number in 1..port::processors().min(MOST_PROCESSORS) {
        let stack = Box::leak(alloc::vec![0_u128; STACK / 16].into_boxed_slice());
        let processor = Box::into_raw(Box::new(Processor::new(number)));
        Letter::write(stack.as_ptr_range().end.addr(), begin, processor.expose_provenance());
        apic::start(number, TRAMPOLINE);
        while online() <= number {
            core::hint::spin_loop();
        }
    }
}

/// Where a started processor comes from its [`Letter`].
extern "C" fn begin(processor: usize) -> ! {
    let processor: *mut Processor = ptr::with_exposed_provenance_mut(processor);
    // SAFETY: it was made for this processor alone, and is never freed.
    unsafe { (*processor).adopt() };
    interrupt::set_up();
    apic::set_up();
    let mut seen = ROUND.load(Ordering::Acquire);
    // AcqRel: the starter sees what was set up.
    ONLINE.fetch_add(1, Ordering::AcqRel);
    loop {
        interrupt::sleep_while(|| ROUND.load(Ordering::Acquire) == seen);
        seen = seen.wrapping_add(1);
        run_job();
    }
}

fn run_job() {
    let job = JOB.load(Ordering::Acquire);
    // SAFETY: `on_all` stored a function of this type before it counted the round.
    let job: fn(usize) = unsafe { core::mem::transmute(job) };
    job(number());
    // AcqRel: whoever counts sees what the job did.
    DONE.fetch_add(1, Ordering::AcqRel);
}

/// Has all processors do `job` with their numbers, the calling one too; returns when all
/// have done it.
pub fn on_all(job: fn(usize)) {
    begin_job(job);
    run_job();
    while DONE.load(Ordering::Acquire) < online() {
        core::hint::spin_loop();
    }
}

fn begin_job(job: fn(usize)) {
    DONE.store(0, Ordering::Relaxed);
    JOB.store(job as *mut (), Ordering::Relaxed);
    // Release: pairs with the Acquire of those who wait for a round.
    ROUND.fetch_add(1, Ordering::Release);
    apic::wake_others();
}

/// Has all other processors do `job`, which may panic: its processor is dead then.
pub fn doom(job: fn(usize)) {
    let others = online() - 1;
    DOOM.store(true, Ordering::Release);
    begin_job(job);
    while DEAD.load(Ordering::Acquire) + DONE.load(Ordering::Acquire) < others {
        core::hint::spin_loop();
    }
    DOOM.store(false, Ordering::Release);
    ONLINE.fetch_sub(DEAD.swap(0, Ordering::AcqRel), Ordering::AcqRel);
}

/// Whether the calling processor is one that a panic does not end the machine on.
pub fn is_doomed() -> bool {
    DOOM.load(Ordering::Acquire) && number() != 0
}

/// Stops the calling processor for ever.
pub fn die() -> ! {
    DEAD.fetch_add(1, Ordering::AcqRel);
    loop {
        // SAFETY: nothing runs here any more.
        unsafe { asm!("cli", "hlt") };
    }
}
