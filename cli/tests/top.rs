//! `anymem top`, on a terminal and elsewhere.

mod common;

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::process::{Child, Stdio};

use anymem::{SharedHeap, Size};
use common::{Finished, Name, anymem, run};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

#[test]
fn without_a_terminal_it_is_shown_once() {
    let name = Name::new("top once");
    SharedHeap::create(&name.0, Size::mib(8)).expect("a heap");
    let shown = run(["top", &name.0]).succeeded();
    assert_eq!(shown.row("size"), ["8 MiB"]);
    assert!(!shown.output.contains('\x1b'), "{shown:#?}");
}

/// A `top` on a terminal, and what it has drawn.
struct Drawn {
    child: Child,
    master: File,
    seen: String,
}

impl Drawn {
    /// Lets the heap be drawn a few times.
    fn start(name: &Name) -> Self {
        SharedHeap::create(&name.0, Size::mib(8)).expect("a heap");
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&master).expect("it is granted");
        unlockpt(&master).expect("it is unlocked");
        let path = ptsname(&master, Vec::new()).expect("its name").into_string().expect("UTF-8");
        let terminal = OpenOptions::new().read(true).write(true).open(path).expect("it opens");
        let child = anymem(["top", &name.0, "--interval", "0.05"])
            .stdout(terminal)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut drawn = Self { child, master: master.into(), seen: String::new() };
        while drawn.seen.matches("\x1b[H\x1b[J").count() < 3 {
            drawn.read();
        }
        drawn
    }

    fn read(&mut self) {
        let mut bytes = [0; 4096];
        let count = self.master.read(&mut bytes).expect("the program draws");
        self.seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
}

#[test]
fn on_a_terminal_it_is_drawn_until_the_heap_is_removed() {
    let name = Name::new("top");
    let mut drawn = Drawn::start(&name);
    fs::remove_file(name.path()).expect("it is removed");
    while !drawn.seen.contains("top was removed") {
        drawn.read();
    }
    assert!(drawn.seen.contains("8 MiB"), "{}", drawn.seen);
    assert!(drawn.child.wait().expect("it ends").success());
}

#[test]
fn a_heap_that_is_cut_off_meanwhile_is_told() {
    let name = Name::new("top cut");
    let drawn = Drawn::start(&name);
    OpenOptions::new().write(true).open(name.path()).expect("it opens").set_len(0).expect("a cut");
    let found = Finished::of(drawn.child.wait_with_output().expect("its output"));
    found.failed_with(1, "top cut\" was cut off while it was used");
}

#[test]
fn bad_input_is_refused() {
    run(["top", "no-such-heap"]).failed_with(1, "there is no heap named");
    for interval in ["0", "-1", "nan", "soon", "1e300"] {
        let argument = format!("--interval={interval}");
        run(["top", "no-such-heap", &argument]).failed_with(2, "give a number of seconds");
    }
}
