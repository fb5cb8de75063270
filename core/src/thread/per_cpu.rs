//! The model of a kernel: its processors are the threads.

use core::ffi::c_void;
use core::fmt;
use core::time::Duration;

use super::values::Values;
use super::{Bare, Liveness, Owner, ThreadId, ThreadModel, TlsError, TlsKey};

/// The processors of a machine, up to `CPUS`, told apart by a function.
///
/// `F` returns the number of the processor that it is called on, from 0: of a local
/// interrupt controller, of a per-CPU segment (`gs`, `tpidr`), of a hart. A processor
/// with a higher number allocates as the others do, but has no thread-local values.
///
/// # Preemption
///
/// The caller may be moved to another processor, or interrupted, right after `F` returned.
/// So to the allocators the number is no more than a [hint](ThreadModel::whereabouts):
///
/// - [`LentSlots`](crate::allocator::LentSlots) lends a heap slot for the time of each
///   call. It may be called from anywhere: with preemption on, from interrupt handlers,
///   in the midst of another call of the same processor.
/// - Calls of the heap itself with [`Context::DEFAULT`](super::Context::DEFAULT) use no
///   slot, and may likewise come from anywhere.
/// - A [`Context`](super::Context) that was claimed by hand is its claimer's. A kernel that
///   keeps one for each processor uses it with preemption and interrupts off.
///
/// Thread-local values are the processor's, up to 8. Who reads one and goes on using it
/// keeps preemption off meanwhile.
///
/// ```
/// use anymem_core::allocator::{Allocator, LentSlots, ThreadLocalAllocator};
/// use anymem_core::backend::ArrayBackend;
/// use anymem_core::offset::AllocatorId;
/// use anymem_core::segment::Config;
/// use anymem_core::thread::{Context, PerCpu};
/// use core::alloc::Layout;
///
/// fn cpu() -> usize {
///     0 // Here a kernel reads its local interrupt controller.
/// }
///
/// let mut memory = vec![0_u8; 4 << 20];
/// let heap: ThreadLocalAllocator<_, _> = ThreadLocalAllocator::create(
///     ArrayBackend::<65536>::new(&mut memory),
///     PerCpu::<_, 4>::new(cpu),
///     &Config::new(AllocatorId::new(0, 1)),
/// )?;
/// let heap = LentSlots::<_, 4>::new(heap);
/// let layout = Layout::new::<[u64; 4]>();
/// let block = heap.allocate(Context::DEFAULT, layout)?;
/// // SAFETY: the block was just allocated with that layout.
/// unsafe { heap.free(Context::DEFAULT, block, layout)? };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PerCpu<F, const CPUS: usize = 64> {
    cpu: F,
    values: Values<CPUS>,
}

impl<F: Fn() -> usize, const CPUS: usize> PerCpu<F, CPUS> {
    /// The processors that `cpu` tells apart.
    #[must_use]
    pub const fn new(cpu: F) -> Self {
        Self { cpu, values: Values::new() }
    }

    /// The number of the processor that this is called on.
    #[inline]
    pub fn cpu(&self) -> usize {
        (self.cpu)()
    }
}

impl<F, const CPUS: usize> fmt::Debug for PerCpu<F, CPUS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PerCpu({CPUS})")
    }
}

impl<F, const CPUS: usize> Liveness for PerCpu<F, CPUS> {
    fn is_alive(&self, owner: Owner) -> bool {
        Bare.is_alive(owner)
    }

    fn may_die(&self) -> bool {
        Bare.may_die()
    }
}

impl<F: Fn() -> usize + Send + Sync, const CPUS: usize> ThreadModel for PerCpu<F, CPUS> {
    #[inline]
    fn thread_id(&self) -> ThreadId {
        ThreadId(self.cpu() as u64)
    }

    fn owner(&self) -> Owner {
        Bare.owner()
    }

    /// Lets nobody run but other processors: the model knows no scheduler.
    fn yield_now(&self) {
        Bare.yield_now();
    }

    /// Returns at once: there is no clock.
    fn sleep(&self, time: Duration) {
        Bare.sleep(time);
    }

    /// `on_exit` is never called, for processors do not end.
    fn create_tls(
        &self,
        _on_exit: Option<unsafe extern "C" fn(*mut c_void)>,
    ) -> Result<TlsKey, TlsError> {
        self.values.create()
    }

    fn destroy_tls(&self, key: TlsKey) -> Result<(), TlsError> {
        self.values.destroy(key)
    }

    fn get_tls(&self, key: TlsKey) -> *mut c_void {
        self.values.get(self.cpu(), key)
    }

    fn set_tls(&self, key: TlsKey, value: *mut c_void) -> Result<(), TlsError> {
        self.values.set(self.cpu(), key, value)
    }
}
