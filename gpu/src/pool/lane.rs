//! One stream of a pool.

use core::ptr::NonNull;
use std::sync::Arc;

use anymem::pool::{DisjointOptions, PoolError, PoolHandle, Tracked};

use super::bank::{Bank, StreamIndex};
use super::spans::StreamSpans;
use crate::Stream;

/// One stream of a pool: a pool of its own, whose blocks that stream alone uses.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) stream: Stream,
    pub(super) index: StreamIndex,
    pub(super) pool: PoolHandle,
}

/// What is noted with a lane's pool, to find the lane by an address.
#[derive(Debug)]
struct Mark {
    /// Where the bank is, which no other pool has.
    bank: usize,
    index: StreamIndex,
}

impl Lane {
    pub(super) fn new(
        bank: &Arc<Bank>,
        stream: Stream,
        blocks: DisjointOptions,
    ) -> Result<Self, PoolError> {
        let spans = StreamSpans::new(Arc::clone(bank), stream.clone());
        let index = spans.index();
        let pool = PoolHandle::new(blocks.build(Tracked::new(Arc::new(spans))?)?);
        pool.set_tag(Some(Arc::new(Mark { bank: Arc::as_ptr(bank).addr(), index })));
        Ok(Self { stream, index, pool })
    }

    /// Which stream of the bank's pool a block is of; `None` if it is another pool's.
    pub(super) fn of(bank: &Arc<Bank>, block: NonNull<u8>) -> Option<StreamIndex> {
        let mark = anymem::pool::of(block)?.tag::<Mark>()?;
        (mark.bank == Arc::as_ptr(bank).addr()).then_some(mark.index)
    }
}
