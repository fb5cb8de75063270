//! Files as memory: what is in them stays, what is freed becomes a hole.
//!
//! Tests take turns that fork, or drop a provider with live spans: its file is not free while
//! a child has the descriptor.

mod lacking;
mod turn;

use std::fs;
use std::fs::{File, OpenOptions};
use std::io::{PipeWriter, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anymem::Size;
use anymem::provider::{
    Access, DaxOptions, DaxProvider, FileOptions, FileProvider, Provider, ProviderError,
    SharedName, Span,
};
use lacking::skip;
use turn::turn;

const PAGE: usize = 4096;

/// A path of the test's own, whose file goes when this does.
struct Place(PathBuf);

impl Place {
    /// In memory, whose space is told to the byte.
    fn new(tag: &str) -> Self {
        Self::below(Path::new("/dev/shm"), tag)
    }

    fn below(dir: &Path, tag: &str) -> Self {
        Self(dir.join(format!("test.anymem.file.{tag}.{}", std::process::id())))
    }

    fn space(&self) -> u64 {
        fs::metadata(&self.0).expect("there").blocks() * 512
    }

    fn len(&self) -> usize {
        fs::metadata(&self.0).expect("there").len() as usize
    }

    fn open(&self) -> FileProvider {
        FileProvider::open(&self.0).expect("a file")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
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

fn free(provider: &dyn Provider, span: Span) {
    // SAFETY: the tests' spans are theirs alone, and not used after they were freed.
    unsafe { provider.free(span) }.expect("live");
}

#[test]
fn what_is_written_is_in_the_file() {
    for dir in [Path::new("/dev/shm"), &std::env::temp_dir()] {
        let place = Place::below(dir, "written");
        let file = place.open();
        assert_eq!((file.name(), file.found(), file.min_page_size()), ("file", 0, PAGE));
        for align in [1, 64 << 10, 2 << 20] {
            let span = file.allocate(3 * PAGE + 1, align).expect("space");
            assert!(span.len == 4 * PAGE && span.addr().is_multiple_of(align) && holds(span, 0));
            write(span, 7);
            // SAFETY: the span is handed out.
            unsafe { file.flush(span) }.expect("written");
            let range = file.share().expect("shared").file_of(span).expect("handed out");
            let canonical = fs::canonicalize(&place.0).expect("there");
            assert_eq!(range.name, SharedName::File(&canonical));
            assert_eq!(range.offset, file.offset_of(span).expect("handed out"));
            let mut bytes = vec![0; span.len];
            let peer = File::open(&place.0).expect("there");
            peer.read_exact_at(&mut bytes, range.offset).expect("inside");
            assert!(bytes.iter().all(|&byte| byte == 7));
        }
        file.sync().expect("written");
        assert_eq!(fs::metadata(&place.0).expect("there").permissions().mode() & 0o777, 0o600);
    }
}

/// (UMF defect D17)
#[test]
fn what_a_file_held_stays_and_is_found_at_its_place() {
    let _turn = turn();
    let place = Place::new("stays");
    let (first, second) = {
        let file = place.open();
        let spans = [2, 3].map(|pages| file.allocate(pages * PAGE, 64 << 10).expect("space"));
        spans.into_iter().zip([1, 2]).for_each(|(span, byte)| write(span, byte));
        let at = spans.map(|span| file.offset_of(span).expect("handed out"));
        // SAFETY: the spans are handed out, and not used afterwards.
        spans.into_iter().for_each(|span| unsafe { file.release(span) }.expect("live"));
        assert_eq!(file.usage().current, 0);
        (at[0], at[1])
    };
    let length = place.len();
    let file = place.open();
    assert_eq!((file.found(), place.len()), (length as u64, length));
    let new = file.allocate(PAGE, PAGE).expect("space");
    write(new, 9);
    assert!(file.offset_of(new).expect("handed out") >= length as u64, "behind what was there");
    let old = file.adopt(second, 3 * PAGE).expect("it was there");
    assert!(holds(old, 2));
    assert_eq!(file.offset_of(old), Ok(second));
    file.adopt(second, PAGE).expect_err("it is in use");
    file.adopt(first + 1, 1).expect_err("no page starts there");
    file.adopt(length as u64, PAGE).expect_err("it was not there");
    file.adopt(u64::MAX, PAGE).expect_err("no file is that long");
    file.adopt(first, 0).expect_err("nothing");
    let part = file.adopt(first + PAGE as u64, 1).expect("it was there");
    assert!(part.len == PAGE && holds(part, 1));
    // SAFETY: the spans are handed out, and not used afterwards.
    unsafe { file.release(part) }.expect("live");
    let whole = file.adopt(first, 2 * PAGE).expect("it is there again");
    assert!(holds(whole, 1));
    let space = place.space();
    free(&file, whole);
    assert_eq!(place.space(), space - 2 * PAGE as u64, "what is freed is gone");
    file.adopt(first, PAGE).expect_err("it is gone");
    drop(file);
    FileProvider::open(&place.0).expect_err("there are spans yet that have its bytes");
    for span in [new, old] {
        // SAFETY: the span is mapped, and not used afterwards.
        unsafe { libc::munmap(span.start.as_ptr().cast(), span.len) };
    }
    let file = FileOptions::new().truncate(true).open(&place.0).expect("a file");
    assert_eq!((file.found(), place.len()), (0, 0));
}

#[test]
fn contents_that_end_within_a_page_are_kept() {
    let place = Place::new("odd");
    fs::write(&place.0, vec![5; 10_000]).expect("written");
    let file = place.open();
    assert_eq!(file.found(), 10_000);
    let new = file.allocate(1, 1).expect("space");
    assert_eq!(file.offset_of(new), Ok(3 * PAGE as u64));
    let old = file.adopt(0, 10_000).expect("it was there");
    // SAFETY: the span is that long.
    let bytes = unsafe { core::slice::from_raw_parts(old.start.as_ptr(), old.len) };
    assert!(bytes[..10_000].iter().all(|&byte| byte == 5));
    assert!(bytes[10_000..].iter().all(|&byte| byte == 0) && bytes.len() == 3 * PAGE);
}

/// A file that is larger than memory can be adopted whole.
#[test]
fn what_a_file_held_is_read_as_it_is_touched() {
    let place = Place::below(&std::env::temp_dir(), "touched");
    fs::write(&place.0, vec![5; 64 * PAGE]).expect("written");
    let file = place.open();
    let old = file.adopt(0, 64 * PAGE).expect("it was there");
    let pages = File::open("/proc/self/pagemap").expect("readable");
    let mut entries = [0_u8; 64 * 8];
    pages.read_exact_at(&mut entries, (old.addr() / PAGE * 8) as u64).expect("inside");
    assert!(entries.chunks_exact(8).all(|entry| entry[7] & 0x80 == 0), "no page is there yet");
    assert!(holds(old, 5));
    write(old, 6);
    // SAFETY: the span is handed out, and not used afterwards.
    unsafe { file.release(old) }.expect("live");
    assert_eq!(fs::read(&place.0).expect("there"), vec![6; 64 * PAGE]);
}

/// (UMF defect D8)
#[test]
fn purged_and_freed_parts_of_a_file_are_holes() {
    let place = Place::new("holes");
    let file = place.open();
    let span = file.allocate(64 * PAGE, PAGE).expect("space");
    write(span, 0xAA);
    assert_eq!(place.space(), 64 * PAGE as u64);
    let (low, high) = span.cut(32 * PAGE).expect("inside");
    // SAFETY: part of the span, which is the test's alone.
    unsafe { file.purge_force(low) }.expect("holes can be made");
    assert_eq!(place.space(), 32 * PAGE as u64);
    assert!(holds(low, 0) && holds(high, 0xAA));
    // SAFETY: as above.
    unsafe { file.commit(low) }.expect("space");
    assert_eq!(place.space(), 64 * PAGE as u64);
    free(&file, span);
    assert_eq!(place.space(), 0);
    for round in 0..8 {
        let span = file.allocate(64 * PAGE, 64 << 10).expect("space");
        assert!(holds(span, 0));
        write(span, round);
        free(&file, span);
    }
    assert_eq!((place.space(), place.len()), (0, 64 * PAGE), "the place is used again");
}

#[test]
fn on_a_disk_freed_parts_are_holes_as_well() {
    let place = Place::below(&std::env::temp_dir(), "disk");
    let file = place.open();
    let spans = [0, 1].map(|_| file.allocate(1 << 20, PAGE).expect("space"));
    spans.into_iter().for_each(|span| write(span, 1));
    file.sync().expect("written");
    let full = place.space();
    assert!(full >= 2 << 20);
    free(&file, spans[0]);
    // A hole may cost the file system a block of its own.
    assert!(place.space() <= full - (1 << 20) + (64 << 10));
    let again = file.allocate(1 << 20, PAGE).expect("space");
    assert_eq!(file.offset_of(again), Ok(0));
    assert!(holds(again, 0) && holds(spans[1], 1));
}

/// Where a file system of huge pages is mounted that has some.
#[test]
fn a_file_of_huge_pages_is_cut_into_these() {
    let mounts = fs::read_to_string("/proc/mounts").expect("readable");
    let mount = mounts.lines().find(|line| line.contains(" hugetlbfs "));
    let pages = fs::read_to_string("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
    let pages: usize = pages.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let Some(dir) = mount.and_then(|line| line.split(' ').nth(1)).filter(|_| pages >= 3) else {
        skip("hugetlbfs", "mounted hugetlbfs with free huge pages");
        return;
    };
    let place = Place::below(Path::new(dir), "huge");
    let file = place.open();
    let page = file.min_page_size();
    assert_eq!(page, 2 << 20);
    let span = file.allocate(page + 1, PAGE).expect("two pages");
    write(span, 7);
    let error = file.allocate(Size::gib(1 << 10).get(), 1).expect_err("more than there are");
    assert!(error.to_string().contains("nr_hugepages"), "{error}");
    let (low, high) = span.cut(page).expect("inside");
    // SAFETY: part of the span, which is the test's alone.
    unsafe { file.purge_force(low) }.expect("holes can be made");
    assert!(holds(low, 0) && holds(high, 7));
    free(&file, span);
    assert_eq!(place.space(), 0);
}

/// On a file system whose files are memory, which `ANYMEM_TEST_FSDAX` names a directory of,
/// what is written is in the file, and nothing lies between.
#[test]
fn a_file_that_is_memory_is_mapped_as_such() {
    let Ok(dir) = std::env::var("ANYMEM_TEST_FSDAX") else {
        skip("fsdax", "DAX file system");
        return;
    };
    let place = Place::below(Path::new(&dir), "fsdax");
    let file = place.open();
    assert_eq!(file.min_page_size(), 2 << 20);
    let span = file.allocate(1, 1).expect("space");
    write(span, 7);
    let smaps = fs::read_to_string("/proc/self/smaps").expect("readable");
    let start = format!("{:x}-", span.addr());
    let own = smaps.lines().skip_while(|line| !line.starts_with(&start));
    let flags = own.into_iter().find(|line| line.starts_with("VmFlags")).expect("flags");
    assert!(flags.contains(" sf"), "synchronous faults: {flags}");
    let at = file.offset_of(span).expect("handed out");
    // SAFETY: the span is handed out, and not used afterwards.
    unsafe { file.release(span) }.expect("live");
    drop(file);
    let file = place.open();
    let span = file.adopt(at, 2 << 20).expect("it was there");
    assert!(holds(span, 7));
    free(&file, span);
    assert_eq!(place.space(), 0);
}

#[test]
fn private_changes_never_reach_the_file() {
    let place = Place::new("private");
    fs::write(&place.0, vec![5; 4 * PAGE]).expect("written");
    let options = FileOptions::new().private(true);
    let file = options.open(&place.0).expect("a file");
    assert!(file.share().is_none());
    let old = file.adopt(0, 4 * PAGE).expect("it was there");
    assert!(holds(old, 5));
    write(old, 6);
    let new = file.allocate(PAGE, PAGE).expect("space");
    write(new, 7);
    let (low, high) = old.cut(PAGE).expect("inside");
    // SAFETY: part of the span, which is the test's alone.
    unsafe { file.purge_force(low) }.expect("private memory can be purged");
    assert!(holds(low, 0) && holds(high, 6));
    free(&file, new);
    free(&file, old);
    let again = file.adopt(0, 4 * PAGE).expect("the file was not changed");
    assert!(holds(again, 5));
    let bytes = fs::read(&place.0).expect("there");
    assert!(bytes[..4 * PAGE].iter().all(|&byte| byte == 5));
    assert!(bytes[4 * PAGE..].iter().all(|&byte| byte == 0));
}

#[test]
fn spans_of_a_file_are_split_and_merged() {
    let place = Place::new("split");
    let file = place.open();
    let span = file.allocate(8 * PAGE, 64 << 10).expect("space");
    // SAFETY: the spans are handed out, and not used after they were freed.
    unsafe {
        let (low, high) = file.split(span, 3 * PAGE).expect("inside");
        assert_eq!(file.offset_of(high), Ok(3 * PAGE as u64));
        assert!(matches!(file.split(low, 100), Err(ProviderError::BadCut { .. })));
        assert!(matches!(file.merge(high, low), Err(ProviderError::Apart { .. })));
        let span = file.merge(low, high).expect("of one piece");
        let (low, high) = file.split(span, PAGE).expect("inside");
        file.free(low).expect("live");
        assert_eq!(place.space(), 7 * PAGE as u64);
        file.free(high).expect("live");
    }
    assert_eq!((place.space(), file.usage().current), (0, 0));
}

#[test]
fn protection_is_what_was_asked_for() {
    let place = Place::new("access");
    fs::write(&place.0, vec![5; PAGE]).expect("written");
    let options = FileOptions::new().name("tables").access(Access::READ);
    let file = options.open(&place.0).expect("a file");
    let span = file.adopt(0, PAGE).expect("it was there");
    assert!(holds(span, 5) && !file.touchable() && file.name() == "tables");
    let range = file.share().expect("shared").file_of(span).expect("handed out");
    assert!(!range.writable);
    // SAFETY: the span is the test's alone.
    unsafe { file.fill(span.start, 0, PAGE) }.expect_err("an error, and no signal");
}

#[test]
fn one_provider_has_a_file_at_a_time() {
    let place = Place::new("lock");
    let file = place.open();
    let error = FileProvider::open(&place.0).expect_err("it is in use");
    assert!(error.to_string().contains("another provider"), "{error}");
    drop(file);
    place.open();
}

/// A program that is being started has every descriptor until it runs, whoever drops theirs.
#[test]
fn a_file_is_free_as_soon_as_its_provider_is_gone() {
    let _turn = turn();
    let place = Place::new("started");
    let file = place.open();
    let child = Child::fork(|| {});
    drop(file);
    place.open();
    child.finish();
}

#[test]
fn a_forked_child_does_not_set_a_file_free() {
    let _turn = turn();
    let place = Place::new("forked");
    let file = place.open();
    let copy = &file;
    Child::fork(|| {
        // SAFETY: the child's own copy, which it does not use any more.
        drop(unsafe { core::ptr::read(copy) });
    })
    .finish();
    FileProvider::open(&place.0).expect_err("it is in use");
    drop(file);
}

/// A copy of this process, which lives until it is [finished](Self::finish).
struct Child {
    process: libc::pid_t,
    wake: PipeWriter,
}

impl Child {
    /// It does `work` when it is told to end.
    fn fork(work: impl FnOnce()) -> Self {
        let (mut wait, wake) = std::io::pipe().expect("a pipe");
        // SAFETY: the child reads a byte, does what it is to do, and ends.
        let process = unsafe { libc::fork() };
        if process == 0 {
            // Should the test fail, nobody else has this end.
            drop(wake);
            let told = wait.read_exact(&mut [0]);
            work();
            // SAFETY: ends the child without what the test harness would do.
            unsafe { libc::_exit(i32::from(told.is_err())) };
        }
        assert!(process > 0, "{}", std::io::Error::last_os_error());
        Self { process, wake }
    }

    fn finish(mut self) {
        self.wake.write_all(&[0]).expect("it listens");
        let mut status = 1;
        // SAFETY: the status is writable.
        assert_eq!(unsafe { libc::waitpid(self.process, &raw mut status, 0) }, self.process);
        assert_eq!(status, 0);
    }
}

#[test]
fn what_is_no_file_is_an_error() {
    let dir = std::env::temp_dir();
    let link = Place::new("link");
    std::os::unix::fs::symlink("/etc/hostname", &link.0).expect("a link");
    for path in [&*dir, &link.0, Path::new("/dev/null"), Path::new("/no/such/directory")] {
        let error = FileProvider::open(path).expect_err("no file");
        assert!(error.to_string().contains(path.to_str().expect("text")), "{error}");
    }
}

/// Some programs close descriptors that they do not know; the number is soon another's.
#[test]
fn a_descriptor_that_is_another_files_is_left_alone() {
    let (place, innocent) = (Place::new("closed"), Place::new("innocent"));
    fs::write(&innocent.0, vec![3; 8 * PAGE]).expect("written");
    let file = place.open();
    let span = file.allocate(4 * PAGE, PAGE).expect("space");
    let fd = file.share().expect("shared").file_of(span).expect("handed out").file.as_raw_fd();
    let other = OpenOptions::new().read(true).write(true).open(&innocent.0).expect("there");
    // SAFETY: puts the other file where the provider's was; only the provider uses that
    // descriptor, and must bear it.
    assert_eq!(unsafe { libc::dup2(other.as_raw_fd(), fd) }, fd);
    file.allocate(PAGE, PAGE).expect_err("its file is gone");
    // Peers are told which file it was, and refuse any other.
    let id = file.share().expect("shared").file_of(span).expect("handed out").id;
    assert_eq!(id.inode, fs::metadata(&place.0).expect("there").ino());
    // SAFETY: the span is the test's alone.
    unsafe {
        file.purge_force(span).expect_err("its file is gone");
        assert!(file.free(span).is_err());
    }
    assert_eq!(fs::read(&innocent.0).expect("there"), vec![3; 8 * PAGE]);
}

#[test]
fn a_dax_device_that_is_none_is_named() {
    let error = DaxProvider::open("/dev/dax99.7").expect_err("no such device");
    assert!(matches!(error, ProviderError::Missing { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("/dev/dax99.7") && text.contains("ndctl"), "{text}");
    let place = Place::new("nodax");
    fs::write(&place.0, "text").expect("written");
    for path in [Path::new("/dev/null"), &place.0] {
        let options = DaxOptions::new().keep(Size::mib(2)).size(Size::mib(4)).name("far");
        let error = options.open(path).expect_err("no DAX device");
        assert!(error.to_string().contains("no DAX device"), "{error}");
    }
}
