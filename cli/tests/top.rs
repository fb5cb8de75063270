//! `anymem top`, on a terminal and elsewhere.

mod common;

use std::fs::{self, File, OpenOptions};
use std::io::Read;

use anymem::{SharedHeap, Size};
use common::{Name, anymem, run};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

#[test]
fn without_a_terminal_it_is_shown_once() {
    let name = Name::new("top once");
    SharedHeap::create(&name.0, Size::mib(8)).expect("a heap");
    let shown = run(["top", &name.0]).succeeded();
    assert_eq!(shown.row("size"), ["8 MiB"]);
    assert!(!shown.output.contains('\x1b'), "{shown:#?}");
}

#[test]
fn on_a_terminal_it_is_drawn_until_the_heap_is_removed() {
    let name = Name::new("top");
    SharedHeap::create(&name.0, Size::mib(8)).expect("a heap");
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&master).expect("it is granted");
    unlockpt(&master).expect("it is unlocked");
    let path = ptsname(&master, Vec::new()).expect("its name").into_string().expect("UTF-8");
    let terminal = OpenOptions::new().read(true).write(true).open(path).expect("it opens");
    let mut child = anymem(["top", &name.0, "--interval", "0.05"])
        .stdout(terminal)
        .spawn()
        .expect("the program runs");
    let (mut master, mut seen, mut bytes) = (File::from(master), String::new(), [0; 4096]);
    let mut read = |seen: &mut String| {
        let count = master.read(&mut bytes).expect("the program draws");
        seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
    };
    while seen.matches("\x1b[H\x1b[J").count() < 3 {
        read(&mut seen);
    }
    fs::remove_file(name.path()).expect("it is removed");
    while !seen.contains("top was removed") {
        read(&mut seen);
    }
    assert!(seen.contains("8 MiB"), "{seen}");
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn bad_input_is_refused() {
    run(["top", "no-such-heap"]).failed_with(1, "there is no heap named");
    for interval in ["0", "-1", "nan", "soon", "1e300"] {
        let argument = format!("--interval={interval}");
        run(["top", "no-such-heap", &argument]).failed_with(2, "give a number of seconds");
    }
}
