//! What machines lack.

use std::io::{Write, stderr};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How often something was skipped.
static SKIPS: AtomicUsize = AtomicUsize::new(0);

/// Says that a test, or a part of it, does not run, for this machine lacks what it needs:
/// `missing`, of some `kind`. How many there were is said when the program ends.
///
/// # Panics
///
/// `ANYMEM_TEST_REQUIRE` says that the machine has it: it lists kinds, such as `numa,hmat`.
#[allow(unreachable_pub, reason = "`anymem-tests` has this file, too")]
pub fn skip(kind: &str, missing: &str) {
    let required = std::env::var("ANYMEM_TEST_REQUIRE").unwrap_or_default();
    let has = required.split(',').any(|it| it == kind);
    assert!(!has, "this machine should have what is called {kind}, but it lacks: {missing}");
    say(&format!("skipped: no {missing}\n"));
    if SKIPS.fetch_add(1, Ordering::Relaxed) == 0 {
        // SAFETY: the function lives for ever, and does not unwind.
        unsafe { libc::atexit(tell_count) };
    }
}

/// Past the test harness, which would keep it back, and in one piece.
fn say(line: &str) {
    let _ = stderr().write_all(line.as_bytes());
}

extern "C" fn tell_count() {
    say(&format!("skipped in this program, in all: {}\n", SKIPS.load(Ordering::Relaxed)));
}
