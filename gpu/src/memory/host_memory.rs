//! What pinned and managed memory have in common.

/// Makes a type of shared [`Blocks`](super::blocks::Blocks), which the processor can use, the
/// memory that they are.
macro_rules! host_memory {
    ($memory:ident, $kind:literal) => {
        impl $memory {
            /// The device.
            #[must_use]
            pub fn device(&self) -> &$crate::Device {
                self.0.device()
            }

            /// Where the device finds what is at `address`: drivers give both sides one
            /// address.
            #[must_use]
            pub fn on_device(
                &self,
                address: anymem_core::memory::HostAddressOf<Self>,
            ) -> $crate::DeviceAddress {
                $crate::DeviceAddress::new(address.as_ptr().expose_provenance() as u64)
            }

            /// What the driver said when something failed last, whichever thread had asked for
            /// it.
            #[must_use]
            pub fn last_error(&self) -> Option<$crate::GpuError> {
                self.0.last_error()
            }
        }

        // SAFETY: blocks are the driver's, which hands each out once; copies are those that go
        // by `host`.
        unsafe impl anymem_core::memory::Memory for $memory {
            type Address = anymem_core::memory::HostAddressOf<Self>;

            fn id(&self) -> anymem_core::memory::MemoryId {
                let id = super::identity::id_of(self.device());
                anymem_core::memory::MemoryId { kind: $kind, ..id }
            }

            fn allocate(
                &self,
                layout: std::alloc::Layout,
            ) -> Result<Self::Address, anymem_core::memory::MemoryError> {
                self.0.allocate(layout).map($crate::given::host).map(Self::Address::new)
            }

            unsafe fn free(&self, address: Self::Address, layout: std::alloc::Layout) {
                // SAFETY: passed on from the caller.
                unsafe { self.0.free(self.on_device(address).number(), layout) };
            }

            #[inline]
            fn host(&self, address: Self::Address) -> Option<std::ptr::NonNull<u8>> {
                std::ptr::NonNull::new(address.as_ptr())
            }
        }

        impl std::fmt::Debug for $memory {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_tuple(stringify!($memory)).field(self.device()).finish()
            }
        }
    };
}

pub(super) use host_memory;
