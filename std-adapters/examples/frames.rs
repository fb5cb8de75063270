//! Images that a camera's process hands to others without a copy.
//!
//! The camera fills a block of the heap in place. What goes from process to process
//! is where the block is; when the last one has dropped a frame, its block is filled
//! with another.
//!
//! ```sh
//! cargo run --example frames
//! ```

use std::env;
use std::error::Error;
use std::process::{self, Command};

use anymem::container::ShmBarrier;
use anymem::container::message::{MessageError, Overflow, ShmTopic};
use anymem::{SharedHeap, Size};

const VIEWERS: usize = 2;
const FRAMES: u8 = 50;
const PIXELS: usize = 1920 * 1080;

type Frames = ShmTopic<[u8]>;

/// Looks at frames until the camera is switched off.
fn view(heap: &str) -> Result<(), Box<dyn Error>> {
    let heap = SharedHeap::open(heap)?;
    // At most two frames wait for this viewer; the camera waits then.
    let frames = heap.root::<Frames>("frames")?.join(2, Overflow::Block)?;
    heap.root::<ShmBarrier>("start")?.join()?.wait()?;
    let mut seen = 0;
    loop {
        let frame = match frames.receive() {
            Ok(frame) => frame,
            Err(MessageError::Closed) => break,
            Err(error) => return Err(error.into()),
        };
        assert!(frame.len() == PIXELS && frame.iter().all(|&pixel| pixel == seen));
        seen += 1;
    }
    assert_eq!(seen, FRAMES, "a frame was lost");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(heap) = env::args().nth(1) {
        return view(&heap);
    }
    let name = format!("frames.{}", process::id());
    let heap = SharedHeap::create(&name, Size::mib(64))?;
    let frames = heap.root_or_create("frames", |heap| Frames::for_each_in(8, 0, heap))?;
    let start = heap.root_or_create("start", |heap| ShmBarrier::new_in(VIEWERS + 1, heap))?;
    let viewer = || Command::new(env::current_exe()?).arg(&name).spawn();
    let viewers = (0..VIEWERS).map(|_| viewer()).collect::<Result<Vec<_>, _>>()?;
    start.join()?.wait()?;
    for number in 0..FRAMES {
        let mut frame = frames.loan_zeroed(PIXELS)?;
        frame.fill(number);
        frame.publish()?;
    }
    frames.close()?;
    for mut viewer in viewers {
        assert!(viewer.wait()?.success(), "a viewer failed");
    }
    println!(
        "{FRAMES} frames of {PIXELS} bytes were seen by {VIEWERS} processes, and never copied"
    );
    SharedHeap::unlink(&name)?;
    Ok(())
}
