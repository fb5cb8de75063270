//! Blocks of pools in other processes: how they get there, and what becomes of them.

use std::alloc::Layout;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::sync::Arc;

use anymem::ipc::{self, HandleKind, IpcError, IpcHandle};
use anymem::pool::{
    DisjointOptions, LinkedListPool, Pool, PoolHandle, ProxyOptions, ScalableOptions,
    ScalablePagePool, ThreadLocalPool, Tracked,
};
use anymem::provider::{Access, FileOptions, MallocProvider, Span};
use anymem::{SharedHeap, Size};
use anymem_tests::sharer::{ends, from_word, provider, share, to_word};
use anymem_tests::{Directory, Elsewhere, Name, Peer, View, is_root, part, role, skip, tell};
use proptest::prelude::*;

/// A user who is nobody in particular.
const NOBODY: u32 = 65534;

/// Another one.
const SOMEBODY: u32 = 65533;

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match part(&words) {
        ["share"] => share(),
        ["fork"] => fork(),
        words => panic!("no such role: {words:?}"),
    }
}

/// Offers a page, forks, and has the child try what it can do with it.
fn fork() {
    let shared = provider(&["memfd"]);
    let span = shared.allocate(4096, 4096).expect("memory");
    let handle = ipc::get_from(&*shared, span).expect("shared");
    let open = ipc::open(&handle).expect("offered");
    // SAFETY: the child ends by `_exit`; this process has no other threads at work.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let is_parents = ipc::put(&handle) == Err(IpcError::NotOffered);
        let own = ipc::get_from(&*shared, span).expect("shared");
        let opens = ipc::open(&own).is_ok() && ipc::open(&handle).is_ok();
        drop(open);
        let has_own = own.pid() == std::process::id() && ipc::put(&own) == Ok(true);
        let is_well = is_parents && opens && has_own && ipc::open(&own).is_err();
        // SAFETY: ends this process at once.
        unsafe { libc::_exit(i32::from(!is_well)) };
    }
    let mut status = -1;
    // SAFETY: the status is writable.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    tell(&format!("{status} {:?}", ipc::open(&handle).map(|it| ends(&it))));
}

fn sharer() -> Peer {
    Peer::start(&["share"])
}

/// A process of a user without rights; `None`, with a line that says so, where this is not
/// the superuser's test.
fn sharer_of(user: u32) -> Option<Peer> {
    if !is_root() {
        skip("root", "right to start processes of other users");
        return None;
    }
    let mut command = Peer::command(&["share"]);
    Some(Peer::from_command(command.uid(user).gid(user)))
}

/// A process that offers one page of nines, and the handle.
fn owner_of(mut owner: Peer, kind: &str) -> (Peer, String) {
    assert_eq!(owner.does(&format!("provider {kind}")), "made");
    let word = owner.does("allocate 4096 4096 9");
    (owner, word)
}

const NINES: &str = "(9, 9)";

#[test]
fn a_block_of_each_kind_of_memory_is_opened_by_unrelated_processes() {
    let dir = Directory::new("ipc-kinds");
    let id = std::process::id();
    let kinds = [
        ("memfd".to_owned(), HandleKind::Anonymous),
        (format!("shm am.{id}"), HandleKind::Shm),
        (format!("shm anymem.of.a.longer.name.{id}"), HandleKind::Shm),
        (format!("file {}", dir.path().join("file").display()), HandleKind::File),
    ];
    for (what, kind) in kinds {
        let mut owner = sharer();
        assert_eq!(owner.does(&format!("provider {what}")), "made");
        let sizes = [(100, 1), (4096, 2), (300_000, 3)];
        let words = sizes.map(|(size, byte)| owner.does(&format!("allocate {size} 4096 {byte}")));
        let mut other = sharer();
        for (word, (size, byte)) in words.iter().zip(sizes) {
            let handle = from_word(word);
            assert_eq!((handle.kind(), handle.pid()), (Ok(kind), owner.pid()), "{what}");
            let here = ipc::open(&handle).expect("it is offered");
            assert_eq!((here.len(), ends(&here)), (size, (byte, byte)), "{what}");
            assert_eq!(other.does(&format!("open {word}")), format!("({byte}, {byte})"));
        }
        let first = ipc::open(&from_word(&words[0])).expect("it is offered");
        // SAFETY: the block is open, and the others only read it.
        unsafe { first.as_ptr().write(77) };
        assert_eq!(other.does("read 0"), "(77, 1)", "{what}: the same memory");
        assert_eq!(other.does("find 0"), format!("{} true", owner.pid()));
        assert_eq!(other.does("get ipc.stats.open"), "1", "{what}: one mapping for all");
        owner.finish();
        other.finish();
    }
}

