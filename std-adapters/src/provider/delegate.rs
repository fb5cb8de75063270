//! Providers that wear another's clothes.

/// Makes a type whose field `spans` is a provider the provider that this is.
macro_rules! provider_by_spans {
    ($provider:ty) => {
        // SAFETY: everything is that provider's, which keeps the contract.
        unsafe impl $crate::provider::Provider for $provider {
            fn name(&self) -> &str {
                self.spans.name()
            }

            fn allocate(&self, size: usize, align: usize) -> Result<Span, ProviderError> {
                self.spans.allocate(size, align)
            }

            unsafe fn free(&self, span: Span) -> Result<(), ProviderError> {
                // SAFETY: passed on from the caller.
                unsafe { self.spans.free(span) }
            }

            fn min_page_size(&self) -> usize {
                self.spans.min_page_size()
            }

            fn recommended_page_size(&self, size: usize) -> usize {
                self.spans.recommended_page_size(size)
            }

            fn zeroed(&self) -> bool {
                self.spans.zeroed()
            }

            fn touchable(&self) -> bool {
                self.spans.touchable()
            }

            unsafe fn purge_lazy(&self, span: Span) -> Result<(), ProviderError> {
                // SAFETY: passed on from the caller.
                unsafe { self.spans.purge_lazy(span) }
            }

            unsafe fn purge_force(&self, span: Span) -> Result<(), ProviderError> {
                // SAFETY: passed on from the caller.
                unsafe { self.spans.purge_force(span) }
            }

            unsafe fn commit(&self, span: Span) -> Result<(), ProviderError> {
                // SAFETY: passed on from the caller.
                unsafe { self.spans.commit(span) }
            }

            unsafe fn split(&self, span: Span, at: usize) -> Result<(Span, Span), ProviderError> {
                // SAFETY: passed on from the caller.
                unsafe { self.spans.split(span, at) }
            }

            unsafe fn merge(&self, low: Span, high: Span) -> Result<Span, ProviderError> {
                // SAFETY: passed on from the caller.
                unsafe { self.spans.merge(low, high) }
            }

            fn usage(&self) -> Usage {
                self.spans.usage()
            }

            fn reset_peak(&self) {
                self.spans.reset_peak();
            }

            fn share(&self) -> Option<&dyn Share> {
                self.spans.share()
            }
        }
    };
}

pub(super) use provider_by_spans;
