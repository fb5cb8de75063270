//! Libraries whose allocators only C++ can call.
//!
//! Each has a source here that is compiled against its headers, and becomes a library of four
//! functions: by `ci/gpu-peers.sh`, or else when it is needed.

use core::{
    ffi::{CStr, c_char, c_int, c_void},
    ptr,
};
use std::path::Path;

use libloading::Library;

use super::{
    blocks::Blocks,
    python::Python,
    software::beside,
    target::{Target, said},
};
use crate::compiled::Compiled;

/// What is compiled for a library.
#[derive(Debug)]
pub(super) struct Source {
    /// What its figures stand under.
    pub(super) name: &'static str,
    text: &'static str,
    links: [&'static str; 2],
}

/// Those that are measured.
pub(super) const SOURCES: [Source; 2] = [
    Source { name: "rmm", text: include_str!("rmm.cpp"), links: ["-lrapids_logger", "-lrmm"] },
    Source { name: "pytorch", text: include_str!("pytorch.cpp"), links: ["-lc10_cuda", "-lc10"] },
];

/// Where headers are, in a folder of packages.
const HEADERS: [&str; 6] = [
    "librmm/include",
    "librmm/include/rapids",
    "rapids_logger/include",
    "torch/include",
    "include",
    "include/rapids",
];

/// Where libraries are.
const LIBRARIES: [&str; 5] = ["librmm/lib64", "rapids_logger/lib64", "torch/lib", "lib", "lib64"];

/// Where `ci/gpu-peers.sh` leaves what it compiles, and `ci/gpu-pack.sh`.
const FOLDERS: [&str; 2] = ["../peers/gpu", ""];

/// Where it says what has to be there.
const NEEDS: &str = "ci/gpu-peers.sh provides it";

/// The functions of a source; the process keeps its library.
#[derive(Clone, Copy, Debug)]
pub(super) struct Functions {
    /// A pool on that device, or why there is none.
    begin: unsafe extern "C" fn(c_int, *mut *mut c_void) -> *const c_char,
    /// So many bytes, or null.
    take: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    give: unsafe extern "C" fn(*mut c_void, *mut c_void, usize),
    end: unsafe extern "C" fn(*mut c_void),
}

impl Functions {
    /// Loads what was compiled of a source before; `None` if nothing was.
    pub(super) fn ready(source: &Source) -> Option<Result<Self, String>> {
        let library = beside(&FOLDERS, &format!("libanymem_{}.so", source.name))?;
        Some(Self::load(&library).map_err(said))
    }

    /// Compiles a source with what `python` has, or the machine; an error tells what it lacks.
    pub(super) fn compile(source: &Source, python: &Python) -> Result<Self, String> {
        let headers = python.folders(&HEADERS).map(|folder| format!("-I{}", folder.display()));
        let libraries = python.folders(&LIBRARIES).flat_map(|folder| {
            let folder = folder.display();
            [format!("-L{folder}"), format!("-Wl,-rpath,{folder}")]
        });
        let fixed =
            ["-std=c++20", "-fPIC", "-shared", "-Wl,-z,defs,--no-as-needed"].map(String::from);
        let links = source.links.map(String::from);
        // What is inline in headers calls it.
        let runtime = python.file(&LIBRARIES, "libcudart.so").map(|it| it.display().to_string());
        let links = links.into_iter().chain(runtime);
        let arguments = fixed.into_iter().chain(headers).chain(libraries).chain(links);
        let compiled = Compiled::of(source.text, arguments);
        let compiled = compiled.map_err(|why| format!("{why} ({NEEDS})"))?;
        Self::load(&compiled.path()).map_err(said)
    }

    fn load(library: &Path) -> Result<Self, libloading::Error> {
        // SAFETY: what the libraries do when they are loaded concerns themselves alone.
        let library = Box::leak(Box::new(unsafe { Library::new(library) }?));
        // SAFETY: the source has functions of these names, with these arguments.
        unsafe {
            Ok(Self {
                begin: *library.get(b"anymem_begin")?,
                take: *library.get(b"anymem_take")?,
                give: *library.get(b"anymem_give")?,
                end: *library.get(b"anymem_end")?,
            })
        }
    }
}

/// A pool of such a library.
pub(super) struct CppBlocks {
    functions: Functions,
    pool: *mut c_void,
}

// SAFETY: the libraries' pools may be used by many threads.
unsafe impl Send for CppBlocks {}
// SAFETY: as above.
unsafe impl Sync for CppBlocks {}

impl CppBlocks {
    /// A pool on a device of CUDA's; an error tells why there is none.
    pub(super) fn new(functions: Functions, target: &Target) -> Result<Self, String> {
        let (number, mut pool) = (target.device.number() as c_int, ptr::null_mut());
        // SAFETY: sets the pool, unless it says why not.
        let why = unsafe { (functions.begin)(number, &raw mut pool) };
        if why.is_null() {
            return Ok(Self { functions, pool });
        }
        // SAFETY: words that stay until the function is called again.
        let why = unsafe { CStr::from_ptr(why) }.to_string_lossy();
        Err(why.lines().next().unwrap_or_default().into())
    }
}

/// An address and its bytes.
pub(super) struct CppBlock(*mut c_void, usize);

// SAFETY: an address of a device, which whoever has it may give back.
unsafe impl Send for CppBlock {}

impl Blocks for CppBlocks {
    type Block = CppBlock;

    #[inline]
    fn take(&self, bytes: usize) -> Result<CppBlock, String> {
        // SAFETY: any size may be asked for.
        let block = unsafe { (self.functions.take)(self.pool, bytes) };
        if block.is_null() { Err("no memory".into()) } else { Ok(CppBlock(block, bytes)) }
    }

    #[inline]
    fn give(&self, CppBlock(block, bytes): CppBlock) -> Result<(), String> {
        // SAFETY: a live block of that size that nothing uses.
        unsafe { (self.functions.give)(self.pool, block, bytes) };
        Ok(())
    }
}

impl Drop for CppBlocks {
    fn drop(&mut self) {
        // SAFETY: begun before, and all of its blocks are back.
        unsafe { (self.functions.end)(self.pool) };
    }
}
