//! Why frames could not be had, given back, or managed at all.

use core::fmt;

use super::frame::Frame;

/// Why an allocator of frames could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupError {
    /// There are no frames between the first and the last one.
    NoFrames,
    /// The metadata needs more bytes.
    Metadata {
        /// Bytes that it needs.
        needed: usize,
        /// Bytes that were given.
        given: usize,
    },
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFrames => f.write_str("no frames to manage: the range is empty"),
            Self::Metadata { needed, given } => write!(
                f,
                "the metadata needs {needed} bytes and has {given}: ask `metadata_size` first"
            ),
        }
    }
}

impl core::error::Error for SetupError {}

/// Why frames were not allocated, freed, reserved or released. Nothing has changed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// There are not as many free frames in a row, aligned and below the limit as was asked
    /// for.
    NoneFree {
        /// Frames that were asked for.
        count: usize,
    },
    /// No frames at all were named.
    Empty,
    /// A frame is not one of those that the allocator manages.
    Outside(Frame),
    /// A frame that was to be reserved is in use, reserved, or was never released.
    Taken(Frame),
    /// A frame that was to be freed or released is free already.
    Free(Frame),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoneFree { count } => {
                write!(f, "no {count} free frames in a row there: free some, or ask for fewer")
            }
            Self::Empty => f.write_str("no frames were named: ask for one at least"),
            Self::Outside(frame) => {
                write!(f, "frame {frame} is not managed here: make the allocator of a wider range")
            }
            Self::Taken(frame) => write!(f, "frame {frame} is in use: reserve it before others"),
            Self::Free(frame) => write!(f, "frame {frame} is free already: it was freed twice"),
        }
    }
}

impl core::error::Error for FrameError {}
