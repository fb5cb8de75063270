//! Copies that go on while the processor does something else.
//!
//! What a stream copies must be left alone until it is done with it. A value that waits when it
//! is dropped would not see to that, for values can be forgotten. So such copies are asked for
//! within a function that is given to [`Stream::scope`], which waits for the stream when that
//! function has returned or panicked: what is borrowed for the scope stays borrowed until then.

use std::marker::PhantomData;

use crate::driver::Direction;
use crate::{Device, GpuError, Stream};

/// A stretch of the program at whose end a stream is done with all that it was asked for.
#[derive(Debug)]
pub struct Scope<'scope, 'env: 'scope> {
    stream: Stream,
    /// Invariant in both, as `std::thread::Scope` is: neither may be shortened.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl Stream {
    /// Calls `body` with a scope, and waits until the stream is done with all that it was asked
    /// for, also if `body` panics.
    ///
    /// # Errors
    ///
    /// What the driver says when it is waited for. If the device does then not say either that
    /// it is done, or that its context is lost, nobody can know when it would stop to write:
    /// the process is aborted.
    pub fn scope<'env, T>(
        &self,
        body: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
    ) -> Result<T, GpuError> {
        let scope = Scope { stream: self.clone(), scope: PhantomData, env: PhantomData };
        let unwinding = Finish(self);
        let result = body(&scope);
        std::mem::forget(unwinding);
        finish(self)?;
        Ok(result)
    }
}

impl Device {
    /// As [`Stream::scope`], with a stream of its own.
    ///
    /// # Errors
    ///
    /// As there, and what the driver says to a new stream; `body` is not called then.
    pub fn scope<'env, T>(
        &self,
        body: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
    ) -> Result<T, GpuError> {
        Stream::new(self)?.scope(body)
    }
}

impl Scope<'_, '_> {
    /// The stream.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Its device.
    pub fn device(&self) -> &Device {
        self.stream.device()
    }

    /// Asks the stream to copy bytes.
    ///
    /// # Errors
    ///
    /// What the driver says; nothing is copied then.
    ///
    /// # Safety
    ///
    /// Until the scope ends, both sides are there for `bytes` bytes, and nobody uses the
    /// destination or writes the source but what the stream is asked for.
    pub unsafe fn copy(
        &self,
        to: u64,
        from: u64,
        bytes: usize,
        direction: Direction,
    ) -> Result<(), GpuError> {
        let (device, stream) = (self.device().number(), Some(self.stream.id()));
        // SAFETY: passed on from the caller.
        unsafe { self.device().driver().copy(device, stream, to, from, bytes, direction) }
    }

    /// Asks the stream to copy bytes of another device of the same driver to this one.
    ///
    /// # Errors
    ///
    /// What the driver says; nothing is copied then.
    ///
    /// # Safety
    ///
    /// As [`copy`](Self::copy).
    pub unsafe fn copy_peer(
        &self,
        to: u64,
        from_device: &Device,
        from: u64,
        bytes: usize,
    ) -> Result<(), GpuError> {
        let (device, stream) = (self.device().number(), Some(self.stream.id()));
        let driver = self.device().driver();
        // SAFETY: passed on from the caller.
        unsafe { driver.copy_peer(device, stream, to, from_device.number(), from, bytes) }
    }

    /// Asks the stream to set bytes to one value.
    ///
    /// # Errors
    ///
    /// What the driver says; nothing is set then.
    ///
    /// # Safety
    ///
    /// As [`copy`](Self::copy), for the destination.
    pub unsafe fn fill(&self, at: u64, byte: u8, bytes: usize) -> Result<(), GpuError> {
        let (device, stream) = (self.device().number(), Some(self.stream.id()));
        // SAFETY: passed on from the caller.
        unsafe { self.device().driver().fill(device, stream, at, byte, bytes) }
    }
}

/// Finishes when the body unwinds.
struct Finish<'a>(&'a Stream);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        let _ = finish(self.0);
    }
}

/// Waits until the stream touches nothing any more.
pub(crate) fn finish(stream: &Stream) -> Result<(), GpuError> {
    let Err(error) = stream.synchronize() else { return Ok(()) };
    if !is_over(&error) {
        match stream.device().synchronize() {
            Err(again) if !is_over(&again) => std::process::abort(),
            _ => {}
        }
    }
    Err(error)
}

/// Whether nothing runs after such an error: the context is no more, or this is a child, whose
/// memory the device never had.
fn is_over(error: &GpuError) -> bool {
    matches!(error, GpuError::ContextLost { .. } | GpuError::Forked)
}
