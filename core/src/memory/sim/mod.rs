//! A memory that the processor cannot use, for tests and for machines without a device.

mod address;
mod posted;
mod state;

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

use spin::Mutex;

pub use self::address::SimAddress;
use self::posted::{Posted, Transfer};
pub use self::state::SimCounts;
use self::state::{Operation, State};
use super::arena::Arena;
use super::block::Block;
use super::{Address, HostAddressable, Memory, MemoryError, MemoryId, Place};

/// The memory of a device that there is not: it behaves as one, as strictly as it can.
///
/// - Its addresses are numbers of its own; [`host`](Memory::host) tells of none.
/// - It knows its blocks: what is not all within one is [`BadAddress`](MemoryError::BadAddress).
/// - What is posted is done when it is [flushed](Memory::flush), or when 64 are waiting.
/// - A copy that fails has done half of its work.
/// - It counts what it does ([`SimCounts`]), and fails when it is told to.
/// - Memories of its kind have a direct way to it, and it has one to itself, if it was made
///   [`with_peers`](Self::with_peers).
///
/// Its bytes are those of another memory, `H`.
///
/// ```
/// use anymem_core::memory::{ArrayMemory, MemRead, MemSlice, MemWrite, SimMemory};
///
/// let mut array = [0_u8; 8192];
/// let host = ArrayMemory::new(&mut array);
/// let device = SimMemory::new(&host, 4096, 0)?;
/// let mut numbers = MemSlice::<u32, _>::zeroed(100, &device)?;
/// numbers.set(7, 42)?;
/// assert_eq!(numbers.get(7)?, 42);
///
/// device.fail_at(1);
/// assert!(numbers.get(7).is_err());
/// # Ok::<(), anymem_core::memory::MemoryError>(())
/// ```
pub struct SimMemory<H: HostAddressable> {
    arena: Arena,
    state: Mutex<State>,
    /// Locked while what was posted is done; before `state`.
    posted: Mutex<Posted>,
    instance: u64,
    peers: bool,
    /// The arena's bytes; freed after everything else.
    _bytes: Block<H>,
}

impl<H: HostAddressable> SimMemory<H> {
    /// Device number `instance`, whose `bytes` bytes come from `host`. No other device may
    /// have that number.
    ///
    /// A part of them, less than a hundredth, is what it needs itself.
    ///
    /// # Errors
    ///
    /// What `host` says.
    pub fn new(host: H, bytes: usize, instance: u64) -> Result<Self, MemoryError> {
        let layout = Layout::array::<u8>(bytes)
            .and_then(|layout| layout.align_to(64))
            .map_err(|_| MemoryError::OutOfMemory { requested: bytes })?;
        let block = Block::allocate(host, layout)?;
        let start = block.memory().host(block.address()).ok_or(MemoryError::Unsupported)?;
        // SAFETY: the block has that many bytes, and is this memory's as long as it is there.
        let arena = unsafe { Arena::new(NonNull::slice_from_raw_parts(start, bytes)) };
        let (state, posted) = (Mutex::new(State::new()), Mutex::new(Posted::NEW));
        Ok(Self { arena, state, posted, instance, peers: false, _bytes: block })
    }

    /// The same, with a direct way from all memories of its kind, itself included.
    #[must_use]
    pub fn with_peers(self) -> Self {
        Self { peers: true, ..self }
    }

    /// What it has done so far.
    #[must_use]
    pub fn counts(&self) -> SimCounts {
        self.state.lock().counts
    }

    /// Lets the `nth` operation from now on fail, counted from 1, and no other: an
    /// allocation, or a copy or fill when it is done.
    pub fn fail_at(&self, nth: u64) {
        self.state.lock().fail(nth, 1);
    }

    /// Lets the `nth` operation from now on fail, counted from 1, and all that follow.
    pub fn fail_from(&self, nth: u64) {
        self.state.lock().fail(nth, u64::MAX);
    }

    /// Lets no further operation fail.
    pub fn heal(&self) {
        self.state.lock().fail(0, 0);
    }

    /// Where these bytes are, all in one block.
    fn bytes(&self, at: SimAddress, len: usize) -> Result<NonNull<u8>, MemoryError> {
        let start = at.offset().ok_or(MemoryError::BadAddress)?;
        let end = start.checked_add(len).ok_or(MemoryError::BadAddress)?;
        if !self.arena.holds(start..end) {
            return Err(MemoryError::BadAddress);
        }
        Ok(self.arena.at(start))
    }

    /// Does a copy, or half of it if this is the one to fail.
    ///
    /// # Safety
    ///
    /// Its bytes are valid for it; nobody uses its target or writes its source meanwhile.
    unsafe fn perform(&self, copy: Transfer) -> Result<(), MemoryError> {
        let begun = self.state.lock().begin(copy.operation, copy.len);
        let len = if begun.is_ok() { copy.len } else { copy.len / 2 };
        // SAFETY: passed on from the caller.
        unsafe { copy.to.copy_from(copy.from, len) };
        begun
    }