#[test]
fn a_handle_is_plain_data_in_a_shared_heap() {
    assert_eq!(IpcHandle::SIZE, 64);
    let (owner, word) = owner_of(sharer(), "memfd");
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(8)).expect("made");
    heap.root_or_create("handle", |_| Ok(from_word(&word))).expect("made");
    let handle = *heap.root::<IpcHandle>("handle").expect("made");
    assert_eq!(to_word(&handle), word);
    assert_eq!(ends(&ipc::open(&handle).expect("it is offered")), (9, 9));
    owner.finish();
}

/// (UMF defect D3: where memory was aligned to more than a page, other bytes were mapped.)
#[test]
fn aligned_blocks_are_opened_where_they_are() {
    let mut owner = sharer();
    assert_eq!(owner.does("provider memfd"), "made");
    let words: Vec<_> = (0..8)
        .map(|byte| owner.does(&format!("allocate 70000 {} {byte}", 65536 << (byte % 5))))
        .collect();
    for (byte, word) in (0..).zip(&words) {
        let block = ipc::open(&from_word(word)).expect("it is offered");
        assert_eq!(ends(&block), (byte, byte));
    }
    owner.finish();
}

/// (UMF defect D7: the first to open a name took it away from all others.)
#[test]
fn a_name_is_there_for_everybody_and_for_all_blocks() {
    let (mut owner, first) = owner_of(sharer(), &format!("shm am7.{}", std::process::id()));
    let mut others = [sharer(), sharer()];
    for other in &mut others {
        assert_eq!(other.does(&format!("open {first}")), NINES);
    }
    let second = owner.does("allocate 4096 4096 8");
    for other in &mut others {
        assert_eq!(other.does("trim"), "0", "it is in use");
        assert_eq!(other.does(&format!("open {second}")), "(8, 8)");
    }
    others.into_iter().for_each(Peer::finish);
    owner.finish();
}

/// (UMF defect D18: a handle was useless once its process had ended.)
#[test]
fn memory_outlives_its_process_where_it_was_received() {
    let (mut owner, first) = owner_of(sharer(), "memfd");
    let second = owner.does("allocate 4096 4096 8");
    let address = owner.does("serve");
    let (mut late, mut early) = (sharer(), sharer());
    assert_eq!(early.does(&format!("receive {address}")), "1");
    let pid = owner.pid();
    owner.kill();
    for (word, seen) in [(&first, NINES), (&second, "(8, 8)")] {
        assert_eq!(early.does(&format!("open {word}")), seen);
        assert_eq!(late.does(&format!("open {word}")), format!("OwnerGone {{ pid: {pid} }}"));
    }
    assert!(late.does(&format!("receive {address}")).starts_with("NobodyServes"));
    assert_eq!(late.does("get ipc.stats.open"), "0");
    early.finish();
    late.finish();
}

#[test]
fn a_files_blocks_are_there_after_its_process() {
    let short = format!("/tmp/am.{}", std::process::id());
    assert!(short.len() <= 16, "it stands in the handle");
    let long = format!("/tmp/anymem.longer.{}", std::process::id());
    let [found, lost] = [short, long].map(|path| {
        let (owner, word) = owner_of(sharer(), &format!("file {path}"));
        owner.kill();
        let opened = ipc::open(&from_word(&word));
        std::fs::remove_file(&path).expect("there");
        opened
    });
    assert_eq!(ends(&found.expect("by its path")), (9, 9));
    let error = lost.expect_err("its path is too long to stand in a handle");
    assert!(matches!(error, IpcError::OwnerGone { .. }), "{error}");
}

