//! Tasks across `fork`. One test: a fork copies all of the process.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use anymem::container::ShmMpmc;
use anymem::{SharedHeap, Size};
use anymem_tests::{Name, watchdog};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn poll<F: Future>(task: Pin<&mut F>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    task.poll(&mut Context::from_waker(&waker))
}

fn block_on<F: Future>(mut task: Pin<&mut F>) -> F::Output {
    loop {
        if let Poll::Ready(output) = poll(task.as_mut()) {
            return output;
        }
        thread::park();
    }
}

#[test]
fn a_forked_child_wakes_its_own_tasks() {
    const ROUNDS: u64 = 1000;
    watchdog(600);
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(8)).expect("a new name");
    let queue = || ShmMpmc::<u64>::new_in(2, &heap).expect("room");
    let (there, back, parents) = (queue(), queue(), queue());
    // The parent has its thread when it forks.
    let mut waits = pin!(parents.pop_async());
    assert!(poll(waits.as_mut()).is_pending());
    // SAFETY: the child works with the heap, and exits.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        watchdog(600);
        for _ in 0..ROUNDS {
            let value = block_on(pin!(there.pop_async())).expect("open");
            block_on(pin!(back.push_async(value + 1))).expect("open");
        }
        // SAFETY: ends the process.
        unsafe { libc::_exit(0) };
    }
    for n in 0..ROUNDS {
        block_on(pin!(there.push_async(n))).expect("open");
        assert_eq!(block_on(pin!(back.pop_async())), Ok(n + 1));
    }
    parents.push(7).expect("room");
    assert_eq!(block_on(waits), Ok(7));
    let mut status = 0;
    // SAFETY: waits for a child of this process.
    unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!(status, 0, "the child failed");
}
