//! Pools that are a library's heap with caches in front, and a name.

/// Makes a type whose field `inner` is a [`Fronted`](super::Fronted), and whose field `name`
/// is a text, the pool that this is.
macro_rules! fronted_pool {
    ($pool:ident) => {
        impl $pool {
            #[cold]
            fn not_a_block(&self, block: NonNull<u8>) -> PoolError {
                PoolError::NotABlock { pool: self.name.clone(), address: block.addr().get() }
            }
        }

        // SAFETY: every block is the library's, which keeps the contract within the spans
        // that it was given (`Library`), and is handed out again only when it is freed.
        unsafe impl $crate::pool::Pool for $pool {
            fn name(&self) -> &str {
                &self.name
            }

            fn provider(&self) -> &dyn $crate::provider::Provider {
                self.inner.memory()
            }

            fn memory(&self) -> Option<&Tracked> {
                Some(self.inner.memory())
            }

            fn caches(&self) -> Option<$crate::pool::Caches> {
                self.inner.caches()
            }

            #[inline]
            fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
                self.inner.allocate(layout)
            }

            fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
                self.inner.allocate_zeroed(layout)
            }

            unsafe fn reallocate(
                &self,
                block: NonNull<u8>,
                new_size: usize,
            ) -> Result<NonNull<u8>, PoolError> {
                // SAFETY: passed on from the caller.
                match unsafe { self.inner.resize(block, new_size) } {
                    Some(resized) => resized,
                    // SAFETY: as above.
                    None => unsafe { $crate::pool::reallocate_by_copy(self, block, new_size) },
                }
            }

            #[inline]
            unsafe fn free(&self, block: NonNull<u8>) -> Result<(), PoolError> {
                // SAFETY: passed on from the caller.
                let is_freed = unsafe { self.inner.free(block) };
                if is_freed { Ok(()) } else { Err(self.not_a_block(block)) }
            }

            fn usable_size(&self, block: NonNull<u8>) -> Result<usize, PoolError> {
                self.inner.usable_size(block).ok_or_else(|| self.not_a_block(block))
            }

            fn trim(&self, keep: usize) -> usize {
                self.inner.trim(keep)
            }

            fn stats(&self) -> $crate::pool::PoolStats {
                self.inner.stats()
            }
        }

        impl core::fmt::Debug for $pool {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let mut it = f.debug_struct(stringify!($pool));
                it.field("name", &self.name).finish_non_exhaustive()
            }
        }
    };
}

pub(in crate::pool) use fronted_pool;