#[test]
fn who_may_not_be_debugged_hands_memory_over() {
    let (Some(owner), Some(mut other)) = (sharer_of(NOBODY), sharer_of(NOBODY)) else { return };
    let (mut owner, word) = owner_of(owner, "memfd");
    assert_eq!(other.does(&format!("open {word}")), NINES, "by its descriptor");
    let Some(mut third) = sharer_of(NOBODY) else { return };
    owner.does("undumpable");
    let refusal = third.does(&format!("open {word}"));
    assert!(refusal.starts_with("NotAllowed"), "{refusal}");
    // (UMF defect D13: what could not be opened left an entry.)
    assert_eq!(third.does("get ipc.stats.open"), "0");
    let next = owner.does("allocate 4096 4096 5");
    assert_eq!(other.does(&format!("open {next}")), "(5, 5)", "it is mapped already");
    owner.does("serve");
    assert_eq!(third.does(&format!("open {word}")), NINES, "found by itself");
    [owner, other, third].into_iter().for_each(Peer::finish);
}

#[test]
fn a_handover_may_be_at_a_path() {
    let dir = Directory::new("ipc-path");
    let path = dir.path().join("socket");
    let (mut owner, word) = owner_of(sharer(), "memfd");
    let path = path.display();
    assert_eq!(owner.does(&format!("serve {path}")), path.to_string());
    assert!(owner.does(&format!("serve {path}")).starts_with("System { call: \"bind\""));
    let mut other = sharer();
    assert_eq!(other.does(&format!("receive {path}")), "1");
    owner.finish();
    assert_eq!(dir.names(), [""; 0], "the socket goes with its server");
    assert_eq!(other.does(&format!("open {word}")), NINES);
    other.finish();
}

#[test]
fn other_users_are_left_alone_unless_they_are_trusted() {
    let (Some(owner), Some(mut other)) = (sharer_of(NOBODY), sharer_of(SOMEBODY)) else { return };
    let (mut owner, word) = owner_of(owner, "memfd");
    let address = owner.does("serve");
    let refusal = other.does(&format!("open {word}"));
    assert!(refusal.starts_with("NotAllowed"), "{refusal}");
    let refusal = other.does(&format!("receive {address}"));
    assert_eq!(refusal, format!("ForeignPeer {{ pid: {}, uid: {NOBODY} }}", owner.pid()));
    other.does(&format!("trust {NOBODY}"));
    let refusal = other.does(&format!("receive {address}"));
    assert!(!refusal.starts_with('1'), "the owner trusts nobody else: {refusal}");
    owner.does(&format!("trust {SOMEBODY}"));
    assert_eq!(other.does(&format!("receive {address}")), "1");
    assert_eq!(other.does(&format!("open {word}")), NINES);
    // The superuser may take any descriptor, but not be led to take anybody's memory.
    let error = ipc::open(&from_word(&word)).expect_err("another user's");
    assert_eq!(error, IpcError::ForeignOwner { uid: NOBODY });
    owner.finish();
    other.finish();
}

#[test]
fn an_owner_in_another_pid_namespace_hands_memory_over() {
    let Some(mut inside) = Elsewhere::start(View::PidsAndProc, &["share"]) else { return };
    let owner = &mut inside.peer;
    assert_eq!(owner.does("provider memfd"), "made");
    let word = owner.does("allocate 4096 4096 9");
    let mut other = sharer();
    let refusal = other.does(&format!("open {word}"));
    let has_no_such = refusal.starts_with("OwnerGone") || refusal.starts_with("NotAllowed");
    assert!(has_no_such, "its id is another's here: {refusal}");
    let address = owner.does("serve");
    assert!(address.starts_with('@'), "{address}");
    assert_eq!(other.does(&format!("receive {address}")), "1");
    assert_eq!(other.does(&format!("open {word}")), NINES);
    other.finish();
}

#[test]
fn a_handle_is_valid_until_it_was_put_back_as_often_as_it_was_got() {
    let (mut owner, word) = owner_of(sharer(), "memfd");
    let mut other = sharer();
    assert_eq!(owner.does("again 0"), format!("{word:?}"), "the same handle");
    assert_eq!(other.does(&format!("open {word}")), NINES);
    assert_eq!(owner.does("put 0"), "false");
    assert_eq!(other.does(&format!("open {word}")), NINES);
    assert_eq!(owner.does("put 0"), "true");
    assert_eq!(other.does(&format!("open {word}")), "Withdrawn", "though it is mapped");
    let mut third = sharer();
    assert_eq!(third.does(&format!("open {word}")), "Withdrawn");
    third.finish();
    assert_eq!(owner.does("put 0"), "NotOffered");
    assert_eq!(ipc::put(&from_word(&word)), Err(IpcError::NotOffered), "another's");
    assert_eq!(other.does("read 1"), NINES, "what is open stays open");
    let newer = owner.does("again 0");
    assert_eq!(other.does(&format!("open {}", newer.trim_matches('"'))), NINES);
    assert_eq!(other.does(&format!("open {word}")), "Withdrawn");
    owner.finish();
    other.finish();
}

