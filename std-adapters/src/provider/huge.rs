//! The system's pools of huge pages.

use std::fs;
use std::path::PathBuf;

use super::ProviderError;
use crate::size::Size;

/// The flag that asks `mmap` for pages of that size; `memfd_create` takes the same.
///
/// # Errors
///
/// The machine has none of that size.
pub(super) fn flags(page: usize) -> Result<i32, ProviderError> {
    if page.is_power_of_two() && pool(page).exists() {
        return Ok((page.trailing_zeros() as i32) << libc::MAP_HUGE_SHIFT);
    }
    Err(ProviderError::Missing {
        what: format!("huge pages of {}", Size::bytes(page)),
        hint: "use a size that is listed in /sys/kernel/mm/hugepages",
    })
}

/// The error for a pool that has no pages left.
pub(super) fn used_up(page: usize, bytes: usize) -> ProviderError {
    let free = fs::read_to_string(pool(page).join("free_hugepages"));
    let free = free.map_or_else(|_| "?".into(), |text| text.trim().to_owned());
    ProviderError::Missing {
        what: format!("{} free huge pages of {} (it has {free})", bytes / page, Size::bytes(page)),
        hint: "write more to nr_hugepages in that size's directory of \
               /sys/kernel/mm/hugepages, or use smaller pages",
    }
}

/// Where the system tells about its pages of that size.
fn pool(page: usize) -> PathBuf {
    format!("/sys/kernel/mm/hugepages/hugepages-{}kB", page / 1024).into()
}
