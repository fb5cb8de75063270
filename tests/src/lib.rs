//! What the tests share: the model of a heap, random calls, other processes,
//! and what the system shows of this one.

mod elsewhere;
pub mod heap;
pub mod hostile;
#[path = "../../std-adapters/tests/lacking/mod.rs"]
mod lacking;
mod meeting;
mod memory_group;
mod mounts;
mod name;
mod ops;
mod parent;
mod peer;
mod posix_threads;
pub mod program;
mod random;
mod shadow;
pub mod sharer;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub mod sweep;
mod system;
mod test_heap;
mod threads;
#[cfg(target_os = "linux")]
pub mod torture;
#[path = "../../std-adapters/tests/turn/mod.rs"]
mod turn;
mod watchdog;

pub use elsewhere::{Elsewhere, View, part};
pub use lacking::skip;
pub use meeting::{Board, Meeting};
pub use memory_group::MemoryGroup;
pub use mounts::{mount, own_mounts};
pub use name::Name;
pub use ops::{Op, apply, op, ops, run};
pub use parent::end_with;
pub use peer::{Peer, listen, role, tell};
pub use posix_threads::in_posix_threads;
pub use random::Random;
pub use shadow::ShadowHeap;
pub use system::{Directory, SmallFileSystem, files, is_root, maps};
pub use test_heap::TestHeap;
pub use threads::in_threads;
pub use turn::turn;
pub use watchdog::watchdog;
