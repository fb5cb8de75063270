//! The Unified Memory Framework's disjoint pool, over the memory of a device of CUDA's.

use core::{
    alloc::{GlobalAlloc, Layout},
    ptr,
};
use std::path::Path;

use libloading::Library;

use super::{
    blocks::Blocks,
    target::{Target, said},
};
use crate::pools::{Umf, UmfPool};

/// A pool of the library's.
pub(super) struct UmfBlocks(UmfPool<'static>);

impl UmfBlocks {
    /// A pool of the library at `path`; an error tells why there is none.
    pub(super) fn new(path: &Path, target: &Target) -> Result<Self, String> {
        let context = target.context()?;
        // The library looks among what the process has loaded, by this name alone.
        // SAFETY: it is loaded already, by another name or this one.
        let driver = unsafe { Library::new("libcuda.so.1") }.map_err(said)?;
        let umf: &'static Umf = Box::leak(Box::new(Umf::load(path)?));
        // SAFETY: the context is that device's, and neither it nor the driver ever goes.
        let pool = unsafe { umf.cuda_pool(context.cu_ctx().cast(), context.cu_device()) }?;
        core::mem::forget((driver, context));
        Ok(Self(pool))
    }
}

impl Blocks for UmfBlocks {
    type Block = u64;

    #[inline]
    fn take(&self, bytes: usize) -> Result<u64, String> {
        let layout = Layout::from_size_align(bytes, 1).map_err(said)?;
        // SAFETY: there are bytes in it.
        let block = unsafe { self.0.alloc(layout) };
        if block.is_null() {
            Err("umf: no memory".into())
        } else {
            Ok(block.expose_provenance() as u64)
        }
    }

    #[inline]
    fn give(&self, block: u64) -> Result<(), String> {
        // SAFETY: a live block that nothing uses; the layout is not looked at.
        unsafe {
            self.0.dealloc(ptr::with_exposed_provenance_mut(block as usize), Layout::new::<u8>())
        };
        Ok(())
    }
}
