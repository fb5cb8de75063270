//! Page tables in frames, loaded: processors see their frames at addresses of their own.

use alloc::vec::Vec;

use anymem_core::frames::Request;

use crate::frames::{self, Frames};
use crate::page_table::{OWN, PageTable, Size};
use crate::team;

/// More than one table of the lowest level has.
const PAGES: usize = 600;

/// Where the huge page is.
const HUGE: usize = OWN + (1 << 30);

/// All processors at the same time, each with a table of its own.
pub fn run() {
    team::on_all(|_| alone());
}

fn alone() {
    let mut table = PageTable::new().expect("a frame");
    let pages: Vec<_> = (0..PAGES).map(|_| Frames::new(Request::ONE).expect("a frame")).collect();
    for (number, page) in pages.iter().enumerate() {
        table.map(address(number), page.first, Size::Page).expect("frames for tables");
    }
    let huge = Frames::new(Request::order(9)).expect("2 MiB");
    table.map(HUGE, huge.first, Size::Huge).expect("frames for tables");
    table.with(|| {
        (0..PAGES).for_each(|number| write(address(number), number));
        (0..huge.count).for_each(|number| write(HUGE + (number << frames::SHIFT), !number));
    });
    // In the boot page tables a frame is where it is.
    let seen = pages.iter().flat_map(Frames::words).map(read);
    assert!(seen.eq(0..PAGES), "pages are not where they were mapped");
    assert!(huge.words().map(read).eq((0..huge.count).map(|it| !it)), "the huge page is not");
}

fn address(number: usize) -> usize {
    OWN + (number << frames::SHIFT)
}

fn write(address: usize, value: usize) {
    let at: *mut usize = core::ptr::with_exposed_provenance_mut(address);
    // SAFETY: mapped, to a frame of this processor's own.
    unsafe { at.write_volatile(value) };
}

fn read(word: *mut u64) -> usize {
    // SAFETY: a frame of this processor's own.
    unsafe { word.read_volatile() as usize }
}
