//! What every provider checks before it does anything.

use super::{ProviderError, Span};

/// The largest alignment that can be had of addresses.
pub(super) const MOST_ALIGN: usize = 1 << (usize::BITS - 2);

/// A request in pages: its size, and its alignment.
///
/// # Errors
///
/// It can never be met.
pub(super) fn request(
    provider: &str,
    size: usize,
    align: usize,
    page: usize,
) -> Result<(usize, usize), ProviderError> {
    if !align.is_power_of_two() || align > MOST_ALIGN {
        let provider = provider.to_owned();
        return Err(ProviderError::BadAlign { provider, align, most: MOST_ALIGN });
    }
    let len = size.checked_next_multiple_of(page).filter(|len| *len <= isize::MAX as usize);
    match len {
        Some(len) if len > 0 => Ok((len, align.max(page))),
        _ => Err(ProviderError::BadSize { requested: size }),
    }
}

/// Whether a span can be cut there.
pub(super) fn cut(span: Span, at: usize, page: usize) -> Result<(), ProviderError> {
    if at > 0 && at < span.len && at.is_multiple_of(page) {
        return Ok(());
    }
    Err(ProviderError::BadCut { len: span.len, at, page })
}

/// Whether both ends are page boundaries.
pub(super) fn pages(span: Span, page: usize) -> Result<(), ProviderError> {
    let bad = [span.addr(), span.len].into_iter().find(|number| !number.is_multiple_of(page));
    bad.map_or(Ok(()), |at| Err(ProviderError::BadCut { len: span.len, at: at % page, page }))
}

/// The error for a span that is another's.
pub(super) fn foreign(provider: &str, span: Span) -> ProviderError {
    ProviderError::Foreign { provider: provider.to_owned(), span }
}

/// The error for a call that failed while `bytes` were wanted.
pub(super) fn failed(provider: &str, call: &'static str, bytes: usize, code: i32) -> ProviderError {
    match code {
        0 | libc::ENOMEM | libc::ENOSPC | libc::EDQUOT | libc::EFBIG | libc::EOVERFLOW => {
            ProviderError::NoMemory { provider: provider.to_owned(), requested: bytes, code }
        }
        _ => ProviderError::System { call, what: format!("{bytes} bytes of {provider}"), code },
    }
}
