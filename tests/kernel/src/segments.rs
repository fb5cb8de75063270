//! A processor's table of segments, with the one that tells its stack for interrupts.

use core::arch::asm;

/// Selectors of the table.
pub const CODE: u16 = 0x08;
const DATA: u16 = 0x10;
const TASK: u16 = 0x18;

const CODE_64: u64 = 0x00af_9a00_0000_ffff;
const DATA_ALL: u64 = 0x00cf_9200_0000_ffff;

/// The table, and the task state that it names.
#[repr(C)]
pub struct Segments {
    table: [u64; 5],
    task: TaskState,
}

/// The task state segment: which stack interrupts use.
#[repr(C, packed(4))]
struct TaskState {
    reserved: u32,
    privileged: [u64; 3],
    reserved_too: u64,
    interrupts: [u64; 7],
    rest: [u16; 6],
}

/// What `lgdt` and `lidt` are given.
#[repr(C, packed)]
pub struct TablePointer {
    limit: u16,
    base: u64,
}

impl TablePointer {
    /// Where `table` is.
    pub fn new<T>(table: &[T]) -> Self {
        Self { limit: (size_of_val(table) - 1) as u16, base: table.as_ptr().addr() as u64 }
    }
}

impl Segments {
    /// A table that is not complete yet.
    pub const fn new() -> Self {
        let rest = [0, 0, 0, 0, 0, size_of::<TaskState>() as u16];
        let (privileged, interrupts) = ([0; 3], [0; 7]);
        let task = TaskState { reserved: 0, privileged, reserved_too: 0, interrupts, rest };
        Self { table: [0, CODE_64, DATA_ALL, 0, 0], task }
    }

    /// Has the calling processor use the table, and its interrupts the stack that ends at
    /// `stack_end`.
    ///
    /// # Safety
    ///
    /// No other processor has the table or the stack, and both stay for ever.
    pub unsafe fn load(&mut self, stack_end: usize) {
        self.task.interrupts[0] = stack_end as u64;
        let at = (&raw const self.task).addr() as u64;
        let limit = size_of::<TaskState>() as u64 - 1;
        // A descriptor of a task: its base is scattered.
        self.table[3] = limit | (at & 0xff_ffff) << 16 | 0x89 << 40 | (at >> 24 & 0xff) << 56;
        self.table[4] = at >> 32;
        // SAFETY: the table is complete, and stays for ever by the caller's word; its code
        // segment is the same as before.
        unsafe { load(&TablePointer::new(&self.table)) };
    }
}

/// Loads the table, and all segments anew.
///
/// # Safety
///
/// It is a table as above, complete, for ever.
unsafe fn load(table: &TablePointer) {
    // SAFETY: the caller's word.
    unsafe {
        asm!(
            "lgdt [{table}]",
            "push {code}",
            "lea {scratch}, [rip + 2f]",
            "push {scratch}",
            "retfq",
            "2:",
            "mov ds, {data:x}",
            "mov es, {data:x}",
            "mov ss, {data:x}",
            "ltr {task:x}",
            table = in(reg) table,
            scratch = out(reg) _,
            code = const CODE,
            data = in(reg) DATA,
            task = in(reg) TASK,
        );
    }
}
