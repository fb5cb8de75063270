//! What machines lack.

use std::io::{Write, stderr};

/// Says that a test does not run, for this machine lacks what it needs: `missing`.
///
/// # Panics
///
/// `ANYMEM_TEST_REQUIRE` says that there is some: it lists kinds such as `numa,hmat`.
pub(crate) fn skip(kind: &str, missing: &str) {
    let required = std::env::var("ANYMEM_TEST_REQUIRE").unwrap_or_default();
    let has = required.split(',').any(|it| it == kind);
    assert!(!has, "this machine should have {kind}, but there is: no {missing}");
    // Past the test harness, which would keep it back.
    let _ = stderr().write_all(format!("skipped: {missing}\n").as_bytes());
}
