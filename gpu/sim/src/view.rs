//! What kernels see: the addresses of its device, as they are when it starts.

use std::ptr::NonNull;

use crate::space::Access;

/// Addresses with bytes behind them.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) start: u64,
    pub(crate) bytes: usize,
    pub(crate) inside: NonNull<u8>,
    pub(crate) access: Access,
}

/// The addresses of a device, and where the bytes behind them can be touched.
///
/// It is as it was when the kernel started. What is freed meanwhile is seen nonetheless: on a
/// real device that is a mistake of the program's that is found, or not.
#[derive(Debug)]
pub(crate) struct View {
    /// In the order of their addresses, which do not overlap.
    windows: Box<[Window]>,
}

// SAFETY: as for `Span`, whose bytes these are.
unsafe impl Send for View {}
// SAFETY: as for `Send`.
unsafe impl Sync for View {}

impl View {
    pub(crate) fn new(windows: impl Iterator<Item = Window>) -> Self {
        Self { windows: windows.collect() }
    }

    /// Where `bytes` bytes at an address can be touched, if the device may do that.
    ///
    /// Neighbours in the address space of the device are not neighbours here: what spans two
    /// mappings is not found.
    pub(crate) fn find(&self, address: u64, bytes: usize, access: Access) -> Option<NonNull<u8>> {
        let after = self.windows.partition_point(|it| it.start <= address);
        let window = self.windows.get(after.checked_sub(1)?)?;
        let skipped = usize::try_from(address - window.start).ok()?;
        let fits = skipped.checked_add(bytes)? <= window.bytes && window.access >= access;
        // SAFETY: it is within the window.
        fits.then(|| unsafe { window.inside.add(skipped) })
    }
}