/// (UMF defect D4: a handle of memory that was given back, cut or merged named what was
/// there before.)
#[test]
fn handles_of_freed_memory_are_never_those_of_what_comes_after() {
    for kind in ["memfd", "coarse"] {
        comes_and_goes(kind);
    }
}

fn comes_and_goes(kind: &str) {
    let mut owner = sharer();
    owner.does(&format!("provider {kind}"));
    let mut other = sharer();
    let mut stale = Vec::new();
    for round in 0..20 {
        let size = 4096 * (1 + round % 4);
        let word = owner.does(&format!("allocate {size} 4096 {round}"));
        assert_eq!(other.does(&format!("open {word}")), format!("({round}, {round})"));
        for old in &stale {
            assert_eq!(other.does(&format!("open {old}")), "Withdrawn");
        }
        if round % 3 != 2 {
            assert_eq!(owner.does(&format!("free {round}")), "1");
            stale.push(word);
        }
    }
    assert_eq!(owner.does("get ipc.stats.offered"), "6");
    owner.finish();
    other.finish();
}

/// (UMF defect D4: what was cut or merged was opened as what it had been before.)
#[test]
fn what_was_split_and_merged_is_opened_as_what_it_is() {
    for kind in ["memfd", "coarse"] {
        let mut owner = sharer();
        owner.does(&format!("provider {kind}"));
        let whole = from_word(&owner.does("allocate 16384 4096 7"));
        let high = from_word(&owner.does("split 0 4096"));
        let again = |owner: &mut Peer| from_word(owner.does("again 0").trim_matches('"'));
        let low = again(&mut owner);
        for (handle, from, len) in [(whole, 0, 16384), (low, 0, 4096), (high, 4096, 12288)] {
            assert_eq!((handle.offset() - whole.offset(), handle.len()), (from, len), "{kind}");
            assert_eq!(ends(&ipc::open(&handle).expect("offered")), (7, 7), "{kind}");
        }
        // What the freed part is in is gone, too; the other part is as it was.
        assert_eq!(owner.does("free 1"), "2");
        for handle in [whole, high] {
            assert_eq!(ipc::open(&handle).expect_err("freed"), IpcError::Withdrawn, "{kind}");
        }
        assert_eq!(ends(&ipc::open(&low).expect("offered")), (7, 7));
        owner.does("free 0");
        owner.does("allocate 8192 4096 8");
        owner.does("split 2 4096");
        assert_eq!(owner.does("merge 2 3"), "merged");
        let merged = from_word(owner.does("again 2").trim_matches('"'));
        let opened = ipc::open(&merged).expect("offered");
        assert_eq!((opened.len(), ends(&opened)), (8192, (8, 8)), "{kind}");
        owner.finish();
    }
}

/// (UMF defect D11: opening what came to stand at the same address unmapped memory that was
/// in use.)
#[test]
fn what_is_open_stays_when_its_owner_takes_other_memory() {
    let (mut owner, first) = owner_of(sharer(), "memfd");
    let mut other = sharer();
    assert_eq!(other.does(&format!("open {first}")), NINES);
    assert_eq!(other.does("set ipc.max_opened_handles 1"), "()");
    owner.does("free 0");
    owner.does("provider memfd");
    let second = owner.does("allocate 4096 4096 34");
    assert_eq!(other.does(&format!("open {second}")), "(34, 34)");
    assert_eq!(other.does("get ipc.stats.in_use"), "2");
    assert_eq!(other.does("read 0"), "(0, 0)", "given back, but mapped");
    assert_eq!(other.does("read 1"), "(34, 34)");
    owner.finish();
    other.finish();
}

