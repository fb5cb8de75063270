//! Kernels without a GPU: PTX text is parsed, and its threads are run one instruction after the
//! other.
//!
//! # What it does
//!
//! - Threads of a grid run on several threads of the processor, in groups of 32 whose members
//!   take turns of a few instructions each. So any interleaving may come, and a thread that
//!   waits for another one of its group gets what it waits for.
//! - Loads, stores and atomics are atomics of the processor, with the order that the
//!   instruction asks for: other processes that map the same memory take part.
//! - Each address is looked up before it is used. One that is not the device's fails the
//!   launch, as it does on a GPU, and so does one that is no multiple of its size.
//! - A thread that has not ended after [`Limits::steps`] instructions fails the launch.
//!
//! # What it knows
//!
//! Of PTX what kernels of integers need: `mov`, `add`, `sub`, `mul.lo`, `mul.wide.u32`,
//! `mad.lo`, `div`, `rem`, `min`, `max`, `and`, `or`, `xor`, `shl`, `shr`, `cvt`, `setp`,
//! `selp`, `ld`, `st`, `atom`, `red`, `fence`, `bra`, `call`, `ret`, `exit`, `nanosleep`, on
//! unsigned types of 32 and 64 bits; functions with parameters in registers and one result;
//! the numbers of threads and blocks. All else is an error when the text is parsed
//! ([`PtxError`]), which names it.
//!
//! ```
//! use std::ptr::NonNull;
//! use std::sync::atomic::AtomicU32;
//!
//! use anymem_gpu_sim::ptx::{Limits, Module};
//! use anymem_gpu_sim::{Access, Grid};
//!
//! let module = Module::parse("
//!     .version 7.0
//!     .target sm_70
//!     .address_size 64
//!     .visible .entry double(.param .u64 numbers)
//!     {
//!         .reg .b64 %at, %wide;
//!         .reg .b32 %id, %number;
//!
//!         ld.param.u64 %at, [numbers];
//!         mov.u32 %id, %tid.x;
//!         mul.wide.u32 %wide, %id, 4;
//!         add.u64 %at, %at, %wide;
//!         ld.global.u32 %number, [%at];
//!         shl.b32 %number, %number, 1;
//!         st.global.u32 [%at], %number;
//!         ret;
//!     }
//! ")?;
//! let numbers = [1, 2, 3, 4].map(AtomicU32::new);
//! // The array is at 0x1000 on this device.
//! let resolve = |address: u64, bytes: usize, _: Access| {
//!     let at = usize::try_from(address).ok()?.checked_sub(0x1000)?;
//!     let number = numbers.get(at / 4).filter(|_| bytes == 4)?;
//!     NonNull::new(number.as_ptr().cast())
//! };
//! let kernel = module.kernel("double").expect("it is in the text");
//! // SAFETY: the array is there until the call returns, and nobody else uses it.
//! unsafe { kernel.run(&Grid::line(1, 4), &[0x1000], &resolve, Limits::default()) }?;
//! assert_eq!(numbers.map(AtomicU32::into_inner), [2, 4, 6, 8]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod code;
mod decode;
mod error;
mod launch;
mod memory;
mod numbers;
mod parse;
mod program;
mod thread;
mod token;

pub use error::{Complaint, Fault, LaunchError, PtxError, Reason};
pub use launch::{Kernel, Limits};
pub use memory::Resolver;
pub use program::load;

use code::Function;

/// PTX text, parsed.
#[derive(Debug)]
pub struct Module {
    functions: Vec<Function>,
}

impl Module {
    /// Parses PTX text; a zero byte at its end is passed over.
    ///
    /// # Errors
    ///
    /// [`PtxError`] for what it does not know, and what is no PTX.
    pub fn parse(text: &str) -> Result<Self, PtxError> {
        let functions = parse::functions(text.trim_end_matches('\0'))?;
        Ok(Self { functions })
    }

    /// The kernel of that name, if there is one.
    #[must_use]
    pub fn kernel(&self, name: &str) -> Option<Kernel<'_>> {
        self.numbered(self.number(name)?)
    }

    /// The place of the kernel of that name among the functions.
    fn number(&self, name: &str) -> Option<usize> {
        let is_it = |function: &Function| function.is_kernel && function.name == name;
        self.functions.iter().position(is_it)
    }

    fn numbered(&self, number: usize) -> Option<Kernel<'_>> {
        let function = self.functions.get(number)?;
        Some(Kernel::new(&self.functions, function))
    }

    /// The names of the kernels, in the order of the text.
    pub fn kernels(&self) -> impl Iterator<Item = &str> {
        let kernels = self.functions.iter().filter(|function| function.is_kernel);
        kernels.map(|function| function.name.as_str())
    }
}
