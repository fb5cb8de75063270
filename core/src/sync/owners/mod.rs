//! Whose an address is: regions of pages, looked up without a lock.
//!
//! # What it guarantees
//!
//! - A lookup is three loads, takes no lock and writes nothing; what it says was so at
//!   one moment, and a page that stays in its region is never missed.
//! - A region that lies in another one hides it, and uncovers it when it goes.
//! - Whoever looks up is never in the way of whoever adds or removes regions; these
//!   take turns by a lock that is not part of this.

mod entry;
mod page_map;
mod records;

pub use entry::Entry;
pub use page_map::{PageMap, Tables};
pub use records::{FIELDS, RECORD, Regions};