#[test]
fn what_was_closed_cannot_be_closed_again() {
    let (owner, word) = owner_of(sharer(), "memfd");
    let mut other = sharer();
    assert_eq!(other.does(&format!("raw {word}")), "open");
    assert_eq!(other.does(&format!("raw {word}")), "open");
    assert_eq!(other.does("close_raw 0"), "()");
    assert_eq!(other.does("get ipc.stats.in_use"), "1");
    assert_eq!(other.does("close_raw 1"), "()");
    assert!(other.does("close_raw 1").starts_with("NotOpen"));
    assert_eq!(other.does("get ipc.stats.in_use"), "0");
    assert_eq!(other.does("maps anymem"), "2", "the file and its owner's ledger");
    assert_eq!(other.does("trim"), "1");
    assert_eq!(other.does("maps anymem"), "0");
    assert!(other.does("close_raw 0").starts_with("NotOpen"));
    owner.finish();
    other.finish();
}

/// A pool of each kind over memory that is shared.
fn pools() -> Vec<PoolHandle> {
    let memory = || Tracked::new(Arc::from(provider(&["memfd"]))).expect("room");
    let size = Size::mib(64);
    let mut pools = vec![
        PoolHandle::new(DisjointOptions::new().build(memory()).expect("a pool")),
        PoolHandle::new(ThreadLocalPool::new(memory(), size).expect("a pool")),
        PoolHandle::new(ScalablePagePool::new(memory(), size).expect("a pool")),
        PoolHandle::new(ProxyOptions::new().build(memory())),
        PoolHandle::new(LinkedListPool::new(memory()).expect("a pool")),
    ];
    match ScalableOptions::new().build(memory()) {
        Ok(pool) => pools.push(PoolHandle::new(pool)),
        Err(_) => skip("tbb", "libtbbmalloc.so.2"),
    }
    pools
}

#[test]
fn blocks_of_any_pool_are_opened_until_their_memory_is_given_back() {
    for pool in pools() {
        let name = pool.name().to_owned();
        let mut other = sharer();
        let blocks: Vec<_> = (1..=60_u8)
            .map(|byte| {
                let size = usize::from(byte) * usize::from(byte) * 97 + 1;
                let layout = Layout::from_size_align(size, 64 << (byte % 7)).expect("a layout");
                let block = pool.allocate(layout).expect("memory");
                // SAFETY: the block is that long, and nobody else's.
                unsafe { block.write_bytes(byte, pool.usable_size(block).expect("live")) };
                let word = to_word(&ipc::get_block(block).expect("it is shared"));
                assert_eq!(other.does(&format!("open {word}")), format!("({byte}, {byte})"));
                (block, word)
            })
            .collect();
        assert_eq!(other.does("get ipc.stats.open"), "1", "{name}: one mapping for all");
        for (block, _) in &blocks {
            // SAFETY: nobody uses the blocks any more.
            unsafe { pool.free(*block) }.expect("live");
        }
        pool.trim(0);
        drop(pool);
        for (_, word) in &blocks {
            assert_eq!(other.does(&format!("open {word}")), "Withdrawn", "{name}");
        }
        let error = ipc::get_block(blocks[0].0).expect_err("nobody's");
        // Memory of another test that nobody shares may be there by now.
        let is_refused = matches!(error, IpcError::Pool(_) | IpcError::NotShareable { .. });
        assert!(is_refused, "{name}: {error}");
        other.finish();
    }
}

/// (UMF defect D22, as far as the host goes: memory of kinds that cannot be shared was offered
/// all the same.)
#[test]
fn only_memory_that_can_be_shared_is() {
    let malloc = Tracked::new(Arc::new(MallocProvider::new())).expect("memory");
    let pool = PoolHandle::new(DisjointOptions::new().build(malloc).expect("a pool"));
    let block = pool.allocate(Layout::new::<u64>()).expect("memory");
    let error = ipc::get_block(block).expect_err("the C library's");
    assert_eq!(error, IpcError::NotShareable { provider: "malloc".into() });
    // SAFETY: nobody uses the block.
    unsafe { pool.free(block) }.expect("live");
    let private = provider(&["private"]);
    let span = private.allocate(4096, 4096).expect("memory");
    let error = ipc::get_from(&*private, span).expect_err("private");
    assert!(matches!(error, IpcError::NotShareable { .. }), "{error}");
    // SAFETY: nobody uses the span.
    unsafe { private.free(span) }.expect("it was handed out");
    let shared = provider(&["memfd"]);
    for span in [span, Span::new(span.start, 0)] {
        let error = ipc::get_from(&*shared, span).expect_err("another's, or nothing");
        assert!(matches!(error, IpcError::Provider(_)), "{error}");
    }
}

