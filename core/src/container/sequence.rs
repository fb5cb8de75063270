//! What containers that are visited in order have in common with other types.

/// Writes the traits that std's sequences have for `$sequence<T>`, or with a number
/// `$sequence<T, $n>`, whose `iter` visits the elements in order.
///
/// Those that cannot be read are equal to each other, and less than those that can.
macro_rules! sequence {
    ($sequence:ident $(, $n:ident)?) => {
        impl<T: ShmSafe + core::fmt::Debug $(, const $n: usize)?> core::fmt::Debug for $sequence<T $(, $n)?> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.iter() {
                    Ok(elements) => f.debug_list().entries(elements).finish(),
                    Err(error) => write!(f, "<{error}>"),
                }
            }
        }

        impl<T: ShmSafe + PartialEq $(, const $n: usize)?> PartialEq for $sequence<T $(, $n)?> {
            fn eq(&self, other: &Self) -> bool {
                match (self.iter(), other.iter()) {
                    (Ok(mine), Ok(theirs)) => mine.len() == theirs.len() && mine.eq(theirs),
                    (mine, theirs) => mine.is_err() == theirs.is_err(),
                }
            }
        }

        impl<T: ShmSafe + Eq $(, const $n: usize)?> Eq for $sequence<T $(, $n)?> {}

        impl<T: ShmSafe + PartialEq $(, const $n: usize)?> PartialEq<[T]> for $sequence<T $(, $n)?> {
            fn eq(&self, other: &[T]) -> bool {
                self.iter().is_ok_and(|mine| mine.len() == other.len() && mine.eq(other))
            }
        }

        impl<T: ShmSafe + PartialEq $(, const $n: usize)?> PartialEq<&[T]> for $sequence<T $(, $n)?> {
            fn eq(&self, other: &&[T]) -> bool {
                *self == **other
            }
        }

        impl<T: ShmSafe + PartialEq, $(const $n: usize,)? const LEN: usize> PartialEq<[T; LEN]>
            for $sequence<T $(, $n)?>
        {
            fn eq(&self, other: &[T; LEN]) -> bool {
                *self == other[..]
            }
        }

        impl<T: ShmSafe + PartialOrd $(, const $n: usize)?> PartialOrd for $sequence<T $(, $n)?> {
            fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
                match (self.iter(), other.iter()) {
                    (Ok(mine), Ok(theirs)) => mine.partial_cmp(theirs),
                    (mine, theirs) => Some(mine.is_ok().cmp(&theirs.is_ok())),
                }
            }
        }

        impl<T: ShmSafe + Ord $(, const $n: usize)?> Ord for $sequence<T $(, $n)?> {
            fn cmp(&self, other: &Self) -> core::cmp::Ordering {
                match (self.iter(), other.iter()) {
                    (Ok(mine), Ok(theirs)) => mine.cmp(theirs),
                    (mine, theirs) => mine.is_ok().cmp(&theirs.is_ok()),
                }
            }
        }

        impl<T: ShmSafe + core::hash::Hash $(, const $n: usize)?> core::hash::Hash for $sequence<T $(, $n)?> {
            fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
                let elements = self.iter().ok();
                elements.as_ref().map(ExactSizeIterator::len).hash(state);
                elements.into_iter().flatten().for_each(|element| element.hash(state));
            }
        }
    };
}

/// Writes `IntoIterator` for `$sequence<T>`, which has two ends to pop elements from.
macro_rules! into_elements {
    ($sequence:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug)]
        pub struct IntoIter<T: ShmSafe>($sequence<T>);

        impl<T: ShmSafe> IntoIterator for $sequence<T> {
            type Item = T;
            type IntoIter = IntoIter<T>;

            /// Gives the elements, up to where the heap is found not to be attached, or
            /// damaged.
            fn into_iter(self) -> IntoIter<T> {
                IntoIter(self)
            }
        }

        impl<T: ShmSafe> Iterator for IntoIter<T> {
            type Item = T;

            fn next(&mut self) -> Option<T> {
                self.0.pop_front().ok().flatten()
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                (0, Some(self.0.len()))
            }
        }

        impl<T: ShmSafe> DoubleEndedIterator for IntoIter<T> {
            fn next_back(&mut self) -> Option<T> {
                self.0.pop_back().ok().flatten()
            }
        }

        impl<T: ShmSafe> core::iter::FusedIterator for IntoIter<T> {}
    };
}
