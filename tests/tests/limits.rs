//! What the system refuses: full file systems, resource limits, files cut off
//! under a heap. Errors, never signals, and the heap stays usable.

use core::alloc::Layout;
use core::ptr::NonNull;
use core::slice;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use anymem::allocator::{AllocError, Allocator};
use anymem::offset::Offset;
use anymem::thread::Context;
use anymem::{HeapError, HeapOptions, SharedHeap, Size};
use anymem_tests::{
    Directory, MemoryGroup, Peer, SmallFileSystem, files, listen, maps, part, role, tell,
};

const BLOCK: usize = 40_000;

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match *part(&words) {
        ["file length", dir] => live_with_short_files(dir),
        ["address space", dir] => live_without_address_space(dir),
        ["descriptors", dir] => live_without_descriptors(dir),
        ["cut", dir] => live_with_a_cut_file(dir),
        ["closed", dir] => live_with_a_closed_file(dir),
        ["memory", dir, group] => live_without_memory(dir, group),
        _ => panic!("no such role: {words:?}"),
    }
}

/// Plays a part in a process of its own, whose limits and death are its own.
fn apart(name: &str, dir: &Path) {
    Peer::start(&[name, dir.to_str().expect("text")]).finish();
}

fn layout() -> Layout {
    Layout::from_size_align(BLOCK, 64).expect("in reason")
}

/// Blocks, each full of one byte that follows from its place in the list.
struct Blocks<'a> {
    heap: &'a SharedHeap,
    list: Vec<Offset>,
}

impl<'a> Blocks<'a> {
    fn new(heap: &'a SharedHeap) -> Self {
        Self { heap, list: Vec::new() }
    }

    fn start(&self, index: usize) -> NonNull<u8> {
        self.heap.resolve(self.list[index], BLOCK).expect("inside")
    }

    fn add(&mut self) -> Result<(), AllocError> {
        self.list.push(self.heap.allocate(Context::DEFAULT, layout())?);
        let index = self.list.len() - 1;
        // SAFETY: the block is live, that long, and this list's own.
        unsafe { self.start(index).write_bytes(index as u8, BLOCK) };
        Ok(())
    }

    /// Allocates until the heap says why there is no more.
    fn fill(&mut self) -> AllocError {
        loop {
            if let Err(error) = self.add() {
                return error;
            }
        }
    }

    fn are_intact(&self) -> bool {
        (0..self.list.len()).all(|index| {
            // SAFETY: the block is live, that long, and nobody writes to it now.
            let bytes = unsafe { slice::from_raw_parts(self.start(index).as_ptr(), BLOCK) };
            bytes.iter().all(|&byte| byte == index as u8)
        })
    }

    fn free(&mut self) {
        for at in self.list.drain(..) {
            // SAFETY: the block is live and not used afterwards.
            unsafe { self.heap.free(Context::DEFAULT, at, layout()) }.expect("live");
        }
    }
}

