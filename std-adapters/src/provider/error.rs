//! Why a provider could not do what it was asked for.

use std::io;

use thiserror::Error;

use super::Span;

/// Why a provider could not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// There is no memory.
    #[error(
        "the provider {provider:?} has no {requested} bytes more{}: free some, or give it more",
        because(*code)
    )]
    NoMemory {
        /// Which provider.
        provider: String,
        /// Bytes that were asked for.
        requested: usize,
        /// The system's error number, 0 if it was not the system.
        code: i32,
    },
    /// A span of no bytes was asked for, or of more than there are addresses.
    #[error("no span can have {requested} bytes: ask for 1 or more, as far as addresses go")]
    BadSize {
        /// Bytes that were asked for.
        requested: usize,
    },
    /// The alignment is no power of two, or more than the provider can do.
    #[error(
        "the provider {provider:?} cannot align to {align} bytes: use a power of two up to {most}"
    )]
    BadAlign {
        /// Which provider.
        provider: String,
        /// What was asked for.
        align: usize,
        /// The largest that it can do.
        most: usize,
    },
    /// The provider has no such operation.
    #[error("the provider {provider:?} has no {operation}: use another provider, or do without")]
    Unsupported {
        /// Which provider.
        provider: String,
        /// What was asked for.
        operation: &'static str,
    },
    /// The span is not this provider's.
    #[error(
        "the {} bytes at {:#x} are no span of the provider {provider:?}: give it what it handed out",
        span.len, span.addr()
    )]
    Foreign {
        /// Which provider.
        provider: String,
        /// The span.
        span: Span,
    },
    /// A span cannot be cut there.
    #[error(
        "a span of {len} bytes cannot be cut at {at}: cut inside of it, at a multiple of {page}"
    )]
    BadCut {
        /// How long the span is.
        len: usize,
        /// Where it was to be cut.
        at: usize,
        /// The page size.
        page: usize,
    },
    /// Two spans that are to become one are not side by side, or not of one piece.
    #[error(
        "the spans at {:#x} and {:#x} are not of one piece: merge what was split", low.addr(),
        high.addr()
    )]
    Apart {
        /// The first.
        low: Span,
        /// The second.
        high: Span,
    },
    /// A setting that this provider cannot have, or not together with others.
    #[error("{setting} cannot be {value}: {why}")]
    BadSetting {
        /// Which setting.
        setting: &'static str,
        /// What it was to be.
        value: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// This machine lacks something.
    #[error("this machine has no {what}: {hint}")]
    Missing {
        /// What it lacks.
        what: String,
        /// What to do.
        hint: &'static str,
    },
    /// A device refused.
    #[error("the provider {provider:?} failed: {why}")]
    Device {
        /// Which provider.
        provider: String,
        /// What its driver says.
        why: String,
    },
    /// The system refused.
    #[error("{call} failed for {what}: {}", io::Error::from_raw_os_error(*code))]
    System {
        /// The call.
        call: &'static str,
        /// What it was called for.
        what: String,
        /// The system's error number.
        code: i32,
    },
}

fn because(code: i32) -> String {
    match code {
        0 => String::new(),
        code => format!(" ({})", io::Error::from_raw_os_error(code)),
    }
}
