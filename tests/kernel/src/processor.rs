//! What each processor has of its own, found by its `gs`; and starting further ones.
//!
//! Nothing here needs the heap on the boot processor, so it is set up before there is one.

use alloc::boxed::Box;
use core::arch::asm;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use crate::boot::{self, Letter, TRAMPOLINE};
use crate::early::Early;
use crate::{apic, interrupt, port};

/// The most processors that are started.
pub const MOST_PROCESSORS: usize = 8;

/// Bytes of the stack of a processor.
const STACK: usize = 64 << 10;

/// Selectors of the table of segments.
const CODE: u16 = 0x08;
const DATA: u16 = 0x10;
const TASK: u16 = 0x18;

/// A stack for interrupts.
#[repr(C, align(16))]
struct InterruptStack([u8; 16 << 10]);

/// The task state segment: which stack interrupts use.
#[repr(C, packed(4))]
struct TaskState {
    reserved: u32,
    privileged: [u64; 3],
    reserved_too: u64,
    interrupts: [u64; 7],
    rest: [u16; 6],
}

/// What a processor has of its own.
///
/// The assembly reads the first two fields.
#[repr(C)]
pub struct Processor {
    this: *const Processor,
    number: usize,
    /// How many calls of the allocator it is in: several where one is interrupted.
    calls: AtomicUsize,
    segments: [u64; 5],
    task: TaskState,
    stack: InterruptStack,
}

static BOOT: Early<Processor> = Early::new(Processor::new(0));

impl Processor {
    const fn new(number: usize) -> Self {
        Self {
            this: ptr::null(),
            number,
            calls: AtomicUsize::new(0),
            segments: [0, 0x00af_9a00_0000_ffff, 0x00cf_9200_0000_ffff, 0, 0],
            task: TaskState {
                reserved: 0,
                privileged: [0; 3],
                reserved_too: 0,
                interrupts: [0; 7],
                rest: [0, 0, 0, 0, 0, size_of::<TaskState>() as u16],
            },
            stack: InterruptStack([0; _]),
        }
    }

    /// Makes this the calling processor's: its segments, its interrupt stack, its `gs`.
    ///
    /// # Safety
    ///
    /// No other processor has it, and it stays for ever.
    unsafe fn adopt(&mut self) {
        self.this = self;
        self.task.interrupts[0] = (&raw const self.stack).addr() as u64 + 0x4000;
        let at = (&raw const self.task).addr() as u64;
        let limit = size_of::<TaskState>() as u64 - 1;
        // A descriptor of a task: its base is scattered.
        self.segments[3] = limit | (at & 0xff_ffff) << 16 | 0x89 << 40 | (at >> 24 & 0xff) << 56;
        self.segments[4] = at >> 32;
        // SAFETY: the tables are complete, and stay.
        unsafe { load(&self.segments, self.this) };
    }
}

#[repr(C, packed)]
struct TablePointer {
    limit: u16,
    base: u64,
}

/// Makes `segments` the processor's table, and `this` what its `gs` leads to.
///
/// # Safety
///
/// Both are right, and stay for ever.
unsafe fn load(segments: &[u64; 5], this: *const Processor) {
    const GS_BASE: u32 = 0xc000_0101;
    let pointer =
        TablePointer { limit: size_of_val(segments) as u16 - 1, base: segments.as_ptr() as u64 };
    // SAFETY: the caller's; the code segment is the same as before.
    unsafe {
        asm!(
            "lgdt [{pointer}]",
            "push {code}",
            "lea {scratch}, [rip + 2f]",
            "push {scratch}",
            "retfq",
            "2:",
            "mov ds, {data:x}",
            "mov es, {data:x}",
            "mov ss, {data:x}",
            "ltr {task:x}",
            "wrmsr",
            pointer = in(reg) &raw const pointer,
            scratch = out(reg) _,
            code = const CODE,
            data = in(reg) DATA,
            task = in(reg) TASK,
            in("ecx") GS_BASE,
            in("eax") this.addr() as u32,
            in("edx") (this.addr() >> 32) as u32,
        );
    }
}

/// Gives the boot processor what is its own.
///
/// # Safety
///
/// Called once, by the boot processor, before anything else.
pub unsafe fn set_up_boot() {
    // SAFETY: the caller's word; this is the only use of the static, which lives for ever.
    unsafe { BOOT.change().adopt() };
}

/// The calling processor's number: 0 for the boot processor.
pub fn number() -> usize {
    let number;
    // SAFETY: `gs` leads to the calling processor's own.
    unsafe { asm!("mov {}, gs:[8]", out(reg) number, options(nostack, readonly)) };
    number
}

/// The calling processor.
fn this() -> &'static Processor {
    let this: *const Processor;
    // SAFETY: as in `number`.
    unsafe { asm!("mov {}, gs:[0]", out(reg) this, options(nostack, readonly)) };
    // SAFETY: what a processor has of its own stays for ever.
    unsafe { &*this }
}

/// Notes that the calling processor is in the allocator while `call` runs.
pub fn in_allocator<R>(call: impl FnOnce() -> R) -> R {
    this().calls.fetch_add(1, Ordering::Relaxed);
    let result = call();
    this().calls.fetch_sub(1, Ordering::Relaxed);
    result
}

/// Whether the calling processor is in the allocator.
pub fn is_in_allocator() -> bool {
    this().calls.load(Ordering::Relaxed) != 0
}

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
