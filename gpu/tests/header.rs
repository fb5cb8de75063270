//! `anymem.cuh`, compiled on this machine: its words are where Rust has them, it does in C++ and
//! another process what kernels do, and it is code that devices can have.

#[path = "../../std-adapters/tests/lacking/mod.rs"]
mod lacking;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use anymem::container::{PopError, ShmList, ShmMpsc, ShmSafe, ShmVec};
use anymem::{SharedHeap, Size};
use anymem_core::allocator::Allocator;
use anymem_core::offset::Offset;
use anymem_gpu::kernels::{Arena, Chain, HEADER};
use anymem_tests::{Directory, Name};

const OUT_OF_HEAP: u64 = 1;
const MISALIGNED: u64 = 2;
const ENDLESS: u64 = 3;
const DAMAGED: u64 = 4;
const FULL: u64 = 5;
const CLOSED: u64 = 6;

/// A directory with the header and a source, and what is compiled of it.
struct Source {
    directory: Directory,
    name: &'static str,
}

impl Source {
    fn new(name: &'static str, text: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let tag = format!("header.{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = Directory::below(&std::env::temp_dir(), &tag);
        fs::write(directory.path().join("anymem.cuh"), HEADER).expect("room");
        fs::write(directory.path().join(name), text).expect("room");
        Self { directory, name }
    }

    /// Compiles it; the place of what comes out, or `None` where there is no such compiler.
    fn compile(&self, compiler: &str, options: &[&str]) -> Option<PathBuf> {
        let out = self.directory.path().join("out");
        let mut command = Command::new(compiler);
        command.args(["-std=c++14", "-Wall", "-Wextra", "-Werror", "-O2"]).args(options);
        command.args([self.name, "-o", "out"]).current_dir(self.directory.path());
        let Ok(done) = command.output() else {
            lacking::skip("c++", compiler);
            return None;
        };
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{command:?}: {said}");
        Some(out)
    }
}

#[test]
fn words_are_where_rust_has_them() {
    let (vec, list) = (ShmVec::<u64>::WORDS, ShmList::<u64>::WORDS);
    let (ring, states) = (ShmMpsc::<u64>::WORDS, ShmMpsc::<u64>::WORDS.states);
    let big = ShmMpsc::<[u64; 5]>::WORDS;
    let facts = [
        ("sizeof(anymem::Vec<uint64_t>)", vec.bytes),
        ("offsetof(anymem::Vec<uint64_t>, at)", vec.at),
        ("offsetof(anymem::Vec<uint64_t>, capacity)", vec.capacity),
        ("offsetof(anymem::Vec<uint64_t>, len)", vec.len),
        ("sizeof(anymem::List<uint64_t>)", list.bytes),
        ("offsetof(anymem::List<uint64_t>, head)", list.head),
        ("offsetof(anymem::List<uint64_t>, len)", list.len),
        ("anymem::LIST_CHANGING", list.changing),
        ("sizeof(anymem::ListNode<uint64_t>)", list.node_bytes),
        ("offsetof(anymem::ListNode<uint64_t>, next)", list.next),
        ("offsetof(anymem::ListNode<uint64_t>, value)", list.value),
        ("sizeof(anymem::ListNode<uint8_t>)", ShmList::<u8>::WORDS.node_bytes),
        ("offsetof(anymem::ListNode<uint8_t>, value)", ShmList::<u8>::WORDS.value),
        ("sizeof(anymem::Mpsc<uint64_t>)", ring.bytes),
        ("offsetof(anymem::Mpsc<uint64_t>, at)", ring.at),
        ("offsetof(anymem::Mpsc<uint64_t>, log)", ring.log),
        ("sizeof(anymem::Slot<uint64_t>)", ring.slot_bytes),
        ("offsetof(anymem::Slot<uint64_t>, state)", ring.state),
        ("offsetof(anymem::Slot<uint64_t>, value)", ring.value),
        ("sizeof(anymem::Slot<Big>)", big.slot_bytes),
        ("offsetof(anymem::Slot<Big>, value)", big.value),
        ("anymem::ring::slots<uint64_t>()", ring.slots),
        ("anymem::ring::slots<Big>()", big.slots),
        ("anymem::ring::TAIL", ring.tail),
        ("anymem::ring::SIGNAL", ring.signal),
        ("anymem::ring::CLOSED", ring.closed),
        ("anymem::ring::GIVEN", ring.given),
        ("anymem::ring::HOLDS", states.holds),
        ("anymem::ring::NOTHING", states.nothing),
        ("anymem::ring::WRITING", states.writing),
        ("anymem::ring::VALUE", states.value),
        ("anymem::ring::READING", states.reading),
        ("anymem::ring::END", states.end),
        ("anymem::ring::SEAT_BIT", states.seat_bit as usize),
        ("anymem::ring::LAP_BIT", states.lap_bit as usize),
        ("sizeof(anymem::Arena)", size_of::<Arena>()),
        ("sizeof(anymem::Chain)", size_of::<Chain>()),
    ];
    let mut text = String::from("#include \"anymem.cuh\"\nstruct Big { uint64_t words[5]; };\n");
    for (what, wanted) in facts {
        writeln!(text, "static_assert({what} == {wanted}u, \"{what}\");").expect("memory");
    }
    for compiler in ["g++", "clang++"] {
        let source = Source::new("words.cpp", &text);
        _ = source.compile(compiler, &["-Wpedantic", "-Wno-invalid-offsetof", "-c"]);
    }
}

