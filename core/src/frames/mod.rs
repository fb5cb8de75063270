//! Page frames: which pages of physical memory are free, for kernels and hypervisors.
//!
//! A [`FrameAllocator`] knows one bit of each frame, and hands out numbers of frames: single
//! ones, groups of a power of two ([`Request::order`]), or as many in a row as somebody wants
//! ([`Request::count`]), aligned and below a limit where a device needs that. It never touches
//! the frames. Its metadata is wherever the caller puts it, some 140 KiB for 4 GiB.
//!
//! - It takes no lock and waits for nobody, so interrupt handlers use it like anybody else,
//!   whatever they interrupt.
//! - No frame is kept from others by being cached: where a processor takes frames from are
//!   hints. A request fails only if there is no such group or run at that moment; of what
//!   somebody is taking a part of just then, he has up to 64 frames that he will not keep.
//! - A huge frame of 512 is as little work as a single one: one update to take it, one to free it.
//! - A frame that is freed twice is an error, and nothing else happens.
//! - Where these two matter less than speed, a processor has a [`FrameCache`] of single frames,
//!   which others do not see until it gives them back.
//!
//! ```
//! use anymem_core::frames::{Frame, FrameAllocator, Request, metadata_size};
//!
//! // The memory map of a small machine, in frames of 4 KiB: 640 KiB, a hole, 15 MiB.
//! let map = [Frame::within(0x1000..0xa_0000, 12), Frame::within(0x10_0000..0x100_0000, 12)];
//! let span = map[0].start..map[1].end;
//! let mut metadata = vec![0; metadata_size(span.end.number(), 2)];
//! let frames = FrameAllocator::new(span, 2, &mut metadata)?;
//! for range in map {
//!     frames.release(range)?;
//! }
//! // The kernel itself is there already.
//! frames.reserve(Frame::covering(0x10_0000..0x18_2345, 12))?;
//!
//! let cpu = 1; // whatever the machine says
//! let page = frames.on(cpu).allocate(Request::ONE)?;
//! let table = page.address(12);
//! let huge = frames.on(cpu).allocate(Request::order(9))?;
//! let floppy = frames.on(cpu).allocate(Request::count(5).below(Frame::new(0xa0)))?;
//!
//! frames.on(cpu).free(page, 1)?;
//! frames.on(cpu).free(huge, 512)?;
//! frames.on(cpu).free(floppy, 5)?;
//! # assert!(table < 16 << 20);
//! # frames.check()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it works
//!
//! There is a bit a frame, and one for each word of these, set while all frames of the word are
//! free as a whole. Words are cut for frames and smaller groups, and are whole again when
//! they are freed as such; so an update takes up to 64 frames of a word, or up to 64 whole
//! words. The second bitmap is a 64th of the first.
//!
//! Areas of 512 frames, whose bits are one line of the cache, have a note of the least order
//! that they lack; 16 notes are looked at at once. A processor takes single frames
//! from among those it freed last, or from an area that is its home and nobody else's; groups
//! from another one. Huge frames and up to eight together come from whole words of a zone: 128 MiB,
//! whose words' bits are one line. Only when its home has none does it search, from the last area
//! down: so what is low in memory, and all that some devices reach, is used last, and what is full
//! stays so.
//!
//! | | steps |
//! |---|---|
//! | allocate a single frame, free one | one update of a word, as a rule |
//! | allocate a group of up to 32 | one update; a look at the words of an area |
//! | allocate one of 64 to 4096, free one | one update, if it is whole; a look at the words of a zone, or of the group |
//! | the same, if the home has none | notes of areas, or words of the second bitmap |
//! | allocate another run | words of the bitmap, in frames / 64 |
//! | free, reserve, release a run | an update each 4096 frames, and a look at the words of its bits |
//! | take or free a single frame of a cache | no update; each 64 times, that of a word or several |
//!
//! The owner words of the slab table ([`page_table`](crate::page_table)) would tell more of
//! a frame, but take a word each, and a huge page 512 updates. That frames are worth a bit, and
//! processors an area of them, is from LLFree (Wrenger et al., *LLFree: Scalable and
//! Optionally-Persistent Page-Frame Allocation*, USENIX ATC 2023).

mod allocator;
mod bits;
mod cache;
mod check;
mod cpu;
mod error;
mod frame;
mod layout;
mod map;
mod notes;
mod piece;
mod request;
mod search;
mod stats;

pub use allocator::{FrameAllocator, OnCpu, metadata_size};
pub use cache::FrameCache;
pub use check::FrameFault;
pub use error::{FrameError, SetupError};
pub use frame::Frame;
pub use request::Request;
pub use stats::FrameStats;
