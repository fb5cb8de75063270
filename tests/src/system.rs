//! What the system gives to tests, and shows of them.

use std::ffi::CString;
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{mount, skip};

/// A directory of the test's own, removed when it goes.
#[derive(Debug)]
pub struct Directory(PathBuf);

impl Directory {
    /// A new one, in shared memory.
    #[must_use]
    pub fn new(tag: &str) -> Self {
        Self::below(Path::new("/dev/shm"), tag)
    }

    /// A new one, in another, without what one that was killed has left there.
    #[must_use]
    pub fn below(parent: &Path, tag: &str) -> Self {
        let path = parent.join(format!("test.anymem.{tag}.{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What is in it.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("readable").map(|entry| entry.expect("entry"));
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A small file system of the test's own, unmounted when it goes.
#[derive(Debug)]
pub struct SmallFileSystem {
    dir: Directory,
    /// The file that a disk is in.
    _image: Option<Directory>,
}

impl SmallFileSystem {
    /// One with such limits, as `mount` takes them: `size=4m`.
    ///
    /// `None`, with a line that says so, where mounting is not allowed and the
    /// environment says that this is all right. Panics otherwise.
    #[must_use]
    pub fn mount(tag: &str, limits: &str) -> Option<Self> {
        let dir = Directory::new(tag);
        let target = c_string(dir.path());
        let data = CString::new(limits).expect("text");
        match mount(Some(c"tmpfs"), &target, Some(c"tmpfs"), 0, Some(&data)) {
            Ok(()) => return Some(Self { dir, _image: None }),
            Err(error) => not_mounted(&error.to_string()),
        }
        None
    }

    /// A disk of 16 MiB in a file, with an ext4 as `mkfs` takes it: `-O ^extent`.
    ///
    /// `None` as with [`mount`](Self::mount).
    #[must_use]
    pub fn disk(tag: &str, options: &str) -> Option<Self> {
        let (dir, image) = (Directory::new(tag), Directory::new(&format!("{tag}-image")));
        let file = image.path().join("disk");
        fs::File::create(&file).and_then(|it| it.set_len(16 << 20)).expect("an image");
        let mut make = Command::new("mkfs.ext4");
        make.args(["-q", "-F"]).args(options.split(' ')).arg(&file);
        let mut mount = Command::new("mount");
        mount.args(["-o", "loop"]).arg(&file).arg(dir.path());
        for mut command in [make, mount] {
            let failure = match command.output() {
                Ok(it) if it.status.success() => continue,
                Ok(it) => String::from_utf8_lossy(&it.stderr).into_owned(),
                Err(error) => error.to_string(),
            };
            not_mounted(&format!("{command:?}: {failure}"));
            return None;
        }
        Some(Self { dir, _image: Some(image) })
    }
}

/// Says that a test does not run for lack of a file system; panics unless the
/// environment says that this is all right.
fn not_mounted(error: &str) {
    let allowed = std::env::var("ANYMEM_NO_MOUNT").is_ok_and(|it| it == "1");
    let text = format!(
        "a small file system cannot be mounted ({error}): run this test as root, or set \
         ANYMEM_NO_MOUNT=1 to go without it"
    );
    assert!(allowed, "{text}");
    skip("mount", &format!("small file system ({error})"));
}

impl Deref for SmallFileSystem {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.dir
    }
}

impl Drop for SmallFileSystem {
    fn drop(&mut self) {
        let target = c_string(self.path());
        // SAFETY: the string ends in a zero byte. Mappings keep the files.
        unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) };
    }
}

fn c_string(path: &Path) -> CString {
    CString::new(path.to_str().expect("text")).expect("text")
}

/// How many address ranges this process has mapped whose line contains `what`, without
/// those of the program, wherever that was built.
#[must_use]
pub fn maps(what: &str) -> usize {
    let program = std::env::current_exe().expect("this binary");
    let program = program.to_str().expect("text");
    let maps = fs::read_to_string("/proc/self/maps").expect("readable");
    maps.lines().filter(|line| line.contains(what) && !line.ends_with(program)).count()
}

/// How many files this process has open whose path contains `what`.
#[must_use]
pub fn files(what: &str) -> usize {
    let entries = fs::read_dir("/proc/self/fd").expect("readable").flatten();
    let paths = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
    paths.filter(|path| path.to_string_lossy().contains(what)).count()
}

/// Whether this process may do everything.
#[must_use]
pub fn is_root() -> bool {
    // SAFETY: takes nothing.
    unsafe { libc::geteuid() == 0 }
}
