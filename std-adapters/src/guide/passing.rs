//! Chapter 3: passing things on.
//!
//! | you want to pass on | to | take |
//! |---|---|---|
//! | values, one to one | one receiver | [`ShmSpsc`](crate::container::ShmSpsc) |
//! | values, many to one | one receiver | [`ShmMpsc`](crate::container::ShmMpsc) |
//! | values, many to many | whoever comes first | [`ShmMpmc`](crate::container::ShmMpmc) |
//! | values, without a bound | whoever comes first | [`ShmQueue`](crate::container::message::ShmQueue) |
//! | bytes of any length | one reader at a time | [`ShmByteRing`](crate::container::message::ShmByteRing) |
//! | large things, without a copy | all receivers, or one of them | [`ShmTopic`](crate::container::message::ShmTopic) |
//!
//! All are shared by reference, by any number of processes. Sending waits for room,
//! receiving for something to receive; each has a form that does not wait, and one
//! that does so for a time. Who waits sleeps; a task of an `async` program waits by
//! [futures](crate::container::queue#futures). Closing lets the receivers take what is
//! there, and then tells them.
//!
//! ```
//! use anymem::container::{PopError, ShmMpmc};
//! use anymem::{HeapOptions, Size};
//!
//! let heap = HeapOptions::new().create_memfd("jobs", Size::mib(8))?;
//! let jobs = ShmMpmc::<u64>::new_in(16, &heap)?;
//! for job in 0..10 {
//!     jobs.push(job).map_err(|error| error.to_string())?;
//! }
//! jobs.close()?;
//! let mut sum = 0;
//! loop {
//!     match jobs.pop() {
//!         Ok(job) => sum += job,
//!         Err(PopError::Closed) => break,
//!         Err(error) => return Err(error.into()),
//!     }
//! }
//! assert_eq!(sum, 45);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Large messages
//!
//! A topic lends a block of the heap, which is filled in place. What is sent is where
//! it is; receivers read it there, and when the last one has dropped it the topic lends
//! it again:
//!
//! ```
//! use anymem::container::message::{Overflow, ShmTopic};
//! use anymem::{HeapOptions, Size};
//!
//! let heap = HeapOptions::new().create_memfd("frames", Size::mib(32))?;
//! let frames = ShmTopic::<[u8]>::for_each_in(4, 0, &heap)?;
//! let screen = frames.join(2, Overflow::DropOldest)?;
//! let mut frame = frames.loan_zeroed(1920 * 1080)?;
//! frame.fill(200);
//! frame.publish()?;
//! assert_eq!(screen.receive()?[1000], 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! So messages of about one size allocate nothing in the long run, however large they
//! are. In return a topic holds as many blocks as it is made for, each as large as the
//! largest message there was, until it is
//! [trimmed](crate::container::message::ShmTopic::trim) or finds the heap full.
//!
//! # Work that must not be lost
//!
//! What a process has taken from a queue is its own, and dies with it. Where that
//! must not be, there are two ways: a topic
//! [for one](crate::container::message::ShmTopic::for_one_in), which hands a dead
//! receiver's message to the next one; or jobs that stand in locks, as in the example
//! `work_queue`, where who takes over is also told that somebody died of the job.
