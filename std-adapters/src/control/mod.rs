//! Settings and counts of providers, pools and caches by name.
//!
//! | name | what it is |
//! |---|---|
//! | `pool.by_id.3.stats.used` | a count of the pool with that number |
//! | `pool.by_name.mine.trim` | an action of all pools called `mine` |
//! | `pool.by_name.mine.1.params.capacity` | a setting of the second pool called `mine` |
//! | `pool.default.disjoint.params.capacity` | what disjoint pools begin with that are made later |
//! | `pool.by_id.3.provider.stats.peak.reset` | an action of its provider |
//! | `provider.default.os.params.shared` | what system memory begins with that is asked for later |
//! | `provider.by_id.0.stats.allocated` | a count of a provider that was [added](Tree::add_provider) |
//! | `ipc.max_opened_handles` | a setting of the crate itself |
//! | `log.output` | where lines for people go: `stderr`, `stdout`, or a file |
//!
//! Values have types ([`Value`]); a text is read as the type of what stands there. So
//! all can be set from outside: the variable `ANYMEM_CONF` holds entries `name=value`
//! apart by semicolons, and the file that `ANYMEM_CONF_FILE` names has one a line, with
//! comments after `#`. Nothing is swallowed: what cannot be set there is told on
//! standard error and by [`Tree::problems`].
//!
//! Lines for people are that, and what a pool was asked to trace; all else is an error
//! value. The variable `ANYMEM_LOG` says where they go and what they begin with:
//! `output=/tmp/pools.log;timestamp=on;pid=on`, which are `log.output` and so on here.
//!
//! (Unified Memory Framework: `umfCtlGet`, `umfCtlSet`, `umfCtlExec`, `UMF_CONF`,
//! `UMF_CONF_FILE`, `UMF_LOG`.)
//!
//! Whoever has objects of his own adds them as a [`Node`], and says with
//! [`Tree::declare`] which settings they begin with.
//!
//! ```
//! use anymem::control::{ControlError, Tree, Value};
//!
//! let tree = Tree::new();
//! tree.declare("pool", "mine", &[("params.room", Value::Bytes(65536))]).expect("nothing set");
//! tree.set("pool.default.mine.params.room", "1MiB")?;
//! assert_eq!(tree.defaults("pool", "mine").bytes("params.room"), Some(1 << 20));
//!
//! let error = tree.set("pool.default.mine.params.rom", "1MiB").unwrap_err();
//! assert!(error.to_string().contains("pool.default.mine.params.room"), "{error}");
//! # Ok::<(), ControlError>(())
//! ```

mod builtin;
mod config;
mod defaults;
mod error;
mod knob;
mod log;
mod memory;
mod near;
mod node;
mod state;
mod tree;
mod value;

pub use defaults::Defaults;
pub use error::{ConfigError, ControlError};
pub use knob::Knob;
pub use node::{Member, Node};
pub use tree::Tree;
pub use value::Value;
