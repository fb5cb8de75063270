//! Providers where the system has no more: errors, never signals, and they go on when
//! there is room again.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anymem::Size;
use anymem::backend::{Backend, ProviderBackend};
use anymem::offset::Offset;
use anymem::provider::{
    CoarseOptions, FileProvider, OsOptions, OsProvider, Provider, ProviderError, Span, Visibility,
};
use anymem_tests::{
    Directory, MemoryGroup, Peer, SmallFileSystem, is_root, mount, own_mounts, part, role, skip,
};

const PAGE: usize = 4096;

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match *part(&words) {
        ["small shared memory"] => live_with_small_shared_memory(),
        ["file length", dir] => live_with_short_files(dir),
        ["address space"] => live_without_address_space(),
        ["memory", group] => live_without_memory(group),
        ["locked memory"] => live_without_locked_memory(),
        _ => panic!("no such role: {words:?}"),
    }
}

fn write(span: Span, byte: u8) {
    // SAFETY: the tests' spans are theirs alone, and that long.
    unsafe { span.start.write_bytes(byte, span.len) };
}

fn holds(span: Span, byte: u8) -> bool {
    // SAFETY: the tests' spans are theirs alone, and that long.
    (0..span.len).all(|at| unsafe { span.start.add(at).read() } == byte)
}

/// Takes spans of 256 KiB, each full of its number, until there are no more.
fn fill(provider: &dyn Provider) -> Vec<Span> {
    let mut spans = Vec::new();
    loop {
        match provider.allocate(256 << 10, PAGE) {
            Ok(span) => {
                write(span, spans.len() as u8);
                spans.push(span);
            }
            Err(error) => {
                assert!(matches!(error, ProviderError::NoMemory { .. }), "{error}");
                return spans;
            }
        }
    }
}

/// Fills what there is, frees a part of it, and fills it again.
fn survives_full(provider: &dyn Provider, least: usize) {
    let mut spans = fill(provider);
    assert!(spans.len() >= least, "{} spans", spans.len());
    assert!(spans.iter().zip(0..).all(|(&span, number)| holds(span, number)));
    for span in spans.drain(4..8) {
        // SAFETY: the span is handed out, and not used afterwards.
        unsafe { provider.free(span) }.expect("live");
    }
    let again = fill(provider);
    assert!(again.len() >= 3, "what was freed is there again: {}", again.len());
    assert!(spans[..4].iter().zip(0..).all(|(&span, number)| holds(span, number)));
    for span in spans.into_iter().chain(again) {
        // SAFETY: as above.
        unsafe { provider.free(span) }.expect("live");
    }
    assert_eq!(provider.usage().current, 0);
}

#[test]
fn a_full_disk_is_an_error() {
    for (tag, options) in [("providers-disk", "-b 4096"), ("providers-blocks", "-b 1024")] {
        let Some(disk) = SmallFileSystem::disk(tag, options) else { return };
        let file = FileProvider::open(disk.path().join("it")).expect("a file");
        survives_full(&file, 20);
    }
}

/// Its files cannot be given space by `fallocate`, and get no holes.
#[test]
fn a_full_disk_of_an_old_format_is_an_error() {
    let Some(disk) = SmallFileSystem::disk("providers-old", "-b 4096 -O ^extent,^64bit") else {
        return;
    };
    let file = FileProvider::open(disk.path().join("it")).expect("a file");
    survives_full(&file, 20);
    let span = file.allocate(1 << 20, PAGE).expect("space");
    assert!(holds(span, 0), "what was freed is zero all the same");
}

#[test]
fn a_full_tmpfs_is_an_error() {
    let Some(small) = SmallFileSystem::mount("providers-tmpfs", "size=8m") else { return };
    let path = small.path().join("it");
    survives_full(&FileProvider::open(&path).expect("a file"), 30);
    let file = Arc::new(FileProvider::open(&path).expect("a file"));
    let coarse = CoarseOptions::new().keep(Size::bytes(0)).over(file).expect("pages");
    survives_full(&coarse, 30);
}

/// What was purged may be gone when it is needed again: that is an error as well, for who
/// asks first.
#[test]
fn memory_that_was_purged_is_asked_for_again() {
    let Some(small) = SmallFileSystem::mount("providers-purge", "size=4m") else { return };
    let file: Arc<dyn Provider> =
        Arc::new(FileProvider::open(small.path().join("it")).expect("a file"));
    let backend = ProviderBackend::new(file.clone(), Size::mib(2)).expect("space");
    assert!(backend.decommit(Offset::NULL, 1 << 20));
    let others = fill(&*file);
    let error = backend.commit(Offset::NULL, 1 << 20).expect_err("others have it");
    assert_eq!((error.code, error.gone), (libc::ENOSPC, false));
    for span in others {
        // SAFETY: the span is handed out, and not used afterwards.
        unsafe { file.free(span) }.expect("live");
    }
    backend.commit(Offset::NULL, 1 << 20).expect("it is there again");
    // SAFETY: the span is that long, and the test's alone.
    unsafe { backend.base().write_bytes(1, 2 << 20) };
}

#[test]
fn a_layer_hands_out_nothing_that_has_no_memory() {
    let Some(small) = SmallFileSystem::mount("providers-coarse", "size=4m") else { return };
    let file: Arc<dyn Provider> =
        Arc::new(FileProvider::open(small.path().join("it")).expect("a file"));
    let coarse = CoarseOptions::new().over(file.clone()).expect("pages");
    let span = coarse.allocate(1 << 20, PAGE).expect("space");
    // SAFETY: the span is handed out, and not used afterwards.
    unsafe { coarse.free(span) }.expect("live");
    assert_eq!(coarse.purge(), 2 << 20);
    let others = fill(&*file);
    for _ in 0..3 {
        let error = coarse.allocate(1 << 20, PAGE).expect_err("others have it");
        assert!(matches!(error, ProviderError::NoMemory { .. }), "{error}");
        assert_eq!(coarse.usage().current, 0);
    }
    for span in others {
        // SAFETY: as above.
        unsafe { file.free(span) }.expect("live");
    }
    write(coarse.allocate(1 << 20, PAGE).expect("it is there again"), 1);
}

