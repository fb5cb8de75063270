//! Which of this crate's types are allocators of collections.

#[cfg(feature = "linked-list")]
use crate::allocator::LinkedListAllocator;
use crate::allocator::{
    Allocator, LentSlots, LocalHeap, ScalablePageAllocator, ThreadLocalAllocator,
};
use crate::backend::Backend;
use crate::impl_allocator_api;
use crate::thread::ThreadModel;

impl_allocator_api!([] dyn Allocator + '_);
impl_allocator_api!(
    [B: Backend, T: ThreadModel, const SHIFT: u32] ThreadLocalAllocator<B, T, SHIFT>
);
impl_allocator_api!(
    [B: Backend, T: ThreadModel, const SHIFT: u32] ScalablePageAllocator<B, T, SHIFT>
);
impl_allocator_api!([A: Allocator, const PLACES: usize] LentSlots<A, PLACES>);
#[cfg(feature = "linked-list")]
impl_allocator_api!([B: Backend, T: ThreadModel] LinkedListAllocator<B, T>);
impl_allocator_api!([B: Backend, T: ThreadModel, const SHIFT: u32] LocalHeap<'_, B, T, SHIFT>);
