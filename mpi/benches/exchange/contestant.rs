//! Who takes part.

use crate::{Result, task::Task};

/// One way for a rank to get pages of the other.
pub(crate) trait Contestant {
    /// The owner writes `value` to the beginning of each of `pages`.
    fn write(&mut self, pages: &[usize], value: u64) -> Result<()>;

    /// What the other does meanwhile, before it gets them.
    fn prepare(&mut self, _task: Task, _pages: &[usize], _value: u64) -> Result<()> {
        Ok(())
    }

    /// What the owner does while the other gets these pages: nothing, where that is one-sided.
    fn give(&mut self, _pages: &[usize]) -> Result<()> {
        Ok(())
    }

    /// Gets one page.
    fn get_page(&mut self, page: usize) -> Result<()>;

    /// Gets what `task` is about: `pages`, or what it takes to have them.
    fn get(&mut self, task: Task, pages: &[usize]) -> Result<()>;

    /// What this rank has got of that: the beginning of each of `pages`.
    fn words(&mut self, task: Task, pages: &[usize]) -> Result<Vec<u64>>;
}
