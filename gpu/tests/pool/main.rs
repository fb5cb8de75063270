//! Pools on the software device.

mod calls;
mod device;
mod faults;
mod order;
mod pinned;
mod records;
mod threads;
