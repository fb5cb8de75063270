//! The room for the pointer in the threads' static block.

use core::arch::global_asm;

global_asm!(
    r#".pushsection .tbss.anymem_place, "awT", @nobits"#,
    ".balign 8",
    ".globl anymem_place",
    ".hidden anymem_place",
    ".type anymem_place, @object",
    ".size anymem_place, 8",
    "anymem_place:",
    ".zero 8",
    ".popsection",
);
