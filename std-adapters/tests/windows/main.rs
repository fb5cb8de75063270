//! What anymem does on Windows. On Linux these tests run under Wine: `ci/windows.sh`.
#![cfg(windows)]

mod backends;
mod heaps;
mod model;
