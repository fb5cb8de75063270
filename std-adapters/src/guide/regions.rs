//! Chapter 8: regions.
//!
//! Data that several devices, or several machines, work on is in several memories. To copy all
//! of it for each step is too much, and to copy by hand what has changed is where the bugs
//! are. A [region](crate::region::Region) is memory of one owner in pages, which know what they
//! hold; copies between regions move what the other lacks, and nothing else.
//!
//! # Pages
//!
//! [`DefaultRegion`](crate::region::DefaultRegion) has its pages in any
//! [memory](super::memories), and what it knows of them in one that the processor can use.
//! There is memory for a page while somebody holds an
//! [anchor](crate::region::DefaultRegion::anchor), and it is lent to many who read, or one who
//! writes:
//!
//! ```
//! use core::num::NonZeroU32;
//!
//! use anymem::memory::{HostMemory, SimMemory};
//! use anymem::region::{
//!     Access, DefaultRegion, Geometry, Options, RegionId, Settings, update,
//! };
//!
//! # fn id(number: u32) -> RegionId {
//! #     RegionId::new(NonZeroU32::new(number).expect("not 0"))
//! # }
//! // A million numbers in pages of 4 KiB: here, and on a device.
//! let geometry = Geometry::new(8_000_000, 4096).expect("pages of a power of two");
//! let device = SimMemory::new(HostMemory, 16 << 20, 0)?;
//! let here = DefaultRegion::new(Settings::new(id(1), geometry), HostMemory, HostMemory)?;
//! let there = DefaultRegion::new(Settings::new(id(2), geometry), &device, HostMemory)?;
//!
//! let some = [0..80_000, 4_000_000..4_000_008];
//! let some = Access::Ranges(&some);
//! let _pages = here.anchor(&Access::All)?;
//! let _copies = there.anchor(&some)?;
//! here.write(&Access::All)?.set(500_000, 1.5_f64)?;
//!
//! // What is allocated there is copied: 20 pages, and one.
//! let mut pages = here.select(&Access::All)?;
//! let copied = update(&there, &here, &mut pages, Options::new())?;
//! assert_eq!((copied.pages, copied.runs), (21, 2));
//! assert_eq!(there.read(&some)?.get::<f64>(500_000)?, 1.5);
//!
//! // Nothing is stale now.
//! let mut pages = here.select(&Access::All)?;
//! assert_eq!(update(&there, &here, &mut pages, Options::new())?.pages, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A page's [stamp](crate::region::Stamp) names what it holds: who wrote it, and when. A copy
//! takes the stamp along, so that pages are the same, wherever they are, if their stamps are.
//! What can be wrong with a copy is found before any byte moves; if it fails on the way, the
//! page holds nothing, never half of something.
//!
//! # Who has the truth
//!
//! Where several regions write, a [`ReferenceRegion`](crate::region::ReferenceRegion) knows who
//! has which page. It is a region, too, but holds no data: what is read there is read where it
//! is. Pages [migrate](crate::region::ReferenceRegion::migrate) from one owner to another.
//!
//! A [`DistributedBuffer`](crate::region::DistributedBuffer) does all of this by itself. Who
//! wants to use elements says which ones, and where; the buffer brings what is stale:
//!
//! ```
//! use core::num::NonZeroU32;
//!
//! use anymem::memory::{HostMemory, SimMemory};
//! use anymem::region::{Access, DefaultRegion, DistributedBuffer, RegionId, Settings};
//!
//! # fn id(number: u32) -> RegionId {
//! #     RegionId::new(NonZeroU32::new(number).expect("not 0"))
//! # }
//! let devices = [1, 2].map(|number| SimMemory::new(HostMemory, 1 << 20, number).map(|it| (number, it)));
//! let [one, two] = devices;
//! let devices = [one?, two?];
//! let on_each = devices.iter().map(|(number, device)| {
//!     let id = id(*number as u32);
//!     move |geometry| DefaultRegion::new(Settings::new(id, geometry), device, HostMemory)
//! });
//! let cells = DistributedBuffer::<f32, _, _>::new(id(9), 100_000, 4096, on_each, HostMemory)?;
//!
//! // Each device writes its half.
//! for (device, half) in [(1, 0..50_000), (2, 50_000..100_000)] {
//!     let bytes = [cells.bytes_of(half.clone())];
//!     let mut write = cells.write(id(device), &Access::Ranges(&bytes))?;
//!     for cell in half {
//!         write.set(cell, device as f32)?;
//!     }
//! }
//! // One reads a cell of the other's: one page is copied.
//! let near = [cells.bytes_of(50_000..50_001)];
//! let before = devices[0].1.counts().bytes();
//! let read = cells.read(id(1), &Access::Ranges(&near))?;
//! assert_eq!(devices[0].1.counts().bytes() - before, 4096);
//! assert_eq!(read.get::<f32>(50_000)?, 2.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # For who knows nothing of regions
//!
//! A [`View`](crate::region::View) gives bytes of any region, a reference included, as one
//! slice. It takes the cheapest way:
//!
//! | way | where | cost, on one machine that it was measured on |
//! |---|---|---|
//! | direct | the bytes follow one another already | none |
//! | mapped | the pages are in an [`ArenaMemory`](crate::region::ArenaMemory), in pieces of 64 KiB and more on average | about a microsecond for each piece, once and when it has moved |
//! | gathered | anywhere | a copy each time, and back what was changed |
//!
//! The view is kept, and pins nothing; its pages are pinned while somebody has a slice.
//!
//! # What was written
//!
//! A region takes all pages that it lent for writing for written, unless a
//! [tracker](crate::region::WriteTracker) knows better:
//!
//! | tracker | knows of | costs |
//! |---|---|---|
//! | [`Untracked`](crate::region::Untracked) | nothing | nothing |
//! | [`BitTracker`](crate::region::BitTracker) | what went through the accessor | a nanosecond a write |
//! | [`TwinTracker`](crate::region::TwinTracker) | bytes that are other ones than before: several regions may write parts of one page | a copy and a comparison of each page |
//! | [`UffdTracker`](crate::region::UffdTracker) | all writes, by whomever, through slices as well | two thirds of a microsecond for the first write to a page |
//!
//! # Waiting
//!
//! Pages are pinned region by region in the order of their ids, and in ascending order there,
//! so that no two copies wait for each other. It is different with a thread that keeps pages
//! pinned itself, by an accessor or a slice of a view, and asks for what is in its way: it
//! waits for itself. Not everything has a variant that is an error then:
//!
//! | what | waits for | without waiting |
//! |---|---|---|
//! | accessors of a [`DefaultRegion`](crate::region::DefaultRegion) | who writes the pages, or uses those it will write | [`try_read`](crate::region::DefaultRegion::try_read), [`try_write`](crate::region::DefaultRegion::try_write): [`Busy`](crate::region::RegionError::Busy) |
//! | accessors of a [`DistributedBuffer`](crate::region::DistributedBuffer) | the same in each region that has the pages, and in the one that is to have them | none |
//! | slices of a [`View`](crate::region::View), [`update`](crate::region::update), [`migrate`](crate::region::ReferenceRegion::migrate) | whoever the regions wait for | none |
//! | buffers over ranks, of `anymem-mpi` | who uses the pages in this process, and all ranks where they exchange pages | none |
//!
//! ```
//! use core::num::NonZeroU32;
//!
//! use anymem::memory::HostMemory;
//! use anymem::region::{Access, DefaultRegion, Geometry, RegionError, RegionId, Settings};
//!
//! let geometry = Geometry::new(1 << 16, 4096).expect("pages of a power of two");
//! let settings = Settings::new(RegionId::new(NonZeroU32::MIN), geometry);
//! let region = DefaultRegion::new(settings, HostMemory, HostMemory)?;
//! let _pages = region.anchor(&Access::All)?;
//! drop(region.write(&Access::All)?);
//!
//! let reading = region.read(&Access::range(0..8))?;
//! // To wait for that here would be to wait for ever.
//! assert_eq!(region.try_write(&Access::All).err(), Some(RegionError::Busy { page: 0 }));
//! assert!(region.try_write(&Access::range(4096..8192)).is_ok());
//! drop(reading);
//! assert!(region.try_write(&Access::All).is_ok());
//! # Ok::<(), RegionError>(())
//! ```
