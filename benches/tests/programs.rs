//! The programs under `LD_PRELOAD` run, and print the same every time.

use std::path::Path;

use anymem_benches::preload::{Outcome, Plan, measure, peers, programs};

#[test]
fn every_program_prints_the_same_twice() {
    let glibc = &peers(Path::new("/nowhere")).0[..1];
    for program in programs() {
        let row = measure(&program, glibc, Plan { rounds: 1, percent: 1 });
        let row = row.unwrap_or_else(|error| panic!("{}: {error}", program.name));
        assert!(matches!(row.libraries[0].outcome, Outcome::Took(_)), "{row:?}");
    }
}