#[test]
fn a_process_opens_what_it_offers_itself() {
    let shared = provider(&["memfd"]);
    let span = shared.allocate(8192, 4096).expect("memory");
    // SAFETY: the span is new and that long.
    unsafe { span.start.write_bytes(6, span.len) };
    let middle = Span::new(span.start.map_addr(|at| at.saturating_add(1000)), 3000);
    let handle = ipc::get_from(&*shared, middle).expect("shared");
    let opened = ipc::open(&handle).expect("offered");
    assert_eq!((opened.len(), ends(&opened)), (3000, (6, 6)));
    assert_ne!(opened.as_ptr(), middle.start, "mapped once more");
    assert_eq!(ipc::put(&handle), Ok(true));
    assert_eq!(ipc::open(&handle).expect_err("put back"), IpcError::Withdrawn);
    // SAFETY: nobody uses the span.
    unsafe { shared.free(span) }.expect("it was handed out");
}

#[test]
fn memory_for_reading_is_opened_for_reading() {
    let dir = Directory::new("ipc-read");
    let path = dir.path().join("file");
    let options = FileOptions::new().access(Access::READ);
    std::fs::write(&path, vec![4_u8; 4096]).expect("writable");
    let Ok(file) = options.open(&path) else { panic!("it can be read") };
    let span = file.adopt(0, 4096).expect("it was there");
    let handle = ipc::get_from(&file, span).expect("shared");
    assert!(!handle.writable());
    let opened = ipc::open(&handle).expect("offered");
    assert_eq!((opened.writable(), ends(&opened)), (false, (4, 4)));
}

#[test]
fn a_forked_child_offers_for_itself() {
    let mut forking = Peer::start(&["fork"]);
    assert_eq!(forking.hear(), "0 Ok((0, 0))");
    forking.finish();
}

#[test]
fn a_process_that_dies_leaves_nothing() {
    let (mut owner, word) = owner_of(sharer(), "memfd");
    let address = owner.does("serve");
    let files = owner.does("files /");
    for _ in 0..3 {
        let mut other = sharer();
        assert_eq!(other.does(&format!("receive {address}")), "1");
        assert_eq!(other.does(&format!("open {word}")), NINES);
        other.kill();
    }
    let mut last = sharer();
    assert_eq!(last.does(&format!("receive {address}")), "1", "still served");
    last.finish();
    assert_eq!(owner.does("files /"), files);
    assert_eq!(owner.does("put 0"), "true");
    owner.finish();
}

/// A file that is mostly holes, and grows.
struct Sparse {
    backend: std::fs::File,
    base: Span,
}

mod sparse {
    use std::os::fd::FromRawFd;
    use std::os::unix::fs::MetadataExt;
    use std::ptr::NonNull;

    use anymem::backend::FileId;
    use anymem::provider::{FileRange, ProviderError, Share, SharedName};

    use super::*;

    impl Sparse {
        /// One that pretends to be mapped from an address on that nobody uses.
        pub(super) fn new(sealed: bool) -> Self {
            // SAFETY: the name ends in a zero byte; the descriptor is nobody else's.
            let backend = unsafe {
                let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
                std::fs::File::from_raw_fd(libc::memfd_create(c"sparse".as_ptr(), flags))
            };
            if sealed {
                let fd = std::os::fd::AsRawFd::as_raw_fd(&backend);
                // SAFETY: the descriptor is open.
                let sealed = unsafe { libc::fcntl(fd, libc::F_ADD_SEALS, libc::F_SEAL_SHRINK) };
                assert_eq!(sealed, 0);
            }
            let base = NonNull::new(std::ptr::without_provenance_mut(4096)).expect("not 0");
            let base = Span::new(base, 0);
            Self { backend, base }
        }

        pub(super) fn at(&self, offset: usize, len: usize) -> Span {
            Span::new(self.base.start.map_addr(|it| it.saturating_add(offset)), len)
        }
    }

