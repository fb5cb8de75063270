//! All names, and what stands behind them.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::near::{is_meant, near};
use super::node::Member;
use super::state::{Object, Placed, State, Waiting, class_prefix, place};
use super::{ConfigError, ControlError, Defaults, Knob, Node, Value};
use crate::log;

/// All names, and what stands behind them.
///
/// A process has one for all its parts, [`global`](Self::global); others may be made.
/// It keeps nothing alive, but for the moment in which it is asked: what is gone has no
/// names.
///
/// No lock is held while a knob is read, set or run, so knobs may use the tree.
#[derive(Default)]
pub struct Tree {
    state: Mutex<State>,
    wrong: Mutex<Vec<ConfigError>>,
}

/// What is done with a knob.
type Use<'u> = &'u mut dyn FnMut(&str, &Knob<'_>) -> Result<(), ControlError>;

impl Tree {
    /// A tree of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The process's tree.
    ///
    /// When it is used first, it sets what the environment says. What is wrong there is
    /// written to standard error, once, and told by [`problems`](Self::problems).
    pub fn global() -> &'static Self {
        static GLOBAL: OnceLock<Tree> = OnceLock::new();
        GLOBAL.get_or_init(|| {
            let tree = Self::new();
            super::builtin::add_to(&tree);
            tree.tell(tree.configure_from_environment().err().unwrap_or_default());
            tree
        })
    }

    /// What was wrong with the environment's settings, and those settings of classes
    /// that nobody has declared so far.
    #[must_use]
    pub fn problems(&self) -> Vec<ConfigError> {
        let mut all = self.wrong.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.extend(self.lock().waiting.iter().map(Waiting::unused));
        all
    }

    /// Adds an object that is one of several: `kind.by_id.ID.…` and
    /// `kind.by_name.NAME.…`.
    ///
    /// # Errors
    ///
    /// [`ControlError::Taken`] if another of that kind has the number.
    pub fn add(
        &self,
        kind: &str,
        id: u64,
        name: &str,
        node: impl Node + 'static,
    ) -> Result<(), ControlError> {
        let id = Some((id, name.to_owned()));
        self.lock().add(Object { kind: kind.to_owned(), id, node: Arc::new(node) })
    }

    /// Adds the only object of its kind: `kind.…`.
    ///
    /// # Errors
    ///
    /// [`ControlError::Taken`] if there is one.
    pub fn add_only(&self, kind: &str, node: impl Node + 'static) -> Result<(), ControlError> {
        self.lock().add(Object { kind: kind.to_owned(), id: None, node: Arc::new(node) })
    }

    /// Adds all objects of a kind that somebody else keeps: `members` is asked for them,
    /// their numbers and names, whenever a name is looked for.
    ///
    /// The [global](Self::global) tree has the [pools](crate::pool::all) so.
    pub fn add_family(&self, kind: &'static str, members: fn() -> Vec<Member>) {
        self.lock().families.push((kind, members));
    }

    /// Says which settings objects of a class begin with, and with what, so that they
    /// can be changed for those made later: `kind.default.CLASS.SETTING`.
    ///
    /// # Errors
    ///
    /// What is wrong with settings of the class that were written down before it was
    /// declared. The others hold.
    pub fn declare(
        &self,
        kind: &str,
        class: &str,
        settings: &[(&str, Value)],
    ) -> Result<(), Vec<ConfigError>> {
        let prefix = class_prefix(kind, class);
        let waited = {
            let mut state = self.lock();
            state.declare(prefix.clone(), settings);
            state.take_waiting(&prefix)
        };
        let wrong: Vec<_> = waited.into_iter().filter_map(|it| self.apply_now(it).err()).collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// What objects of a class begin with; empty if nobody has declared it.
    #[must_use]
    pub fn defaults(&self, kind: &str, class: &str) -> Defaults {
        self.lock().class(&class_prefix(kind, class)).cloned().unwrap_or_default()
    }

    /// What stands behind a name. (Unified Memory Framework: `umfCtlGet`.)
    ///
    /// # Errors
    ///
    /// There is no such name, it means several objects, or it can only be run.
    pub fn get(&self, name: &str) -> Result<Value, ControlError> {
        if let Some(value) = self.lock().default_mut(name) {
            return Ok(value.clone());
        }
        let mut found = Vec::new();
        self.with(name, &mut |full, knob| {
            let value = knob.get();
            let value = value.ok_or_else(|| ControlError::NotReadable { name: name.to_owned() })?;
            found.push((full.to_owned(), value));
            Ok(())
        })?;
        let count = found.len();
        match found.into_iter().next() {
            Some((_, value)) if count == 1 => Ok(value),
            first => {
                let example = first.map(|it| it.0).unwrap_or_default();
                Err(ControlError::Ambiguous { name: name.to_owned(), count, example })
            }
        }
    }

    /// Sets what stands behind a name: of all objects that it means. A text is read as
    /// the type of what stands there. (Unified Memory Framework: `umfCtlSet`.)
    ///
    /// # Errors
    ///
    /// There is no such name, it cannot be set, the value is of another type, or the
    /// object does not take it. Where a name means several objects, those before the
    /// first that does not take it have it.
    pub fn set(&self, name: &str, value: impl Into<Value>) -> Result<(), ControlError> {
        let value = value.into();
        if let Some(place) = self.lock().default_mut(name) {
            *place = fitting(name, place, &value)?;
            return Ok(());
        }
        self.with(name, &mut |full, knob| {
            // What can be set without being read says itself what is wrong.
            let value = match knob.get() {
                Some(now) if knob.is_settable() => fitting(full, &now, &value)?,
                _ => value.clone(),
            };
            match knob.set(&value) {
                None => Err(ControlError::NotSettable { name: full.to_owned() }),
                Some(Ok(())) => Ok(()),
                Some(Err(why)) => {
                    let value = value.to_string();
                    Err(ControlError::Refused { name: full.to_owned(), value, why })
                }
            }
        })
    }

    /// Runs what stands behind a name: of all objects that it means. (Unified Memory
    /// Framework: `umfCtlExec`.)
    ///
    /// # Errors
    ///
    /// There is no such name, it is no action, or the action failed.
    pub fn run(&self, name: &str) -> Result<(), ControlError> {
        if self.lock().default_mut(name).is_some() {
            return Err(ControlError::NotRunnable { name: name.to_owned() });
        }
        self.with(name, &mut |full, knob| match knob.run() {
            None => Err(ControlError::NotRunnable { name: full.to_owned() }),
            Some(Ok(())) => Ok(()),
            Some(Err(why)) => Err(ControlError::Failed { name: full.to_owned(), why }),
        })
    }

    /// The names that `pattern` means, in order, and what stands there: nothing for
    /// actions.
    ///
    /// A pattern is the beginning of a name; `*` is any part: `pool.by_id.*.stats`.
    #[must_use]
    pub fn list(&self, pattern: &str) -> Vec<(String, Option<Value>)> {
        let (objects, defaults) = self.snapshot();
        let mut all: Vec<_> =
            defaults.into_iter().map(|(name, value)| (name, Some(value))).collect();
        all.retain(|(name, _)| is_meant(pattern, name));
        for object in objects {
            let named = object.named.as_ref().map(|(_, by_place)| by_place);
            object.node.see(&mut |knobs| {
                for prefix in [Some(&object.prefix), named].into_iter().flatten() {
                    let names = knobs.iter().map(|knob| (format!("{prefix}{}", knob.name()), knob));
                    let meant = names.filter(|(name, _)| is_meant(pattern, name));
                    all.extend(meant.map(|(name, knob)| (name, knob.get())));
                }
            });
        }
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// Uses the knobs that a name means.
    fn with(&self, name: &str, use_it: Use<'_>) -> Result<(), ControlError> {
        let (objects, _) = self.snapshot();
        let mut used = false;
        let mut result = Ok(());
        for Placed { prefix, named, node } in &objects {
            let aliases = named.iter().flat_map(|(by_name, by_place)| [by_place, by_name]);
            let mut rests = core::iter::once(prefix).chain(aliases);
            rests.any(|it| {
                let Some(rest) = name.strip_prefix(it.as_str()) else { return false };
                let mut found = false;
                node.see(&mut |knobs| {
                    if let Some(knob) = knobs.iter().find(|knob| knob.name() == rest) {
                        found = true;
                        if result.is_ok() {
                            result = use_it(&format!("{prefix}{rest}"), knob);
                        }
                    }
                });
                used |= found;
                found
            });
        }
        if used { result } else { Err(self.unknown(name)) }
    }

    fn unknown(&self, name: &str) -> ControlError {
        let names = self.list("").into_iter().map(|(name, _)| name);
        ControlError::Unknown { name: name.to_owned(), near: near(name, names) }
    }

    /// Keeps a setting for later if nobody has declared its class yet; gives it back
    /// otherwise.
    pub(super) fn keep_waiting(&self, setting: Waiting) -> Option<Waiting> {
        let mut state = self.lock();
        if !state.is_of_no_class(&setting.name) {
            return Some(setting);
        }
        state.waiting.push(setting);
        None
    }

    fn tell(&self, wrong: Vec<ConfigError>) {
        for it in &wrong {
            log::tell(format_args!("{it}"));
        }
        *self.wrong.lock().unwrap_or_else(PoisonError::into_inner) = wrong;
    }

    fn snapshot(&self) -> (Vec<Placed>, Vec<(String, Value)>) {
        let (mut objects, defaults, families) = {
            let state = self.lock();
            (state.objects(), state.defaults(), state.families.clone())
        };
        for (kind, members) in families {
            objects.extend(members().into_iter().map(|Member { id, name, node }| {
                let kind = kind.to_owned();
                Object { kind, id: Some((id, name)), node }
            }));
        }
        (place(objects), defaults)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change of the state is one step, so a panic leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `value`, or what its text says, if it is of the type of `now`.
fn fitting(name: &str, now: &Value, value: &Value) -> Result<Value, ControlError> {
    now.fitting(value).ok_or_else(|| ControlError::WrongType {
        name: name.to_owned(),
        value: value.to_string(),
        expected: now.expects(),
    })
}

impl core::fmt::Debug for Tree {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let names = self.list("").into_iter().map(|(name, _)| name);
        f.debug_struct("Tree").field("names", &names.collect::<Vec<_>>()).finish()
    }
}
