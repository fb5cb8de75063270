//! Page tables, in frames.

use core::arch::asm;

use anymem_core::frames::{Frame, FrameError, Request};

use crate::{boot, frames};

const ENTRIES: usize = 512;
const LEVELS: u32 = 4;

const PRESENT: u64 = 1 << 0;
const WRITABLE: u64 = 1 << 1;
const HUGE: u64 = 1 << 7;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// Addresses from here on are the table's own; those below are the boot page tables'.
pub const OWN: usize = 0xffff_8000_0000_0000;

/// How large a mapping is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Size {
    /// 4 KiB.
    Page = 1,
    /// 2 MiB.
    Huge = 2,
}

/// A page table: 512 GiB from address 0 are mapped as at boot, the upper half at will.
#[derive(Debug)]
pub struct PageTable {
    root: Frame,
}

type Table = [u64; ENTRIES];

impl PageTable {
    /// A table with nothing of its own.
    pub fn new() -> Result<Self, FrameError> {
        let root = empty_table()?;
        let boot: *const u64 = core::ptr::with_exposed_provenance(boot::page_table());
        // SAFETY: both are page tables; the new one is nobody else's.
        unsafe { (*table(root))[0] = boot.read() };
        Ok(Self { root })
    }

    /// Maps a frame, or 512 of them, at `address`.
    pub fn map(&mut self, address: usize, frame: Frame, size: Size) -> Result<(), FrameError> {
        assert!(address >= OWN, "{address:#x} is not the table's own");
        let mut at = self.root;
        for level in (size as u32 + 1..=LEVELS).rev() {
            at = next_table(entry(at, address, level))?;
        }
        let huge = if size == Size::Huge { HUGE } else { 0 };
        *entry(at, address, size as u32) = frame.address(frames::SHIFT) | huge | WRITABLE | PRESENT;
        Ok(())
    }

    /// Has the calling processor use the table while `call` runs.
    pub fn with<R>(&self, call: impl FnOnce() -> R) -> R {
        load(self.root.address(frames::SHIFT));
        let result = call();
        load(boot::page_table() as u64);
        result
    }
}

impl Drop for PageTable {
    fn drop(&mut self) {
        // The first entry of the root is the boot page tables'.
        // SAFETY: nobody uses the table any more.
        unsafe {
            (*table(self.root))[0] = 0;
            free_tables(self.root, LEVELS);
        }
    }
}

/// Has the calling processor use the page table at `address`.
fn load(address: u64) {
    // SAFETY: a root that maps the first 4 GiB as they are, where all code and data is.
    unsafe { asm!("mov cr3, {}", in(reg) address, options(nostack)) };
}

fn table(frame: Frame) -> *mut Table {
    frames::pointer(frame)
}

fn empty_table() -> Result<Frame, FrameError> {
    let frame = frames::here().allocate(Request::ONE)?;
    // SAFETY: the frame was just allocated.
    unsafe { table(frame).write([0; ENTRIES]) };
    Ok(frame)
}

/// The entry for `address` in a table of `level`.
fn entry(at: Frame, address: usize, level: u32) -> &'static mut u64 {
    let index = address >> (frames::SHIFT + 9 * (level - 1)) & (ENTRIES - 1);
    // SAFETY: the table is the caller's alone, and one entry is used at a time.
    unsafe { &mut (*table(at))[index] }
}

/// The table that an entry leads to, made if there is none.
fn next_table(entry: &mut u64) -> Result<Frame, FrameError> {
    if *entry & PRESENT == 0 {
        *entry = empty_table()?.address(frames::SHIFT) | WRITABLE | PRESENT;
    }
    Ok(Frame::containing(*entry & ADDRESS, frames::SHIFT))
}

/// Frees the tables under one of `level`, and itself.
///
/// # Safety
///
/// Nobody uses them.
unsafe fn free_tables(at: Frame, level: u32) {
    // SAFETY: it is a table, by the caller's word.
    let entries = unsafe { table(at).read() };
    let below = entries.iter().filter(|&entry| level > 1 && entry & (PRESENT | HUGE) == PRESENT);
    for entry in below {
        // SAFETY: passed on from the caller: it leads to a table.
        unsafe { free_tables(Frame::containing(entry & ADDRESS, frames::SHIFT), level - 1) };
    }
    frames::here().free(at, 1).expect("a table that is freed once");
}
