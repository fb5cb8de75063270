//! What the queues have in common, and with other types.

/// Writes what every queue has.
macro_rules! queue {
    ($queue:ident) => {
        impl<T: $crate::container::ShmSafe> $queue<T> {
            /// A queue in `heap` with room for `capacity` values, rounded up to a
            /// power of two of at least 2.
            ///
            /// # Errors
            ///
            /// The heap is full or not attached.
            pub fn new_in(
                capacity: usize,
                heap: &(impl $crate::allocator::Allocator + ?Sized),
            ) -> Result<Self, ContainerError> {
                Ok(Self { block: Block::new(capacity, heap.id())? })
            }

            /// The id of the heap that the values live in.
            #[must_use]
            pub fn heap_id(&self) -> $crate::offset::AllocatorId {
                self.block.heap_id()
            }

            /// How many values there is room for.
            #[must_use]
            pub fn capacity(&self) -> usize {
                self.block.capacity()
            }

            /// How many values there are, those on their way included; exact while
            /// nobody pushes or pops.
            ///
            /// # Errors
            ///
            /// The heap is not attached, or the queue is damaged.
            pub fn len(&self) -> Result<usize, ContainerError> {
                Ok(self.block.look()?.ring().len())
            }

            /// Whether there is none.
            ///
            /// # Errors
            ///
            /// The heap is not attached, or the queue is damaged.
            pub fn is_empty(&self) -> Result<bool, ContainerError> {
                Ok(self.len()? == 0)
            }

            /// Lets nobody begin to push any more, and wakes all who sleep. Who pops
            /// gets what is there, and is told then.
            ///
            /// # Errors
            ///
            /// The heap is not attached or read-only, or the queue is damaged.
            pub fn close(&self) -> Result<(), ContainerError> {
                self.block.open().map(|view| view.close())
            }

            /// Whether the queue was closed; there may be values left.
            ///
            /// # Errors
            ///
            /// The heap is not attached, or the queue is damaged.
            pub fn is_closed(&self) -> Result<bool, ContainerError> {
                Ok(self.block.look()?.ring().is_closed())
            }

            /// Looks whether the queue lies in its heap.
            ///
            /// # Errors
            ///
            /// The heap is not attached, or the queue is damaged.
            pub fn check(&self) -> Result<(), ContainerError> {
                self.block.look().map(|_| ())
            }
        }

        impl<T: $crate::container::ShmSafe> $crate::container::Trace for $queue<T> {
            fn trace(
                &self,
                tracer: &mut $crate::container::Tracer<'_>,
            ) -> Result<(), $crate::container::TraceError> {
                self.block.trace(tracer)
            }
        }

        impl<T: $crate::container::ShmSafe> Drop for $queue<T> {
            /// Drops what is inside; leaks it where the heap is not attached.
            fn drop(&mut self) {
                self.block.destroy();
            }
        }

        impl<T: $crate::container::ShmSafe> core::fmt::Debug for $queue<T> {
            /// Tells the sizes only: the values are for who pops them.
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.block.look() {
                    Ok(view) => write!(f, concat!(stringify!($queue), "({:?})"), view.ring()),
                    Err(error) => write!(f, "<{error}>"),
                }
            }
        }
    };
}

pub(super) use queue;
