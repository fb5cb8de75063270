//! `malloc` and its kin as C and C++ programs see them. What the programs do is
//! in `c`.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::{compiled, library, preloaded, program, run, succeeds, succeeds_silently};

/// A program of `c` under the library. It links with the library as well, for
/// the names that the C library's headers do not have yet.
fn c_program(source: &str) -> Command {
    let library = library().to_str().expect("a plain path");
    let mut command = program(compiled(source, &[library]));
    preloaded(&mut command);
    command
}

fn is_fine(source: &str) {
    succeeds_silently(&run(&mut c_program(source)), source);
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn errors_are_told_and_errno_is_kept() {
    is_fine("errors.c");
}

#[test]
fn blocks_are_as_long_and_as_aligned_as_asked_for() {
    is_fine("blocks.c");
}

#[test]
fn threads_by_the_ten_thousand() {
    is_fine("threads.c");
}

#[test]
fn forks_from_many_threads() {
    is_fine("forks.c");
}

#[test]
fn signal_handlers_that_allocate() {
    is_fine("signals.c");
}

#[test]
fn the_operators_of_cxx() {
    succeeds_silently(
        &run(preloaded(&mut program(compiled("operators.cpp", &["-std=c++17"])))),
        "operators.cpp",
    );
}

#[test]
fn libraries_come_and_go() {
    let plugin = compiled("plugin.c", &["-shared", "-fPIC"]);
    let output = run(c_program("loading.c").arg(plugin));
    succeeds_silently(&output, "loading.c");
}

#[test]
fn the_heap_tells_of_itself() {
    let output = run(&mut c_program("tuning.c"));
    succeeds(&output, "tuning.c");
    assert!(stderr(&output).contains("double frees"), "malloc_stats prints a table");
}

#[test]
fn a_full_heap_answers_null_and_goes_on() {
    for size in ["16", "1000", "40000", "1000000"] {
        let output = run(c_program("exhaustion.c").arg(size).env("ANYMEM_RESERVE", "16MiB"));
        succeeds_silently(&output, size);
    }
}

#[test]
fn little_address_space_is_enough() {
    let mut limited = c_program("blocks.c");
    let mut command = Command::new("prlimit");
    command.arg("--as=400000000").arg(limited.get_program()).args(limited.get_args());
    succeeds_silently(&run(preloaded(&mut command)), "blocks.c with 400 MB");
    limited.env("ANYMEM_RESERVE", "160MiB");
    succeeds_silently(&run(&mut limited), "blocks.c with 160 MiB");
}

#[test]
fn a_table_is_printed_at_exit() {
    // A program that closes its standard error output before it exits.
    let output = run(preloaded(&mut program("/bin/ls")).arg("/").env("ANYMEM_STATS", "1"));
    succeeds(&output, "ls");
    let table = stderr(&output);
    assert!(table.starts_with("anymem: block size"), "{table}");
    assert!(table.contains("0 double frees"), "{table}");
    let silent = run(preloaded(&mut program("/bin/ls")).arg("/").env("ANYMEM_STATS", "0"));
    succeeds_silently(&silent, "ls");
    assert_eq!(silent.stdout, output.stdout);
}

#[test]
fn options_that_make_no_sense_are_named_once_and_ignored() {
    for (name, value) in [
        ("ANYMEM_STATS", "yes"),
        ("ANYMEM_MEMFD", "2"),
        ("ANYMEM_PROFILE_RATE", "0"),
        ("ANYMEM_PROFILE_RATE", "often"),
        ("ANYMEM_RESERVE", "1"),
        ("ANYMEM_RESERVE", "12 parsecs"),
        ("ANYMEM_RESERVE", "99999999999999999999"),
    ] {
        let mut command = Command::new("/bin/ls");
        let output = run(preloaded(command.arg("/").env(name, value)));
        succeeds(&output, name);
        let said = stderr(&output);
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.starts_with(&format!("anymem: {name}={value} is ignored: use ")), "{said}");
    }
}

/// Where a program's heap is, from its own list of mappings.
fn mappings(name: &str, value: &str) -> (String, String) {
    let mut command = Command::new("/bin/cat");
    command.arg("/proc/self/maps").env(name, value);
    let output = run(preloaded(&mut command));
    succeeds(&output, name);
    (String::from_utf8_lossy(&output.stdout).into_owned(), stderr(&output))
}

#[test]
fn the_heap_can_be_a_memory_file() {
    let (maps, said) = mappings("ANYMEM_MEMFD", "1");
    assert!(maps.contains("memfd:anymem") && said.is_empty(), "{maps}{said}");
}

#[test]
fn the_heap_can_have_a_name() {
    let name = format!("test.preload.{}", std::process::id());
    let file = Path::new("/dev/shm").join(format!("anymem.{name}"));
    let (maps, said) = mappings("ANYMEM_NAME", &name);
    assert!(maps.contains("/dev/shm/") && said.is_empty(), "{maps}{said}");
    assert!(file.exists(), "it stays until it is unlinked");
    // The second program finds the name taken, and works with a private heap.
    let (maps, said) = mappings("ANYMEM_NAME", &name);
    fs::remove_file(file).expect("its own");
    assert!(!maps.contains("/dev/shm/") && said.contains("exists"), "{maps}{said}");
}

#[test]
fn every_process_can_have_a_name_of_its_own() {
    let name = format!("test.preload.{}.{{pid}}", std::process::id());
    let mut command = Command::new("/bin/ls");
    let mut child = preloaded(command.env("ANYMEM_NAME", &name).stdout(Stdio::null()))
        .spawn()
        .expect("/bin/ls");
    let file = format!("/dev/shm/anymem.{}", name.replace("{pid}", &child.id().to_string()));
    assert!(child.wait().expect("it was started").success());
    fs::remove_file(file).expect("it stays until it is unlinked");
}