    fn drain(&self, posted: &mut Posted) {
        // SAFETY: whoever posted it promised so, until it is done.
        posted.drain(|copy| unsafe { self.perform(copy) });
    }

    fn post(&self, copy: Transfer) {
        let mut posted = self.posted.lock();
        if posted.is_full() {
            self.drain(&mut posted);
        }
        posted.add(copy);
    }

    fn incoming(
        &self,
        to: SimAddress,
        from: *const u8,
        len: usize,
    ) -> Result<Transfer, MemoryError> {
        let to = self.bytes(to, len)?.as_ptr();
        Ok(Transfer { operation: Operation::CopyTo, to, from, len })
    }

    fn outgoing(&self, to: *mut u8, from: SimAddress, len: usize) -> Result<Transfer, MemoryError> {
        let from = self.bytes(from, len)?.as_ptr();
        Ok(Transfer { operation: Operation::CopyFrom, to, from, len })
    }

    /// # Safety
    ///
    /// As for [`Memory::copy_peer`].
    unsafe fn pull(&self, to: SimAddress, from: Place<'_>, len: usize) -> Result<(), MemoryError> {
        let to = self.bytes(to, len)?.as_ptr();
        if from.memory.id() == Memory::id(self) {
            let from = SimAddress::from_raw(from.address).ok_or(MemoryError::BadAddress)?;
            let from = self.bytes(from, len)?.as_ptr();
            // SAFETY: passed on from the caller; they may overlap.
            return unsafe { self.perform(Transfer { operation: Operation::Peer, to, from, len }) };
        }
        let begun = self.state.lock().begin(Operation::Peer, len);
        let len = if begun.is_ok() { len } else { len / 2 };
        // SAFETY: passed on from the caller; the device's bytes are of no other memory.
        unsafe { from.memory.copy_from(to, from.address, len)? };
        begun
    }
}

// SAFETY: the arena hands out disjoint blocks of its own bytes; copies are checked to be
// within one of them.
unsafe impl<H: HostAddressable> Memory for SimMemory<H> {
    type Address = SimAddress;

    fn id(&self) -> MemoryId {
        MemoryId { kind: "sim", instance: self.instance }
    }

    fn allocate(&self, layout: Layout) -> Result<SimAddress, MemoryError> {
        let mut state = self.state.lock();
        state.begin(Operation::Allocate, layout.size())?;
        let full = MemoryError::OutOfMemory { requested: layout.size() };
        let at = self.arena.allocate(layout).ok_or(full)?;
        state.counts.live += 1;
        Ok(SimAddress::at(at))
    }

    unsafe fn free(&self, address: SimAddress, layout: Layout) {
        let Some(at) = address.offset() else { return };
        // SAFETY: passed on from the caller.
        unsafe { self.arena.free(at, layout) };
        self.state.lock().counts.live -= 1;
    }

    unsafe fn copy_to(
        &self,
        to: SimAddress,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: passed on from the caller; the bytes of the block are there.
        unsafe { self.perform(self.incoming(to, from, len)?) }
    }

    unsafe fn copy_from(
        &self,
        to: *mut u8,
        from: SimAddress,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: passed on from the caller; the bytes of the block are there.
        unsafe { self.perform(self.outgoing(to, from, len)?) }
    }

    unsafe fn fill(&self, at: SimAddress, byte: u8, len: usize) -> Result<(), MemoryError> {
        let at = self.bytes(at, len)?;
        let begun = self.state.lock().begin(Operation::Fill, len);
        let len = if begun.is_ok() { len } else { len / 2 };
        // SAFETY: passed on from the caller; the bytes of the block are there.
        unsafe { at.write_bytes(byte, len) };
        begun
    }

    unsafe fn copy_peer(
        &self,
        to: SimAddress,
        from: Place<'_>,
        len: usize,
    ) -> Option<Result<(), MemoryError>> {
        let direct = self.peers && from.memory.id().kind == Memory::id(self).kind;
        // SAFETY: passed on from the caller.
        direct.then(|| unsafe { self.pull(to, from, len) })
    }

    unsafe fn post_copy_to(
        &self,
        to: SimAddress,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError> {
        self.post(self.incoming(to, from, len)?);
        Ok(())
    }

    unsafe fn post_copy_from(
        &self,
        to: *mut u8,
        from: SimAddress,
        len: usize,
    ) -> Result<(), MemoryError> {
        self.post(self.outgoing(to, from, len)?);
        Ok(())
    }

    fn flush(&self) -> Result<(), MemoryError> {
        let mut posted = self.posted.lock();
        self.drain(&mut posted);
        self.state.lock().counts.flushes += 1;
        posted.failed.take().map_or(Ok(()), Err)
    }

    fn failures(&self) -> u32 {
        self.posted.lock().failures
    }

    fn available(&self) -> Option<usize> {
        Some(self.arena.available())
    }
}

impl<H: HostAddressable> fmt::Debug for SimMemory<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimMemory")
            .field("instance", &self.instance)
            .field("peers", &self.peers)
            .field("available", &self.arena.available())
            .finish_non_exhaustive()
    }
}
