//! What machines lack.

use std::io::{Write, stderr};

/// Says that a test does not run, for this machine lacks what it needs: `missing`, of some
/// `kind`.
///
/// # Panics
///
/// `ANYMEM_TEST_REQUIRE` says that the machine has it: it lists kinds, such as `numa,hmat`.
#[allow(unreachable_pub, reason = "`anymem-tests` has this file, too")]
pub fn skip(kind: &str, missing: &str) {
    let required = std::env::var("ANYMEM_TEST_REQUIRE").unwrap_or_default();
    let has = required.split(',').any(|it| it == kind);
    assert!(!has, "this machine should have what is called {kind}, but it lacks: {missing}");
    // Past the test harness, which would keep it back, and in one piece.
    let _ = stderr().write_all(format!("skipped: no {missing}\n").as_bytes());
}
