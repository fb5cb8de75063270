//! Interrupts: who deals with them, on a stack of its own.
//!
//! The stack is the processor's (the first of its task state): the interrupted code may
//! be the precompiled library's, which uses bytes below its stack pointer. Handlers are
//! not interrupted themselves. Registers are saved with those of SSE, for the allocator
//! uses these.

use core::arch::{asm, naked_asm};
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::early::Early;
use crate::port::{End, exit};
use crate::segments::{CODE, TablePointer};
use crate::{apic, processor, say};

/// After each instruction, while the trap flag is set.
const STEP: u8 = 1;
/// The timer.
pub const TIMER: u8 = 0x40;
/// Another processor has something to do.
pub const WAKE: u8 = 0x41;
/// Nothing at all.
pub const SPURIOUS: u8 = 0xff;

/// How many of the vectors are the processor's own exceptions.
const EXCEPTIONS: usize = 32;

#[repr(C, align(16))]
#[derive(Clone, Copy)]
struct Gate([u64; 2]);

impl Gate {
    /// An interrupt gate; `stack` is 1 for the processor's interrupt stack, 0 for the
    /// one that is in use.
    fn new(handler: unsafe extern "C" fn(), stack: u64) -> Self {
        let at = handler as usize as u64;
        let code = u64::from(CODE);
        let low = at & 0xffff | code << 16 | stack << 32 | 0x8e << 40 | (at >> 16 & 0xffff) << 48;
        Self([low, at >> 32])
    }
}

/// The table of the gates, the same for all processors.
static GATES: Early<[Gate; 256]> = Early::new([Gate([0; 2]); 256]);

/// Fills the table of gates.
///
/// # Safety
///
/// Called once, by the boot processor, before any [`set_up`].
pub unsafe fn fill_table() {
    // SAFETY: the caller's word; no processor uses the table yet.
    let gates = unsafe { GATES.change() };
    for (vector, gate) in gates.iter_mut().enumerate().take(EXCEPTIONS) {
        *gate = Gate::new(fatal_stub(vector), 0);
    }
    gates[usize::from(STEP)] = Gate::new(step_stub, 1);
    gates[usize::from(TIMER)] = Gate::new(timer_stub, 1);
    gates[usize::from(WAKE)] = Gate::new(wake_stub, 1);
    gates[usize::from(SPURIOUS)] = Gate::new(spurious_stub, 1);
}

/// Has the calling processor use the table.
pub fn set_up() {
    let pointer = TablePointer::new(GATES.get());
    // SAFETY: the table is a static, filled by now.
    unsafe { asm!("lidt [{}]", in(reg) &raw const pointer, options(readonly, nostack)) };
}

/// What the timer and single steps call.
static HANDLER: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Has the timer and single steps call `handler`.
pub fn handle_by(handler: fn()) {
    HANDLER.store(handler as *mut (), Ordering::Release);
}

extern "C" fn call_handler() {
    let handler = HANDLER.load(Ordering::Acquire);
    // SAFETY: only `handle_by` stores to it; neither timer nor trap flag is on before.
    let handler: fn() = unsafe { core::mem::transmute(handler) };
    handler();
}

extern "C" fn on_timer() {
    call_handler();
    apic::restart_timer();
    apic::end_interrupt();
}

/// Lets interrupts come while `call` runs.
pub fn enabled<R>(call: impl FnOnce() -> R) -> R {
    // SAFETY: every vector that can come has a handler.
    unsafe { asm!("sti") };
    let result = call();
    // SAFETY: that interrupts wait is how it was before.
    unsafe { asm!("cli") };
    result
}

/// Has each instruction of `call` be followed by the handler.
pub fn stepped<R>(call: impl FnOnce() -> R) -> R {
    // SAFETY: sets the trap flag, for which there is a handler.
    unsafe { asm!("pushfq", "or qword ptr [rsp], 0x100", "popfq") };
    let result = call();
    // SAFETY: clears it.
    unsafe { asm!("pushfq", "and qword ptr [rsp], ~0x100", "popfq") };
    result
}

/// Sleeps until an interrupt has made `condition` false.
pub fn sleep_while(condition: impl Fn() -> bool) {
    while condition() {
        // SAFETY: an interrupt that came after the look is taken when it sleeps: `sti`
        // has effect only after the next instruction.
        unsafe { asm!("sti", "hlt", "cli") };
    }
}

/// Saves what a call may change, calls the handler, and goes back.
macro_rules! stub {
    ($name:ident, $handler:path) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            naked_asm!(
                "push rax", "push rcx", "push rdx", "push rsi", "push rdi",
                "push r8", "push r9", "push r10", "push r11",
                // Five words of the processor's and nine registers: aligned to 16.
                "sub rsp, 512",
                "fxsave64 [rsp]",
                "cld",
                "call {handler}",
                "fxrstor64 [rsp]",
                "add rsp, 512",
                "pop r11", "pop r10", "pop r9", "pop r8",
                "pop rdi", "pop rsi", "pop rdx", "pop rcx", "pop rax",
                "iretq",
                handler = sym $handler,
            )
        }
    };
}

extern "C" fn nothing() {}

stub!(step_stub, call_handler);
stub!(timer_stub, on_timer);
stub!(wake_stub, apic::end_interrupt);
stub!(spurious_stub, nothing);

/// The stub of an exception that ends the machine.
fn fatal_stub(vector: usize) -> unsafe extern "C" fn() {
    #[unsafe(naked)]
    unsafe extern "C" fn stub<const VECTOR: usize>() {
        naked_asm!(
            "mov rdi, {vector}",
            "mov rsi, rsp",
            "mov rdx, cr2",
            "and rsp, -16",
            "call {fatal}",
            vector = const VECTOR,
            fatal = sym fatal,
        )
    }
    macro_rules! stubs {
        ($($vector:literal)*) => { [$(stub::<$vector>),*] };
    }
    let stubs: [unsafe extern "C" fn(); EXCEPTIONS] = stubs!(
        0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
    );
    stubs[vector]
}

extern "C" fn fatal(vector: usize, frame: *const [u64; 4], address: u64) -> ! {
    // SAFETY: the processor has put that many words there.
    let frame = unsafe { &*frame };
    let who = processor::number();
    say!("exception {vector} on processor {who}: {frame:#x?}, cr2 {address:#x}");
    exit(End::Failed)
}
