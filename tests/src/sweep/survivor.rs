//! A process that looks at what is left, and may crash or hang.

use std::any::Any;
use std::io::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::memory::Memory;
use super::step::PATIENCE;
use crate::watchdog;

/// Bytes of what a survivor can say, its length included.
const SLATE: usize = 4096;

const WORD: usize = size_of::<usize>();

/// Runs `look` in a process of its own; what it says, or how it ended.
///
/// # Errors
///
/// What `look` found to be wrong; its panic, its signal.
pub(super) fn survive(look: impl FnOnce() -> Result<usize, String>) -> Result<usize, String> {
    let slate = Memory::new(SLATE);
    // SAFETY: the child runs on with the calling thread alone, and ends here.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "no process: {}", Error::last_os_error());
    if pid == 0 {
        watchdog(PATIENCE);
        let said = catch_unwind(AssertUnwindSafe(look)).unwrap_or_else(|panic| Err(text(&*panic)));
        slate.restore(&write(said));
        // SAFETY: ends the process, without what is the parent's to do.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: waits for a child of this thread.
    unsafe { libc::waitpid(pid, &raw mut status, 0) };
    if status != 0 {
        return Err(format!("the survivor crashed or hung: wait status {status:#x}"));
    }
    read(&slate.image())
}

/// A number, and a text if something is wrong.
fn write(said: Result<usize, String>) -> Vec<u8> {
    let (number, text) = said.map_or_else(|text| (0, text), |number| (number, String::new()));
    let mut slate = number.to_ne_bytes().to_vec();
    slate.extend(text.bytes());
    slate.resize(SLATE, 0);
    slate
}

fn read(slate: &[u8]) -> Result<usize, String> {
    let (number, text) = slate.split_at(WORD);
    let text: Vec<u8> = text.iter().copied().take_while(|&byte| byte != 0).collect();
    if text.is_empty() {
        return Ok(usize::from_ne_bytes(number.try_into().expect("a word")));
    }
    Err(String::from_utf8_lossy(&text).into_owned())
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panic: {}", text.unwrap_or("without words"))
}
