//! Regions whose pages are others', and updates from and to them.

use super::{Copied, Options, Pages, Region, RegionError, update};

/// Who has which pages of a region that has none itself.
pub trait Division: Send + Sync {
    /// Lets `each` have those of the pages that one region has, region by region. It leaves
    /// the pages that it has done something with, and all of these are left in `pages`.
    ///
    /// A page that has got another owner meanwhile is tried again if `each` could not have it.
    ///
    /// # Errors
    ///
    /// Those of `each`, and [`Unallocated`](RegionError::Unallocated) if nobody has a page.
    fn divide(
        &self,
        pages: &mut Pages,
        each: &mut dyn FnMut(&dyn Region, &mut Pages) -> Result<(), RegionError>,
    ) -> Result<(), RegionError>;
}

/// An update for each region that has some of the pages, if there are such: nobody holds pages
/// of one while waiting for those of a third.
pub(super) fn update_each<D: Region + ?Sized, S: Region + ?Sized>(
    to: &D,
    from: &S,
    pages: &mut Pages,
    options: Options,
) -> Option<Result<Copied, RegionError>> {
    let mut all = Copied::default();
    let result = match (from.division(), to.division()) {
        (Some(division), _) => division.divide(pages, &mut |from, part| {
            all += update(to, from, part, options)?;
            Ok(())
        }),
        (None, Some(division)) => division.divide(pages, &mut |to, part| {
            all += update(to, from, part, options)?;
            Ok(())
        }),
        (None, None) => return None,
    };
    Some(result.map(|()| all))
}
