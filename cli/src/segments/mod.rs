//! Listing and removing segments.

mod listing;
mod processes;
mod removal;
mod seen;
mod state;

pub(crate) use self::listing::list;
pub(crate) use self::removal::remove;
pub(crate) use self::seen::look;
