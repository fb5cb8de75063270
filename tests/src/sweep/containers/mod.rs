//! Deaths after every instruction of what containers do.
//!
//! As for the operations of the allocator, see the module above; the victim
//! changes containers that are in the heap. Wherever an instruction has changed
//! any byte, a survivor takes over.
//!
//! | file | idea |
//! |---|---|
//! | `world` | containers of each kind, in one value that a root names |
//! | `messages` | what passes messages on, and what victims do with it |
//! | `scene` | a heap with the world in it, as its cast has it attached |
//! | `operations` | what victims die of, and what may be found then |
//! | `sequences` | the same for deques and their kin |
//! | `ordered` | what they do to ordered maps |
//! | `audit` | what must hold after a death |
//! | `walk` | a sweep: all of that together |

mod audit;
mod messages;
mod operations;
mod ordered;
mod scene;
mod sequences;
mod walk;
mod world;

pub use operations::{CONTAINER_OPERATIONS, ContainerOperation};
pub use ordered::ORDERED_OPERATIONS;
pub use sequences::SEQUENCE_OPERATIONS;
pub use walk::sweep_container;
