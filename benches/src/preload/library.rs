//! The allocators: **the one place that lists the peers**.

use std::path::{Path, PathBuf};

use crate::Role;

/// An allocator that programs can be made to use.
#[derive(Clone, Debug)]
pub struct Library {
    /// The name in tables and in JSON.
    pub name: String,
    /// What its figures are used for.
    pub role: Role,
    /// What is preloaded.
    pub(super) path: PathBuf,
}

/// The peer that all others are compared with.
pub(super) const GLIBC: &str = "glibc";

/// glibc is preloaded as well, by a name that the loader knows: some programs
/// are linked with an allocator of their own, such as Debian's redis.
pub(super) const GLIBC_FILE: &str = "libc.so.6";

/// The peers and the names of their files.
const PEERS: [(&str, &str); 7] = [
    ("mimalloc2", "libmimalloc.so.2"),
    ("mimalloc3", "libmimalloc3.so"),
    ("jemalloc", "libjemalloc.so.2"),
    ("snmalloc", "libsnmalloc.so"),
    ("rpmalloc", "librpmalloc.so"),
    ("tcmalloc", "libtcmalloc_minimal.so.4"),
    ("tbb", "libtbbmalloc_proxy.so.2"),
];

impl Library {
    /// Returns the library of ours at `path`, named after its file; nothing if
    /// there is no such file.
    pub fn ours(path: &Path) -> Option<Self> {
        let path = path.canonicalize().ok()?;
        let name = path.file_stem()?.to_str()?.trim_start_matches("lib").into();
        Some(Self { name, role: Role::Private, path })
    }

    fn peer(name: &str, path: PathBuf) -> Self {
        Self { name: name.into(), role: Role::Peer, path }
    }
}

/// Returns glibc and those peers that are found in `built` or where the system
/// keeps its libraries; and the files of those that are not.
pub fn peers(built: &Path) -> (Vec<Library>, Vec<&'static str>) {
    let mut found = vec![Library::peer(GLIBC, GLIBC_FILE.into())];
    let mut missing = Vec::new();
    for (name, file) in PEERS {
        match locate(file, built) {
            Some(path) => found.push(Library::peer(name, path)),
            None => missing.push(file),
        }
    }
    (found, missing)
}

fn locate(file: &str, built: &Path) -> Option<PathBuf> {
    let system = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    let places = [built, Path::new(&system), Path::new("/usr/lib64"), Path::new("/usr/lib")];
    places.iter().find_map(|place| place.join(file).canonicalize().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glibc_is_always_among_the_peers_and_comes_first() {
        assert_eq!(peers(Path::new("/nowhere")).0[0].name, GLIBC);
    }

    #[test]
    fn a_library_of_ours_is_named_after_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("libanymem-secure.so");
        assert!(Library::ours(&path).is_none());
        std::fs::write(&path, "").unwrap();
        assert_eq!(Library::ours(&path).unwrap().name, "anymem-secure");
    }
}
