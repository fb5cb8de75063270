//! One name that can be read, set or run.

use core::fmt;

use super::Value;

type Read<'a> = Box<dyn Fn() -> Value + 'a>;
type Write<'a> = Box<dyn Fn(&Value) -> Result<(), String> + 'a>;
type Run<'a> = Box<dyn Fn() -> Result<(), String> + 'a>;

/// One name that can be read, set or run.
///
/// Its owner makes it when it is asked for its knobs; the name has no dots in front and
/// may have some inside: `stats.peak`.
pub struct Knob<'a> {
    name: String,
    read: Option<Read<'a>>,
    write: Option<Write<'a>>,
    run: Option<Run<'a>>,
}

impl<'a> Knob<'a> {
    /// A knob that can be read.
    #[must_use]
    pub fn of(name: impl Into<String>, read: impl Fn() -> Value + 'a) -> Self {
        Self { name: name.into(), read: Some(Box::new(read)), write: None, run: None }
    }

    /// A knob that can be run.
    #[must_use]
    pub fn action(name: impl Into<String>, run: impl Fn() -> Result<(), String> + 'a) -> Self {
        Self { name: name.into(), read: None, write: None, run: Some(Box::new(run)) }
    }

    /// The same, which can be set as well. `write` says what is wrong with a value it
    /// does not take.
    #[must_use]
    pub fn settable(mut self, write: impl Fn(&Value) -> Result<(), String> + 'a) -> Self {
        self.write = Some(Box::new(write));
        self
    }

    /// The same, called `above.NAME`.
    #[must_use]
    pub fn below(self, above: &str) -> Self {
        Self { name: format!("{above}.{}", self.name), ..self }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What stands there; `None` if it can only be run.
    #[must_use]
    pub fn get(&self) -> Option<Value> {
        self.read.as_ref().map(|read| read())
    }

    /// Whether it can be set.
    #[must_use]
    pub fn is_settable(&self) -> bool {
        self.write.is_some()
    }

    /// Sets it; `None` if it cannot be set.
    #[must_use]
    pub fn set(&self, value: &Value) -> Option<Result<(), String>> {
        self.write.as_ref().map(|write| write(value))
    }

    /// Runs it; `None` if it cannot be run.
    #[must_use]
    pub fn run(&self) -> Option<Result<(), String>> {
        self.run.as_ref().map(|run| run())
    }
}

impl fmt::Debug for Knob<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Knob").field("name", &self.name).field("value", &self.get()).finish()
    }
}