    impl Share for Sparse {
        fn file_of(&self, span: Span) -> Result<FileRange<'_>, ProviderError> {
            let found = self.backend.metadata().expect("open");
            Ok(FileRange {
                file: self.backend.as_fd(),
                id: FileId { device: found.dev(), inode: found.ino() },
                name: SharedName::Anonymous,
                offset: (span.addr() - self.base.addr()) as u64,
                len: span.len,
                writable: true,
            })
        }
    }
}

#[test]
fn a_file_that_grows_is_mapped_anew_while_the_old_is_in_use() {
    const FAR: usize = 5 << 30;
    let sparse = Sparse::new(true);
    sparse.backend.set_len(4096).expect("short");
    let near = ipc::get(&sparse, sparse.at(0, 100)).expect("offered");
    let far = ipc::get(&sparse, sparse.at(FAR, 100)).expect("offered");
    let first = ipc::open(&near).expect("there");
    let error = ipc::open(&far).expect_err("not there yet");
    assert_eq!(error, IpcError::BeyondFile { offset: FAR as u64, len: 100, size: 4096 });
    sparse.backend.set_len(FAR as u64 + 4096).expect("long");
    let first_at = first.as_ptr();
    let second = ipc::open(&far).expect("there now");
    let third = ipc::open(&near).expect("still there");
    // SAFETY: the blocks are open, and nobody else uses them.
    unsafe {
        first.as_ptr().write(1);
        second.as_ptr().write(2);
        assert_eq!((third.as_ptr().read(), second.as_ptr().read()), (1, 2));
    }
    // Not its address: memory of another test may be there next.
    let at_old = || ipc::find(first_at).map(|it| it.id);
    let old = at_old().expect("open");
    drop(first);
    assert_ne!(at_old(), Some(old), "the last user of the old mapping is gone");
    assert!(ipc::find(second.as_ptr()).is_some_and(|it| it.span.contains(third.as_ptr())));
}

#[test]
fn memory_that_may_shrink_is_refused() {
    let sparse = Sparse::new(false);
    sparse.backend.set_len(4096).expect("short");
    let handle = ipc::get(&sparse, sparse.at(0, 100)).expect("offered");
    let error = ipc::open(&handle).expect_err("it may shrink");
    assert_eq!(error, IpcError::Unsealed { pid: std::process::id() });
}

#[test]
fn threads_open_and_close_together() {
    let shared: Vec<_> = (0..3).map(|_| provider(&["memfd"])).collect();
    let handles: Vec<_> = (0..)
        .zip(&shared)
        .map(|(byte, shared)| {
            let span = shared.allocate(4096, 4096).expect("memory");
            // SAFETY: the span is new and that long.
            unsafe { span.start.write_bytes(byte, span.len) };
            ipc::get_from(&**shared, span).expect("shared")
        })
        .collect();
    let tree = anymem::control::Tree::global();
    tree.set("ipc.max_opened_handles", 1_u64).expect("settable");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let handles = &handles;
            scope.spawn(move || {
                for turn in 0..500 {
                    let which = (turn * (thread + 1)) % handles.len();
                    let block = ipc::open(&handles[which]).expect("offered");
                    assert_eq!(ends(&block), (which as u8, which as u8));
                }
            });
        }
    });
    tree.set("ipc.max_opened_handles", 0_u64).expect("settable");
    for handle in &handles {
        assert_eq!(ipc::put(handle), Ok(true));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever becomes of its bytes, a handle is the same or an error.
    #[test]
    fn changed_bytes_are_no_handle(
        changes in prop::collection::vec((0_usize..64, 1_u8..), 1..8),
    ) {
        let sparse = Sparse::new(true);
        sparse.backend.set_len(4096).expect("short");
        let handle = ipc::get(&sparse, sparse.at(64, 100)).expect("offered");
        let mut bytes = handle.to_bytes();
        for (at, flip) in changes {
            bytes[at] ^= flip;
        }
        match IpcHandle::from_bytes(&bytes) {
            Ok(same) => prop_assert_eq!(same, handle),
            Err(error) => {
                use IpcError::{NotAHandle, OtherVersion};
                let is_none = matches!(error, NotAHandle { .. } | OtherVersion { .. });
                prop_assert!(is_none, "{}", error);
            }
        }
        prop_assert_eq!(ipc::put(&handle), Ok(true));
    }
}
