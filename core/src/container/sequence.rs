//! What containers that are visited in order have in common with other types.

/// Writes the traits that std's sequences have for `$sequence<T>`, whose `iter`
/// visits the elements in order.
///
/// Those that cannot be read are equal to each other, and less than those that can.
macro_rules! sequence {
    ($sequence:ident) => {
        impl<T: ShmSafe + core::fmt::Debug> core::fmt::Debug for $sequence<T> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self.iter() {
                    Ok(elements) => f.debug_list().entries(elements).finish(),
                    Err(error) => write!(f, "<{error}>"),
                }
            }
        }

        impl<T: ShmSafe + PartialEq> PartialEq for $sequence<T> {
            fn eq(&self, other: &Self) -> bool {
                match (self.iter(), other.iter()) {
                    (Ok(mine), Ok(theirs)) => mine.len() == theirs.len() && mine.eq(theirs),
                    (mine, theirs) => mine.is_err() == theirs.is_err(),
                }
            }
        }

        impl<T: ShmSafe + Eq> Eq for $sequence<T> {}

        impl<T: ShmSafe + PartialEq> PartialEq<[T]> for $sequence<T> {
            fn eq(&self, other: &[T]) -> bool {
                self.iter().is_ok_and(|mine| mine.len() == other.len() && mine.eq(other))
            }
        }

        impl<T: ShmSafe + PartialOrd> PartialOrd for $sequence<T> {
            fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
                match (self.iter(), other.iter()) {
                    (Ok(mine), Ok(theirs)) => mine.partial_cmp(theirs),
                    (mine, theirs) => Some(mine.is_ok().cmp(&theirs.is_ok())),
                }
            }
        }

        impl<T: ShmSafe + Ord> Ord for $sequence<T> {
            fn cmp(&self, other: &Self) -> core::cmp::Ordering {
                match (self.iter(), other.iter()) {
                    (Ok(mine), Ok(theirs)) => mine.cmp(theirs),
                    (mine, theirs) => mine.is_ok().cmp(&theirs.is_ok()),
                }
            }
        }

        impl<T: ShmSafe + core::hash::Hash> core::hash::Hash for $sequence<T> {
            fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
                let elements = self.iter().ok();
                elements.as_ref().map(ExactSizeIterator::len).hash(state);
                elements.into_iter().flatten().for_each(|element| element.hash(state));
            }
        }
    };
}
