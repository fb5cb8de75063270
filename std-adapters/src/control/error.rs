//! Why a name could not be read, set or run.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a name could not be read, set or run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ControlError {
    /// Nothing has the name.
    #[error("there is no {name:?}{}: list the names there are with Tree::list", did_you_mean(near))]
    Unknown {
        /// The name.
        name: String,
        /// Names that are written nearly so, the nearest first.
        near: Vec<String>,
    },
    /// Several objects are called so.
    #[error("{name:?} means {count} objects: say which, as in {example:?}")]
    Ambiguous {
        /// The name.
        name: String,
        /// How many objects are called so.
        count: usize,
        /// The name of the first of them.
        example: String,
    },
    /// It can only be run.
    #[error("{name:?} cannot be read: run it")]
    NotReadable {
        /// The name.
        name: String,
    },
    /// It can only be read, or only be run.
    #[error("{name:?} cannot be set: read it, or run it if there is nothing to read")]
    NotSettable {
        /// The name.
        name: String,
    },
    /// It is no action.
    #[error("{name:?} cannot be run: read it or set it")]
    NotRunnable {
        /// The name.
        name: String,
    },
    /// A value of another type was given, or a text that is none of its type.
    #[error("{name:?} cannot be {value:?}: give {expected}")]
    WrongType {
        /// The name.
        name: String,
        /// What was given.
        value: String,
        /// What has to be given.
        expected: &'static str,
    },
    /// The object does not take the value.
    #[error("{name:?} cannot be {value:?}: {why}")]
    Refused {
        /// The name.
        name: String,
        /// What was given.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// The action failed.
    #[error("{name:?} failed: {why}")]
    Failed {
        /// The name.
        name: String,
        /// Why.
        why: String,
    },
    /// Another object that is in use has the number.
    #[error("there is a {kind} with the number {id} already: give each object a number of its own")]
    Taken {
        /// What kind of object.
        kind: String,
        /// Its number.
        id: u64,
    },
}

fn did_you_mean(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!(", but there is {}", near.join(", ")) }
}

/// What is wrong with an entry of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It is not written `name=value`.
    #[error("entry {entry} of {origin}, {text:?}, is no setting: write name=value")]
    Syntax {
        /// Which variable or file it is in.
        origin: String,
        /// Which entry it is, from 1 on: the line, in a file.
        entry: usize,
        /// The entry.
        text: String,
    },
    /// It cannot be set.
    #[error("entry {entry} of {origin}: {error}")]
    Setting {
        /// Which variable or file it is in.
        origin: String,
        /// Which entry it is, from 1 on: the line, in a file.
        entry: usize,
        /// Why not.
        error: ControlError,
    },
    /// Nobody has declared the class that it names so far.
    #[error("entry {entry} of {origin}: nothing has used {name:?} so far; check how it is written")]
    Unused {
        /// Which variable or file it is in.
        origin: String,
        /// Which entry it is, from 1 on: the line, in a file.
        entry: usize,
        /// The setting.
        name: String,
    },
    /// The file cannot be read.
    #[error("the settings in {path:?} cannot be read ({}): correct ANYMEM_CONF_FILE or the file",
        io::Error::from_raw_os_error(*code))]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error number; 0 if it is no text.
        code: i32,
    },
}
