//! Where the threads of a workload run.

use core_affinity::CoreId;

/// One of the two threads of a workload.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    First,
    Second,
}

impl Place {
    /// Ties the calling thread to a processor of its own, as far as there is one.
    ///
    /// Left to the scheduler, two threads that hand blocks over may share a
    /// processor in one sample and not in the next. Then they do different work:
    /// lines of memory either stay where they are or travel. The first and the
    /// last processor that are allowed seldom share a core.
    pub(crate) fn take(self) {
        let allowed = core_affinity::get_core_ids().unwrap_or_default();
        if let [first, .., last] = allowed[..] {
            let _: bool = core_affinity::set_for_current(self.of(first, last));
        }
    }

    fn of(self, first: CoreId, second: CoreId) -> CoreId {
        match self {
            Self::First => first,
            Self::Second => second,
        }
    }
}
