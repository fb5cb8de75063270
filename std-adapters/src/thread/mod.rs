//! Threads and processes of the system: what core has, POSIX threads, and those of Windows.
//!
//! [`SystemModel`] is the model of the system that the program is built for:
//! `PthreadModel` or `WindowsModel`.

pub(crate) mod exit;
pub(crate) mod hooks;
#[cfg(unix)]
mod posix;
#[cfg(windows)]
mod windows;

pub use anymem_core::thread::*;
#[cfg(all(unix, feature = "argobots"))]
pub use posix::{ArgobotsError, ArgobotsModel};
#[cfg(unix)]
pub use posix::{PthreadModel, PthreadModel as SystemModel};
#[cfg(unix)]
pub(crate) use posix::{fork, is_torn_down, lifeline};
#[cfg(windows)]
pub use windows::{WindowsModel, WindowsModel as SystemModel};
#[cfg(windows)]
pub(crate) use windows::{fork, is_torn_down};
