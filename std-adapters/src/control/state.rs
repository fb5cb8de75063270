//! What a tree knows: objects by number and name, and what classes begin with.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ConfigError, ControlError, Defaults, Member, Node, Value};

/// An object of the tree.
#[derive(Clone)]
pub(super) struct Object {
    /// What it is: `pool`; or the name of the only one there is: `ipc`.
    pub(super) kind: String,
    /// Its number and name, unless it is the only one.
    pub(super) id: Option<(u64, String)>,
    pub(super) node: Arc<dyn Node>,
}

/// An object, and what its names begin with.
#[derive(Clone)]
pub(super) struct Placed {
    /// By number.
    pub(super) prefix: String,
    /// By name, and by name and place among those of the same name.
    pub(super) named: Option<(String, String)>,
    pub(super) node: Arc<dyn Node>,
}

/// A kind of objects, and who keeps them.
pub(super) type Family = (&'static str, fn() -> Vec<Member>);

/// A setting that named a class that nobody had declared yet.
pub(super) struct Waiting {
    pub(super) origin: String,
    pub(super) entry: usize,
    pub(super) name: String,
    pub(super) text: String,
}

impl Waiting {
    pub(super) fn unused(&self) -> ConfigError {
        let Self { origin, entry, name, .. } = self;
        ConfigError::Unused { origin: origin.clone(), entry: *entry, name: name.clone() }
    }
}

#[derive(Default)]
pub(super) struct State {
    objects: Vec<Object>,
    /// By what the names of their settings begin with: `pool.default.disjoint.`.
    classes: BTreeMap<String, Defaults>,
    pub(super) waiting: Vec<Waiting>,
    /// Who keeps other objects, by their kind.
    pub(super) families: Vec<Family>,
}

/// What the names of a class's settings begin with.
pub(super) fn class_prefix(kind: &str, class: &str) -> String {
    format!("{kind}.default.{class}.")
}

impl State {
    pub(super) fn add(&mut self, object: Object) -> Result<(), ControlError> {
        self.objects.retain(|it| it.node.is_there());
        let same = |it: &Object| {
            it.kind == object.kind
                && it.id.as_ref().map(|id| id.0) == object.id.as_ref().map(|id| id.0)
        };
        if self.objects.iter().any(same) {
            let id = object.id.map_or(0, |id| id.0);
            return Err(ControlError::Taken { kind: object.kind, id });
        }
        self.objects.push(object);
        Ok(())
    }

    /// The objects that are there.
    pub(super) fn objects(&self) -> Vec<Object> {
        self.objects.iter().filter(|it| it.node.is_there()).cloned().collect()
    }

    /// Says what objects of a class begin with; what was said of it before stays.
    pub(super) fn declare(&mut self, prefix: String, settings: &[(&str, Value)]) {
        let class = self.classes.entry(prefix).or_default();
        for (name, value) in settings {
            class.0.entry((*name).to_owned()).or_insert_with(|| value.clone());
        }
    }

    pub(super) fn class(&self, prefix: &str) -> Option<&Defaults> {
        self.classes.get(prefix)
    }

    /// What a class begins with, by the whole name.
    pub(super) fn default_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.classes
            .iter_mut()
            .find_map(|(prefix, class)| class.0.get_mut(name.strip_prefix(prefix.as_str())?))
    }

    /// What all classes begin with, by whole names.
    pub(super) fn defaults(&self) -> Vec<(String, Value)> {
        let all = self.classes.iter();
        let named = all.flat_map(|(prefix, class)| {
            class.0.iter().map(move |(name, value)| (format!("{prefix}{name}"), value.clone()))
        });
        named.collect()
    }

    /// Whether `name` is that of a setting of a class that nobody has declared.
    pub(super) fn is_of_no_class(&self, name: &str) -> bool {
        let is_default = name.split('.').nth(1) == Some("default");
        is_default && !self.classes.keys().any(|prefix| name.starts_with(prefix.as_str()))
    }

    /// Takes what waited for a class.
    pub(super) fn take_waiting(&mut self, prefix: &str) -> Vec<Waiting> {
        self.waiting.extract_if(.., |it| it.name.starts_with(prefix)).collect()
    }
}

/// The objects, with what their names begin with.
pub(super) fn place(objects: Vec<Object>) -> Vec<Placed> {
    let mut places = BTreeMap::<(String, String), usize>::new();
    let place = |Object { kind, id, node }| {
        let Some((id, name)) = id else {
            return Placed { prefix: format!("{kind}."), named: None, node };
        };
        let prefix = format!("{kind}.by_id.{id}.");
        let by_name = format!("{kind}.by_name.{name}.");
        let place = places.entry((kind, name)).or_default();
        let by_place = format!("{by_name}{place}.");
        *place += 1;
        Placed { prefix, named: Some((by_name, by_place)), node }
    };
    objects.into_iter().map(place).collect()
}
