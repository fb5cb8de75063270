//! Pages of which an access means every byte.

use crate::bits;
use crate::region::{Access, Geometry, Pages};

/// Adds the pages that are seen to be meant as a whole: by ranges, one at a time.
pub(super) fn whole_pages(access: &Access<'_>, geometry: Geometry, pages: &mut Pages) {
    match access {
        Access::All => bits::assign(pages.words_mut(), 0..geometry.pages(), true),
        Access::Pages(some) => pages.add(some),
        Access::Ranges(ranges) => {
            for range in *ranges {
                let first = range.start.div_ceil(geometry.page_size());
                let is_to_end = range.end >= geometry.bytes();
                let end = if is_to_end { geometry.pages() } else { geometry.page_of(range.end) };
                bits::assign(pages.words_mut(), first..end.max(first), true);
            }
        }
        _ => {}
    }
}
