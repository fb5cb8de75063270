//! Objects that have knobs.

use std::sync::Weak;

use super::{Knob, Value};
use crate::pool::Pool;
use crate::provider::Provider;

/// Something that has knobs, for as long as it is there.
pub trait Node: Send + Sync {
    /// Calls `see` once with what can be read, set and run; does nothing if the object
    /// is gone.
    ///
    /// No lock of the tree is held meanwhile, so a knob may use the tree itself.
    fn see(&self, see: &mut dyn FnMut(&[Knob<'_>]));

    /// Whether the object is still there.
    fn is_there(&self) -> bool;
}

/// A provider and what every provider can be asked by name.
pub(super) struct ProviderNode(pub(super) Weak<dyn Provider>);

impl Node for ProviderNode {
    fn see(&self, see: &mut dyn FnMut(&[Knob<'_>])) {
        let Some(provider) = self.0.upgrade() else { return };
        let provider = &*provider;
        let mut knobs = vec![
            Knob::of("name", || provider.name().into()),
            Knob::of("kind", || format!("{:?}", provider.kind()).to_lowercase().into()),
            Knob::of("min_page_size", || provider.min_page_size().into()),
            Knob::of("shareable", || provider.share().is_some().into()),
            Knob::of("stats.allocated", || provider.usage().current.into()),
            Knob::of("stats.peak", || provider.usage().peak.into()),
            Knob::action("stats.peak.reset", || {
                provider.reset_peak();
                Ok(())
            }),
        ];
        knobs.extend(provider.knobs());
        see(&knobs);
    }

    fn is_there(&self) -> bool {
        self.0.strong_count() > 0
    }
}

/// A pool and what every pool can be asked by name.
pub(super) struct PoolNode(pub(super) Weak<dyn Pool>);

impl Node for PoolNode {
    fn see(&self, see: &mut dyn FnMut(&[Knob<'_>])) {
        let Some(pool) = self.0.upgrade() else { return };
        let pool = &*pool;
        let mut knobs = vec![
            Knob::of("name", || pool.name().into()),
            Knob::of("provider", || pool.provider().name().into()),
            Knob::of("stats.used", || pool.stats().used.into()),
            Knob::of("stats.reserved", || pool.stats().reserved.into()),
            Knob::of("stats.blocks", || Value::Count(pool.stats().blocks as u64)),
            Knob::action("trim", || {
                pool.trim(0);
                Ok(())
            }),
        ];
        knobs.extend(pool.knobs());
        see(&knobs);
    }

    fn is_there(&self) -> bool {
        self.0.strong_count() > 0
    }
}
