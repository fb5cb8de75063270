//! From the boot loader's 32-bit mode, or a started processor's 16-bit mode, to Rust.
//!
//! QEMU's `-kernel` enters at `pvh_entry`, which the note names, with the start info's
//! address in `ebx`. Further processors begin at [`TRAMPOLINE`], in real mode. Both go
//! the same way from `protected_entry` on: paging, SSE, 64-bit mode, and then to what
//! the [letter](Letter) says.
//!
//! The boot page tables map the first 4 GiB to themselves, 2 MiB a page.

use core::arch::global_asm;
use core::ptr::addr_of;
use core::sync::atomic::{AtomicU64, Ordering};

/// Where `link.ld` puts the kernel.
pub const IMAGE: usize = 1 << 20;

/// Where processors start; below 1 MiB, and the start of a page.
pub const TRAMPOLINE: usize = 0x8000;

/// Where a processor that comes out of `protected_entry` goes on.
#[repr(C)]
pub struct Letter {
    /// The end of its stack.
    stack: AtomicU64,
    /// What it calls, which does not return.
    entry: AtomicU64,
    /// What it calls it with.
    argument: AtomicU64,
}

unsafe extern "C" {
    static boot_letter: Letter;
    static trampoline_start: u8;
    static trampoline_end: u8;
    static image_end: u8;
    static boot_pml4: u8;
}

impl Letter {
    /// Says where the next processor goes on.
    pub fn write(stack_end: usize, entry: extern "C" fn(usize) -> !, argument: usize) {
        // SAFETY: the letter is a static of the assembly below, and of this type.
        let letter = unsafe { &boot_letter };
        letter.stack.store(stack_end as u64, Ordering::SeqCst);
        letter.entry.store(entry as usize as u64, Ordering::SeqCst);
        letter.argument.store(argument as u64, Ordering::SeqCst);
    }
}

/// The first address behind the kernel's image.
pub fn end_of_image() -> usize {
    addr_of!(image_end).addr()
}

/// The page table that all processors begin with.
pub fn page_table() -> usize {
    addr_of!(boot_pml4).addr()
}

/// Puts the code for starting processors where they begin.
///
/// # Safety
///
/// Nobody uses the page at [`TRAMPOLINE`].
pub unsafe fn place_trampoline() {
    let (start, end) = (addr_of!(trampoline_start), addr_of!(trampoline_end));
    // SAFETY: the code lies in the image; the page is the caller's to give.
    unsafe {
        core::ptr::copy_nonoverlapping(
            start,
            core::ptr::with_exposed_provenance_mut(TRAMPOLINE),
            end.addr() - start.addr(),
        );
    }
}

global_asm!(
    r#"
    .section .note.pvh, "a", @note
    .long 4, 4, 18                      # "Xen", an address, XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long pvh_entry

    .section .boot, "ax", @progbits
    .code32
    .global pvh_entry
pvh_entry:
    cli
    cld
    movl %ebx, boot_letter + 16
    movl $0x83, %eax                    # present, writable, 2 MiB
    xorl %ecx, %ecx
1:  movl %eax, boot_pd(, %ecx, 8)
    addl $0x200000, %eax
    incl %ecx
    cmpl $2048, %ecx
    jne 1b
    movl $boot_pd + 3, %eax
    xorl %ecx, %ecx
2:  movl %eax, boot_pdpt(, %ecx, 8)
    addl $4096, %eax
    incl %ecx
    cmpl $4, %ecx
    jne 2b
    movl $boot_pdpt + 3, boot_pml4
    lgdt boot_gdt_pointer
    ljmp $0x18, $protected_entry

protected_entry:
    movw $0x10, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $0x620, %eax                   # PAE, OSFXSR, OSXMMEXCPT
    movl %eax, %cr4
    movl $boot_pml4, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx              # EFER: long mode
    rdmsr
    orl $0x100, %eax
    wrmsr
    movl $0x80010033, %eax              # PG, WP, NE, ET, MP, PE; not EM
    movl %eax, %cr0
    ljmp $0x08, $long_entry

    .code64
long_entry:
    xorl %ebp, %ebp
    movq boot_letter, %rsp
    movq boot_letter + 16, %rdi
    callq *boot_letter + 8

    .code16
trampoline_start:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    lgdtl {trampoline} + trampoline_gdt_pointer - trampoline_start
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $0x18, $protected_entry
trampoline_gdt_pointer:
    .word boot_gdt_end - boot_gdt - 1
    .long boot_gdt
trampoline_end:
    .code64

    .section .data.boot, "aw", @progbits
    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9a000000ffff            # 0x08: 64-bit code
    .quad 0x00cf92000000ffff            # 0x10: data
    .quad 0x00cf9a000000ffff            # 0x18: 32-bit code
boot_gdt_end:
boot_gdt_pointer:
    .word boot_gdt_end - boot_gdt - 1
    .long boot_gdt
    .balign 8
    .global boot_letter
boot_letter:
    .quad boot_stack_end
    .quad {main}
    .quad 0

    .section .bss.boot, "aw", @nobits
    .balign 4096
    .global boot_pml4
boot_pml4: .skip 4096
boot_pdpt: .skip 4096
boot_pd:   .skip 4 * 4096
boot_stack: .skip 65536
boot_stack_end:

    .text
    .global trampoline_start
    .global trampoline_end
    "#,
    trampoline = const TRAMPOLINE,
    main = sym crate::main,
    options(att_syntax),
);
