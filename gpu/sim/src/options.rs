//! What a machine is like.

/// When commands on a stream are done.
///
/// Those of one stream are always done in the order they were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Completion {
    /// As soon as they are asked for.
    #[default]
    Eager,
    /// When somebody waits for them. Who looks whether an event has happened lets one command
    /// go ahead, so that whoever looks again and again comes to an end.
    Lazy,
    /// When a test lets the stream [step](crate::Machine::step), or somebody waits for them.
    ByHand,
    /// By a thread of each stream, while the program goes on.
    Background,
}

/// What a machine is like.
///
/// ```
/// use anymem_gpu_sim::{Machine, Options};
///
/// let machine = Machine::new(Options { devices: 2, memory: 1 << 20, ..Options::default() })?;
/// assert_eq!(machine.devices(), 2);
/// # Ok::<(), anymem_gpu_sim::SimError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    /// How many devices there are.
    pub devices: u32,
    /// Bytes of memory of each.
    pub memory: usize,
    /// Bytes that physical memory comes in multiples of; a power of two, and whole pages.
    pub granularity: usize,
    /// When commands are done.
    pub completion: Completion,
    /// Whether registered host memory has the same address on the device.
    pub same_address: bool,
    /// Whether atomics of kernels on host memory are said to be atomic for the processor too.
    /// They always are.
    pub host_atomics: bool,
    /// Whether there is managed memory.
    pub managed: bool,
    /// Whether blocks can be opened in other processes.
    pub ipc: bool,
    /// Whether blocks can be allocated in the order of a stream.
    pub stream_ordered: bool,
    /// Whether addresses can be reserved, and memory mapped there.
    pub virtual_memory: bool,
}

impl Default for Options {
    /// One device of 1 GiB that can do everything, is done at once, and runs [PTX](ptx).
    fn default() -> Self {
        Self {
            devices: 1,
            memory: 1 << 30,
            granularity: 2 << 20,
            completion: Completion::Eager,
            same_address: true,
            host_atomics: true,
            managed: true,
            ipc: true,
            stream_ordered: true,
            virtual_memory: true,
        }
    }
}
