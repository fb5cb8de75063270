//! How many threads run a kernel.

/// Threads of a block at most.
const MOST_THREADS: u64 = 1024;

/// How many threads run a kernel, in the directions x, y and z.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Blocks of threads.
    pub blocks: [u32; 3],
    /// Threads of each block.
    pub threads: [u32; 3],
}

impl Grid {
    /// So many blocks of so many threads, in one direction.
    pub fn line(blocks: u32, threads: u32) -> Self {
        Self { blocks: [blocks, 1, 1], threads: [threads, 1, 1] }
    }

    /// All of its threads; `None` if there are none, or more in a block than 1024.
    pub fn count(&self) -> Option<u64> {
        let (blocks, threads) = (product(self.blocks)?, product(self.threads)?);
        (threads <= MOST_THREADS).then_some(())?;
        blocks.checked_mul(threads).filter(|&all| all > 0)
    }
}

fn product(of: [u32; 3]) -> Option<u64> {
    of.iter().try_fold(1_u64, |product, &count| product.checked_mul(count.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_some_threads_and_at_most_1024() {
        assert_eq!(Grid::line(3, 4).count(), Some(12));
        assert_eq!(Grid { blocks: [2, 3, 4], threads: [8, 8, 16] }.count(), Some(24 * 1024));
        assert_eq!(Grid::line(1, 1025).count(), None);
        assert_eq!(Grid { blocks: [1, 0, 1], threads: [1; 3] }.count(), None);
        assert_eq!(Grid { blocks: [u32::MAX; 3], threads: [1; 3] }.count(), None);
    }
}
