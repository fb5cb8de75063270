//! The model of a program that is alone.

use core::ffi::c_void;
use core::time::Duration;

use super::values::Values;
use super::{Liveness, Owner, ThreadId, ThreadModel, TlsError, TlsKey};

/// The model of a program that is alone: one thread, and one owner, which never dies.
///
/// Interrupt handlers and other processors may run beside it: allocations by
/// [`Context::DEFAULT`](super::Context::DEFAULT) need no thread-local storage. Where
/// several processors allocate, [`PerCpu`](super::PerCpu) tells them apart.
/// Its thread-local values are values of the whole program, up to 8.
///
/// Whoever waits by it for somebody else looks again and again, for there is nobody to
/// wake it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bare;

static VALUES: Values<1> = Values::new();

impl Liveness for Bare {
    fn is_alive(&self, owner: Owner) -> bool {
        owner == Owner::BARE
    }

    fn may_die(&self) -> bool {
        false
    }
}

impl ThreadModel for Bare {
    fn thread_id(&self) -> ThreadId {
        ThreadId(0)
    }

    fn owner(&self) -> Owner {
        Owner::BARE
    }

    fn yield_now(&self) {
        core::hint::spin_loop();
    }

    /// Returns at once: there is no clock.
    fn sleep(&self, _time: Duration) {
        core::hint::spin_loop();
    }

    /// `on_exit` is never called, for the one thread does not end.
    fn create_tls(
        &self,
        _on_exit: Option<unsafe extern "C" fn(*mut c_void)>,
    ) -> Result<TlsKey, TlsError> {
        VALUES.create()
    }

    fn destroy_tls(&self, key: TlsKey) -> Result<(), TlsError> {
        VALUES.destroy(key)
    }

    fn get_tls(&self, key: TlsKey) -> *mut c_void {
        VALUES.get(0, key)
    }

    fn set_tls(&self, key: TlsKey, value: *mut c_void) -> Result<(), TlsError> {
        VALUES.set(0, key, value)
    }
}
