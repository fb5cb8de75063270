//! Settings written down in the environment and in a file.

use std::path::PathBuf;

use super::state::Waiting;
use super::{ConfigError, Tree};

/// The variable with settings: `name=value;name=value`.
const CONF: &str = "ANYMEM_CONF";

/// The variable with the path of a file of settings, one a line; `#` begins a comment.
const CONF_FILE: &str = "ANYMEM_CONF_FILE";

/// The variable with settings of `log`, which it need not name.
const LOG: &str = "ANYMEM_LOG";

/// Variables that hold one setting each.
const SINGLE: [(&str, &str); 1] = [("ANYMEM_MAX_OPENED_IPC_HANDLES", "ipc.max_opened_handles")];

impl Tree {
    /// Sets what `text` says, entries `name=value` apart by semicolons; all that can be
    /// set is, whatever is wrong with the others.
    ///
    /// Settings of classes that nobody has declared yet wait until somebody does.
    ///
    /// # Errors
    ///
    /// What is wrong, entry by entry.
    pub fn configure(&self, text: &str) -> Result<(), Vec<ConfigError>> {
        self.apply("the given text", text.split(';'))
    }

    /// Sets what the environment and the file that it names say: the file first, then
    /// the variables that hold one setting each, `ANYMEM_LOG`, and `ANYMEM_CONF` last.
    ///
    /// The [global](Self::global) tree does it by itself.
    ///
    /// # Errors
    ///
    /// As [`configure`](Self::configure), and a file that cannot be read.
    pub fn configure_from_environment(&self) -> Result<(), Vec<ConfigError>> {
        let mut wrong = Vec::new();
        if let Some(path) = std::env::var_os(CONF_FILE).map(PathBuf::from) {
            let told = match std::fs::read_to_string(&path) {
                Ok(text) => self.apply(&path.display().to_string(), text.lines().map(uncommented)),
                Err(error) => {
                    let code = error.raw_os_error().unwrap_or(0);
                    Err(vec![ConfigError::File { path, code }])
                }
            };
            wrong.extend(told.err().into_iter().flatten());
        }
        for (variable, name) in SINGLE {
            if let Some(text) = std::env::var_os(variable) {
                let (name, text) = (name.to_owned(), text.to_string_lossy().into_owned());
                let origin = variable.to_owned();
                wrong.extend(self.apply_now(Waiting { origin, entry: 1, name, text }).err());
            }
        }
        if let Some(text) = std::env::var_os(LOG) {
            let text = text.to_string_lossy();
            let entries: Vec<_> = text.split(';').map(|it| below("log", it.trim())).collect();
            let told = self.apply(LOG, entries.iter().map(String::as_str));
            wrong.extend(told.err().into_iter().flatten());
        }
        if let Some(text) = std::env::var_os(CONF) {
            let told = self.apply(CONF, text.to_string_lossy().split(';'));
            wrong.extend(told.err().into_iter().flatten());
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    fn apply<'t>(
        &self,
        origin: &str,
        entries: impl Iterator<Item = &'t str>,
    ) -> Result<(), Vec<ConfigError>> {
        let entries = entries.map(str::trim).zip(1..).filter(|(text, _)| !text.is_empty());
        let wrong: Vec<_> =
            entries.filter_map(|(text, entry)| self.apply_one(origin, entry, text).err()).collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    fn apply_one(&self, origin: &str, entry: usize, text: &str) -> Result<(), ConfigError> {
        let origin = origin.to_owned();
        let Some((name, value)) = text.split_once('=') else {
            return Err(ConfigError::Syntax { origin, entry, text: text.to_owned() });
        };
        let (name, value) = (name.trim(), value.trim());
        let waiting = Waiting { origin, entry, name: name.to_owned(), text: value.to_owned() };
        match self.keep_waiting(waiting) {
            None => Ok(()),
            Some(now) => self.apply_now(now),
        }
    }

    /// Sets what was written down.
    pub(super) fn apply_now(&self, setting: Waiting) -> Result<(), ConfigError> {
        let Waiting { origin, entry, name, text } = setting;
        self.set(&name, text).map_err(|error| ConfigError::Setting { origin, entry, error })
    }
}

/// An entry of `kind`, unless there is nothing in it.
fn below(kind: &str, entry: &str) -> String {
    if entry.is_empty() { String::new() } else { format!("{kind}.{entry}") }
}

fn uncommented(line: &str) -> &str {
    line.split_once('#').map_or(line, |(text, _)| text)
}
