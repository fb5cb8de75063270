//! What each processor has of its own, found by its `gs`.

use core::arch::asm;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::early::Early;
use crate::segments::Segments;

/// The most processors that are started.
pub const MOST_PROCESSORS: usize = 8;

/// Bytes of the stack for interrupts.
const INTERRUPT_STACK: usize = 16 << 10;

/// A stack for interrupts.
#[repr(C, align(16))]
struct InterruptStack([u8; INTERRUPT_STACK]);

/// What a processor has of its own.
///
/// The assembly reads the first two fields.
#[repr(C)]
pub struct Processor {
    this: *const Processor,
    number: usize,
    /// How many calls of the allocator it is in: several where one is interrupted.
    calls: AtomicUsize,
    segments: Segments,
    stack: InterruptStack,
}

static BOOT: Early<Processor> = Early::new(Processor::new(0));

impl Processor {
    /// What processor `number` has at first.
    pub const fn new(number: usize) -> Self {
        Self {
            this: ptr::null(),
            number,
            calls: AtomicUsize::new(0),
            segments: Segments::new(),
            stack: InterruptStack([0; INTERRUPT_STACK]),
        }
    }

    /// Makes this the calling processor's: its segments, its interrupt stack, its `gs`.
    ///
    /// # Safety
    ///
    /// No other processor has it, and it stays for ever.
    pub unsafe fn adopt(&mut self) {
        const GS_BASE: u32 = 0xc000_0101;
        self.this = self;
        let at = self.this.addr();
        let stack_end = (&raw const self.stack).addr() + INTERRUPT_STACK;
        // SAFETY: the segments stay, and so does what `gs` leads to. Loading segments
        // changes `gs`, so that is what comes last.
        unsafe {
            self.segments.load(stack_end);
            asm!("wrmsr", in("ecx") GS_BASE, in("eax") at as u32, in("edx") (at >> 32) as u32);
        }
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

/// Bytes that the calling processor's interrupts have left of their stack.
pub fn interrupt_stack_left() -> usize {
    let stack = &raw const this().stack.0;
    let bytes = (0..INTERRUPT_STACK).map(|at| stack.cast::<u8>().wrapping_add(at));
    // SAFETY: bytes of the stack; volatile, for interrupts write to it.
    bytes.take_while(|&byte| unsafe { byte.read_volatile() } == 0).count()
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
