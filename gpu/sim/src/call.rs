//! Which calls were made, and which of them fail because a test wants it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::SimError;

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A kind of call.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Call {
            $($(#[$doc])* $name,)*
        }

        impl Call {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The kind of that name, as it is written in this enum.
            pub fn by_name(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

calls! {
    /// A block was asked for.
    Allocate,
    /// A block was given back.
    Free,
    /// A block was asked for in the order of a stream.
    AllocateOn,
    /// A block was given back in the order of a stream.
    FreeOn,
    /// A managed block was asked for.
    AllocateManaged,
    /// A pinned block was asked for.
    AllocatePinned,
    /// A pinned block was given back.
    FreePinned,
    /// Host memory was registered.
    Register,
    /// Host memory was registered no more.
    Unregister,
    /// Bytes were copied.
    Copy,
    /// Bytes were set.
    Fill,
    /// A stream was made.
    CreateStream,
    /// A stream was given back.
    DestroyStream,
    /// Somebody waited.
    Synchronize,
    /// An event was made.
    CreateEvent,
    /// An event was given back.
    DestroyEvent,
    /// An event was recorded.
    Record,
    /// A stream was told to wait.
    Wait,
    /// Somebody looked whether an event has happened, or a stream is done.
    Query,
    /// Addresses were reserved.
    Reserve,
    /// Addresses were given back.
    Release,
    /// Physical memory was made.
    CreatePhysical,
    /// Physical memory was given back.
    DestroyPhysical,
    /// Physical memory was mapped.
    Map,
    /// It was said who may touch a mapping.
    SetAccess,
    /// A mapping was ended.
    Unmap,
    /// Physical memory became a descriptor.
    ExportPhysical,
    /// A descriptor became physical memory.
    ImportPhysical,
    /// A block became a handle.
    Export,
    /// A handle became a block.
    Open,
    /// A block of another process was given back.
    Close,
    /// Code was loaded.
    Load,
    /// Code was given back.
    Unload,
    /// A kernel was looked for.
    FindFunction,
    /// A kernel was started.
    Launch,
    /// A function of the program was put on a stream.
    HostFunction,
    /// Somebody asked how much memory is free, or what is at an address.
    Ask,
}

/// A call that is to fail.
#[derive(Debug)]
struct Fault {
    call: Call,
    /// How many of its kind go well before.
    after: u64,
    /// How many of its kind fail then.
    times: u64,
    error: SimError,
}

/// Counts of calls, and the faults to come.
#[derive(Debug)]
pub(crate) struct Calls {
    counts: Vec<AtomicU64>,
    faults: Mutex<Vec<Fault>>,
}

impl Calls {
    pub(crate) fn new() -> Self {
        let counts = Call::ALL.iter().map(|_| AtomicU64::new(0)).collect();
        Self { counts, faults: Mutex::default() }
    }

    pub(crate) fn count(&self, call: Call) -> u64 {
        self.counts[call as usize].load(Ordering::Relaxed)
    }

    pub(crate) fn total(&self) -> u64 {
        self.counts.iter().map(|it| it.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn fail(&self, call: Call, after: u64, times: u64, error: SimError) {
        if times > 0 {
            self.faults().push(Fault { call, after, times, error });
        }
    }

    pub(crate) fn clear_faults(&self) {
        self.faults().clear();
    }

    /// Counts a call; the error that it is to fail with, if it is.
    pub(crate) fn enter(&self, call: Call) -> Result<(), SimError> {
        self.counts[call as usize].fetch_add(1, Ordering::Relaxed);
        let mut faults = self.faults();
        let mut failed = Ok(());
        for fault in faults.iter_mut().filter(|it| it.call == call) {
            if fault.after > 0 {
                fault.after -= 1;
            } else if failed.is_ok() {
                fault.times -= 1;
                failed = Err(fault.error.clone());
            }
        }
        faults.retain(|it| it.times > 0);
        failed
    }

    fn faults(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
