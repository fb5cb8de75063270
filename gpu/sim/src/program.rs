//! What kernels are to the device: programs that run over its memory.

use std::fmt;
use std::sync::Arc;

use crate::{SimError, Trap, View};

/// Makes a program of code, if it is what it understands.
///
/// Its errors are [`SimError::Code`].
pub type Loader = fn(&[u8]) -> Result<Arc<dyn Program>, SimError>;

/// How many threads run a kernel: in three directions, as CUDA counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Blocks of threads.
    pub blocks: [u32; 3],
    /// Threads of each block.
    pub threads: [u32; 3],
    /// Bytes that the threads of a block share, besides those that the code asks for.
    pub shared_bytes: u32,
}

impl Grid {
    /// So many blocks of so many threads, in one direction.
    pub fn line(blocks: u32, threads: u32) -> Self {
        Self { blocks: [blocks, 1, 1], threads: [threads, 1, 1], shared_bytes: 0 }
    }
}

/// A kernel of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// Its number, as the program counts.
    pub number: usize,
    /// How many bytes each of its parameters is.
    pub parameters: Vec<usize>,
}

/// Code that a device can run.
pub trait Program: Send + Sync + fmt::Debug {
    /// The kernel of that name.
    fn kernel(&self, name: &str) -> Option<Kernel>;

    /// Runs all threads of a kernel, to their end.
    ///
    /// `arguments` are as many bytes each as the kernel's parameters. Addresses of the device
    /// lead to bytes by way of `view` alone.
    ///
    /// # Errors
    ///
    /// What a thread did that the device does not survive.
    fn run(
        &self,
        kernel: usize,
        grid: &Grid,
        arguments: &[Vec<u8>],
        view: &View,
    ) -> Result<(), Trap>;
}