#[test]
fn devices_can_have_it() {
    let text = include_str!("header/device.cu");
    let nvidia = ["-x", "cuda", "--cuda-gpu-arch=sm_70", "-nocudainc", "-nocudalib"];
    let amd = ["-x", "hip", "--offload-arch=gfx90a", "-nogpuinc", "-nogpulib"];
    for (options, target, wanted) in
        [(&nvidia, "nvptx64", "atom.acq_rel.sys.cas.b64"), (&amd, "amdgcn", "atomic_cmpswap_x2")]
    {
        let source = Source::new("device.cu", text);
        if !targets().contains(target) {
            lacking::skip("c++", &format!("clang++ for {target}"));
            continue;
        }
        let all = [&options[..], &["--cuda-device-only", "-S"]].concat();
        let Some(out) = source.compile("clang++", &all) else { continue };
        let assembly = fs::read_to_string(out).expect("text");
        assert!(assembly.contains(wanted), "{target}: {assembly}");
    }
}

/// What clang++ compiles for.
fn targets() -> String {
    let said = Command::new("clang++").arg("--print-targets").output();
    said.map(|said| String::from_utf8_lossy(&said.stdout).into_owned()).unwrap_or_default()
}

/// A heap, and a program in C++ that has it mapped, too.
struct Both {
    _source: Source,
    program: PathBuf,
    heap: SharedHeap,
    _name: Name,
}

impl Both {
    fn new() -> Option<Self> {
        let source = Source::new("program.cpp", include_str!("header/program.cpp"));
        let program = source.compile("g++", &["-Wpedantic", "-pthread"])?;
        let name = Name::new();
        let heap = SharedHeap::create(&name, Size::mib(4)).expect("room");
        Some(Self { _source: source, program, heap, _name: name })
    }

    /// A value in the heap.
    fn root<T: ShmSafe + Send + Sync>(
        &self,
        name: &str,
        make: impl Fn(&SharedHeap) -> Result<T, anymem::container::ContainerError>,
    ) -> &T {
        self.heap.root_or_create(name, make).expect("room")
    }

    fn at<T>(&self, value: &T) -> u64 {
        let at = self.heap.offset_of(NonNull::from(value).cast());
        at.expect("in the heap").get() as u64
    }

    /// Runs the program: why it stopped, a sum, and how many elements that took.
    fn run(&self, what: &str, numbers: &[u64]) -> [u64; 3] {
        let path = self.heap.path().expect("it has a name");
        let mut command = Command::new(&self.program);
        command.arg(path).arg(what).args(numbers.iter().map(u64::to_string));
        let done = command.output().expect("started");
        let said = String::from_utf8_lossy(&done.stdout);
        let mut words = said.split_whitespace().map(|word| word.parse().expect("a number"));
        let found = [words.next(), words.next(), words.next()];
        found.map(|word| word.unwrap_or_else(|| panic!("{command:?}: {done:?}")))
    }

    /// The word at an offset of the heap.
    fn word(&self, at: u64) -> &AtomicU64 {
        let place = self.heap.resolve(Offset::new(at as usize), 8).expect("in the heap");
        // SAFETY: in the heap and a multiple of 8; nobody else of this process uses it.
        unsafe { AtomicU64::from_ptr(place.as_ptr().cast()) }
    }

    /// Writes a word, has `look` look, and writes what was there before.
    fn with<R>(&self, at: u64, value: u64, look: impl FnOnce() -> R) -> R {
        let before = self.word(at).swap(value, Ordering::SeqCst);
        let seen = look();
        self.word(at).store(before, Ordering::SeqCst);
        seen
    }
}

fn numbers(heap: &SharedHeap) -> Result<ShmVec<u64>, anymem::container::ContainerError> {
    ShmVec::from_slice_in(&(0..5000).collect::<Vec<_>>(), heap)
}