#[test]
fn full_shared_memory_is_an_error() {
    if !is_root() {
        skip("root", "right to mount");
        return;
    }
    Peer::start(&["small shared memory"]).finish();
}

/// In a namespace of its own.
fn live_with_small_shared_memory() {
    own_mounts().expect("root may");
    let tmpfs = Some(c"tmpfs");
    mount(tmpfs, c"/dev/shm", tmpfs, 0, Some(c"size=8m")).expect("root may");
    let options = OsOptions::new().visibility(Visibility::Named("it".into()));
    let os = options.build().expect("room for a name");
    survives_full(&os, 30);
    let other = OsOptions::new().visibility(Visibility::Named("other".into()));
    let other = other.build().expect("room for a name");
    let span = other.allocate(8 << 20, PAGE).expect("the first gave all of it back");
    os.allocate(PAGE, PAGE).expect_err("no room");
    drop(os);
    // SAFETY: the span is handed out, and not used afterwards.
    unsafe { other.free(span) }.expect("live");
    let names: Vec<_> = fs::read_dir("/dev/shm").expect("readable").flatten().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

fn limit(what: libc::__rlimit_resource_t, to: usize) {
    // SAFETY: the structure is readable and writable.
    unsafe {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        assert_eq!(libc::getrlimit(what, &raw mut limit), 0);
        limit.rlim_cur = to as _;
        assert_eq!(libc::setrlimit(what, &raw const limit), 0);
    }
}

fn shared() -> OsProvider {
    OsOptions::new().visibility(Visibility::Shared).build().expect("a memory file")
}

#[test]
fn a_limit_on_the_length_of_files_is_an_error() {
    let dir = Directory::new("providers-length");
    Peer::start(&["file length", dir.path().to_str().expect("text")]).finish();
}

/// Exceeding this limit would be a signal, which ends the process.
fn live_with_short_files(dir: &str) {
    limit(libc::RLIMIT_FSIZE, 4 << 20);
    let file = FileProvider::open(Path::new(dir).join("it")).expect("a file");
    survives_full(&file, 16);
    survives_full(&shared(), 16);
}

#[test]
fn a_limit_on_address_space_is_an_error() {
    Peer::start(&["address space"]).finish();
}

fn live_without_address_space() {
    limit(libc::RLIMIT_AS, 512 << 20);
    for os in [OsProvider::new().expect("pages"), shared()] {
        for align in [PAGE, 1 << 30] {
            let error = os.allocate(1 << 30, align).expect_err("too much");
            assert!(matches!(error, ProviderError::NoMemory { .. }), "{error}");
        }
        assert_eq!(os.usage().current, 0);
        let span = os.allocate(1 << 20, 2 << 20).expect("so much there is");
        write(span, 1);
    }
    let os = shared();
    let span = os.allocate(PAGE, PAGE).expect("memory");
    os.allocate(1 << 30, PAGE).expect_err("too much");
    let range = os.share().expect("shared").file_of(span).expect("handed out");
    let file = fs::File::from(range.file.try_clone_to_owned().expect("a descriptor"));
    let blocks = std::os::unix::fs::MetadataExt::blocks(&file.metadata().expect("open"));
    assert_eq!(blocks * 512, PAGE as u64, "what failed took no memory");
}

#[test]
fn a_limit_on_locked_memory_is_an_error() {
    Peer::start(&["locked memory"]).finish();
}

fn live_without_locked_memory() {
    limit(libc::RLIMIT_MEMLOCK, 64 << 10);
    if is_root() {
        // SAFETY: takes a number; who may do everything may lock anything.
        assert_eq!(unsafe { libc::setresuid(65534, 65534, 65534) }, 0);
    }
    for visibility in [Visibility::Private, Visibility::Shared] {
        let os = OsOptions::new().lock(true).visibility(visibility).build().expect("pages");
        let error = os.allocate(1 << 20, PAGE).expect_err("too much");
        assert!(matches!(error, ProviderError::NoMemory { .. }), "{error}");
        assert_eq!(os.usage().current, 0);
        let span = os.allocate(4 * PAGE, PAGE).expect("so much may be locked");
        // SAFETY: the span is handed out, and not used afterwards.
        unsafe { os.free(span) }.expect("live");
    }
}

/// The kernel would end the process.
#[test]
fn more_shared_memory_than_a_control_group_may_have_is_an_error() {
    let Some(group) = MemoryGroup::new("providers", 64 << 20) else { return };
    Peer::start(&["memory", group.path()]).finish();
    group.remove();
}

fn live_without_memory(group: &str) {
    MemoryGroup::at(group).join();
    let os = shared();
    let error = os.allocate(128 << 20, PAGE).expect_err("too much");
    assert!(matches!(error, ProviderError::NoMemory { code: libc::ENOMEM, .. }), "{error}");
    let span = os.allocate(32 << 20, PAGE).expect("so much there is");
    write(span, 1);
    os.allocate(48 << 20, PAGE).expect_err("too much by now");
    // SAFETY: the span is handed out, and not used afterwards.
    unsafe { os.free(span) }.expect("live");
    os.allocate(48 << 20, PAGE).expect("it is there again");
}
