//! Providers and pools as objects of the tree.

use std::sync::{Arc, Weak};

use super::{ControlError, Knob, Member, Node, Tree, Value};
use crate::pool::{self, Known, Pool};
use crate::provider::Provider;

impl Tree {
    /// Adds a provider, as `provider.by_id.ID` and by its name.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn add_provider(&self, id: u64, provider: &Arc<dyn Provider>) -> Result<(), ControlError> {
        let node: Weak<dyn Provider> = Arc::downgrade(provider);
        self.add("provider", id, provider.name(), ProviderNode(node))
    }
}

/// A provider, as long as it is there.
struct ProviderNode(Weak<dyn Provider>);

impl Node for ProviderNode {
    fn see(&self, see: &mut dyn FnMut(&[Knob<'_>])) {
        if let Some(provider) = self.0.upgrade() {
            see(&of_provider(&*provider));
        }
    }

    fn is_there(&self) -> bool {
        self.0.strong_count() > 0
    }
}

/// A pool, as long as it is there.
impl Node for Known {
    fn see(&self, see: &mut dyn FnMut(&[Knob<'_>])) {
        if let Some(pool) = self.handle() {
            see(&of_pool(&pool));
        }
    }

    fn is_there(&self) -> bool {
        self.is_held()
    }
}

/// The pools of the process.
pub(super) fn pools() -> Vec<Member> {
    let member =
        |pool: Known| Member { id: pool.id, name: pool.name.as_ref().into(), node: Arc::new(pool) };
    pool::known().into_iter().map(member).collect()
}

/// What every provider can be asked by name, and its own.
fn of_provider(provider: &dyn Provider) -> Vec<Knob<'_>> {
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
    knobs
}

/// What every pool can be asked by name, its own, and its provider's.
fn of_pool(pool: &dyn Pool) -> Vec<Knob<'_>> {
    let mut knobs = vec![
        Knob::of("name", || pool.name().into()),
        Knob::of("stats.used", || pool.stats().used.into()),
        Knob::of("stats.reserved", || pool.stats().reserved.into()),
        Knob::of("stats.blocks", || Value::Count(pool.stats().blocks as u64)),
        Knob::action("trim", || {
            pool.trim(0);
            Ok(())
        }),
    ];
    knobs.extend(pool.knobs());
    knobs.extend(of_provider(pool.provider()).into_iter().map(|knob| knob.below("provider")));
    knobs
}