/// Fills a heap, checks what is in it, and empties it.
fn works(heap: &SharedHeap) {
    let mut blocks = Blocks::new(heap);
    blocks.fill();
    assert!(blocks.list.len() > 20 && blocks.are_intact());
    blocks.free();
    assert_eq!(heap.check(), Ok(()));
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

fn is_out_of_space(error: &AllocError) -> bool {
    matches!(error, AllocError::NoSpace(error) if !error.gone)
}

/// Writes a file until the file system has no room left.
fn use_up(path: &Path) {
    let mut file = File::create(path).expect("room for a name");
    for size in [1 << 16, 1 << 12] {
        while file.write_all(&vec![1; size]).and_then(|()| file.sync_data()).is_ok() {}
    }
}

/// Removes such a file, and its space at once: a program that another test is starting has
/// a copy of every descriptor until it runs.
fn give_back(path: &Path) {
    let file = File::options().write(true).open(path).expect("there");
    file.set_len(0).expect("shorter");
    fs::remove_file(path).expect("there");
}

/// Somebody else uses up the space that a heap would need next, and gives it
/// back.
fn survives_full(file_system: Option<SmallFileSystem>) {
    let Some(small) = file_system else { return };
    let options = HeapOptions::new().directory(small.path()).slots(4);
    let heap = options.create("it", Size::mib(256)).expect("its tables fit");
    let mut blocks = Blocks::new(&heap);
    (0..20).for_each(|_| blocks.add().expect("room"));
    let other = small.path().join("other");
    use_up(&other);
    let error = blocks.fill();
    assert!(is_out_of_space(&error), "{error}");
    assert!(options.create("another", Size::mib(64)).is_err(), "there is no room for its tables");
    assert!(blocks.are_intact());
    let before = blocks.list.len();
    give_back(&other);
    (0..20).for_each(|_| blocks.add().expect("room again"));
    let error = blocks.fill();
    assert!(is_out_of_space(&error), "{error}");
    assert!(blocks.list.len() >= before + 20 && blocks.are_intact());
    blocks.free();
    assert_eq!(heap.check(), Ok(()));
    heap.trim();
    (0..20).for_each(|_| blocks.add().expect("room after all was given back"));
    assert!(blocks.are_intact());
    drop(blocks);
    // SAFETY: nothing in it is in use.
    unsafe { heap.detach() }.expect("the only handle");
}

#[test]
fn a_full_tmpfs() {
    survives_full(SmallFileSystem::mount("limits-tmpfs", "size=8m"));
}

#[test]
fn a_full_disk() {
    survives_full(SmallFileSystem::disk("limits-disk", "-b 4096"));
}

#[test]
fn a_full_disk_of_blocks_that_are_smaller_than_pages() {
    survives_full(SmallFileSystem::disk("limits-small-blocks", "-b 1024"));
}

/// Its files cannot be given space by `fallocate`.
#[test]
fn a_full_disk_of_an_old_format() {
    survives_full(SmallFileSystem::disk("limits-old-disk", "-b 4096 -O ^extent,^64bit"));
}

#[test]
fn a_limit_on_the_length_of_files() {
    let dir = Directory::new("limits-length");
    apart("file length", dir.path());
    let Some(disk) = SmallFileSystem::disk("limits-length-disk", "-b 4096") else { return };
    apart("file length", disk.path());
}

/// Exceeding this limit would be a signal, which ends the process.
fn live_with_short_files(dir: &str) {
    let options = HeapOptions::new().directory(dir).slots(4);
    let heap = options.create("it", Size::mib(8)).expect("made");
    limit(libc::RLIMIT_FSIZE, 4096);
    let error = options.create("longer", Size::mib(8)).expect_err("too long");
    assert!(matches!(error, HeapError::FileLimit { .. }), "{error}");
    let error = options.create_memfd("longer", Size::mib(8)).expect_err("too long");
    assert!(matches!(error, HeapError::FileLimit { .. }), "{error}");
    works(&heap);
    heap.trim();
    works(&heap);
}

#[test]
fn a_limit_on_address_space() {
    let dir = Directory::new("limits-space");
    apart("address space", dir.path());
}

fn live_without_address_space(dir: &str) {
    let options = HeapOptions::new().directory(dir).slots(4);
    let heap = options.create("it", Size::mib(8)).expect("made");
    let large = options.create("large", Size::gib(1)).expect("made");
    // SAFETY: nothing in it is in use.
    unsafe { large.detach() }.expect("the only handle");
    // What is mapped stays mapped, and a little is left for the test itself.
    limit(libc::RLIMIT_AS, 512 << 20);
    for result in [options.open("large"), options.create("larger", Size::gib(1))] {
        let error = result.expect_err("too long");
        assert!(matches!(error, HeapError::NoAddressSpace { .. }), "{error}");
    }
    works(&heap);
    limit(libc::RLIMIT_AS, isize::MAX as usize);
    options.open("large").expect("there is room now");
}

#[test]
fn a_limit_on_open_files() {
    let dir = Directory::new("limits-files");
    apart("descriptors", dir.path());
}

fn live_without_descriptors(dir: &str) {
    let options = HeapOptions::new().directory(dir).slots(4);
    let heap = options.create("it", Size::mib(8)).expect("made");
    let next = File::open("/").map(|file| file.as_raw_fd()).expect("a file");
    let before = [files(dir), maps(dir)];
    for more in 0..2 {
        limit(libc::RLIMIT_NOFILE, next as usize + more);
        for result in [options.create("other", Size::mib(8)), options.create_memfd("other", "8MiB")]
        {
            let error = result.expect_err("no descriptors");
            let code = libc::EMFILE;
            assert!(
                matches!(error, HeapError::System { code: found, .. } if found == code),
                "{error}"
            );
        }
        works(&heap);
    }
    limit(libc::RLIMIT_NOFILE, 100);
    assert_eq!([files(dir), maps(dir)], before);
    options.create("other", Size::mib(8)).expect("made");
}

#[test]
fn a_file_cut_off_under_a_live_process() {
    let dir = Directory::new("limits-cut");
    let options = HeapOptions::new().directory(dir.path()).slots(4);
    let path = dir.path().join("anymem.it");
    let mut peer = Peer::start(&["cut", dir.path().to_str().expect("text")]);
    assert_eq!(peer.hear(), "made");
    let file = OpenOptions::new().write(true).open(&path).expect("there");
    file.set_len(32 << 20).expect("cut");
    peer.say("go");
    assert!(peer.hear().starts_with("the segment's file was cut off"));
    peer.finish();
    assert_eq!(file.metadata().expect("open").len(), 32 << 20, "nobody hides it");
    let error = options.open("it").expect_err("cut off");
    assert!(matches!(error, HeapError::Truncated { .. }), "{error}");
}

/// Uses a heap of which nothing is missing that was used before.
fn live_with_a_cut_file(dir: &str) {
    let options = HeapOptions::new().directory(dir).slots(4);
    let heap = options.create("it", Size::mib(64)).expect("made");
    let mut blocks = Blocks::new(&heap);
    (0..20).for_each(|_| blocks.add().expect("room"));
    tell("made");
    assert_eq!(listen(), "go");
    let error = blocks.fill();
    assert!(matches!(error, AllocError::NoSpace(error) if error.gone), "{error}");
    tell(&error.to_string());
    assert!(blocks.are_intact());
    blocks.free();
    (0..20).for_each(|_| blocks.add().expect("what is there still serves"));
    assert!(blocks.are_intact());
}

/// As daemons do when they start.
#[test]
fn a_program_that_closes_all_descriptors() {
    let dir = Directory::new("limits-closed");
    apart("closed", dir.path());
}

fn highest_descriptor() -> i32 {
    let names = fs::read_dir("/proc/self/fd").expect("readable").flatten().map(|it| it.file_name());
    names.filter_map(|name| name.to_str()?.parse().ok()).max().expect("one at least")
}

fn live_with_a_closed_file(dir: &str) {
    let contents = vec![7; 8 << 20];
    let innocent = Path::new(dir).join("innocent");
    fs::write(&innocent, &contents).expect("written");
    let options = HeapOptions::new().directory(dir).slots(4);
    let heap = options.create("it", Size::mib(8)).expect("made");
    let descriptor = heap.file().as_raw_fd();
    for other in 3..=highest_descriptor() {
        // SAFETY: what is closed is not used by this process any more, except by
        // the heap, which must bear it.
        unsafe { libc::close(other) };
    }
    let open = || OpenOptions::new().read(true).write(true).open(&innocent).expect("there");
    let mut others = vec![open()];
    // The lowest number that is free is given out first.
    while others.iter().all(|file| file.as_raw_fd() < descriptor) {
        others.push(open());
    }
    assert!(others.iter().any(|file| file.as_raw_fd() == descriptor), "its number is in use");
    works(&heap);
    heap.trim();
    works(&heap);
    assert!(fs::read(&innocent).expect("readable") == contents);
    // Without closing what is not the heap's any more.
    std::process::exit(0);
}

/// The kernel has no error for this: it ends a process of the group.
#[test]
fn a_memory_cgroup_without_room_ends_a_process_and_not_the_heap() {
    let Some(group) = MemoryGroup::new("limits", 32 << 20) else { return };
    let dir = Directory::new("limits-memory");
    let options = HeapOptions::new().directory(dir.path()).slots(4);
    let heap = options.create("it", Size::mib(128)).expect("made");
    let mut peer = Peer::start(&["memory", dir.path().to_str().expect("text"), group.path()]);
    assert_eq!(peer.hear(), "holding");
    let ended = peer.child.wait().expect("it ends");
    assert_eq!(ended.signal(), Some(libc::SIGKILL), "{ended}");
    group.remove();
    assert_eq!(heap.recover(), 1);
    assert_eq!(heap.check(), Ok(()));
    works(&heap);
}

fn live_without_memory(dir: &str, group: &str) {
    let heap = HeapOptions::new().directory(dir).open("it").expect("there");
    MemoryGroup::at(group).join();
    let mut blocks = Blocks::new(&heap);
    blocks.add().expect("room");
    tell("holding");
    blocks.fill();
}
