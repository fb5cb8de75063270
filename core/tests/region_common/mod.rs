//! Pages that are written and read as others do.

#![allow(dead_code, reason = "each test uses some of it")]

use core::num::NonZeroU32;

use anymem_core::region::{
    Blocks, Geometry, Missing, Outcome, Pages, Region, RegionId, Run, Settings, places,
};

/// Bytes of a page, unless a test says otherwise.
pub(crate) const PAGE: usize = 64;

pub(crate) fn id(number: u32) -> RegionId {
    RegionId::new(NonZeroU32::new(number).unwrap())
}

pub(crate) fn geometry(bytes: usize) -> Geometry {
    Geometry::new(bytes, PAGE).unwrap()
}

pub(crate) fn settings(number: u32, geometry: Geometry, blocks: Blocks) -> Settings {
    Settings { blocks, pause: std::thread::yield_now, ..Settings::new(id(number), geometry) }
}

/// What memories of tests are made of.
pub(crate) fn room(bytes: usize) -> Vec<u8> {
    vec![0; bytes]
}

/// Pages that are kept until it is dropped.
pub(crate) struct On<'r> {
    region: &'r dyn Region,
    words: Vec<u64>,
}

impl Drop for On<'_> {
    fn drop(&mut self) {
        // SAFETY: kept by `on`.
        unsafe { self.region.release(Pages::new(&self.words)) };
    }
}

pub(crate) fn on<'r>(region: &'r dyn Region, pages: &Pages) -> On<'r> {
    region.keep(pages, Missing::Allocate).unwrap();
    On { region, words: pages.words().to_vec() }
}

/// Writes `byte` to all of the pages.
pub(crate) fn fill(region: &dyn Region, pages: &Pages, byte: u8) {
    region.begin_write(pages).unwrap();
    for (_, place) in pages.runs().flat_map(|run| places(region, run)).map(Result::unwrap) {
        // SAFETY: the pages are pinned for writing.
        unsafe { place.memory.fill(place.address, byte, place.len).unwrap() };
    }
    region.flush().unwrap();
    // SAFETY: pinned above.
    unsafe { region.end_write(pages, Outcome::Written) };
}

/// The bytes of a page.
pub(crate) fn bytes(region: &dyn Region, page: usize) -> Vec<u8> {
    let mut words = vec![0; page / 64 + 1];
    words[page / 64] = 1 << (page % 64);
    let pages = Pages::new(&words);
    region.begin_read(pages).unwrap();
    let bytes = pinned(region, page);
    // SAFETY: pinned above.
    unsafe { region.end_read(pages) };
    bytes
}

fn pinned(region: &dyn Region, page: usize) -> Vec<u8> {
    let place = region.place(Run { first: page, len: 1 }).unwrap();
    let mut bytes = vec![0; place.len];
    // SAFETY: the page is pinned.
    unsafe { place.memory.post_copy_from(bytes.as_mut_ptr(), place.address, place.len).unwrap() };
    region.flush().unwrap();
    bytes
}

/// The byte that a page was filled with.
pub(crate) fn first_byte(region: &dyn Region, page: usize) -> u8 {
    let bytes = bytes(region, page);
    assert!(bytes.iter().all(|byte| *byte == bytes[0]), "half of something else");
    bytes[0]
}

/// The number at the start of a page.
pub(crate) fn number(region: &dyn Region, page: usize) -> u64 {
    u64::from_ne_bytes(bytes(region, page)[..8].try_into().unwrap())
}

/// Adds one to the number at the start of each page.
pub(crate) fn count(region: &dyn Region, pages: &Pages) {
    region.begin_write(pages).unwrap();
    for page in pages.runs().flat_map(|run| run.first..run.first + run.len) {
        let number = u64::from_ne_bytes(pinned(region, page)[..8].try_into().unwrap()) + 1;
        let place = region.place(Run { first: page, len: 1 }).unwrap();
        let bytes = number.to_ne_bytes();
        // SAFETY: the page is pinned for writing.
        unsafe { place.memory.post_copy_to(place.address, bytes.as_ptr(), 8).unwrap() };
        region.flush().unwrap();
    }
    // SAFETY: pinned above.
    unsafe { region.end_write(pages, Outcome::Written) };
}
