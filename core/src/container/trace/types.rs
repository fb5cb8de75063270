//! What the types of the language and of `offset` name.

use core::marker::PhantomData;
use core::sync::atomic::Ordering;

use super::super::ShmSafe;
use super::{Trace, TraceError, Tracer};
use crate::offset::{AtomicOffsetPtr, OffsetPtr, ShmPtr};

/// Writes [`Trace`] for plain data.
macro_rules! owns_nothing {
    ($type:ty) => {
        impl $crate::container::Trace for $type {
            #[inline]
            fn trace(
                &self,
                _: &mut $crate::container::Tracer<'_>,
            ) -> Result<(), $crate::container::TraceError> {
                Ok(())
            }
        }
    };
}

impl<T> Trace for PhantomData<T> {
    #[inline]
    fn trace(&self, _: &mut Tracer<'_>) -> Result<(), TraceError> {
        Ok(())
    }
}

impl<T> Trace for OffsetPtr<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        tracer.pointer(self.offset())
    }
}

impl<T> Trace for AtomicOffsetPtr<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        self.load(Ordering::Relaxed).trace(tracer)
    }
}

impl<T> Trace for ShmPtr<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        // One into another heap keeps nothing of this one.
        if self.allocator == tracer.heap().allocator().id() {
            self.ptr.trace(tracer)?;
        }
        Ok(())
    }
}

impl<T: ShmSafe, const N: usize> Trace for [T; N] {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        self.iter().try_for_each(|element| element.trace(tracer))
    }

    fn settle(&mut self, levels: u32) {
        self.iter_mut().for_each(|element| element.settle(levels));
    }
}

macro_rules! tuples {
    ($(($($parameter:ident . $index:tt),+))+) => {$(
        impl<$($parameter: ShmSafe),+> Trace for ($($parameter,)+) {
            fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
                $(self.$index.trace(tracer)?;)+
                Ok(())
            }

            fn settle(&mut self, levels: u32) {
                $(self.$index.settle(levels);)+
            }
        }
    )+};
}

for_each_tuple!(tuples);