#[test]
fn another_process_reads_what_rust_built() {
    let Some(both) = Both::new() else { return };
    let list = both.root("list", |heap| ShmList::from_iter_in(1..=100_u64, heap));
    let vec = both.root("vec", numbers);
    assert_eq!(both.run("list", &[both.at(list)]), [0, 5050, 100]);
    assert_eq!(both.run("vec", &[both.at(vec)]), [0, 5000 * 4999 / 2, 5000]);
    let empty = both.root("empty", |heap| Ok(ShmList::<u64>::new_in(heap)));
    assert_eq!(both.run("list", &[both.at(empty)]), [0; 3]);
}

#[test]
fn rust_reads_what_another_process_built() {
    let Some(both) = Both::new() else { return };
    let (vec, chain) = (both.root("vec", numbers), both.root("chain", |_| Ok(Chain::new())));
    let arena = both.root("arena", |heap| Arena::new_in(16 * 5001, heap));
    chain.push(arena, 5000).expect("room");
    let build = [4, both.at(chain), both.at(arena), both.at(vec)];
    assert_eq!(both.run("build", &build), [0, 5000 * 4999 / 2, 5000]);
    let found: BTreeSet<u64> = chain.iter(arena).map(|value| value.expect("whole")).collect();
    assert!(found.into_iter().eq(0..=5000));
    assert_eq!(both.run("chain", &[both.at(chain)]), [0, 5001 * 5000 / 2, 5001]);
    assert_eq!(both.run("build", &build)[0], FULL);
}

#[test]
fn another_process_pushes_while_rust_pushes_and_pops() {
    let Some(both) = Both::new() else { return };
    let vec = both.root("vec", numbers);
    let ring = both.root("ring", |heap| ShmMpsc::new_in(32, heap));
    let seat = ring.seat().expect("free") as u64;
    let push = |tries| [4, both.at(ring), both.at(vec), seat, tries, 1];
    let found = std::thread::scope(|scope| {
        let popping = scope.spawn(|| {
            let mut consumer = ring.consumer().expect("nobody's");
            (0..6000).map(|_| consumer.pop().expect("open")).collect::<BTreeSet<u64>>()
        });
        scope.spawn(|| (5000..6000).for_each(|value| ring.push(value).expect("open")));
        assert_eq!(both.run("push", &push(1 << 40)), [0, 5000 * 4999 / 2, 5000]);
        popping.join().expect("popped")
    });
    assert!(found.into_iter().eq(0..6000));
    let [why, _, pushed] = both.run("push", &push(0));
    assert_eq!((why, pushed), (FULL, 32));
    let mut consumer = ring.consumer().expect("free");
    consumer.close();
    assert_eq!(both.run("push", &push(0)), [CLOSED, 0, 0]);
    assert_eq!(std::iter::from_fn(|| consumer.try_pop().ok()).count(), 32);
    assert_eq!(consumer.try_pop(), Err(PopError::Closed));
}

#[test]
fn damage_is_told_as_by_kernels() {
    let Some(both) = Both::new() else { return };
    let list = both.root("list", |heap| ShmList::from_iter_in(1..=3_u64, heap));
    let (vec, ring) =
        (both.root("vec", numbers), both.root("ring", |heap| ShmMpsc::<u64>::new_in(4, heap)));
    let (list_at, vec_at, ring_at) = (both.at(list), both.at(vec), both.at(ring));
    let len = both.heap.size().get() as u64;
    let sum = || both.run("list", &[list_at])[0];
    let head = list_at + ShmList::<u64>::WORDS.head as u64;
    for outside in [len, len - 16, !7, 1 << 63] {
        assert_eq!(both.with(head, outside, sum), OUT_OF_HEAP, "{outside:#x}");
    }
    let first = both.word(head).load(Ordering::SeqCst);
    assert_eq!(both.with(head, first + 4, sum), MISALIGNED);
    assert_eq!(both.with(first, first, sum), ENDLESS);
    let sum = || both.run("vec", &[vec_at])[0];
    assert_eq!(both.with(vec_at + ShmVec::<u64>::WORDS.len as u64, u64::MAX, sum), DAMAGED);
    assert_eq!(both.with(vec_at + ShmVec::<u64>::WORDS.at as u64, len - 8, sum), OUT_OF_HEAP);
    let push = || both.run("push", &[1, ring_at, vec_at, 0, 0, 0])[0];
    assert_eq!(both.with(ring_at + ShmMpsc::<u64>::WORDS.log as u64, 39, push), DAMAGED);
    assert_eq!(both.with(ring_at + ShmMpsc::<u64>::WORDS.at as u64, len - 8, push), DAMAGED);
}
