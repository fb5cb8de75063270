//! Descriptors handed over through a socket: the other way to a peer's memory.
//!
//! The kernel lets a process take another's descriptors only if it might debug it. Where
//! that is not so, the owner itself hands them over: a [`Handover`] is a thread of his
//! that waits at a Unix socket, by default at an abstract address that follows from any
//! handle of his, so that whoever opens one finds it by itself.
//!
//! Both ends look at the other's user (`SO_PEERCRED`), and leave users alone that they do
//! not [trust](super::trust_user).
//!
//! Messages are packets of plain words, one answer for each question, with a descriptor
//! beside it where there is one.

mod address;
mod client;
mod message;
mod peer;
mod server;
#[cfg(test)]
mod tests;

pub use address::Address;
pub(super) use client::Client;
pub use server::Handover;
