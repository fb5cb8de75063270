//! The settings and counts of this module by name.

use super::{CacheStats, cache, offers};
use crate::control::{Knob, Node, Value};

/// `ipc.…` in the tree of settings.
pub(crate) struct Knobs;

impl Node for Knobs {
    fn see(&self, see: &mut dyn FnMut(&[Knob<'_>])) {
        let count = |name, read: fn(CacheStats) -> u64| {
            Knob::of(name, move || Value::Count(read(cache::stats())))
        };
        see(&[
            Knob::of("max_opened_handles", || Value::Count(cache::limit() as u64))
                .settable(set_limit),
            Knob::of("stats.offered", || Value::Count(offers::offered() as u64)),
            count("stats.open", |stats| stats.open as u64),
            count("stats.in_use", |stats| stats.in_use as u64),
            count("stats.hits", |stats| stats.hits),
            count("stats.misses", |stats| stats.misses),
            count("stats.evictions", |stats| stats.evictions),
            Knob::action("trim", || {
                super::trim();
                Ok(())
            }),
        ]);
    }

    fn is_there(&self) -> bool {
        true
    }
}

fn set_limit(value: &Value) -> Result<(), String> {
    let limit = value.as_count().and_then(|limit| usize::try_from(limit).ok());
    cache::set_limit(limit.ok_or("give a count, such as 16; 0 for no limit")?);
    Ok(())
}
