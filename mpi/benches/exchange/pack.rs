//! Pages that the owner puts together and sends, and the other puts where they belong.

use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, Destination, Source};

use crate::{
    OWNER, Result,
    contestant::Contestant,
    plain::Bytes,
    task::{PAGE, PAGES, Task},
};

/// What a rank has, and pages on their way.
pub(crate) struct Pack {
    comm: SimpleCommunicator,
    here: Bytes,
    packed: Vec<u8>,
}

impl Pack {
    pub(crate) fn new() -> Self {
        let packed = vec![1; PAGES / 4 * PAGE];
        Self { comm: SimpleCommunicator::world(), here: Bytes::new(), packed }
    }
}

impl Contestant for Pack {
    fn write(&mut self, pages: &[usize], value: u64) -> Result<()> {
        pages.iter().for_each(|&page| self.here.set_word(page, value));
        Ok(())
    }

    fn give(&mut self, pages: &[usize]) -> Result<()> {
        for (packed, &page) in self.packed.chunks_exact_mut(PAGE).zip(pages) {
            packed.copy_from_slice(self.here.page(page));
        }
        self.comm.process_at_rank(1 - OWNER).send(&self.packed[..pages.len() * PAGE]);
        Ok(())
    }

    fn get_page(&mut self, _page: usize) -> Result<()> {
        Err("nobody sends single pages".into())
    }

    fn get(&mut self, _task: Task, pages: &[usize]) -> Result<()> {
        let packed = &mut self.packed[..pages.len() * PAGE];
        self.comm.process_at_rank(OWNER).receive_into(packed);
        for (packed, &page) in packed.chunks_exact(PAGE).zip(pages) {
            self.here.page(page).copy_from_slice(packed);
        }
        Ok(())
    }

    fn words(&mut self, _task: Task, pages: &[usize]) -> Result<Vec<u64>> {
        Ok(self.here.words(pages))
    }
}
