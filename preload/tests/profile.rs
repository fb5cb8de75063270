//! `ANYMEM_PROFILE`: files for pprof that say where a program allocates.
//!
//! - with rate 1, each call of a function is there, and what was freed is not in
//!   use;
//! - with another rate, the estimates are as near to that as chance permits;
//! - a file is written at exit and on request, by each process its own;
//! - what a program does stays the same.
//!
//! What the programs do is in `c`.

mod common;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use common::pprof::{Samples, Values};
use common::{compiled, library, preloaded, run, scratch, succeeds, succeeds_silently};

/// What a function of `profile.c` has really done.
struct Site {
    name: String,
    addresses: Range<u64>,
    expected: Values,
}

impl Site {
    fn of(line: &str) -> Self {
        let words: Vec<_> = line.split(' ').collect();
        let address = |word: &str| {
            u64::from_str_radix(word.trim_start_matches("0x"), 16).expect("an address")
        };
        let number = |index: usize| words[index].parse().expect("a number");
        Self {
            name: words[0].into(),
            addresses: address(words[1])..address(words[2]),
            expected: [3, 4, 5, 6].map(number),
        }
    }

    /// How far the estimates may be away by chance, for blocks of one size.
    ///
    /// A block is sampled with probability p, and stands for 1 / p then: for n
    /// blocks the variance is n (1 - p) / p. Seven times its root is exceeded
    /// once in 10¹¹ times.
    fn bounds(&self, rate: f64) -> [f64; 4] {
        let [blocks, bytes, kept, _] = self.expected.map(|value| value as f64);
        let p = 1.0 - (-bytes / blocks / rate).exp();
        assert!(kept * p > 100.0, "{} is too small for statistics", self.name);
        let bound = |many: f64| 7.0 * (many * (1.0 - p) / p).sqrt() + 1.0;
        let size = bytes / blocks;
        [bound(blocks), bound(blocks) * size, bound(kept), bound(kept) * size]
    }
}

/// The program, without what would end it if it hangs: that would be profiled,
/// too. It ends itself.
fn profiled(source: &str, target: &Path, rate: &str) -> Command {
    let library = library().to_str().expect("a plain path");
    let mut command = Command::new(compiled(source, &[library]));
    command.env("ANYMEM_PROFILE", target).env("ANYMEM_PROFILE_RATE", rate);
    preloaded(&mut command);
    command
}

fn profile_of_sites(name: &str, rate: &str, scale: &str) -> (Samples, Vec<Site>) {
    let target = scratch(name).join("profile.pb");
    let output = run(profiled("profile.c", &target, rate).arg(scale));
    succeeds_silently(&output, "profile.c");
    let sites: Vec<_> = text(&output).lines().map(Site::of).collect();
    assert_eq!(sites.len(), 5);
    (Samples::read(&target), sites)
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_block_is_in_a_profile_of_rate_1() {
    let (profile, sites) = profile_of_sites("profile-every", "1", "1");
    assert_eq!(profile.rate, 1);
    for Site { name, addresses, expected } in &sites {
        assert_eq!(profile.of(addresses), *expected, "{name}");
        // Nothing of the library is between the program and the block.
        assert_eq!(profile.directly_of(addresses), *expected, "{name}");
    }
}

#[test]
fn a_sample_tells_of_the_whole() {
    let (profile, sites) = profile_of_sites("profile-sample", "16KiB", "60");
    assert_eq!(profile.rate, 16 << 10);
    for site in sites.iter().filter(|site| site.name != "resized") {
        let (found, bounds) = (profile.of(&site.addresses), site.bounds(16384.0));
        for ((found, expected), bound) in found.iter().zip(site.expected).zip(bounds) {
            let away = (found - expected).abs() as f64;
            assert!(away <= bound, "{}: {found}, not {expected} ± {bound}", site.name);
        }
    }
}

#[test]
fn the_files_of_the_program_are_named() {
    let (profile, _) = profile_of_sites("profile-files", "64KiB", "1");
    let (file, build_id) = &profile.files[0];
    assert!(file.ends_with("/profile_c"), "the program comes first: {file}");
    let notes = run(Command::new("readelf").arg("-n").arg(file));
    assert!(build_id.len() >= 16 && text(&notes).contains(build_id), "{build_id}");
    let libc = profile.files.iter().find(|(file, _)| file.contains("libc.so"));
    assert!(Path::new(&libc.expect("a C program").0).exists());
}

/// What is in use: so many blocks of `size` bytes.
fn in_use(profile: &Samples, size: i64) -> i64 {
    profile.of_size(size)[2]
}

#[test]
fn a_forked_child_writes_a_file_of_its_own() {
    for pattern in ["profile", "profile.{pid}"] {
        let place = scratch("profile-forks");
        let mut command = profiled("profile_calls.c", Path::new(pattern), "1");
        let asked = place.join("asked");
        let child = command.arg(&asked).current_dir(&place).stdout(Stdio::piped()).spawn();
        let child = child.expect("a program");
        let parent = child.id().to_string();
        let output = child.wait_with_output().expect("it was started");
        succeeds_silently(&output, "profile_calls.c");
        let forked = place.join(format!("profile.{}", text(&output).trim()));
        let [own, asked, forked] = [place.join(pattern.replace("{pid}", &parent)), asked, forked]
            .map(|it| Samples::read(&it));
        for profile in [&own, &asked] {
            assert_eq!([1_234_567, 7_654_321].map(|size| in_use(profile, size)), [1, 0]);
        }
        assert_eq!([1_234_567, 7_654_321].map(|size| in_use(&forked, size)), [0, 1]);
        assert_eq!(forked.of_size(1_234_567)[0], 1, "the parent allocated it");
        assert_eq!(fs::read_dir(&place).expect("a directory").count(), 3);
    }
}

#[test]
fn what_can_not_be_done_is_told() {
    let library = library().to_str().expect("a plain path");
    let mut command = Command::new(compiled("profile_calls.c", &[library]));
    succeeds_silently(&run(preloaded(command.arg("asked"))), "without a profile");
    let target = "/nonexistent/profile";
    let output = run(&mut profiled("profile.c", Path::new(target), "1MiB"));
    succeeds(&output, "profile.c");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with(&format!("anymem: no profile in {target}: ")), "{said}");
    assert_eq!(said.lines().count(), 1);
}

#[test]
fn difficult_programs_go_on_as_if_nobody_looked() {
    for source in ["blocks.c", "forks.c", "signals.c", "threads.c"] {
        let place = scratch("profile-difficult");
        let target = place.join("{pid}");
        let mut command = profiled(source, &target, "2KiB");
        let output = run(command.stdout(Stdio::null()));
        succeeds_silently(&output, source);
        let files: Vec<PathBuf> = fs::read_dir(&place)
            .expect("a directory")
            .map(|file| file.expect("a file").path())
            .collect();
        assert!(!files.is_empty(), "{source}");
        files.iter().for_each(|file| assert!(Samples::read(file).total()[0] > 0, "{source}"));
    }
}
