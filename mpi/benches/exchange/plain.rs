//! Bytes of one rank, and the copy of all of them: the limit.

use core::hint::black_box;

use crate::{
    Result,
    contestant::Contestant,
    task::{PAGE, PAGES, Task},
};

/// As many bytes as the owner has, in pages.
pub(crate) struct Bytes(Vec<Page>);

#[derive(Clone, Copy)]
#[repr(align(4096))]
struct Page([u8; PAGE]);

impl Bytes {
    /// All 0, each page in memory.
    pub(crate) fn new() -> Self {
        let mut pages = vec![Page([0; PAGE]); PAGES];
        pages.iter_mut().for_each(|page| page.0[PAGE - 1] = 0);
        Self(black_box(pages))
    }

    /// Where byte `at` is.
    pub(crate) fn at(&mut self, at: usize) -> *mut u8 {
        self.0.as_mut_ptr().cast::<u8>().wrapping_add(at)
    }

    pub(crate) fn page(&mut self, page: usize) -> &mut [u8; PAGE] {
        &mut self.0[page].0
    }

    /// The beginning of each of `pages`.
    pub(crate) fn words(&self, pages: &[usize]) -> Vec<u64> {
        let word =
            |page: &[u8; PAGE]| page.first_chunk().map_or(0, |word| u64::from_ne_bytes(*word));
        pages.iter().map(|&page| word(&self.0[page].0)).collect()
    }

    pub(crate) fn set_word(&mut self, page: usize, value: u64) {
        self.page(page)[..8].copy_from_slice(&value.to_ne_bytes());
    }
}

/// Copies from a vector to another one of the same rank.
pub(crate) struct Plain {
    from: Bytes,
    to: Bytes,
}

impl Plain {
    pub(crate) fn new() -> Self {
        Self { from: Bytes::new(), to: Bytes::new() }
    }
}

impl Contestant for Plain {
    fn write(&mut self, _pages: &[usize], _value: u64) -> Result<()> {
        Ok(())
    }

    fn prepare(&mut self, _task: Task, pages: &[usize], value: u64) -> Result<()> {
        pages.iter().for_each(|&page| self.from.set_word(page, value));
        Ok(())
    }

    fn get_page(&mut self, page: usize) -> Result<()> {
        self.to.page(page).copy_from_slice(black_box(self.from.page(page)));
        Ok(())
    }

    fn get(&mut self, _task: Task, _pages: &[usize]) -> Result<()> {
        black_box(&mut self.to.0).copy_from_slice(black_box(&self.from.0));
        Ok(())
    }

    fn words(&mut self, _task: Task, pages: &[usize]) -> Result<Vec<u64>> {
        Ok(self.to.words(pages))
    }
}
