//! Visiting the elements of a deque.

use core::iter::FusedIterator;
use core::slice;

macro_rules! iterator {
    ($name:ident, $piece:ident, $slice:ty, $item:ty, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug)]
        pub struct $name<'d, T> {
            first: slice::$piece<'d, T>,
            second: slice::$piece<'d, T>,
        }

        impl<'d, T> $name<'d, T> {
            pub(super) fn new((first, second): ($slice, $slice)) -> Self {
                Self { first: first.into_iter(), second: second.into_iter() }
            }
        }

        impl<'d, T> Iterator for $name<'d, T> {
            type Item = $item;

            fn next(&mut self) -> Option<$item> {
                self.first.next().or_else(|| self.second.next())
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                let len = self.first.len() + self.second.len();
                (len, Some(len))
            }

            fn fold<A, F: FnMut(A, $item) -> A>(self, start: A, mut fold: F) -> A {
                let so_far = self.first.fold(start, &mut fold);
                self.second.fold(so_far, fold)
            }
        }

        impl<T> DoubleEndedIterator for $name<'_, T> {
            fn next_back(&mut self) -> Option<Self::Item> {
                self.second.next_back().or_else(|| self.first.next_back())
            }
        }

        impl<T> ExactSizeIterator for $name<'_, T> {}

        impl<T> FusedIterator for $name<'_, T> {}
    };
}

iterator!(Iter, Iter, &'d [T], &'d T, "Visits the elements of a [`ShmDeque`](super::ShmDeque).");
iterator!(
    IterMut,
    IterMut,
    &'d mut [T],
    &'d mut T,
    "Visits the elements of a [`ShmDeque`](super::ShmDeque), to change them."
);

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Self { first: self.first.clone(), second: self.second.clone() }
    }
}
