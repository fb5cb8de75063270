//! How pages of the system are asked for.

use core::fmt;
use std::ffi::CString;
use std::fs::File;
use std::sync::Arc;

use super::OsProvider;
use super::named::Named;
use crate::control::{Tree, Value};
use crate::provider::file_spans::{FileName, FileSpans, Length};
use crate::provider::mapper::{Bind, Mapper};
use crate::provider::private_spans::PrivateSpans;
use crate::provider::{Access, Provider, ProviderError, Span, check, huge};
use crate::size::Size;
use crate::sys::{memory_file, page_size};

/// Who can have the pages of an [`OsProvider`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Visibility {
    /// This process alone.
    #[default]
    Private,
    /// Other processes as well, which get a file descriptor.
    Shared,
    /// Other processes of the same user as well, by this name of POSIX shared memory,
    /// which goes when the provider is dropped.
    Named(String),
}

/// What pages memory is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum HugePages {
    /// The usual ones.
    #[default]
    No,
    /// The usual ones, and larger ones where the system finds some.
    Transparent,
    /// Ones of just this size, of the pool that the system keeps apart: 2 MiB or 1 GiB on
    /// most machines.
    Of(Size),
}

/// How to make an [`OsProvider`].
///
/// ```
/// use anymem::provider::{Access, HugePages, OsOptions, Provider, Visibility};
/// let options = OsOptions::new().visibility(Visibility::Shared).name("frames");
/// let os = options.huge_pages(HugePages::Transparent).populate(true).build()?;
/// assert_eq!((os.name(), os.recommended_page_size(100 << 20)), ("frames", 2 << 20));
/// let guards = OsOptions::new().access(Access::NONE).build()?;
/// assert!(!guards.touchable());
/// # Ok::<(), anymem::provider::ProviderError>(())
/// ```
#[derive(Clone)]
pub struct OsOptions {
    name: String,
    access: Access,
    visibility: Visibility,
    huge: HugePages,
    populate: bool,
    lock: bool,
    bind: Option<Bind>,
}

impl OsOptions {
    /// Private pages of the usual size that can be read and written; or what the
    /// [settings](crate::control) `provider.default.os.params…` say.
    #[must_use]
    pub fn new() -> Self {
        let said = Tree::global().defaults("provider", "os");
        let is_on = |name| said.switch(name).unwrap_or(false);
        let shared = is_on("params.shared");
        Self {
            name: "os".into(),
            access: Access::READ_WRITE,
            visibility: if shared { Visibility::Shared } else { Visibility::Private },
            huge: HugePages::No,
            populate: is_on("params.populate"),
            lock: is_on("params.lock"),
            bind: None,
        }
    }

    /// What new providers begin with, as the settings have it while nobody has said
    /// otherwise.
    pub(crate) fn settings() -> [(&'static str, Value); 3] {
        ["params.shared", "params.populate", "params.lock"].map(|it| (it, Value::Switch(false)))
    }

    /// What the provider is called; `os` if nothing else is said.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// What the CPU may do with the memory.
    #[must_use]
    pub fn access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// Who can have the memory.
    #[must_use]
    pub fn visibility(self, visibility: Visibility) -> Self {
        Self { visibility, ..self }
    }

    /// What pages it is made of.
    #[must_use]
    pub fn huge_pages(self, huge: HugePages) -> Self {
        Self { huge, ..self }
    }

    /// Whether the pages are there before anybody touches them.
    #[must_use]
    pub fn populate(self, populate: bool) -> Self {
        Self { populate, ..self }
    }

    /// Whether the pages are never written to swap. The system limits how many bytes may
    /// be locked so (`ulimit -l`).
    #[must_use]
    pub fn lock(self, lock: bool) -> Self {
        Self { lock, ..self }
    }

    /// Calls `bind` for each new span before it has pages: with `mbind`, it says on which
    /// NUMA nodes these are to be. That goes for shared memory as well. The span is not
    /// handed out if it fails.
    #[must_use]
    pub fn bind(
        self,
        bind: impl Fn(Span) -> Result<(), ProviderError> + Send + Sync + 'static,
    ) -> Self {
        Self { bind: Some(Arc::new(bind)), ..self }
    }

    /// Makes the provider.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Missing`] for pages of a size that the machine does not have,
    /// [`ProviderError::BadSetting`] for what does not go together and for names that are
    /// in use, and what the system refuses.
    pub fn build(&self) -> Result<OsProvider, ProviderError> {
        let (mut mapper, pages) = self.mapper()?;
        let (spans, name): (Box<dyn Provider>, _) = match &self.visibility {
            Visibility::Private => {
                mapper.flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | pages;
                (Box::new(PrivateSpans::new(mapper)), None)
            }
            Visibility::Shared => {
                let file = self.memory_file(pages)?;
                let name = FileName::Anonymous;
                (Box::new(FileSpans::new(mapper, file, name, Length::Grows, 0)?), None)
            }
            Visibility::Named(_) if mapper.huge => {
                return Err(bad("huge_pages", "of the pool", "shared memory with a name has none"));
            }
            Visibility::Named(name) => {
                let (file, named) = Named::create(name)?;
                let name = FileName::Shm(name.clone());
                (Box::new(FileSpans::new(mapper, file, name, Length::Grows, 0)?), Some(named))
            }
        };
        Ok(OsProvider { spans, _name: name })
    }

    /// How shared spans are mapped, and the flags for pages of the pool.
    fn mapper(&self) -> Result<(Mapper, i32), ProviderError> {
        let nothing = !self.access.can_read() && !self.access.can_write();
        if nothing && (self.populate || self.lock) {
            return Err(bad("access", "none", "pages that nobody may touch cannot be brought in"));
        }
        let (page, pages) = match self.huge {
            HugePages::Of(size) => (size.get(), huge::flags(size.get())? | libc::MAP_HUGETLB),
            _ => (page_size(), 0),
        };
        let mapper = Mapper {
            huge: pages != 0,
            transparent: self.huge == HugePages::Transparent,
            populate: self.populate,
            lock: self.lock,
            bind: self.bind.clone(),
            ..Mapper::new(&self.name, self.access, page, libc::MAP_SHARED)
        };
        Ok((mapper, pages))
    }

    /// A memory file that nobody can shrink.
    fn memory_file(&self, pages: i32) -> Result<File, ProviderError> {
        let label = CString::new(format!("anymem.{}", self.name));
        let label = label.map_err(|_| bad("name", &self.name, "it has a zero byte"))?;
        // The sizes of pages are told as to `mmap`.
        let size = pages & !libc::MAP_HUGETLB;
        let flags = if pages == 0 { 0 } else { libc::MFD_HUGETLB | size as libc::c_uint };
        let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_SEAL;
        let file = memory_file::create(&label, flags)
            .map_err(|code| check::failed(&self.name, "memfd_create", 0, code))?;
        memory_file::seal(&file, seals)
            .map_err(|code| check::failed(&self.name, "fcntl(F_ADD_SEALS)", 0, code))?;
        Ok(file)
    }
}

impl Default for OsOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for OsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OsOptions")
            .field("name", &self.name)
            .field("access", &self.access)
            .field("visibility", &self.visibility)
            .field("huge", &self.huge)
            .field("populate", &self.populate)
            .field("lock", &self.lock)
            .field("bound", &self.bind.is_some())
            .finish()
    }
}

fn bad(setting: &'static str, value: &str, why: &str) -> ProviderError {
    ProviderError::BadSetting { setting, value: value.into(), why: why.into() }
}
