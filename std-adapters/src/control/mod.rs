//! Settings and counts of providers, pools and caches by name.
//!
//! | name | what it is |
//! |---|---|
//! | `pool.by_id.3.stats.used` | a count of the pool with that number |
//! | `pool.by_name.mine.trim` | an action of all pools called `mine` |
//! | `pool.by_name.mine.1.capacity` | a setting of the second pool called `mine` |
//! | `pool.default.disjoint.slab_min_size` | what disjoint pools begin with that are made later |
//! | `provider.by_id.0.stats.peak.reset` | an action of the provider with that number |
//! | `ipc.max_opened_handles` | a setting of the crate itself |
//!
//! Values have types ([`Value`]); a text is read as the type of what stands there. So
//! all can be set from outside: the variable `ANYMEM_CONF` holds entries `name=value`
//! apart by semicolons, and the file that `ANYMEM_CONF_FILE` names has one a line, with
//! comments after `#`. Nothing is swallowed: what cannot be set there is told on
//! standard error and by [`Tree::problems`].
//!
//! Whoever has objects of his own adds them as a [`Node`], and says with
//! [`Tree::declare`] which settings they begin with.
//!
//! ```
//! use anymem::control::{ControlError, Tree, Value};
//!
//! let tree = Tree::new();
//! tree.declare("pool", "disjoint", &[("slab_min_size", Value::Bytes(65536))]).expect("nothing set");
//! tree.set("pool.default.disjoint.slab_min_size", "1MiB")?;
//! assert_eq!(tree.defaults("pool", "disjoint").bytes("slab_min_size"), Some(1 << 20));
//!
//! let error = tree.set("pool.default.disjoint.slab_min_sise", "1MiB").unwrap_err();
//! assert!(error.to_string().contains("pool.default.disjoint.slab_min_size"), "{error}");
//! # Ok::<(), ControlError>(())
//! ```

mod builtin;
mod config;
mod defaults;
mod error;
mod knob;
mod near;
mod node;
mod state;
mod tree;
mod value;

pub use defaults::Defaults;
pub use error::{ConfigError, ControlError};
pub use knob::Knob;
pub use node::Node;
pub use tree::Tree;
pub use value::Value;
