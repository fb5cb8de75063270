//! A global allocator has no error to answer: in a hardened heap, whoever
//! misuses a block is ended, with a message.
#![cfg(feature = "secure")]

use core::alloc::{GlobalAlloc, Layout};
use std::env;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use anymem::ShmAlloc;

static HEAP: ShmAlloc = ShmAlloc::new();

/// Says to this program, started anew, what it is to do.
const TASK: &str = "ANYMEM_TEST_MISUSE";

fn layout() -> Layout {
    Layout::new::<[u8; 45]>()
}

/// Not sound, which is what is tried, but for the first two.
fn do_task(task: &str) {
    // SAFETY: the layout has a size; the block is that long.
    let block = unsafe {
        let block = HEAP.alloc(layout());
        block.write_bytes(1, 45);
        block
    };
    // SAFETY: only where the task is to do nothing wrong.
    unsafe {
        match task {
            "free" => HEAP.dealloc(block, layout()),
            "resize" => HEAP.dealloc(HEAP.realloc(block, layout(), 46), Layout::new::<[u8; 46]>()),
            "free twice" => {
                HEAP.dealloc(block, layout());
                HEAP.dealloc(block, layout());
            }
            "free by two threads" => {
                let at = block.expose_provenance();
                let free =
                    move || HEAP.dealloc(std::ptr::with_exposed_provenance_mut(at), layout());
                std::thread::spawn(free).join().expect("it ends well");
                HEAP.dealloc(block, layout());
            }
            "overflow" => {
                block.add(45).write(0);
                HEAP.dealloc(block, layout());
            }
            "overflow and resize" => {
                block.add(45).write(0);
                HEAP.realloc(block, layout(), 46);
            }
            _ => panic!("no such task: {task}"),
        }
    }
}

#[test]
fn child() {
    if let Ok(task) = env::var(TASK) {
        do_task(&task);
    }
}

fn in_child(task: &str) -> Output {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args(["--exact", "child", "--nocapture"]).env(TASK, task);
    command.output().expect("it can be started")
}

#[test]
fn who_misuses_a_block_is_ended() {
    for (task, expected) in [
        ("free twice", "the block was freed before"),
        ("free by two threads", "the block was freed before"),
        ("overflow", "past the 45 bytes"),
        ("overflow and resize", "past the 45 bytes"),
    ] {
        let output = in_child(task);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{task}: {said}");
        assert!(said.contains("anymem: 0x") && said.contains(expected), "{task}: {said}");
    }
}

#[test]
fn who_does_not_is_not() {
    for task in ["free", "resize"] {
        assert!(in_child(task).status.success(), "{task}");
    }
}
