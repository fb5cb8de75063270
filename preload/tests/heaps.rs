//! Heaps by name from C: `anymem.h`. What the programs do is in `c`.

mod common;

use common::{compiled, library, preloaded, program, run, succeeds_silently};

#[test]
fn two_processes_share_a_heap() {
    let library = library().to_str().expect("a plain path");
    let path = format!("-Wl,-rpath,{}", library.trim_end_matches("libanymem.so"));
    let sharing = compiled("sharing.c", &[library, &path]);
    succeeds_silently(&run(&mut program(&sharing)), "linked");
    succeeds_silently(&run(preloaded(&mut program(&sharing))), "preloaded");
}

#[test]
fn the_header_is_good_for_cxx() {
    compiled("header.cpp", &["-std=c++11", "-c"]);
}

#[test]
fn the_library_can_be_loaded_late() {
    let output = run(program(compiled("late.c", &[])).arg(library()));
    succeeds_silently(&output, "late.c");
}
